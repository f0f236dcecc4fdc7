"""The one pacer of all calls to the Bot API: Telegram's limits, with answers to persons ahead of notifications."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

# Limits of "My bot is hitting limits, how do I avoid this?" (core.telegram.org/bots/faq): about 30 calls a second over
# all, one message a second in a chat with short bursts, 20 a minute in a group. Windows are a little longer than
# theirs, for calls do not all take the same time to get there.
_SECOND = 1.01
_OVERALL = 30
_OVERALL_NOTIFICATIONS = 28  # the rest is kept for answers to persons
_BETWEEN_NOTIFICATIONS = 1 / _OVERALL_NOTIFICATIONS
_PATIENCE = 5  # seconds that a person can be left waiting when Telegram says so
_BEGINS_WITHIN = 10.0  # seconds after which a turn that led to no request is forgotten
_SWEEP = 60.0  # seconds between two looks for chats to forget


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a chat bears: `count` in any `window` seconds, and notifications at least `gap` after what was before."""

    window: float
    count: int
    gap: float


_PRIVATE = _Rule(window=5.0, count=5, gap=1.02)
_GROUP = _Rule(window=60.1, count=20, gap=3.05)


@dataclass(slots=True)
class _Slot:
    """A request that began, or one that has its turn and will begin any moment."""

    at: float
    begun: bool

    def time(self, now: float) -> float:
        """When it counts: until it begins it does so now."""
        return self.at if self.begun or now - self.at > _BEGINS_WITHIN else now


