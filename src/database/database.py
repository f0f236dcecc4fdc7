"""The unit of work: the only place that begins and commits."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from src.database.away import is_away
from src.database.direct import PostgresqlDrivers, SqliteWriter
from src.database.engines import BUSY_SECONDS, postgresql_engine, sqlite_engine

log = logging.getLogger(__name__)

_READERS = 4  # connections
_WRITERS = 8  # on PostgreSQL
# Any number that no other program uses for advisory locks in this database; migrations have another.
_WRITER_LOCK = 7_205_760
_ALONE = text(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")
_SHARED = text(f"SELECT pg_advisory_xact_lock_shared({_WRITER_LOCK})")
_CHECKPOINT_MS = 1_000  # how long a checkpoint, which holds up writers, waits for readers to end


class Database:
    """One database, two doors: `write` is a transaction of the one writer, `read` sees the last commit.

    SQLite runs in WAL mode with ``synchronous=FULL``, so that a commit is on disk; its writer is a single
    connection that begins with ``BEGIN IMMEDIATE`` and therefore never fails half-way for a lock. On PostgreSQL an
    advisory lock makes a writer the only one among all processes. Everything a `write` block did is committed when
    it ends and rolled back when it raises.
    """

    def __init__(self, url: str) -> None:
        """`url` is SQLAlchemy's, e.g. ``sqlite+aiosqlite:///data/git-assistant.db``; its folder is made."""
        parsed = make_url(url)
        self.url = url
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turn = asyncio.Lock()
        self._away_since: float | None = None
        if self.is_sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = sqlite_engine(url, size=1, read_only=False)
            self._reader = sqlite_engine(url, size=_READERS, read_only=True)
            self._direct = SqliteWriter(parsed.database or "")
        else:
            self._writer = postgresql_engine(url, size=_WRITERS, read_only=False)
            self._reader = postgresql_engine(url, size=_READERS, read_only=True)
            self._drivers = PostgresqlDrivers(self._writer)

    @property
    def engine(self) -> AsyncEngine:
        """The writer's engine, for what SQLAlchemy can only tell of an engine."""
        return self._writer

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncSession]:
        """A unit of work: one transaction, committed at the end.

        Nobody else writes meanwhile, so that what was read stays true until it is written. `shared` is for work whose
        statements hold up against others of their like (claims that skip locked rows, inserts that leave what is there
        alone): on PostgreSQL several such run at once, and none beside one that is alone. SQLite has one writer anyway.
        """
        if self.is_sqlite:
            async with self._turn, self._begin(self._writer) as session:
                yield session
        elif shared:
            async with self._begin(self._writer) as session:
                await session.execute(_SHARED)
                yield session
        else:
            # Those of this process wait here rather than on connections, of which the shared ones need some.
            async with self._turn, self._begin(self._writer) as session:
                await session.execute(_ALONE)
                yield session

    async def directly(
        self, sqlite: Callable[[sqlite3.Connection], None], postgresql: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Work for the driver itself, in whichever words this database has for it; raises `NotStored`.

        On SQLite it is one transaction of the one writer, in a thread. On PostgreSQL each statement is one of its own
        and waits for no other writer: it has to hold up against all that run beside it.
        """
        if self.is_sqlite:
            async with self._turn:
                await self._direct.run(sqlite)
        else:
            async with self.driver() as driver:
                await postgresql(driver)

    def driver(self) -> AbstractAsyncContextManager[Any]:
        """A connection of PostgreSQL's driver itself, see `directly`; SQLite has none for everybody."""
        return self._drivers.one()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A view of one moment; writing through it fails."""
        async with self._begin(self._reader) as session:
            yield session

    @asynccontextmanager
    async def _begin(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        try:
            async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except Exception as error:
            if is_away(error) and self._away_since is None:
                self._away_since = time.monotonic()
                log.warning("the database is away (%s)", type(error).__name__)
            raise
        if self._away_since is not None:
            log.info("the database is back after %.1f s", time.monotonic() - self._away_since)
            self._away_since = None

    async def checkpoint(self) -> bool:
        """Bring what was committed into the file and empty the write-ahead log; not within `write` or `read`.

        Until then the log has earlier versions of what was changed and deleted. `False`: a reader (a backup, say)
        held it back, so it is to be tried again later. PostgreSQL sees to such things itself.
        """
        if not self.is_sqlite:
            return True
        async with self._turn, self._writer.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:  # only of a connection that is closed
                return False
            # Past SQLAlchemy, which would begin a transaction: a checkpoint cannot run within one.
            try:
                await _pragma(driver, f"busy_timeout={_CHECKPOINT_MS}")
                is_busy, _, _ = await _pragma(driver, "wal_checkpoint(TRUNCATE)")
            finally:
                await _pragma(driver, f"busy_timeout={BUSY_SECONDS * 1_000}")
        return not is_busy

    async def close(self) -> None:
        """Close all connections."""
        await (self._direct if self.is_sqlite else self._drivers).close()
        await self._writer.dispose()
        await self._reader.dispose()


async def _pragma(driver: Any, words: str) -> tuple[int, ...]:
    async with driver.execute(f"PRAGMA {words}") as cursor:
        row: tuple[int, ...] = await cursor.fetchone()
    return row
