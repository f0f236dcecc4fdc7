"""The log of outcomes, printed: the newest rows, and with `follow` those that come."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from src.cli.mistakes import check_folder, database_file, unusable
from src.cli.reaching import is_sqlite, reach, unreachable
from src.config import ConfigError, Settings
from src.database.away import is_away
from src.database.database import Database
from src.database.models import LogEntry
from src.database.repositories import event_log

_NO_TABLE = ("no such table", "does not exist")  # SQLite's words, PostgreSQL's
_EVERY = 1.0  # seconds between two looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows."""

    kind: str | None
    repo: str | None  # a project's path
    limit: int
    follow: bool


async def show(settings: Settings, wanted: Wanted) -> int:
    """Print them, newest last; the exit code. With `follow` it ends when it is interrupted."""
    if is_sqlite(settings):
        file = database_file(settings)
        check_folder(file)
        if not file.exists():
            print(
                f"Nothing has run here yet: there is no {file}. Go to the folder that the bot is started from, "
                "or begin with `python main.py run`.",
                file=sys.stderr,
            )
            return 1
    await reach(settings)
    database = Database(settings.database_url)
    try:
        return await _show(database, wanted)
    except DBAPIError as error:
        if not any(words in str(error.orig) for words in _NO_TABLE):
            said = (
                unusable(database_file(settings), error.orig) if is_sqlite(settings) else unreachable(settings, error)
            )
            raise ConfigError(said) from None
        print("There is no log in this database yet: start with `python main.py migrate`.", file=sys.stderr)
        return 1
    finally:
        await database.close()


async def _show(database: Database, wanted: Wanted) -> int:
    rows = await _rows(database, wanted, after=0, limit=wanted.limit)
    last = 0
    while True:
        for row in rows:
            print(_line(row), flush=wanted.follow)
            last = row.id
        if not wanted.follow:
            return 0
        await asyncio.sleep(_EVERY)
        try:
            rows = await _rows(database, wanted, after=last, limit=None)
        except DBAPIError as error:
            if not is_away(error):
                raise
            rows = ()  # it comes back, and with it what was logged meanwhile


async def _rows(database: Database, wanted: Wanted, *, after: int, limit: int | None) -> Sequence[LogEntry]:
    async with database.read() as session:
        found = await event_log.latest(session, kind=wanted.kind, repo=wanted.repo, after=after, limit=limit)
    return tuple(reversed(found))


def _line(row: LogEntry) -> str:
    ids = "".join(
        f" {word} {value}"
        for word, value in (("hook", row.hook_id), ("delivery", row.delivery_id), ("project", row.project_id))
        if value is not None
    )
    return f"{row.at:%Y-%m-%d %H:%M:%S} {row.kind} {row.outcome}{ids}: {row.message}"
