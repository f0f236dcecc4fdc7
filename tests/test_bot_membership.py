"""The bot's place in chats: let in, thrown out and back, a group that becomes a supergroup, a topic that goes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.bot.bot import AccessRule
from src.database.models import Chat as ChatRow
from src.database.repositories import messages, mutes, subscriptions, users
from src.demo.telegram import Chat, Group, Person
from src.webhook import chats
from tests.bot_stage import Stage, staged
from tests.outbox import until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, greets=True) as found:
        yield found


async def group_of(stage: Stage, person: Person, *, forum: bool = False) -> Group:
    """A group with the bot in it, greeted."""
    group = stage.tg.group("Rocket team", admins=[person], forum=forum)
    await said(group, "Hello!")
    return group


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person)
    return person


async def row(stage: Stage, number: int) -> ChatRow | None:
    async with stage.database.read() as session:
        return await users.chat_by_number(session, number)


async def off(stage: Stage, number: int, *, expected: bool) -> None:
    """Until the chat is switched off, or on."""

    async def done() -> bool:
        found = await row(stage, number)
        return found is not None and (found.off_at is not None) is expected

    await until(done)


async def said(chat: Chat, words: str) -> str:
    return (await chat.wait_for(lambda message: message.from_bot and words in message.text)).text


async def test_bot_kicked_and_back(stage: Stage, ann: Person) -> None:
    group = await group_of(stage, ann)
    await stage.subscribe(ann, in_=group)

    group.kick_bot()
    await off(stage, group.id, expected=True)
    mark = group.mark()
    group.add_bot()
    await off(stage, group.id, expected=False)

    back = await group.wait_for(since=mark)
    assert back.text == "I am back: 1 subscription of this group goes on. /list_subscriptions shows it."
    (subscription,) = await stage.subscriptions()
    found = await row(stage, group.id)
    assert found is not None
    assert subscription.chat_id == found.id


async def test_a_new_group_is_told_what_comes_next_once(stage: Stage, ann: Person) -> None:
    group = stage.tg.group("Rocket team", admins=[ann], with_bot=False)
    group.add_bot(admin=True)

    text = await said(group, "Hello!")

    assert text == "Hello! Someone who administers this group can follow a project here: /subscribe"
    await stage.say(ann, "/help", group)
    assert sum("Hello!" in message.text for message in group.messages()) == 1, "its promotion is no second arrival"


async def test_a_stranger_who_adds_the_bot_is_not_greeted(tmp_path: Path) -> None:
    async with staged(tmp_path, access=AccessRule("list", allowed_ids=frozenset({1})), greets=True) as stage:
        group = stage.tg.group("Strangers", admins=[stage.tg.person("dora")], with_bot=False)
        group.add_bot()
        await stage.say(stage.tg.person("carl"), "/start")  # by then the update before it is handled, too

        assert [message for message in group.messages() if message.from_bot] == []
        assert await row(stage, group.id) is None


async def test_who_blocks_the_bot_is_left_alone_until_they_unblock_it(stage: Stage, ann: Person) -> None:
    await stage.subscribe(ann)
    ann.block()
    await off(stage, ann.id, expected=True)
    ann.unblock()
    await off(stage, ann.id, expected=False)


async def test_group_becomes_supergroup(stage: Stage, ann: Person) -> None:
    group = await group_of(stage, ann)
    await stage.subscribe(ann, in_=group)
    old = group.id
    before = await row(stage, old)
    assert before is not None
    async with stage.database.write() as session:
        before = await users.get_chat(session, before.id)
        before.language = "ru"

    group.migrate()

    async def done() -> bool:
        return await row(stage, group.id) is not None

    await until(done)
    moved = await row(stage, group.id)
    assert moved is not None
    assert (moved.id, moved.type, moved.language, moved.off_at) == (before.id, "supergroup", "ru", None)
    assert await row(stage, old) is None
    status = await stage.say(ann, "/status", group)
    assert "acme/rocket" in status.text
    assert sum(message.from_bot for message in group.messages()) == 3, "moving is nothing to talk about"


async def test_a_supergroup_that_somebody_spoke_in_first_takes_over(stage: Stage, ann: Person) -> None:
    group = await group_of(stage, ann)
    await stage.subscribe(ann, in_=group)
    (subscription,) = await stage.subscriptions()
    old = await row(stage, group.id)
    assert old is not None
    async with stage.database.write() as session:
        await users.ensure_chat(session, -100_999, type_="supergroup", title="Rocket team", language="en")
        (await users.get_chat(session, old.id)).language = "ru"
        await mutes.put(
            session,
            project_id=subscription.project_id,
            subject_key="issue:1",
            chat_id=old.id,
            topic_id=0,
            now=stage.deps.clock(),
        )
        await users.migrate(session, old.id, -100_999)

    new = await row(stage, -100_999)
    assert new is not None
    assert new.language == "ru"
    assert [found.chat_id for found in await stage.subscriptions()] == [new.id]
    async with stage.database.read() as session:
        places = await mutes.places(session, project_id=subscription.project_id, subject_keys=["issue:1"])
    assert places == {(new.id, 0)}


async def test_what_both_groups_followed_is_followed_once(stage: Stage, ann: Person) -> None:
    """A subscription left in a group that is no more could be ended by nobody, and its webhook would stay for good."""
    group = await group_of(stage, ann)
    await stage.subscribe(ann, in_=group)
    (old,) = await stage.subscriptions()
    async with stage.database.write() as session:
        new = await users.ensure_chat(session, -100_999, type_="supergroup", title="Rocket team", language="en")
        await subscriptions.put(
            session,
            project_id=old.project_id,
            chat_id=new.id,
            topic_id=0,
            owner_id=old.owner_id,
            account_id=old.account_id or 0,
            scope="all",
            events=["wiki.created"],
            now=stage.deps.clock(),
        )
        await users.migrate(session, old.chat_id, -100_999)
    (left,) = await stage.subscriptions()
    assert left.chat_id == new.id
    assert left.events == sorted({*old.events, "wiki.created"})


async def test_two_subscriptions_to_one_project_become_one_where_the_topic_goes(stage: Stage, ann: Person) -> None:
    group = await group_of(stage, ann, forum=True)
    topic = group.topic("Builds")
    await stage.subscribe(ann, in_=group.general)
    await stage.subscribe(ann, in_=topic)
    first, second = await stage.subscriptions()
    async with stage.database.write() as session:
        session.add_all([first, second])
        first.events, second.events = ["issue.opened"], ["pull_request.opened"]
    async with stage.database.write() as session:
        await chats.left_topic(session, second.chat_id, second.topic_id, for_good=True, now=stage.deps.clock())

    (left,) = await stage.subscriptions()
    assert (left.topic_id, left.events) == (0, ["issue.opened", "pull_request.opened"])
    async with stage.database.read() as session:
        assert await messages.counts(session) == {}
