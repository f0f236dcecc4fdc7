"""What becomes of chats that shut us out, move, or lose their topics."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from src.database.models import Subscription
from src.database.repositories import users
from src.demo.telegram import Person
from tests.outbox import NoPacer, Outbox, open_outbox, titles

SEND = "sendMessage"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path, speed=200) as opened:
        yield opened


@pytest.fixture
def ann(box: Outbox) -> Person:
    return box.tg.person("Ann", started=True)


async def test_who_blocks_the_bot_is_left_alone(box: Outbox, ann: Person) -> None:
    bob = box.tg.person("Bob", started=True)
    chat = await box.chat(ann.id)
    for _ in range(3):
        await box.put(chat)
    expected = await box.put(await box.chat(bob.id))
    ann.block()

    await box.drain()

    row = await box.row(chat)
    assert row.off_at is not None
    assert row.off_reason is not None
    assert "blocked" in row.off_reason
    assert [(m.state, m.error) for m in await box.messages()][:3] == [("dead", "blocked")] * 3
    assert len(box.tg.server.requests_for(SEND)) == 2
    assert [entry.outcome for entry in await box.log()] == ["blocked"]
    assert titles(bob.private) == [expected]


async def test_a_chat_that_is_not_there_is_switched_off_too(box: Outbox) -> None:
    chat = await box.chat(12345)
    await box.put(chat)
    await box.put(chat)

    await box.drain()

    assert (await box.row(chat)).off_at is not None
    assert await box.states() == ["dead", "dead"]


async def test_a_group_that_became_a_supergroup_gets_everything_under_its_new_number(box: Outbox, ann: Person) -> None:
    group = box.tg.group("Rockets", members=[ann])
    chat = await box.chat(group.id, type_="group")
    expected = [await box.put(chat) for _ in range(3)]
    group.migrate()
    pacer = NoPacer()

    await box.drain(box.notifier(pacer))

    row = await box.row(chat)
    assert (row.telegram_id, row.type) == (group.id, "supergroup")
    assert titles(group) == expected
    assert pacer.turns[-1] == (group.id, True)
    assert [m.attempts for m in await box.messages()] == [1, 1, 1]


async def test_a_supergroup_counts_its_messages_anew(box: Outbox, ann: Person) -> None:
    group = box.tg.group("Rockets", members=[ann])
    chat = await box.chat(group.id, type_="group")
    for _ in range(6):
        await box.put(chat)
    await box.drain()
    group.migrate()
    expected = [await box.put(chat) for _ in range(3)]

    await box.drain()

    assert titles(group)[-3:] == expected
    assert titles(group).count(expected[0]) == 1
    assert {message.state for message in await box.messages()} == {"sent"}


async def test_a_supergroup_that_spoke_to_us_first_takes_over_what_waits(box: Outbox, ann: Person) -> None:
    group = box.tg.group("Rockets", members=[ann])
    old = await box.chat(group.id, type_="group")
    told_already = await box.put(old)
    group.migrate()
    new = await box.chat(group.id, type_="supergroup")
    await box.put(new, same=True)
    other = await box.put(old)

    await box.drain()

    assert sorted(titles(group)) == sorted([told_already, other])
    assert (await box.row(old)).off_reason == "became a supergroup"
    assert (await box.row(new)).off_at is None


async def test_what_was_meant_for_a_deleted_topic_goes_to_the_group_itself(box: Outbox, ann: Person) -> None:
    forum = box.tg.group("Rockets", members=[ann], forum=True)
    topic = forum.topic("Builds")
    chat = await box.chat(forum.id, type_="supergroup")
    await box.subscribe(chat, topic_id=topic.topic_id or 0)
    expected = [await box.put(chat, topic_id=topic.topic_id or 0) for _ in range(3)]
    topic.delete()

    await box.drain()

    assert titles(forum.general) == expected
    assert len(box.tg.server.requests_for(SEND)) == 4, "only the first had to learn it"
    async with box.database.read() as session:
        assert (await session.scalars(select(Subscription.topic_id))).all() == [0]
    assert {row.topic_id for row in await box.sent()} == {0}


async def test_a_closed_topic_is_passed_by_but_stays_chosen(box: Outbox, ann: Person) -> None:
    forum = box.tg.group("Rockets", members=[ann], forum=True)
    topic = forum.topic("Builds")
    number = topic.topic_id or 0
    chat = await box.chat(forum.id, type_="supergroup")
    await box.subscribe(chat, topic_id=number)
    expected = await box.put(chat, topic_id=number)
    topic.close()

    await box.drain()

    assert titles(forum.general) == [expected]
    async with box.database.read() as session:
        assert (await session.scalars(select(Subscription.topic_id))).all() == [number]


async def test_an_event_that_the_group_is_told_anyway_is_not_told_twice_for_a_deleted_topic(
    box: Outbox, ann: Person
) -> None:
    forum = box.tg.group("Rockets", members=[ann], forum=True)
    topic = forum.topic("Builds")
    chat = await box.chat(forum.id, type_="supergroup")
    await box.subscribe(chat)
    await box.subscribe(chat, topic_id=topic.topic_id or 0)
    expected = await box.put(chat)
    await box.put(chat, topic_id=topic.topic_id or 0, same=True)
    topic.delete()

    await box.drain()

    assert titles(forum) == [expected]
    assert [(m.state, m.error) for m in await box.messages()] == [
        ("sent", None),
        ("dead", "told in the chat itself"),
    ]


async def test_a_message_in_a_topic_arrives_there(box: Outbox, ann: Person) -> None:
    forum = box.tg.group("Rockets", members=[ann], forum=True)
    topic = forum.topic("Builds")
    chat = await box.chat(forum.id, type_="supergroup")
    expected = await box.put(chat, topic_id=topic.topic_id or 0)

    await box.drain()

    assert titles(topic) == [expected]
    assert titles(forum.general) == []


async def test_a_chat_that_is_switched_off_while_it_waits_for_its_turn_gets_nothing(box: Outbox, ann: Person) -> None:
    chat = await box.chat(ann.id)
    await box.put(chat)

    left = asyncio.Event()

    class Meanwhile(NoPacer):
        async def turn(self, chat_id: int, *, group: bool, loud: bool = True) -> None:
            await super().turn(chat_id, group=group, loud=loud)
            async with box.database.write() as session:
                await users.switch_off(session, chat.id, reason="left", now=box.time.now())
            left.set()

    pacer = Meanwhile()
    async with box.sending(box.notifier(pacer)):
        await asyncio.wait_for(left.wait(), 10)
        await box.time.sleep(10)  # time enough to send it

    assert pacer.turns
    assert await box.states() == ["new"]
    assert box.tg.server.requests_for(SEND) == []
