"""A limiter on a clock of its own, for tests of how it paces."""

import asyncio
import heapq
import itertools
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
        self._working = 0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        alarm = asyncio.get_running_loop().create_future()
        heapq.heappush(self._alarms, (self.now + seconds, next(self._numbers), alarm))
        self._working -= 1
        self._step()
        try:
            await alarm
        except asyncio.CancelledError:
            if not alarm.done() or alarm.cancelled():
                self._working += 1  # whoever was cancelled works until it ends
            raise

    def _step(self) -> None:
        """Wake the next sleeper when nobody works any more; who is woken works."""
        while self._working == 0 and self._alarms:
            at, _, alarm = heapq.heappop(self._alarms)
            if not alarm.done():
                self.now = max(self.now, at)
                self._working += 1
                alarm.set_result(None)

    async def run(self, *work: Coroutine[Any, Any, None]) -> None:
        """All of it side by side, to the end."""
        self._working += len(work)

        async def one(coroutine: Coroutine[Any, Any, None]) -> None:
            try:
                await coroutine
            finally:
                self._working -= 1
                self._step()

        async with asyncio.TaskGroup() as group:
            for coroutine in work:
                group.create_task(one(coroutine))


class Wire:
    """Where requests go: notes when each began, and answers as it was told to."""

    def __init__(self, time: SteppedTime) -> None:
        self._time = time
        self.begun: list[tuple[float, TelegramMethod[Any]]] = []
        self.refusals: list[int] = []

    async def __call__(self, bot: Bot, method: TelegramMethod[Any]) -> Response[Any]:
        self.begun.append((self._time.now, method))
        if self.refusals:
            raise TelegramRetryAfter(method, "Too Many Requests", self.refusals.pop(0))
        return Response(ok=True)

    def times(self, chat_id: int | None = None) -> list[float]:
        return [at for at, method in self.begun if chat_id is None or getattr(method, "chat_id", None) == chat_id]

    def order(self) -> list[str]:
        return [getattr(method, "text", "") for _, method in self.begun]


class Bench:
    """A limiter, its clock and its wire."""

    def __init__(self) -> None:
        self.time = SteppedTime()
        self.wire = Wire(self.time)
        self.limiter = Limiter(clock=self.time, sleep=self.time.sleep)

    async def call(self, method: TelegramMethod[Any]) -> None:
        await self.limiter(cast("NextRequestMiddlewareType[Any]", self.wire), BOT, method)

    async def answer(self, chat_id: int, text: str = "answer", after: float = 0) -> None:
        if after:
            await self.time.sleep(after)
        await self.call(SendMessage(chat_id=chat_id, text=text))

    async def notify(self, chat_id: int, count: int = 1, text: str = "news") -> None:
        for _ in range(count):
            await self.limiter.turn(chat_id, group=chat_id < 0)
            await self.call(SendMessage(chat_id=chat_id, text=text))


def most_within(times: list[float], window: float) -> int:
    """The most that lie within any window of so many seconds, both ends included."""
    return max(sum(start <= at <= start + window for at in times) for start in times)


def gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 6) for earlier, later in itertools.pairwise(times)]
