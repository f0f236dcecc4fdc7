"""What `copy-database` refuses, and in which words."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, make_url, text
from sqlalchemy.exc import DBAPIError

from src.cli.copying import address, copy_database
from src.cli.opening import Refused
from src.config import ConfigError
from src.database import copying, migrate
from src.database.database import Database
from src.database.models import Chat, Forge, Lease, utc_now
from src.database.repositories import key_notices
from tests.copy_stage import empty, odd_database, scalars
from tests.databases import sqlite_url
from tests.postgres import Server, fresh


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Database]:
    """What is copied, in the file source.db."""
    async with odd_database(tmp_path) as database:
        yield database


async def test_copy_database_refuses_while_processes_work_with_the_source(
    source: Database, server: Server, tmp_path: Path
) -> None:
    """On both kinds; it names them, and says how to stop them. One that died is forgotten."""
    on_server = fresh(server)
    await copying.copy(source.url, on_server, now=utc_now())
    for url in (source.url, on_server):
        database = Database(url)
        try:
            async with database.write() as session:
                await key_notices.put(session, "host:4711:abc", "mark", until=utc_now() + timedelta(seconds=30))
                session.add(Lease(name="telegram:42", owner="host:4711:abc", until=utc_now() + timedelta(1), fence=1))
            with pytest.raises(Refused, match=r"host:4711:abc, telegram:42\. Stop them first .*systemctl stop"):
                await copy_database(url, str(tmp_path / "never.db"))
            assert not (tmp_path / "never.db").exists()
            async with database.write() as session:
                await session.execute(text("DELETE FROM leases"))
        finally:
            await database.close()
        assert await copy_database(url, str(tmp_path / f"now-{make_url(url).get_backend_name()}.db")) == 0


async def test_nobody_can_write_to_the_source_meanwhile(source: Database, server: Server, tmp_path: Path) -> None:
    """Who starts on it waits as for a migration, and a writer is refused: nothing is left behind."""
    on_server = fresh(server)
    await copying.copy(source.url, on_server, now=utc_now())
    for number, url in enumerate((source.url, on_server)):
        other = Database(url)
        tried: list[str] = []

        async def write(table: str, _rows: int, other: Database = other, tried: list[str] = tried) -> None:
            del table
            try:
                async with asyncio.timeout(0.2), other.write() as session:
                    session.add(Chat(telegram_id=99, type="private", title="late"))
            except (TimeoutError, DBAPIError) as error:
                tried.append(type(error).__name__)

        pending: list[asyncio.Future[None]] = []

        def report(table: str, rows: int, pending: list[asyncio.Future[None]] = pending) -> None:
            if table == "deliveries":
                pending.append(asyncio.get_running_loop().create_task(write(table, rows)))

        target = await empty(tmp_path, f"target{number}.db")
        await copying.copy(url, target, now=utc_now(), report=report)
        await asyncio.gather(*pending)
        await other.close()
        assert await scalars(target, "SELECT count(*) FROM chats WHERE telegram_id = 99") == [0]


async def test_copy_database_refuses_what_is_not_there_not_empty_or_the_same(
    source: Database, server: Server, tmp_path: Path
) -> None:
    file, target = str(tmp_path / "source.db"), fresh(server)
    with pytest.raises(Refused, match="the same database"):
        await copy_database(file, source.url)
    with pytest.raises(Refused, match="there is no file"):
        await copy_database(str(tmp_path / "nothing.db"), target)
    await copying.copy(source.url, target, now=utc_now())
    with pytest.raises(Refused, match=r"something in it already \(.*1 users"):
        await copy_database(file, target)
    old = Database(sqlite_url(tmp_path, "old.db"))
    await migrate.upgrade(old)
    await migrate.downgrade(old, "0002")
    await old.close()
    with pytest.raises(Refused, match="FROM is not at the schema of this version"):
        await copy_database(str(tmp_path / "old.db"), target)
    (tmp_path / "text.db").write_text("not a database, but long enough to look like one" * 40)
    with pytest.raises(Refused, match=r"FROM: .*text\.db cannot be used"):
        await copy_database(str(tmp_path / "text.db"), target)


async def test_a_text_that_is_too_long_for_postgresql_is_named(source: Database, server: Server) -> None:
    async with source.write() as session:
        await session.execute(insert(Forge).values(kind="x" * 40, base_url="https://long.example.org"))
    with pytest.raises(Refused, match=r"forges\.kind has a text of 40 characters where 32 are the most"):
        await copy_database(source.url, fresh(server))


async def test_the_password_is_never_said(source: Database, capsys: pytest.CaptureFixture[str]) -> None:
    given = "postgresql+asyncpg://ann:hush-hush@127.0.0.1:9/nowhere"
    with pytest.raises(Refused, match=r"TO: .*\*\*\*.*cannot be used") as refused:
        await copy_database(source.url, given)
    assert "hush" not in str(refused.value) + capsys.readouterr().out


@pytest.mark.parametrize(
    "given", ["mysql://x/y", "postgresql://ann:hush@h/d", "sqlite+aiosqlite:///:memory:", "a://:x:"]
)
def test_an_address_that_cannot_be_is_refused_in_one_line(given: str) -> None:
    with pytest.raises(ConfigError) as refused:
        address(given, "TO")
    assert str(refused.value).startswith("TO: ")
    assert "hush" not in str(refused.value)
