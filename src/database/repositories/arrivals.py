"""Deliveries as they come in: by the batch, in the driver's own words (see `Database.directly`)."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import orjson

from src.database.database import Database
from src.database.direct import in_parts
from src.database.engines import storable
from src.database.repositories.deliveries import NewDelivery

_COLUMNS = "hook_id, key, replay_key, event, headers, body, received_at, not_before, state, attempts, fence"
_AGAIN = "state = 'new', attempts = 0, error = NULL"
_FAILED = "state IN ('failed', 'quarantined', 'unknown')"


async def put(database: Database, batch: Sequence[NewDelivery]) -> None:
    """Store a batch, in its order; it is on disk when this returns. Raises `NotStored`, `RowRefused` among them.

    A delivery that is known already is ignored, unless it had failed: then it is tried anew. Nobody is told of what is
    new: see `announce_now`.
    """
    await database.directly(partial(_put_in_sqlite, batch), partial(_put_in_postgresql, batch))


def _put_in_sqlite(batch: Sequence[NewDelivery], connection: sqlite3.Connection) -> None:
    stored = 0
    for part in in_parts(batch):
        values = [value for item in part for value in _sqlite_values(item)]
        stored += connection.execute(_sqlite_insert(len(part)), values).rowcount
    if stored < len(batch):
        again = [(_sqlite_moment(item.received_at), item.hook_id, storable(item.key)) for item in batch]
        connection.executemany(_SQLITE_AGAIN, again)


@cache
def _sqlite_insert(rows: int) -> str:
    """One statement for so many: for each, the driver lets go of the interpreter and waits to get it back."""
    row = "(?, ?, ?, ?, ?, ?, ?, ?, 'new', 0, 0)"
    return f"INSERT INTO deliveries ({_COLUMNS}) VALUES {', '.join([row] * rows)} ON CONFLICT DO NOTHING"  # noqa: S608 - our own words


_SQLITE_AGAIN = f"UPDATE deliveries SET {_AGAIN}, not_before = ? WHERE hook_id = ? AND key = ? AND {_FAILED}"  # noqa: S608 - our own words


def _sqlite_values(item: NewDelivery) -> tuple[Any, ...]:
    at = _sqlite_moment(item.received_at)
    return item.hook_id, storable(item.key), item.replay_key, storable(item.event), _json(item), item.body, at, at


def _sqlite_moment(moment: datetime) -> str:
    """As SQLAlchemy writes it, so that it can be compared."""
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:26]  # without the zone


# Rows get their ids in the order of the batch.
_POSTGRESQL_INSERT = f"""
    WITH stored AS (
        INSERT INTO deliveries ({_COLUMNS})
        SELECT hook_id, key, replay_key, event, headers::json, body, at, at, 'new', 0, 0
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamp[])
            WITH ORDINALITY AS given (hook_id, key, replay_key, event, headers, body, at, place)
        ORDER BY place
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT count(*) FROM stored
"""  # noqa: S608 - our own words
_POSTGRESQL_AGAIN = f"""
    UPDATE deliveries SET {_AGAIN}, not_before = given.at
    FROM unnest($1::bigint[], $2::text[], $3::timestamp[]) AS given (hook_id, key, at)
    WHERE deliveries.hook_id = given.hook_id AND deliveries.key = given.key AND {_FAILED}
"""  # noqa: S608 - as above


async def _put_in_postgresql(batch: Sequence[NewDelivery], driver: Any) -> None:
    hooks, keys = [item.hook_id for item in batch], [storable(item.key) for item in batch]
    moments = [item.received_at.astimezone(UTC).replace(tzinfo=None) for item in batch]
    stored = await driver.fetchval(
        _POSTGRESQL_INSERT,
        hooks,
        keys,
        [item.replay_key for item in batch],
        [storable(item.event) for item in batch],
        [_json(item) for item in batch],
        [item.body for item in batch],
        moments,
    )
    if stored < len(batch):
        await driver.execute(_POSTGRESQL_AGAIN, hooks, keys, moments)


def _json(item: NewDelivery) -> str:
    return orjson.dumps({storable(name): storable(str(value)) for name, value in item.headers.items()}).decode()
