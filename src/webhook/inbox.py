"""The inbox: deliveries that wait together are committed together; an answer waits for its commit."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import zstandard

from src.database.database import Database
from src.database.direct import NotStored, RowRefused
from src.database.repositories import arrivals
from src.database.repositories.deliveries import NewDelivery
from src.database.wakeup import DELIVERIES, announce_now
from src.webhook.metrics import Metrics

log = logging.getLogger(__name__)

_LARGEST_BATCH = 256
_QUIET_TURNS = 3  # a request takes two or three of the loop's from its last byte to the inbox
_LEVEL = 1  # a 24 KB payload becomes 2 KB in 14 microseconds; higher levels cost more than the disk does
_LONGEST_WAIT = 8.0  # seconds; forges give up after ten, and what is stored after all is known when it comes again
_PATIENCE = 5.0  # seconds that a batch waits for a database that is away: with a lock's five it is within the answer's
_PAUSE = 0.2
_BETWEEN_NEWS = 0.05  # seconds from one word to other processes to the next
_TELLING = 1.0  # seconds that one may take; by then they look for themselves

# Making one costs half of what it does to 24 KB. Not for several threads at once: the loop's has it.
_compressor = zstandard.ZstdCompressor(level=_LEVEL)

Waiting = tuple[NewDelivery, "asyncio.Future[None]"]


@dataclass(frozen=True)
class _Batches:
    """How a database is served best."""

    enough: int  # deliveries in one: for more, it is not held back
    at_once: int  # on their way to the disk, under load


_SQLITE = _Batches(enough=64, at_once=1)  # it has one writer
_POSTGRESQL = _Batches(enough=20, at_once=2)  # the server works on one while the next comes in


class Inbox:
    """Stores deliveries durably. `put` returns when the delivery is on disk, or raises what kept it from there."""

    def __init__(self, database: Database, metrics: Metrics, *, stored: Callable[[], None]) -> None:
        """`stored` is called after every commit: somebody in this process has work. Other processes are told."""
        self._database = database
        self._metrics = metrics
        self._stored = stored
        self._waiting: list[Waiting] = []
        self._asked: deque[tuple[float, asyncio.Future[None]]] = deque()  # since when who waits, oldest first
        self._news = asyncio.Event()
        self._batches = _SQLITE if database.is_sqlite else _POSTGRESQL
        self._flying = 0  # batches
        self._in_trouble = False  # one of them has to be tried again
        self._untold = False  # other processes have yet to hear that something was stored
        self._to_tell = asyncio.Event()
        self._closed = False
        self._loop = asyncio.get_running_loop()  # asking for it costs a call of the system each time

    def put(self, delivery: NewDelivery) -> "asyncio.Future[None]":
        """Store one delivery; the future is done when it is on disk. Its exception, if any, is `NotStored`."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._asked.append((time.monotonic(), done))
        self._waiting.append((delivery, done))
        self._news.set()
        return done

    async def run(self) -> None:
        """Commit batch after batch until `close`; what was put before that is stored.

        What comes while no more can be committed waits for the next one, and shares it: the more come, the larger they
        are.
        """
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(), name="inbox-watch")
            tasks.create_task(self._tell(over), name="inbox-tell")
            try:
                async with asyncio.TaskGroup() as commits:
                    await self._work(commits)
            finally:
                watching.cancel()
                over.set()
                self._to_tell.set()

    async def _work(self, commits: asyncio.TaskGroup) -> None:
        while not self._closed or self._waiting:
            await self._news.wait()
            self._news.clear()
            while self._waiting and self._may_fly():
                await self._gather()
                batch, self._waiting = self._waiting[:_LARGEST_BATCH], self._waiting[_LARGEST_BATCH:]
                self._flying += 1
                commits.create_task(self._fly(batch))

    def _may_fly(self) -> bool:
        """Whether a batch may be on its way beside others: only under load, for nobody knows which one lands first.

        Then two of one hook may change places that came at once, neither of them answered. Nothing overtakes what has
        to be tried again.
        """
        if not self._flying:
            return True
        has_room = self._flying < self._batches.at_once and not self._in_trouble
        return has_room and len(self._waiting) >= self._batches.enough

    async def _fly(self, batch: list[Waiting]) -> None:
        try:
            await self._commit(batch)
        finally:
            self._flying -= 1
            self._in_trouble = self._in_trouble and self._flying > 0
            self._news.set()

    def close(self) -> None:
        """No more will be put."""
        self._closed = True
        self._news.set()

    async def _watch(self) -> None:
        """Tell those who waited too long: one look at all of them now and then costs less than a timer for each."""
        while True:
            await asyncio.sleep(_LONGEST_WAIT / 20)
            longest = time.monotonic() - _LONGEST_WAIT
            while self._asked and (self._asked[0][1].done() or self._asked[0][0] <= longest):
                _, done = self._asked.popleft()
                if not done.done():
                    done.set_exception(NotStored("not in time"))

    async def _tell(self, over: asyncio.Event) -> None:
        """Wake other processes' workers, but not with every commit. Where that fails they look every second."""
        while not over.is_set():
            await self._to_tell.wait()
            self._to_tell.clear()
            if not self._untold:
                continue
            self._untold = False
            try:
                async with asyncio.timeout(_TELLING):
                    await announce_now(self._database, DELIVERIES)
            except (NotStored, TimeoutError) as error:
                log.debug("other processes were not told of deliveries: %s", error)
            except Exception:
                log.exception("other processes were not told of deliveries")
            await asyncio.sleep(_BETWEEN_NEWS)

    async def _gather(self) -> None:
        """Let those who are just coming in come, as long as the loop has nothing but them to do.

        It takes no time that anybody has: where nobody else comes, these are a few turns of an idle loop. Under load
        it makes batches, and so the share of a commit that each pays, twice as large.
        """
        quiet = 0
        while quiet < _QUIET_TURNS and len(self._waiting) < self._batches.enough:
            before = len(self._waiting)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == before else 0

    async def _commit(self, batch: list[Waiting]) -> None:
        """All together; one by one where one of them is in the way of the others."""
        try:
            await self._put(batch)
        except RowRefused as refused:
            self._in_trouble = True
            if len(batch) > 1:
                for one in batch:
                    await self._commit([one])
            else:
                self._fail(batch, refused)
        except NotStored as error:
            self._fail(batch, error)
        except Exception as error:
            log.exception("a batch of deliveries was not stored")
            self._fail(batch, NotStored(type(error).__name__))
        else:
            for _, done in batch:
                if not done.done():  # else the client went away meanwhile
                    done.set_result(None)
            self._metrics.commit_size.observe(len(batch))
            self._stored()
            self._untold = True
            self._to_tell.set()

    async def _put(self, batch: list[Waiting]) -> None:
        """Again and again for a while where the database is away: a restarted server is back in a second."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + _PATIENCE
        while True:
            try:
                return await arrivals.put(self._database, [delivery for delivery, _ in batch])
            except NotStored as error:
                if not error.soon or loop.time() >= give_up_at or all(done.done() for _, done in batch):
                    raise
            self._in_trouble = True
            await asyncio.sleep(_PAUSE)

    def _fail(self, batch: list[Waiting], error: NotStored) -> None:
        log.error("deliveries of hooks %s were not stored: %s", sorted({one.hook_id for one, _ in batch}), error)
        for _, done in batch:
            if not done.done():
                done.set_exception(error)


def compress(body: bytes) -> bytes:
    """How bodies are stored."""
    return _compressor.compress(body)


def decompress(body: bytes) -> bytes:
    """Back to what came over the wire."""
    return zstandard.decompress(body)
