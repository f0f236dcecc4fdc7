"""What people wrote, read as Markdown: whom it mentions, and a plain excerpt. Pure."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

EXCERPT_LENGTH = 600
_OURS = "<!-- git-assistant:"
_MENTION = re.compile(
    r"(?<![\w.@/`+-])@([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?(?:/[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)*)"
)
# Bodies are at most some 60 KB on the forges; more than this is neither scanned nor quoted.
_SCANNED = 200_000
_PARSER = MarkdownIt("commonmark", {"maxNesting": 20}).enable(["table", "strikethrough"])


def mentions(text: str | None) -> tuple[str, ...]:
    """Names behind an @ (``login``, ``org/team``, ``group/sub``), first come first, each once.

    Code, quoted text, HTML and addresses do not mention anybody.
    """
    found: dict[str, str] = {}
    for piece in _prose(text, quotes=False):
        for name in _MENTION.findall(piece):
            found.setdefault(name.casefold(), name)
    return tuple(found.values())


def is_marked(text: str | None) -> bool:
    """Whether a text says in its last line, which no forge shows, that this program wrote it. Anybody can write so."""
    last = (text or "").rstrip().rpartition("\n")[2]
    return last.startswith(_OURS) and last.endswith("-->")


def excerpt(text: str | None, length: int = EXCERPT_LENGTH) -> str | None:
    """The beginning as plain text, quotes and HTML left out, at most `length` characters; `None` if nothing is left."""
    words: list[str] = []
    size = 0
    for piece in _prose(text, quotes=False, code=True):
        line = " ".join(piece.split())
        if line:
            words.append(line)
            size += len(line) + 1
        if size > length:
            break
    plain = "\n".join(words)
    if len(plain) > length:
        plain = plain[: length - 1].rstrip() + "…"
    return plain or None


def first_line(text: str | None) -> str:
    """A commit message's title."""
    return (text or "").strip().split("\n", 1)[0].strip()


def _prose(text: str | None, *, quotes: bool, code: bool = False) -> Iterator[str]:
    """The text of each block in turn, with code spans and blocks only where `code` says so."""
    if not text:
        return
    quoted = 0
    for token in _PARSER.parse(text[:_SCANNED]):
        if token.type == "blockquote_open":
            quoted += 1
        elif token.type == "blockquote_close":
            quoted -= 1
        elif quoted and not quotes:
            continue
        elif token.type == "inline":
            yield "".join(_inline(token.children or [], code=code))
        elif code and token.type in ("fence", "code_block"):
            yield token.content


def _inline(children: list[Token], *, code: bool) -> Iterator[str]:
    for child in children:
        if child.type == "text":
            yield child.content
        elif child.type in ("softbreak", "hardbreak"):
            yield "\n"
        elif child.type == "code_inline":
            yield child.content if code else " `` "
        elif child.type == "image" and code:
            yield child.content
