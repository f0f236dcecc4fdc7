"""What the sender does when Telegram says no, says nothing, or says it too fast."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiogram.exceptions import TelegramUnauthorizedError

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


async def test_when_several_chats_are_flooded_all_are_quiet_for_the_longest(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, speed=0.001) as box:  # time stands still, but for what is skipped
        people = [box.tg.person(name, started=True) for name in ("Ann", "Bob", "Carl", "Dora")]
        chats = [await box.chat(person.id) for person in people]
        for person, seconds in zip(people[:3], (4, 12, 8), strict=True):
            box.tg.server.fail_next(SEND, chat_id=person.id, kind="429", retry_after=seconds)
        for chat in chats:
            await box.put(chat)
        others_flooded = asyncio.Event()

        class LateForDora(NoPacer):
            async def turn(self, chat_id: int, *, group: bool, loud: bool = True) -> None:
                if chat_id == people[3].id:
                    await others_flooded.wait()

        async with box.sending(box.notifier(LateForDora())):
            await box.counted("flooded", 3)
            others_flooded.set()
            box.time.skip(11)
            await asyncio.sleep(0.3)  # whoever may send would do so now
            assert len(box.tg.server.requests_for(SEND)) == 3
            box.time.skip(4)
            await box.settled()

        assert all(len(titles(person.private)) == 1 for person in people)


async def test_back_off_doubles_from_a_second(box: Outbox, ann: Person) -> None:
    await box.put(await box.chat(ann.id))
    box.tg.server.fail_next(SEND, kind="500", times=5)

    await box.drain()

    at = [call.at for call in box.tg.server.requests_for(SEND)]
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert all(pause >= expected for pause, expected in zip(pauses, (1, 2, 4, 8, 16), strict=True))


async def test_an_outage_of_an_hour_costs_no_message(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, speed=2000) as box:
        ann = box.tg.person("Ann", started=True)
        title = await box.put(await box.chat(ann.id))
        box.tg.server.fail_next(SEND, kind="500", times=20)

        await box.drain()

        (sent,) = await box.messages()
    assert (sent.state, sent.attempts) == ("sent", 21)
    assert titles(ann.private) == [title]


async def test_after_twelve_attempts_in_a_day_a_message_is_given_up_with_a_reason_and_the_next_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.webhook.notifier.verdict.PATIENCE", timedelta())  # as if the day was over
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
    async with asyncio.timeout(30):
        await notifier.run(stop)

    assert [(row.state, row.lease_owner) for row in await box.messages()] == [("sending", "two")]
    assert await box.sent() == []
