"""A PostgreSQL server as a command finds it: there, there soon, or not to be reached."""

import asyncio
import logging
import time

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from src.config import ConfigError, Settings
from src.database.away import is_away
from src.database.database import Database

log = logging.getLogger(__name__)

_LOOK_AGAIN = 1.0


async def reach(settings: Settings, *, patience: float = 0.0) -> None:
    """Connect once, waiting up to so many seconds for a server that is away. Raises `ConfigError`; SQLite is there."""
    if is_sqlite(settings):
        return
    give_up_at, told = time.monotonic() + patience, False
    database = Database(settings.database_url)
    try:
        while True:
            try:
                async with database.read() as session:
                    await session.execute(text("SELECT 1"))
            except (SQLAlchemyError, OSError, ValueError) as error:
                if not is_away(error) or time.monotonic() >= give_up_at:
                    raise ConfigError(unreachable(settings, error)) from None
                if not told:
                    log.warning("waiting for the database at %s: %s", _place(settings), _reason(error))
                    told = True
            else:
                return
            await asyncio.sleep(_LOOK_AGAIN)
    finally:
        await database.close()


def is_sqlite(settings: Settings) -> bool:
    """Whether the database is a file of ours."""
    return make_url(settings.database_url).get_backend_name() == "sqlite"


def unreachable(settings: Settings, error: BaseException) -> str:
    """The line about a server that cannot be used; never with the password."""
    return (
        f"DATABASE_URL: cannot use the database at {_place(settings)} ({_reason(error)}); "
        "start the server, or mend the address: `python main.py doctor` says more"
    )


def _place(settings: Settings) -> str:
    url = make_url(settings.database_url)
    host = url.host or url.query.get("host") or "localhost"
    hosts = host if isinstance(host, str) else ", ".join(host)
    return f"{hosts}{f':{url.port}' if url.port else ''}/{url.database}"


def _reason(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    words = said.partition(">: ")[2] or said  # of the driver's, the sentence without its class
    return words.splitlines()[0][:200] if words else type(cause).__name__
