"""Who waits for a turn, and who gets the next: answers, loud, silent; each chat by itself. Pure: the time is passed in.

Nothing here looks at all who wait: a chat is looked at when something happened in it or its time has come, so that
a thousand chats that wait cost no more than those that move.
"""

import heapq
import itertools
import math

from src.bot.limiter.windows import (
    EPSILON,
    NO_CHAT,
    OVERALL,
    SECOND,
    Account,
    Rank,
    Rule,
    Slot,
    Waiter,
    Window,
    account,
)

_NOTIFICATIONS = 28  # a second; the rest is kept for answers to persons
_SHARE = 5  # notifications a second that go however many persons want answers
_LOUD_IN_A_ROW = 4  # then a silent one has its turn: a fifth of all
_BEGINS_WITHIN = 10.0  # seconds after which a turn that led to no request is forgotten
_SWEEP = 60.0  # seconds between two looks for chats to forget


class Queue:
    """Gives turns. What has a turn counts as beginning now until `begin`, so that no window ever holds too much."""

    def __init__(self, now: float) -> None:
        self._overall = Window(SECOND)
        self._accounts: dict[int | str, Account] = {}
        self._ready: dict[Rank, list[tuple[int, Waiter]]] = {rank: [] for rank in Rank}
        self._timed: list[tuple[float, int, Account]] = []
        self._pending: dict[Slot, None] = {}  # oldest first
        self._numbers = itertools.count()
        self._notified_at = -math.inf
        self._loud_in_a_row = 0
        self._opens_at = -math.inf
        self._cautious_since = -math.inf
        self._swept_at = now

    def open_after(self, seconds: float, now: float) -> None:
        """Another sender was at work until now: nothing begins for so long, and nothing in bursts for a while."""
        self._opens_at, self._cautious_since = now + seconds, now

    def note(self, chat: int | str, rule: Rule, at: float) -> None:
        """Something began there before we came; to be told in the order of time."""
        self._account(chat, rule).begin(at)

    def join(self, chat: int | str | None, rule: Rule, rank: Rank, now: float) -> Waiter:
        """Somebody waits from now on; `None`: for a call that counts in no chat."""
        place = account(NO_CHAT) if chat is None else self._account(chat, rule)
        waiter = Waiter(next(self._numbers), place, rank)
        place.line(rank).append(waiter)
        self._look_at(place, now)
        return waiter

    def leave(self, waiter: Waiter, now: float) -> None:
        """Somebody waits no longer; a turn that came meanwhile is given back."""
        if waiter.slot is not None:
            self.give_back(waiter.slot, now)
            return
        waiter.account.line(waiter.rank).remove(waiter)
        self._look_at(waiter.account, now)

    def hurry(self, chat: int | str, now: float) -> None:
        """What is silent and waits for this chat has something loud behind it: it goes as if it were loud."""
        place = self._accounts.get(chat)
        if place is None:
            return
        for waiter in place.notifications:
            waiter.rank = Rank.LOUD
        self._look_at(place, now)

    def begin(self, slot: Slot, now: float) -> bool:
        """The call begins. `False`: the turn is too long ago to be good for it."""
        if slot not in self._pending:
            return False
        self._settle(slot)
        self._overall.begin(now)
        slot.account.begin(now)
        self._look_at(slot.account, now)
        return True

    def give_back(self, slot: Slot, now: float) -> None:
        """The turn leads to no call, unless it did already."""
        if slot in self._pending:
            self._settle(slot)
            self._look_at(slot.account, now)

    def grant(self, now: float) -> list[Waiter]:
        """Whose turn it is now, in this order; each has its `slot`."""
        self._expire(now)
        granted: list[Waiter] = []
        while now >= self._opens_at - EPSILON and (waiter := self._next(now)) is not None:
            self._take(waiter, now)
            granted.append(waiter)
        self._sweep(now)
        return granted

    def next_at(self, now: float) -> float:
        """When somebody may get a turn if nothing happens before; at once after `grant`. inf: nobody waits."""
        if now < self._opens_at - EPSILON:
            return self._opens_at
        times = [self._timed[0][0] if self._timed else math.inf]
        if self._pending:
            times.append(next(iter(self._pending)).granted_at + _BEGINS_WITHIN)
        if self._peek(Rank.ANSWER, now) is not None:
            times.append(self._answer_at(now))
        if self._notification(now) is not None:
            times.append(self._notification_at(now))
        return min(times)

    def __len__(self) -> int:
        """How many chats are remembered."""
        return len(self._accounts)

    def _account(self, chat: int | str, rule: Rule) -> Account:
        found = self._accounts.get(chat)
        if found is None:
            found = self._accounts[chat] = account(rule)
        return found

    def _next(self, now: float) -> Waiter | None:
        answer = self._peek(Rank.ANSWER, now)
        if answer is not None and self._answer_at(now) <= now + EPSILON:
            return answer
        notification = self._notification(now)
        return notification if notification is not None and self._notification_at(now) <= now + EPSILON else None

    def _answer_at(self, now: float) -> float:
        share = _SHARE if self._notification(now) is not None else 0
        return self._overall.room_at(OVERALL - share, now)

    def _notification(self, now: float) -> Waiter | None:
        loud, silent = self._peek(Rank.LOUD, now), self._peek(Rank.SILENT, now)
        if loud is None or silent is None:
            return loud or silent
        return silent if self._loud_in_a_row >= _LOUD_IN_A_ROW else loud

    def _notification_at(self, now: float) -> float:
        paced = max(self._overall.room_at(_NOTIFICATIONS, now), self._notified_at + 1 / _NOTIFICATIONS)
        share = max(self._overall.room_at(OVERALL, now), self._notified_at + 1 / _SHARE)
        return min(paced, share)

    def _peek(self, rank: Rank, now: float) -> Waiter | None:
        """The first of a rank whose chat has room. What is no longer so is put where it belongs."""
        heap = self._ready[rank]
        while heap:
            waiter = heap[0][1]
            is_first = waiter.slot is None and waiter.rank is rank and waiter.account.first() is waiter
            if is_first and self._ready_at(waiter, now) <= now + EPSILON:
                return waiter
            heapq.heappop(heap)
            if waiter.queued is rank:
                waiter.queued = None
            self._look_at(waiter.account, now)
        return None

    def _take(self, waiter: Waiter, now: float) -> None:
        place = waiter.account
        waiter.slot = Slot(place, now)
        place.line(waiter.rank).remove(waiter)
        self._pending[waiter.slot] = None
        self._overall.pending += 1
        place.window.pending += 1
        if waiter.rank is not Rank.ANSWER:
            self._notified_at = now
            self._loud_in_a_row = self._loud_in_a_row + 1 if waiter.rank is Rank.LOUD else 0
        self._look_at(place, now)

    def _settle(self, slot: Slot) -> None:
        del self._pending[slot]
        self._overall.pending -= 1
        slot.account.window.pending -= 1

    def _look_at(self, place: Account, now: float) -> None:
        """Put whoever is first in a chat among those who may go, or note when it will be so."""
        first = place.first()
        if first is None:
            return
        at = self._ready_at(first, now)
        if at <= now + EPSILON:
            if first.queued is not first.rank:
                first.queued = first.rank
                heapq.heappush(self._ready[first.rank], (first.number, first))
        elif at < place.alarm:
            place.alarm = at
            heapq.heappush(self._timed, (at, next(self._numbers), place))

    def _ready_at(self, waiter: Waiter, now: float) -> float:
        place = waiter.account
        return place.ready_at(waiter.rank, now, spaced=now < self._cautious_since + place.rule.window)

    def _expire(self, now: float) -> None:
        """Forget turns that led to nothing, and look at the chats whose time has come."""
        while self._pending and (slot := next(iter(self._pending))).granted_at + _BEGINS_WITHIN <= now + EPSILON:
            self.give_back(slot, now)
        while self._timed and self._timed[0][0] <= now + EPSILON:
            at, _, place = heapq.heappop(self._timed)
            if at == place.alarm:
                place.alarm = math.inf
            self._look_at(place, now)

    def _sweep(self, now: float) -> None:
        """Forget chats in which nothing was said for longer than any rule looks back."""
        if now - self._swept_at < _SWEEP:
            return
        self._swept_at = now
        self._accounts = {key: place for key, place in self._accounts.items() if not place.is_idle(now)}
