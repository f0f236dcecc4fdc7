"""The mute button on every notification: this PR, this project, this kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from src.database.models import Message, Mute, Sent, Subscription
from src.database.repositories.subscriptions import FOREVER
from src.demo.telegram import Person
from src.events import CommentEvent, CommentOn, HookTestEvent, PullRequestAction, PullRequestEvent
from src.events import Mute as MuteAction
from src.forges import FORGE_TYPES
from src.webhook.reasons import Reason
from src.webhook.render import render
from tests.bot_stage import Stage, labels, staged
from tests.notified import follow, notify, row_of
from tests.rendering import HOOK, PR, every_event, shared

MERGED = PullRequestEvent(**shared(PR), action=PullRequestAction.MERGED)
COMMENT = CommentEvent(**shared(PR), on=CommentOn.PULL_REQUEST, comment_id="1")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person)
    return person


@pytest.fixture
async def row(stage: Stage, ann: Person) -> Subscription:
    return await follow(stage, ann, "acme/rocket")


def test_every_event_bears_the_button() -> None:
    for event in every_event():
        notification = render(event, [], language="en", words=FORGE_TYPES["github"])
        assert isinstance(notification.buttons[-1], MuteAction), event


async def muted(stage: Stage) -> list[str]:
    async with stage.database.read() as session:
        return list(await session.scalars(select(Mute.subject_key)))


async def test_a_mute_button_on_every_notification_this_pr(stage: Stage, ann: Person, row: Subscription) -> None:
    told = await notify(stage, row, ann.private, MERGED)
    assert labels(told) == ["Open PR", "🔕 Mute…"]
    opened = await stage.step(ann, "Mute…")
    assert (opened.id, opened.text) == (told.id, told.text)
    assert labels(opened) == [
        "Open PR",
        "🔕 Mute this PR",
        "⏸ Project: 1 hour",
        "⏸ Project: till I say",
        "🚫 PRs and reviews: off",
        "‹ Back",
    ]
    answer = await ann.press("Mute this PR")
    assert answer.text == (
        "Muted: nothing more of this PR is told here, not even mentions. /list_subscriptions shows it."
    )
    shown = await ann.private.wait_for(lambda message: "🔔 Unmute" in labels(message))
    assert (labels(shown), shown.text) == (["Open PR", "🔔 Unmute"], told.text)
    assert await muted(stage) == ["pull_request:5"]
    back = await stage.step(ann, "Unmute")
    assert labels(back) == labels(told)
    assert await muted(stage) == []


async def test_a_mute_button_on_every_notification_this_project(stage: Stage, ann: Person, row: Subscription) -> None:
    await notify(stage, row, ann.private, MERGED)
    await stage.step(ann, "Mute…")
    answer = await ann.press("Project: till I say")
    assert answer.text == "acme/rocket: Paused till you resume it"
    await ann.private.wait_for(lambda message: "▶️ Resume" in labels(message))
    assert (await row_of(stage, row.id)).paused_until == FOREVER
    await stage.step(ann, "Resume")
    assert (await row_of(stage, row.id)).paused_until is None
    await stage.step(ann, "Mute…")
    await stage.step(ann, "Project: 1 hour")
    until = (await row_of(stage, row.id)).paused_until
    assert until is not None
    assert until < FOREVER


async def test_a_mute_button_on_every_notification_this_kind(stage: Stage, ann: Person, row: Subscription) -> None:
    await notify(stage, row, ann.private, COMMENT, reasons=[Reason.MENTIONED])
    opened = await stage.step(ann, "Mute…")
    assert "🚫 Mentions: off" in labels(opened)
    answer = await ann.press("Mentions: off")
    assert answer.text == "acme/rocket: Mentions: off. /notifications changes it."
    await ann.private.wait_for(lambda message: "↩️ Undo" in labels(message))
    assert (await row_of(stage, row.id)).levels == {"mentions": "off"}
    await stage.step(ann, "Undo")
    assert (await row_of(stage, row.id)).levels == {"mentions": "on"}


async def test_undoing_restores_silent(stage: Stage, ann: Person, row: Subscription) -> None:
    async with stage.database.write() as session:
        found = await session.get_one(Subscription, row.id)
        found.levels = {"comments": "silent"}
    await notify(stage, row, ann.private, COMMENT)
    await stage.step(ann, "Mute…")
    await stage.step(ann, "Comments: off")
    await stage.step(ann, "Undo")
    assert (await row_of(stage, row.id)).levels == {"comments": "silent"}


async def test_back_leaves_all_as_it_was(stage: Stage, ann: Person, row: Subscription) -> None:
    told = await notify(stage, row, ann.private, MERGED)
    await stage.step(ann, "Mute…")
    back = await stage.step(ann, "Back")
    assert labels(back) == labels(told)
    assert await muted(stage) == []
    assert (await row_of(stage, row.id)).levels == {}


async def test_another_notification_of_it_offers_to_unmute(stage: Stage, ann: Person, row: Subscription) -> None:
    first = await notify(stage, row, ann.private, MERGED)
    second = await notify(stage, row, ann.private, COMMENT)
    await ann.press("Mute…", on=first)
    opened = await ann.private.wait_for(lambda message: "🔕 Mute this PR" in labels(message))
    await ann.press("Mute this PR", on=opened)
    await ann.press("Mute…", on=second)
    opened = await ann.private.wait_for(lambda message: "🔔 Unmute this PR" in labels(message))
    assert opened.id == second.id


async def test_double_taps_do_no_harm(stage: Stage, ann: Person, row: Subscription) -> None:
    told = await notify(stage, row, ann.private, MERGED)
    for _ in range(2):
        answer = await ann.press("Mute…", on=told)
        assert answer.text is None
    opened = await ann.private.wait_for(lambda message: "🔕 Mute this PR" in labels(message))
    for _ in range(2):
        answer = await ann.press("Mute this PR", on=opened)
        assert "Muted" in (answer.text or "")
    assert await muted(stage) == ["pull_request:5"]


async def test_what_waits_of_the_subject_is_not_told_any_more(stage: Stage, ann: Person, row: Subscription) -> None:
    told = await notify(stage, row, ann.private, MERGED)
    async with stage.database.write() as session:
        sent = (await session.scalars(select(Message))).one()
        waiting = {c.name: getattr(sent, c.name) for c in Message.__table__.columns if c.name not in ("id", "op")}
        session.add(Message(**(waiting | {"op": "edit", "state": "new"})))
    await stage.step(ann, "Mute…")
    await stage.step(ann, "Mute this PR")
    async with stage.database.read() as session:
        assert list(await session.scalars(select(Message.state).order_by(Message.id))) == ["sent", "dead"]
    assert told.text


async def test_an_old_notification_says_so(stage: Stage, ann: Person, row: Subscription) -> None:
    await notify(stage, row, ann.private, MERGED)
    async with stage.database.write() as session:
        await session.execute(delete(Sent))
    answer = await ann.press("Mute…")
    assert answer.show_alert
    assert "too old" in (answer.text or "")


async def test_of_a_project_that_is_no_longer_followed(stage: Stage, ann: Person, row: Subscription) -> None:
    await notify(stage, row, ann.private, MERGED)
    async with stage.database.write() as session:
        await session.execute(delete(Subscription))
    answer = await ann.press("Mute…")
    assert answer.show_alert
    assert "no longer followed here" in (answer.text or "")


async def test_in_groups_only_administrators_mute(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[ann], members=[bob])
    row = await follow(stage, ann, "acme/rocket", group)
    told = await notify(stage, row, group, MERGED)
    answer = await bob.press("Mute…", in_=group)
    assert answer.show_alert
    assert "Only those who administer" in (answer.text or "")
    await stage.step(ann, "Mute…", group)
    answer = await bob.press("Mute this PR", in_=group)
    assert answer.show_alert
    assert await muted(stage) == []
    shown = await stage.step(ann, "Mute this PR", group)
    assert (shown.id, await muted(stage)) == (told.id, ["pull_request:5"])


async def test_a_tried_webhook_has_no_subject_to_mute(stage: Stage, ann: Person, row: Subscription) -> None:
    await notify(stage, row, ann.private, HookTestEvent(**shared(HOOK)))
    opened = await stage.step(ann, "Mute…")
    assert labels(opened)[-3:] == ["⏸ Project: 1 hour", "⏸ Project: till I say", "‹ Back"]


async def test_what_was_told_outside_its_closed_topic_is_muted_in_the_topic(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann], forum=True)
    row = await follow(stage, ann, "acme/rocket", group.topic("Builds"))
    async with stage.database.read() as session:
        elsewhere = await session.get_one(Subscription, row.id)
        session.expunge(elsewhere)
    elsewhere.topic_id = 0
    await notify(stage, elsewhere, group.general, MERGED)
    await stage.step(ann, "Mute…", group.general)
    await stage.step(ann, "Mute this PR", group.general)
    async with stage.database.read() as session:
        (found,) = await session.scalars(select(Mute))
    assert (found.subject_key, found.topic_id) == ("pull_request:5", row.topic_id)
    assert row.topic_id
