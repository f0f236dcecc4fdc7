"""What Telegram finds in a text by itself: commands, mentions, hashtags, addresses. Pure."""

import re
from collections.abc import Iterator, Sequence

from src.demo.telegram.entities import QUOTES, SPLITTABLE, Entity, in_order, units

# Not the whole list of top-level domains: the ones that file names and forges run into (README.md becomes a link).
_TLD = "com|org|net|io|dev|app|md|py|sh|rs|me|ru|de|uk|eu|info|cc|ai|so|pl|ps|tv|co"
_PATTERNS = (
    ("url", re.compile(r"(?<![\w@./-])https?://[^\s<>\"']*[^\s<>\"'.,:;!?)\]}]", re.IGNORECASE)),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-zA-Z]{2,}(?![\w-])")),
    (
        "url",
        re.compile(
            rf"(?<![\w@./:-])(?:[a-z0-9-]+\.)+(?:{_TLD})(?:/[^\s<>\"']*[^\s<>\"'.,:;!?)\]}}])?(?![\w.-]\w)(?!\w)",
            re.IGNORECASE,
        ),
    ),
    ("bot_command", re.compile(r"(?<![\w/@.])/[a-zA-Z0-9_]{1,64}(?:@[a-zA-Z0-9_]{3,32})?(?![\w/@])")),
    ("mention", re.compile(r"(?<![\w@./])@[a-zA-Z][a-zA-Z0-9_]{1,31}(?!\w)")),
    ("hashtag", re.compile(r"(?<![\w#&/])#(?=\w*[^\W\d_])\w{1,256}(?![\w#])")),
)


def found(text: str) -> list[Entity]:
    """Entities that nobody wrote; they never overlap, the first kind in the list wins."""
    taken: list[Entity] = []
    for kind, pattern in _PATTERNS:
        taken.extend(entity for entity in _matches(kind, pattern, text) if not _hits(entity, taken))
    return in_order(taken)


def with_found(text: str, entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """The sender's entities and those that Telegram adds where no link, code or mention stands."""
    solid = [e for e in entities if e.type not in QUOTES and e.type not in SPLITTABLE]
    return tuple(in_order([*entities, *(e for e in found(text) if not _hits(e, solid))]))


def _matches(kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Entity]:
    for match in pattern.finditer(text):
        yield Entity(kind, units(text[: match.start()]), units(match.group()))


def _hits(entity: Entity, others: Sequence[Entity]) -> bool:
    return any(entity.offset < other.end and other.offset < entity.end for other in others)
