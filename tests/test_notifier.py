"""What the sender does on a good day: texts, order, stopping, starting again."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.bot.limiter import Limiter
from src.bot.limiter.windows import Rank, Rule, Slot
from src.events import CommentEvent, CommentOn, Refs
from src.webhook.notifier import CHECKPOINTS
from src.webhook.notifier.request import MUTE_BUTTON
from tests.outbox import NoPacer, Outbox, open_outbox, titles
from tests.rendering import PR, shared


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path, speed=200) as opened:
        yield opened


async def test_a_message_arrives_with_its_text_its_link_and_its_button(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    await box.put(chat, reasons=[{"reason": "mentioned", "via": None}])

    await box.drain()

    told = ann.private.last
    assert "acme/rocket" in told.text
    assert "Issue no. 1" in told.text
    assert "You: mentioned" in told.text
    assert [button.url for button in told.buttons] == ["https://git.example.com/acme/rocket/issues/12", None]
    assert [button.data for button in told.buttons] == [None, MUTE_BUTTON]
    assert not told.silent
    (call,) = box.tg.server.requests_for("sendMessage")
    assert json.loads(call.form["link_preview_options"])["is_disabled"] is True
    assert box.count("sent") == 1


async def test_what_stands_in_the_chat_is_remembered_for_replies_and_edits(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    comment = CommentEvent(
        **shared(PR, refs=Refs(head_sha="c0ffee")), on=CommentOn.REVIEW, comment_id="31", discussion_id="d4"
    )
    await box.put(chat, comment)

    await box.drain()

    (sent,) = await box.sent()
    (message,) = await box.messages()
    assert (sent.bot_id, sent.chat_id, sent.telegram_message_id) == (box.bot.id, chat.id, ann.private.last.id)
    assert (sent.project_id, sent.subject_key) == (box.project.id, "pull_request:5")
    assert (sent.discussion_id, sent.comment_id, sent.head_sha) == ("d4", "31", "c0ffee")
    assert sent.categories == ["comments"]
    assert message.sent_at == sent.sent_at
    assert message.attempts == 1


async def test_a_message_is_written_in_the_language_of_its_chat(box: Outbox) -> None:
    ann, bob = box.tg.person("Ann", started=True), box.tg.person("Bob", started=True)
    await box.put(await box.chat(ann.id, language="ru"))
    await box.put(await box.chat(bob.id))

    await box.drain()

    assert "новая задача" in ann.private.last.text
    assert "opened this issue" in bob.private.last.text


async def test_a_silent_message_makes_no_sound(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    await box.put(await box.chat(ann.id), level="silent")

    await box.drain()

    assert ann.private.last.silent


async def test_a_reply_is_sent_even_where_what_it_answers_is_gone(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    await box.put(chat)
    await box.drain()
    first = ann.private.last
    await box.put(chat, reply_to=first.id)
    await box.put(chat, reply_to=999)

    await box.drain()

    assert [m.reply_to for m in ann.private.messages()] == [None, first.id, None]


async def test_every_chat_gets_its_messages_in_order(box: Outbox) -> None:
    people = [box.tg.person(name, started=True) for name in ("Ann", "Bob", "Carl")]
    chats = [await box.chat(person.id) for person in people]
    expected = [[await box.put(chat) for chat in chats] for _ in range(5)]

    await box.drain()

    assert [titles(person.private) for person in people] == [list(column) for column in zip(*expected, strict=True)]


async def test_a_chat_that_waits_for_its_answer_delays_no_other(box: Outbox) -> None:
    slow, quick = box.tg.person("Ann", started=True), box.tg.person("Bob", started=True)
    slow_chat, quick_chat = await box.chat(slow.id), await box.chat(quick.id)
    box.tg.server.fail_next("sendMessage", chat_id=slow.id, kind="timeout")
    await box.put(slow_chat)
    expected = [await box.put(quick_chat) for _ in range(4)]
    stuck = asyncio.Event()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(box.notifier().run(stuck))
        await quick.private.wait_for(lambda message: expected[-1] in message.text)
        assert titles(quick.private) == expected
        assert titles(slow.private) == []
        task.cancel()


async def test_groups_are_paced_as_groups_and_people_as_people(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    group = box.tg.group("Rockets", members=[ann])
    await box.put(await box.chat(ann.id))
    await box.put(await box.chat(group.id, type_="group"))
    pacer = NoPacer()

    await box.drain(box.notifier(pacer))

    assert sorted(pacer.turns) == sorted([(ann.id, False), (group.id, True)])


async def test_what_is_queued_while_the_sender_sleeps_goes_out_when_it_is_woken(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    async with box.sending() as notifier:
        await asyncio.sleep(0.02)
        title = await box.put(chat)
        notifier.wake()
        await ann.private.wait_for(lambda message: title in message.text)
        await box.settled()


async def test_reasons_that_come_while_a_message_waits_for_its_turn_are_in_it(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    await box.put(chat, reasons=[{"reason": "author", "via": None}])

    class Meanwhile(NoPacer):
        async def turn(self, chat_id: int, *, group: bool, loud: bool = True) -> None:
            async with box.database.write() as session:
                (row,) = await box.messages()
                row.reasons = [*row.reasons, {"reason": "assigned", "via": None}]
                await session.merge(row)

    await box.drain(box.notifier(Meanwhile()))

    assert "assigned" in ann.private.last.text.lower()


async def test_a_clean_stop_ends_what_is_on_its_way_and_the_next_start_repeats_nothing(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    expected = [await box.put(chat) for _ in range(3)]
    box.tg.server.hold("sendMessage", "after")
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(box.notifier().run(stop))
        await box.tg.server.wait_for_held()
        stop.set()
        await asyncio.sleep(0.02)
        box.tg.server.release()
    assert await box.states() == ["sent", "new", "new"]

    await box.drain(box.notifier(owner="two"))

    assert titles(ann.private) == expected


async def test_a_stop_does_not_wait_for_turns(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    await box.put(await box.chat(ann.id))
    waiting = asyncio.Event()

    class Never(NoPacer):
        async def turn(self, chat_id: int, *, group: bool, loud: bool = True) -> None:
            waiting.set()
            await asyncio.Event().wait()

    async with asyncio.timeout(30), box.sending(box.notifier(Never())):
        await waiting.wait()

    assert await box.states() == ["new"]


@pytest.mark.parametrize("point", CHECKPOINTS)
async def test_a_sender_that_dies_at_any_point_loses_nothing_and_keeps_the_order(box: Outbox, point: str) -> None:
    ann = box.tg.person("Ann", started=True)
    chat = await box.chat(ann.id)
    expected = [await box.put(chat) for _ in range(3)]

    class Killed(Exception):
        pass

    async def die(name: str) -> None:
        if name == point:
            raise Killed

    with pytest.raises(ExceptionGroup) as raised:
        await box.notifier(checkpoint=die).run(asyncio.Event())
    assert raised.group_contains(Killed)

    await box.drain(box.notifier(owner="two"))

    repeated = expected[:1] if point == "answered" else []
    assert titles(ann.private) == [*repeated, *expected]
    assert await box.states() == ["sent"] * 3


async def test_a_successor_of_the_same_name_takes_back_too(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    title = await box.put(await box.chat(ann.id))

    async def die(_name: str) -> None:
        raise RuntimeError("killed")

    with pytest.raises(ExceptionGroup):
        await box.notifier(owner="pod-1", checkpoint=die).run(asyncio.Event())
    assert await box.states() == ["sending"]

    await box.drain(box.notifier(owner="pod-1"))

    assert titles(ann.private) == [title]


async def test_each_checkpoint_is_passed_once_and_in_order(box: Outbox) -> None:
    ann = box.tg.person("Ann", started=True)
    await box.put(await box.chat(ann.id))
    passed: list[str] = []

    async def note(name: str) -> None:
        passed.append(name)

    async with box.sending(box.notifier(checkpoint=note)):
        await box.settled()

    assert tuple(passed) == CHECKPOINTS


async def test_each_notification_is_paced_once_by_the_limiter_that_the_bot_calls_through(tmp_path: Path) -> None:
    # At the real pace: a turn that nobody takes up for ten seconds is forgotten.
    async with open_outbox(tmp_path, speed=1) as box:
        await _each_is_paced_once(box)


async def _each_is_paced_once(box: Outbox) -> None:
    admitted: list[bool] = []

    class Counting(Limiter):
        async def _admit(self, chat: int | str | None, rule: Rule, rank: Rank) -> Slot:
            admitted.append(rank is Rank.ANSWER)
            return await super()._admit(chat, rule, rank)

    limiter = Counting(clock=box.time.monotonic, wait=box.time.wait)
    box.bot.session.middleware(limiter)
    ann, bob = box.tg.person("Ann", started=True), box.tg.person("Bob", started=True)
    for person in (ann, bob):
        chat = await box.chat(person.id)
        for _ in range(3):
            await box.put(chat)

    async with box.sending(box.notifier(limiter)):
        await box.bot.send_message(ann.id, "An answer")
        await box.settled()

    assert sorted(admitted) == [False] * 6 + [True]
    assert len(titles(ann.private)) == len(titles(bob.private)) == 3
