"""`backup` and `restore`: a copy of the database, what it is worth without the key, and its way back."""

import asyncio
import secrets
import sqlite3
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from src.app import key_file
from src.cli.mistakes import check_folder, check_key_file, database_file
from src.cli.opening import Refused, existing_file
from src.cli.reaching import is_sqlite
from src.config import Settings
from src.database import backup as copies
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.key_file import KeyFile, new_key
from src.database.key_rotation import Survey, survey
from src.database.migrate import is_current, knows, revisions, upgrade
from src.database.models import utc_now
from src.database.repositories import queues

_WAITING = ("new", "taken", "sending")
_WIDTH = 80


async def backup(settings: Settings, target: Path) -> int:
    """Run the command; prints what was written and what it is worth. Raises `Refused`."""
    _only_sqlite(settings, "back it up with `pg_dump`")
    check_key_file(settings, key_file(settings))
    source = existing_file(settings)
    _check_source(source)
    _check_target(target, source, key_file(settings))
    with _in_words(target, "write the backup to another place, or make room there"):
        size = await asyncio.to_thread(copies.copy, source, target)
    async with _looked_into(target) as copied:
        (revision,) = await revisions(copied)
        found = await survey(copied, _box(settings)) if await is_current(copied) else None
    _say(f"{target}: {size / 1_000_000:.1f} MB, revision {revision}, checked, and readable by you alone.")
    _say(_worth(settings, found))
    return 0


async def restore(settings: Settings, source: Path) -> int:
    """Run the command; prints what was done. Raises `Refused`, and then the database is as it was."""
    _only_sqlite(settings, "restore it with `pg_restore`")
    check_key_file(settings, key_file(settings))
    _check_backup(source)
    target = database_file(settings)
    check_folder(target)
    if target.exists() and target.samefile(source):
        raise Refused(f"{source} is the database itself: name the backup.")
    with _in_words(target, "restore as the user who owns it, and make room there"):
        aside = await _put_back(source, target)
    async with _looked_into(target) as database:
        found = await survey(database, _box(settings))
        async with database.read() as session:
            standing = await queues.standing(session, utc_now())
        (revision,) = await revisions(database)
    _say(f"{target} is what {source} was, brought to revision {revision}. Start the program again.")
    if aside is not None:
        _say(f"What was there before is in {aside}; delete it when all is well.")
    waiting = [f"{queue.count} {queue.table}" for queue in standing if queue.state in _WAITING and queue.count]
    if waiting:
        _say(f"Waiting when the backup was made: {', '.join(waiting)}. What was done of that since is done once more.")
    _say(_worth(settings, found))
    return 0


