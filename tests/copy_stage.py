"""A database to copy: rows of each odd kind, and what stands in it afterwards."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from src.database import migrate
from src.database.database import Database
from src.database.models import (
    Base,
    Chat,
    Delivery,
    DialogState,
    Forge,
    Hook,
    Invite,
    Job,
    Lease,
    LogEntry,
    User,
)
from tests.databases import sqlite_url

NOON = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)


@asynccontextmanager
async def odd_database(folder: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database with one row of each odd kind."""
    database = Database(sqlite_url(folder, "source.db"))
    await migrate.upgrade(database)
    await odd_rows(database)
    try:
        yield database
    finally:
        await database.close()


async def odd_rows(database: Database) -> None:
    """What two databases might not agree on: large numbers, moments, JSON, bytes, texts of all kinds, nothing."""
    async with database.write() as session:
        session.add(User(id=900, telegram_id=2**52, name="Anya 🚀 \\ ' \" \t\n", created_at=NOON, is_admin=True))
        session.add(Chat(id=900, telegram_id=-(10**15), type="supergroup", title="", off_at=None))
        session.add(Forge(id=900, kind="github", base_url="https://odd.example.org"))
        session.add(DialogState(key="a:b:ß", state=None, data={"é": [1, 2.5, None, True, "\u0000"]}, updated_at=NOON))
        session.add(Lease(name="hooks:gone", owner="somebody", until=NOON, fence=7))
        session.add(Job(id=900, kind="odd", key="", payload={}, state="new", run_at=NOON, created_at=NOON))
        session.add(LogEntry(at=NOON.replace(microsecond=0), kind="hook", outcome="x", message="%s {} :name"))
        await session.flush()
        session.add(Invite(code_hash="0" * 64, is_admin=False, created_by=900, created_at=NOON, expires_at=NOON))
        session.add(
            Hook(id=900, public_id="odd", forge_id=900, origin="manual", secret=bytes(range(256)), events=["a"],
                 created_at=NOON)
        )  # fmt: skip
        await session.flush()
        session.add(
            Delivery(hook_id=900, key="taken", event="push", headers={"x": "y"}, body=b"\0" * 70_000, received_at=NOON,
                     state="taken", not_before=NOON, lease_owner="dead", lease_until=NOON, fence=3, attempts=2)
        )  # fmt: skip


def dump(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every value of every table with SQLite's own type of it."""
    with closing(sqlite3.connect(file)) as connection:
        found = {}
        for table in Base.metadata.sorted_tables:
            columns = ", ".join(f"typeof({name}), quote({name})" for name in table.c.keys())  # noqa: SIM118 - columns are no mapping
            key = ", ".join(column.name for column in table.primary_key)
            found[table.name] = connection.execute(f"SELECT {columns} FROM {table.name} ORDER BY {key}").fetchall()  # noqa: S608 - our own names
        return found


async def empty(folder: Path, name: str) -> str:
    """A migrated SQLite database with nothing in it."""
    database = Database(sqlite_url(folder, name))
    await migrate.upgrade(database)
    await database.close()
    return database.url


async def scalars(url: str, query: str) -> list[object]:
    database = Database(url)
    try:
        async with database.read() as session:
            return list(await session.scalars(text(query)))
    finally:
        await database.close()
