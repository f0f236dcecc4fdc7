"""How much of a phone's screen a message takes: what is folded away behind a quote takes next to nothing."""

from dataclasses import replace

from aiogram.utils.formatting import Text

from src.demo.telegram import Message
from src.demo.telegram.entities import Entity
from src.demo.telegram.transcript import transcript

COLUMNS = 40
LINES = 25
_INDENT = 2  # of a transcript
_ABOVE = 3  # the chat's title, an empty line and the sender


def lines_of(message: Message) -> int:
    """The lines of the text on a narrow phone, quotes folded as they come."""
    alone = replace(message, keyboard=(), reactions=())
    return len(transcript("", [alone], COLUMNS + _INDENT).splitlines()) - _ABOVE


def seen(text: Text) -> Message:
    """A text as it would stand in a chat."""
    plain, entities = text.render()
    return Message(
        id=1, chat_id=1, topic_id=None, sender="bot", from_bot=True, text=plain,
        entities=tuple(Entity(entity.type, entity.offset, entity.length) for entity in entities), keyboard=(),
        sent_at=0, edited=False, deleted=False, silent=False, pinned=False, reply_to=None, service=False,
        reactions=(), revision=1,
    )  # fmt: skip
