"""Which of the bot's menus somebody sees, and what the emulator tells a page about chats."""

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatAdministrators,
    BotCommandScopeChatMember,
    BotCommandScopeDefault,
    BotCommandScopeUnion,
)

from src.demo.telegram import Chat, Group, Person, TelegramEmulator
from tests.emulated_bot import bot_on


@pytest.fixture
async def tg() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator(limits=None) as emulator:
        yield emulator


@pytest.fixture
async def bot(tg: TelegramEmulator) -> AsyncIterator[Bot]:
    async with bot_on(tg) as client:
        yield client


@pytest.fixture
def ann(tg: TelegramEmulator) -> Person:
    return tg.person("Ann", started=True)


@pytest.fixture
def bob(tg: TelegramEmulator) -> Person:
    return tg.person("Bob", language="ru", started=True)


@pytest.fixture
def group(tg: TelegramEmulator, ann: Person, bob: Person) -> Group:
    return tg.group("Team", admins=[ann], members=[bob], forum=True, bot_admin=True)


async def offer(bot: Bot, name: str, scope: BotCommandScopeUnion, language: str | None = None) -> None:
    """A menu whose only command bears its scope's name."""
    await bot.set_my_commands([BotCommand(command=name, description=name)], scope=scope, language_code=language)


def menu(person: Person, in_: Chat | None = None) -> list[str]:
    return [command.name for command in person.commands(in_)]


async def test_in_a_private_chat_the_narrowest_scope_wins(bot: Bot, ann: Person, bob: Person) -> None:
    assert menu(ann) == []
    await offer(bot, "default", BotCommandScopeDefault())
    await offer(bot, "groups", BotCommandScopeAllGroupChats())
    assert menu(ann) == ["default"]
    await offer(bot, "private", BotCommandScopeAllPrivateChats())
    assert menu(ann) == ["private"]
    await offer(bot, "mine", BotCommandScopeChat(chat_id=ann.id))
    assert (menu(ann), menu(bob)) == (["mine"], ["private"])


async def test_in_a_group_the_narrowest_scope_wins(bot: Bot, ann: Person, bob: Person, group: Group) -> None:
    await offer(bot, "default", BotCommandScopeDefault())
    await offer(bot, "private", BotCommandScopeAllPrivateChats())
    assert (menu(ann, group), menu(bob, group)) == (["default"], ["default"])
    await offer(bot, "groups", BotCommandScopeAllGroupChats())
    await offer(bot, "admins", BotCommandScopeAllChatAdministrators())
    assert (menu(ann, group), menu(bob, group)) == (["admins"], ["groups"])
    await offer(bot, "here", BotCommandScopeChat(chat_id=group.id))
    assert (menu(ann, group), menu(bob, group)) == (["here"], ["here"])
    await offer(bot, "admins_here", BotCommandScopeChatAdministrators(chat_id=group.id))
    assert (menu(ann, group), menu(bob, group)) == (["admins_here"], ["here"])
    await offer(bot, "bob", BotCommandScopeChatMember(chat_id=group.id, user_id=bob.id))
    assert (menu(ann, group), menu(bob, group)) == (["admins_here"], ["bob"])


async def test_within_a_scope_the_readers_language_wins_but_not_over_a_narrower_scope(bot: Bot, bob: Person) -> None:
    await offer(bot, "private", BotCommandScopeAllPrivateChats())
    await offer(bot, "private_ru", BotCommandScopeAllPrivateChats(), "ru")
    assert menu(bob) == ["private_ru"]
    bob.switch_language("pt-br")
    assert menu(bob) == ["private"]
    await offer(bot, "mine", BotCommandScopeChat(chat_id=bob.id))
    bob.switch_language("ru")
    assert menu(bob) == ["mine"]


@pytest.mark.parametrize("how", ["deleted", "emptied"])
async def test_a_menu_that_is_taken_away_uncovers_the_wider_one(bot: Bot, ann: Person, how: str) -> None:
    mine = BotCommandScopeChat(chat_id=ann.id)
    await offer(bot, "default", BotCommandScopeDefault())
    await offer(bot, "mine", mine)
    if how == "deleted":
        await bot.delete_my_commands(scope=mine)
    else:
        await bot.set_my_commands([], scope=mine)
    assert menu(ann) == ["default"]


async def test_a_description_is_told_in_the_readers_language(tg: TelegramEmulator, bot: Bot) -> None:
    assert tg.description("en") == ""
    await bot.set_my_description("Hello")
    await bot.set_my_description("Привет", language_code="ru")
    assert [tg.description(language) for language in ("en", "ru-RU", None)] == ["Hello", "Привет", "Hello"]


async def test_a_group_lists_its_topics_and_members(
    tg: TelegramEmulator, ann: Person, bob: Person, group: Group
) -> None:
    eve = tg.person("Eve")
    ci, gone = group.topic("CI"), group.topic("Gone")
    gone.delete()
    ci.close()
    assert [(topic.name, topic.closed) for topic in group.topics] == [("CI", True)]
    assert [person.is_member(group) for person in (ann, bob, eve)] == [True, True, False]
    assert [person.is_admin(group) for person in (ann, bob, eve)] == [True, False, False]
    assert [person.is_member(ann.private) for person in (ann, bob)] == [True, False]
    assert group.has_bot
    group.kick_bot()
    assert not group.has_bot


async def test_a_view_names_its_writer_and_what_happened(tg: TelegramEmulator, ann: Person, bob: Person) -> None:
    group = tg.group("Team", members=[ann])
    group.add(bob)
    group.remove(bob)
    sent = await ann.send("hello")
    assert (sent.sender_id, sent.happened, sent.protected) == (ann.id, None, False)
    assert [(message.happened, message.about) for message in group.messages()] == [
        ("new_chat_members", "Git Assistant"),
        ("new_chat_members", "Bob"),
        ("left_chat_member", "Bob"),
    ]


async def test_a_message_is_found_by_its_number(tg: TelegramEmulator, ann: Person) -> None:
    sent = await ann.send("hello")
    assert tg.message(ann.id, sent.id) == sent
    await ann.delete(sent)
    found = tg.message(ann.id, sent.id)
    assert found is not None
    assert found.deleted
    assert tg.message(ann.id, 999) is None
    assert tg.message(999, 1) is None
    assert tg.bot.username == "git_assistant_bot"
