"""What a message answers, and which part of it (core.telegram.org/bots/api#replyparameters)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from src.demo.telegram.entities import SPLITTABLE, Entity, Formatted, units
from src.demo.telegram.errors import bad_request
from src.demo.telegram.methods.texts import formatted
from src.demo.telegram.model import StoredChat, StoredMessage
from src.demo.telegram.params import Params

# "0-1024 characters after entities parsing"; "including bold, italic, underline, strikethrough, spoiler,
# custom_emoji, and date_time entities".
MAX_QUOTE = 1024
_QUOTED = (*SPLITTABLE, "custom_emoji", "date_time")


@dataclass(frozen=True, slots=True)
class Quote:
    """A part of the answered message; `position` counts UTF-16 units from its beginning."""

    text: str
    entities: tuple[Entity, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The message that is answered, none when nothing is."""

    message: StoredMessage | None = None
    quote: Quote | None = None


def read_reply(chat: StoredChat, params: Params) -> Reply:
    """`reply_parameters`, or the older `reply_to_message_id`; raises Refusal."""
    reply = params.json_object("reply_parameters", "reply parameters") or {}
    number = reply.get("message_id", params.integer("reply_to_message_id"))
    if not isinstance(number, int):
        raise bad_request('can\'t parse reply parameters: Field "message_id" must be of type Number')
    if not number:
        return Reply()
    if str(reply.get("chat_id", chat.id)) != str(chat.id):
        raise bad_request("this emulator knows no replies to another chat")
    message = chat.messages.get(number)
    if message is None or message.deleted:
        if reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
            return Reply()
        raise bad_request("message to be replied not found")
    if params.integer("message_thread_id") not in (0, message.topic_id):
        raise bad_request("this emulator knows no replies to another topic")
    return Reply(message, _quote(reply, message))


def _quote(reply: Mapping[str, object], message: StoredMessage) -> Quote | None:
    source = reply.get("quote")
    if not isinstance(source, str) or not source:
        return None
    entities = reply.get("quote_entities")
    quote = formatted(source, str(reply.get("quote_parse_mode") or ""), json.dumps(entities) if entities else "")
    wanted = reply.get("quote_position")
    near = wanted if isinstance(wanted, int) else 0
    places = [] if units(quote.text) > MAX_QUOTE else list(_places(message, quote))
    if not places:
        raise bad_request("QUOTE_TEXT_INVALID")
    kept = tuple(entity for entity in quote.entities if entity.type in _QUOTED)
    return Quote(quote.text, kept, min(places, key=lambda place: abs(place - near)))


def _places(message: StoredMessage, quote: Formatted) -> Iterator[int]:
    """Where the quote stands in the message, word for word and entity for entity."""
    own = [entity for entity in quote.entities if entity.type in _QUOTED]
    index = message.text.find(quote.text)
    while index >= 0:
        place = units(message.text[:index])
        if _within(message, place, units(quote.text)) == own:
            yield place
        index = message.text.find(quote.text, index + 1)


def _within(message: StoredMessage, start: int, size: int) -> list[Entity]:
    return [
        replace(e, offset=max(e.offset, start) - start, length=min(e.end, start + size) - max(e.offset, start))
        for e in message.entities
        if e.type in _QUOTED and e.offset < start + size and start < e.end
    ]
