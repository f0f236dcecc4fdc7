"""Two nodes on one database, each a process of its own: what comes to both is told once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from aiohttp import ClientSession
from sqlalchemy import func, select, update

from src.database import migrate, retention
from src.database.database import Database
from src.database.models import Base, Delivery, Forge, Hook, LogEntry, Message, StoredEvent, utc_now
from src.database.repositories import arrivals
from src.database.repositories.deliveries import NewDelivery
from tests.payloads import sign_github
from tests.process import SECRET, Stage, program, pull_request, stage
from tests.test_two_workers import drain

COPIES = 100
DAYS = timedelta(days=31)


async def test_100_copies_of_one_delivery_at_once_on_two_nodes_are_one_event(
    each_database_url: str, tmp_path: Path
) -> None:
    """And one message; then what was told is known, and what failed is tried anew, on either node."""
    async with two_nodes(each_database_url, tmp_path) as (made, ports), opened(made) as database:
        told = await asyncio.gather(*(deliver(ports[n % 2], made, 11, "one") for n in range(COPIES)))
        assert set(told) == {202}
        await settled(database)
        assert await counts(database) == {"deliveries": 1, "events": 1, "messages": 1}
        assert await deliver(ports[1], made, 11, "one") == 202, "done: ignored"
        assert await counts(database) == {"deliveries": 1, "events": 1, "messages": 1}

        assert await deliver(ports[0], made, 12, "two") == 202
        await settled(database)
        async with database.write() as session:  # it failed for good, say, and nothing of it was told
            failed = select(Delivery.id).where(Delivery.key == "two").scalar_subquery()
            event = select(StoredEvent.id).where(StoredEvent.delivery_id == failed).scalar_subquery()
            await session.execute(Message.__table__.delete().where(Message.event_id == event))  # type: ignore[attr-defined] # Core's
            await session.execute(StoredEvent.__table__.delete().where(StoredEvent.delivery_id == failed))  # type: ignore[attr-defined] # as above
            await session.execute(update(Delivery).where(Delivery.key == "two").values(state="failed", attempts=8))
        retried = await asyncio.gather(*(deliver(ports[n % 2], made, 12, "two") for n in range(10)))
        assert set(retried) == {202}
        await settled(database)
        assert await counts(database) == {"deliveries": 2, "events": 2, "messages": 2}


async def test_10_replays_of_one_body_at_once_on_two_nodes_are_one_event(
    each_database_url: str, tmp_path: Path
) -> None:
    """Under ids of their own: several may be stored, and one tells. Later ones are known by what is stored."""
    async with two_nodes(each_database_url, tmp_path) as (made, ports), opened(made) as database:
        for name in ("first", "second"):
            told = await asyncio.gather(*(deliver(ports[n % 2], made, 11, f"{name}-{n}") for n in range(10)))
            assert set(told) == {202}, "a refusal would tell whoever has caught it that it was good"
            await settled(database)
            found = await counts(database)
            assert (found["events"], found["messages"]) == (1, 1)
            assert found["deliveries"] <= 10, "each node knows by heart what it has stored"


async def test_a_replay_on_another_node_is_told_of_by_the_first_alone(each_database_url: str, tmp_path: Path) -> None:
    async with two_nodes(each_database_url, tmp_path) as (made, ports), opened(made) as database:
        for port, key in zip(ports, ("one", "two"), strict=True):
            assert await deliver(port, made, 11, key) == 202
            await settled(database)
        async with database.read() as session:
            rows = (await session.execute(select(Delivery.key, Delivery.state).order_by(Delivery.id))).all()
            words = list(await session.scalars(select(LogEntry.message).where(LogEntry.outcome == "ignored")))
        assert [tuple(row) for row in rows] == [("one", "done"), ("two", "ignored")]
        assert words == ["a replay of delivery 1"]
        assert await counts(database) == {"deliveries": 2, "events": 1, "messages": 1}


async def test_a_delivery_and_its_replay_are_known_for_longer_than_30_days(each_database_url: str) -> None:
    """When its body is gone long since."""
    database, now = Database(each_database_url), utc_now()
    try:
        await migrate.upgrade(database)
        async with database.write() as session:
            session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
            await session.flush()
            session.add(Hook(id=1, public_id="h", forge_id=1, origin="managed", secret=b"", events=[], created_at=now))
        first = NewDelivery(
            hook_id=1, key="one", replay_key="hash", event="push", headers={}, body=b"x", received_at=now - DAYS
        )
        await arrivals.put(database, [first])
        async with database.write() as session:
            await session.execute(update(Delivery).values(state="done"))
        await retention.expire(database, now)
        await arrivals.put(database, [replace(first, received_at=now), replace(first, key="other", received_at=now)])
        await drain((database, database))
        async with database.read() as session:
            rows = (await session.execute(select(Delivery.key, Delivery.state).order_by(Delivery.id))).all()
        assert [tuple(row) for row in rows] == [("one", "done"), ("other", "ignored")]
    finally:
        await database.close()


@asynccontextmanager
async def two_nodes(url: str, folder: Path) -> AsyncIterator[tuple[Stage, tuple[int, int]]]:
    async with stage(folder, url) as made:
        node = ("main.py", "run", "--only", "webhook,worker")
        async with program(made, *node) as one, program(made, *node) as two:
            yield made, (one.port, two.port)


@asynccontextmanager
async def opened(made: Stage) -> AsyncIterator[Database]:
    database = Database(made.database_url)
    try:
        yield database
    finally:
        await database.close()


async def deliver(port: int, made: Stage, number: int, key: str) -> int:
    """A pull request of this number, under this id."""
    body = pull_request(number)
    headers = {"X-GitHub-Event": "pull_request", "X-GitHub-Delivery": key, "Content-Type": "application/json"}
    address = f"http://127.0.0.1:{port}/webhook/github/{made.public_id}"
    async with (
        ClientSession() as session,
        session.post(address, data=body, headers=headers | sign_github(body, SECRET)) as answer,
    ):
        return answer.status


async def settled(database: Database) -> None:
    """Wait until all that came is done, or known as a replay."""
    async with asyncio.timeout(30):
        while True:
            async with database.read() as session:
                if set(await session.scalars(select(Delivery.state))) <= {"done", "ignored"}:
                    return
            await asyncio.sleep(0.05)


async def counts(database: Database) -> dict[str, int]:
    tables: tuple[type[Base], ...] = (Delivery, StoredEvent, Message)
    async with database.read() as session:
        return {
            table.__tablename__: await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        }
