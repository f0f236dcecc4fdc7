"""One body under several ids: told once, whatever became of the first; and copies of it do not fill the disk."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import select, update

from src.database import migrate, retention
from src.database.database import Database
from src.database.direct import NotStored
from src.database.models import Delivery, Hook, LogEntry, Message, StoredEvent, utc_now
from src.database.repositories import arrivals, dead_letters, deliveries
from src.database.repositories.deliveries import NewDelivery
from src.forges import FORGE_TYPES
from src.webhook.fresh import Recent
from src.webhook.inbox import compress
from tests.crowd import LEASE, gather, numbered
from tests.payloads import load as load_payload
from tests.payloads import sign_github
from tests.relay import SECRET, Relay, running_relay
from tests.served import Served, served
from tests.worker import worker

OPENED = "github/pull_request__opened"


@pytest.fixture
async def database(each_database_url: str) -> AsyncIterator[Database]:
    """With one hook, number 1, and one who follows its project."""
    opened = Database(each_database_url)
    await migrate.upgrade(opened)
    await gather(opened, 1)
    yield opened
    await opened.close()


async def arrive(database: Database, *keys: str, number: int = 1, at: datetime | None = None) -> None:
    """A pull request's opening, under each of these ids."""
    headers, body = numbered(number)
    same = (headers["x-github-event"], headers, compress(body), at or utc_now())
    await arrivals.put(database, [NewDelivery(1, key, f"content-{number}", *same) for key in keys])


async def drain(database: Database) -> None:
    """Work until nothing is due."""
    stop = asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(worker(database, "one").run(stop))
        due = (Delivery.state == "taken") | ((Delivery.state == "new") & (Delivery.not_before <= utc_now()))
        while await column(database, select(Delivery.id).where(due)):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.02)
        stop.set()


async def column(database: Database, query: Any) -> Sequence[Any]:
    async with database.read() as session:
        return (await session.scalars(query)).all()


async def change(database: Database, key: str, **values: object) -> None:
    async with database.write() as session:
        await session.execute(update(Delivery).where(Delivery.key == key).values(**values))


async def states(database: Database) -> dict[str, str]:
    async with database.read() as session:
        rows = await session.execute(select(Delivery.key, Delivery.state).order_by(Delivery.id))
        return {key: state for key, state in rows.all()}  # noqa: C416 - rows are no pairs


async def messages(database: Database) -> int:
    return len(await column(database, select(Message.id)))


# ---------------------------------------------------------------------------------------------------
# Who works on it tells


async def test_replays_in_one_batch_are_told_once(database: Database) -> None:
    await arrive(database, "a", "b", "c")
    await arrive(database, "d", number=2)
    await drain(database)
    assert await states(database) == {"a": "done", "b": "ignored", "c": "ignored", "d": "done"}
    assert await messages(database) == 2
    words = await column(database, select(LogEntry.message).where(LogEntry.outcome == "ignored"))
    assert words == ["a replay of delivery 1"] * 2
    assert await column(database, select(LogEntry.id).where(LogEntry.kind == "webhook_error")) == []


async def test_a_replay_is_known_when_the_first_was_emptied_and_its_event_is_gone(database: Database) -> None:
    now = utc_now()
    await arrive(database, "a", at=now - timedelta(days=31))
    await drain(database)
    async with database.write() as session:
        await session.execute(update(StoredEvent).values(created_at=now - timedelta(days=31)))
    await retention.expire(database, now)
    assert await column(database, select(StoredEvent.id)) == []
    assert await column(database, select(Delivery.body)) == [None]
    await arrive(database, "b")
    await drain(database)
    assert await states(database) == {"a": "done", "b": "ignored"}
    assert await messages(database) == 0


async def test_a_replay_of_a_failed_one_stays_ignored_and_the_failed_one_is_told_when_it_is_retried(
    database: Database,
) -> None:
    await arrive(database, "a")
    await change(database, "a", state="failed", attempts=8, error="why")
    await arrive(database, "b")
    await drain(database)
    assert await states(database) == {"a": "failed", "b": "ignored"}
    assert await messages(database) == 0
    async with database.write() as session:
        assert await dead_letters.retry(session, dead_letters.Kind.DELIVERY, [1, 2], utc_now()) == 1
    await drain(database)
    assert await states(database) == {"a": "done", "b": "ignored"}
    assert await messages(database) == 1


async def test_a_replay_of_one_that_was_dropped_is_not_told_after_all(database: Database) -> None:
    await arrive(database, "a")
    await change(database, "a", state="quarantined")
    async with database.write() as session:
        assert await dead_letters.drop(session, dead_letters.Kind.DELIVERY, [1]) == 1
    await arrive(database, "b")
    await drain(database)
    assert await states(database) == {"a": "ignored", "b": "ignored"}


async def test_one_that_is_put_off_and_its_replay_are_told_once_whichever_goes_first(database: Database) -> None:
    await arrive(database, "a", "b")
    await change(database, "a", not_before=utc_now() + timedelta(hours=1))
    await drain(database)
    assert await states(database) == {"a": "new", "b": "done"}
    await change(database, "a", not_before=utc_now())
    await drain(database)
    assert await states(database) == {"a": "done", "b": "done"}
    assert await messages(database) == 1
    assert "told by another delivery" in (await column(database, select(LogEntry.message).order_by(LogEntry.id)))[-1]


