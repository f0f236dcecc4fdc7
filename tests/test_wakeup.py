"""LISTEN and NOTIFY: what is committed in one process is begun in another at once; polling is behind it."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from src.database import migrate, wakeup
from src.database.database import Database
from src.database.models import Forge, Hook, utc_now
from src.database.repositories import arrivals, jobs
from src.database.repositories.deliveries import NewDelivery
from src.database.wakeup import DELIVERIES, JOBS, MESSAGES, Listener, announce, announce_now
from tests.databases import sqlite_url
from tests.postgres import Server, fresh

ROOT = Path(__file__).parent.parent
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

# A process that does jobs, as soon as it hears of them: its polling would take a minute.
_WORKER = """
import asyncio, sys, time
from datetime import timedelta
from src.database import jobs
from src.database.database import Database
from src.database.wakeup import JOBS, Listener

async def main():
    jobs._POLL = timedelta(minutes=1)
    database, stop = Database(sys.argv[1]), asyncio.Event()

    async def begin(job):
        print(time.monotonic(), flush=True)

    runner = jobs.JobRunner(database, {"probe": begin}, owner="worker")
    listener = Listener(database.url, {JOBS: [runner.wake]})

    async def tell():
        await listener.listens.wait()
        print("ready", flush=True)

    async with asyncio.TaskGroup() as tasks:
        for work in (runner.run(stop), listener.run(stop), tell()):
            tasks.create_task(work)

asyncio.run(main())
"""


@pytest.fixture
async def database(server: Server) -> AsyncIterator[Database]:
    opened = Database(fresh(server))
    yield opened
    await opened.close()


class Woken:
    """Counts, by topic, and lets a test wait for it."""

    def __init__(self) -> None:
        self.times = dict.fromkeys((DELIVERIES, MESSAGES, JOBS), 0)
        self._news = asyncio.Event()

    def wakes(self) -> dict[str, list[Callable[[], None]]]:
        return {topic: [lambda topic=topic: self._wake(topic)] for topic in self.times}  # type: ignore[misc] # a default

    def _wake(self, topic: str) -> None:
        self.times[topic] += 1
        self._news.set()

    async def until(self, **times: int) -> None:
        async with asyncio.timeout(10):
            while not all(self.times[topic] >= least for topic, least in times.items()):
                self._news.clear()
                await self._news.wait()

    def forget(self) -> None:
        self.times = dict.fromkeys(self.times, 0)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[tuple[Listener, Woken]]:
    woken, stop = Woken(), asyncio.Event()
    listener = Listener(url, woken.wakes())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listener.run(stop))
        try:
            async with asyncio.timeout(10):
                await listener.listens.wait()
            await woken.until(deliveries=1, messages=1, jobs=1)  # at first all are woken: something may be there
            woken.forget()
            yield listener, woken
        finally:
            stop.set()


async def put_job(database: Database, key: str, kind: str = "probe") -> None:
    async with database.write() as session:
        await jobs.put(session, kind, key, now=utc_now())


async def test_a_commit_in_one_process_is_begun_in_another_at_once(database: Database) -> None:
    """Not by polling, which would take a minute here. Prints how long it takes."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WORKER, database.url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    took = []
    try:
        async with asyncio.timeout(30):
            assert await worker.stdout.readline() == b"ready\n"
            for number in range(20):
                await put_job(database, str(number))
                committed = time.monotonic()
                took.append(float(await worker.stdout.readline()) - committed)
    finally:
        worker.kill()
        await worker.wait()
    print(f"\nfrom commit to begin in another process: median {statistics.median(took) * 1000:.1f} ms, "
          f"longest {max(took) * 1000:.1f} ms of {len(took)}")  # fmt: skip


async def test_each_kind_of_commit_wakes_those_whom_it_concerns(database: Database) -> None:
    async with database.write() as session:
        session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
        await session.flush()
        session.add(
            Hook(id=1, public_id="h", forge_id=1, origin="managed", secret=b"s", events=[], created_at=utc_now())
        )
    async with listening(database.url) as (_, woken):
        delivery = NewDelivery(
            hook_id=1, key="k", replay_key=None, event="push", headers={}, body=b"", received_at=utc_now()
        )
        await arrivals.put(database, [delivery])
        await announce_now(database, DELIVERIES)
        await woken.until(deliveries=1)
        await put_job(database, "a")
        await woken.until(jobs=1)
        async with database.write() as session:
            for _ in range(3):
                await announce(session, MESSAGES)
        await woken.until(messages=1)
        await put_job(database, "b")
        await woken.until(jobs=2)
        assert woken.times == {DELIVERIES: 1, MESSAGES: 1, JOBS: 2}, "once for a commit, however much was put"


async def test_what_is_rolled_back_wakes_nobody(database: Database) -> None:
    async with listening(database.url) as (_, woken):

        async def put_and_fail() -> None:
            async with database.write() as session:
                await jobs.put(session, "probe", "a", now=utc_now())
                raise RuntimeError("not this time")

        with pytest.raises(RuntimeError, match="not this time"):
            await put_and_fail()
        async with database.write() as session:
            await announce(session, MESSAGES)
        await woken.until(messages=1)
        assert woken.times[JOBS] == 0


async def test_what_is_asked_for_later_wakes_nobody_now(database: Database) -> None:
    async with listening(database.url) as (_, woken):
        async with database.write() as session:
            await jobs.put(session, "probe", "a", now=NOON, run_at=NOON.replace(hour=13))
            await announce(session, MESSAGES)
        await woken.until(messages=1)
        assert woken.times[JOBS] == 0


async def test_a_lost_connection_is_made_again_and_what_was_missed_is_looked_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeup, "_SHORTEST_PAUSE", 0.01)
    async with listening(database.url) as (_, woken):
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'git-assistant listener'"
        async with database.write() as session:
            await session.execute(text(f"{cut} AND datname = current_database()"))
        await woken.until(deliveries=1, messages=1, jobs=1)
        woken.forget()
        await put_job(database, "a")
        await woken.until(jobs=1)


async def test_a_server_that_is_not_there_is_tried_again_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    listener = Listener("postgresql+asyncpg://ann:hush@127.0.0.1:9/nowhere", Woken().wakes())
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(listener.run(stop))
        while "polling goes on" not in caplog.text:  # noqa: ASYNC110 - a log line is no event
            await asyncio.sleep(0.01)
        stop.set()
    assert not listener.listens.is_set()
    assert "hush" not in caplog.text


async def test_on_sqlite_there_is_nobody_to_tell(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path))
    try:
        await migrate.upgrade(database)
        await put_job(database, "a")
        async with database.write() as session:
            await announce(session, JOBS)
            assert not session.info.get("announced")
    finally:
        await database.close()
