"""Figure (f): a backlog worked off on each database, by one worker and on PostgreSQL by two, each a process.

As a module of its own it is such a worker: ``python -m tests.bench.workers URL OWNER`` begins when it reads a line.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable

import uvloop
from sqlalchemy import select

from src.database import migrate
from src.database.database import Database
from src.database.literally import stands
from src.database.models import Delivery
from tests.bench.servers import ROOT
from tests.bench.table import Asked, Figure, figure, in_turns
from tests.crowd import Crowd, gather, post
from tests.postgres import running
from tests.worker import worker

BACKLOG = 240
_PROJECTS = 16


async def work(url: str, owner: str) -> None:
    """A worker until nothing waits."""
    database, stop = Database(url), asyncio.Event()
    try:
        async with database.read() as session:
            await session.scalar(select(Delivery.id).limit(1))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker(database, owner).run(stop))
            while await _waits(database):  # noqa: ASYNC110 - rows tell nobody that they are done
                await asyncio.sleep(0.01)
            stop.set()
    finally:
        await database.close()


async def _waits(database: Database) -> bool:
    async with database.read() as session:
        for state in ("new", "taken"):
            if await session.scalar(select(Delivery.id).where(stands(Delivery.state, state)).limit(1)) is not None:
                return True
    return False


class Backlog:
    """A database whose inbox is filled anew for each run."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.crowds: list[Crowd] = []
        self.posted = 0

    async def fill(self) -> None:
        """Of several projects with a hook each: only those can be worked on side by side."""
        database = Database(self.url)
        try:
            if not self.crowds:
                await migrate.upgrade(database)
                for number in range(_PROJECTS):
                    crowd = await gather(database, 1, path=f"acme/rocket{number}", external_id=str(5_000 + number))
                    self.crowds.append(crowd)
            each = BACKLOG // _PROJECTS
            for number, crowd in enumerate(self.crowds):
                await post(database, crowd.hook_ids, self.posted, each, external_id=5_000 + number)
            self.posted += each
        finally:
            await database.close()

    def by(self, workers: int) -> Callable[[], Awaitable[float]]:
        """Deliveries a second."""

        async def run() -> float:
            await self.fill()
            processes = [await _start(self.url, f"worker-{number}") for number in range(workers)]
            began = time.perf_counter()
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(b"go\n")
            for process in processes:
                assert await process.wait() == 0
            return BACKLOG / (time.perf_counter() - began)

        return run


async def _start(url: str, owner: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.workers", url, owner, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def measure(asked: Asked) -> list[Figure]:
    """One and two; SQLite has one writer, so that a second worker would only wait for it."""
    with running(fsync=True) as server:
        sqlite = Backlog(f"sqlite+aiosqlite:///{asked.folder / 'workers.db'}")
        postgresql = Backlog(server.create())
        runs = {"sqlite": sqlite.by(1), "one": postgresql.by(1), "two": postgresql.by(2)}
        found = await in_turns(runs, asked.rounds)
    note = f"both workers, PostgreSQL and the bench share {os.cpu_count()} cores"
    return [
        figure("deliveries worked off, one worker, SQLite", "/s", found["sqlite"]),
        figure("deliveries worked off, one worker, PostgreSQL", "/s", found["one"]),
        figure("deliveries worked off, two workers, PostgreSQL", "/s", found["two"], found["one"], note=note),
    ]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(work(sys.argv[1], sys.argv[2]))
