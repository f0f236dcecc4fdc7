"""The sender's view of the outbox on both databases; on PostgreSQL its writers run side by side and beside others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from src.bot.limiter import Limiter, Past
from src.database import migrate
from src.database.database import Database
from src.database.models import Message
from src.database.repositories import messages, outgoing, users
from src.webhook import chats
from src.webhook.notifier import Digests
from tests.limiter_bench import Bench, gaps
from tests.outbox import Outbox, issue, open_outbox, titles


@pytest.fixture
async def box(tmp_path: Path, each_database_url: str) -> AsyncIterator[Outbox]:
    database = Database(each_database_url)
    await migrate.upgrade(database)
    await database.close()
    async with open_outbox(tmp_path, speed=200, url=each_database_url) as opened:
        yield opened


async def waiting(box: Outbox) -> list[tuple[int, bool, bool]]:
    """Of each chat that waits: its number at Telegram, whether it is due, whether it is loud."""
    async with box.database.read() as session:
        found = await outgoing.waiting(session)
    return sorted((one.telegram_id, one.due <= box.time.now(), one.loud) for one in found)


async def test_every_chat_that_waits_is_found_with_what_its_head_says(box: Outbox) -> None:
    quiet, shut, loud_behind, later = [await box.chat(number) for number in (1, 2, 3, 4)]
    for chat in (quiet, shut):
        await box.put(chat, level="silent")
    for level in ("silent", "silent", "on"):
        await box.put(loud_behind, level=level)
    await box.put(later)
    async with box.database.write() as session:
        await users.switch_off(session, shut.id, reason="blocked", now=box.time.now())
        await users.wait(session, later.id, box.time.now() + timedelta(days=1))

    assert await waiting(box) == [(1, True, False), (3, True, True), (4, False, True)]
    async with box.database.read() as session:
        (alone,) = await outgoing.waiting(session, chat_id=loud_behind.id)
    assert (alone.telegram_id, alone.loud, alone.is_group) == (3, True, False)


async def test_a_chat_whose_oldest_message_is_being_sent_waits_as_a_whole(box: Outbox) -> None:
    chat = await box.chat(1)
    await box.put(chat)
    await box.put(chat)
    async with box.database.write() as session:
        head = await messages.head(session, chat.id, now=box.time.now())
        assert head is not None
        await messages.begin(session, head.message, owner="x", now=box.time.now(), lease=timedelta(seconds=30))

    assert await waiting(box) == []


async def test_a_successor_knows_what_was_sent_lately_and_waits_for_it(box: Outbox) -> None:
    people = [box.tg.person(f"Person {number}", started=True) for number in range(3)]
    rows = [await box.chat(person.id) for person in people]
    box.digests = Digests()
    await box.put(rows[0])
    await box.fill([rows[1]], 12)
    box.time.skip(3_600)
    await box.drain()  # one message, and one digest of twelve
    await box.put(rows[2])
    async with box.database.write() as session:
        await session.execute(update(Message).where(Message.chat_id == rows[2].id).values(state="sending"))

    async with box.database.read() as session:
        found = await outgoing.sent_since(session, box.time.now() - timedelta(minutes=50))
        later = await outgoing.sent_since(session, box.time.now() + timedelta(minutes=1))

    assert sorted((one.telegram_id, one.at is None) for one in found) == [
        (people[0].id, False),
        (people[1].id, False),
        (people[2].id, True),
    ]
    assert [one.telegram_id for one in later] == [people[2].id]
    bench = Bench()
    bench.limiter.take_over([Past(person.id, group=False, seconds_ago=0.4) for person in people])
    await bench.time.run(*(bench.notify(person.id, 2) for person in people))
    assert bench.wire.times()[0] >= 1.01
    assert min(gaps(bench.wire.times(people[0].id))) >= 1.02


async def test_chats_are_served_side_by_side_and_beside_those_who_write_alone(box: Outbox) -> None:
    """Begin and end of messages run shared; chats that move or shut us out, and lost topics, alone."""
    people = [box.tg.person(f"Person {number}", started=True) for number in range(12)]
    rows = [await box.chat(person.id) for person in people]
    box.digests = Digests()
    await box.fill(rows, 14)
    box.time.skip(60)
    forum = await box.chat(-77, type_="supergroup")
    await box.put(forum, topic_id=9)
    gone = await box.chat(-78, type_="group")
    await box.put(gone)

    async def alone() -> None:
        for number in range(20):
            async with box.database.write() as session:
                match number % 3:
                    case 0:
                        await chats.left_topic(session, forum.id, 9, for_good=True, now=box.time.now())
                    case 1:
                        await chats.moved(session, gone.id, -1_000_078, now=box.time.now())
                    case _:
                        await chats.shut_out(session, forum.id, reason="thrown out", now=box.time.now())
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(alone())
        await box.drain()

    told = await box.messages()
    ours = {row.id for row in rows}
    assert {(row.state, row.attempts) for row in told if row.chat_id in ours} == {("sent", 1)}
    for person in people:
        texts = [one.text for one in person.private.messages() if one.from_bot]
        assert len(texts) == 1
        assert "14 updates in one message" in texts[0]


async def test_two_workers_never_begin_the_same_message(box: Outbox) -> None:
    """As after a pause of the whole process, when a successor is at work already: the row decides."""
    chat = await box.chat(1)
    await box.fill([chat], 30)
    box.time.skip(60)
    ledgers = [box.notifier(owner=owner)._ledger for owner in ("one", "two")]
    box.digests = Digests()
    ledgers += [box.notifier(owner=owner)._ledger for owner in ("three", "four")]
    async with box.database.read() as session:
        (place,) = await outgoing.waiting(session)
    async with asyncio.TaskGroup() as group:
        claims = [group.create_task(ledger.claim(place)) for ledger in ledgers]

    (begun,) = [claim for task in claims if (claim := task.result()) is not None]
    sending = [row for row in await box.messages() if row.state == "sending"]
    assert {row.lease_owner for row in sending} == {sending[0].lease_owner}
    assert len(sending) == 1 + len(begun.gathered)
    assert {row.fence for row in sending} == {1}


async def test_a_limiter_paces_what_a_sender_takes_from_the_outbox(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    limiter = Limiter(clock=box.time.monotonic, wait=box.time.wait)
    box.bot.session.middleware(limiter)
    expected = [await box.put(chat, issue(f"Issue no. {number}")) for number in range(1, 4)]

    await box.drain(box.notifier(limiter))

    assert titles(ann.private) == expected
