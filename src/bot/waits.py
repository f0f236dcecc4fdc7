"""Whose dialogs wait for a forge right now."""

import asyncio
from dataclasses import dataclass, field

from aiogram.fsm.storage.base import StorageKey

_TEST = 30.0  # seconds for which a test event is watched
_LOOK = 0.5  # seconds between two looks at it
_SLOW = 2.0  # seconds after which a person wonders whether anything happens


@dataclass(frozen=True, slots=True)
class Wait:
    """A dialog that waits."""

    nonce: str
    text: str  # answers what is pressed meanwhile
    limit: asyncio.Timeout | None  # ends it; `None`: what is under way must come to its end


@dataclass(slots=True)
class Waits:
    """All that wait in this process, by the FSM's key of the person and place: one at a time for each."""

    slow: float = _SLOW  # seconds
    test: float = _TEST
    look: float = _LOOK
    open: dict[StorageKey, Wait] = field(default_factory=dict)
