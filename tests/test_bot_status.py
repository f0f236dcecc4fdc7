"""`/status`: accounts, what is followed and how it does, what is paused; removal of one token."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from src.database.models import Account, Hook, Job, Project, Subscription, utc_now
from src.database.repositories import subscriptions
from src.demo.telegram import Person
from src.webhook.notices import NOTICE_JOB
from tests.bot_stage import Stage, labels, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
def ann(stage: Stage) -> Person:
    return stage.tg.person("Ann")


async def set_(stage: Stage, table: type[Hook] | type[Account] | type[Subscription], **values: object) -> None:
    async with stage.database.write() as session:
        await session.execute(update(table).values(**values))


async def test_status_shows_accounts_with_login_last_four_scopes_and_what_is_missing(stage: Stage, ann: Person) -> None:
    stage.github.add_token("tok_poor_1234", "ann", scopes=["repo"])
    await stage.give_token(ann, token="tok_poor_1234")
    said = await stage.say(ann, "/status")
    assert "GitHub: ann · ••••1234" in said.text
    assert "may: repo" in said.text
    assert "lacks " in said.text
    assert "/set_github_token" in said.text
    assert labels(said) == ["Remove GitHub ••••1234", "Close"]
    await set_(stage, Account, dead_at=utc_now())
    assert "no longer works: /set_github_token" in (await stage.say(ann, "/status")).text


async def test_status_shows_each_hooks_health_in_plain_words(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await stage.subscribe(ann)
    assert "in place, no event yet" in (await stage.say(ann, "/status")).text
    await set_(stage, Hook, last_event_at=utc_now() - timedelta(minutes=3, seconds=20))
    assert "last event 3 min ago" in (await stage.say(ann, "/status")).text
    await set_(stage, Hook, last_error="answered 502")
    said = await stage.say(ann, "/status")
    assert "⚠ answered 502" in said.text
    assert "last event 3 min ago" in said.text


async def test_status_shows_what_is_paused_and_what_rests(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await stage.subscribe(ann)
    assert "⏸" not in (await stage.say(ann, "/status")).text
    await set_(stage, Subscription, paused_until=utc_now() + timedelta(hours=1))
    assert "⏸ Paused till 20" in (await stage.say(ann, "/status")).text
    await set_(stage, Subscription, paused_until=subscriptions.FOREVER)
    assert "⏸ Paused till you resume it" in (await stage.say(ann, "/status")).text
    await set_(stage, Subscription, paused_until=utc_now() - timedelta(hours=1))
    await set_(stage, Account, dead_at=utc_now())
    said = await stage.say(ann, "/status")
    assert "⏸ rests until the token works again" in said.text
    assert "Paused" not in said.text


async def test_status_in_a_group_shows_no_accounts_and_closes_without_a_trace(stage: Stage, ann: Person) -> None:
    team = stage.tg.group("Team", admins=[ann])
    team.promote_bot()
    await stage.give_token(ann)
    await stage.subscribe(ann, in_=team)
    said = await stage.say(ann, "/status", team)
    assert "acme/rocket" in said.text
    assert "••••" not in said.text
    assert labels(said) == ["Webhooks…", "Close"]
    await ann.press("Close", in_=team)
    await team.wait_deleted(said)


async def test_status_leads_to_the_webhooks_and_back(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await stage.subscribe(ann)
    said = await stage.say(ann, "/status")
    hooks = await stage.step(ann, "Webhooks…")
    assert hooks.id == said.id
    assert "Webhooks of what this chat follows" in hooks.text
    back = await stage.step(ann, "Back")
    assert back.text == said.text
    assert labels(back) == labels(said)
    closed = await stage.step(ann, "Close")
    assert closed.text == said.text
    assert not closed.buttons


async def test_removal_of_one_token_ends_what_it_speaks_for_and_nothing_else(stage: Stage, ann: Person) -> None:
    team = stage.tg.group("Team", admins=[ann])
    await stage.give_token(ann)
    await stage.give_token(ann, "gitlab")
    await stage.subscribe(ann)
    await stage.subscribe(ann, in_=team)
    await stage.subscribe(ann, "gitlab")
    await stage.say(ann, "/status")
    asked = await stage.step(ann, _removal(ann))
    assert "Remove your GitHub token" in asked.text
    assert "1 subscription here" in asked.text
    assert "1 subscription of a group" in asked.text
    assert labels(asked) == ["Remove the token", "‹ Back", "Cancel"]
    await stage.step(ann, "Back")
    await stage.step(ann, _removal(ann))
    done = await stage.step(ann, "Remove the token")
    assert "Deleted: the token" in done.text
    assert "2 subscriptions ended" in done.text
    async with stage.database.read() as session:
        followed = await session.execute(select(Project.forge_id).join(Subscription))
        notices = list(await session.scalars(select(Job).where(Job.kind == NOTICE_JOB)))
    kinds = {forge.id: forge.kind for forge in stage.deps.forges}
    assert [kinds[forge_id] for (forge_id,) in followed] == ["gitlab"]
    assert [kinds[account.forge_id] for account in await stage.accounts()] == ["gitlab"]
    assert not stage.github.hooks("acme/rocket")
    assert stage.gitlab.hooks("acme/rocket")
    assert [notice.payload["notice"] for notice in notices] == ["sponsor_left"]


async def test_a_group_is_told_of_each_token_that_went(stage: Stage, ann: Person) -> None:
    team = stage.tg.group("Team", admins=[ann])
    for kind in ("github", "gitlab"):
        await stage.give_token(ann, kind)
        await stage.subscribe(ann, kind, in_=team)
    for _ in range(2):
        await stage.say(ann, "/status")
        await stage.step(ann, _removal(ann))
        await stage.step(ann, "Remove the token")
    async with stage.database.read() as session:
        notices = list(await session.scalars(select(Job).where(Job.kind == NOTICE_JOB)))
    assert [notice.payload["notice"] for notice in notices] == ["sponsor_left", "sponsor_left"]


async def test_in_a_group_status_says_what_rests_for_its_sponsors_token(stage: Stage, ann: Person) -> None:
    team = stage.tg.group("Team", admins=[ann])
    await stage.give_token(ann)
    await stage.subscribe(ann, in_=team)
    assert "rests until" not in (await stage.say(ann, "/status", team)).text
    async with stage.database.write() as session:
        (await session.scalars(select(Account))).one().dead_at = utc_now()
    assert "rests until the token works again" in (await stage.say(ann, "/status", team)).text


async def test_a_hook_that_outlives_the_token_is_named(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await stage.subscribe(ann)
    stage.github.outage("down")
    await stage.say(ann, "/status")
    await stage.step(ann, _removal(ann))
    done = await stage.step(ann, "Remove the token")
    assert "Deleted: the token" in done.text
    assert "delete them by hand" in done.text
    assert "• acme/rocket" in done.text
    stage.github.clear_outages()
    assert stage.github.hooks("acme/rocket")
    assert await stage.accounts() == []


@pytest.mark.parametrize("button", ["acme/rocket", "Releases", "Continue", "Confirm"])
async def test_a_token_removed_under_an_open_dialog_elsewhere_is_told_there(
    stage: Stage, ann: Person, button: str
) -> None:
    team = stage.tg.group("Team", admins=[ann])
    await stage.give_token(ann)
    match button:
        case "acme/rocket":
            await stage.to_projects(ann, in_=team)
        case "Confirm":
            await stage.to_summary(ann, in_=team)
        case _:
            await stage.to_events(ann, in_=team)
    await stage.say(ann, "/status")
    await stage.step(ann, _removal(ann))
    await stage.step(ann, "Remove the token")
    said = await stage.step(ann, button, team)
    assert said.text.startswith("This account is gone")
    assert "went wrong" not in team.transcript()
    answers = [call.form["callback_query_id"] for call in stage.tg.server.calls if call.method == "answerCallbackQuery"]
    assert len(answers) == len(set(answers))
    assert await stage.subscriptions() == []


def _removal(person: Person) -> str:
    """The first account's button."""
    message = next(found for found in reversed(person.private.messages()) if found.buttons)
    return next(label for label in labels(message) if label.startswith("Remove "))


async def test_a_token_whose_removal_is_cancelled_stays(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await stage.say(ann, "/status")
    await stage.step(ann, _removal(ann))
    assert "nothing was changed" in (await stage.step(ann, "Cancel")).text
    assert len(await stage.accounts()) == 1


async def test_the_hook_of_others_is_handed_on_when_a_token_is_removed(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("Bob")
    stage.github.add_project("acme/lander", private=True, members={"ann": "admin", "bob": "admin"})
    for person in (ann, bob):
        await stage.give_token(person)
        await stage.to_events(person, path="acme/lander")
        await stage.step(person, "Continue")
        await stage.step(person, "Confirm")
    await stage.say(ann, "/status")
    await stage.step(ann, _removal(ann))
    await stage.step(ann, "Remove the token")
    (account,) = await stage.accounts()
    hook = await stage.hook()
    assert account.login == "bob"
    assert hook.removed_at is None
    assert hook.project_id is not None
    async with stage.database.read() as session:  # the job that does it
        assert await session.scalar(select(Job.key).where(Job.kind == "hook_settle")) == str(hook.project_id)
    await stage.deps.hooks.settle(hook.project_id)
    assert (await stage.hook()).account_id == account.id
    assert stage.github.hooks("acme/lander")
