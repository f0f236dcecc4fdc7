"""A forge that takes its time, and a process that ends in the middle: nothing is lost, nobody waits in silence."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from src.bot.fsm_storage import DatabaseStorage
from src.database.models import DialogState
from src.demo.telegram import Person
from tests.bot_stage import Stage, labels, polling, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        found.deps.waits.slow = 30
        yield found


def slow(stage: Stage, seconds: float = 60) -> None:
    """The next answer of the forge takes so long, and only a word of waiting can come before it."""
    stage.github.outage("slow", seconds=seconds, times=1)
    stage.deps.waits.slow = 0.05


def quick(stage: Stage) -> None:
    """What takes long from here on is the machine: no word of that."""
    stage.github.clear_outages()
    stage.deps.waits.slow = 30


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person)
    return person


async def test_a_slow_forge_shows_that_it_is_still_loading(stage: Stage, ann: Person) -> None:
    opened = await stage.say(ann, "/subscribe")
    slow(stage, 5)
    waiting = await stage.step(ann, "GitHub")
    assert (waiting.id, waiting.text) == (opened.id, "Still loading: GitHub takes its time…")
    assert "Cancel" in labels(waiting)
    mark = ann.private.mark()
    assert (await ann.press("Try again")).text == "Still loading…"  # at once, not after the wait
    assert (await ann.press("Try again")).text == "Still loading…"
    assert ann.private.current(opened).text == waiting.text
    shown = await ann.private.wait_for(since=mark)
    assert "acme/rocket" in labels(shown)
    assert len([r for r in stage.github.requests if "/user/repos" in r.path]) == 1


@pytest.mark.parametrize("how", ["Cancel", "/cancel", "Back"])
async def test_one_may_leave_while_it_is_loading(stage: Stage, ann: Person, how: str) -> None:
    await stage.say(ann, "/subscribe")
    slow(stage)
    waiting = await stage.step(ann, "GitHub")
    if how.startswith("/"):
        await ann.send(how)
    else:
        await ann.press(how)
    wanted = "Where is the project?" if how == "Back" else "nothing was changed"
    told = ann.private.wait_for(lambda m: wanted in m.text and (m.id == waiting.id) is not how.startswith("/"), 30)
    await told  # a command is answered by a message of its own, too
    quick(stage)
    assert "acme/rocket" in labels(await stage.to_projects(ann))


async def test_fast_taps_on_cancel_while_it_is_loading_cancel_once(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/subscribe")
    slow(stage)
    waiting = await stage.step(ann, "GitHub")
    await asyncio.gather(*[ann.press("Cancel", on=waiting) for _ in range(6)])
    assert "nothing was changed" in ann.private.current(waiting).text
    assert ann.private.last.id == waiting.id, "nothing went wrong"
    assert stage.deps.waits.open == {}


async def test_a_quick_forge_says_nothing_of_waiting(stage: Stage, ann: Person) -> None:
    await stage.subscribe(ann)
    assert "Still" not in stage.sent()


async def test_a_slow_search_shows_that_it_is_still_loading(stage: Stage, ann: Person) -> None:
    await stage.to_projects(ann)
    slow(stage, 1)
    assert "Still loading" in (await stage.say(ann, "rock")).text
    assert "Found for rock" in (await ann.private.wait_for(lambda m: "Found for" in m.text)).text


async def test_a_slow_set_up_says_so_and_a_second_press_does_no_harm(stage: Stage, ann: Person) -> None:
    shown = await stage.to_summary(ann)
    slow(stage, 5)
    waiting = await stage.step(ann, "Confirm")
    assert (waiting.id, waiting.text) == (shown.id, "Still setting it up: GitHub takes its time…")
    for button in ("Try again", "Cancel", "Back"):  # what is begun is brought to its end
        assert (await ann.press(button, on=waiting)).text == "Still working on it…"
    await ann.private.wait_for(lambda m: "is followed here now" in m.text)
    assert len(await stage.subscriptions()) == 1
    assert len(stage.github.hooks("acme/rocket")) == 1


async def test_others_and_other_chats_do_not_wait_for_a_slow_forge(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    await stage.say(ann, "/subscribe")
    slow(stage)
    await stage.step(ann, "GitHub")
    assert "/set_github_token" in (await stage.say(bob, "/subscribe")).text
    group = stage.tg.group("Rocket team", admins=[ann])
    assert "Where is the project?" in (await stage.say(ann, "/subscribe", group)).text
    await stage.step(ann, "Cancel")


async def test_that_telegram_refuses_the_word_of_waiting_is_no_matter(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/subscribe")
    slow(stage, 1)
    stage.tg.server.fail_next("editMessageText", kind="502")
    assert "acme/rocket" in labels(await stage.step(ann, "GitHub"))


async def stored(stage: Stage) -> list[DialogState]:
    async with stage.database.read() as session:
        return list(await session.scalars(select(DialogState)))


@pytest.mark.parametrize("step", range(5))
async def test_a_restart_in_mid_dialog_does_no_harm(tmp_path: Path, step: int) -> None:
    presses = ["GitHub", "acme/rocket", "Releases", "Back", "Continue"]
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            await stage.give_token(ann)
            opened = await stage.say(ann, "/subscribe")
            for press in presses[:step]:
                await stage.step(ann, press)
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            for press in presses[step:]:
                await stage.step(ann, press)
            said = await stage.step(ann, "Confirm")
            assert "is followed here now" in said.text
            assert said.id == opened.id
        assert len(await stage.subscriptions()) == 1


async def killed_while_it_loads(stage: Stage, ann: Person) -> None:
    async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
        await stage.give_token(ann)
        await stage.say(ann, "/subscribe")
        slow(stage)
        assert "Still loading" in (await stage.step(ann, "GitHub")).text
        raise KeyboardInterrupt  # what is under way is cut off


async def test_a_restart_while_the_forge_is_waited_for_leaves_a_button_that_goes_on(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        stage.deps.waits.slow = 30
        ann = stage.tg.person("ann")
        with pytest.raises(KeyboardInterrupt):
            await killed_while_it_loads(stage, ann)
        quick(stage)
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            shown = await stage.step(ann, "Try again")
        assert "acme/rocket" in labels(shown)
        assert stage.deps.waits.open == {}


async def test_a_restart_leaves_the_question_for_a_token_open(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            await stage.say(ann, "/set_github_token")
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            assert "You are ann" in (await stage.say(ann, "tok_ann")).text


async def test_tokens_are_never_in_the_stored_dialogs(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        stage.github.add_token("ghp_1a2b3c4d5e6f7g8h", "ann")
        seen = []
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            await stage.say(ann, "/set_github_token")
            seen += await stored(stage)
            await stage.say(ann, "ghp_1a2b3c4d5e6f7g8h")
            await stage.to_projects(ann)
            await stage.say(ann, "ghp_1a2b3c4d5e6f7g8h")  # where a name is searched
            seen += await stored(stage)
            await stage.step(ann, "acme/rocket")
            await stage.step(ann, "Continue")
            seen += await stored(stage)
            await stage.step(ann, "Confirm")
            seen += await stored(stage)
        words = [f"{row.key} {row.state} {row.data}" for row in seen]
        assert [line for line in words if "SubscriptionStates:confirm" in line]
        assert not [line for line in words if "ghp_" in line]


@pytest.mark.parametrize("how", ["Cancel", "/cancel"])
async def test_what_is_cancelled_leaves_no_state_behind(tmp_path: Path, how: str) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            await stage.give_token(ann)
            await stage.to_events(ann)
            assert len(await stored(stage)) == 2
            await (stage.say(ann, how) if how.startswith("/") else stage.step(ann, how))
        assert [(row.state, list(row.data)) for row in await stored(stage)] == [(None, ["finished"])]


async def test_a_dialog_stored_by_another_version_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            await stage.give_token(ann)
            old = await stage.to_events(ann)
        async with stage.database.write() as session:
            for row in await session.scalars(select(DialogState).where(DialogState.state.is_not(None))):
                row.data = {"dialog": {"nonce": ["another", "shape"]}}
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            assert (await ann.press("Continue", on=old)).show_alert
            assert "Nothing is open" in (await stage.say(ann, "/cancel")).text
            assert "is followed here now" in (await stage.subscribe(ann)).text


@pytest.mark.parametrize("words", ["/cancel", "rocket"])
async def test_words_to_a_dialog_of_another_version_are_answered(tmp_path: Path, words: str) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            await stage.give_token(ann)
            await stage.to_projects(ann)
        async with stage.database.write() as session:
            for row in await session.scalars(select(DialogState).where(DialogState.state.is_not(None))):
                row.data = {"dialog": {"nonce": ["another", "shape"]}}
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            said = await stage.say(ann, words)
            assert said.text.startswith("Nothing is open" if words == "/cancel" else "I did not understand that")
            if words == "/cancel":
                assert [row.state for row in await stored(stage) if row.state is not None] == []


async def test_fast_double_taps_do_no_harm_on_the_database(tmp_path: Path) -> None:
    async with staged(tmp_path, polled=False) as stage:
        ann = stage.tg.person("ann")
        async with polling(stage.tg, stage.deps, DatabaseStorage(stage.database)):
            await stage.give_token(ann)
            await stage.say(ann, "/subscribe")
            for button in ("GitHub", "acme/rocket", "Continue", "Confirm"):
                shown = ann.private.last
                answers = await asyncio.gather(*[ann.press(button, on=shown) for _ in range(2)])
                assert not [answer for answer in answers if answer.show_alert]
            await ann.private.wait_for(lambda m: "is followed here now" in m.text)
        assert len(await stage.subscriptions()) == 1
        assert len(stage.github.hooks("acme/rocket")) == 1


async def test_a_command_does_not_wait_for_a_slow_forge(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/subscribe")
    slow(stage)
    waiting = await stage.step(ann, "GitHub")
    await ann.send("/subscribe")
    opened = await ann.private.wait_for(lambda m: "Where is the project?" in m.text, timeout=30)
    assert (await ann.press("Try again", on=ann.private.current(waiting))).show_alert
    quick(stage)
    assert "acme/rocket" in labels(await stage.step(ann, "GitHub"))
    assert ann.private.current(opened).text.startswith("Which GitHub project?")
