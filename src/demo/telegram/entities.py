"""Text with entities as Telegram takes it: offsets in UTF-16 units, what may nest in what, what is cut off. Pure."""

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from src.demo.telegram.errors import bad_request
from src.demo.telegram.links import WrongLink, checked_link, link_user_id

# core.telegram.org/bots/api#formatting-options: "Entities must not be nested in pre and code", ...
SPLITTABLE = ("bold", "italic", "underline", "strikethrough", "spoiler")
QUOTES = ("blockquote", "expandable_blockquote")
CODE = ("code", "pre")
# Telegram finds these itself and ignores them when they are sent.
AUTOMATIC = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number")
SENT = (*SPLITTABLE, *QUOTES, *CODE, "text_link", "text_mention", "custom_emoji", "date_time")
# core.telegram.org/bots/api#sendmessage names no number; the server keeps the first hundred and ignores the rest.
MAX_ENTITIES = 100


@dataclass(frozen=True, slots=True)
class Entity:
    """A stretch of a text that is more than text; `offset` and `length` count UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None
    user_id: int | None = None
    custom_emoji_id: str | None = None
    unix_time: int | None = None
    date_time_format: str | None = None

    @property
    def end(self) -> int:
        """The first unit behind it."""
        return self.offset + self.length


def units(text: str) -> int:
    """Length in UTF-16 units, which is what Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def part(text: str, entity: Entity) -> str:
    """The words that an entity covers."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[entity.offset * 2 : entity.end * 2].decode("utf-16-le", "replace")


def in_order(entities: Iterable[Entity]) -> list[Entity]:
    """Outer before inner, left before right."""
    rank = {kind: index for index, kind in enumerate((*QUOTES, "text_link", *SPLITTABLE))}
    return sorted(entities, key=lambda e: (e.offset, -e.length, rank.get(e.type, len(rank))))


def from_json(raw: str) -> tuple[Entity, ...]:
    """The parameter `entities`, read as the Bot API server reads it; raises Refusal with its words."""
    try:
        items = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise bad_request("can't parse entities JSON object") from error
    if not isinstance(items, list):
        return ()
    try:
        read = [_entity(item) for item in items]
    except _WrongEntity as error:
        raise bad_request(f"can't parse MessageEntity: {error}") from error
    return tuple(entity for entity in read if entity is not None)


class _WrongEntity(ValueError):
    pass


def _entity(item: object) -> Entity | None:
    if not isinstance(item, dict):
        raise _WrongEntity("expected an Object")
    kind = item.get("type")
    if not isinstance(kind, str) or not kind:
        raise _WrongEntity("Type is not specified")
    offset, length = _number(item, "offset"), _number(item, "length")
    if kind in AUTOMATIC:
        return None
    if kind not in SENT:
        raise _WrongEntity("Unsupported type specified")
    return _with_details(Entity(kind, offset, length), item)


def _number(item: dict[str, object], name: str) -> int:
    number = item.get(name)
    if not isinstance(number, int) or isinstance(number, bool):
        raise _WrongEntity(f'Can\'t find field "{name}"')
    return number


def _with_details(entity: Entity, item: dict[str, object]) -> Entity | None:
    if entity.type == "text_link":
        link = item.get("url")
        if not isinstance(link, str) or not link:
            raise _WrongEntity('Can\'t find field "url"')
        user_id = link_user_id(link)
        if user_id is not None:
            return replace(entity, type="text_mention", user_id=user_id)
        try:
            return replace(entity, url=checked_link(link))
        except WrongLink as error:
            raise bad_request(f"entity {error}") from error
    if entity.type == "text_mention":
        user = item.get("user")
        if not isinstance(user, dict) or not isinstance(user.get("id"), int):
            raise _WrongEntity('Can\'t find field "user"')
        return replace(entity, user_id=user["id"])
    if entity.type == "pre":
        language = item.get("language")
        return replace(entity, language=language if isinstance(language, str) and language else None)
    if entity.type == "custom_emoji":
        emoji = item.get("custom_emoji_id")
        if not isinstance(emoji, str) or not emoji.isdigit():
            raise bad_request("invalid custom emoji identifier specified")
        return replace(entity, custom_emoji_id=emoji)
    if entity.type == "date_time":
        return _date_time(entity, item)
    return entity


def _date_time(entity: Entity, item: dict[str, object]) -> Entity:
    moment, style = item.get("unix_time"), item.get("date_time_format")
    if not isinstance(moment, int):
        raise _WrongEntity('Can\'t find field "unix_time"')
    return replace(entity, unix_time=moment, date_time_format=style if isinstance(style, str) else None)


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text as it is kept: cleaned, trimmed, entities in order; `dropped` says what Telegram silently left out."""

    text: str
    entities: tuple[Entity, ...] = ()
    dropped: tuple[str, ...] = ()


