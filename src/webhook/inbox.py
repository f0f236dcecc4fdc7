"""The inbox: deliveries that wait together are committed together; an answer waits for its commit."""

import asyncio
from collections.abc import Callable

import zstandard

from src.database.database import Database
from src.database.repositories import deliveries
from src.database.repositories.deliveries import NewDelivery
from src.webhook.metrics import Metrics

_LARGEST_BATCH = 256
_LEVEL = 1  # a 24 KB payload becomes 2 KB in 14 microseconds; higher levels cost more than the disk does


class Inbox:
    """Stores deliveries durably. `put` returns when the delivery is on disk, or raises what kept it from there."""

    def __init__(self, database: Database, metrics: Metrics, *, stored: Callable[[], None]) -> None:
        """`stored` is called after every commit: somebody has work."""
        self._database = database
        self._metrics = metrics
        self._stored = stored
        self._waiting: list[tuple[NewDelivery, asyncio.Future[None]]] = []
        self._news = asyncio.Event()
        self._closed = False

    async def put(self, delivery: NewDelivery) -> None:
        """Store one delivery; the future of the whole batch is its own."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, done))
        self._news.set()
        await done

    async def run(self) -> None:
        """Commit batch after batch until `close`; what was put before that is stored."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:_LARGEST_BATCH], self._waiting[_LARGEST_BATCH:]
                await self._commit(batch)
            if self._closed:
                return

    def close(self) -> None:
        """No more will be put."""
        self._closed = True
        self._news.set()

    async def _commit(self, batch: list[tuple[NewDelivery, asyncio.Future[None]]]) -> None:
        error: Exception | None = None
        try:
            async with self._database.write() as session:
                await deliveries.put(session, [delivery for delivery, _ in batch])
        except Exception as reason:  # noqa: BLE001 - whatever it is, it is told to every request that waits
            error = reason
        for _, done in batch:
            if done.done():  # the client went away meanwhile
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        if error is None:
            self._metrics.commit_size.observe(len(batch))
            self._stored()


def compress(body: bytes) -> bytes:
    """How bodies are stored."""
    return zstandard.compress(body, _LEVEL)


def decompress(body: bytes) -> bytes:
    """Back to what came over the wire."""
    return zstandard.decompress(body)
