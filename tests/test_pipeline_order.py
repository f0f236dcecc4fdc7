"""What follows a delivery that was given back, or lost to another worker, waits for it: a hook's order is kept."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database import migrate
from src.database.database import Database
from src.database.models import Delivery, Message, StoredEvent, utc_now
from src.database.repositories import deliveries
from src.events import load
from tests.crowd import gather, post
from tests.worker import worker


@pytest.fixture
async def database(each_database_url: str) -> AsyncIterator[Database]:
    opened = Database(each_database_url)
    await migrate.upgrade(opened)
    yield opened
    await opened.close()


async def test_what_follows_a_delivery_that_another_took_over_is_given_back(database: Database) -> None:
    crowd = await gather(database, 1)
    await post(database, crowd.hook_ids, 1, 3)
    stop = asyncio.Event()

    async def rob(point: str) -> None:
        """Before the first is told of, another worker has taken it over."""
        if point == "decided" and not stop.is_set():
            values: dict[str, Any] = {"fence": Delivery.fence + 1, "lease_owner": "other"}
            async with database.write() as session:
                first = select(Delivery.id).order_by(Delivery.id).limit(1).scalar_subquery()
                await session.execute(update(Delivery).where(Delivery.id == first).values(values))
            stop.set()

    async with asyncio.timeout(30):
        await worker(database, "one", checkpoint=rob).run(stop)
    assert await states(database) == ["taken", "new", "new"]
    assert await told(database) == []

    async with database.write() as session:  # the other dies, too
        await session.execute(update(Delivery).where(Delivery.state == "taken").values(lease_until=utc_now()))
    await drain(database)
    assert await told(database) == [1, 2, 3]


async def test_what_follows_a_delivery_that_is_late_is_given_back_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = await gather(database, 1)
    await post(database, crowd.hook_ids, 1, 3)
    begun: list[int] = []
    claim = deliveries.claim

    async def claim_late(
        session: AsyncSession, *, owner: str, now: datetime, lease: timedelta, limit: int, but: Collection[int] = ()
    ) -> Sequence[Delivery]:
        """The first time the first row's lease is nearly over by the time that it is looked at, the others' is not."""
        claimed = await claim(session, owner=owner, now=now, lease=lease, limit=limit, but=but)
        if claimed and not begun:
            session.expunge_all()
            claimed[0].lease_until = now + lease / 4
        begun.extend(row.id for row in claimed[:1])
        return claimed

    monkeypatch.setattr(deliveries, "claim", claim_late)
    await drain(database)
    assert begun[0] == begun[1], "it was given back and came first again"
    assert await told(database) == [1, 2, 3]


async def test_who_dies_while_giving_deliveries_back_leaves_none_taken_behind_one_that_is_free(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes up what a dead worker held would tell that first."""
    crowd = await gather(database, 1)
    await post(database, crowd.hook_ids, 1, 3)
    stop, released = asyncio.Event(), 0
    release = deliveries.release

    async def die(session: AsyncSession, delivery: Delivery, *, now: datetime) -> bool:
        nonlocal released
        released += 1
        if released == 2:
            raise RuntimeError("killed")
        return await release(session, delivery, now=now)

    async def end(point: str) -> None:
        if point == "taken":
            stop.set()

    monkeypatch.setattr(deliveries, "release", die)
    with pytest.raises(ExceptionGroup):
        await worker(database, "one", checkpoint=end).run(stop)
    assert await states(database) == ["taken", "taken", "taken"]


async def drain(database: Database) -> None:
    stop = asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker(database, "two").run(stop))
        while set(await states(database)) != {"done"}:  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.02)
        stop.set()


async def states(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(Delivery.state).order_by(Delivery.id)))


async def told(database: Database) -> list[int | None]:
    """The numbers of the pull requests, in the order of the outbox."""
    async with database.read() as session:
        bodies = await session.scalars(
            select(StoredEvent.body).join(Message, Message.event_id == StoredEvent.id).order_by(Message.id)
        )
        return [getattr(load(body).subject, "number", None) for body in bodies]