async def test_one_and_its_replay_whose_worker_died_are_told_once_by_the_next(database: Database) -> None:
    await arrive(database, "a", "b")
    async with database.write(shared=True) as session:
        assert len(await deliveries.claim(session, owner="dead", now=utc_now(), lease=LEASE, limit=5)) == 2
    async with database.write() as session:
        await session.execute(update(Delivery).values(lease_until=utc_now()))
    await drain(database)
    assert await states(database) == {"a": "done", "b": "ignored"}
    assert await messages(database) == 1


async def test_a_replay_is_no_sign_that_the_hook_works(database: Database) -> None:
    await arrive(database, "a")
    await drain(database)
    (heard,) = await column(database, select(Hook.last_event_at))
    assert heard is not None
    async with database.write() as session:
        await session.execute(update(Hook).values(last_error="off"))
    await arrive(database, "b")
    await drain(database)
    assert await states(database) == {"a": "done", "b": "ignored"}
    assert await column(database, select(Hook.last_event_at)) == [heard]
    assert await column(database, select(Hook.last_error)) == ["off"]


# ---------------------------------------------------------------------------------------------------
# Who takes it in remembers


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path) as running:
        await running.add_hook(await running.add_project())
        yield running


HOOK = "/webhook/github/hook1"


async def test_a_flood_of_copies_under_new_ids_is_one_row(relay: Relay) -> None:
    carl = await relay.follow("carl", 1)
    for number in range(50):
        assert await relay.deliver(HOOK, OPENED, key=f"copy-{number}", settle=False) == 202
    await relay.settle()
    assert [row.key for row in await relay.deliveries()] == ["copy-0"]
    assert len(await relay.told(carl)) == 1


async def test_a_failed_one_that_comes_again_is_tried_anew_whatever_copies_came_meanwhile(relay: Relay) -> None:
    carl = await relay.follow("carl", 1)
    await relay.deliver(HOOK, OPENED, key="one")
    async with relay.database.write() as session:
        await session.execute(Message.__table__.delete())  # type: ignore[attr-defined] # Core's
        await session.execute(StoredEvent.__table__.delete())  # type: ignore[attr-defined] # as above
    await change(relay.database, "one", state="failed", attempts=8)
    await relay.deliver(HOOK, OPENED, key="two")
    assert await states(relay.database) == {"one": "failed"}
    await relay.deliver(HOOK, OPENED, key="one")
    assert await states(relay.database) == {"one": "done"}
    assert len(await relay.told(carl)) == 1


async def test_a_failed_one_is_tried_anew_also_by_a_process_that_has_seen_its_copy_only(relay: Relay) -> None:
    """It was started since, or is another node."""
    await relay.deliver(HOOK, OPENED, key="one")
    await change(relay.database, "one", state="failed", attempts=8)
    async with served(relay) as other:
        for key in ("two", "three"):
            assert (await post(other, key))[0] == 202
            await relay.settle()
        assert await states(relay.database) == {"one": "failed", "two": "ignored"}
        assert (await post(other, "one"))[0] == 202
        await relay.settle()
        assert await states(relay.database) == {"one": "done", "two": "ignored"}


async def test_the_same_body_at_another_hook_is_no_copy(relay: Relay) -> None:
    other = await relay.add_hook(1)
    for address in (HOOK, other):
        assert await relay.deliver(address, OPENED) == 202
    assert [row.hook_id for row in await relay.deliveries()] == [1, 2]


async def post(one: Served, key: str, secret: str = SECRET) -> tuple[int, str]:
    """How it was answered, and the key of its content."""
    headers, body = load_payload(OPENED)
    headers |= {"X-GitHub-Delivery": key} | sign_github(body, secret)
    async with ClientSession() as session, session.post(one.url + HOOK, data=body, headers=headers) as answer:
        content = FORGE_TYPES["github"].codec.replay_key(headers, body)
        assert content is not None
        return answer.status, content


async def test_of_what_was_not_verified_nothing_is_remembered(relay: Relay) -> None:
    async with served(relay) as one:
        status, content = await post(one, "x", "another")
        assert (status, one.receiver.stored.get(f"1 {content}")) == (401, None)
        status, content = await post(one, "y")
        assert (status, one.receiver.stored.get(f"1 {content}")) == (202, "y")


async def test_what_was_not_stored_is_not_remembered(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise NotStored("full")

    async with served(relay) as one:
        with monkeypatch.context() as patched:
            patched.setattr(arrivals, "put", refuse)
            assert (await post(one, "x"))[0] == 503
        assert (await post(one, "y"))[0] == 202
    assert [row.key for row in await relay.deliveries()] == ["y"]


def test_a_memory_that_is_full_forgets_the_oldest() -> None:
    memory = Recent(2)
    for word in ("a", "b", "c", "a", "d"):
        memory.put(word, word)
    assert [memory.get(word) for word in ("a", "b", "c", "d")] == ["a", None, "c", "d"]
