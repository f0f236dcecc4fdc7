"""SQLite for asyncio with one trip to the connection's thread for each statement.

aiosqlite's own cursor makes four: to be made, to execute, to fetch and to be closed. A trip costs several times what
SQLite takes for a statement of ours, the more so the busier the event loop is. A deferred ``BEGIN``, which does
nothing yet, goes along with the first statement; the end of a transaction that only read is no work and needs no trip.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import aiosqlite

_CHUNK = 64  # rows that aiosqlite's own cursors fetch at once


class Cursor:
    """Executes and fetches all rows at once; the rest is memory. Not for results that are to be streamed."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, words: str, parameters: Sequence[Any] = ()) -> "Cursor":
        """Run one statement and fetch what it returns."""
        if words == "BEGIN":
            self._connection.begins = True
        else:
            await self._connection.in_thread(self._execute, words, parameters)
        return self

    async def executemany(self, words: str, parameters: Iterable[Sequence[Any]]) -> "Cursor":
        """Run one statement for each of the rows."""
        await self._connection.in_thread(self._executemany, words, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """What is left of the rows."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """The driver's cursor is closed already."""
        self._rows = []

    def _execute(self, connection: sqlite3.Connection, words: str, parameters: Sequence[Any]) -> None:
        cursor = connection.execute(words, parameters)
        self._rows = cursor.fetchall() if cursor.description else []
        self._keep(cursor)

    def _executemany(self, connection: sqlite3.Connection, words: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._keep(connection.executemany(words, parameters))

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        cursor.close()


class Connection(aiosqlite.Connection):
    """As aiosqlite's, with cursors of our own. Where there is nothing to commit or roll back, nothing is sent."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], *, only_reads: bool) -> None:
        super().__init__(connector, _CHUNK)
        self._thread.daemon = True  # as SQLAlchemy has it: a process that ends does not wait for it
        self._only_reads = only_reads
        self.begins = False  # with the next statement

    def cursor(self) -> Cursor:  # type: ignore[override] # what SQLAlchemy needs of one
        """One for each statement: it costs nothing."""
        return Cursor(self)

    async def in_thread(self, work: Any, *arguments: Any) -> None:
        """Call it with the driver's connection, in its thread."""
        begun = self._begun if self.begins else _call
        await self._execute(begun, work, self._conn, *arguments)  # type: ignore[no-untyped-call] # aiosqlite's

    def _begun(self, work: Any, connection: sqlite3.Connection, *arguments: Any) -> None:
        self.begins = False
        connection.execute("BEGIN")
        work(connection, *arguments)

    async def commit(self) -> None:
        """Commit the current transaction, if there is one."""
        self.begins = False
        if self.in_transaction:
            await self._end(super().commit, self._conn.commit)

    async def rollback(self) -> None:
        """Roll back the current transaction, if there is one."""
        self.begins = False
        if self.in_transaction:
            await self._end(super().rollback, self._conn.rollback)

    async def _end(self, in_thread: Callable[[], Awaitable[None]], here: Callable[[], None]) -> None:
        if self._only_reads:
            here()  # lets go of a lock in shared memory, nothing else
        else:
            await in_thread()


def _call(work: Any, connection: sqlite3.Connection, *arguments: Any) -> None:
    work(connection, *arguments)


async def connect(path: str, *, patience: float, only_reads: bool) -> Connection:
    """Open a file. `patience`: seconds that a lock is waited for; `only_reads`: nothing is ever written by it."""

    def connector() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=patience, check_same_thread=False)

    made = Connection(connector, only_reads=only_reads)
    await made
    return made
