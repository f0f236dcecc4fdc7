"""Retention: what has outlived its time goes, a batch at a time, and the write-ahead log with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text

from src.database import retention
from src.database.database import Database
from src.database.jobs import JobRunner
from src.database.models import (
    Base,
    Chat,
    Delivery,
    Forge,
    Hook,
    Job,
    Lease,
    LogEntry,
    Message,
    Project,
    Review,
    Sent,
    Speaker,
    StoredEvent,
)
from src.database.repositories import reviews
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
    made = Database(url_in(tmp_path, "kept.db"))
    async with made.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield made
    await made.close()


async def fill(database: Database, days_ago: int, count: int = 1) -> None:
    """A delivery with its event, message, what stands in the chat and the log of it, so many days old."""
    then = NOON - timedelta(days=days_ago)
    async with database.write() as session:
        if await session.get(Hook, 1) is None:
            session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
            session.add(Chat(id=1, telegram_id=71, type="private", title="ann"))
            await session.flush()
            session.add(Project(id=1, forge_id=1, external_id="501", path="acme/rocket", private=False))
            await session.flush()
            session.add(Hook(id=1, public_id="h", forge_id=1, project_id=1, origin="managed", secret=b"s", events=[],
                             created_at=then))  # fmt: skip
            await session.flush()
        for number in range(count):
            name = f"{days_ago}-{number}"
            delivery = Delivery(hook_id=1, key=name, event="issues", headers={"x": "y"}, body=b"body",
                                received_at=then, state="done", not_before=then)  # fmt: skip
            session.add(delivery)
            await session.flush()
            event = StoredEvent(delivery_id=delivery.id, project_id=1, happening_key=name, name="issue.opened",
                                subject_key="issue:1", schema_version=1, body="{}", created_at=then)  # fmt: skip
            session.add(event)
            await session.flush()
            session.add(Message(event_id=event.id, chat_id=1, op="send", reasons=[], subject_key="issue:1", level="on",
                                state="sent", not_before=then, created_at=then))  # fmt: skip
            session.add(Sent(bot_id=1, chat_id=1, telegram_message_id=hash(name) % 10**9, project_id=1,
                             subject_key="issue:1", sent_at=then))  # fmt: skip
            session.add(LogEntry(at=then, kind="webhook", outcome="done", message="told", delivery_id=delivery.id))
        session.add(Job(kind="x", key=f"{days_ago}", payload={}, state="dead", run_at=then, created_at=then))
        session.add(Lease(name=f"hooks:1:place{days_ago}", owner="", until=then, fence=1))


async def left(database: Database) -> dict[str, int]:
    async with database.read() as session:
        tables = (Delivery, StoredEvent, Message, Sent, LogEntry, Job, Lease, Project, Hook)
        return {
            table.__tablename__: await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        }


async def test_each_kind_goes_when_its_time_is_over_and_not_before(database: Database) -> None:
    for days in (200, 100, 70, 31, 29):
        await fill(database, days)
    assert await retention.expire(database, NOON)
    assert await left(database) == {
        "deliveries": 2, "events": 1, "messages": 1, "sent": 4, "event_log": 3, "jobs": 1, "leases": 0,
        "projects": 1, "hooks": 1,
    }  # fmt: skip
    async with database.read() as session:
        found = list(await session.scalars(select(Delivery).order_by(Delivery.id)))
    assert [(row.key, row.body, row.headers) for row in found] == [
        ("31-0", None, {}),  # emptied, but known by its key
        ("29-0", b"body", {"x": "y"}),
    ]


async def test_a_removed_hook_goes_with_its_last_delivery_and_an_unknown_project_after_it(database: Database) -> None:
    await fill(database, 200)
    async with database.write() as session:
        (await session.get_one(Hook, 1)).removed_at = NOON - timedelta(days=61)
        await session.execute(text("delete from sent"))
    await retention.expire(database, NOON)
    assert {name: count for name, count in (await left(database)).items() if count} == {}


async def test_who_spoke_in_a_project_is_known_as_long_as_the_project_and_the_reviews_go(database: Database) -> None:
    """Comments stay longer than the reviews that they came of: without this another account would say all anew."""
    then = NOON - timedelta(days=91)
    await fill(database, 1)
    async with database.write() as session:
        for number in (7, 8):
            await reviews.ask(session, project_id=1, number=number, trigger="webhook", now=then)
            await reviews.speaks(session, 1, "7001")
        await reviews.speaks(session, 1, "7002")
        await reviews.speaks(session, 2, "7003")  # of a project that is gone meanwhile
    await retention.expire(database, NOON)
    async with database.read() as session:
        assert not (await session.scalars(select(Review))).all()
        assert await reviews.voices(session, 1) == {"7001", "7002"}
        assert not await reviews.voices(session, 2)
    async with database.write() as session:
        for table in (Sent, Message, StoredEvent, Delivery, Hook):
            await session.execute(delete(table))
    await retention.expire(database, NOON)
    async with database.read() as session:
        assert not (await session.scalars(select(Project))).all()
        assert not (await session.scalars(select(Speaker))).all()


async def test_much_is_deleted_in_small_batches_and_the_rest_soon(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_BATCH", 10)
    monkeypatch.setattr(retention, "_BATCHES", 2)
    await fill(database, 200, count=45)
    clock = Clock()
    runner = JobRunner(
        database,
        {retention.RETENTION_JOB: retention.retention_job(database, clock)},
        recurring=(retention.RETENTION_JOB,),
        owner="test",
        clock=clock,
    )
    async with database.write() as session:
        session.add(Job(kind="retention", key="", payload={}, state="new", run_at=NOON, created_at=NOON))
    await runner.run_due()
    assert (await left(database))["events"] == 25
    clock.now += timedelta(minutes=6)
    await runner.run_due()
    clock.now += timedelta(minutes=6)
    await runner.run_due()
    assert (await left(database))["events"] == 0
    assert (await left(database))["deliveries"] == 0
    async with database.read() as session:
        job = await session.scalar(select(Job).where(Job.kind == "retention"))
    assert job is not None
    assert job.run_at == clock.now + timedelta(days=1)


@pytest.mark.sqlite_file
async def test_a_checkpoint_that_a_reader_holds_back_says_so_and_is_tried_again(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 29)
    async with database.read() as session:
        await session.execute(select(Delivery))  # a backup that takes its time
        async with database.write() as writing:
            await writing.execute(text("delete from sent"))
        assert not await database.checkpoint()
        handler = retention.retention_job(database, Clock())
        again = await handler(Job(kind="retention", key="", payload={}))
        assert again == NOON + timedelta(minutes=5)
    assert await database.checkpoint()
    assert (tmp_path / "kept.db-wal").stat().st_size == 0
    async with database.write() as writing:  # and the writer goes on as before
        assert await writing.scalar(text("PRAGMA busy_timeout")) == 5_000


@pytest.mark.sqlite_file
async def test_what_is_deleted_is_overwritten_in_the_file(database: Database, tmp_path: Path) -> None:
    mark = "zx-annabel-q7-was-here"
    async with database.write() as session:
        session.add(Chat(telegram_id=9_000_000_001, type="private", title=mark))
    await database.checkpoint()
    assert mark.encode() in (tmp_path / "kept.db").read_bytes()
    async with database.write() as session:
        await session.execute(text("delete from chats"))
    await database.checkpoint()
    assert mark.encode() not in (tmp_path / "kept.db").read_bytes() + (tmp_path / "kept.db-wal").read_bytes()
