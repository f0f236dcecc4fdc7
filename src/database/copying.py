"""All that is in one database, put into another one: every table as it is, in one transaction on either side."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Integer, LargeBinary, String, Table, func, insert, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from src.database import migrate
from src.database.engines import copying_engine, storable
from src.database.models import Base, Lease

_ROWS = 500  # in one piece, or as many as have so many bytes if each were as large as the largest
_BYTES = 16 * 2**20

Report = Callable[[str, int], None]


class InUse(Exception):
    """Processes work with the source; their leases, by name with their owners."""

    def __init__(self, holders: Sequence[tuple[str, str]]) -> None:
        super().__init__("in use")
        self.holders = tuple(holders)


class NotEmpty(Exception):
    """Something is in the target already: its tables and how many rows they have."""

    def __init__(self, tables: dict[str, int]) -> None:
        super().__init__("not empty")
        self.tables = tables


class TooLong(Exception):
    """A text of the source is longer than PostgreSQL takes in that column."""

    def __init__(self, column: str, length: int, most: int) -> None:
        super().__init__(f"{column} has a text of {length} characters where {most} are the most")


class Differs(Exception):
    """What was read back from the target is not what was written; nothing was kept."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A table, how many rows it has now, and a sum over what is in them that is the same on both sides."""

    table: str
    rows: int
    checksum: str
    dropped: int  # NUL characters that stood in texts


async def copy(source: str, target: str, *, now: datetime, report: Report = lambda _table, _rows: None) -> list[Copied]:
    """Copy everything; both are SQLAlchemy's URLs of databases at the newest revision.

    Nobody can write to either meanwhile, nor start on them. All of it is in the target at the end, or nothing: what
    breaks half-way is rolled back. Memory stays bounded: rows pass in pieces. `report` hears of a table and its rows.
    Raises `InUse`, `NotEmpty`, `TooLong`, `Differs` and what the databases raise.
    """
    done = []
    async with _still(source, now) as reading, _alone(target) as writing:
        for table in Base.metadata.sorted_tables:
            copied = await _table(reading, writing, table)
            if await _sum(writing, table) != (copied.rows, copied.checksum):
                raise Differs(table.name)
            report(table.name, copied.rows)
            done.append(copied)
        await _finish(writing)
    return done


@asynccontextmanager
async def _still(url: str, now: datetime) -> AsyncIterator[AsyncConnection]:
    """The source as nobody can change it. Raises `InUse`."""
    async with _locked(url, "SHARE") as connection:
        rows = await connection.execute(select(Lease.name, Lease.owner).where(Lease.until > now).order_by(Lease.name))
        if holders := [(row.name, row.owner) for row in rows]:
            raise InUse(holders)
        yield connection


@asynccontextmanager
async def _alone(url: str) -> AsyncIterator[AsyncConnection]:
    """The target, committed at the end. Raises `NotEmpty`."""
    async with _locked(url, "EXCLUSIVE") as connection:
        found = {}
        for table in Base.metadata.sorted_tables:
            if count := await connection.scalar(select(func.count()).select_from(table)):
                found[table.name] = count
        if found:
            raise NotEmpty(found)
        yield connection


@asynccontextmanager
async def _locked(url: str, mode: str) -> AsyncIterator[AsyncConnection]:
    """A transaction beside which nobody writes; who starts meanwhile waits for the schema, as during a migration."""
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    engine = copying_engine(url, is_sqlite=is_sqlite)
    try:
        async with engine.begin() as connection:
            if not is_sqlite:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({migrate.ADVISORY_LOCK})"))
                names = ", ".join(table.name for table in Base.metadata.sorted_tables)
                await connection.execute(text(f"LOCK TABLE {names} IN {mode} MODE"))
            yield connection
    finally:
        await engine.dispose()


async def _table(reading: AsyncConnection, writing: AsyncConnection, table: Table) -> Copied:
    is_strict = writing.dialect.name != "sqlite"
    rows = total = dropped = 0
    async for part in _parts(reading, table):
        kept = []
        for row in part:
            values = list(row)
            if is_strict:
                dropped += _fit(table, values)
            total += _digest(values)
            kept.append(dict(zip(table.c.keys(), values, strict=True)))
        rows += len(kept)
        await writing.execute(insert(table), kept)
    return Copied(table.name, rows, _shown(total), dropped)


async def _sum(connection: AsyncConnection, table: Table) -> tuple[int, str]:
    rows = total = 0
    async for part in _parts(connection, table):
        rows += len(part)
        total += sum(_digest(row) for row in part)
    return rows, _shown(total)


async def _parts(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[Sequence[Any]]]:
    """The table's rows, a piece at a time, in the order of its key."""
    size = await _piece(connection, table)
    query = select(table).order_by(*table.primary_key).execution_options(yield_per=size)
    async with connection.stream(query) as result:
        async for part in result.partitions():
            yield part


async def _piece(connection: AsyncConnection, table: Table) -> int:
    """How many rows pass at a time: a body may have megabytes."""
    longest = [func.max(func.length(column)) for column in table.c if isinstance(column.type, LargeBinary)]
    if not longest:
        return _ROWS
    found = (await connection.execute(select(*longest))).one()
    return max(1, min(_ROWS, _BYTES // (sum(length or 0 for length in found) + 1)))


def _fit(table: Table, values: list[Any]) -> int:
    """Make texts such that PostgreSQL takes them; how many characters were left out. Raises `TooLong`."""
    dropped = 0
    for place, (column, value) in enumerate(zip(table.c, values, strict=True)):
        if not isinstance(value, str):
            continue
        if "\0" in value:
            dropped += value.count("\0")
            values[place] = value = storable(value)
        most = column.type.length if isinstance(column.type, String) else None
        if most is not None and len(value) > most:
            raise TooLong(f"{table.name}.{column.name}", len(value), most)
    return dropped


def _digest(row: Sequence[Any]) -> int:
    """A number that stands for what is in a row; their sum for a table, in whatever order it is read."""
    found = blake2b(digest_size=8)
    for value in row:
        match value:
            case bytes():
                said = value
            case str():
                said = value.encode()
            case datetime():
                said = value.isoformat().encode()
            case _:
                said = repr(value).encode()
        found.update(f"{type(value).__name__[:1]}{len(said)}:".encode())
        found.update(said)
    return int.from_bytes(found.digest())


def _shown(total: int) -> str:
    return f"{total % 2**64:016x}"


async def _finish(connection: AsyncConnection) -> None:
    """What numbers new rows goes on behind the copied ones, and the planner learns what there is."""
    if connection.dialect.name == "sqlite":
        broken = (await connection.execute(text("PRAGMA foreign_key_check"))).first()
        if broken is not None:
            raise Differs(str(broken[0]))
    else:
        for table in Base.metadata.sorted_tables:
            key = table.autoincrement_column
            if key is None or not isinstance(key.type, Integer):
                continue
            sequence = func.pg_get_serial_sequence(table.name, key.name)
            last = await connection.scalar(select(func.max(key)))
            if last is not None:
                await connection.execute(select(func.setval(sequence, last)))
    await connection.execute(text("ANALYZE"))
