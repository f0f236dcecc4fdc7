"""What each database words its own way: insert what is not there yet, and many rows handed over as one."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, String, bindparam, cast, column, func, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from src.database.engines import storable
from src.database.models import Base


def insert_if_new(session: AsyncSession, table: type[Base]) -> Any:
    """An insert that leaves rows alone whose unique key is taken; add ``.values()`` and ``.returning()``."""
    statement: SqliteInsert | PostgresqlInsert
    if session.get_bind().dialect.name == "sqlite":
        statement = sqlite_insert(table).on_conflict_do_nothing()
    else:
        statement = postgresql_insert(table).on_conflict_do_nothing()
    return statement


def rows(
    session: AsyncSession, types: Mapping[str, type[TypeEngine[Any]]], values: Sequence[Sequence[object]]
) -> Mapping[str, ColumnElement[Any]]:
    """Columns of a table of these rows, in their order, for a select: numbers, strings and JSON.

    They are one parameter, however many they are: databases bind some thirty thousand at most, and every one costs.
    """
    given = as_rows(values)
    if session.get_bind().dialect.name == "sqlite":
        each = func.json_each(bindparam("rows", given, String)).table_valued("value", name="given")
        return {
            name: type_coerce(func.json_extract(each.c.value, f"$[{place}]"), kind)
            for place, (name, kind) in enumerate(types.items())
        }
    array = cast(bindparam("rows", given, String), JSONB)
    each = func.jsonb_array_elements(array).table_valued(column("value", JSONB), name="given").render_derived()
    return {name: cast(each.c.value[place].astext, kind) for place, (name, kind) in enumerate(types.items())}


def as_rows(values: Sequence[Sequence[object]]) -> str:
    """The parameter ``rows`` of such a select, for one that was made before and is executed again."""
    try:
        given = orjson.dumps(values, default=_unnamed)
    except orjson.JSONEncodeError:  # half of a pair
        return orjson.dumps(_storable(values)).decode()
    # What no database takes is written so, and the engine does not see it within JSON.
    return (orjson.dumps(_storable(values)) if b"\\u0000" in given else given).decode()


def _unnamed(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"no {type(value).__name__} in a row")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else value
