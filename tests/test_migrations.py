"""Migrations: up, down and up; what they make is what the models say; many may start at once."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from src.database import migrate
from src.database.database import Database
from src.database.models import Base, Forge, Hook, Lease, LogEntry, utc_now
from src.database.repositories import arrivals
from src.database.repositories.deliveries import NewDelivery

ROOT = Path(__file__).parent.parent
TABLES = {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}


def address(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/deep/er/assistant.db"


@pytest.fixture
async def database(tmp_path: Path) -> Any:
    made = Database(address(tmp_path))
    yield made
    await made.close()


async def tables(database: Database) -> set[str]:
    async with database.read() as session:
        connection = await session.connection()
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_migrations_go_up_down_and_up(database: Database) -> None:
    assert await migrate.is_current(database) is False
    await migrate.upgrade(database)
    assert await migrate.is_current(database) is True
    assert await tables(database) == TABLES
    await migrate.downgrade(database)
    assert await tables(database) == {"alembic_version"}
    assert await migrate.is_current(database) is False
    await migrate.upgrade(database)
    assert await tables(database) == TABLES


async def test_a_second_upgrade_keeps_what_is_there(database: Database) -> None:
    await migrate.upgrade(database)
    async with database.write() as session:
        session.add(Forge(kind="github", base_url="https://api.github.com"))
    await migrate.upgrade(database)
    async with database.read() as session:
        assert (await session.execute(text("SELECT kind FROM forges"))).all() == [("github",)]


async def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    await migrate.upgrade(database)
    async with database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.NewerSchemaError, match="9999"):
        await migrate.upgrade(database)
    assert await tables(database) == TABLES


def differences(connection: Connection) -> list[Any]:
    found = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
    return [*compare_metadata(found, Base.metadata)]


async def test_models_equal_migrations(database: Database) -> None:
    await migrate.upgrade(database)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def statements(database: Database) -> dict[str, list[str]]:
    """How SQLite itself words the tables and indexes, without what only looks different."""
    async with database.read() as session:
        rows = await session.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {name: _sorted_parts(sql) for name, sql in rows if name != "alembic_version"}


def _sorted_parts(sql: str) -> list[str]:
    """The columns and constraints of a table, whose order a later migration cannot choose."""
    depth, parts = 0, [""]
    for character in sql:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 1:
            parts.append("")
        else:
            parts[-1] += character
    head, _, first = parts[0].partition("(")
    return [
        head.replace('"', "").strip(),  # SQLite quotes the name of a table that was copied
        *sorted(" ".join(part.split()) for part in (first, *parts[1:-1], parts[-1].rstrip().removesuffix(")"))),
    ]


async def test_migrations_say_to_the_letter_what_the_models_say(database: Database, tmp_path: Path) -> None:
    await migrate.upgrade(database)
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/made.db")
    async with made.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    migrated, modelled = await statements(database), await statements(made)
    await made.close()
    assert any("WHERE state = 'new'" in part for part in migrated["uq_jobs_waiting_kind_key"])
    assert any("ON DELETE SET NULL" in part for part in migrated["hooks"])
    assert migrated == modelled


async def test_several_migrate_at_once_within_a_process(tmp_path: Path) -> None:
    databases = [Database(address(tmp_path)) for _ in range(5)]
    await asyncio.gather(*(migrate.upgrade(each) for each in databases))
    assert [await migrate.is_current(each) for each in databases] == [True] * 5
    for each in databases:
        await each.close()


_START = """
import asyncio, sys
from src.database.database import Database
from src.database.migrate import is_current, upgrade
from src.database.models import Lease, utc_now

async def start() -> None:
    database = Database(sys.argv[1])
    await upgrade(database)
    assert await is_current(database)
    async with database.write() as session:
        session.add(Lease(name=sys.argv[2], owner="test", until=utc_now(), fence=1))
    await database.close()

