"""A subscription that is there already: edited, never doubled; from `/subscribe` and from the list."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import StorageKey
from aiogram.fsm.storage.memory import MemoryStorage

from src.bot.bot import create_bot
from src.bot.deps import Scene, Visit
from src.bot.subscription_events import edit_subscription
from src.database.models import Subscription
from src.database.repositories import users
from src.demo.telegram import Chat, Person
from src.i18n import translator
from tests.bot_stage import Stage, Unpaced, labels, polling, staged


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person, "github")
    return person


async def test_an_existing_subscription_is_edited_and_the_summary_shows_what_will_change(
    stage: Stage, ann: Person
) -> None:
    await stage.subscribe(ann)
    (first,) = await stage.subscriptions()
    events = await stage.to_events(ann)
    assert "followed here already. Change what I tell" in events.text
    await stage.step(ann, "Wiki")
    await stage.step(ann, "All")
    await stage.step(ann, "Back")
    await stage.step(ann, "Issues")
    await stage.step(ann, "None")
    await stage.step(ann, "Back")
    await stage.step(ann, "Releases")
    await stage.step(ann, "Release published")
    await stage.step(ann, "Back")
    await stage.step(ann, "Only what concerns me")
    summary = await stage.step(ann, "Continue")
    _, _, changes = summary.text.partition("This changes:\n")
    assert changes.splitlines() == [
        "everything, no longer only what concerns you",
        "+ Wiki",
        "− Issues",
        "− Release published",
    ]
    assert "your choice is stored" in (await stage.step(ann, "Confirm")).text
    (second,) = await stage.subscriptions()
    assert (second.id, second.created_at, second.scope) == (first.id, first.created_at, "all")


async def test_nothing_changes_is_said(stage: Stage, ann: Person) -> None:
    first = await stage.to_summary(ann)
    assert "changes" not in first.text
    await stage.step(ann, "Confirm")
    assert "Nothing changes." in (await stage.to_summary(ann)).text


async def test_a_pause_and_levels_outlive_editing(stage: Stage, ann: Person) -> None:
    await stage.subscribe(ann)
    (before,) = await stage.subscriptions()
    async with stage.database.write() as session:
        found = await session.get_one(Subscription, before.id)
        found.levels = {"comments": "silent"}
    await stage.subscribe(ann)
    (after,) = await stage.subscriptions()
    assert after.levels == {"comments": "silent"}


class Editing:
    """What `/list_subscriptions` does when somebody presses Edit."""

    def __init__(self, stage: Stage, storage: MemoryStorage) -> None:
        self.stage = stage
        self.storage = storage

    async def begin(self, person: Person, chat: Chat, topic_id: int | None, subscription_id: int) -> bool:
        """On the newest message of the bot in this chat, which was sent by `person`'s last command."""
        stage, private = self.stage, chat.id == person.id
        bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
        async with stage.database.write() as session:
            user = await users.ensure_user(session, person.id, name=person.name, language="en", now=stage.deps.clock())
            kind = "private" if private else "supergroup"
            place = await users.ensure_chat(session, chat.id, type_=kind, title=chat.title, language="en")
        visit = Visit(
            user_id=user.id,
            chat_id=place.id,
            telegram_user_id=person.id,
            telegram_chat_id=chat.id,
            topic_id=topic_id,
            private=private,
            name=person.name,
        )
        key = StorageKey(bot_id=bot.id, chat_id=chat.id, user_id=person.id, thread_id=topic_id)
        scene = Scene(bot, stage.deps, visit, FSMContext(self.storage, key), translator("en"))
        shown = next(m for m in reversed(chat.messages()) if m.from_bot)
        try:
            return await edit_subscription(scene, shown.id, subscription_id)
        finally:
            await bot.session.close()


@pytest.fixture
async def editing(tmp_path: Path) -> AsyncIterator[Editing]:
    storage = MemoryStorage()
    async with staged(tmp_path, polled=False) as stage, polling(stage.tg, stage.deps, storage):
        yield Editing(stage, storage)


