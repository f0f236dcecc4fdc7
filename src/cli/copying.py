"""`copy-database`: all that is in one database, put into another one of either kind."""

import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from src.cli.mistakes import unusable
from src.cli.opening import Refused
from src.config import ConfigError
from src.config.addresses import checked_database_url
from src.database import copying
from src.database.backup import make_empty
from src.database.copying import Copied
from src.database.database import Database
from src.database.migrate import NewerSchemaError, is_current, knows, revisions, upgrade
from src.database.models import utc_now
from src.database.repositories import queues

_AWAY = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
_KEY_FILE = "secret.key"
_WIDTH = 80
_WAITING = ("new", "taken", "sending")


async def copy_database(given_source: str, given_target: str) -> int:
    """Run the command; prints a table of what was copied and what to do next. Raises `Refused` and `ConfigError`."""
    source, target = address(given_source, "FROM"), address(given_target, "TO")
    if _place(source) == _place(target):
        raise Refused("FROM and TO are the same database: name an empty one to copy to.")
    await _check_source(source)
    made = _make_file(target)
    began = time.monotonic()
    try:
        await _make_tables(target)
        copied = await _copied(source, target)
    except BaseException:
        if made is not None:
            made.unlink(missing_ok=True)
        raise
    print(_table(copied))
    _say(f"{sum(each.rows for each in copied)} rows in {time.monotonic() - began:.1f} s, read back and compared.")
    if dropped := sum(each.dropped for each in copied):
        _say(f"{dropped} NUL characters in texts, which PostgreSQL does not take, were left out.")
    if waiting := await _waiting(target):
        _say(f"Waiting in it: {waiting}. Whoever starts on it goes on with that.")
    for line in _next(source, target):
        _say(line)
    return 0


def address(given: str, name: str) -> URL:
    """What was given as an address: as DATABASE_URL, or the path of a SQLite file. Raises `ConfigError`."""
    try:
        return make_url(checked_database_url(given if "://" in given else f"sqlite+aiosqlite:///{given}"))
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None


def _place(url: URL) -> tuple[object, ...]:
    """What tells whether two addresses lead to one database."""
    if _is_file(url):
        return ("sqlite", _file(url).resolve())
    return ("postgresql", url.host or url.query.get("host"), url.port or 5432, url.database)


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _file(url: URL) -> Path:
    return Path(url.database or "")


async def _check_source(url: URL) -> None:
    if _is_file(url) and not _file(url).is_file():
        raise Refused(f"FROM: there is no file {_file(url)}.")
    async with _reached(url, "FROM") as database:
        at = await revisions(database)
        if await is_current(database):
            return
        if at and not knows(at[0]):
            raise Refused(f"FROM is at revision {at[0]}, which a newer version made: update this program.")
        raise Refused(
            "FROM is not at the schema of this version: bring it there with `python main.py migrate`, "
            "DATABASE_URL being its address."
        )


def _make_file(url: URL) -> Path | None:
    """A new file that nobody else may read, where the target is one that is not there yet."""
    if not _is_file(url) or _file(url).exists():
        return None
    try:
        make_empty(_file(url))
    except OSError as error:
        raise ConfigError(unusable(_file(url), error).replace("DATABASE_URL", "TO", 1)) from None
    return _file(url)


async def _make_tables(url: URL) -> None:
    async with _reached(url, "TO") as database:
        try:
            await upgrade(database)
        except NewerSchemaError as error:
            raise Refused(f"TO: {error}") from None


async def _copied(source: URL, target: URL) -> list[Copied]:
    try:
        return await copying.copy(_plain(source), _plain(target), now=utc_now(), report=_progress)
    except copying.InUse as error:
        raise Refused(_in_use(source, error)) from None
    except copying.NotEmpty as error:
        found = ", ".join(f"{rows} {table}" for table, rows in error.tables.items())
        raise Refused(f"TO has something in it already ({found}): name an empty database.") from None
    except copying.TooLong as error:
        raise Refused(f"{error}: PostgreSQL does not take that. Shorten it in FROM, then copy again.") from None
    except copying.Differs as error:
        raise Refused(
            f"The table {error} is not in TO as it is in FROM, so nothing was kept: "
            "check FROM with `PRAGMA integrity_check` (SQLite) or the disks of both, then copy again."
        ) from None
    except _AWAY as error:
        raise Refused(f"The copy broke off ({_cause(error)}). TO is empty; mend that, then copy again.") from None


def _in_use(source: URL, error: copying.InUse) -> str:
    held = [f"{name.removeprefix('keys:')}" if name.startswith("keys:") else name for name, _ in error.holders]
    return (
        f"Processes work with {_shown(source)}: {', '.join(held)}. Stop them first (SIGTERM; "
        "`systemctl stop 'git-assistant*'`; `docker compose stop`), then copy again. "
        "One that died is forgotten after half a minute."
    )


@asynccontextmanager
async def _reached(url: URL, name: str) -> AsyncIterator[Database]:
    """The database, and what it answers when it is not one or cannot be reached, in a sentence without the password."""
    database = Database(_plain(url))
    try:
        yield database
    except _AWAY as error:
        raise Refused(f"{name}: {_shown(url)} cannot be used ({_cause(error)}).") from None
    finally:
        await database.close()


async def _waiting(url: URL) -> str:
    async with _reached(url, "TO") as database, database.read() as session:
        standing = await queues.standing(session, utc_now())
    return ", ".join(f"{q.count} {q.table}" for q in standing if q.state in _WAITING and q.count)


def _next(source: URL, target: URL) -> list[str]:
    """What the operator does now."""
    lines = [f"Now set DATABASE_URL to {_shown(target)} and start the program."]
    key, beside = _file(source).parent / _KEY_FILE, _file(target).parent / _KEY_FILE
    if _is_file(source) and key.exists() and not _is_file(target):
        lines.append(
            f"The key is not in the database. It is in {key}: put its lines, separated by commas, into SECRET_KEYS of "
            "every process; without them all tokens and secrets stay closed."
        )
    elif _is_file(source) and key.exists() and key.resolve() != beside.resolve():
        lines.append(f"The key is not in the database: copy {key} to {beside}, or all tokens and secrets stay closed.")
    else:
        lines.append("SECRET_KEYS has to be what it was: without it all tokens and secrets stay closed.")
    lines.append(f"Start nothing on {_shown(source)} any more: it would tell everything a second time.")
    return lines


def _table(copied: list[Copied]) -> str:
    width = max(len(each.table) for each in copied)
    rows = [f"{each.table:<{width}}  {each.rows:>9}  {each.checksum}" for each in copied]
    return "\n".join([f"{'table':<{width}}  {'rows':>9}  checksum", *rows])


def _progress(table: str, rows: int) -> None:
    """A line for what takes long."""
    if rows >= 100_000:
        print(f"{table}: {rows} rows copied and compared", flush=True)


def _plain(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _shown(url: URL) -> str:
    return str(_file(url)) if _is_file(url) else url.render_as_string(hide_password=True)


def _cause(error: BaseException) -> str:
    """What the database says, on one line; never a value or a password."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(getattr(cause, "strerror", None) or cause or type(cause).__name__).split())[:200]


def _say(text: str) -> None:
    print(textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False))
