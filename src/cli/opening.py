"""The database as the operator's commands find it: there, and of this version."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from src.cli.mistakes import check_folder, database_file, unusable
from src.cli.reaching import is_sqlite, reach
from src.config import ConfigError, Settings
from src.database.database import Database
from src.database.migrate import is_current, knows, revisions


class Refused(ConfigError):
    """What was asked for cannot be done; the sentence says how to mend that."""


def existing_file(settings: Settings) -> Path:
    """The SQLite file. Raises `Refused` where there is none."""
    file = database_file(settings)
    check_folder(file)
    if not file.exists():
        raise Refused(
            f"Nothing has run here yet: there is no {file}. Go to the folder that the bot is started from, "
            "or begin with `python main.py run`."
        )
    return file


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The database, at the schema that this version works with. Raises `Refused` where it is not."""
    file = existing_file(settings) if is_sqlite(settings) else None
    await reach(settings)
    database = Database(settings.database_url)
    try:
        try:
            at = await revisions(database)
            if not await is_current(database):
                raise Refused(_wrong_schema(at))
        except DatabaseError as error:
            if file is None:
                raise
            raise ConfigError(unusable(file, error.orig)) from None
        yield database
    finally:
        await database.close()


def _wrong_schema(at: tuple[str, ...]) -> str:
    if at and not knows(at[0]):
        return f"The database is at revision {at[0]}, which a newer version made: update this program."
    return "The database is not at the schema of this version: bring it there with `python main.py migrate`."