def tidy(text: str, entities: Sequence[Entity]) -> Formatted:
    """What Telegram keeps of a text and its entities; raises Refusal where it would answer 400.

    Control characters become spaces, white space around the text goes, entities that may not nest are left out.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise bad_request("strings must be encoded in UTF-8") from error
    dropped: list[str] = []
    if len(entities) > MAX_ENTITIES:
        dropped.append(f"{len(entities) - MAX_ENTITIES} entities behind the first {MAX_ENTITIES}")
        entities = entities[:MAX_ENTITIES]
    for entity in entities:
        _check_numbers(entity)
    kept = in_order(entity for entity in entities if entity.length)
    _check_borders(text, kept)
    nested = nest(kept, dropped)
    clean, kept = _cleaned(text, nested)
    return Formatted(*_trimmed(clean, kept), tuple(dropped))


def _check_numbers(entity: Entity) -> None:
    if not 0 <= entity.offset <= 1_000_000:
        raise bad_request(f"receive an entity with incorrect offset {entity.offset}")
    if not 0 <= entity.length <= 1_000_000:
        raise bad_request(f"receive an entity with incorrect length {entity.length}")


def _check_borders(text: str, entities: Sequence[Entity]) -> None:
    """Entities lie within the text and never split a surrogate pair."""
    starts, size, position = set(), 0, 0
    middles: dict[int, int] = {}
    for char in text:
        starts.add(size)
        size += 2 if ord(char) > 0xFFFF else 1
        position += len(char.encode())
        if ord(char) > 0xFFFF:
            middles[size - 1] = position
    for entity in entities:
        if entity.offset in middles:
            raise bad_request(f"entity begins in a middle of a UTF-16 symbol at byte offset {middles[entity.offset]}")
        if entity.offset >= size:
            raise bad_request(f"entity begins after the end of the text at UTF-16 offset {entity.offset}")
        beginning = f"entity beginning at UTF-16 offset {entity.offset}"
        if entity.end in middles:
            raise bad_request(f"{beginning} ends in a middle of a UTF-16 symbol at byte offset {middles[entity.end]}")
        if entity.end > size:
            raise bad_request(f"{beginning} ends after the end of the text at UTF-16 offset {entity.end}")


def nest(entities: Sequence[Entity], dropped: list[str]) -> list[Entity]:
    """Entities that may stand within each other; what Telegram leaves out is told in `dropped`.

    Links, mentions and code never hold or cross one another, quotes never nest, nothing stands in code.
    """
    quotes = _apart([e for e in entities if e.type in QUOTES], dropped)
    solid = _apart([e for e in entities if e.type not in QUOTES and e.type not in SPLITTABLE], dropped)
    within = []
    for entity in solid:
        if all(q.offset <= entity.offset and entity.end <= q.end for q in quotes if _overlap(q, entity)):
            within.append(entity)
        else:
            dropped.append(f"{entity.type} across the edge of a quote")
    soft = [e for e in entities if e.type in SPLITTABLE]
    return in_order([*quotes, *within, *_split(soft, [*quotes, *within], dropped)])


def _overlap(one: Entity, other: Entity) -> bool:
    return one.offset < other.end and other.offset < one.end


def _apart(entities: Sequence[Entity], dropped: list[str]) -> list[Entity]:
    kept: list[Entity] = []
    for entity in entities:
        if kept and entity.offset < kept[-1].end:
            dropped.append(f"{entity.type} inside {kept[-1].type}")
        else:
            kept.append(entity)
    return kept


def _split(soft: Sequence[Entity], hard: Sequence[Entity], dropped: list[str]) -> Iterator[Entity]:
    """Bold and its like: merged where they touch, cut out of code, cut at an edge that they would cross."""
    code = [entity for entity in hard if entity.type in CODE]
    for kind in SPLITTABLE:
        covered: set[int] = set()
        for entity in soft:
            if entity.type == kind:
                covered.update(range(entity.offset, entity.end))
        for entity in code:
            if covered.intersection(range(entity.offset, entity.end)):
                dropped.append(f"{kind} over {entity.type}")
            covered.difference_update(range(entity.offset, entity.end))
        for start, end in _runs(covered):
            yield from _pieces(Entity(kind, start, end - start), hard)


def _runs(covered: set[int]) -> Iterator[tuple[int, int]]:
    start = last = None
    for unit in sorted(covered):
        if last is None or unit != last + 1:
            if start is not None and last is not None:
                yield start, last + 1
            start = unit
        last = unit
    if start is not None and last is not None:
        yield start, last + 1


def _pieces(entity: Entity, hard: Sequence[Entity]) -> Iterator[Entity]:
    crossing = [h for h in hard if _overlap(h, entity) and not _one_holds_other(h, entity)]
    cuts = {edge for h in crossing for edge in (h.offset, h.end) if entity.offset < edge < entity.end}
    edges = [entity.offset, *sorted(cuts), entity.end]
    for start, end in itertools.pairwise(edges):
        yield replace(entity, offset=start, length=end - start)


def _one_holds_other(one: Entity, other: Entity) -> bool:
    return (one.offset <= other.offset and other.end <= one.end) or (
        other.offset <= one.offset and one.end <= other.end
    )


# Control characters become spaces; these vanish altogether: carriage return, line and paragraph separators,
# directional overrides and the combining vertical lines.
_GONE = {"\r", *map(chr, range(0x2028, 0x202F)), "\u0333", "\u033f", "\u030a"}


def _cleaned(text: str, entities: Sequence[Entity]) -> tuple[str, list[Entity]]:
    moved, kept, before, after = {}, [], 0, 0
    for char in text:
        moved[before] = after
        size = 2 if ord(char) > 0xFFFF else 1
        before += size
        if char in _GONE:
            continue
        kept.append(" " if char < " " and char != "\n" else char)
        after += size
    moved[before] = after
    shifted = (replace(e, offset=moved[e.offset], length=moved[e.end] - moved[e.offset]) for e in entities)
    return "".join(kept), [entity for entity in shifted if entity.length]


def _trimmed(text: str, entities: Sequence[Entity]) -> tuple[str, tuple[Entity, ...]]:
    """White space goes at both ends, in front only up to the first entity."""
    shorter = text.rstrip(" \n")
    if not shorter:
        raise bad_request("text must be non-empty")
    size = units(shorter)
    cut = [replace(e, length=min(e.length, size - e.offset)) for e in entities if e.offset < size]
    lead = len(shorter) - len(shorter.lstrip(" \n"))
    if cut:
        lead = min(lead, *(entity.offset for entity in cut))
    return shorter[lead:], tuple(in_order(replace(e, offset=e.offset - lead) for e in cut))
