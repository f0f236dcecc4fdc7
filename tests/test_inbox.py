"""The inbox, on both databases: what is put together is stored together, once, in its order, or not at all."""

import asyncio
import dataclasses
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from src.database import direct
from src.database.database import Database
from src.database.direct import NotStored, RowRefused
from src.database.models import Base, Delivery, Hook, utc_now
from src.database.repositories import arrivals, forges, hooks, projects
from src.database.repositories.deliveries import NewDelivery
from src.forge import RemoteProject
from src.webhook import inbox as inboxes
from src.webhook.inbox import Inbox, compress, decompress
from src.webhook.metrics import Metrics
from tests import postgres
from tests.databases import sqlite_url


@pytest.fixture
async def database(each_database_url: str) -> AsyncIterator[Database]:
    async with opened(each_database_url) as found:
        yield found


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database with two hooks, numbers 1 and 2."""
    database = Database(url)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        remote = RemoteProject(external_id="501", path="acme/rocket", url="https://x.example.org", private=False)
        async with database.write() as session:
            forge = await forges.ensure(session, "github", "https://forge.example.org")
            project = await projects.ensure(session, forge.id, remote)
            for number in (1, 2):
                row = Hook(
                    public_id=f"hook{number}", forge_id=forge.id, project_id=project.id, origin="manual", secret=b"",
                    events=[], created_at=utc_now(),
                )  # fmt: skip
                await hooks.add(session, row)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def running(database: Database, stored: Callable[[], None] = lambda: None) -> AsyncIterator[Inbox]:
    inbox = Inbox(database, Metrics(), stored=stored)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(inbox.run())
        try:
            yield inbox
        finally:
            inbox.close()


def new(key: str, replay_key: str | None = None, *, hook_id: int = 1, body: bytes = b"{}") -> NewDelivery:
    headers = {"x-github-event": "push"}
    return NewDelivery(hook_id, key, replay_key, "push", headers, compress(body), utc_now())


async def rows(database: Database) -> list[Delivery]:
    async with database.read() as session:
        return list((await session.scalars(select(Delivery).order_by(Delivery.id))).all())


async def keys(database: Database) -> list[str]:
    return [row.key for row in await rows(database)]


async def set_state(database: Database, key: str, **values: Any) -> None:
    async with database.write() as session:
        await session.execute(update(Delivery).where(Delivery.key == key).values(**values))


# ---------------------------------------------------------------------------------------------------
# What is stored


async def test_what_is_stored_is_what_sqlalchemy_reads(database: Database) -> None:
    """The statements are the driver's own, so every column is read back through the model."""
    sent = dataclasses.replace(
        new("a", "r", body=b"\x00\xff" * 9_000), headers={"x-github-event": "push", "x": "\u00e9"}
    )
    await arrivals.put(database, [sent])
    (row,) = await rows(database)
    for field in dataclasses.fields(sent):
        assert getattr(row, field.name) == getattr(sent, field.name), field.name
    assert decompress(row.body or b"") == b"\x00\xff" * 9_000
    assert (row.state, row.attempts, row.fence, row.not_before) == ("new", 0, 0, sent.received_at)
    assert (row.lease_owner, row.lease_until, row.error) == (None, None, None)


async def test_ids_are_in_the_order_of_arrival(database: Database) -> None:
    sent = [f"k{number}" for number in range(300)]  # several batches, one of them of 256
    async with running(database) as inbox:
        await asyncio.gather(*(inbox.put(new(key, key)) for key in sent))
    found = await keys(database)
    if database.is_sqlite:
        assert found == sent
    else:  # two batches are on their way at once, each in its order
        assert [key for key in found if key in sent[:256]] == sent[:256]
        assert [key for key in found if key in sent[256:]] == sent[256:]


async def test_what_was_answered_stands_before_what_comes_then_whatever_comes_beside(database: Database) -> None:
    async with running(database) as inbox:

        async def client(name: str) -> None:
            for number in range(20):
                await inbox.put(new(f"{name}-{number:02}"))

        await asyncio.gather(*(client(f"c{number}") for number in range(60)))
    found = await keys(database)
    for number in range(60):
        mine = [key for key in found if key.startswith(f"c{number}-")]
        assert mine == sorted(mine)


async def test_every_size_of_batch_is_stored_whole(database: Database) -> None:
    sent: list[str] = []
    for count in (1, 2, 63, 64, 65, 128, 200):
        batch = [f"k{count}-{number}" for number in range(count)]
        await arrivals.put(database, [new(key, key) for key in batch])
        sent += batch
    assert await keys(database) == sent


# ---------------------------------------------------------------------------------------------------
# Once


async def test_a_duplicate_within_one_batch_is_stored_once(database: Database) -> None:
    await arrivals.put(database, [new("a"), new("b"), new("a"), new("a", hook_id=2)])
    assert [(row.hook_id, row.key) for row in await rows(database)] == [(1, "a"), (1, "b"), (2, "a")]