@dataclass(slots=True)
class _Chat:
    rule: _Rule
    slots: list[_Slot] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Waiter:
    chat: int | str | None
    rule: _Rule
    urgent: bool
    number: int

    def behind(self, other: "_Waiter") -> bool:
        """Answers to persons come first, then who came first."""
        return (other.urgent, -other.number) > (self.urgent, -self.number)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What `turn` leaves for the middleware."""

    limiter: "Limiter"
    chat: int
    slot: _Slot


_turn: ContextVar[_Turn | None] = ContextVar("limiter_turn", default=None)


class Limiter(BaseRequestMiddleware):
    """Makes every call of a bot wait until Telegram's limits allow it; one object per bot token.

    Register it on the bot's session: ``bot.session.middleware(limiter)``. Calls are taken for answers to a person,
    who may use short bursts and overtake; a notification asks for its `turn` first, which spaces it out.

    What counts in a chat is what its members may get to see: messages sent, copied or forwarded, and edits, as
    Telegram counts them; deletions and stopped polls are counted too, for they are changes that members see. Answers
    to button presses, reactions and "typing" count over all chats only. Reading (getUpdates, getMe) and settings
    (setMyCommands) are not paced: they are few, or wait by themselves.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`clock` gives seconds and never goes back."""
        self._clock = clock
        self._sleep = sleep
        self._overall: list[_Slot] = []
        self._chats: dict[int | str, _Chat] = {}
        self._waiting: list[_Waiter] = []
        self._numbers = itertools.count()
        self._notified_at = float("-inf")
        self._swept_at = clock()

    async def turn(self, chat_id: int, *, group: bool) -> None:
        """Wait until a notification may be sent to this chat.

        The next call of the current task to this chat begins at once: its place is kept for ten seconds. Turns of
        the same chat must be taken one after the other.
        """
        self._forget_unused(chat_id)
        slot = await self._admit(chat_id, _GROUP if group else _PRIVATE, urgent=False)
        slot.begun = False
        _turn.set(_Turn(self, chat_id, slot))

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """Let a call of the bot through when it may go."""
        target = getattr(method, "chat_id", None)
        turn = _turn.get()
        if turn is not None and turn.limiter is self and turn.chat == target:
            _turn.set(None)
            turn.slot.at, turn.slot.begun = self._clock(), True
            return await make_request(bot, method)
        await self._pace(method.__api_method__, target)
        try:
            return await make_request(bot, method)
        except TelegramRetryAfter as error:
            if error.retry_after > _PATIENCE:
                raise
            await self._sleep(error.retry_after)
        await self._pace(method.__api_method__, target)
        return await make_request(bot, method)

    async def _pace(self, name: str, target: int | str | None) -> None:
        if _is_seen(name) and target is not None:
            private = isinstance(target, int) and target > 0
            await self._admit(target, _PRIVATE if private else _GROUP, urgent=True)
        elif _is_counted(name):
            await self._admit(None, _PRIVATE, urgent=True)

    async def _admit(self, chat: int | str | None, rule: _Rule, *, urgent: bool) -> _Slot:
        waiter = _Waiter(chat, rule, urgent, next(self._numbers))
        self._waiting.append(waiter)
        try:
            while (delay := self._delay(waiter)) > 0:
                await self._sleep(delay)
            return self._take(waiter)
        finally:
            self._waiting.remove(waiter)

    def _delay(self, waiter: _Waiter) -> float:
        """Seconds until it is worth another look, 0 if this one may go now."""
        now = self._clock()
        ahead = [other for other in self._waiting if waiter.behind(other)]
        before = sum(other.chat == waiter.chat for other in ahead)
        delay = self._chat_delay(waiter, before, now)
        if delay <= 0:
            # Those ahead who wait for their chat do not keep this one waiting: a flooded chat delays no other.
            ready = sum(self._chat_delay(other, 0, now) <= 0 for other in ahead)
            delay = self._overall_delay(waiter, ready, now)
        # Far below what clocks tell apart: what is left of a sum of floats. Else at least what moves any clock on.
        return max(delay, 0.001) if delay > 1e-6 else 0.0

    def _chat_delay(self, waiter: _Waiter, before: int, now: float) -> float:
        chat = self._chats.get(waiter.chat) if waiter.chat is not None else None
        if chat is None:
            return 0.0
        room = _room(chat.slots, waiter.rule.window, waiter.rule.count - before, now)
        if waiter.urgent or not chat.slots:
            return room
        return max(room, max(slot.time(now) for slot in chat.slots) + waiter.rule.gap - now)

    def _overall_delay(self, waiter: _Waiter, before: int, now: float) -> float:
        if waiter.urgent:
            return _room(self._overall, _SECOND, _OVERALL - before, now)
        room = _room(self._overall, _SECOND, _OVERALL_NOTIFICATIONS - before, now)
        return max(room, self._notified_at + (before + 1) * _BETWEEN_NOTIFICATIONS - now)

    def _take(self, waiter: _Waiter) -> _Slot:
        now = self._clock()
        slot = _Slot(now, begun=True)
        self._overall = [*_recent(self._overall, _SECOND, now), slot]
        if not waiter.urgent:
            self._notified_at = now
        if waiter.chat is not None:
            chat = self._chats.setdefault(waiter.chat, _Chat(waiter.rule))
            chat.slots = [*_recent(chat.slots, waiter.rule.window, now), slot]
        self._sweep(now)
        return slot

    def _forget_unused(self, chat_id: int) -> None:
        """Give back a turn in this chat that led to no request."""
        chat = self._chats.get(chat_id)
        if chat is None:
            return
        unused = [slot for slot in chat.slots if not slot.begun]
        chat.slots = [slot for slot in chat.slots if slot.begun]
        self._overall = [slot for slot in self._overall if not any(slot is other for other in unused)]

    def _sweep(self, now: float) -> None:
        """Forget chats in which nothing was said for longer than any rule looks back."""
        if now - self._swept_at < _SWEEP:
            return
        self._swept_at = now
        self._chats = {
            key: chat for key, chat in self._chats.items() if any(_recent(chat.slots, chat.rule.window, now))
        }


def _recent(slots: Iterable[_Slot], window: float, now: float) -> list[_Slot]:
    return [slot for slot in slots if slot.time(now) > now - window]


def _room(slots: Iterable[_Slot], window: float, limit: int, now: float) -> float:
    """Seconds until fewer than `limit` slots are within the window that ends then."""
    times = sorted(slot.time(now) for slot in _recent(slots, window, now))
    limit = max(limit, 1)
    return 0.0 if len(times) < limit else times[len(times) - limit] + window - now


_SEEN = ("send", "copy", "forward", "edit", "deletemessage", "stop")
_COUNTED = ("answer", "setmessagereaction", "sendchataction")


def _is_seen(name: str) -> bool:
    """Whether the call changes what stands in a chat."""
    return name.lower().startswith(_SEEN) and not _is_counted(name)


def _is_counted(name: str) -> bool:
    """Whether the call counts, but in no chat."""
    return name.lower().startswith(_COUNTED)
