"""Every claim writes owner, end and fence; what has run out anybody takes over; a stale owner's write is refused.

For each of deliveries, messages, jobs and leases, on both databases. The stale owner stood still, as one suspended.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from src.database import migrate
from src.database.database import Database
from src.database.heartbeat import Heartbeat
from src.database.jobs import JobRunner
from src.database.models import Chat, Delivery, Forge, Hook, Job, Lease, Message, Project, StoredEvent
from src.database.repositories import deliveries, jobs, leases, messages

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TERM = timedelta(seconds=27)
LATER = NOON + TERM + timedelta(seconds=1)


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(each_database_url: str) -> AsyncIterator[Database]:
    """With a delivery, a message and a job that wait."""
    opened = Database(each_database_url)
    await migrate.upgrade(opened)
    async with opened.write() as session:
        session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
        session.add(Chat(id=1, telegram_id=71, type="private", title="ann"))
        await session.flush()
        session.add(Project(id=1, forge_id=1, external_id="501", path="acme/rocket", private=False))
        await session.flush()
        session.add(
            Hook(id=1, public_id="h", forge_id=1, project_id=1, origin="managed", secret=b"s", events=[],
                 created_at=NOON)
        )  # fmt: skip
        await session.flush()
        session.add(
            Delivery(id=1, hook_id=1, key="a", event="push", headers={}, received_at=NOON, state="new", not_before=NOON)
        )
        await session.flush()
        session.add(
            StoredEvent(id=1, delivery_id=1, project_id=1, happening_key="x", name="push", subject_key="s",
                        schema_version=1, body="{}", created_at=NOON)
        )  # fmt: skip
        await session.flush()
        session.add(
            Message(id=1, event_id=1, chat_id=1, op="send", reasons=[], subject_key="s", level="on", state="new",
                    not_before=NOON, created_at=NOON)
        )  # fmt: skip
        await jobs.put(session, "bake", "bread", now=NOON)
    yield opened
    await opened.close()


async def test_a_stale_owner_of_a_delivery_writes_nothing(database: Database) -> None:
    async with database.write() as session:
        (mine,) = await deliveries.claim(session, owner="stale", now=NOON, lease=TERM, limit=9)
    assert (mine.lease_owner, mine.lease_until, mine.fence) == ("stale", NOON + TERM, 1)
    async with database.write() as session:
        assert not await deliveries.claim(session, owner="other", now=NOON + TERM / 2, lease=TERM, limit=9)
        (theirs,) = await deliveries.claim(session, owner="other", now=LATER, lease=TERM, limit=9)
    assert (theirs.lease_owner, theirs.fence) == ("other", 2)
    async with database.write() as session:
        assert not await deliveries.renew(session, [1], owner="stale", until=LATER + TERM)
        assert not await deliveries.finish(session, mine, state="done")
        assert not await deliveries.postpone(session, mine, until=LATER, error="late")
        assert not await deliveries.release(session, mine, now=LATER)
    async with database.write() as session:
        assert await deliveries.renew(session, [1], owner="other", until=LATER + TERM * 2) == {1}
        assert await deliveries.finish(session, theirs, state="done")
    async with database.write() as session:
        assert not await deliveries.finish(session, mine, state="failed"), "not afterwards either"
        assert (await session.get_one(Delivery, 1)).state == "done"


async def test_a_stale_owner_of_a_message_writes_nothing(database: Database) -> None:
    async with database.write() as session:
        mine = await messages.begin(session, await message(database), owner="stale", now=NOON, lease=TERM)
    row = await message(database)
    assert (row.lease_owner, row.lease_until, row.fence) == ("stale", NOON + TERM, mine)
    async with database.write() as session:
        assert await messages.take_back(session, now=NOON + TERM / 2, but="other") == 0, "it has its time"
        assert await messages.take_back(session, now=LATER, but="stale") == 0, "it is the sender itself"
        assert await messages.take_back(session, now=LATER, but="other") == 1
    async with database.write() as session:
        assert mine is not None
        assert not await messages.end(session, 1, fence=mine, state="sent"), "it waits again"
        theirs = await messages.begin(session, await session.get_one(Message, 1), owner="other", now=LATER, lease=TERM)
        assert theirs == mine + 1
    async with database.write() as session:
        assert not await messages.end(session, 1, fence=mine, state="sent"), "another sends it"
        assert await messages.end(session, 1, fence=mine + 1, state="sent")
    async with database.write() as session:
        assert not await messages.end(session, 1, fence=mine, state="new"), "it was sent"


async def test_a_stale_owner_of_a_job_writes_nothing(database: Database) -> None:
    async with database.write() as session:
        mine = await jobs.claim(session, ["bake"], owner="stale", now=NOON, lease=TERM)
    assert mine is not None
    assert (mine.lease_owner, mine.lease_until, mine.fence) == ("stale", NOON + TERM, 1)
    async with database.write() as session:
        assert await jobs.claim(session, ["bake"], owner="other", now=NOON + TERM / 2, lease=TERM) is None
        theirs = await jobs.claim(session, ["bake"], owner="other", now=LATER, lease=TERM)
    assert theirs is not None
    assert (theirs.lease_owner, theirs.fence) == ("other", 2)
    async with database.write() as session:
        assert not await jobs.renew(session, [mine.id], owner="stale", until=LATER + TERM)
        assert not await jobs.finish(session, mine)
        assert not await jobs.postpone(session, mine, until=LATER)
        assert not await jobs.give_up(session, mine, error="late")
        assert await jobs.finish(session, theirs)


async def test_a_stale_holder_of_a_lease_keeps_nothing(database: Database) -> None:
    async with database.write() as session:
        mine = await leases.acquire(session, "telegram:42", owner="stale", now=NOON, term=TERM)
        assert await leases.acquire(session, "telegram:42", owner="other", now=NOON + TERM / 2, term=TERM) is None
        assert mine is not None
        assert await leases.is_held(session, "telegram:42", owner="stale", fence=mine, now=NOON + TERM / 2)
        assert not await leases.is_held(session, "telegram:42", owner="stale", fence=mine, now=LATER), "it ran out"
    async with database.write() as session:
        theirs = await leases.acquire(session, "telegram:42", owner="other", now=LATER, term=TERM)
        assert theirs == mine + 1
        assert await leases.renew(session, "telegram:42", owner="stale", fence=mine, now=LATER, term=TERM) is None
        await leases.release(session, "telegram:42", owner="stale", fence=mine, now=LATER)
        assert not await leases.is_held(session, "telegram:42", owner="stale", fence=mine, now=LATER)
        assert await leases.is_held(session, "telegram:42", owner="other", fence=theirs, now=LATER)
    async with database.read() as session:
        assert (await session.get_one(Lease, "telegram:42")).until == LATER + TERM


async def test_a_long_job_keeps_its_lease_and_nobody_else_begins_it(database: Database) -> None:
    """Four minutes of work under a lease of half a minute."""
    clock, begun, end = Clock(), asyncio.Event(), asyncio.Event()

    async def bake(_job: Job) -> datetime | None:
        begun.set()
        await end.wait()
        return None

    runner = JobRunner(database, {"bake": bake}, owner="long", lease=TERM, clock=clock)
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        work = tasks.create_task(runner.run_due())
        await begun.wait()
        for _ in range(20):
            clock.now += TERM / 3
            # A database that takes long is asked again, as it is at work; the lease's time stands still here.
            while not await runner._heartbeat.beat():
                assert not work.done()
            async with database.write() as session:
                assert await jobs.claim(session, ["bake"], owner="other", now=clock.now, lease=TERM) is None
        end.set()
    async with database.read() as session:
        assert await session.get(Job, 1) is None


async def test_a_job_whose_lease_was_lost_is_stopped_and_the_next_ones_go_on(database: Database) -> None:
    """Its runner stood still; another process does it meanwhile."""
    clock, begun, stopped = Clock(), asyncio.Event(), asyncio.Event()

    async def bake(_job: Job) -> datetime | None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise
        return None

    runner = JobRunner(database, {"bake": bake}, owner="stale", lease=TERM, clock=clock)
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        work = tasks.create_task(runner.run_due())
        await begun.wait()
        clock.now = LATER
        async with database.write() as session:
            theirs = await jobs.claim(session, ["bake"], owner="other", now=clock.now, lease=TERM)
        assert theirs is not None
        await runner._heartbeat.beat()
        await stopped.wait()
        await asyncio.wait([work])
    async with database.write() as session:
        row = await session.get_one(Job, theirs.id)
        assert (row.state, row.lease_owner) == ("taken", "other"), "the stopped one wrote nothing"
        assert await jobs.finish(session, theirs)


async def test_what_hangs_is_not_held_for_ever(database: Database) -> None:
    clock, lost = Clock(), []
    heartbeat = Heartbeat(
        database, deliveries.renew, owner="me", term=TERM, longest=timedelta(minutes=4), clock=clock
    )  # fmt: skip
    async with database.write() as session:
        (row,) = await deliveries.claim(session, owner="me", now=NOON, lease=TERM, limit=1)
    with heartbeat.holding(row, lost=lambda: lost.append(clock.now)):
        while not lost and clock.now < NOON + timedelta(minutes=6):
            clock.now += TERM / 3
            await heartbeat.beat()
    assert timedelta(minutes=4) < lost[0] - NOON < timedelta(minutes=4) + TERM
    async with database.write() as session:
        assert await deliveries.claim(session, owner="other", now=clock.now + TERM, lease=TERM, limit=1)


async def message(database: Database) -> Message:
    async with database.read() as session:
        return await session.get_one(Message, 1)