async def _put_back(source: Path, target: Path) -> Path | None:
    """The copy in the place of the database, once it is known to be good. Where the old one is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.restored-{secrets.token_hex(4)}")
    try:
        await asyncio.to_thread(copies.copy, source, draft)
        database = Database(_address(draft))
        try:
            await upgrade(database)
        finally:
            await database.close()
        return await asyncio.to_thread(_exchange, draft, target)
    finally:
        copies.remove(draft)


def _exchange(draft: Path, target: Path) -> Path | None:
    aside = target.with_name(f"{target.name}.before-{utc_now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")
    kept: Path | None = aside
    if not target.exists():
        copies.make_empty(target)
        kept = None
    try:
        with copies.alone(target) as connection:
            if kept is not None:
                copies.save(connection, aside)
            copies.fill(connection, draft)
            return kept
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
    # Too much of it is broken for SQLite to open it, so that nobody works with it either.
    copies.move_aside(target, aside)
    copies.make_empty(target)
    with copies.alone(target) as connection:
        copies.fill(connection, draft)
    return aside


def _only_sqlite(settings: Settings, instead: str) -> None:
    if not is_sqlite(settings):
        raise Refused(f"DATABASE_URL: names a PostgreSQL database; {instead}.")


def _check_source(source: Path) -> None:
    """Refuse what has nothing in it to be kept. What is damaged shows in the copy."""
    with _in_words(source, "back up as the user who owns it"):
        if copies.is_empty(source):
            raise Refused(f"{source}: nothing is in it yet; begin with `python main.py run`.")


def _check_target(target: Path, source: Path, key: Path) -> None:
    """Refuse to replace anything but an earlier backup."""
    if not target.absolute().parent.is_dir():
        raise Refused(f"{target}: there is no folder {target.absolute().parent}; make it first.")
    if "?" in str(target.absolute()):  # an address of a database ends there
        raise Refused(f"{target}: has a question mark in its path; choose another name.")
    if str(target.absolute()) in copies.side_files(source.absolute()):
        raise Refused(f"{target}: SQLite takes a file of this name for a part of the database; name another.")
    if target.is_dir():
        raise Refused(f"{target}: is a folder; name a file in it.")
    if not target.exists():
        return
    if target.samefile(source) or (key.exists() and target.samefile(key)):
        raise Refused(f"{target}: is what the backup is made of; name another file.")
    try:
        copies.revision_of(target)
        is_backup = not Path(f"{target}-wal").exists()
    except (copies.NotABackup, OSError):
        is_backup = False
    if not is_backup:
        raise Refused(f"{target}: is there already, and is no earlier backup; name another file.")


def _check_backup(source: Path) -> None:
    try:
        revision = copies.revision_of(source)
    except OSError as error:
        raise Refused(f"{source}: cannot be read ({error.strerror}); name the file that `backup` wrote.") from None
    except copies.NotABackup as error:
        raise Refused(f"{source}: {error}; name a file that `backup` wrote.") from None
    if not knows(revision):
        raise Refused(
            f"{source}: is at revision {revision}, which a newer version made: update this program, then restore."
        )


@contextmanager
def _in_words(file: Path, mend: str) -> Iterator[None]:
    """What goes wrong with files, in a sentence."""
    try:
        yield
    except copies.InUse:
        raise Refused(
            f"{file}: a process has the database open: stop the program (and whatever else looks into it), "
            "then restore again."
        ) from None
    except copies.NotABackup as error:
        raise Refused(f"The database {error}: restore an earlier backup.") from None
    except OSError as error:
        raise Refused(f"{file}: cannot be written ({error.strerror or error}); {mend}.") from None
    except sqlite3.OperationalError as error:
        raise Refused(f"{file}: cannot be written ({error}); {mend}.") from None
    except sqlite3.DatabaseError as error:
        raise Refused(f"The database is damaged ({error}): restore an earlier backup.") from None


@asynccontextmanager
async def _looked_into(file: Path) -> AsyncIterator[Database]:
    database = Database(_address(file))
    try:
        yield database
    finally:
        await database.close()


def _address(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file.absolute()}"


def _box(settings: Settings) -> SecretBox:
    """The keys that there are; one that opens nothing where there is none."""
    keys = [key.get_secret_value() for key in settings.secret_keys]
    file = KeyFile(key_file(settings))
    if not keys and file.path.exists():
        keys = list(file.read())
    return SecretBox(keys or [new_key()])


def _worth(settings: Settings, found: Survey | None) -> str:
    """What the copy is good for, and with which key; nothing `found`: its schema is another, so it was not tried."""
    where = "SECRET_KEYS" if settings.secret_keys else str(key_file(settings))
    if found is None:
        return f"Without the key its tokens and secrets stay closed, and the key is not in it. It is in {where}."
    if not found.total:
        return "No token or secret is in it yet, so that it needs no key."
    if found.lost == found.total:
        return (
            f"No key in {where} opens its {found.total} tokens and secrets: put the key there that it was made with, "
            "or everybody has to set their tokens anew."
        )
    lost = f" {found.lost} more open with no key that is there." if found.lost else ""
    keep = "" if settings.secret_keys else ": copy it to another place than the backups, for together they open all"
    return (
        f"Without the key its {found.total - found.lost} tokens and secrets stay closed, and the key is not in it. "
        f"It is in {where}{keep}.{lost}"
    )


def _say(text: str) -> None:
    print(textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False))
