"""Jobs: asked for in a transaction, done once, tried again, given up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from src.database.database import Database
from src.database.jobs import JobRunner, PostponeJob
from src.database.models import Base, Job, LogEntry
from src.database.repositories import jobs
from tests.databases import url_in

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(url_in(tmp_path, "jobs.db"))
    async with made.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield made
    await made.close()


async def put(database: Database, key: str, *, run_at: datetime | None = None, now: datetime = NOON) -> bool:
    async with database.write() as session:
        return await jobs.put(session, "bake", key, now=now, run_at=run_at, payload={"number": 7})


async def rows(database: Database) -> list[Job]:
    async with database.read() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


def runner(
    database: Database, bake: Callable[[Job], object], clock: Clock, *, recurring: tuple[str, ...] = ()
) -> JobRunner:
    async def handle(job: Job) -> datetime | None:
        found = bake(job)
        return found if isinstance(found, datetime) else None

    return JobRunner(database, {"bake": handle}, recurring=recurring, owner="test", clock=clock)


async def test_a_job_is_done_once_and_its_row_goes(database: Database) -> None:
    done: list[tuple[str, object]] = []
    await put(database, "bread")
    assert not await put(database, "bread")
    work = runner(database, lambda job: done.append((job.key, job.payload["number"])), Clock())
    assert await work.run_due() == 1
    assert done == [("bread", 7)]
    assert await rows(database) == []


async def test_what_waits_is_brought_forward_and_never_put_back(database: Database) -> None:
    await put(database, "bread", run_at=NOON + timedelta(hours=2))
    await put(database, "bread", run_at=NOON + timedelta(hours=1))
    await put(database, "bread", run_at=NOON + timedelta(hours=3))
    assert [row.run_at for row in await rows(database)] == [NOON + timedelta(hours=1)]


async def test_what_is_asked_while_it_is_done_is_done_once_more_and_not_beside_it(database: Database) -> None:
    await put(database, "bread")
    async with database.write() as session:
        first = await jobs.claim(session, ["bake"], owner="a", now=NOON, lease=timedelta(minutes=5))
    assert first is not None
    assert await put(database, "bread")
    async with database.write() as session:
        assert await jobs.claim(session, ["bake"], owner="b", now=NOON, lease=timedelta(minutes=5)) is None
        assert await jobs.finish(session, first)
        assert await jobs.claim(session, ["bake"], owner="b", now=NOON, lease=timedelta(minutes=5)) is not None


async def test_a_dead_workers_job_is_taken_over_and_the_dead_one_writes_nothing(database: Database) -> None:
    await put(database, "bread")
    async with database.write() as session:
        first = await jobs.claim(session, ["bake"], owner="a", now=NOON, lease=timedelta(minutes=5))
    later = NOON + timedelta(minutes=6)
    async with database.write() as session:
        second = await jobs.claim(session, ["bake"], owner="b", now=later, lease=timedelta(minutes=5))
    assert first is not None
    assert second is not None
    assert second.fence > first.fence
    async with database.write() as session:
        assert not await jobs.finish(session, first)
        assert await jobs.finish(session, second)


async def test_failures_are_tried_again_with_a_growing_pause_and_then_given_up(database: Database) -> None:
    clock, tries = Clock(), 0

    def fail(_job: Job) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("a secret word")

    await put(database, "bread")
    work = runner(database, fail, clock)
    for _ in range(40):
        await work.run_due()
        clock.now += timedelta(minutes=11)
    assert tries == 12
    (dead,) = await rows(database)
    assert (dead.state, dead.error) == ("dead", "RuntimeError")
    async with database.read() as session:
        (entry,) = await session.scalars(select(LogEntry))
    assert entry.message == "bake bread: given up after 12 attempts: RuntimeError"
    assert await put(database, "bread")  # may be asked for again


async def test_a_postponed_job_waits_and_costs_no_attempt(database: Database) -> None:
    clock = Clock()

    def wait(_job: Job) -> None:
        raise PostponeJob(NOON + timedelta(hours=1), "the forge wants quiet")

    await put(database, "bread")
    await runner(database, wait, clock).run_due()
    (row,) = await rows(database)
    assert (row.run_at, row.attempts, row.error) == (NOON + timedelta(hours=1), 0, "the forge wants quiet")


async def test_what_recurs_comes_again_when_it_said(database: Database) -> None:
    clock, times = Clock(), []

    def bake(_job: Job) -> datetime:
        times.append(clock.now)
        return clock.now + timedelta(minutes=5)

    async with database.write() as session:
        await jobs.put(session, "bake", "", now=NOON)
    work = runner(database, bake, clock, recurring=("bake",))
    for _ in range(3):
        await work.run_due()
        clock.now += timedelta(minutes=5)
    assert times == [NOON, NOON + timedelta(minutes=5), NOON + timedelta(minutes=10)]


async def test_a_stop_gives_back_what_takes_long(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.database.jobs._DRAIN", 0.01)
    begun, stop = asyncio.Event(), asyncio.Event()

    async def hang(_job: Job) -> datetime | None:
        begun.set()
        await asyncio.Event().wait()
        return None

    await put(database, "bread")
    work = JobRunner(database, {"bake": hang}, owner="test", clock=Clock())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work.run(stop))
        await begun.wait()
        stop.set()
    (row,) = await rows(database)
    assert (row.state, row.run_at, row.attempts, row.error) == ("new", NOON, 0, "the process stopped")
