"""Floods, late presses, and failures of Telegram in the midst of an answer."""

import logging
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.bot_stage import Log, Stage, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
def log() -> Iterator[Log]:
    handler = Log()
    logging.getLogger("src.bot").addHandler(handler)
    yield handler
    logging.getLogger("src.bot").removeHandler(handler)


async def test_an_error_that_cannot_be_told_ends_nothing(stage: Stage, log: Log) -> None:
    ann = stage.tg.person("ann")
    stage.tg.server.fail_next("sendMessage", kind="502", times=2)
    await ann.send("/start")
    await stage.tg.server.wait_for_call("sendMessage", 2)
    assert "/subscribe" in (await stage.say(ann, "/help")).text
    (line,) = [line for line in log.lines if "could not be told" in line]
    assert "ClientDecodeError" in line
    assert "line " in line
    assert "Bad Gateway" not in line


async def test_one_chat_cannot_keep_the_others_waiting(stage: Stage, log: Log) -> None:
    people = [stage.tg.person(f"guest{number}") for number in range(6)]
    dora = stage.tg.person("dora")
    group = stage.tg.group("Flood", admins=people)
    for _ in range(2):
        await stage.say(dora, "/help")  # that the bot came into the group is dealt with by then
    stage.tg.server.hold("sendMessage", "before")
    for number in range(60):
        await people[number % 6].send("/start", group)
    await stage.tg.server.wait_for_held(3)
    await dora.send("/start")
    await stage.tg.server.wait_for_held(4)
    asked = [call.form["chat_id"] for call in stage.tg.server.requests_for("sendMessage")][2:]
    assert sorted(asked) == sorted([str(group.id)] * 3 + [str(dora.id)])
    stage.tg.server.release()
    await stage.tg.server.wait_for_call("sendMessage", 26)
    await stage.say(dora, "/help")
    dropped = [int(found[1]) for line in log.lines if (found := re.match(r"(\d+) updates dropped", line))]
    answered = [call for call in stage.tg.server.requests_for("sendMessage") if call.form["chat_id"] == str(group.id)]
    assert (sum(dropped), len(answered)) == (37, 23)


async def test_a_press_that_fails_behind_its_answer_is_answered_once(stage: Stage) -> None:
    ann = stage.tg.person("ann")
    await stage.give_token(ann)
    await stage.to_events(ann)
    stage.tg.server.fail_next("editMessageText", kind="500")
    assert "went wrong" in (await stage.step(ann, "Releases")).text
    team = stage.tg.group("Team", admins=[ann])
    await stage.to_summary(ann, in_=team)
    stage.tg.server.fail_next("getChatMember", kind="500")
    assert "went wrong" in (await stage.step(ann, "Confirm", team)).text
    asked = [call.form["callback_query_id"] for call in stage.tg.server.requests_for("answerCallbackQuery")]
    assert sorted(asked) == sorted(set(asked))


async def test_presses_answered_too_late_are_no_error(stage: Stage, log: Log) -> None:
    ann = stage.tg.person("ann")
    await stage.give_token(ann)
    await stage.say(ann, "/subscribe")
    stage.tg._world.callback_ttl = -1  # every answer comes too late
    with pytest.raises(TimeoutError):
        await ann.press("GitHub", timeout=0.3)
    await ann.private.wait_for(lambda m: "Which GitHub project" in m.text, since=0)
    assert log.lines == []
