"""`/subscribe` when something is wrong: the forge, the project, the right, the button, the patience."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from src.database.repositories import projects
from src.demo.telegram import Person
from src.webhook.manager import HookState
from tests.bot_stage import Stage, labels, staged

STALE = "This dialog is no longer open"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person, "github")
    await stage.give_token(person, "gitlab")
    return person


async def test_no_right_to_make_hooks_gives_address_and_secret(stage: Stage) -> None:
    carl = stage.tg.person("carl")
    await stage.give_token(carl)
    said = await stage.subscribe(carl)
    row = await stage.hook()
    assert "Ask an administrator" in said.text
    assert "Until there is one, I look at the project about once a minute" in said.text
    assert f"https://bot.example.org/webhook/github/{row.public_id}" in said.text
    assert stage.box.open(row.secret) in said.text
    assert "Pull requests" in said.text
    assert "application/json" in said.text
    assert [link for link in said.links if link.endswith("/acme/rocket/settings/hooks")]
    assert row.origin == "manual"
    assert "made by hand" in (await stage.say(carl, "/status")).text


async def test_without_a_public_url_the_project_is_looked_at_and_nothing_is_left_to_do(tmp_path: Path) -> None:
    async with staged(tmp_path, public_url=None) as stage:
        ann = stage.tg.person("ann")
        await stage.give_token(ann)
        said = await stage.subscribe(ann)
        assert "PUBLIC_URL" in said.text
        assert "about once a minute" in said.text
        assert "What only a webhook tells: " in said.text
        assert "Secret" not in said.text
        assert stage.github.hooks("acme/rocket") == ()


async def test_a_press_on_a_list_that_was_replaced_chooses_nothing(stage: Stage, ann: Person) -> None:
    for number in range(10):
        stage.github.add_project(f"acme/part-{number:02}", members={"ann": "admin"})
    first = await stage.to_projects(ann)
    await stage.step(ann, "›")
    answer = await ann.press((0, 0), on=first)
    assert answer.text is None
    assert "Page 2" in labels(ann.private.last)


async def test_an_old_keyboard_gets_an_alert_and_never_acts(stage: Stage, ann: Person) -> None:
    old = await stage.to_summary(ann)
    new = await stage.say(ann, "/subscribe")
    answer = await ann.press("Confirm", on=old)
    assert answer.show_alert
    assert STALE in (answer.text or "")
    assert ann.private.current(new).revision == new.revision
    assert await stage.subscriptions() == []


async def test_a_double_tap_on_confirm_subscribes_once(stage: Stage, ann: Person) -> None:
    shown = await stage.to_summary(ann)
    mark = ann.private.mark()
    answers = await asyncio.gather(ann.press("Confirm", on=shown), ann.press("Confirm", on=shown))
    await ann.private.wait_for(lambda m: "is followed here now" in m.text, since=mark)
    assert not [answer for answer in answers if answer.show_alert]
    assert len(await stage.subscriptions()) == 1
    assert len(stage.github.hooks("acme/rocket")) == 1


async def test_double_taps_on_other_buttons_are_harmless(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/subscribe")
    for button in ("GitHub", "acme/rocket", "Continue"):
        shown = ann.private.last
        await asyncio.gather(ann.press(button, on=shown), ann.press(button, on=shown))
    assert "Confirm" in labels(ann.private.last)
    assert not [c for c in stage.tg.server.calls if c.status == 400 and "not modified" not in (c.description or "")]


@pytest.mark.parametrize("trouble", ["down", "slow", "html", "rate_limited"])
@pytest.mark.parametrize("step", ["projects", "confirm"])
async def test_trouble_with_the_forge_is_told_and_can_be_tried_again(
    stage: Stage, ann: Person, trouble: str, step: str
) -> None:
    await (stage.say(ann, "/subscribe") if step == "projects" else stage.to_summary(ann))
    stage.github.outage(trouble, seconds=600)  # type: ignore[arg-type]  # one of the words
    with stage.hurry() if trouble == "slow" else nullcontext():
        said = await stage.step(ann, "GitHub" if step == "projects" else "Confirm")
    assert ("too many requests" if trouble == "rate_limited" else "does not answer right now") in said.text
    assert "Try again" in labels(said)
    stage.github.clear_outages()
    if trouble != "rate_limited":  # the client keeps the pause that it was asked for
        said = await stage.step(ann, "Try again")
        assert ("acme/rocket" in labels(said)) if step == "projects" else ("is followed here now" in said.text)


async def test_trouble_with_the_hook_keeps_the_subscription(
    stage: Stage, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.to_summary(ann)
    ensure = stage.deps.hooks.ensure

    async def late(project_id: int, account_id: int) -> HookState:
        stage.github.outage("down")
        return await ensure(project_id, account_id)

    monkeypatch.setattr(stage.deps.hooks, "ensure", late)
    said = await stage.step(ann, "Confirm")
    assert "Your subscription is kept" in said.text
    assert len(await stage.subscriptions()) == 1
    monkeypatch.undo()
    stage.github.clear_outages()
    assert "is followed here now" in (await stage.step(ann, "Try again")).text
    assert [entry.outcome for entry in await stage.log()] == ["failed", "created"]


async def test_a_token_that_died_meanwhile_is_told_and_shown(stage: Stage, ann: Person) -> None:
    await stage.to_summary(ann)
    stage.github.revoke_token("tok_ann")
    said = await stage.step(ann, "Confirm")
    assert "refuses your token" in said.text
    assert "/set_github_token" in said.text
    assert "no longer works" in (await stage.say(ann, "/status")).text


@pytest.mark.parametrize("what", ["deleted", "made private"])
async def test_a_project_gone_between_list_and_confirm_is_told(stage: Stage, what: str) -> None:
    dora = stage.tg.person("dora")
    stage.github.set_private("acme/rocket", False)
    stage.github.set_member("acme/rocket", "dora", "read")
    await stage.give_token(dora)
    await stage.to_summary(dora)
    if what == "deleted":
        stage.github.delete_project("acme/rocket")
    else:
        stage.github.set_member("acme/rocket", "dora", None)
        stage.github.set_private("acme/rocket", True)
    said = await stage.step(dora, "Confirm")
    assert "does not show this any more" in said.text
    assert "Go back and choose another project" in said.text
    assert await stage.subscriptions() == []
    assert "what shall I tell" in (await stage.step(dora, "Back")).text


async def test_a_project_made_private_between_is_stored_as_private(stage: Stage, ann: Person) -> None:
    stage.github.set_private("acme/rocket", False)
    await stage.to_summary(ann)
    stage.github.set_private("acme/rocket", True)
    await stage.step(ann, "Confirm")
    (subscription,) = await stage.subscriptions()
    async with stage.database.read() as session:
        assert (await projects.get(session, subscription.project_id)).private


async def test_a_project_deleted_between_confirming_and_the_hook_loses_nothing(
    stage: Stage, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.to_summary(ann)
    ensure = stage.deps.hooks.ensure

    async def late(project_id: int, account_id: int) -> HookState:
        stage.github.delete_project("acme/rocket")
        return await ensure(project_id, account_id)

    monkeypatch.setattr(stage.deps.hooks, "ensure", late)
    said = await stage.step(ann, "Confirm")
    assert "Ask an administrator of the project" in said.text
    assert len(await stage.subscriptions()) == 1


async def test_a_renamed_project_is_followed_under_its_new_name(stage: Stage, ann: Person) -> None:
    await stage.to_summary(ann)
    stage.github.rename_project("acme/rocket", "acme/spaceship")
    assert "acme/spaceship" in (await stage.step(ann, "Confirm")).text
    assert len(stage.github.hooks("acme/spaceship")) == 1


async def test_a_dialogs_message_that_was_deleted_is_sent_anew(stage: Stage, ann: Person) -> None:
    opened = await stage.to_projects(ann)
    await ann.delete(opened)
    said = await stage.say(ann, "rocket")
    assert said.id != opened.id
    assert "what shall I tell" in (await stage.step(ann, "acme/rocket")).text
