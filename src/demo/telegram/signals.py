"""Waiting for a change without polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Signal:
    """Wakes everyone who waits for the world to change; `fire` may be called from plain code."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def fire(self) -> None:
        """Something changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, look: Callable[[], T | None], seconds: float | None) -> T:
        """What `look` finds, now or after one of the next changes; raises TimeoutError after so many seconds."""
        async with asyncio.timeout(seconds):
            while (found := look()) is None:
                await self._event.wait()
            return found
