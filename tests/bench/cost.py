"""Figure (d): what one delivery costs the pipeline, with few and with many rows stored and subscriptions made."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import select

from src.database import migrate
from src.database.database import Database
from src.database.literally import stands
from src.database.models import Delivery
from tests.bench.table import Asked, Figure, figure, in_turns
from tests.crowd import Crowd, gather, post, remember
from tests.postgres import running
from tests.worker import worker

DELIVERIES = 60  # in one run
_FLAT = 1.3  # times


@dataclass
class Stage:
    """A database with what was stored before."""

    database: Database
    crowd: Crowd
    posted: int = 1_000_000

    async def drain(self) -> float:
        """Milliseconds a delivery, from the claim to the outbox."""
        await post(self.database, self.crowd.hook_ids, self.posted, DELIVERIES)
        self.posted += DELIVERIES
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            began = time.perf_counter()
            tasks.create_task(worker(self.database, "bench").run(stop))
            while await self._waits():  # noqa: ASYNC110 - rows tell nobody that they are done
                await asyncio.sleep(0.005)
            took = time.perf_counter() - began
            stop.set()
        return took / DELIVERIES * 1e3

    async def _waits(self) -> bool:
        async with self.database.read() as session:
            for state in ("new", "taken"):
                if await session.scalar(select(Delivery.id).where(stands(Delivery.state, state)).limit(1)) is not None:
                    return True
        return False


async def _stage(url: str, rows: int, subscriptions: int) -> Stage:
    database = Database(url)
    await migrate.upgrade(database)
    crowd = await gather(database, 1)
    for number in range(0, subscriptions - 1, 10_000):  # those of other projects
        part = min(10_000, subscriptions - 1 - number)
        await gather(database, part, path=f"acme/other{number}", external_id=f"9{number}")
    await remember(database, crowd, rows)
    return Stage(database, crowd)


async def measure(asked: Asked) -> list[Figure]:
    """Both databases; the smaller of each pair is the other's reference."""
    rows = 1_000_000 if asked.long else 100_000
    files = iter(range(100))

    def file() -> str:
        return f"sqlite+aiosqlite:///{asked.folder / f'cost{next(files)}.db'}"

    found = await _both("SQLite", file, rows, asked.rounds)
    with running(fsync=True) as server:
        return found + await _both("PostgreSQL", server.create, rows, asked.rounds)


async def _both(name: str, url: Callable[[], str], rows: int, rounds: int) -> list[Figure]:
    small, large, crowded = [await _stage(url(), *size) for size in ((10_000, 100), (rows, 100), (10_000, 100_000))]
    runs: dict[str, Callable[[], Awaitable[float]]] = {
        "small": small.drain, "large": large.drain, "crowded": crowded.drain,
    }  # fmt: skip
    try:
        found = await in_turns(runs, rounds)
    finally:
        for stage in (small, large, crowded):
            await stage.database.close()
    small_ones, note = found["small"], "reference: 10,000 rows, 100 subscriptions"
    return [
        figure(f"a delivery with {rows:,} rows, {name}", "ms", found["large"], small_ones, at_most=_FLAT, note=note),
        figure(
            f"a delivery with 100,000 subscriptions, {name}", "ms", found["crowded"], small_ones, at_most=_FLAT,
            note=note,
        ),
    ]  # fmt: skip
