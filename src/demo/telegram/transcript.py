"""A chat in plain text, as its owner sees it in a narrow window. Pure."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from src.demo.telegram.entities import QUOTES, Entity, part, units
from src.demo.telegram.keyboards import Button
from src.demo.telegram.views import Message

# An expandable quote shows three lines until it is opened.
COLLAPSED_LINES = 3
_INDENT = "  "
_REPLY_LENGTH = 30


def transcript(title: str, messages: Sequence[Message], width: int = 60, *, expand: bool = False) -> str:
    """The messages one below the other: sender, text, quotes behind │, buttons in [ ]; deleted ones are not there.

    Args:
        title: the chat's name, above it all.
        messages: oldest first.
        width: columns of the window.
        expand: whether expandable quotes are shown whole.
    """
    by_id = {message.id: message for message in messages}
    head = f"── {title} "
    blocks = [head + "─" * max(0, width - columns(head))]
    blocks += ["\n".join(_bubble(message, by_id, width, expand=expand)) for message in messages if not message.deleted]
    return "\n\n".join(blocks)


def _bubble(message: Message, by_id: dict[int, Message], width: int, *, expand: bool) -> Iterator[str]:
    if message.service:
        yield f"· {message.text} ·".center(width).rstrip()
        return
    signs = [
        sign for sign, shown in (("edited", message.edited), ("🔕", message.silent), ("📌", message.pinned)) if shown
    ]
    yield " · ".join([message.sender, *signs])
    replied = by_id.get(message.reply_to or 0)
    if replied is not None:
        first = replied.text.split("\n")[0]
        shown = "(deleted)" if replied.deleted else first[:_REPLY_LENGTH] + ("…" if len(first) > _REPLY_LENGTH else "")
        yield f"{_INDENT}↩ {shown}"
    room = width - len(_INDENT)
    yield from (_INDENT + line if line else "" for line in _lines(message, room, expand=expand))
    if message.reactions:
        yield _INDENT + " ".join(message.reactions)
    for row in message.keyboard:
        yield from (_INDENT + line for line in _filled(map(_label, row), room))


def _label(button: Button) -> str:
    return f"[ {button.text}{' ↗' if button.url else ''} ]"


def _lines(message: Message, width: int, *, expand: bool) -> Iterator[str]:
    """The text in lines; quotes and code blocks stand on lines of their own."""
    blocks = [e for e in message.entities if e.type in QUOTES or e.type == "pre"]
    # A code block within a quote is drawn with the quote.
    outer = [e for e in blocks if not any(o is not e and o.offset <= e.offset and e.end <= o.end for o in blocks)]
    position = 0
    for block in outer:
        yield from _plain(message.text, position, block.offset, width)
        yield from _block(message.text, block, width, expand=expand)
        position = block.end
    yield from _plain(message.text, position, units(message.text), width, last=True)


def _plain(text: str, start: int, end: int, width: int, *, last: bool = False) -> Iterator[str]:
    if start >= end:
        return
    piece = part(text, Entity("", start, end - start))
    # The line break beside a block is what puts the block on a line of its own.
    piece = piece.removeprefix("\n") if start else piece
    piece = piece if last else piece.removesuffix("\n")
    for line in piece.split("\n"):
        yield from _wrapped(line, width)


def _block(text: str, block: Entity, width: int, *, expand: bool) -> Iterator[str]:
    bar = "┆ " if block.type == "pre" else "│ "
    lines = [line for raw in part(text, block).split("\n") for line in _wrapped(raw, width - len(bar))]
    if block.type == "expandable_blockquote" and not expand and len(lines) > COLLAPSED_LINES:
        lines = [*lines[:COLLAPSED_LINES], "⌄"]
    yield from ((bar + line).rstrip() for line in lines)


def _wrapped(line: str, width: int) -> Iterator[str]:
    """Lines of at most `width` columns, broken at spaces; a word that is longer is cut."""
    yield from _filled(_words(line, width), width)


def _filled(pieces: Iterable[str], width: int) -> Iterator[str]:
    """As many pieces on a line as fit, none of them broken."""
    current: str | None = None
    for piece in pieces:
        joined = piece if current is None else f"{current} {piece}"
        if current is not None and columns(joined) > width:
            yield current
            current = piece
        else:
            current = joined
    yield current or ""


def _words(line: str, width: int) -> Iterable[str]:
    for word in line.split(" "):
        rest = word
        while columns(rest) > width:
            cut = next(size for size in range(len(rest), 0, -1) if size == 1 or columns(rest[:size]) <= width)
            yield rest[:cut]
            rest = rest[cut:]
        yield rest


def columns(text: str) -> int:
    """How wide a text is on a terminal: wide characters and emoji take two columns, joiners and marks none."""
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
