"""Work in rows, on both databases: taken once, ended by its holder alone, taken over when its time is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from src.database.database import Database
from src.database.models import Delivery, Job, Message, StoredEvent
from src.database.repositories import arrivals, deliveries, events, jobs, leases, messages
from src.database.repositories.deliveries import NewDelivery
from src.database.repositories.messages import NewMessage
from src.events import load
from tests.conformance.database.cast import LEASE, NOON, Ground
from tests.github_events import parse

LATER = NOON + LEASE + timedelta(seconds=1)


async def claim(database: Database, owner: str, now: datetime = NOON, limit: int = 50) -> Sequence[Delivery]:
    async with database.write(shared=True) as session:
        return await deliveries.claim(session, owner=owner, now=now, lease=LEASE, limit=limit)


async def test_a_delivery_that_is_known_is_stored_once(ground: Ground) -> None:
    await ground.deliver("a", "b", "a")
    await ground.deliver("b", "c")
    assert [row.key for row in await claim(ground.database, "one")] == ["a", "b", "c"]


async def originals(database: Database, rows: Sequence[Delivery]) -> list[int | None]:
    async with database.read() as session:
        return [await deliveries.original(session, row) for row in rows]


async def test_a_body_under_a_new_key_is_a_replay_of_the_first(ground: Ground) -> None:
    await ground.deliver("a", "b", "c", replay_key="same")
    await ground.deliver("d", "e")
    await ground.deliver("f", replay_key="same", hook_id=await ground.add_hook("h2"))
    rows = await claim(ground.database, "one")
    first = rows[0].id
    assert await originals(ground.database, rows) == [None, first, first, None, None, None]
    async with ground.database.write(shared=True) as session:
        assert await deliveries.finish(session, rows[0], state="failed")
    assert await originals(ground.database, rows[:3]) == [None, first, first]


async def test_what_waits_to_be_tried_again_makes_no_replay_of_another(ground: Ground) -> None:
    await ground.deliver("a", "b", "c", replay_key="same")
    rows = await claim(ground.database, "one")
    async with ground.database.write(shared=True) as session:
        assert await deliveries.postpone(session, rows[0], until=LATER, error="later")
    assert await originals(ground.database, rows) == [None, None, rows[1].id]


async def test_a_replay_that_has_told_of_something_is_one_no_more(ground: Ground) -> None:
    """It was told while the first waited to be tried again: nobody else would end what it began."""
    (event,) = parse("pull_request__opened")
    await ground.deliver("a", "b", replay_key="same")
    rows = await claim(ground.database, "one")
    async with ground.database.write(shared=True) as session:
        await events.put(session, event, project_id=ground.project_id, delivery_id=rows[1].id, now=NOON)
    assert await originals(ground.database, rows) == [None, None]


async def test_odd_headers_are_stored_all_the_same(ground: Ground) -> None:
    """Servers give bytes that are no UTF-8 as lone surrogates."""
    odd = NewDelivery(
        hook_id=ground.hook_id, key="k\udcff", replay_key=None, event="push\udcff\0", headers={"X-Odd": "\udcfe\0"},
        body=b"x", received_at=NOON,
    )  # fmt: skip
    await arrivals.put(ground.database, [odd])
    await arrivals.put(ground.database, [odd])
    (row,) = await claim(ground.database, "one")
    assert (row.key, row.event) == ("k?", "push?")


async def test_a_failed_delivery_that_comes_again_is_tried_anew_and_a_done_one_is_not(ground: Ground) -> None:
    await ground.deliver("a", "b")
    for row, state in zip(await claim(ground.database, "one"), ("failed", "done"), strict=True):
        async with ground.database.write(shared=True) as session:
            assert await deliveries.finish(session, row, state=state)
    await ground.deliver("a", "b")
    assert [(row.key, row.attempts) for row in await claim(ground.database, "one")] == [("a", 1)]


async def test_what_one_has_taken_nobody_else_takes_until_its_time_is_over(ground: Ground) -> None:
    await ground.deliver("a", "b")
    first = await claim(ground.database, "one", limit=1)
    assert not await claim(ground.database, "two")  # nor the hook's next: that keeps its order
    second = await claim(ground.database, "two", now=LATER, limit=1)
    assert [row.id for row in first] == [row.id for row in second]
    async with ground.database.write(shared=True) as session:
        assert not await deliveries.finish(session, first[0], state="done")  # the fence says it is another's
        assert await deliveries.finish(session, second[0], state="done")


async def test_an_event_happens_once_however_many_deliveries_tell_of_it(ground: Ground) -> None:
    (event,) = parse("pull_request__opened")
    await ground.deliver("a", "b")
    told = []
    for row in await claim(ground.database, "one"):
        async with ground.database.write(shared=True) as session:
            told.append(await events.put(session, event, project_id=ground.project_id, delivery_id=row.id, now=NOON))
    assert told[1] is None
    async with ground.database.read() as session:
        (stored,) = await session.scalars(select(StoredEvent))
    assert load(stored.body) == event


async def test_a_message_is_sent_by_one_and_ended_by_its_fence(ground: Ground) -> None:
    (event,) = parse("pull_request__opened")
    await ground.deliver("a")
    new = NewMessage(ground.chat_id, 0, 1, ({"reason": "author", "via": "ann \U0001f680"},), "on")
    (row,) = await claim(ground.database, "one")
    async with ground.database.write(shared=True) as session:
        number = await events.put(session, event, project_id=ground.project_id, delivery_id=row.id, now=NOON)
        assert number is not None
        for count in (1, 0):
            put = await messages.put(
                session, [new], event_id=number, subject_key=event.subject.key, coalesce_key=None, now=NOON
            )
            assert put == count
    async with ground.database.read() as session:
        message = (await session.scalars(select(Message))).one()
    assert message.reasons == [{"reason": "author", "via": "ann \U0001f680"}]
    async with ground.database.write() as session:
        fence = await messages.begin(session, message, owner="one", now=NOON, lease=LEASE)
        assert fence == 1
        assert await messages.begin(session, message, owner="two", now=NOON, lease=LEASE) is None
    async with ground.database.write() as session:
        assert not await messages.end(session, message.id, fence=fence + 1, state="sent", sent_at=NOON)
        assert await messages.end(session, message.id, fence=fence, state="sent", sent_at=NOON)
        assert not await messages.end(session, message.id, fence=fence, state="new")


async def test_a_job_waits_once_is_done_once_and_is_done_again_if_asked_meanwhile(database: Database) -> None:
    async def put() -> bool:
        async with database.write(shared=True) as session:
            return await jobs.put(session, "bake", "bread", now=NOON, payload={"loaves": 3})

    assert [await put(), await put()] == [True, False]
    async with database.write() as session:
        job = await jobs.claim(session, ["bake"], owner="one", now=NOON, lease=LEASE)
    assert job is not None
    assert job.payload == {"loaves": 3}
    assert await put() is True
    async with database.write() as session:
        assert await jobs.claim(session, ["bake"], owner="two", now=NOON, lease=LEASE) is None
    async with database.write() as session:
        assert await jobs.postpone(session, job, until=NOON)  # the other one waits: that is enough
    async with database.read() as session:
        (left,) = await session.scalars(select(Job))
    assert (left.state, left.attempts) == ("new", 0)


async def test_a_job_whose_worker_died_is_another_s(database: Database) -> None:
    async with database.write() as session:
        await jobs.put(session, "bake", "bread", now=NOON)
    taken = []
    for owner, now in (("one", NOON), ("two", LATER)):
        async with database.write() as session:
            taken.append(await jobs.claim(session, ["bake"], owner=owner, now=now, lease=LEASE))
    first, second = taken
    assert first is not None
    assert second is not None
    async with database.write(shared=True) as session:
        assert not await jobs.finish(session, first)
        assert await jobs.finish(session, second)


async def test_a_lease_has_one_holder_and_growing_fences(database: Database) -> None:
    fences = []
    for owner, now in (("one", NOON), ("two", NOON), ("two", LATER)):
        async with database.write(shared=True) as session:
            fences.append(await leases.acquire(session, "telegram:42", owner=owner, now=now, term=LEASE))
    assert fences == [1, None, 2]
    async with database.write(shared=True) as session:
        assert await leases.renew(session, "telegram:42", owner="one", fence=1, now=LATER, term=LEASE) is None
        kept = await leases.renew(session, "telegram:42", owner="two", fence=2, now=LATER, term=LEASE)
    assert kept == LATER + LEASE
