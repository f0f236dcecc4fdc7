"""What was deleted is given back to the disk, a little at a time, and the planner learns what there is now."""

import asyncio
import logging
import sqlite3
from typing import Any

from src.database.database import Database
from src.database.direct import NotStored

log = logging.getLogger(__name__)

_PAGES = 256  # a megabyte in one transaction: the writer is held up for milliseconds
_ROUNDS = 1_000  # in one run
_KEPT = 0.1  # of the file: free pages that the next days will use again
_PAUSE = 0.01  # seconds, for others to write

LARGEST_CONVERTED = 256 * 2**20  # bytes; takes some three seconds at a start, which other writers wait through


async def vacuum(database: Database) -> bool:
    """Give back what is free beyond a tenth of the file. Whether all of that is done.

    PostgreSQL's autovacuum sees to such things itself. So does SQLite not for a file of before, see `make_shrinkable`.
    """
    if not database.is_sqlite:
        return True
    given_back, left = 0, True
    try:
        for _ in range(_ROUNDS):
            freed: list[int] = []
            await database.directly(lambda connection, freed=freed: freed.append(_shrink(connection)), _nothing)  # type: ignore[misc] # a default
            given_back += freed[0]
            left = freed[0] > 0
            if not left:
                break
            await asyncio.sleep(_PAUSE)
        await database.directly(_optimize, _nothing)
    except NotStored as error:
        log.warning("the database was not vacuumed to the end: %s", error)
        return False
    if given_back:
        log.info("%d pages of the database were given back", given_back)
    return not left


def make_shrinkable(connection: sqlite3.Connection) -> None:
    """Let a file give back what is free (``auto_vacuum``): a new one at once, one of before by writing it anew.

    That is left for the next start where somebody else is in the way, the disk is full, or the file is large.
    """
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if mode or pages * size > LARGEST_CONVERTED:
        return
    try:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        if pages:
            connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        log.warning("the database file can't be made to shrink yet: %s", error)


def _shrink(connection: sqlite3.Connection) -> int:
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    wanted = min(_PAGES, int(free - pages * _KEPT)) if mode == 2 else 0  # 2: incremental
    for _ in range(wanted):
        connection.execute("PRAGMA incremental_vacuum(1)")  # the driver takes one step of it, whatever the number
    return max(wanted, 0)


def _optimize(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA analysis_limit=1000")
    connection.execute("PRAGMA optimize")


async def _nothing(_driver: Any) -> None:
    return
