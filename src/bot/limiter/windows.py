"""What Telegram bears: how much may begin in a window of time, and how far apart. Pure: the time is passed in."""

import math
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

# Limits of "My bot is hitting limits, how do I avoid this?" (core.telegram.org/bots/faq): about 30 calls a second over
# all, one message a second in a chat with short bursts, 20 a minute in a group. Windows are a little longer than
# theirs, for calls do not all take the same time to get there.
SECOND = 1.01
OVERALL = 30
EPSILON = 1e-9  # far below what clocks tell apart: what is left of a sum of floats


class Rank(IntEnum):
    """Who goes first of those who wait."""

    ANSWER = 0  # to a person
    LOUD = 1  # a notification that makes a sound
    SILENT = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """What a chat bears: `count` in any `window` seconds, and notifications at least `gap` after what was before."""

    window: float
    count: int
    gap: float


PRIVATE = Rule(window=5.0, count=5, gap=1.02)
GROUP = Rule(window=60.1, count=20, gap=3.05)
NO_CHAT = Rule(window=0.0, count=OVERALL, gap=0.0)


@dataclass(slots=True)
class Window:
    """What began within the last `seconds`, and how much has its turn and begins any moment."""

    seconds: float
    pending: int = 0
    _begun: deque[float] = field(default_factory=deque)

    def begin(self, at: float) -> None:
        """One more; never earlier than what was noted before."""
        self._begun.append(at)

    def room_at(self, count: int, now: float) -> float:
        """When fewer than `count` are in it; -inf: they are, inf: only what begins or is given back tells."""
        self._forget(now)
        limit = count - self.pending
        if limit <= 0:
            return math.inf
        over = len(self._begun) - limit
        return -math.inf if over < 0 else self._begun[over] + self.seconds

    def is_empty(self, now: float) -> bool:
        """Whether it says nothing any more."""
        self._forget(now)
        return not self._begun and not self.pending

    def _forget(self, now: float) -> None:
        while self._begun and self._begun[0] + self.seconds <= now + EPSILON:
            self._begun.popleft()


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who waits for a turn in a chat; `slot` once it came."""

    number: int
    account: "Account"
    rank: Rank
    slot: "Slot | None" = None
    queued: Rank | None = None  # among those of this rank whose chat has room


@dataclass(slots=True, eq=False)
class Slot:
    """A turn, which counts as beginning now until it begins."""

    account: "Account"
    granted_at: float


@dataclass(slots=True, eq=False)
class Account:
    """What one chat was sent lately, and who waits for it: answers first, each kind in the order in which it came."""

    rule: Rule
    window: Window
    last: float = -math.inf  # when the last call began
    answers: deque[Waiter] = field(default_factory=deque)
    notifications: deque[Waiter] = field(default_factory=deque)
    alarm: float = math.inf  # when it is looked at again

    def line(self, rank: Rank) -> deque[Waiter]:
        """Where one of this rank stands."""
        return self.answers if rank is Rank.ANSWER else self.notifications

    def first(self) -> Waiter | None:
        """Whose turn is next."""
        if self.answers:
            return self.answers[0]
        return self.notifications[0] if self.notifications else None

    def begin(self, at: float) -> None:
        """A call began."""
        self.window.begin(at)
        self.last = at

    def ready_at(self, rank: Rank, now: float, *, spaced: bool) -> float:
        """When the chat bears another call. `spaced`: answers keep the distance of notifications, too."""
        room = self.window.room_at(self.rule.count, now)
        if rank is Rank.ANSWER and not spaced:
            return room
        return math.inf if self.window.pending else max(room, self.last + self.rule.gap)

    def is_idle(self, now: float) -> bool:
        """Whether it may be forgotten."""
        waits = self.answers or self.notifications
        return not waits and self.window.is_empty(now) and self.last + self.rule.gap <= now


def account(rule: Rule) -> Account:
    """Of a chat to which nothing was sent."""
    return Account(rule, Window(rule.window))
