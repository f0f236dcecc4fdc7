"""`/subscribe` in groups and topics, where others look on and press."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.bot.bot import AccessRule
from src.demo.telegram import Person, membership
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


async def test_a_foreign_person_gets_an_alert_with_the_owners_name(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[ann, bob])
    await stage.to_summary(ann, in_=group)
    answer = await bob.press("Confirm", in_=group)
    assert answer.show_alert
    assert answer.text == "This is ann's dialog."
    assert await stage.subscriptions() == []


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
    assert "GitHub acme/rocket: 7 kinds of events, whoever it concerns" in said.text
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
    assert "I sent you the steps in private" in said.text
    assert not [m for m in group.messages() if secret in m.text]
    assert secret in carl.private.last.text
    carl.block()
    said = await stage.subscribe(carl, in_=group)
    assert "I may not write to you" in said.text


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


async def test_the_subscription_of_a_group_names_its_sponsor(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann])
    summary = await stage.to_summary(ann, in_=group)
    assert "On the account of ann: ann on GitHub." in summary.text
    assert "The project is private: all in this group will read" in summary.text
    assert "Until now" not in summary.text
    said = await stage.step(ann, "Confirm", group)
    assert said.text.endswith("On the account of ann: ann on GitHub.")
    assert "account" not in (await stage.to_summary(ann)).text  # in private it is nobody else's


async def test_in_a_forum_topic_only_administrators_subscribe(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    await stage.give_token(bob)
    topic = stage.tg.group("Rocket team", admins=[ann], members=[bob], forum=True).topic("Builds")
    assert "Only those who administer this group" in (await stage.say(bob, "/subscribe", topic)).text
    assert "is followed here now" in (await stage.subscribe(ann, in_=topic)).text
    (subscription,) = await stage.subscriptions()
    assert subscription.topic_id == topic.topic_id


async def test_the_same_project_in_another_topic_is_no_hindrance(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann], forum=True)
    builds, talk = group.topic("Builds"), group.topic("Talk")
    assert "is followed here now" in (await stage.subscribe(ann, in_=builds)).text
    assert "what shall I tell here" in (await stage.to_events(ann, in_=talk)).text
    await stage.step(ann, "Continue", talk)
    assert "is followed here now" in (await stage.step(ann, "Confirm", talk)).text
    assert "is followed here already" in (await stage.to_events(ann, in_=builds)).text
    assert len(await stage.subscriptions()) == 2
    assert len(stage.github.hooks("acme/rocket")) == 1


async def test_two_dialogs_at_once_in_a_group_do_no_harm(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("bob")
    stage.github.set_member("acme/rocket", "bob", "admin")
    await stage.give_token(bob)
    group = stage.tg.group("Rocket team", admins=[ann, bob])
    opened = [await stage.say(person, "/subscribe", group) for person in (ann, bob)]
    assert opened[0].id != opened[1].id
    for button in ("GitHub", "acme/rocket", "Continue"):
        for person, message in zip((ann, bob), opened, strict=True):
            mark = group.mark()
            await person.press(button, on=group.current(message))
            await group.wait_for(lambda m, own=message: m.id == own.id, since=mark)  # type: ignore[misc]  # a default
    foreign = await ann.press("Confirm", on=group.current(opened[1]))
    assert foreign.text == "This is bob's dialog."
    await asyncio.gather(*[p.press("Confirm", on=group.current(m)) for p, m in zip((ann, bob), opened, strict=True)])
    for message in opened:
        await group.wait_for(lambda m, own=message: m.id == own.id and not m.keyboard)  # type: ignore[misc]  # as above
    assert len(await stage.subscriptions()) == 1
    assert len(stage.github.hooks("acme/rocket")) == 1


async def test_two_dialogs_of_one_person_in_two_chats_do_no_harm(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann])
    await stage.to_summary(ann)
    await stage.to_summary(ann, in_=group)
    assert "is followed here now" in (await stage.step(ann, "Confirm")).text
    assert "is followed here now" in (await stage.step(ann, "Confirm", group)).text
    assert sorted(s.scope for s in await stage.subscriptions()) == ["all", "mine"]


async def test_a_groups_dialog_answers_the_command_and_ends_in_one_message(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann])
    command = await ann.send("/subscribe", group)
    opened = await group.wait_for()
    assert opened.reply_to == command.id
    await stage.step(ann, "GitHub", group)
    await stage.step(ann, "acme/rocket", group)
    await stage.step(ann, "Continue", group)
    said = await stage.step(ann, "Confirm", group)
    assert [m.id for m in group.messages() if m.from_bot] == [said.id] == [opened.id]


@pytest.mark.parametrize("bot_admin", [False, True])
async def test_what_was_cancelled_in_a_group_leaves_no_message(stage: Stage, ann: Person, bot_admin: bool) -> None:
    group = stage.tg.group("Rocket team", admins=[ann], bot_admin=bot_admin)
    shown = await stage.to_events(ann, in_=group)
    answer = await ann.press("Cancel", in_=group)
    assert answer.text == "Cancelled: nothing was changed."
    await group.wait_deleted(shown)
    assert not [m for m in group.messages() if m.from_bot]
    again = await stage.to_events(ann, in_=group)
    await ann.send("/cancel", group)
    await group.wait_deleted(again)
    await group.wait_for(lambda message: message.text == "/cancel" and message.reactions == ("👌",))
    assert not [m for m in group.messages() if m.from_bot]


async def test_a_dialog_begun_anew_in_a_group_takes_the_old_ones_place(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann])
    old = await stage.to_events(ann, in_=group)
    new = await stage.say(ann, "/subscribe", group)
    assert group.current(old).deleted
    assert [m.id for m in group.messages() if m.from_bot] == [new.id]


async def test_what_cannot_be_deleted_says_that_it_was_cancelled(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann])
    shown = await stage.to_events(ann, in_=group)
    stage.tg.server.fail_next("deleteMessage", kind="502")
    said = await stage.step(ann, "Cancel", group)
    assert (said.id, said.text, said.keyboard) == (shown.id, "Cancelled: nothing was changed.", ())


async def test_a_startgroup_link_leads_into_a_group_and_opens_the_dialog_there(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/subscribe")
    answer = await ann.press("In a group instead")
    assert answer.url == "https://t.me/git_assistant_bot?startgroup=sub"
    group = stage.tg.group("Rocket team", admins=[ann])
    # What clients send in the group that was chosen.
    said = await stage.say(ann, "/start@git_assistant_bot sub", group)
    assert "Where is the project?" in said.text
    assert "In a group instead" not in " ".join(labels(said))
    assert "acme/rocket" in labels(await stage.step(ann, "GitHub", group))


async def test_in_a_group_who_has_no_token_is_led_into_the_private_chat(stage: Stage) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocket team", admins=[bob])
    said = await stage.say(bob, "/subscribe", group)
    assert "First I need a token of yours, in a private chat with me" in said.text
    answer = await bob.press("Open our private chat", in_=group)
    assert answer.url == "https://t.me/git_assistant_bot?start=sub"
    assert "First I need a token" in (await stage.say(bob, "/start sub")).text
    await stage.give_token(bob)
    assert "Where is the project?" in (await stage.say(bob, "/start sub")).text


async def test_who_administers_anonymously_gets_a_clear_sentence(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.tg.person("ann")
        group = stage.tg.group("Rocket team", admins=[ann], supergroup=True)
        await ann.send("/subscribe", group, anonymous=True)
        said = await group.wait_for()
        assert "I cannot see who you are while you write anonymously: write as yourself" in said.text
