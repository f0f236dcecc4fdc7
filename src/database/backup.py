"""Copies of a SQLite file: made while others write, and put in its place while nobody does."""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

_HEADER = b"SQLite format 3\x00"
_WAIT = 30.0  # seconds that a copy waits for somebody who holds the whole file
_WAIT_ALONE = 3.0  # seconds that a command which only looks into the database gets to end
_SIDE_FILES = ("-wal", "-shm", "-journal")
_LOCKS = (0x4000_0002, 510)  # where SQLite's connections hold their shared locks, by its file format


class NotABackup(Exception):
    """The file is no copy of our database, or a damaged one; the message says what is wrong, after its name."""


class InUse(Exception):
    """A process has the database open."""


def copy(source: Path, target: Path) -> int:
    """Write a checked copy of one moment of `source`, whoever writes to it meanwhile.

    `target` is replaced in one step, or is as it was: a single file with mode 0600. Raises `OSError`, `sqlite3.Error`
    and, where the copy is damaged (for the source is), `NotABackup`. Returns its size in bytes.
    """
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(_open(source, "rw")) as live, closing(_open(draft, "rw")) as copied:
            live.backup(copied)  # in one step: others may write, and it is of one moment all the same
            copied.execute("PRAGMA journal_mode=DELETE")
            _check(copied)
        _sync(draft)
        size = draft.stat().st_size
        draft.replace(target)
        _sync(target.parent)
    finally:
        remove(draft)
    return size


def is_empty(file: Path) -> bool:
    """Whether nobody has made our tables yet. Raises `sqlite3.DatabaseError` for what is no database."""
    with closing(_open(file, "rw")) as live:
        tables = live.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        if tables == (0,):
            return True
        (revisions,) = live.execute("SELECT count(*) FROM alembic_version").fetchone()
    return int(revisions) == 0


def revision_of(file: Path) -> str:
    """Check a copy and tell the revision of its schema. Raises `NotABackup` and `OSError`; leaves nothing beside it."""
    with file.open("rb") as opened:
        if opened.read(len(_HEADER)) != _HEADER:
            raise NotABackup("is no SQLite database")
    log = Path(f"{file}-wal")
    is_whole = not log.exists() or log.stat().st_size == 0
    try:
        with closing(_open(file, "ro&immutable=1" if is_whole else "ro")) as copied:
            _check(copied)
            rows = copied.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise NotABackup("is a database of something else") from None
        raise NotABackup(f"cannot be read ({error})") from None
    except sqlite3.DatabaseError as error:
        raise NotABackup(f"is damaged ({error})") from None
    if len(rows) != 1:
        raise NotABackup("is a database of something else")
    return str(rows[0][0])


@contextmanager
def alone(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that nobody else can be beside; whoever opens the file meanwhile waits, and then sees what is new.

    SQLite itself knows who has the file open, dead processes not among them. Raises `InUse`, and `sqlite3.Error` for
    a file that is damaged so much that it cannot be opened.
    """
    with closing(_open(file, "rw", wait=_WAIT_ALONE)) as connection:
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            # Needs the file for itself; and what is in the write-ahead log is in the file from then on.
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise InUse from None
            raise
        yield connection


def save(connection: sqlite3.Connection, aside: Path) -> None:
    """Copy what is in the database, good or bad, to a new file with mode 0600."""
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(_open(aside, "rw")) as copied:
        connection.backup(copied)
        copied.execute("PRAGMA journal_mode=DELETE")
    _sync(aside)


def fill(connection: sqlite3.Connection, source: Path) -> None:
    """Put what is in `source` in the place of all that is in the database: all of it, or nothing."""
    with closing(_open(source, "rw")) as copied:
        copied.backup(connection)


def move_aside(file: Path, aside: Path) -> None:
    """Rename a file that SQLite cannot open, with what belongs to it. Raises `InUse`."""
    with file.open("r+b") as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKS[1], _LOCKS[0])
        except BlockingIOError:
            raise InUse from None
        for side in _SIDE_FILES:
            if Path(f"{file}{side}").exists():
                Path(f"{file}{side}").rename(f"{aside}{side}")
        file.rename(aside)


def make_empty(file: Path) -> None:
    """A new file, mode 0600, where none is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def remove(file: Path) -> None:
    """Delete a file of ours with what SQLite may have left beside it."""
    for name in (str(file), *side_files(file)):
        Path(name).unlink(missing_ok=True)


def side_files(file: Path) -> tuple[str, ...]:
    """The names under which SQLite keeps what belongs to a file."""
    return tuple(f"{file}{side}" for side in _SIDE_FILES)


def _open(file: Path, mode: str, *, wait: float = _WAIT) -> sqlite3.Connection:
    address = f"file:{quote(str(file.absolute()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)


def _check(connection: sqlite3.Connection) -> None:
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise NotABackup(f"is damaged ({'; '.join(' '.join(line.split()) for line in found)[:200]})")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
