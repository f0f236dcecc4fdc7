"""Engines and the unit of work: the only place that begins and commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

_BUSY_SECONDS = 5  # well under a lease; how long a writer waits for another process, e.g. a backup or a second replica
_READERS = 4
_CHECKPOINT_MS = 1_000  # how long a checkpoint, which holds up writers, waits for readers to end


class Database:
    """One database, two doors: `write` is a transaction of the one writer, `read` sees the last commit.

    SQLite runs in WAL mode with ``synchronous=FULL``, so that a commit is on disk; its writer is a single
    connection that begins with ``BEGIN IMMEDIATE`` and therefore never fails half-way for a lock. Everything
    a `write` block did is committed when it ends and rolled back when it raises.
    """

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's, e.g. ``sqlite+aiosqlite:///data/git-assistant.db``; its folder is made."""
        parsed = make_url(url)
        self.url = url
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = _sqlite_engine(url, size=1, read_only=False)
            self._reader = _sqlite_engine(url, size=_READERS, read_only=True)
        else:
            self._writer = self._reader = create_async_engine(
                url, pool_size=10, pool_pre_ping=True, hide_parameters=True
            )

    @property
    def engine(self) -> AsyncEngine:
        """The writer's engine, for migrations."""
        return self._writer

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A unit of work: one transaction, committed at the end."""
        async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A consistent view; writing through it fails on SQLite."""
        async with AsyncSession(self._reader, expire_on_commit=False) as session, session.begin():
            yield session

    async def checkpoint(self) -> bool:
        """Bring what was committed into the file and empty the write-ahead log; not within `write` or `read`.

        Until then the log has earlier versions of what was changed and deleted. `False`: a reader (a backup, say)
        held it back, so it is to be tried again later. PostgreSQL sees to such things itself.
        """
        if not self.is_sqlite:
            return True
        async with self._writer.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:  # only of a connection that is closed
                return False
            # Past SQLAlchemy, which would begin a transaction: a checkpoint cannot run within one.
            try:
                await _pragma(driver, f"busy_timeout={_CHECKPOINT_MS}")
                is_busy, _, _ = await _pragma(driver, "wal_checkpoint(TRUNCATE)")
            finally:
                await _pragma(driver, f"busy_timeout={_BUSY_SECONDS * 1_000}")
        return not is_busy

    async def close(self) -> None:
        """Close all connections."""
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


async def _pragma(driver: Any, words: str) -> tuple[int, ...]:
    async with driver.execute(f"PRAGMA {words}") as cursor:
        row: tuple[int, ...] = await cursor.fetchone()
    return row


def _sqlite_engine(url: str, *, size: int, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": _BUSY_SECONDS},
        hide_parameters=True,  # errors are logged, and what is stored is nobody's business
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin by itself: `_begin` does
        cursor = connection.cursor()
        if not read_only:  # a reader may open the file while it is locked, and needs neither
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            # Deleted means overwritten: /delete_me promises it, and whoever gets hold of the file, or of a copy of it,
            # could otherwise read rows in its free pages.
            cursor.execute("PRAGMA secure_delete=ON")
        else:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
