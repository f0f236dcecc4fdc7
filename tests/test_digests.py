"""A backlog gathered into one message: when, what becomes of its rows, and what if it goes wrong."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from src.bot.limiter import Limiter
from src.database.models import Message, Sent
from src.database.repositories import messages, mutes, subscriptions
from src.demo.telegram import FaultKind, Person
from src.demo.telegram import Message as Told
from src.webhook.notifier import CHECKPOINTS, Digests
from src.webhook.notifier.request import MUTE_BUTTON
from tests.outbox import Outbox, issue, open_outbox, titles
from tests.rendering import ISSUE

MENTIONED = [{"reason": "mentioned", "via": None}]
SEND = "sendMessage"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path, speed=200) as opened:
        opened.digests = Digests()
        yield opened


@pytest.fixture
def ann(box: Outbox) -> Person:
    return box.tg.person("Ann", started=True)


def numbers(text: str) -> list[int]:
    """The issues that a text names."""
    return [int(number) for number in re.findall(r"Issue no\. ([0-9]+)", text)]


def told_to(ann: Person) -> list[Told]:
    """What the bot wrote to her."""
    return [one for one in ann.private.messages() if one.from_bot]


async def backlog(box: Outbox, ann: Person, count: int, **more: Any) -> list[int]:
    """Messages that wait for a minute already; their issues' numbers."""
    chat = await box.chat(ann.id)
    put = [numbers(await box.put(chat, **more))[0] for _ in range(count)]
    box.time.skip(60)
    return put


async def test_a_chat_with_a_long_queue_gets_its_backlog_gathered_into_one_digest_message(
    box: Outbox, ann: Person
) -> None:
    waiting = await backlog(box, ann, 100)

    await box.drain()

    (told,) = told_to(ann)
    assert "100 updates in one message" in told.text
    assert set(numbers(told.text)) == {waiting[-1]}, "all of one subject: its newest title"
    rows = await box.messages()
    assert {(row.state, row.digest_of) for row in rows} == {("sent", rows[0].id)}
    assert len({row.sent_at for row in rows}) == 1
    assert box.count("sent") == 1


async def test_a_burst_of_30_pushes_becomes_a_few_messages(tmp_path: Path) -> None:
    async with open_outbox(tmp_path, speed=20) as box:
        box.digests = Digests()
        limiter = Limiter(clock=box.time.monotonic, wait=box.time.wait)
        box.bot.session.middleware(limiter)
        ann = box.tg.person("Ann", started=True)
        chat = await box.chat(ann.id)
        for _ in range(30):
            await box.put(chat)

        await box.drain(box.notifier(limiter))

        *singles, digest = told_to(ann)
    assert f"{30 - len(singles)} updates in one message" in digest.text
    assert len(singles) <= 8, "five in five seconds, fewer on a machine that stumbles"


@pytest.mark.parametrize(("count", "wait"), [(10, 60), (11, 2)])
async def test_what_is_short_or_new_is_told_one_by_one(box: Outbox, ann: Person, count: int, wait: int) -> None:
    chat = await box.chat(ann.id)
    box.digests = Digests(waited=timedelta(hours=1)) if wait < 5 else Digests()
    expected = [await box.put(chat) for _ in range(count)]
    box.time.skip(wait)

    await box.drain()

    assert titles(ann.private) == expected


async def test_a_digest_is_loud_if_any_of_the_gathered_was(box: Outbox, ann: Person) -> None:
    await backlog(box, ann, 15, level="silent")
    await box.drain()
    assert ann.private.last.silent

    await backlog(box, ann, 15, level="silent")
    await backlog(box, ann, 1)
    await box.drain()
    assert not ann.private.last.silent


async def test_mentions_never_vanish_in_a_count_and_more_than_fit_make_another_digest(box: Outbox, ann: Person) -> None:
    await backlog(box, ann, 20)
    asked = await backlog(box, ann, 30, reasons=MENTIONED)

    await box.drain()

    told = told_to(ann)
    lines = [line for message in told for line in message.text.splitlines() if "· mentioned" in line]
    singles = [message.text for message in told if "You: mentioned" in message.text]
    assert [numbers(line)[0] for line in (*lines, *singles)] == asked
    assert (len(told), len(singles)) == (2 + 6, 6), "12 and 12 in digests; six are too few for a third"


