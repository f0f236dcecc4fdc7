"""Telegram's limits on how fast a bot may send and edit, as token buckets."""

import math
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Limits:
    """Rates, and how many may come at once.

    core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: about 30 messages a second over all, one
    a second in a chat ("we may allow short bursts"), 20 a minute in a group. How long a burst may be is not
    documented: the default is short, `strict()` allows none. Edits count like messages.
    """

    overall_per_second: float = 30
    overall_burst: int = 30
    chat_per_second: float = 1
    chat_burst: int = 5
    group_per_minute: float = 20
    group_burst: int = 20

    @classmethod
    def strict(cls) -> Self:
        """No bursts: the second message within the same second is one too many."""
        return cls(chat_burst=1)


@dataclass(slots=True)
class _Bucket:
    rate: float  # tokens a second
    size: int
    left: float
    filled_at: float

    def wait(self, now: float) -> float:
        """Seconds until a token is there, 0 when there is one."""
        self.left = min(self.size, self.left + max(0.0, now - self.filled_at) * self.rate)
        self.filled_at = now
        # Clocks are floats: a token that is there but for rounding is there.
        return max(0.0, 1 - self.left) / self.rate if self.left < 1 - 1e-6 else 0.0


class Limiter:
    """Counts what is sent; tells how long to wait when it is too much. A refused call costs nothing."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._overall: _Bucket | None = None
        self._chats: dict[int, _Bucket] = {}

    def take(self, chat_id: int, now: float) -> int:
        """0 when the call may go on, else whole seconds to wait.

        Groups (ids below zero) have the rate of a minute, people that of a second.
        """
        limits = self._limits
        if self._overall is None:
            self._overall = _Bucket(limits.overall_per_second, limits.overall_burst, limits.overall_burst, now)
        if chat_id not in self._chats:
            rate, size = (
                (limits.group_per_minute / 60, limits.group_burst)
                if chat_id < 0
                else (limits.chat_per_second, limits.chat_burst)
            )
            self._chats[chat_id] = _Bucket(rate, size, size, now)
        buckets = (self._overall, self._chats[chat_id])
        wait = max(bucket.wait(now) for bucket in buckets)
        if wait > 0:
            return max(1, math.ceil(wait))
        for bucket in buckets:
            bucket.left -= 1
        return 0
