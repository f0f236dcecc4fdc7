"""The one statement that each database words its own way: insert what is not there yet."""

from typing import Any

from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Base


def insert_if_new(session: AsyncSession, table: type[Base]) -> Any:
    """An insert that leaves rows alone whose unique key is taken; add ``.values()`` and ``.returning()``."""
    statement: SqliteInsert | PostgresqlInsert
    if session.get_bind().dialect.name == "sqlite":
        statement = sqlite_insert(table).on_conflict_do_nothing()
    else:
        statement = postgresql_insert(table).on_conflict_do_nothing()
    return statement
