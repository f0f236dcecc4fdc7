"""`/subscribe` as people use it: press by press, in private, in groups and topics, with trouble at every step."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.bot.bot import AccessRule
from src.database.repositories import projects
from src.demo.telegram import Message, Person, membership
from src.events import DEFAULT_NAMES
from src.forges import FORGE_TYPES
from src.webhook.manager import HookState
from tests.bot_stage import Stage, staged

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


def labels(message: Message) -> list[str]:
    return [button.text for button in message.buttons]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_subscribing_makes_a_hook_with_exactly_the_needed_events(stage: Stage, ann: Person, kind: str) -> None:
    said = await stage.subscribe(ann, kind)
    assert "I made its webhook" in said.text
    assert said.keyboard == ()
    (subscription,) = await stage.subscriptions()
    codec = FORGE_TYPES[kind].codec
    assert set(subscription.events) == DEFAULT_NAMES & codec.names
    assert (subscription.scope, subscription.topic_id) == ("mine", 0)
    (hook,) = stage.forge(kind).hooks("acme/rocket")
    assert hook.events == codec.hook_events(subscription.events)
    row = await stage.hook()
    assert hook.url == f"https://bot.example.org/webhook/{kind}/{row.public_id}"
    assert hook.secret == stage.box.open(row.secret)
    assert (row.remote_id, row.origin) == (str(hook.id), "managed")
    assert "waiting for the first event" in (await stage.say(ann, "/status")).text


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_whole_dialog_is_one_message(stage: Stage, language: str) -> None:
    ann = stage.tg.person("ann", language=language)
    await stage.give_token(ann)
    opened = await stage.say(ann, "/subscribe")
    for row in ((0, 0), (0, 0), (0, 0), (0, 0), (-1, 0), (-2, 0), (0, 0)):
        mark = ann.private.mark()
        keyboard = ann.private.current(opened).keyboard
        await ann.press((row[0] % len(keyboard), row[1]))
        await ann.private.wait_for(since=mark)
    shown = ann.private.current(opened)
    assert [m.id for m in ann.private.messages() if m.from_bot][-1] == opened.id
    assert "acme/rocket" in shown.text
    assert ("✓" in shown.text) is (len(await stage.subscriptions()) == 1)
    assert len(await stage.subscriptions()) == 1
    assert ("webhook" in shown.text) is (language == "en")


async def test_events_are_chosen_one_by_one(stage: Stage, ann: Person) -> None:
    events = await stage.to_events(ann)
    assert [label for label in labels(events) if label.startswith("✓")] == ["✓ Reviews", "✓ Comments", "✓ Issues"]
    await stage.step(ann, "PRs")
    await stage.step(ann, "All")
    await stage.step(ann, "PR merged")
    events = await stage.step(ann, "Back")
    assert "◐ PRs · 10/11" in labels(events)
    await stage.step(ann, "Issues")
    await stage.step(ann, "None")
    await stage.step(ann, "Back")
    await stage.step(ann, "Documentation")
    events = await stage.step(ann, "Only what concerns me")
    assert {"– Issues", "✓ Documentation", "👥 Everything"} <= set(labels(events))
    summary = await stage.step(ann, "Continue")
    assert "PRs: 10 of 11" in summary.text
    assert "Issues" not in summary.text
    await stage.step(ann, "Confirm")
    (subscription,) = await stage.subscriptions()
    assert subscription.scope == "all"
    assert "pull_request.merged" not in subscription.events
    assert {"pull_request.draft", "documentation.updated"} <= set(subscription.events)


async def test_at_least_one_event_is_needed(stage: Stage, ann: Person) -> None:
    await stage.to_events(ann)
    for kind in ("PRs", "Reviews", "Comments", "Issues", "Pipelines", "Deployments", "Releases"):
        await stage.step(ann, kind)
        await stage.step(ann, "None")
        await stage.step(ann, "Back")
    answer = await ann.press("Continue")
    assert answer.show_alert
    assert "at least one" in (answer.text or "")


async def test_an_existing_subscription_is_loaded_and_edited(stage: Stage, ann: Person) -> None:
    await stage.subscribe(ann)
    events = await stage.to_events(ann)
    assert "followed here already" in events.text
    await stage.step(ann, "Wiki")
    await stage.step(ann, "All")
    await stage.step(ann, "Back")
    await stage.step(ann, "Continue")
    assert "I set its webhook to what you chose" in (await stage.step(ann, "Confirm")).text
    (subscription,) = await stage.subscriptions()
    assert "wiki.created" in subscription.events
    (hook,) = stage.github.hooks("acme/rocket")
    assert "gollum" in hook.events


async def test_a_second_subscriber_widens_and_shares_the_hook(stage: Stage, ann: Person) -> None:
    stage.github.set_member("acme/rocket", "bob", "admin")
    await stage.subscribe(ann)
    bob = stage.tg.person("bob")
    await stage.give_token(bob)
    assert "its webhook is in place" in (await stage.subscribe(bob)).text
    await stage.to_events(bob)
    await stage.step(bob, "Wiki")
    await stage.step(bob, "All")
    await stage.step(bob, "Back")
    await stage.step(bob, "Continue")
    assert "I set its webhook" in (await stage.step(bob, "Confirm")).text
    (hook,) = stage.github.hooks("acme/rocket")
    assert {"gollum", "pull_request"} <= hook.events
    assert len(await stage.subscriptions()) == 2


async def test_no_right_to_make_hooks_gives_address_and_secret(stage: Stage) -> None:
    carl = stage.tg.person("carl")
    await stage.give_token(carl)
    said = await stage.subscribe(carl)
    row = await stage.hook()
    assert "Ask an administrator" in said.text
    assert f"https://bot.example.org/webhook/github/{row.public_id}" in said.text
    assert stage.box.open(row.secret) in said.text
    assert "Pull requests" in said.text
    assert "application/json" in said.text
    assert [link for link in said.links if link.endswith("/acme/rocket/settings/hooks")]
    assert row.origin == "manual"
    assert "made by hand" in (await stage.say(carl, "/status")).text


async def test_no_public_url_gives_path_and_secret(tmp_path: Path) -> None:
    async with staged(tmp_path, public_url=None) as stage:
        ann = stage.tg.person("ann")
        await stage.give_token(ann)
        said = await stage.subscribe(ann)
        assert "PUBLIC_URL" in said.text
        assert "Address: /webhook/github/" in said.text
        assert stage.github.hooks("acme/rocket") == ()


async def test_projects_are_paged_and_searched_by_typing(stage: Stage, ann: Person) -> None:
    for number in range(20):
        stage.github.add_project(f"acme/part-{number:02}", members={"ann": "admin"})
    stage.github.set_archived("acme/part-03", True)
    first = await stage.to_projects(ann)
    assert len([label for label in labels(first) if "acme/" in label]) == 8
    second = await stage.step(ann, "›")
    assert "Page 2" in labels(second)
    assert not set(labels(first)) & {label for label in labels(second) if "acme/" in label}
    found = await stage.say(ann, "part-03")
    assert "🗄 acme/part-03" in labels(found)
    assert "No project found for nonsense" in (await stage.say(ann, "nonsense")).text
    everything = await stage.step(ann, "Show all")
    assert len([label for label in labels(everything) if "acme/" in label]) == 8


async def test_a_press_on_a_list_that_was_replaced_chooses_nothing(stage: Stage, ann: Person) -> None:
    for number in range(10):
        stage.github.add_project(f"acme/part-{number:02}", members={"ann": "admin"})
    first = await stage.to_projects(ann)
    await stage.step(ann, "›")
    answer = await ann.press((0, 0), on=first)
    assert answer.text is None
    assert "Page 2" in labels(ann.private.last)


async def test_a_platform_without_a_token_says_which_command(stage: Stage) -> None:
    carl = stage.tg.person("carl")
    assert "/set_github_token" in (await stage.say(carl, "/subscribe")).text
    await stage.give_token(carl)
    said = await stage.say(carl, "/subscribe")
    assert "GitLab (no token yet)" in labels(said)
    answer = await carl.press("GitLab")
    assert answer.show_alert
    assert "/set_gitlab_token" in (answer.text or "")


async def test_several_accounts_are_offered(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann, "github", "tok_bob")
    await stage.say(ann, "/subscribe")
    accounts = await stage.step(ann, "GitHub")
    assert [label.split(" ")[0] for label in labels(accounts)[:2]] == ["ann", "bob"]
    projects = await stage.step(ann, "bob")
    assert "acme/rocket" in labels(projects)
    await stage.step(ann, "Back")
    assert "Where is the project?" in (await stage.step(ann, "Back")).text


async def test_back_leads_through_all_steps(stage: Stage, ann: Person) -> None:
    await stage.to_summary(ann)
    assert "what shall I tell" in (await stage.step(ann, "Back")).text
    assert "Which GitHub project?" in (await stage.step(ann, "Back")).text
    assert "Where is the project?" in (await stage.step(ann, "Back")).text


@pytest.mark.parametrize("steps", range(5))
@pytest.mark.parametrize("by_button", [True, False])
async def test_cancel_works_at_each_step(stage: Stage, ann: Person, steps: int, by_button: bool) -> None:
    await stage.say(ann, "/subscribe")
    presses = ["GitHub", "acme/rocket", "Continue", "Back", "PRs"]
    for press in presses[:steps]:
        await stage.step(ann, press)
    old = ann.private.last
    said = await (stage.step(ann, "Cancel") if by_button else stage.say(ann, "/cancel"))
    assert "nothing was changed" in said.text
    assert await stage.subscriptions() == []
    answer = await ann.press((0, 0), on=old)
    assert answer.text is None  # the dialog that was just left: a second tap, perhaps
    assert not ann.private.current(old).keyboard


async def test_an_old_keyboard_gets_an_alert_and_never_acts(stage: Stage, ann: Person) -> None:
    old = await stage.to_summary(ann)
    new = await stage.say(ann, "/subscribe")
    answer = await ann.press("Confirm", on=old)
    assert answer.show_alert
    assert STALE in (answer.text or "")
    assert ann.private.current(new).revision == new.revision
    assert await stage.subscriptions() == []


async def test_a_foreign_person_gets_an_alert_with_the_owners_name(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[ann, bob])
    await stage.to_summary(ann, in_=group)
    answer = await bob.press("Confirm", in_=group)
    assert answer.show_alert
    assert answer.text == "This is ann's dialog."
    assert await stage.subscriptions() == []


async def test_a_double_tap_on_confirm_subscribes_once(stage: Stage, ann: Person) -> None:
    shown = await stage.to_summary(ann)
    mark = ann.private.mark()
    answers = await asyncio.gather(ann.press("Confirm", on=shown), ann.press("Confirm", on=shown))
    await ann.private.wait_for(lambda m: "I made its webhook" in m.text, since=mark)
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


async def test_callback_data_holds_no_names_and_fits(stage: Stage, ann: Person) -> None:
    await stage.to_summary(ann)
    data = [b.data or "" for m in ann.private.messages() for b in m.buttons]
    assert data
    assert all(len(d.encode()) <= 64 and "acme" not in d and "rocket" not in d for d in data)


@pytest.mark.parametrize("trouble", ["down", "slow", "html", "rate_limited"])
@pytest.mark.parametrize("step", ["projects", "confirm"])
async def test_trouble_with_the_forge_is_told_and_can_be_tried_again(
    stage: Stage, ann: Person, trouble: str, step: str
) -> None:
    await (stage.say(ann, "/subscribe") if step == "projects" else stage.to_summary(ann))
    stage.github.outage(trouble, seconds=600)  # type: ignore[arg-type]  # one of the words
    said = await stage.step(ann, "GitHub" if step == "projects" else "Confirm")
    assert ("too many requests" if trouble == "rate_limited" else "does not answer right now") in said.text
    assert "Try again" in labels(said)
    stage.github.clear_outages()
    if trouble != "rate_limited":  # the client keeps the pause that it was asked for
        said = await stage.step(ann, "Try again")
        assert ("acme/rocket" in labels(said)) if step == "projects" else ("I made its webhook" in said.text)


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
    assert "no webhook yet" in (await stage.say(ann, "/status")).text
    monkeypatch.undo()
    stage.github.clear_outages()
    assert "I made its webhook" in (await stage.step(ann, "Try again")).text
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


async def test_only_administrators_subscribe_a_group(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[ann], members=[bob])
    said = await stage.say(bob, "/subscribe", group)
    assert "Only those who administer this group" in said.text


async def test_who_is_no_administrator_any_more_cannot_confirm(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", members=[stage.tg.person("bob")], admins=[stage.tg.person("carl"), ann])
    await stage.to_summary(ann, in_=group)
    membership.set_member(group._world, group._stored, ann.account, "member")
    answer = await ann.press("Confirm", in_=group)
    assert answer.show_alert
    assert "Only those who administer" in (answer.text or "")
    assert await stage.subscriptions() == []


async def test_status_of_a_group_shows_no_accounts(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann])
    await stage.subscribe(ann, in_=group)
    said = await stage.say(ann, "/status", group)
    assert "GitHub acme/rocket: 7 kinds of events, everything" in said.text
    assert "••••" not in said.text


async def test_a_groups_subscription_is_the_topics_and_of_everything(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann], forum=True)
    topic = group.topic("Builds")
    opened = await stage.to_projects(ann, in_=topic)
    found = await stage.say(ann, "rock", topic, reply_to=opened)
    assert "acme/rocket" in labels(found)
    await stage.step(ann, "acme/rocket", topic)
    await stage.step(ann, "Continue", topic)
    await stage.step(ann, "Confirm", topic)
    (subscription,) = await stage.subscriptions()
    assert (subscription.scope, subscription.topic_id) == ("all", topic.topic_id)
    await stage.subscribe(ann, in_=group.general)
    assert sorted(s.topic_id for s in await stage.subscriptions()) == [0, topic.topic_id]


async def test_in_a_group_the_secret_goes_to_the_private_chat(stage: Stage) -> None:
    carl = stage.tg.person("carl")
    await stage.give_token(carl)
    group = stage.tg.group("Rocket team", admins=[carl])
    said = await stage.subscribe(carl, in_=group)
    secret = stage.box.open((await stage.hook()).secret)
    assert "I wrote you in private" in said.text
    assert not [m for m in group.messages() if secret in m.text]
    assert secret in carl.private.last.text
    carl.block()
    said = await stage.subscribe(carl, in_=group)
    assert "I may not write to you" in said.text


async def test_a_dialogs_message_that_was_deleted_is_sent_anew(stage: Stage, ann: Person) -> None:
    opened = await stage.to_projects(ann)
    await ann.delete(opened)
    said = await stage.say(ann, "rocket")
    assert said.id != opened.id
    assert "what shall I tell" in (await stage.step(ann, "acme/rocket")).text


async def test_a_stranger_cannot_press(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, eve = stage.tg.person("ann"), stage.tg.person("eve")
        await stage.give_token(ann)
        group = stage.tg.group("Rocket team", admins=[ann, eve])
        await stage.to_summary(ann, in_=group)
        object.__setattr__(stage.deps, "access", AccessRule("list", frozenset({ann.id})))
        answer = await eve.press("Confirm", in_=group)
        assert "invited people only" in (answer.text or "")
        assert await stage.subscriptions() == []
