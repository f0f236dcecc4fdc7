"""Past SQLAlchemy, for what comes by the thousand: statements to the driver itself, a batch in one of them.

What the drivers raise is told apart here by what is to be done about it, without the values that they repeat.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from src.database.away import FROM_POSTGRESQL
from src.database.engines import BUSY_SECONDS, SQLITE_WRITER

T = TypeVar("T")

_MOST_ROWS = 64  # in one statement
_KEPT = 3  # connections of PostgreSQL's pool: two batches may be on their way, and a word to other processes

# Of SQLite's driver: what does not fit the schema, is too large, or is no value that a database has.
_ROWS_OF_SQLITE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, OverflowError, ValueError)
_ROWS_OF_POSTGRESQL = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)


class NotStored(Exception):
    """Nothing of the batch was stored. `soon`: what kept it from there may pass within seconds, so try again."""

    def __init__(self, reason: str, *, soon: bool = False) -> None:
        super().__init__(reason)
        self.soon = soon


class RowRefused(NotStored):
    """A row of the batch cannot be stored, and so none was. Without it the others can."""


class SqliteWriter:
    """A connection with a thread of its own. Whoever uses it holds the lock that keeps all writers in turn."""

    def __init__(self, path: str) -> None:
        """The file is opened when it is first written to."""
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction in the thread. It is waited for to its end, even by who is cancelled meanwhile."""
        doing = asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)
        try:
            return await asyncio.shield(doing)
        except asyncio.CancelledError:
            await asyncio.wait([doing])
            if not doing.cancelled():
                doing.exception()  # who asked is gone
            raise

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with _of_sqlite():
            connection = self._connection or self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # SQLite itself takes back what a full disk cut off
                    connection.execute("ROLLBACK")
                raise
        return result

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            for pragma in SQLITE_WRITER:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresqlDrivers:
    """Connections of asyncpg itself, some of them kept: to ask the pool for one costs as much as a small statement."""

    def __init__(self, engine: AsyncEngine) -> None:
        """They come out of the engine's pool when they are first needed."""
        self._engine = engine
        self._idle: list[tuple[AsyncConnection, Any]] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Any]:
        """One of them; every statement commits by itself. What it raises is told apart, see the module."""
        with _of_postgresql():
            connection, driver = await self._open()
            try:
                yield driver
            except BaseException:
                await connection.close()  # the pool looks at it
                raise
            if len(self._idle) < _KEPT:
                self._idle.append((connection, driver))
            else:
                await connection.close()  # back to the pool, where others wait for one

    async def close(self) -> None:
        """Give them back."""
        while self._idle:
            await self._idle.pop()[0].close()

    async def _open(self) -> tuple[AsyncConnection, Any]:
        while self._idle:
            connection, driver = self._idle.pop()
            if not driver.is_closed():
                return connection, driver
            await connection.close()
        connection = await self._engine.connect()
        return connection, (await connection.get_raw_connection()).driver_connection


@contextmanager
def _of_postgresql() -> Iterator[None]:
    try:
        yield
    except _ROWS_OF_POSTGRESQL as error:
        raise RowRefused(type(error).__name__) from None
    except FROM_POSTGRESQL as error:
        raise NotStored(type(error).__name__, soon=True) from None


@contextmanager
def _of_sqlite() -> Iterator[None]:
    try:
        yield
    except _ROWS_OF_SQLITE as error:
        raise RowRefused(type(error).__name__) from None
    except sqlite3.Error as error:
        raise NotStored(str(error)) from None  # "database is locked", "database or disk is full"


def in_parts(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts of few sizes, so that statements of many rows are parsed a few times only: 45 are 32, 8, 4 and 1."""
    start = 0
    while start < len(rows):
        size = min(_MOST_ROWS, 1 << (len(rows) - start).bit_length() - 1)
        yield rows[start : start + size]
        start += size
