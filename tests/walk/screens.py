"""Screens: what a person sees after an act, and when two of them are the same. Pure."""

import re
from dataclasses import dataclass

from src.demo.telegram import Button, Message
from src.demo.telegram.entities import in_order, part
from tests.walk.cast import Role, Spot

_NUMBER = re.compile(r"\d+")
_NONCE = re.compile(r"\b[0-9a-f]{8,}\b")
_CHANGING = frozenset({"code", "pre"})  # codes, secrets, addresses: another one each time


@dataclass(frozen=True, slots=True)
class Key:
    """Two screens with the same key lead to the same: the toggles of a list make no new one."""

    spot: Spot
    role: Role
    step: str | None  # of the dialog
    text: str
    acts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """A message with its buttons, as somebody sees it in a step of a dialog."""

    spot: Spot
    role: Role
    step: str | None
    message: Message

    @property
    def key(self) -> Key:
        """See the class."""
        acts = tuple(act(button) for button in self.message.buttons)
        return Key(self.spot, self.role, self.step, _constant(self.message), acts)

    @property
    def live(self) -> tuple[Button, ...]:
        """The buttons that the bot hears of; the others open or copy something."""
        return tuple(button for button in self.message.buttons if button.data is not None)


def act(button: Button) -> str:
    """What a button does, without the dialog that it belongs to."""
    if button.data is None:
        return "opens" if button.url else "copies"
    parts = button.data.split(":")
    if parts[0] == "s":  # nonce, act, index, screen
        return ":".join(parts[2:4])
    return _NUMBER.sub("#", _NONCE.sub("", button.data))


def _constant(message: Message) -> str:
    """The text without what is another at each time: numbers, and what is set in code."""
    changing = {part(message.text, entity) for entity in in_order(message.entities) if entity.type in _CHANGING}
    text = message.text
    for piece in sorted(changing, key=len, reverse=True):
        text = text.replace(piece, "#")
    return _NUMBER.sub("#", text)