async def test_a_duplicate_of_an_earlier_batch_is_ignored(database: Database) -> None:
    await arrivals.put(database, [new("a", body=b"first")])
    await arrivals.put(database, [new("a", body=b"second"), new("b")])
    assert [(row.key, decompress(row.body or b"")) for row in await rows(database)] == [("a", b"first"), ("b", b"{}")]


async def test_the_same_content_under_a_new_id_is_stored_for_the_worker_to_tell(database: Database) -> None:
    await arrivals.put(database, [new("a", "content"), new("b", "content")])
    await arrivals.put(database, [new("c", "content"), new("d", "content", hook_id=2), new("a", "content")])
    assert await keys(database) == ["a", "b", "c", "d"]


async def test_a_failed_one_that_comes_again_is_tried_anew(database: Database) -> None:
    states = ("failed", "quarantined", "unknown")
    await arrivals.put(database, [new(state, state) for state in states])
    for state in states:
        await set_state(database, state, state=state, attempts=5, error="why")
    again = [new(state, state) for state in states]
    await arrivals.put(database, [new("b"), *again])
    for row, sent in zip(await rows(database), again, strict=False):
        assert (row.key, row.state, row.attempts, row.error) == (sent.key, "new", 0, None)
        assert row.not_before == sent.received_at


async def test_one_that_is_done_or_worked_on_is_left_alone(database: Database) -> None:
    states = ("done", "ignored", "taken")
    await arrivals.put(database, [new(state, state) for state in states])
    for state in states:
        await set_state(database, state, state=state, attempts=1, fence=1, lease_owner="w", lease_until=utc_now())
    await arrivals.put(database, [new(state, state) for state in states])
    found = [(row.key, row.state, row.attempts, row.fence, row.lease_owner) for row in await rows(database)]
    assert found == [(state, state, 1, 1, "w") for state in states]


async def test_100_copies_at_once_through_two_inboxes_are_one_row(
    each_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "_LONGEST_WAIT", 60)  # a machine may be slow; it is not what is asked here
    async with opened(each_database_url) as one, running(one) as first:
        other = Database(each_database_url)
        try:
            async with running(other) as second:
                await asyncio.gather(*(inbox.put(new("a", "c")) for _ in range(50) for inbox in (first, second)))
            assert await keys(one) == ["a"]
        finally:
            await other.close()


# ---------------------------------------------------------------------------------------------------
# In company


async def test_those_who_wait_together_are_committed_together(database: Database) -> None:
    commits = 0

    def stored() -> None:
        nonlocal commits
        commits += 1

    async with running(database, stored) as inbox:
        await asyncio.gather(*(inbox.put(new(f"k{number}")) for number in range(64)))
    assert commits == 1


async def test_one_that_cannot_be_stored_does_not_keep_the_others_from_it(database: Database) -> None:
    """Its hook was deleted after it was verified."""
    async with database.write() as session:
        await session.execute(delete(Hook).where(Hook.id == 2))
    poison = new("poison", hook_id=2)
    async with running(database) as inbox:
        found = await asyncio.gather(
            *(inbox.put(one) for one in (new("a"), poison, new("b"), poison, new("c"))), return_exceptions=True
        )
    assert [type(each) for each in found] == [type(None), RowRefused, type(None), RowRefused, type(None)]
    assert await keys(database) == ["a", "b", "c"]


async def test_a_batch_that_holds_one_that_cannot_be_stored_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RowRefused):
        await arrivals.put(database, [*(new(f"k{number}") for number in range(70)), new("poison", hook_id=999)])
    assert await keys(database) == []
    await arrivals.put(database, [new("a")])
    assert await keys(database) == ["a"]


async def test_a_client_that_goes_away_takes_no_other_along(database: Database) -> None:
    async with running(database) as inbox:
        waiting = [inbox.put(new(f"k{number}")) for number in range(3)]
        waiting[1].cancel()
        await waiting[0]
        await waiting[2]
    assert await keys(database) == ["k0", "k1", "k2"]  # it came, and nobody may say that it did not


async def test_what_was_put_before_the_end_is_stored(database: Database) -> None:
    inbox = Inbox(database, Metrics(), stored=lambda: None)
    waiting = [inbox.put(new(f"k{number}")) for number in range(3)]
    inbox.close()
    await inbox.run()
    assert all(done.done() for done in waiting)
    assert await keys(database) == ["k0", "k1", "k2"]


async def test_the_inbox_and_other_writers_take_turns(database: Database) -> None:
    """Nobody waits for another by asking again and again, and nobody starves."""

    async def write(number: int) -> None:
        async with database.write() as session:
            await session.execute(update(Hook).where(Hook.id == 1).values(events=[str(number)]))

    async with running(database) as inbox, asyncio.timeout(20):
        work: list[Awaitable[Any]] = [inbox.put(new(f"k{number}")) for number in range(40)]
        await asyncio.gather(*work, *(write(number) for number in range(40)))
    assert len(await keys(database)) == 40


