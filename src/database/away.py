"""A database that is away for a while: which errors say so, and how a loop waits until it is back."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

T = TypeVar("T")

# Seconds that a start waits for a database: for a server that starts together with us, after a power cut say, or for a
# file that another process holds.
STARTING = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 3.0  # seconds; well under a lease, so that work goes on before others take it over

# Whatever PostgreSQL's driver raises, or SQLAlchemy for it. A connection refused is no error of the driver's, and what
# it says where the server bids farewell between two words of ours is none of SQLAlchemy's.
FROM_POSTGRESQL = (
    SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError
)  # fmt: skip

_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,  # another process holds it
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
_POSTGRESQL = (
    "08",  # the connection broke
    "53",  # no disk, no memory, no connections left
    "57P",  # it is stopping, starting, or was told to let us go
    "58",  # its disk fails
    "55P03",  # a lock was not to be had in time
    "57014",  # a statement took too long
    "25P03",  # a transaction stood still for too long
    "40001",  # what a restart or a rival undid
    "40P01",
    "0A000",  # another process migrated: what was prepared before is to be prepared anew
)


def is_away(error: BaseException) -> bool:
    """Whether it only takes time until the same succeeds: the database is down, locked, full, or cannot be reached.

    Of a group, all must be of that kind. What cannot be connected to raises `OSError`, so ask only about what the
    database raised.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_away(each) for each in error.exceptions)
    if isinstance(error, (OSError, PoolTimeout)):  # `TimeoutError` is an `OSError`
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    return any(_says_so(cause) for cause in _causes(error))


def _causes(error: BaseException) -> list[BaseException]:
    """SQLAlchemy's error, its driver's, and what that stands for."""
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in found:
        found.append(each)
        each = getattr(each, "orig", None) or each.__cause__
    return found


def _says_so(cause: BaseException) -> bool:
    code = getattr(cause, "sqlite_errorcode", None)
    if isinstance(code, int):
        return code & 0xFF in _SQLITE  # the rest of an extended code tells more than we need
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_POSTGRESQL)
    # asyncpg has no codes for what it finds out by itself: a connection that ended before we used it, or within.
    return (
        isinstance(cause, (OSError, asyncpg.InternalClientError))
        or "connection is closed" in str(cause)
        or "connection was closed" in str(cause)
    )


class Absence:
    """How one loop waits for a database that is away; `Database` itself puts that into the log, once.

    Use it as ``with absence: ...`` around each round of the loop, and ``await absence.over(stop)`` after it: what is
    raised within because the database is away ends the round, anything else goes up. Pauses grow.
    """

    def __init__(self) -> None:
        self._pause = 0.0
        self._is_away = False

    def __enter__(self) -> Self:
        self._is_away = False
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: TracebackType | None) -> bool:
        self._is_away = error is not None and is_away(error)
        self._pause = _longer(self._pause) if self._is_away else 0.0
        return self._is_away

    async def over(self, stop: asyncio.Event) -> bool:
        """Wait a while where the last round failed, no longer than until `stop`. Whether it did."""
        if self._is_away:
            try:
                async with asyncio.timeout(self._pause):
                    await stop.wait()
            except TimeoutError:
                return True  # time to try again
        return self._is_away


async def insist(work: Callable[[], Awaitable[T]], *, seconds: float) -> T:
    """Do it again while the database is away, no longer than so many seconds; then that error goes up.

    What is done again may have been committed the first time, only its answer was lost: `work` has to tell, e.g. by
    the fence.
    """
    give_up_at = time.monotonic() + seconds
    pause = 0.0
    while True:
        try:
            return await work()
        except Exception as error:
            if not is_away(error) or time.monotonic() >= give_up_at:
                raise
        pause = _longer(pause)
        await asyncio.sleep(pause)


def _longer(pause: float) -> float:
    return min(max(pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
