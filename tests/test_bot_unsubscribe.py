"""`/unsubscribe`: choose, confirm, gone; in groups for administrators."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from src.bot.states import UnsubscriptionStates
from src.database.models import Job
from src.demo.telegram import Person, membership
from tests.bot_stage import Stage, labels, staged
from tests.notified import follow


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person)
    return person


async def settling(stage: Stage) -> list[str]:
    """The projects whose hooks are to be settled."""
    async with stage.database.read() as session:
        return list(await session.scalars(select(Job.key).where(Job.kind == "hook_settle")))


async def test_unsubscribe_with_unsubscription_states(stage: Stage, ann: Person) -> None:
    rocket, _ = await follow(stage, ann, "acme/rocket"), await follow(stage, ann, "acme/pump")
    asked = await stage.say(ann, "/unsubscribe")
    assert "stop following" in asked.text
    assert labels(asked) == ["acme/pump", "acme/rocket", "Cancel"]
    question = await stage.step(ann, "acme/rocket")
    assert question.id == asked.id
    assert "Stop following acme/rocket here?" in question.text
    done = await stage.step(ann, "Stop following")
    assert (done.id, labels(done)) == (asked.id, [])
    assert done.text == "acme/rocket is no longer followed here. /subscribe follows it again."
    assert rocket.id not in [row.id for row in await stage.subscriptions()]
    assert len(await stage.subscriptions()) == 1
    assert await settling(stage) == [str(rocket.project_id)]
    assert {state.state for state in UnsubscriptionStates} == {
        "UnsubscriptionStates:subscription",
        "UnsubscriptionStates:confirm",
    }


async def test_nothing_to_unsubscribe(stage: Stage, ann: Person) -> None:
    said = await stage.say(ann, "/unsubscribe")
    assert said.text == "Nothing is followed here: /subscribe"
    assert labels(said) == []


async def test_eight_to_a_page_and_back(stage: Stage, ann: Person) -> None:
    for number in range(11):
        await follow(stage, ann, f"acme/part-{number:02}")
    first = await stage.say(ann, "/unsubscribe")
    assert labels(first)[7:] == ["acme/part-07", "Page 1 of 2", "›", "Cancel"]
    second = await stage.step(ann, "›")
    assert labels(second) == ["acme/part-08", "acme/part-09", "acme/part-10", "‹", "Page 2 of 2", "Cancel"]
    mark = ann.private.mark()
    await ann.press("acme/part-03", on=first)
    redrawn = await ann.private.wait_for(since=mark)
    assert labels(redrawn) == labels(second), "a list that is gone does nothing"
    await stage.step(ann, "acme/part-09")
    again = await stage.step(ann, "Back")
    assert "acme/part-09" in labels(again), "the page it stood on"


async def test_cancel_changes_nothing(stage: Stage, ann: Person) -> None:
    await follow(stage, ann, "acme/rocket")
    await stage.say(ann, "/unsubscribe")
    await stage.step(ann, "acme/rocket")
    said = await stage.step(ann, "Cancel")
    assert said.text == "Cancelled: nothing was changed."
    assert len(await stage.subscriptions()) == 1
    assert await settling(stage) == []


async def test_two_dialogs_end_the_same_subscription_once(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[ann, bob])
    await follow(stage, ann, "acme/rocket", group)
    await stage.say(ann, "/unsubscribe", group)
    question = await stage.step(ann, "acme/rocket", group)
    await stage.say(bob, "/unsubscribe", group)
    await stage.step(bob, "acme/rocket", group)
    await stage.step(bob, "Stop following", group)
    answer = await ann.press("Stop following", on=question)
    assert (answer.text, answer.show_alert) == ("This subscription is gone already.", True)
    assert await stage.subscriptions() == []


async def test_in_a_group_administrators_only_and_asked_again_at_the_end(stage: Stage, ann: Person) -> None:
    bob, carl = stage.tg.person("bob"), stage.tg.person("carl")
    group = stage.tg.group("Rocket team", admins=[ann, carl], members=[bob])
    await follow(stage, ann, "acme/rocket", group)
    refused = await stage.say(bob, "/unsubscribe", group)
    assert "Only those who administer this group" in refused.text
    await stage.say(ann, "/unsubscribe", group)
    await stage.step(ann, "acme/rocket", group)
    answer = await bob.press("Stop following", in_=group)
    assert answer.text == "This is ann's dialog."
    membership.set_member(group._world, group._stored, ann.account, "member")
    answer = await ann.press("Stop following", in_=group)
    assert answer.show_alert
    assert "Only those who administer" in (answer.text or "")
    assert len(await stage.subscriptions()) == 1


async def test_a_topic_lists_its_own_and_the_chat_all(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann], forum=True)
    builds = group.topic("Builds")
    await follow(stage, ann, "acme/rocket", builds)
    await follow(stage, ann, "acme/pump", group.general)
    assert labels(await stage.say(ann, "/unsubscribe", builds)) == ["acme/rocket", "Cancel"]
    everything = await stage.say(ann, "/unsubscribe", group.general)
    assert labels(everything) == ["acme/pump", "acme/rocket · topic", "Cancel"]
