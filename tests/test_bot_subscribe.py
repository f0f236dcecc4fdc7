"""`/subscribe` in a private chat, press by press."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.demo.gitlab import GitLabEmulator
from src.demo.telegram import Person
from src.events import DEFAULT_NAMES
from src.forges import FORGE_TYPES
from tests.bot_stage import Stage, labels, staged


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


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_subscribing_makes_a_hook_with_exactly_the_needed_events(stage: Stage, ann: Person, kind: str) -> None:
    said = await stage.subscribe(ann, kind)
    assert said.text == "✓ acme/rocket is followed here now.\nYou will be told here of what concerns you."
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
    assert "no event yet" in (await stage.say(ann, "/status")).text


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_whole_dialog_is_one_message(stage: Stage, language: str) -> None:
    ann = stage.tg.person("ann", language=language)
    await stage.give_token(ann)
    opened = await stage.say(ann, "/subscribe")
    for row in ((0, 0), (0, 0), (1, 0), (0, 0), (-1, 0), (-2, 0), (0, 0)):
        mark = ann.private.mark()
        keyboard = ann.private.current(opened).keyboard
        await ann.press((row[0] % len(keyboard), row[1]))
        await ann.private.wait_for(since=mark)
    shown = ann.private.current(opened)
    assert [m.id for m in ann.private.messages() if m.from_bot][-1] == opened.id
    assert "acme/rocket" in shown.text
    assert ("✓" in shown.text) is (len(await stage.subscriptions()) == 1)
    assert len(await stage.subscriptions()) == 1
    assert ("followed here now" in shown.text) is (language == "en")


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


async def test_all_kinds_are_chosen_at_once(stage: Stage, ann: Person) -> None:
    usual = await stage.to_events(ann)
    everything = await stage.step(ann, "All")
    marks = {label[0] for label in labels(everything)[3:-4] if label != "– Automatic reviews"}  # more than news
    assert marks == {"✓"}
    nothing = await stage.step(ann, "None")
    assert {label[0] for label in labels(nothing)[3:-4]} == {"–"}
    await stage.step(ann, "Releases")
    await stage.step(ann, "Usual")
    narrowed = await stage.step(ann, "Back")
    assert [label for label in labels(narrowed)[3:-4] if not label.startswith("–")] == ["◐ Releases · 1/3"]
    assert labels(await stage.step(ann, "Usual")) == labels(usual)
    await stage.step(ann, "None")
    await stage.step(ann, "Wiki")
    assert "Usual" not in labels(ann.private.last)
    await stage.step(ann, "All")
    await stage.step(ann, "Back")
    await stage.step(ann, "Continue")
    await stage.step(ann, "Confirm")
    (subscription,) = await stage.subscriptions()
    assert {event.partition(".")[0] for event in subscription.events} == {"wiki"}


async def test_at_least_one_event_is_needed(stage: Stage, ann: Person) -> None:
    await stage.to_events(ann)
    await stage.step(ann, "None")
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
    assert "acme/rocket: your choice is stored" in (await stage.step(ann, "Confirm")).text
    (subscription,) = await stage.subscriptions()
    assert "wiki.created" in subscription.events
    (hook,) = stage.github.hooks("acme/rocket")
    assert "gollum" in hook.events


async def test_a_second_subscriber_widens_and_shares_the_hook(stage: Stage, ann: Person) -> None:
    stage.github.set_member("acme/rocket", "bob", "admin")
    await stage.subscribe(ann)
    bob = stage.tg.person("bob")
    await stage.give_token(bob)
    assert "is followed here now" in (await stage.subscribe(bob)).text
    await stage.to_events(bob)
    await stage.step(bob, "Wiki")
    await stage.step(bob, "All")
    await stage.step(bob, "Back")
    await stage.step(bob, "Continue")
    assert "your choice is stored" in (await stage.step(bob, "Confirm")).text
    (hook,) = stage.github.hooks("acme/rocket")
    assert {"gollum", "pull_request"} <= hook.events
    assert len(await stage.subscriptions()) == 2


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


async def test_words_that_mean_nothing_in_a_dialog_point_to_its_buttons(stage: Stage, ann: Person) -> None:
    await stage.to_events(ann)
    assert "press one of the buttons above, or /cancel" in (await stage.say(ann, "hm")).text
    assert "nothing was changed" in (await stage.say(ann, "/cancel")).text


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_two_thousand_projects_are_paged_from_the_first_to_the_last_and_searched(
    stage: Stage, ann: Person, kind: str
) -> None:
    for number in range(2_000):
        stage.forge(kind).add_project(f"acme/part-{number:04}", members={"ann": "admin"})
    first = await stage.to_projects(ann, kind)
    assert "(251 pages)" in first.text
    assert "Type a part of its name to search." in first.text
    assert {"›", "251 »"} <= set(labels(first))
    assert not {"‹", "« 1"} & set(labels(first))
    last = await stage.step(ann, "251 »")
    assert {"« 1", "‹", "Page 251"} <= set(labels(last))
    assert "›" not in labels(last)
    assert "(251 pages)" in last.text
    assert len([label for label in labels(last) if "acme/" in label]) == 1
    assert {"« 1", "‹", "›"} <= set(labels(await stage.step(ann, "‹")))
    assert labels(await stage.step(ann, "« 1")) == labels(first)
    found = await stage.say(ann, "part-1234")
    assert [label for label in labels(found) if "acme/" in label] == ["acme/part-1234"]


async def test_projects_of_several_accounts_and_instances(tmp_path: Path) -> None:
    async with GitLabEmulator() as other:
        other.add_user("annabel")
        other.add_token("tok_annabel", "annabel")
        other.add_project("team/probe", members={"annabel": "admin"})
        async with staged(tmp_path, second_gitlab=other.url) as stage:
            ann = stage.tg.person("ann")
            await stage.give_token(ann, "gitlab")
            await stage.say(ann, f"/set_gitlab_token {other.url} tok_annabel")
            await stage.say(ann, "/subscribe")
            accounts = await stage.step(ann, "GitLab")
            hosts = [url.partition("://")[2] for url in (stage.gitlab.url, other.url)]
            assert labels(accounts)[:2] == [f"ann · {hosts[0]}", f"annabel · {hosts[1]}"]
            assert "acme/rocket" in labels(await stage.step(ann, "ann ·"))
            await stage.step(ann, "Back")
            projects = await stage.step(ann, "annabel ·")
            assert "acme/rocket" not in labels(projects)
            await stage.step(ann, "team/probe")
            await stage.step(ann, "Continue")
            assert "team/probe is followed here now" in (await stage.step(ann, "Confirm")).text
            assert len(other.hooks("team/probe")) == 1
            await stage.to_projects(ann, "gitlab")
            await stage.step(ann, "ann ·")
            await stage.step(ann, "acme/rocket")
            await stage.step(ann, "Continue")
            await stage.step(ann, "Confirm")
            assert len({subscription.account_id for subscription in await stage.subscriptions()}) == 2


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


@pytest.mark.parametrize("steps", range(6))
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


async def test_callback_data_holds_no_names_and_fits(stage: Stage, ann: Person) -> None:
    await stage.to_summary(ann)
    data = [b.data or "" for m in ann.private.messages() for b in m.buttons]
    assert data
    assert all(len(d.encode()) <= 64 and "acme" not in d and "rocket" not in d for d in data)
