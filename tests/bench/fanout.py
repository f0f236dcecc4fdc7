"""Figure (c): one event told to 1, 100, 1,000 and 10,000 in one transaction, and what was decided before it.

The reference is the driver's own executemany of as many rows into an equal table, with its indexes, foreign keys and
fsync, in turns with ours.
"""

import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from src.database import migrate
from src.database.database import Database
from src.database.models import Delivery, utc_now
from src.database.repositories import deliveries, event_log, hooks, projects, subscriptions
from src.forges import FORGE_TYPES
from src.webhook.fanout import Plan, reader_of, store
from src.webhook.inbox import decompress
from src.webhook.personalized_handlers import Facts, recipients
from tests.bench.table import Asked, Figure, figure, in_turns
from tests.crowd import Crowd, claimed, gather, post
from tests.postgres import running

SIZES = (1, 100, 1_000, 10_000)
_MOST = 10 / 3.9  # for a thousand: 10 ms, on a machine where the driver's own take the 3.9 that prototypes had
_MESSAGE = (
    "INSERT INTO messages (event_id, chat_id, topic_id, subscription_id, op, reasons, subject_key, coalesce_key, level,"
    " state, not_before, attempts, fence, created_at) VALUES ({})"
)


@dataclass
class Stage:
    """A database with a crowd, and deliveries that nobody has told of yet."""

    database: Database
    crowd: Crowd
    told: int = 0
    decided: float = 0.0  # milliseconds that the last decision took: who follows, and who of them is told

    async def fan_out(self) -> float:
        """Milliseconds of one transaction: an event, its messages, the end of its delivery."""
        return statistics.median([await self._once() for _ in range(_at_once(self.crowd))])

    async def _once(self) -> float:
        self.told += 1
        await post(self.database, self.crowd.hook_ids, self.told, 1)
        (delivery,) = await claimed(self.database)
        plan = await self._decide(delivery)
        now, began = utc_now(), time.perf_counter()
        async with self.database.write(shared=True) as session:
            await projects.hold(session, [plan.project.id])
            queued, words = await store(session, plan, delivery, now)
            await hooks.heard(session, delivery.hook_id, now)
            assert await deliveries.finish(session, delivery, state="done")
            await event_log.add(
                session, kind="webhook", outcome="done", message=words, now=now,
                hook_id=delivery.hook_id, delivery_id=delivery.id, project_id=plan.project.id,
            )  # fmt: skip
        took = time.perf_counter() - began
        assert queued == len(self.crowd.chat_ids), words
        return took * 1e3

    async def _decide(self, delivery: Delivery) -> Plan:
        event = FORGE_TYPES["github"].codec.parse(delivery.headers, decompress(delivery.body or b""))[0]
        began = time.perf_counter()
        async with self.database.read() as session:
            project = await projects.get(session, self.crowd.project_id)
            followers = await subscriptions.followers(session, project.id, utc_now())
        told = tuple(recipients(event, [reader_of(follower) for follower in followers], Facts()))
        self.decided = (time.perf_counter() - began) * 1e3
        return Plan(event, project, told, 0, 0, None)


def _at_once(crowd: Crowd) -> int:
    """So many transactions are one run, which is their median."""
    return 1 if len(crowd.chat_ids) > 1_000 else 5


def _rows(crowd: Crowd, event_id: int, moment: object) -> list[tuple[object, ...]]:
    reasons, key = '[{"reason": "chosen", "via": null}]', f"{crowd.project_id}:pull_request:{event_id}:opening"
    return [
        (event_id, chat, 0, chat, "send", reasons, f"pull_request:{event_id}", key, "on", "new", moment, 0, 0, moment)
        for chat in crowd.chat_ids
    ]


_EVENT = (
    "INSERT INTO events (project_id, happening_key, name, subject_key, schema_version, body, created_at)"
    " VALUES ({}, {}, 'x', 'x', 1, '', {}) RETURNING id"
)


def on_sqlite(file: Path, crowd: Crowd) -> Callable[[], Awaitable[float]]:
    """Milliseconds of the driver's own, in a database of its own."""
    connection = sqlite3.connect(file, isolation_level=None)
    for setting in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {setting}")
    words = _MESSAGE.format(", ".join("?" * 14))

    async def run() -> float:
        return statistics.median([once() for _ in range(_at_once(crowd))])

    def once() -> float:
        moment = utc_now().replace(tzinfo=None).isoformat(" ")
        event = connection.execute(_EVENT.format("?", "?", "?"), (crowd.project_id, moment, moment)).fetchone()[0]
        rows, began = _rows(crowd, event, moment), time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(words, rows)
        connection.execute("COMMIT")
        return (time.perf_counter() - began) * 1e3

    return run


def on_postgresql(connection: asyncpg.Connection, crowd: Crowd) -> Callable[[], Awaitable[float]]:
    """As on SQLite."""
    words = _MESSAGE.format(", ".join(f"${n}" for n in range(1, 15)))

    async def run() -> float:
        return statistics.median([await once() for _ in range(_at_once(crowd))])

    async def once() -> float:
        moment = utc_now().replace(tzinfo=None)
        event = await connection.fetchval(_EVENT.format("$1", "$2", "$3"), crowd.project_id, str(moment), moment)
        rows, began = _rows(crowd, event, moment), time.perf_counter()
        async with connection.transaction():
            await connection.executemany(words, rows)
        return (time.perf_counter() - began) * 1e3

    return run


async def _stage(url: str, size: int) -> Stage:
    database = Database(url)
    await migrate.upgrade(database)
    return Stage(database, await gather(database, size))


async def measure(asked: Asked) -> list[Figure]:
    """All sizes on SQLite, a thousand on PostgreSQL too."""
    found: list[Figure] = []
    for size in SIZES:
        ours = await _stage(f"sqlite+aiosqlite:///{asked.folder / f'ours{size}.db'}", size)
        theirs = await _stage(f"sqlite+aiosqlite:///{asked.folder / f'theirs{size}.db'}", size)
        await theirs.database.close()
        plain = on_sqlite(asked.folder / f"theirs{size}.db", theirs.crowd)
        runs = await in_turns({"ours": ours.fan_out, "plain": plain}, asked.rounds)
        await ours.database.close()
        found.append(_figure(f"fan-out to {size:,}, SQLite", runs, ours, size))
    with running(fsync=True) as server:
        ours, theirs = await _stage(server.create(), 1_000), await _stage(server.create(), 1_000)
        url = make_url(theirs.database.url).set(drivername="postgresql")
        await theirs.database.close()
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
        try:
            runs = await in_turns(
                {"ours": ours.fan_out, "plain": on_postgresql(connection, theirs.crowd)}, asked.rounds
            )
        finally:
            await connection.close()
            await ours.database.close()
        found.append(_figure("fan-out to 1,000, PostgreSQL", runs, ours, 0))
    return found


def _figure(name: str, runs: dict[str, list[float]], stage: Stage, size: int) -> Figure:
    most = _MOST if size == 1_000 else None
    note = f"deciding it took {stage.decided:.0f} ms before"
    return figure(name, "ms", runs["ours"], runs["plain"], at_most=most, note=note)
