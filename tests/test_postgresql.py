"""What PostgreSQL alone asks for: its schema, a server that comes and goes, and a password that nobody sees."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from cryptography.fernet import Fernet
from sqlalchemy import Connection, inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError

from src.database import migrate
from src.database.away import insist
from src.database.database import Database
from src.database.jobs import JobRunner
from src.database.lease import while_held
from src.database.models import Base, Job, Project, utc_now
from src.database.repositories import jobs
from src.database.repositories.checkup import Server as Checked
from src.doctor import postgresql
from tests.command import run
from tests.postgres import Server, fresh, running

TABLES = {table.name for table in Base.metadata.sorted_tables} | {"alembic_version"}
KEY = Fernet.generate_key().decode()


@pytest.fixture
async def empty(server: Server) -> AsyncIterator[Database]:
    """No tables yet."""
    url = server.create(migrated=False)
    database = Database(url)
    yield database
    await database.close()
    server.drop(url)


async def tables(database: Database) -> set[str]:
    async with database.read() as session:
        connection = await session.connection()
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


def differences(connection: Connection) -> list[object]:
    return [*compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)]


async def test_migrations_go_up_down_and_up_and_make_what_the_models_say(empty: Database) -> None:
    await migrate.upgrade(empty)
    assert await tables(empty) == TABLES
    await migrate.downgrade(empty)
    assert await tables(empty) == {"alembic_version"}
    await migrate.upgrade(empty)
    assert await migrate.is_current(empty)
    async with empty.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_compressed_bodies_are_not_compressed_again(empty: Database) -> None:
    await migrate.upgrade(empty)
    query = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'deliveries'::regclass AND attname = 'body'"
    async with empty.read() as session:
        assert (await session.execute(text(query))).scalar() in ("e", b"e")


async def test_of_several_that_start_at_once_one_migrates(empty: Database) -> None:
    others = [Database(empty.url) for _ in range(3)]
    await asyncio.gather(*(migrate.upgrade(each) for each in (empty, *others)))
    for each in others:
        assert await migrate.is_current(each)
        await each.close()


async def test_what_was_prepared_before_a_migration_of_another_process_is_prepared_anew(server: Server) -> None:
    database = Database(fresh(server))
    other = Database(database.url)
    try:
        for _ in range(2):
            async with database.read() as session:
                await session.scalars(select(Project))
        async with other.write() as session:
            await session.execute(text("ALTER TABLE projects ALTER COLUMN path TYPE text"))

        async def look() -> int:
            async with database.read() as session:
                return len((await session.scalars(select(Project))).all())

        assert await insist(look, seconds=10) == 0
    finally:
        await database.close()
        await other.close()


async def _is_done(database: Database, key: str) -> bool:
    async with database.read() as session:
        return await session.scalar(text("SELECT id FROM jobs WHERE key = :key"), {"key": key}) is None


async def _until_done(database: Database, key: str) -> None:
    """The server may be away meanwhile."""
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError, DBAPIError):
                if await _is_done(database, key):
                    return
            await asyncio.sleep(0.05)


async def test_a_server_that_restarts_ends_no_loop_and_loses_no_job(caplog: pytest.LogCaptureFixture) -> None:
    """Jobs are claimed and ended, and a lease is kept, across a restart in order and a crash."""
    caplog.set_level(logging.INFO)
    with running() as own:  # whose commits survive a crash
        database = Database(fresh(own))
        stop, fences = asyncio.Event(), list[int]()
        done, baked = list[str](), {key: asyncio.Event() for key in ("first", "second", "third")}
        crash = True

        async def bake(job: Job) -> None:
            nonlocal crash
            done.append(job.key)
            baked[job.key].set()
            if job.key == "second" and crash:
                crash = False
                await asyncio.to_thread(own.kill)  # so that the end of the job cannot be written
                asyncio.get_running_loop().call_later(0.5, own.start)

        async def work(fence: int) -> None:
            fences.append(fence)
            await stop.wait()

        async with asyncio.TaskGroup() as tasks:
            runner = JobRunner(database, {"bake": bake}, owner="test")
            tasks.create_task(runner.run(stop))
            tasks.create_task(while_held(database, "x", owner="test", term=timedelta(seconds=20), stop=stop, work=work))
            for key, ready in baked.items():
                async with database.write() as session:
                    await jobs.put(session, "bake", key, now=utc_now())
                async with asyncio.timeout(30):
                    await ready.wait()
                if key == "first":
                    await asyncio.to_thread(own.restart)
                await _until_done(database, key)
            stop.set()
        await database.close()
    assert done == ["first", "second", "third"]
    assert fences == [1]
    said = [record.getMessage() for record in caplog.records if record.name == "src.database.database"]
    assert any("is back after" in line for line in said)
    assert sum("is away" in line for line in said) <= 3


@pytest.mark.parametrize("command", [("check-config", "--only", "webhook"), ("migrate",), ("log",), ("doctor",)])
async def test_the_password_is_never_shown(server: Server, tmp_path: Path, command: tuple[str, ...]) -> None:
    url = make_url(server.url("postgres"))
    wrong = url.set(password="hush-hush").render_as_string(hide_password=False)
    ran = await run(tmp_path, *command, DATABASE_URL=wrong, SECRET_KEYS=KEY)
    assert "hush-hush" not in ran.out + ran.err
    assert "Traceback" not in ran.err
    if command[0] in ("migrate", "log"):
        assert ran.code == 2
        assert ran.err.startswith("DATABASE_URL: cannot use the database at 127.0.0.1:")
        assert "password authentication failed" in ran.err
        assert ran.err.count("\n") == 1


@pytest.mark.parametrize(("command", "says"), [("backup", "pg_dump"), ("restore", "pg_restore")])
async def test_copies_are_left_to_its_own_tools(server: Server, tmp_path: Path, command: str, says: str) -> None:
    ran = await run(tmp_path, command, "x.db", DATABASE_URL=server.url("postgres"), SECRET_KEYS=KEY)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def checked(*, number: int = 180_004, used: int = 3, fsync: bool = True, seconds: float = 0) -> Checked:
    clock = NOW + timedelta(seconds=seconds)
    return Checked("18.4", number, connections=100, used=used, clock=clock, fsync=fsync, synchronous=True)


NOW = utc_now()


@pytest.mark.parametrize(
    ("found", "level", "says"),
    [
        (checked(), "ok", "PostgreSQL 18.4, 3 of 100 connections in use."),
        (checked(number=130_000), "fail", "too old"),
        (checked(used=95), "warn", "up to 14"),
        (checked(fsync=False), "warn", "may lose what was accepted"),
    ],
)
def test_the_doctor_says_what_a_server_lacks(found: Checked, level: str, says: str) -> None:
    finding = postgresql.server(found)
    assert finding.level == level
    assert says in finding.says


@pytest.mark.parametrize(("seconds", "says"), [(2, None), (-2, None), (5, "5 s ahead"), (-5, "5 s behind")])
def test_the_doctor_compares_clocks(seconds: float, says: str | None) -> None:
    found = postgresql.clock(checked(seconds=seconds), NOW, NOW)
    assert [says in finding.says for finding in found if says] == ([True] if says else [])
