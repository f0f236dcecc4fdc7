"""Two workers on one PostgreSQL, really at once: no event or message twice, each hook's order kept, nothing stuck."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import ColumnElement, func, select, update

from src.database.database import Database
from src.database.models import Delivery, LogEntry, Message, StoredEvent, utc_now
from src.database.repositories import deliveries, mutes, projects, subscriptions
from src.forges import FORGE_TYPES
from src.webhook.fanout import Plan, reader_of, store
from src.webhook.inbox import decompress
from src.webhook.personalized_handlers import Facts, recipients
from src.webhook.pipeline import Checkpoint
from tests.crowd import LEASE, Crowd, gather, post
from tests.postgres import fresh, shared
from tests.worker import worker

Pair = tuple[Database, Database]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """Two processes' doors to one database."""
    url = fresh(shared())
    made = (Database(url), Database(url))
    try:
        yield made
    finally:
        for database in made:
            await database.close()


async def drain(pair: Pair, seconds: float = 180) -> None:
    """Both work until nothing waits."""
    stop = asyncio.Event()
    async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
        for number, database in enumerate(pair):
            tasks.create_task(worker(database, f"worker-{number}").run(stop))
        while await count(pair[0], Delivery.state.in_(("new", "taken"))):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.02)
        stop.set()


async def count(database: Database, which: ColumnElement[bool]) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Delivery).where(which)) or 0


async def claim(database: Database, owner: str, limit: int = 3) -> Sequence[Delivery]:
    async with database.write(shared=True) as session:
        return await deliveries.claim(session, owner=owner, now=utc_now(), lease=LEASE, limit=limit)


async def test_two_who_claim_at_once_never_share_a_hook(pair: Pair) -> None:
    crowd = await gather(pair[0], 1, hooks=6)
    for attempt in range(15):
        await post(pair[0], crowd.hook_ids, attempt * 60, 60)
        claims = await asyncio.gather(*(claim(pair[number % 2], f"worker-{number}") for number in range(8)))
        holders: dict[int, set[int]] = {}
        for number, claimed in enumerate(claims):
            for delivery in claimed:
                holders.setdefault(delivery.hook_id, set()).add(number)
        assert any(claims)
        assert {hook: who for hook, who in holders.items() if len(who) > 1} == {}
        async with pair[0].write() as session:
            for delivery in (item for claimed in claims for item in claimed):
                assert await deliveries.finish(session, delivery, state="done")


async def test_behind_a_worker_that_stands_still_in_the_midst_of_a_write_nothing_of_its_hook_goes_first(
    pair: Pair,
) -> None:
    crowd = await gather(pair[0], 1, hooks=2)
    await post(pair[0], crowd.hook_ids, 1, 6)
    mine = await claim(pair[0], "one", limit=6)
    async with pair[0].write() as session:  # its leases run out
        await session.execute(update(Delivery).values(lease_until=utc_now()))
    async with pair[0].write(shared=True) as session:
        assert await deliveries.finish(session, mine[0], state="done")
        others = await claim(pair[1], "two", limit=6)
        assert [item.id for item in others] == [item.id for item in mine if item.hook_id != mine[0].hook_id]
    rest = await claim(pair[1], "two", limit=6)
    assert [item.id for item in rest] == [item.id for item in mine[1:] if item.hook_id == mine[0].hook_id]


async def test_two_workers_at_once_tell_each_happening_once_and_in_order(pair: Pair) -> None:
    crowd = await gather(pair[0], 3, hooks=6)
    # Each pull request is told of by two hooks, as a project's own and its group's do.
    await post(pair[0], crowd.hook_ids, 1, 90)
    await post(pair[0], crowd.hook_ids[::-1], 1, 90, key="again")
    await drain(pair)
    async with pair[0].read() as session:
        assert await session.scalar(select(func.count()).select_from(StoredEvent)) == 90
        assert await session.scalar(select(func.count()).select_from(Message)) == 90 * 3
        rows = (await session.execute(select(LogEntry.hook_id, LogEntry.delivery_id).order_by(LogEntry.id))).all()
    assert len(rows) == len(set(rows)) == 180
    for hook in crowd.hook_ids:
        told = [delivery or 0 for hook_id, delivery in rows if hook_id == hook]
        assert told == sorted(told)
    assert await count(pair[0], Delivery.state != "done") == 0


