"""What the sender does when Telegram says no, says nothing, or says it too fast."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiogram.exceptions import TelegramUnauthorizedError
from sqlalchemy import select

from src.database.models import Subscription
from src.database.repositories import users
from src.demo.telegram import FaultKind, Person
from src.webhook.notifier import Notifier
from tests.emulated_bot import bot_on
from tests.outbox import NoPacer, Outbox, issue, open_outbox, titles

SEND = "sendMessage"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path, speed=200) as opened:
        yield opened


@pytest.fixture
def ann(box: Outbox) -> Person:
    return box.tg.person("Ann", started=True)


@pytest.mark.parametrize("kind", ["429", "500", "502", "reset_before"])
async def test_a_request_that_fails_is_made_again_and_the_order_is_kept(
    box: Outbox, ann: Person, kind: FaultKind
) -> None:
    chat = await box.chat(ann.id)
    expected = [await box.put(chat) for _ in range(4)]
    box.tg.server.fail_next(SEND, kind=kind, times=2)

    await box.drain()

    assert titles(ann.private) == expected
    assert await box.states() == ["sent"] * 4


async def test_a_lost_answer_repeats_exactly_the_message_whose_answer_was_lost(box: Outbox, ann: Person) -> None:
    chat = await box.chat(ann.id)
    first = await box.put(chat)
    box.tg.server.fail_next(SEND, kind="reset_after")
    second = await box.put(chat)

    await box.drain()

    assert titles(ann.private) == [first, first, second]
    assert [row.telegram_message_id for row in await box.sent()] == [m.id for m in ann.private.messages()[1:]]


async def test_a_flooded_chat_waits_as_long_as_telegram_says_and_it_counts_as_no_attempt(
    box: Outbox, ann: Person
) -> None:
    chat = await box.chat(ann.id)
    await box.put(chat)
    box.tg.server.fail_next(SEND, kind="429", retry_after=30)

    await box.drain()

    refused, accepted = box.tg.server.requests_for(SEND)
    assert accepted.at - refused.at >= 30
    assert [row.attempts for row in await box.messages()] == [1]
    assert (box.count("flooded"), box.count("sent")) == (1, 1)


async def test_a_flooded_chat_delays_no_other(box: Outbox, ann: Person) -> None:
    bob = box.tg.person("Bob", started=True)
    await box.put(await box.chat(ann.id))
    quick = await box.chat(bob.id)
    expected = [await box.put(quick) for _ in range(3)]
    box.tg.server.fail_next(SEND, chat_id=ann.id, kind="429", retry_after=86400)

    async with box.sending():
        await bob.private.wait_for(lambda message: expected[-1] in message.text)

    assert titles(bob.private) == expected
    assert titles(ann.private) == []


async def test_when_several_chats_are_flooded_all_are_quiet_for_the_longest(box: Outbox, ann: Person) -> None:
    people = [ann, *(box.tg.person(name, started=True) for name in ("Bob", "Carl", "Dora"))]
    chats = [await box.chat(person.id) for person in people]
    for person, seconds in zip(people[:3], (20, 60, 40), strict=True):
        box.tg.server.fail_next(SEND, chat_id=person.id, kind="429", retry_after=seconds)
    for chat in chats[:3]:
        await box.put(chat)
    async with box.sending():
        await box.tg.server.wait_for_call(SEND, 3)
        while box.count("flooded") < 3:
            await asyncio.sleep(0.001)
        await box.put(chats[3])
        await box.settled()

    refused, later = box.tg.server.requests_for(SEND)[:3], box.tg.server.requests_for(SEND)[3:]
    assert min(call.at for call in later) - min(call.at for call in refused) >= 59
    assert all(len(titles(person.private)) == 1 for person in people)


async def test_back_off_doubles_from_a_second(box: Outbox, ann: Person) -> None:
    await box.put(await box.chat(ann.id))
    box.tg.server.fail_next(SEND, kind="500", times=5)

    await box.drain()

    at = [call.at for call in box.tg.server.requests_for(SEND)]
    pauses = [later - earlier for earlier, later in zip(at, at[1:], strict=False)]
    assert all(pause >= expected for pause, expected in zip(pauses, (1, 2, 4, 8, 16), strict=True))


async def test_after_twelve_attempts_a_message_is_given_up_with_a_reason_and_the_next_one_goes(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, speed=2000) as box:
        ann = box.tg.person("Ann", started=True)
        chat = await box.chat(ann.id)
        await box.put(chat)
        second = await box.put(chat)
        box.tg.server.fail_next(SEND, kind="500", times=12)

        await box.drain()

        dead, sent = await box.messages()
        (entry,) = await box.log()
    assert (dead.state, dead.attempts, sent.state) == ("dead", 12, "sent")
    assert dead.error is not None
    assert "12 attempts" in dead.error
    assert "Internal Server Error" in dead.error
    assert (entry.kind, entry.outcome, entry.project_id) == ("message_error", "given_up", box.project.id)
    assert titles(ann.private) == [second]


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


async def test_a_message_that_telegram_refuses_is_dead_with_its_reason_and_the_next_one_goes(
    box: Outbox, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await box.chat(ann.id)
    await box.put(chat, issue("A title " * 30))
    second = await box.put(chat)
    # A text that Telegram takes for too long, which the renderer never makes.
    monkeypatch.setattr("src.demo.telegram.methods.messages.MAX_TEXT", 150)

    await box.drain()

    dead, sent = await box.messages()
    assert (dead.state, sent.state) == ("dead", "sent")
    assert dead.error is not None
    assert "message is too long" in dead.error
    assert [(entry.kind, entry.outcome) for entry in await box.log()] == [("message_error", "refused")]
    assert titles(ann.private) == [second]


async def test_a_row_that_cannot_be_rendered_stops_no_other_and_shows_no_payload(
    box: Outbox, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    chat = await box.chat(ann.id)
    await box.put(chat, body='{"kind": "issue", "secret": "of a payload"}')
    await box.put(chat, reasons=[{"reason": "of a later version"}])
    last = await box.put(chat)

    with caplog.at_level(logging.DEBUG, logger="src"):
        await box.drain()

    rows = await box.messages()
    assert [row.state for row in rows] == ["dead", "dead", "sent"]
    assert rows[0].error == "could not be rendered: ValidationError"
    assert [entry.outcome for entry in await box.log()] == ["unrenderable", "unrenderable"]
    assert any(record.levelno == logging.ERROR for record in caplog.records)
    assert "of a payload" not in caplog.text
    assert titles(ann.private) == [last]


async def test_a_revoked_token_brings_the_sender_down_and_the_message_waits(box: Outbox, ann: Person) -> None:
    title = await box.put(await box.chat(ann.id))
    async with bot_on(box.tg, "42:REVOKED") as revoked:
        own, box.bot = box.bot, revoked
        with pytest.raises(ExceptionGroup) as raised:
            await box.notifier().run(asyncio.Event())
        assert raised.group_contains(TelegramUnauthorizedError)
        box.bot = own
    assert titles(ann.private) == []

    await box.drain(box.notifier(owner="two"))

    assert titles(ann.private) == [title]


async def test_a_chat_that_is_switched_off_while_it_waits_for_its_turn_gets_nothing(box: Outbox, ann: Person) -> None:
    chat = await box.chat(ann.id)
    await box.put(chat)

    class Meanwhile(NoPacer):
        async def turn(self, chat_id: int, *, group: bool) -> None:
            await super().turn(chat_id, group=group)
            async with box.database.write() as session:
                await users.switch_off(session, chat.id, reason="left", now=box.time.now())

    pacer = Meanwhile()
    async with box.sending(box.notifier(pacer)):
        while not pacer.turns:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)

    assert await box.states() == ["new"]
    assert box.tg.server.requests_for(SEND) == []


async def test_a_message_that_somebody_else_took_over_is_not_written_over(box: Outbox, ann: Person) -> None:
    await box.put(await box.chat(ann.id))

    async def taken_over(name: str) -> None:
        if name == "answered":
            async with box.database.write() as session:
                (row,) = await box.messages()
                row.fence, row.lease_owner = row.fence + 1, "two"
                await session.merge(row)
            stop.set()

    stop = asyncio.Event()
    notifier: Notifier = box.notifier(checkpoint=taken_over)
    async with asyncio.timeout(5):
        await notifier.run(stop)

    assert [(row.state, row.lease_owner) for row in await box.messages()] == [("sending", "two")]
    assert await box.sent() == []
