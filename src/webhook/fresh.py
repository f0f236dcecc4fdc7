"""Memories that forget: what is old, or what came before the last so many."""

import time
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Fresh(Generic[K, V]):
    """Like cachetools' TTLCache with a tenth of its cost for what is found, which every delivery pays a few times.

    Args:
        size: entries at most; beyond that the oldest go.
        seconds: how long an entry is good; with 0 nothing is ever found.
    """

    def __init__(self, size: int, seconds: float) -> None:
        self._size = size
        self._seconds = seconds
        self._entries: dict[K, tuple[V, float]] = {}  # the value, and until when it is good; oldest first

    def get(self, key: K) -> V | None:
        """What was put, if it is still good."""
        entry = self._entries.get(key)
        return entry[0] if entry is not None and entry[1] > time.monotonic() else None

    def put(self, key: K, value: V) -> V:
        """Remember it, from now on; returns the value."""
        self._entries.pop(key, None)  # so that it is the newest
        while len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = (value, time.monotonic() + self._seconds)
        return value

    def forget(self, key: K) -> None:
        """It is good no more."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Nothing is."""
        self._entries.clear()


class Recent:
    """Words by words, of the latest so many at least and of twice as many at most; for what every delivery pays.

    Two dictionaries, of which the older goes when the younger is full: nothing is put in order, and nothing in them is
    looked at when garbage is collected.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[str, str] = {}
        self._old: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """What was put lately."""
        return self._young.get(key) or self._old.get(key)

    def put(self, key: str, value: str) -> None:
        """Remember it."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value
