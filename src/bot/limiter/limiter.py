"""The middleware that makes every call of a bot wait for its turn."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

from src.bot.limiter.queue import Queue
from src.bot.limiter.windows import EPSILON, GROUP, PRIVATE, SECOND, Rank, Rule, Slot, Waiter

_PATIENCE = 5  # seconds that a person can be left waiting when Telegram says so

# Returns when the future is done or so many seconds (inf: for ever) are over, whichever comes first.
Wait = Callable[["asyncio.Future[None]", float], Awaitable[None]]


async def _wait(woken: "asyncio.Future[None]", seconds: float) -> None:
    await asyncio.wait((woken,), timeout=None if math.isinf(seconds) else seconds)


def scaled(pace: float) -> tuple[Callable[[], float], Wait]:
    """A clock that runs `pace` times as fast as the world's, and how to wait on it."""

    async def wait(woken: "asyncio.Future[None]", seconds: float) -> None:
        await _wait(woken, seconds / pace)

    return (lambda: time.monotonic() * pace), wait


@dataclass(frozen=True, slots=True)
class Past:
    """A notification that another process sent to a chat of Telegram, so many seconds ago."""

    chat_id: int
    group: bool
    seconds_ago: float


@dataclass(frozen=True, slots=True)
class _Turn:
    """What `turn` leaves for the middleware."""

    limiter: "Limiter"
    chat: int
    rule: Rule
    rank: Rank
    slot: Slot


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

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, wait: Wait = _wait) -> None:
        """`clock` gives seconds and never goes back; `wait` goes by it."""
        self._clock = clock
        self._wait = wait
        self._queue = Queue(clock())
        self._woken: dict[Waiter, asyncio.Future[None]] = {}  # of all who wait
        self._alarms: dict[Waiter, float] = {}  # who looks when; the others are told
        self._unused: dict[int, Slot] = {}  # the last turn of a chat

    def take_over(self, past: Iterable[Past]) -> None:
        """Begin with caution: another process may have sent until this moment.

        Nothing goes for a second, and answers come one by one, not in bursts, for as long as a burst of the other
        would count. `past` is what it is known to have sent in the last minute.
        """
        now = self._clock()
        self._queue.open_after(SECOND, now)
        for one in sorted(past, key=lambda one: -one.seconds_ago):
            self._queue.note(one.chat_id, _rule(group=one.group), now - one.seconds_ago)

    async def turn(self, chat_id: int, *, group: bool, loud: bool = True) -> None:
        """Wait until a notification may be sent to this chat; loud ones go before silent ones of other chats.

        The next call of the current task to this chat begins at once: its place is kept for ten seconds. Turns of
        the same chat must be taken one after the other.
        """
        unused = self._unused.pop(chat_id, None)
        if unused is not None:
            self._queue.give_back(unused, self._clock())
        rule, rank = _rule(group=group), Rank.LOUD if loud else Rank.SILENT
        slot = self._unused[chat_id] = await self._admit(chat_id, rule, rank)
        _turn.set(_Turn(self, chat_id, rule, rank, slot))

    def hurry(self, chat_id: int) -> None:
        """The chat's silent turn that somebody waits for has become a loud one."""
        self._queue.hurry(chat_id, self._clock())
        self._look()

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """Let a call of the bot through when it may go."""
        target = getattr(method, "chat_id", None)
        turn = _turn.get()
        if turn is not None and turn.limiter is self and turn.chat == target:
            _turn.set(None)
            await self._use(turn)
            return await make_request(bot, method)
        await self._pace(method.__api_method__, target)
        try:
            return await make_request(bot, method)
        except TelegramRetryAfter as error:
            if error.retry_after > _PATIENCE:
                raise
            await self._wait(asyncio.get_running_loop().create_future(), error.retry_after)
        await self._pace(method.__api_method__, target)
        return await make_request(bot, method)

    async def _use(self, turn: _Turn) -> None:
        """Begin with the turn that was taken; one that is too old is waited for again."""
        if self._unused.get(turn.chat) is turn.slot:
            del self._unused[turn.chat]
        slot = turn.slot
        while not self._queue.begin(slot, self._clock()):
            slot = await self._admit(turn.chat, turn.rule, turn.rank)
        self._look()

    async def _pace(self, name: str, target: int | str | None) -> None:
        if _is_seen(name) and target is not None:
            private = isinstance(target, int) and target > 0
            slot = await self._admit(target, _rule(group=not private), Rank.ANSWER)
        elif _is_counted(name):
            slot = await self._admit(None, PRIVATE, Rank.ANSWER)
        else:
            return
        self._queue.begin(slot, self._clock())
        self._look()

    async def _admit(self, chat: int | str | None, rule: Rule, rank: Rank) -> Slot:
        waiter = self._queue.join(chat, rule, rank, self._clock())
        try:
            self._look(waiter)
            while waiter.slot is None:
                await self._sleep(waiter)
                self._look(waiter)
        except BaseException:
            self._queue.leave(waiter, self._clock())
            self._look()
            raise
        return waiter.slot

    async def _sleep(self, waiter: Waiter) -> None:
        """Until somebody has news, or it is time to look: one of those who wait does that for all."""
        now = self._clock()
        at = self._queue.next_at(now)
        woken = self._woken[waiter] = asyncio.get_running_loop().create_future()
        looks = self._is_early(at)
        if looks:
            self._alarms[waiter] = at
        try:
            await self._wait(woken, max(at - now, 0.0) if looks else math.inf)
        finally:
            del self._woken[waiter]
            self._alarms.pop(waiter, None)

    def _look(self, by: Waiter | None = None) -> None:
        """Tell those whose turn it is, and see to it that somebody looks again in time."""
        now = self._clock()
        for waiter in self._queue.grant(now):
            self._wake(waiter)
        if (by is None or by.slot is not None) and self._is_early(self._queue.next_at(now)):
            asleep = (one for one, woken in self._woken.items() if one not in self._alarms and not woken.done())
            other = next(asleep, None)
            if other is not None:
                self._wake(other)

    def _is_early(self, at: float) -> bool:
        """Whether that is before anybody looks."""
        return at < min(self._alarms.values(), default=math.inf) - EPSILON

    def _wake(self, waiter: Waiter) -> None:
        woken = self._woken.get(waiter)
        if woken is not None and not woken.done():
            woken.set_result(None)


def _rule(*, group: bool) -> Rule:
    return GROUP if group else PRIVATE


_SEEN = ("send", "copy", "forward", "edit", "deletemessage", "stop")
_COUNTED = ("answer", "setmessagereaction", "sendchataction")


def _is_seen(name: str) -> bool:
    """Whether the call changes what stands in a chat."""
    return name.lower().startswith(_SEEN) and not _is_counted(name)


def _is_counted(name: str) -> bool:
    """Whether the call counts, but in no chat."""
    return name.lower().startswith(_COUNTED)
