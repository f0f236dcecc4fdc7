"""How much of a phone's screen a message takes: what is folded away behind a quote takes none."""

from dataclasses import replace

from src.demo.telegram import Message
from src.demo.telegram.transcript import transcript

COLUMNS = 40
LINES = 25
_INDENT = 2  # of a transcript
_ABOVE = 3  # the chat's title, an empty line and the sender


def lines_of(message: Message) -> int:
    """The lines of the text on a narrow phone, quotes folded as they come."""
    alone = replace(message, keyboard=(), reactions=())
    return len(transcript("", [alone], COLUMNS + _INDENT).splitlines()) - _ABOVE
