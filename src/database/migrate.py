"""Bringing the schema up to date: alembic, inside one transaction that is also the lock."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from src.database.database import Database
from src.database.engines import MIGRATION_SECONDS, migrating_engine
from src.database.vacuum import make_shrinkable

_SCRIPTS = Path(__file__).with_name("migrations")
ADVISORY_LOCK = 7_205_759  # any number that nobody else in that database uses; the writers' is another


class NewerSchemaError(Exception):
    """The database was brought to a revision that this version does not know: update the program."""


class BrokenReferencesError(Exception):
    """A migration would leave rows that point to nothing; it was rolled back."""


async def upgrade(database: Database) -> None:
    """Bring the schema to the newest revision; nothing happens where it is there already.

    Of several processes that start at once one migrates and the others wait for it. Raises `NewerSchemaError`.
    """
    await _run(database, _to_head)


async def downgrade(database: Database, revision: str = "base") -> None:
    """Go back to a revision; ``base`` is the empty database. For tests and emergencies: it drops data."""
    await _run(database, lambda config: command.downgrade(config, revision))


async def revisions(database: Database) -> tuple[str, ...]:
    """The revisions that the database stands at: none, or one."""
    async with database.read() as session:
        connection = await session.connection()
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())


async def is_current(database: Database) -> bool:
    """Whether the schema is the one that this program was written for."""
    return frozenset(await revisions(database)) == _heads()


def knows(revision: str) -> bool:
    """Whether this program has the revision, or is older than it."""
    return revision in _known()


@cache
def _heads() -> frozenset[str]:
    return frozenset(ScriptDirectory.from_config(_config()).get_heads())


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _to_head(config: Config) -> None:
    for revision in MigrationContext.configure(config.attributes["connection"]).get_current_heads():
        if not knows(revision):
            raise NewerSchemaError(
                f"The database is at revision {revision}, which a newer version made: update, or restore a backup."
            )
    command.upgrade(config, "head")


async def _run(database: Database, step: Callable[[Config], None]) -> None:
    def migrate(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        step(config)

    async with _locked(database) as connection:
        await connection.run_sync(migrate)
        if database.is_sqlite:
            await _check_references(connection)


@asynccontextmanager
async def _locked(database: Database) -> AsyncIterator[AsyncConnection]:
    """A transaction that only one process can be in."""
    if database.is_sqlite:
        await asyncio.to_thread(_switch_to_wal, make_url(database.url).database or "")
    engine = migrating_engine(database.url, is_sqlite=database.is_sqlite)
    try:
        async with engine.begin() as connection:
            if not database.is_sqlite:
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
            yield connection
    finally:
        await engine.dispose()


def _switch_to_wal(path: str) -> None:
    """Make the file a WAL database that can shrink, for good, before anybody works with it.

    SQLite does not wait when two connections want this at once, as when several processes start on a new file:
    one of them is told at once that the database is locked. So it is asked again.
    """
    give_up_at = time.monotonic() + MIGRATION_SECONDS
    with closing(sqlite3.connect(path, timeout=MIGRATION_SECONDS, isolation_level=None)) as connection:
        make_shrinkable(connection)
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)
            else:
                return


async def _check_references(connection: AsyncConnection) -> None:
    broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise BrokenReferencesError(f"The migration leaves rows in {tables} that point to nothing; it was undone.")