asyncio.run(start())
"""


async def test_several_processes_start_at_once(tmp_path: Path) -> None:
    url = address(tmp_path)
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _START, url, f"process {number}", cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        for number in range(3)
    ]
    for process in started:
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    database = Database(url)
    async with database.read() as session:
        rows = (await session.execute(text("SELECT name FROM leases ORDER BY name"))).scalars().all()
    await database.close()
    assert rows == ["process 0", "process 1", "process 2"]


async def test_a_migration_that_breaks_references_is_undone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate.upgrade(database)

    def careless(config: Any, _revision: str) -> None:
        config.attributes["connection"].exec_driver_sql(
            "INSERT INTO projects (forge_id, external_id, path, private) VALUES (77, '1', 'acme/rocket', 0)"
        )

    monkeypatch.setattr(command, "upgrade", careless)
    with pytest.raises(migrate.BrokenReferencesError, match="projects"):
        await migrate.upgrade(database)
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM projects"))).scalar() == 0


async def test_foreign_keys_hold_after_a_migration(database: Database) -> None:
    await migrate.upgrade(database)
    async with database.write() as session:
        assert (await session.execute(text("PRAGMA foreign_keys"))).scalar() == 1
        assert (await session.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        session.add(Lease(name="x", owner="test", until=utc_now(), fence=1))


CAME = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def arrive(database: Database, *keys: tuple[str, str | None]) -> None:
    """Deliveries, each under a key and with the key of its content."""
    await arrivals.put(database, [NewDelivery(1, key, content, "push", {}, b"x", CAME) for key, content in keys])


async def read(database: Database, words: str) -> list[tuple[Any, ...]]:
    async with database.read() as session:
        return [tuple(row) for row in await session.execute(text(words))]


async def test_replays_are_let_in_by_0008_and_forgotten_on_the_way_back(each_database_url: str) -> None:
    """Rows, and what refers to them, stay as they are."""
    database = Database(each_database_url)
    try:
        await migrate.upgrade(database)
        await migrate.downgrade(database, "0007")
        async with database.write() as session:
            session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
            await session.flush()
            session.add(Hook(id=1, public_id="h", forge_id=1, origin="managed", secret=b"", events=[], created_at=CAME))
        await arrive(database, ("a", "same"), ("b", None), ("c", None), ("d", "same"), ("e", "other"))
        async with database.write() as session:
            session.add(LogEntry(at=CAME, kind="webhook", outcome="done", message="told", delivery_id=1))
        before = await read(database, "SELECT * FROM deliveries ORDER BY id")
        assert len(before) == 4

        await migrate.upgrade(database)
        assert await read(database, "SELECT * FROM deliveries ORDER BY id") == before
        assert await read(database, "SELECT delivery_id FROM event_log") == [(1,)]
        await arrive(database, ("a", "same"), ("f", "same"), ("g", "same"), ("h", "more"))
        keys = "SELECT key, replay_key FROM deliveries ORDER BY id"
        assert [key for key, _ in await read(database, keys)] == ["a", "b", "c", "e", "f", "g", "h"]

        await migrate.downgrade(database, "0007")
        kept = [
            ("a", "same"), ("b", None), ("c", None), ("e", "other"), ("f", None), ("g", None), ("h", "more"),
        ]  # fmt: skip
        assert await read(database, keys) == kept
        assert await read(database, "SELECT delivery_id FROM event_log") == [(1,)]
        await arrive(database, ("i", "same"))
        assert await read(database, keys) == kept
        await migrate.upgrade(database)
        assert await read(database, keys) == kept
    finally:
        await database.close()


async def test_a_table_that_is_copied_leaves_nothing_in_free_pages(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/app.db")
    await migrate.upgrade(database)
    await migrate.downgrade(database, "0007")
    async with database.write() as session:
        session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
        await session.flush()
        session.add(Hook(id=1, public_id="h", forge_id=1, origin="managed", secret=b"", events=[], created_at=CAME))
    secret = os.urandom(3_000)
    await arrivals.put(database, [NewDelivery(1, "a", "same", "push", {}, secret, CAME)])
    await migrate.upgrade(database)
    await database.checkpoint()
    assert (tmp_path / "app.db").read_bytes().count(secret) == 1
    await database.close()
