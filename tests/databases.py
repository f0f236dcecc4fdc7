"""Where a test's database is: a SQLite file in the test's folder, or a database of its own on PostgreSQL.

TEST_DATABASE=postgresql puts all that ask `url_in` there. `each_database_url` is both, one after the other, always.
Tests about SQLite's file itself bear the marker `sqlite_file`, or ask for `sqlite_file_url`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.database import Database
from src.database.models import Base
from tests.postgres import fresh, shared

KINDS = ("sqlite", "postgresql")

_made: dict[tuple[Path, str], str] = {}  # on PostgreSQL: its address by the folder that it stands for


def kind() -> str:
    """What this run is on."""
    chosen = os.environ.get("TEST_DATABASE") or KINDS[0]
    if chosen not in KINDS:
        raise pytest.UsageError(f"TEST_DATABASE: must be {' or '.join(KINDS)}")
    return chosen


def is_sqlite() -> bool:
    """Whether this run is on files."""
    return kind() == "sqlite"


def sqlite_url(folder: Path, name: str = "app.db") -> str:
    """The address of a file."""
    return f"sqlite+aiosqlite:///{folder / name}"


def url_in(folder: Path, name: str = "app.db") -> str:
    """The address of the database that stands for this file, for as long as the test runs; a new one is empty.

    On PostgreSQL a new one has its tables already.
    """
    return sqlite_url(folder, name) if is_sqlite() else _postgresql_url(folder, name)


async def open_new(folder: Path, name: str = "app.db") -> Database:
    """The database that stands for this file, with all tables; close it."""
    database = Database(url_in(folder, name))
    await make_tables(database)
    return database


async def make_tables(database: Database) -> None:
    """The tables as the models have them; a new one on PostgreSQL has them already."""
    if database.is_sqlite:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)


async def number_on(session: AsyncSession, *tables: type[Base]) -> None:
    """New rows get numbers behind those that a test gave itself; SQLite does so anyway."""
    if session.get_bind().dialect.name == "postgresql":
        for table in tables:
            sequence = select(func.pg_get_serial_sequence(table.__tablename__, "id")).scalar_subquery()
            await session.execute(select(func.setval(sequence, 1_000)))


def _postgresql_url(folder: Path, name: str) -> str:
    key = (folder.resolve(), name)
    if key not in _made:
        _made[key] = fresh(shared())
    return _made[key]


@pytest.fixture(autouse=True)
def _databases_end() -> Iterator[None]:
    """What a test made on PostgreSQL goes when it ends."""
    before = set(_made)
    yield
    for key in _made.keys() - before:
        shared().drop(_made.pop(key))


@pytest.fixture
def sqlite_file_url(tmp_path: Path) -> str:
    """The address of a file, for what is about that file or the key beside it: who asks is not run on PostgreSQL."""
    return sqlite_url(tmp_path)


@pytest.fixture(params=KINDS)
def each_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new database, on SQLite without tables."""
    return sqlite_url(tmp_path) if request.param == "sqlite" else _postgresql_url(tmp_path, "app.db")