async def test_editing_from_the_list_turns_its_message_into_the_events(editing: Editing) -> None:
    stage = editing.stage
    ann = stage.tg.person("ann")
    await stage.give_token(ann)
    await stage.subscribe(ann)
    (before,) = await stage.subscriptions()
    listed = await stage.say(ann, "/status")
    assert await editing.begin(ann, ann.private, None, before.id)
    shown = ann.private.current(listed)
    assert "followed here already. Change what I tell" in shown.text
    assert "Cancel" in labels(shown)
    assert "‹ Back" not in labels(shown)  # there is no step before
    await stage.step(ann, "Wiki")
    await stage.step(ann, "All")
    await stage.step(ann, "Back")
    assert "+ Wiki" in (await stage.step(ann, "Continue")).text
    assert "Change what I tell" in (await stage.step(ann, "Back")).text
    await stage.step(ann, "Continue")
    said = await stage.step(ann, "Confirm")
    assert (said.id, "your choice is stored" in said.text) == (listed.id, True)
    (after,) = await stage.subscriptions()
    assert after.id == before.id
    assert "wiki.created" in after.events


async def test_editing_from_the_list_ends_with_cancel(editing: Editing) -> None:
    stage = editing.stage
    ann = stage.tg.person("ann")
    await stage.give_token(ann)
    await stage.subscribe(ann)
    (before,) = await stage.subscriptions()
    await stage.say(ann, "/status")
    assert await editing.begin(ann, ann.private, None, before.id)
    await stage.step(ann, "None")
    assert "nothing was changed" in (await stage.step(ann, "Cancel")).text
    (after,) = await stage.subscriptions()
    assert after.events == before.events


async def test_a_topics_subscription_is_edited_from_the_general_topic_where_it_is(editing: Editing) -> None:
    stage = editing.stage
    ann = stage.tg.person("ann")
    await stage.give_token(ann)
    group = stage.tg.group("Rocket team", admins=[ann], forum=True)
    topic = group.topic("Builds")
    await stage.subscribe(ann, in_=topic)
    (before,) = await stage.subscriptions()
    await stage.say(ann, "/status", group.general)
    assert await editing.begin(ann, group.general, None, before.id)
    await stage.step(ann, "Continue", group.general)
    await stage.step(ann, "Confirm", group.general)
    assert [(s.id, s.topic_id) for s in await stage.subscriptions()] == [(before.id, topic.topic_id)]


async def test_only_who_has_an_account_of_their_own_edits_and_becomes_the_sponsor(editing: Editing) -> None:
    stage = editing.stage
    ann, bob = stage.tg.person("ann"), stage.tg.person("bob")
    await stage.give_token(ann)
    group = stage.tg.group("Rocket team", admins=[ann, bob])
    await stage.subscribe(ann, in_=group)
    (before,) = await stage.subscriptions()
    listed = await stage.say(bob, "/status", group)
    assert await editing.begin(bob, group, None, before.id)
    assert "I need a token of yours, in a private chat with me: /set_github_token" in group.current(listed).text
    (button,) = group.current(listed).buttons
    assert button.url == "https://t.me/git_assistant_bot?start=sub"
    await stage.give_token(bob)
    await stage.say(bob, "/status", group)
    assert await editing.begin(bob, group, None, before.id)
    summary = await stage.step(bob, "Continue", group)
    assert "On the account of bob: bob on GitHub.\nUntil now: ann." in summary.text
    assert "On the account of bob: bob on GitHub." in (await stage.step(bob, "Confirm", group)).text
    (after,) = await stage.subscriptions()
    assert (after.id, after.owner_id != before.owner_id) == (before.id, True)


async def test_a_subscription_of_another_chat_or_none_is_not_edited(editing: Editing) -> None:
    stage = editing.stage
    ann, eve = stage.tg.person("ann"), stage.tg.person("eve")
    await stage.give_token(ann)
    await stage.subscribe(ann)
    (subscription,) = await stage.subscriptions()
    said = await stage.say(eve, "/status")
    assert not await editing.begin(eve, eve.private, None, subscription.id)
    assert not await editing.begin(ann, ann.private, None, subscription.id + 1)
    assert eve.private.current(said).text == said.text
