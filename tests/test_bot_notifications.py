"""`/notifications`: each category on, silent or off, for one subscription or all, with cancel."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.demo.telegram import Person, membership
from src.webhook.categories import Category
from tests.bot_stage import Stage, labels, staged
from tests.notified import follow, row_of


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person)
    return person


async def test_notifications_each_category_on_silent_or_off(stage: Stage, ann: Person) -> None:
    rocket, pump = await follow(stage, ann, "acme/rocket"), await follow(stage, ann, "acme/pump")
    asked = await stage.say(ann, "/notifications")
    assert labels(asked) == ["All subscriptions here", "acme/pump", "acme/rocket", "Cancel"]
    shown = await stage.step(ann, "acme/rocket")
    assert labels(shown)[:5] == ["🔔 All on", "🔕 All silent", "🚫 All off", "🔔 Pipelines: on", "🔔 Mentions: on"]
    assert labels(shown)[5:] == [
        "🔔 Review requests: on",
        "🔔 Automatic reviews: on",
        "🔔 Comments: on",
        "🔔 PRs and reviews: on",
        "🔔 Issues: on",
        "🔔 Documentation, wiki: on",
        "🔔 Pushes and tags: on",
        "🔔 Releases, deployments: on",
        "Save",
        "‹ Back",
        "Cancel",
    ]
    shown = await stage.step(ann, "Comments: on")
    assert "🔕 Comments: silent" in labels(shown)
    assert "Not stored yet" in shown.text
    shown = await stage.step(ann, "Comments: silent")
    assert "🚫 Comments: off" in labels(shown)
    await stage.step(ann, "Issues: on")
    assert (await row_of(stage, rocket.id)).levels == {}
    done = await stage.step(ann, "Save")
    assert (done.id, labels(done)) == (asked.id, [])
    assert done.text == "✓ Stored for acme/rocket.\n🔕 Without a sound: Issues\n🚫 Not told: Comments"
    assert (await row_of(stage, rocket.id)).levels == {"comments": "off", "issues": "silent"}
    assert (await row_of(stage, pump.id)).levels == {}


async def test_a_third_press_is_on_again(stage: Stage, ann: Person) -> None:
    row = await follow(stage, ann, "acme/rocket")
    await stage.say(ann, "/notifications")
    await stage.step(ann, "acme/rocket")
    for label in ("Issues: on", "Issues: silent", "Issues: off"):
        await stage.step(ann, label)
    await stage.step(ann, "Save")
    assert (await row_of(stage, row.id)).levels == {"issues": "on"}


async def test_all_subscriptions_at_once_change_only_what_was_pressed(stage: Stage, ann: Person) -> None:
    rocket, pump = await follow(stage, ann, "acme/rocket"), await follow(stage, ann, "acme/pump")
    await stage.say(ann, "/notifications")
    await stage.step(ann, "acme/rocket")
    await stage.step(ann, "Pipelines: on")
    await stage.step(ann, "Save")
    await stage.say(ann, "/notifications")
    shown = await stage.step(ann, "All subscriptions here")
    assert "◐ Pipelines: mixed" in labels(shown)
    await stage.step(ann, "Comments: on")
    done = await stage.step(ann, "Save")
    assert "✓ Stored for all subscriptions here." in done.text
    assert (await row_of(stage, rocket.id)).levels == {"pipelines": "silent", "comments": "silent"}
    assert (await row_of(stage, pump.id)).levels == {"comments": "silent"}


async def test_all_off_is_allowed_and_said(stage: Stage, ann: Person) -> None:
    row = await follow(stage, ann, "acme/rocket")
    await stage.say(ann, "/notifications")
    await stage.step(ann, "acme/rocket")
    answer = await ann.press("All off")
    assert answer.text == "Then nothing at all is told, until you change it here."
    shown = await ann.private.wait_for(lambda message: "🚫 Issues: off" in labels(message))
    assert "All is off: nothing at all would be told." in shown.text
    done = await stage.step(ann, "Save")
    assert "All is off: nothing at all is told." in done.text
    assert (await row_of(stage, row.id)).levels == dict.fromkeys(map(str, Category), "off")


async def test_cancel_and_back_store_nothing(stage: Stage, ann: Person) -> None:
    row = await follow(stage, ann, "acme/rocket")
    await stage.say(ann, "/notifications")
    await stage.step(ann, "acme/rocket")
    await stage.step(ann, "Comments: on")
    assert "All subscriptions here" in labels(await stage.step(ann, "Back"))
    shown = await stage.step(ann, "acme/rocket")
    assert "🔔 Comments: on" in labels(shown)
    await stage.step(ann, "Comments: on")
    said = await stage.step(ann, "Cancel")
    assert said.text == "Cancelled: nothing was changed."
    assert (await row_of(stage, row.id)).levels == {}


async def test_saving_nothing_says_so(stage: Stage, ann: Person) -> None:
    await follow(stage, ann, "acme/rocket")
    await stage.say(ann, "/notifications")
    await stage.step(ann, "acme/rocket")
    assert (await stage.step(ann, "Save")).text == "Nothing was changed."


async def test_in_a_group_administrators_only(stage: Stage, ann: Person) -> None:
    bob, carl = stage.tg.person("bob"), stage.tg.person("carl")
    group = stage.tg.group("Rocket team", admins=[ann, carl], members=[bob])
    row = await follow(stage, ann, "acme/rocket", group)
    assert "Only those who administer" in (await stage.say(bob, "/notifications", group)).text
    await stage.say(ann, "/notifications", group)
    await stage.step(ann, "acme/rocket", group)
    await stage.step(ann, "Comments: on", group)
    membership.set_member(group._world, group._stored, ann.account, "member")
    answer = await ann.press("Save", in_=group)
    assert answer.show_alert
    assert (await row_of(stage, row.id)).levels == {}
