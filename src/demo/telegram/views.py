"""Messages as people see them, and their texts as HTML or as readable Markdown. Pure."""

import html
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from src.demo.telegram.entities import QUOTES, Entity, in_order, part, units
from src.demo.telegram.keyboards import Button, Keyboard
from src.demo.telegram.model import StoredMessage


@dataclass(frozen=True, slots=True)
class Message:
    """One message at one moment: later edits are in later views (`Chat.current`).

    `sent_at` is Unix time; `reactions` are the bot's; `revision` grows with every change in the emulator. `sender_id`
    is the account's; `happened` names what a service message tells, by its field of the Bot API, and `about` whom or
    what it is about.
    """

    id: int
    chat_id: int
    topic_id: int | None
    sender: str
    from_bot: bool
    text: str
    entities: tuple[Entity, ...]
    keyboard: Keyboard
    sent_at: float
    edited: bool
    deleted: bool
    silent: bool
    pinned: bool
    reply_to: int | None
    service: bool
    reactions: tuple[str, ...]
    revision: int
    sender_id: int = 0
    protected: bool = False
    quote: str | None = None
    happened: str | None = None
    about: str = ""

    @property
    def buttons(self) -> tuple[Button, ...]:
        """All buttons, row by row."""
        return tuple(button for row in self.keyboard for button in row)

    @property
    def links(self) -> tuple[str, ...]:
        """The addresses in the text, in order."""
        found = (e.url if e.type == "text_link" else part(self.text, e) for e in self.entities if e.type in _LINKS)
        return tuple(link for link in found if link)

    @property
    def html(self) -> str:
        """The text in Telegram's HTML."""
        return render(self.text, self.entities, _html_tags, lambda text: html.escape(text, quote=False))

    @property
    def markdown(self) -> str:
        """The text in a Markdown for people to read: **bold**, [words](address), `code`, quotes behind >."""
        return _markdown(self.text, self.entities)


_LINKS = ("text_link", "url")


def view(message: StoredMessage) -> Message:
    """What people see of a stored message now."""
    return Message(
        id=message.id,
        chat_id=message.chat_id,
        topic_id=message.topic_id,
        sender=message.posted_as or message.sender.first_name,
        from_bot=message.sender.is_bot,
        text=message.service_text if message.service is not None else message.text,
        entities=message.entities,
        keyboard=message.keyboard,
        sent_at=message.date,
        edited=message.edited_at is not None,
        deleted=message.deleted,
        silent=message.silent,
        pinned=message.pinned,
        reply_to=message.reply_to,
        service=message.service is not None,
        reactions=message.reactions,
        revision=message.revision,
        sender_id=message.sender.id,
        protected=message.protected,
        quote=message.quote,
        happened=next(iter(message.service or ()), None),
        about=_about(message.service or {}),
    )


def _about(service: Mapping[str, object]) -> str:
    """The topic, the group's new title or the person that a service message is about."""
    match service:
        case {"forum_topic_created": {"name": str(name)}} | {"new_chat_title": str(name)}:
            return name
        case {"new_chat_members": [{"first_name": str(name)}, *_]} | {"left_chat_member": {"first_name": str(name)}}:
            return name
        case _:
            return ""


Tags = Callable[[Entity], tuple[str, str] | None]


def render(text: str, entities: Sequence[Entity], tags: Tags, escape: Callable[[str], str]) -> str:
    """The text with a pair of marks around every entity that has one; those that cross are closed and reopened."""
    marked = [entity for entity in in_order(entities) if tags(entity) is not None]
    out: list[str] = []
    stack: list[Entity] = []
    for start, end in _segments(text, marked):
        active = [entity for entity in marked if entity.offset <= start and end <= entity.end]
        while stack and stack != active[: len(stack)]:
            out.append((tags(stack.pop()) or ("", ""))[1])
        for entity in active[len(stack) :]:
            out.append((tags(entity) or ("", ""))[0])
            stack.append(entity)
        out.append(escape(part(text, Entity("", start, end - start))))
    out.extend((tags(entity) or ("", ""))[1] for entity in reversed(stack))
    return "".join(out)


def _segments(text: str, entities: Sequence[Entity]) -> Iterator[tuple[int, int]]:
    edges = sorted({0, units(text), *(edge for entity in entities for edge in (entity.offset, entity.end))})
    yield from itertools.pairwise(edges)


_HTML = {
    "bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "spoiler": "tg-spoiler", "code": "code",
    "blockquote": "blockquote",
}  # fmt: skip


def _html_tags(entity: Entity) -> tuple[str, str] | None:
    if entity.type in _HTML:
        return f"<{_HTML[entity.type]}>", f"</{_HTML[entity.type]}>"
    if entity.type == "expandable_blockquote":
        return "<blockquote expandable>", "</blockquote>"
    if entity.type == "pre":
        language = f' class="language-{html.escape(entity.language)}"' if entity.language else ""
        return (f"<pre><code{language}>", "</code></pre>") if language else ("<pre>", "</pre>")
    if entity.type in ("text_link", "text_mention"):
        link = entity.url if entity.url is not None else f"tg://user?id={entity.user_id}"
        return f'<a href="{html.escape(link)}">', "</a>"
    if entity.type == "custom_emoji":
        return f'<tg-emoji emoji-id="{entity.custom_emoji_id}">', "</tg-emoji>"
    if entity.type == "date_time":
        return f'<tg-time unix="{entity.unix_time}">', "</tg-time>"
    return None


_MARKS = {
    "bold": ("**", "**"), "italic": ("_", "_"), "underline": ("__", "__"), "strikethrough": ("~~", "~~"),
    "spoiler": ("||", "||"), "code": ("`", "`"),
}  # fmt: skip


def _marks(entity: Entity) -> tuple[str, str] | None:
    if entity.type == "text_link":
        return "[", f"]({entity.url})"
    if entity.type == "pre":
        return f"```{entity.language or ''}\n", "\n```"
    return _MARKS.get(entity.type)


def _markdown(text: str, entities: Sequence[Entity]) -> str:
    """Quotes stand on lines of their own, everything else where it is."""
    out, position = "", 0
    for quote in (entity for entity in in_order(entities) if entity.type in QUOTES):
        out += _marked(text, entities, position, quote.offset)
        out += "\n" if out and not out.endswith("\n") else ""
        out += "\n".join(f"> {line}" for line in _marked(text, entities, quote.offset, quote.end).split("\n"))
        position = quote.end
        if position < units(text) and part(text, Entity("", position, 1)) != "\n":
            out += "\n"
    return out + _marked(text, entities, position, units(text))


def _marked(text: str, entities: Sequence[Entity], start: int, end: int) -> str:
    clipped = [
        replace(e, offset=max(e.offset, start) - start, length=min(e.end, end) - max(e.offset, start))
        for e in entities
        if e.offset < end and start < e.end
    ]
    return render(part(text, Entity("", start, end - start)), clipped, _marks, str)
