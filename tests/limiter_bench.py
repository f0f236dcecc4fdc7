"""A limiter on a clock of its own, for tests of how it paces."""

import asyncio
import heapq
import itertools
import math
from collections.abc import Coroutine
from typing import Any, cast

from aiogram import Bot
from aiogram.client.session.middlewares.base import NextRequestMiddlewareType
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import Response, SendMessage, TelegramMethod

from src.bot.limiter import Limiter

BOT = cast("Bot", None)  # the limiter hands it on and looks at nothing of it


class SteppedTime:
    """A clock that stands still while anyone works and jumps to the next alarm when all sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self._alarms: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._working = self._looks = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await self.wait(asyncio.get_running_loop().create_future(), seconds)

    async def wait(self, woken: "asyncio.Future[None]", seconds: float) -> None:
        """Until somebody else wakes us, or so much time has passed."""
        if not math.isinf(seconds):
            heapq.heappush(self._alarms, (self.now + seconds, next(self._numbers), woken))
        woken.add_done_callback(self._works_again)
        self._working -= 1
        self._look()
        try:
            await asyncio.wait((woken,))
        except asyncio.CancelledError:
            if woken.remove_done_callback(self._works_again):
                self._working += 1  # whoever was cancelled works until it ends
            woken.cancel()  # nobody waits for it: its alarm is none
            raise

    def _works_again(self, _woken: "asyncio.Future[None]") -> None:
        self._working += 1

    def _look(self) -> None:
        # Later, and only the last one: whoever was woken meanwhile is counted as working again by then.
        self._looks += 1
        asyncio.get_running_loop().call_soon(self._step, self._looks)

    def _step(self, look: int) -> None:
        """Wake the next sleeper when nobody works any more."""
        while look == self._looks and self._working == 0 and self._alarms:
            at, _, alarm = heapq.heappop(self._alarms)
            if not alarm.done():
                self.now = max(self.now, at)
                alarm.set_result(None)
                return  # it is counted before the next step

    async def run(self, *work: Coroutine[Any, Any, None]) -> None:
        """All of it side by side, with what it starts, to the end."""
        async with asyncio.TaskGroup() as self._group:
            for coroutine in work:
                self.start(coroutine)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """One more, while `run` runs."""
        self._working += 1

        async def one() -> None:
            try:
                await coroutine
            finally:
                self._working -= 1
                self._look()

        self._group.create_task(one())


class Wire:
    """Where requests go: notes when each began, and answers as it was told to."""

    def __init__(self, time: SteppedTime) -> None:
        self._time = time
        self.begun: list[tuple[float, TelegramMethod[Any]]] = []
        self.refusals: list[int] = []
        self._refused: dict[int, int] = {}

    def refuse(self, chat_id: int, seconds: int) -> None:
        """The next call to this chat is told to wait."""
        self._refused[chat_id] = seconds

    async def __call__(self, bot: Bot, method: TelegramMethod[Any]) -> Response[Any]:
        self.begun.append((self._time.now, method))
        if self.refusals:
            raise TelegramRetryAfter(method, "Too Many Requests", self.refusals.pop(0))
        if getattr(method, "text", "") == "answer" and (seconds := self._refused.pop(getattr(method, "chat_id", 0), 0)):
            raise TelegramRetryAfter(method, "Too Many Requests", seconds)
        return Response(ok=True)

    def times(self, chat_id: int | None = None) -> list[float]:
        return [at for at, method in self.begun if chat_id is None or getattr(method, "chat_id", None) == chat_id]

    def order(self) -> list[str]:
        return [getattr(method, "text", "") for _, method in self.begun]


class Bench:
    """A limiter, its clock and its wire."""

    def __init__(self, time: SteppedTime | None = None) -> None:
        self.time = time or SteppedTime()
        self.wire = Wire(self.time)
        self.limiter = Limiter(clock=self.time, wait=self.time.wait)

    async def call(self, method: TelegramMethod[Any]) -> None:
        await self.limiter(cast("NextRequestMiddlewareType[Any]", self.wire), BOT, method)

    async def answer(self, chat_id: int, text: str = "answer", after: float = 0) -> None:
        if after:
            await self.time.sleep(after)
        await self.call(SendMessage(chat_id=chat_id, text=text))

    async def notify(self, chat_id: int, count: int = 1, text: str = "news", *, loud: bool = True) -> None:
        for _ in range(count):
            await self.limiter.turn(chat_id, group=chat_id < 0, loud=loud)
            await self.call(SendMessage(chat_id=chat_id, text=text))


def most_within(times: list[float], window: float) -> int:
    """The most that lie within any window of so many seconds, both ends included."""
    return max(sum(start <= at <= start + window for at in times) for start in times)


def gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 6) for earlier, later in itertools.pairwise(times)]
