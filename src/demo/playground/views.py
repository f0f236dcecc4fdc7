"""A message as the page shows it: words, safe HTML, buttons, and which chat of the page it stands in."""

import html
import re

from src.demo.playground.ground import Playground
from src.demo.playground.links import address, target
from src.demo.telegram import Button, Chat, Entity, Message, Person
from src.demo.telegram.entities import part
from src.demo.telegram.views import render

Json = dict[str, object]

# The page's keys of a person's private chat, and of what stands in the group outside its topics.
PRIVATE, GENERAL = "bot", "general"
BOT = "bot"
_PREVIEW = 120  # characters of a message in a list or above its answer
_COVER = "▒"  # for each UTF-16 unit of a spoiler
_BEFORE_BLOCK = re.compile(r"\n(<(?:pre|blockquote)\b)")
_AFTER_BLOCK = re.compile(r"(</(?:pre|blockquote)>)\n")
_TAGS = {"bold": "b", "italic": "i", "underline": "u", "strikethrough": "s", "code": "code"}


def places(ground: Playground, person: Person) -> dict[str, Chat]:
    """The chats that a person is in, by the page's keys, in the order in which they are listed."""
    found: dict[str, Chat] = {PRIVATE: person.private}
    if person.is_member(ground.group):
        found[GENERAL] = ground.group.general
        for topic in ground.group.topics:
            found[_topic_key(ground, topic.topic_id)] = topic
    return found


def message_view(ground: Playground, message: Message) -> Json:
    """The message as JSON; see `message_html` for `html`.

    `chat` is the page's key, `person` whose private chat it is (`None` in the group), `topic` the topic's number,
    `from` the writer's key or "bot". A deleted message has neither text nor buttons.
    """
    owner = next((name for name, person in ground.people.items() if person.id == message.chat_id), None)
    view: Json = {
        "id": message.id,
        "chat": PRIVATE if owner is not None else _topic_key(ground, message.topic_id),
        "person": owner,
        "topic": message.topic_id,
        "from": _writer(ground, message),
        "sender": message.sender,
        "at": message.sent_at,
        "edited": message.edited,
        "deleted": message.deleted,
        "silent": message.silent,
        "pinned": message.pinned,
        "protected": message.protected,
        "revision": message.revision,
    }
    if message.deleted:
        return view
    return {
        **view,
        "text": message.text,
        "line": preview(message.text, message.entities),
        "html": message_html(ground, message.text, message.entities),
        "keyboard": [[_button(ground, button) for button in row] for row in message.keyboard],
        "reply_to": _replied(ground, message),
        "service": _service(message),
        "reactions": list(message.reactions),
    }


def message_html(ground: Playground, text: str, entities: tuple[Entity, ...]) -> str:
    """The text with its entities as HTML of a few tags and attributes; every word in it is escaped.

    Links carry `data-to` and what `target` says; only addresses that a browser opens become links.
    """

    def tags(entity: Entity) -> tuple[str, str] | None:
        return _tags(ground, entity, part(text, entity))

    drawn = render(text, entities, tags, html.escape)
    # A block stands on lines of its own: the break beside it would be an empty line.
    return _AFTER_BLOCK.sub(r"\1", _BEFORE_BLOCK.sub(r"\1", drawn))


def preview(text: str, entities: tuple[Entity, ...]) -> str:
    """What a list or a reply shows of a text: one short line, in which what is hidden stays so."""
    raw = bytearray(text.encode("utf-16-le", "surrogatepass"))
    for hidden in entities:
        if hidden.type == "spoiler":
            raw[hidden.offset * 2 : hidden.end * 2] = _COVER.encode("utf-16-le") * hidden.length
    return " ".join(raw.decode("utf-16-le", "replace").split())[:_PREVIEW]


def _tags(ground: Playground, entity: Entity, words: str) -> tuple[str, str] | None:
    if entity.type in _TAGS:
        return f"<{_TAGS[entity.type]}>", f"</{_TAGS[entity.type]}>"
    match entity.type:
        case "spoiler":
            return '<span class="spoiler" data-spoiler><span>', "</span></span>"  # the inner one is what hides
        case "pre":
            language = f' data-language="{html.escape(entity.language)}"' if entity.language else ""
            return f"<pre{language}><code>", "</code></pre>"
        case "blockquote":
            return "<blockquote>", "</blockquote>"
        case "expandable_blockquote":
            return "<blockquote data-expandable>", "</blockquote>"
        case "text_link" | "url":
            return _link(ground, entity.url or words)
        case "bot_command":
            return f'<button type="button" class="link" data-say="{html.escape(words)}">', "</button>"
        case "mention" | "text_mention" | "hashtag" | "cashtag" | "email":
            return '<span class="mention">', "</span>"
        case _:
            return None


def _link(ground: Playground, link: str) -> tuple[str, str] | None:
    opened = address(link)
    if opened is None:
        return None
    data = "".join(f' data-{name}="{html.escape(value)}"' for name, value in target(ground, opened).items())
    return f'<a href="{html.escape(opened)}" rel="noopener noreferrer"{data}>', "</a>"


def _button(ground: Playground, button: Button) -> Json:
    if button.url is not None:
        opened = address(button.url)
        return {"text": button.text, "kind": "url", "url": button.url, "target": opened and target(ground, opened)}
    if button.copy_text is not None:
        return {"text": button.text, "kind": "copy", "copy": button.copy_text}
    if button.data is not None:
        return {"text": button.text, "kind": "callback", "data": button.data}
    return {"text": button.text, "kind": "other"}


def _replied(ground: Playground, message: Message) -> Json | None:
    """What is answered, as far as a preview goes; without words when it is deleted."""
    if message.reply_to is None:
        return None
    replied = ground.tg.message(message.chat_id, message.reply_to)
    if replied is None or replied.deleted:
        return {"id": message.reply_to, "sender": "", "text": "", "deleted": True}
    words = preview(message.quote, ()) if message.quote else preview(replied.text, replied.entities)
    return {"id": replied.id, "sender": replied.sender, "text": words, "deleted": False}


def _service(message: Message) -> Json | None:
    """What a service message tells: `kind` is the field of the Bot API, `about` a name."""
    if not message.service:
        return None
    return {"kind": message.happened, "who": message.sender, "about": message.about}


def _writer(ground: Playground, message: Message) -> str:
    if message.from_bot:
        return BOT
    return next((name for name, person in ground.people.items() if person.id == message.sender_id), "")


def _topic_key(ground: Playground, topic_id: int | None) -> str:
    """Of a topic that the playground made by its name, of any other by its number."""
    if topic_id is None:
        return GENERAL
    known = (key for key, topic in ground.topics.items() if topic.topic_id == topic_id)
    return next(known, f"topic-{topic_id}")
