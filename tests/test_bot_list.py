"""`/list_subscriptions`: edit, pause (an hour, till tomorrow, till I say), unmute and remove."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from src.bot.subscription_screen import pause_end, zone_of
from src.database.models import utc_now
from src.database.repositories import mutes
from src.database.repositories.subscriptions import FOREVER
from src.demo.telegram import Person
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


async def opened(stage: Stage, ann: Person, path: str = "acme/rocket") -> None:
    await stage.say(ann, "/list_subscriptions")
    await stage.step(ann, path)


async def test_list_subscriptions_with_edit(stage: Stage, ann: Person) -> None:
    await stage.subscribe(ann)
    listed = await stage.say(ann, "/list_subscriptions")
    assert labels(listed) == ["acme/rocket", "Webhooks…", "Close"]
    shown = await stage.step(ann, "acme/rocket")
    assert shown.id == listed.id
    assert shown.text == "acme/rocket\nGitHub · 7 kinds of events · only what concerns you"
    edited = await stage.step(ann, "Change events")
    assert edited.id == listed.id
    assert "followed here already" in edited.text
    await stage.step(ann, "👤 Only what concerns me")
    await stage.step(ann, "Continue")
    await stage.step(ann, "Confirm")
    (row,) = await stage.subscriptions()
    assert row.scope == "all"


@pytest.mark.parametrize(
    ("button", "least", "most"),
    [("1 hour", timedelta(minutes=59), timedelta(hours=1)), ("Till tomorrow", timedelta(0), timedelta(hours=33))],
)
async def test_pause_an_hour_or_till_tomorrow(
    stage: Stage, ann: Person, button: str, least: timedelta, most: timedelta
) -> None:
    row = await follow(stage, ann, "acme/rocket")
    await opened(stage, ann)
    shown = await stage.step(ann, button)
    until = (await row_of(stage, row.id)).paused_until
    assert until is not None
    assert least < until - utc_now() <= most
    assert f"⏸ Paused till {until:%Y-%m-%d %H:%M} UTC" in shown.text
    assert "▶️ Resume" in labels(shown)
    assert "⏸ acme/rocket" in labels(await stage.step(ann, "Back"))


async def test_pause_till_i_say_and_resume(stage: Stage, ann: Person) -> None:
    row = await follow(stage, ann, "acme/rocket")
    await opened(stage, ann)
    shown = await stage.step(ann, "Till I say")
    assert "⏸ Paused till you resume it" in shown.text
    assert (await row_of(stage, row.id)).paused_until == FOREVER
    shown = await stage.step(ann, "Resume")
    assert "Paused" not in shown.text
    assert (await row_of(stage, row.id)).paused_until is None


def test_till_tomorrow_is_till_nine_in_the_chats_zone() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert pause_end("tomorrow", late, zone_of(None)) == datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert pause_end("tomorrow", late, ZoneInfo("Asia/Tokyo")) == datetime(2026, 11, 22, 0, tzinfo=UTC)
    assert zone_of("Nowhere/Land").key == zone_of("../etc").key == "UTC"


async def test_muted_subjects_are_counted_and_unmuted(stage: Stage, ann: Person) -> None:
    row = await follow(stage, ann, "acme/rocket")
    place = {"project_id": row.project_id, "chat_id": row.chat_id, "topic_id": 0}
    async with stage.database.write() as session:
        for number in range(3):
            await mutes.put(session, subject_key=f"issue:{number}", now=utc_now(), **place)
    await stage.say(ann, "/list_subscriptions")
    shown = await stage.step(ann, "acme/rocket")
    assert "🔕 Muted: 3" in shown.text
    shown = await stage.step(ann, "Unmute all (3)")
    assert "Muted" not in shown.text
    async with stage.database.read() as session:
        assert await mutes.count(session, **place) == 0


async def test_remove_asks_once(stage: Stage, ann: Person) -> None:
    await follow(stage, ann, "acme/rocket")
    await opened(stage, ann)
    await stage.step(ann, "Remove")
    shown = await stage.step(ann, "Back")
    assert "🗑 Remove" in labels(shown)
    await stage.step(ann, "Remove")
    done = await stage.step(ann, "Stop following")
    assert "no longer followed here" in done.text
    assert await stage.subscriptions() == []


async def test_levels_from_the_list_and_back(stage: Stage, ann: Person) -> None:
    row = await follow(stage, ann, "acme/rocket")
    await opened(stage, ann)
    await stage.step(ann, "Loud or silent")
    await stage.step(ann, "Comments: on")
    shown = await stage.step(ann, "Back")
    assert "🗑 Remove" in labels(shown), "back where it was opened"
    assert (await row_of(stage, row.id)).levels == {}
    await stage.step(ann, "Loud or silent")
    await stage.step(ann, "Comments: on")
    await stage.step(ann, "Save")
    await stage.say(ann, "/list_subscriptions")
    shown = await stage.step(ann, "acme/rocket")
    assert "🔕 Without a sound: Comments" in shown.text


async def test_a_group_shows_its_sponsor_and_members_only_look(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[ann], members=[bob])
    await follow(stage, ann, "acme/rocket", group)
    seen = await stage.say(bob, "/list_subscriptions", group)
    assert "acme/rocket" in seen.text
    assert labels(seen) == []
    await stage.say(ann, "/list_subscriptions", group)
    shown = await stage.step(ann, "acme/rocket", group)
    assert "On the account of ann: ann on GitHub." in shown.text


async def test_webhooks_and_back(stage: Stage, ann: Person) -> None:
    await stage.subscribe(ann)
    listed = await stage.say(ann, "/list_subscriptions")
    hooks = await stage.step(ann, "Webhooks")
    assert hooks.id == listed.id
    back = await stage.step(ann, "Back")
    assert labels(back) == labels(listed)


async def test_what_another_administrator_removed_is_gone(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[ann, bob])
    await follow(stage, ann, "acme/rocket", group)
    await stage.say(ann, "/list_subscriptions", group)
    mine = await stage.step(ann, "acme/rocket", group)
    await stage.say(bob, "/unsubscribe", group)
    await stage.step(bob, "acme/rocket", group)
    await stage.step(bob, "Stop following", group)
    answer = await ann.press("1 hour", on=mine)
    assert (answer.text, answer.show_alert) == ("This subscription is gone already.", True)