async def test_both_workers_have_a_share(pair: Pair) -> None:
    crowd = await gather(pair[0], 1, hooks=12)
    await post(pair[0], crowd.hook_ids, 1, 120)
    owners: set[str] = set()
    stop = asyncio.Event()
    both_are_there = asyncio.Barrier(len(pair))

    def meeting() -> Checkpoint:
        first = True

        async def meet(point: str) -> None:
            """With its first share in hand it waits for the other: else the first to be connected might take all."""
            nonlocal first
            if point == "taken" and first:
                first = False
                async with pair[0].read() as session:
                    taken = select(Delivery.lease_owner).where(Delivery.state == "taken")
                    owners.update(await session.scalars(taken))
                await both_are_there.wait()

        return meet

    async with asyncio.timeout(180), asyncio.TaskGroup() as tasks:
        for number, database in enumerate(pair):
            tasks.create_task(worker(database, f"worker-{number}", checkpoint=meeting()).run(stop))
        while await count(pair[0], Delivery.state.in_(("new", "taken"))):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.02)
        stop.set()
    assert owners == {"worker-0", "worker-1"}


async def tell(database: Database, crowd: Crowd, delivery: Delivery, told: asyncio.Event, go: asyncio.Event) -> None:
    """The pipeline's last act, held up between its writing and its commit."""
    event = FORGE_TYPES["github"].codec.parse(delivery.headers, decompress(delivery.body or b""))[0]
    async with database.read() as session:
        project = await projects.get(session, crowd.project_id)
        readers = [reader_of(one) for one in await subscriptions.followers(session, project.id, utc_now())]
    plan = Plan(event, project, tuple(recipients(event, readers, Facts())), 0, 0, None)
    async with database.write(shared=True) as session:
        await projects.hold(session, [project.id])
        await store(session, plan, delivery, utc_now())
        told.set()
        await go.wait()


async def test_what_two_tell_at_once_of_one_comment_is_one_message(pair: Pair) -> None:
    """What is told already is looked up and written as one act, however many workers tell of the project."""
    crowd = await gather(pair[0], 5, hooks=2)
    await post(pair[0], crowd.hook_ids[:1], 7, 1, fixture="github/issue_comment__created")
    await post(pair[0], crowd.hook_ids[1:], 7, 1, fixture="github/issue_comment__edited_new_mention", key="edit")
    first, second = await claim(pair[0], "worker-0")
    told, other, go = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(tell(pair[0], crowd, first, told, go))
        await told.wait()
        tasks.create_task(tell(pair[1], crowd, second, other, go))
        await asyncio.sleep(0.5)  # it waits, or has written by then
        assert not other.is_set()
        go.set()
    async with pair[0].read() as session:
        assert await session.scalar(select(func.count()).select_from(StoredEvent)) == 2
        assert await session.scalar(select(func.count()).select_from(Message)) == 5


async def test_a_writer_that_is_alone_waits_for_workers_and_they_for_it(pair: Pair) -> None:
    """A dialog that mutes a subject meanwhile neither fails nor is overlooked later."""
    crowd = await gather(pair[0], 2, hooks=4)
    await post(pair[0], crowd.hook_ids, 1, 80)

    async def mute(crowd: Crowd) -> None:
        for number in range(1000, 1040):
            async with pair[1].write() as session:
                await mutes.put(
                    session, project_id=crowd.project_id, subject_key=f"pull_request:{number}",
                    chat_id=crowd.chat_ids[0], topic_id=0, now=utc_now(),
                )  # fmt: skip

    await asyncio.gather(drain(pair), mute(crowd))
    await post(pair[0], crowd.hook_ids, 1000, 40)
    await drain(pair)
    async with pair[0].read() as session:
        rows = await session.execute(select(Message.chat_id, func.count().label("total")).group_by(Message.chat_id))
        told = {row.chat_id: row.total for row in rows}
    assert told == {crowd.chat_ids[0]: 80, crowd.chat_ids[1]: 120}


async def test_what_a_dead_worker_left_is_taken_over_in_order(pair: Pair) -> None:
    crowd = await gather(pair[0], 1, hooks=2)
    await post(pair[0], crowd.hook_ids, 1, 40)
    async with pair[0].write(shared=True) as session:  # it died: its leases ran out
        left = await deliveries.claim(session, owner="dead", now=utc_now(), lease=timedelta(0), limit=10)
    assert len(left) == 10
    await drain(pair)
    async with pair[0].read() as session:
        rows = (await session.execute(select(LogEntry.hook_id, LogEntry.delivery_id).order_by(LogEntry.id))).all()
        assert await session.scalar(select(func.count()).select_from(Message)) == 40
    for hook in crowd.hook_ids:
        told = [delivery or 0 for hook_id, delivery in rows if hook_id == hook]
        assert told == sorted(told)
        assert len(told) == 20