async def test_a_digest_is_for_one_topic(box: Outbox, ann: Person) -> None:
    group = box.tg.group("Rockets", members=[ann], forum=True)
    topics = [group.topic("One"), group.topic("Two")]
    chat = await box.chat(group.id, type_="supergroup")
    for _ in range(12):
        for topic in topics:
            await box.put(chat, topic_id=topic.topic_id or 0)
    box.time.skip(60)

    await box.drain()

    for topic in topics:
        assert ["12 updates in one message" in one.text for one in topic.messages() if one.from_bot] == [True]


async def test_nothing_can_be_muted_by_a_digest_and_nothing_is_remembered_of_it(box: Outbox, ann: Person) -> None:
    await backlog(box, ann, 12)

    await box.drain()

    assert [button.data for button in ann.private.last.buttons if button.data == MUTE_BUTTON] == []
    assert await box.sent() == []
    async with box.database.read() as session:
        chat_id = (await box.messages())[0].chat_id
        found = await messages.find_sent(
            session, bot_id=box.bot.id, chat_id=chat_id, telegram_message_id=ann.private.last.id
        )
    assert found is None, "as of a message that is too old: a reply to it is answered so"


async def test_what_was_muted_meanwhile_drops_out(box: Outbox, ann: Person) -> None:
    other = replace(ISSUE, id="77", title="Issue no. 777")
    await backlog(box, ann, 12)
    await backlog(box, ann, 3, event=replace(issue("x"), subject=other))
    async with box.database.write() as session:
        now = box.time.now()
        row = (await session.scalars(select(Message).order_by(Message.id.desc()))).first()
        assert row is not None
        await mutes.put(
            session, project_id=box.project.id, subject_key=other.key, chat_id=row.chat_id, topic_id=0, now=now
        )
        same = update(Message).where(Message.subject_key == other.key)
        await session.execute(same.values(state="dead", error="muted"))

    await box.drain()

    assert "12 updates in one message" in ann.private.last.text
    assert 777 not in numbers(ann.private.last.text)


@pytest.mark.parametrize("how", ["retried", "died"])
@pytest.mark.parametrize("why", ["unsubscribed", "muted", "blocked"])
async def test_what_nobody_wants_any_more_while_it_is_being_sent_is_not_sent_again(
    box: Outbox, ann: Person, why: str, how: str
) -> None:
    chat = await box.chat(ann.id)
    subscription = await box.subscribe(chat)
    await backlog(box, ann, 12)
    async with box.database.write() as session:
        await session.execute(update(Message).values(subscription_id=subscription.id))
    box.tg.server.fail_next(SEND, kind="reset_before")

    async def withdraw(name: str) -> None:
        if name != "before_request":
            return
        async with box.database.write() as session:
            row = (await session.scalars(select(Message))).first()
            assert row is not None
            if why == "unsubscribed":
                await subscriptions.remove(session, await session.merge(subscription), box.time.now())
            elif why == "muted":
                sent = Sent(chat_id=row.chat_id, topic_id=0, project_id=box.project.id, subject_key=row.subject_key)
                await messages.drop_subject(session, sent)
            else:
                await messages.drop_waiting(session, row.chat_id, error="blocked")
        if how == "died":
            raise RuntimeError("killed")

    if how == "died":
        with pytest.raises(ExceptionGroup):
            await box.notifier(checkpoint=withdraw).run(asyncio.Event())
        await box.drain(box.notifier(owner="two"))
    else:
        await box.drain(box.notifier(checkpoint=withdraw))

    assert told_to(ann) == []
    assert {(row.state, row.error) for row in await box.messages()} == {("dead", why)}


async def test_a_digest_whose_first_message_was_deleted_meanwhile_leaves_none_of_the_others_behind(
    box: Outbox, ann: Person
) -> None:
    """All of a project goes with the last who followed it; what was gathered with it is of another."""
    await backlog(box, ann, 12)

    forgotten = False

    async def forget(name: str) -> None:
        nonlocal forgotten
        if name == "before_request" and not forgotten:
            forgotten = True
            async with box.database.write() as session:
                first = select(func.min(Message.id)).scalar_subquery()
                await session.execute(delete(Message).where(Message.id == first))

    await box.drain(box.notifier(checkpoint=forget))

    assert len(told_to(ann)) == 1
    assert await box.states() == ["sent"] * 11


