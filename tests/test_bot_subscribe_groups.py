"""`/subscribe` in groups and topics, where others look on and press."""

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