# ---------------------------------------------------------------------------------------------------
# A database that cannot


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(sqlite_url(tmp_path)) as found:
        await arrivals.put(found, [new("first")])
        yield found


async def test_on_a_full_disk_nothing_is_half_written_and_all_is_told(file: Database) -> None:
    def limit(connection: sqlite3.Connection, pages: int) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    await file._direct.run(lambda connection: limit(connection, 1))  # no more than it has
    large = [new(f"k{number}", body=os.urandom(10_000)) for number in range(40)]
    async with running(file) as inbox:
        found = await asyncio.gather(*(inbox.put(one) for one in large), return_exceptions=True)
        assert [str(each) for each in found] == ["database or disk is full"] * 40
        assert await keys(file) == ["first"]
        await file._direct.run(lambda connection: limit(connection, 2**30))  # there is room again
        await asyncio.gather(*(inbox.put(one) for one in large))
    assert len(await keys(file)) == 41


async def test_a_locked_database_is_waited_for_and_then_told(file: Database, tmp_path: Path) -> None:
    """Another process holds it for longer than we wait."""
    await file._direct.run(lambda connection: connection.execute("PRAGMA busy_timeout=50"))
    other = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        async with running(file) as inbox:
            with pytest.raises(NotStored, match="database is locked"):
                await inbox.put(new("a"))
            other.execute("ROLLBACK")
            await inbox.put(new("a"))
    finally:
        other.close()
    assert await keys(file) == ["first", "a"]


async def test_a_postgresql_that_is_down_is_waited_for_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inboxes, "_PATIENCE", 60)
    monkeypatch.setattr(inboxes, "_LONGEST_WAIT", 60)
    with postgres.running(fsync=False) as server:
        async with opened(server.create()) as database, running(database) as inbox:
            await inbox.put(new("a"))
            await asyncio.to_thread(server.stop)
            waiting = inbox.put(new("b"))
            await asyncio.to_thread(server.start)
            await waiting  # it was back soon
            await asyncio.to_thread(server.stop)
            monkeypatch.setattr(inboxes, "_PATIENCE", 0.3)
            with pytest.raises(NotStored):
                await inbox.put(new("c"))
            monkeypatch.setattr(inboxes, "_PATIENCE", 60)
            await asyncio.to_thread(server.start)
            await inbox.put(new("c"))
            assert await keys(database) == ["a", "b", "c"]


async def test_a_writer_that_is_cancelled_ends_its_transaction_first(file: Database) -> None:
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        connection.execute("UPDATE deliveries SET error = 'seen'")
        connection.execute(
            "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n LIMIT 300000) SELECT sum(x) FROM n"
        )

    async def write() -> None:
        await file.directly(slow, _never)

    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(write())
        await started.wait()
        writing.cancel()
        await arrivals.put(file, [new("a")])  # waits for its turn
    assert [(row.key, row.error) for row in await rows(file)] == [("first", "seen"), ("a", None)]


async def _never(_: object) -> None:
    raise AssertionError("this is SQLite")


async def test_a_batch_that_has_to_be_tried_again_is_not_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.running(fsync=False) as server:
        async with opened(server.create()) as database, running(database) as inbox:
            put, tried = arrivals.put, asyncio.Event()

            async def fail_once(*given: Any) -> None:
                if not tried.is_set():
                    tried.set()
                    raise NotStored("away", soon=True)
                await put(*given)

            monkeypatch.setattr(arrivals, "put", fail_once)
            first = inbox.put(new("first"))
            await tried.wait()
            await asyncio.gather(first, *(inbox.put(new(f"k{number}")) for number in range(60)))
            assert (await keys(database))[0] == "first"


async def test_whom_nobody_can_tell_of_deliveries_costs_nobody_an_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(inboxes, "announce_now", fail)
    async with asyncio.timeout(30), running(database) as inbox:
        await inbox.put(new("a"))
        await asyncio.sleep(0.1)
        await inbox.put(new("b"))
    assert await keys(database) == ["a", "b"]


async def test_a_word_that_nobody_takes_does_not_hold_up_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(inboxes, "announce_now", hang)
    monkeypatch.setattr(inboxes, "_TELLING", 0.1)
    async with asyncio.timeout(30), running(database) as inbox:
        await inbox.put(new("a"))


def test_batches_are_cut_into_few_sizes() -> None:
    for count in range(300):
        parts = [len(part) for part in direct.in_parts(list(range(count)))]
        assert sum(parts) == count
        assert set(parts) <= {1, 2, 4, 8, 16, 32, 64}
