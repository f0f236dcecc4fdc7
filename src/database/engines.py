"""How the connections of each kind of database are set up."""

import re
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from src.database import one_hop

BUSY_SECONDS = 5  # well under a lease; how long a writer waits for another process, e.g. a backup or a second replica
MIGRATION_SECONDS = 60  # how long one process waits while another one migrates

# A reader may open the file while it is locked, and needs none of these.
SQLITE_WRITER = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # What a statement of many rows would be undone with is kept in memory, not in a file written and removed each time.
    "PRAGMA temp_store=MEMORY",
    "PRAGMA wal_autocheckpoint=8000",  # 32 MB of log: pages that many commits change are copied once for all of them
    # Deleted means overwritten: /delete_me promises it, and whoever gets hold of the file, or of a copy of it,
    # could otherwise read rows in its free pages.
    "PRAGMA secure_delete=ON",
)

_CONNECT_SECONDS = 5
_LOCK_SECONDS = BUSY_SECONDS  # the same on PostgreSQL
_STATEMENT_SECONDS = 30  # no statement of ours takes one; a server that hangs is noticed
_POOL_SECONDS = 60
# A process that stands still (a suspended machine) within a transaction lets go of its locks before leases run out.
_IDLE_SECONDS = 10
_POSTGRESQL = {
    "application_name": "git-assistant",
    "timezone": "UTC",
    "jit": "off",  # our statements are short: compiling them costs more than running them
    # A server whose machine vanished is given up after some 25 s instead of two hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_ARGUMENT = re.compile(r"(invalid input for query argument \$\d+).*", re.DOTALL)  # with what stands in it


def sqlite_engine(url: str, *, size: int, read_only: bool) -> AsyncEngine:
    """Connections that begin with ``BEGIN IMMEDIATE``, or can only read."""
    path = make_url(url).database or ""
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        async_creator=lambda: one_hop.connect(path, patience=BUSY_SECONDS, only_reads=read_only),
        hide_parameters=True,  # errors are logged, and what is stored is nobody's business
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin by itself: `_begin` does
        cursor = connection.cursor()
        for pragma in ("PRAGMA query_only=ON",) if read_only else SQLITE_WRITER:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    _store_any_text(engine)
    return engine


def postgresql_engine(url: str, *, size: int, read_only: bool) -> AsyncEngine:
    """Connections that write, or see one moment (``REPEATABLE READ``) and can only read."""
    kind = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if read_only else {}
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        execution_options=kind,
        connect_args=_connect_arguments(lock_seconds=_LOCK_SECONDS, statement_seconds=_STATEMENT_SECONDS),
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def _is_open(connection: Any, _record: object, _proxy: object) -> None:
        # Costs no round trip, unlike `pool_pre_ping`: a server that stops or crashes closes its connections.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError

    _keep_values_out_of_errors(engine)
    _store_any_text(engine)
    return engine


def migrating_engine(url: str, *, is_sqlite: bool, **more: Any) -> AsyncEngine:
    """One connection, for migrations: they take long, and on SQLite foreign keys have to be off.

    SQLite alters most things by copying the table and dropping the old one, which with foreign keys on would
    delete the rows that hang on it. They can only be switched outside a transaction, hence not on the writer.
    """
    if not is_sqlite:
        arguments = _connect_arguments(lock_seconds=MIGRATION_SECONDS, statement_seconds=None)
        engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments, hide_parameters=True, **more)
        _keep_values_out_of_errors(engine)
        return engine
    waits = {"timeout": MIGRATION_SECONDS}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=waits, hide_parameters=True, **more)

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin by itself: `_begin` does
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute("PRAGMA secure_delete=ON")  # of a table that was copied, too, nothing stays in free pages
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def copying_engine(url: str, *, is_sqlite: bool) -> AsyncEngine:
    """As for migrations, and JSON comes and goes as the text that it is stored as."""
    return migrating_engine(url, is_sqlite=is_sqlite, json_serializer=_as_it_is, json_deserializer=_as_it_is)


def _as_it_is(value: Any) -> Any:
    return value


def storable(words: str) -> str:
    """The text without what not every database takes: PostgreSQL knows no zero byte, and UTF-8 no half of a pair."""
    if words.isascii():
        return words.replace("\0", "")
    return words.replace("\0", "").encode("utf-8", "replace").decode()


def _store_any_text(engine: AsyncEngine) -> None:
    """What others wrote is stored whatever is in it, the same on both databases."""

    @event.listens_for(engine.sync_engine, "before_cursor_execute", retval=True)
    def _clean(
        _connection: Connection, _cursor: object, statement: str, given: Any, _context: object, many: bool
    ) -> tuple[str, Any]:
        # A batch that returns rows is one statement, with all its values in one tuple.
        return statement, [_cleaned(row) for row in given] if many and isinstance(given, list) else _cleaned(given)


def _cleaned(row: Any) -> Any:
    """The parameters of one row: a tuple, or a dictionary where they have names."""
    if isinstance(row, dict):
        return {name: storable(value) if isinstance(value, str) else value for name, value in row.items()}
    return tuple(storable(value) if isinstance(value, str) else value for value in row)


def _connect_arguments(*, lock_seconds: int, statement_seconds: int | None) -> dict[str, Any]:
    """For the driver; the server cuts off a statement before the driver does."""
    settings = {**_POSTGRESQL, "lock_timeout": f"{lock_seconds}s", "statement_timeout": f"{statement_seconds or 0}s"}
    if statement_seconds is None:
        return {"timeout": _CONNECT_SECONDS, "server_settings": settings}
    settings["idle_in_transaction_session_timeout"] = f"{_IDLE_SECONDS}s"
    return {"timeout": _CONNECT_SECONDS, "command_timeout": statement_seconds + 5, "server_settings": settings}


def _keep_values_out_of_errors(engine: AsyncEngine) -> None:
    """The server's and the driver's errors repeat values of the row: they are logged, and must not."""

    @event.listens_for(engine.sync_engine, "handle_error")
    def _shorten(context: ExceptionContext) -> None:
        wrapped, error = context.sqlalchemy_exception, context.original_exception
        if wrapped is not None:
            wrapped.args = _without_values(wrapped.args)
        cause: BaseException | None = error
        while cause is not None:
            cause.args = _without_values(cause.args)
            if getattr(cause, "detail", None):
                cause.detail = None  # type: ignore[attr-defined] # asyncpg's, set from what the server sent
            cause = cause.__cause__


def _without_values(words: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(_ARGUMENT.sub(r"\1", word) if isinstance(word, str) else word for word in words)