@pytest.mark.parametrize("point", CHECKPOINTS)
async def test_a_sender_that_dies_at_any_point_of_a_digest_loses_and_doubles_nothing(
    box: Outbox, ann: Person, point: str
) -> None:
    await backlog(box, ann, 20)

    async def die(name: str) -> None:
        if name == point:
            raise RuntimeError("killed")

    with pytest.raises(ExceptionGroup):
        await box.notifier(checkpoint=die).run(asyncio.Event())
    await backlog(box, ann, 1)

    await box.drain(box.notifier(owner="two"))

    told = [int(re.findall(r"(\d+) updates", one.text)[0]) for one in told_to(ann) if "updates" in one.text]
    expected = {"claimed": [21], "before_request": [21], "answered": [20, 21], "recorded": [20]}
    assert told == expected[point], "repeated only where the answer was lost"
    rows = await box.messages()
    assert {row.state for row in rows} == {"sent"}


@pytest.mark.parametrize("kind", ["429", "500", "reset_before"])
async def test_a_digest_that_failed_is_gathered_again_with_what_came_since(
    box: Outbox, ann: Person, kind: FaultKind
) -> None:
    await backlog(box, ann, 20)
    box.tg.server.fail_next(SEND, kind=kind)

    await box.drain()

    (told,) = told_to(ann)
    assert "20 updates" in told.text
    attempts = 1 if kind == "429" else 2
    assert {(row.state, row.attempts) for row in await box.messages()} == {("sent", attempts)}


async def test_a_digest_that_is_refused_for_its_content_falls_back_to_single_messages(
    box: Outbox, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = await backlog(box, ann, 12)
    monkeypatch.setattr("src.demo.telegram.methods.messages.MAX_TEXT", 100)

    async def taken(name: str) -> None:
        if name == "answered":
            monkeypatch.setattr("src.demo.telegram.methods.messages.MAX_TEXT", 4_096)

    for _ in range(3):
        await backlog(box, ann, 0)
    chat = await box.chat(ann.id)
    await box.put(chat, issue("A title " * 9), reasons=MENTIONED)
    box.time.skip(60)

    await box.drain(box.notifier(checkpoint=taken))

    assert [numbers(text.text)[0] for text in told_to(ann)[:-1]] == waiting
    assert "updates" not in ann.private.last.text
    assert {(row.state, row.alone, row.digest_of, row.attempts) for row in await box.messages()} == {
        ("sent", True, None, 1)
    }


async def test_one_row_that_cannot_be_rendered_does_not_keep_the_others_back(box: Outbox, ann: Person) -> None:
    expected = await backlog(box, ann, 12)
    await backlog(box, ann, 1, body='{"kind": "issue"}')

    await box.drain()

    assert [numbers(one.text)[0] for one in told_to(ann)] == expected
    assert await box.states() == [*["sent"] * 12, "dead"]


async def test_who_blocked_the_bot_gets_no_digest_and_nothing_of_it_waits(box: Outbox, ann: Person) -> None:
    await backlog(box, ann, 12)
    ann.block()

    await box.drain()

    assert {(row.state, row.error) for row in await box.messages()} == {("dead", "blocked")}


async def test_a_group_that_became_a_supergroup_gets_its_digest_there(box: Outbox, ann: Person) -> None:
    group = box.tg.group("Rockets", members=[ann], supergroup=False)
    chat = await box.chat(group.id, type_="group")
    for _ in range(12):
        await box.put(chat)
    box.time.skip(60)
    there = group.migrate()

    await box.drain()

    assert "12 updates" in there.last.text
    assert {row.state for row in await box.messages()} == {"sent"}


async def test_a_topic_that_is_gone_has_its_digest_told_in_the_chat(box: Outbox, ann: Person) -> None:
    group = box.tg.group("Rockets", members=[ann], forum=True)
    topic = group.topic("One")
    chat = await box.chat(group.id, type_="supergroup")
    for _ in range(12):
        await box.put(chat, topic_id=topic.topic_id or 0)
    box.time.skip(60)
    topic.delete()

    await box.drain()

    assert [one.text for one in group.messages() if "12 updates" in one.text]
    assert {row.state for row in await box.messages()} == {"sent"}
