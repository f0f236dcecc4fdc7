"""Vacuum as scheduled work: the file of SQLite gives back what retention freed, and nobody waits long for it."""

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from src.database import migrate, retention, vacuum
from src.database.database import Database
from src.database.models import Forge, Hook, Job, LogEntry, utc_now
from src.database.repositories import queues
from tests.databases import sqlite_url

BIG = "x" * 3_000
OLD = utc_now() - timedelta(days=200)

pytestmark = pytest.mark.sqlite_file


async def filled(url: str, rows: int) -> Database:
    """A log that has outlived its time."""
    database = Database(url)
    await migrate.upgrade(database)
    async with database.write() as session:
        entry = {"at": OLD, "kind": "webhook", "outcome": "done", "message": BIG}
        await session.execute(insert(LogEntry), [entry] * rows)
    await database.checkpoint()
    return database


async def run_retention(database: Database) -> None:
    """As the daily job does."""
    await retention.retention_job(database)(Job(kind="retention", key="", payload={}))


async def pragma(database: Database, name: str) -> int:
    async with database.read() as session:
        return int(await session.scalar(text(f"PRAGMA {name}")) or 0)


async def test_the_daily_job_gives_back_what_it_freed_and_others_write_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    database = await filled(sqlite_url(tmp_path), 5_000)
    try:
        full = file.stat().st_size
        longest, over = 0.0, asyncio.Event()

        async def write_on() -> None:
            nonlocal longest
            number = 0
            while not over.is_set():
                began = time.monotonic()
                async with database.write() as session:
                    session.add(Forge(kind="github", base_url=f"https://forge{number}.example.org"))
                longest = max(longest, time.monotonic() - began)
                number += 1
                await asyncio.sleep(0.005)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write_on())
            await run_retention(database)
            over.set()
        print(f"\n{full / 1e6:.1f} MB became {file.stat().st_size / 1e6:.1f}; a writer waited {longest * 1000:.0f} ms")
        assert file.stat().st_size < full / 5
        assert await pragma(database, "freelist_count") <= await pragma(database, "page_count") * 0.1 + 1
        async with database.read() as session:
            assert await session.scalar(text("PRAGMA integrity_check")) == "ok"
    finally:
        await database.close()


async def test_what_is_free_and_little_is_left_for_the_next_days(tmp_path: Path) -> None:
    database = await filled(sqlite_url(tmp_path), 1_000)
    try:
        async with database.write() as session:
            await session.execute(text("DELETE FROM event_log WHERE id <= 50"))
        before = await pragma(database, "page_count")
        assert await vacuum.vacuum(database)
        assert await pragma(database, "page_count") == before
    finally:
        await database.close()


async def test_a_file_of_before_is_made_to_shrink_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past:
        past.setattr(vacuum, "LARGEST_CONVERTED", -1)
        old = await filled(sqlite_url(tmp_path), 500)
        assert await pragma(old, "auto_vacuum") == 0
        assert await vacuum.vacuum(old), "there is nothing that it could do"
        await old.close()
    database = Database(sqlite_url(tmp_path))
    try:
        await migrate.upgrade(database)
        assert await pragma(database, "auto_vacuum") == 2
        async with database.read() as session:
            assert await session.scalar(text("SELECT count(*) FROM event_log")) == 500
    finally:
        await database.close()


async def test_who_is_in_the_way_keeps_nobody_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A reader (a backup, say) holds the file: it is made to shrink another time."""
    with monkeypatch.context() as past:
        past.setattr(vacuum, "LARGEST_CONVERTED", -1)
        await (await filled(sqlite_url(tmp_path), 10)).close()
    with closing(sqlite3.connect(tmp_path / "app.db", isolation_level=None, timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(tmp_path / "app.db", isolation_level=None, timeout=0)) as connection:
            vacuum.make_shrinkable(connection)
        other.execute("ROLLBACK")
    assert "can't be made to shrink yet" in caplog.text


async def test_on_postgresql_the_server_sees_to_it(each_database_url: str) -> None:
    database = Database(each_database_url)
    try:
        await migrate.upgrade(database)
        async with database.write() as session:
            forge = Forge(kind="github", base_url="https://forge.example.org")
            session.add(forge)
            await session.flush()
            session.add(
                Hook(public_id="h", forge_id=forge.id, origin="manual", secret=b"", events=[], created_at=OLD)
            )  # fmt: skip
        await run_retention(database)
        assert await vacuum.vacuum(database)
        async with database.read() as session:
            assert await queues.size(session) > 100_000  # bytes, for /metrics
    finally:
        await database.close()
