"""The emulated Bot API: who may be written to, groups, topics, commands, texts about the bot, webhooks."""

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
)
from aiogram.methods import DeleteMyCommands, SetMyName, TelegramMethod
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
)

from src.demo.telegram import Person, TelegramEmulator
from tests.emulated_bot import Clock, bot_on, post


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def tg(clock: Clock) -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator(now=clock, limits=None) as emulator:
        yield emulator


@pytest.fixture
async def bot(tg: TelegramEmulator) -> AsyncIterator[Bot]:
    async with bot_on(tg) as client:
        yield client


@pytest.fixture
def ann(tg: TelegramEmulator) -> Person:
    return tg.person("Ann", username="ann", started=True)


async def test_unknown_chats_are_not_found(tg: TelegramEmulator, bot: Bot) -> None:
    for chat_id in (1, -5, "@nobody"):
        with pytest.raises(TelegramBadRequest, match="chat not found"):
            await bot.send_message(chat_id, "x")
    assert (await post(tg, f"/bot{tg.token}/sendMessage", data={"text": "x"}))[1]["description"] == (
        "Bad Request: chat_id is empty"
    )


async def test_a_bot_never_writes_first(tg: TelegramEmulator, bot: Bot) -> None:
    bob = tg.person("Bob")
    with pytest.raises(TelegramForbiddenError, match="bot can't initiate conversation with a user"):
        await bot.send_message(bob.id, "x")
    await bob.send("/start")
    assert (await bot.send_message(bob.id, "x")).chat.first_name == "Bob"


async def test_a_blocked_bot_may_not_write_until_it_is_unblocked(bot: Bot, ann: Person) -> None:
    ann.block()
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ann.id, "x")
    ann.unblock()
    await bot.send_message(ann.id, "x")


async def test_a_kicked_bot_may_not_write(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    for supergroup, kind in ((False, "group"), (True, "supergroup")):
        group = tg.group("Team", members=[ann], supergroup=supergroup)
        await bot.send_message(group.id, "x")
        group.kick_bot()
        with pytest.raises(TelegramForbiddenError, match=f"bot was kicked from the {kind} chat"):
            await bot.send_message(group.id, "x")
        group.add_bot()
        await bot.send_message(group.id, "x")


async def test_a_group_without_the_bot_is_closed(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    group = tg.group("Team", members=[ann], with_bot=False)
    with pytest.raises(TelegramForbiddenError, match="bot is not a member of the group chat"):
        await bot.send_message(group.id, "x")
    group.add_bot()
    assert await bot.leave_chat(group.id)
    with pytest.raises(TelegramForbiddenError):
        await bot.get_chat(group.id)


async def test_a_migrated_group_names_its_new_number(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    group = tg.group("Team", members=[ann])
    old = group.id
    group.migrate()
    assert str(group.id).startswith("-100")
    with pytest.raises(TelegramMigrateToChat) as caught:
        await bot.send_message(old, "x")
    assert caught.value.migrate_to_chat_id == group.id
    assert (await bot.send_message(group.id, "x")).chat.type == "supergroup"


async def test_message_numbers_are_shared_but_in_supergroups(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    team = tg.group("Team", members=[ann], supergroup=True)
    first = (await bot.send_message(ann.id, "x")).message_id
    in_team = (await bot.send_message(team.id, "x")).message_id
    assert (await bot.send_message(ann.id, "x")).message_id == first + 1
    assert (await bot.send_message(team.id, "x")).message_id == in_team + 1


async def test_chat_actions(bot: Bot, ann: Person) -> None:
    assert await bot.send_chat_action(ann.id, "typing")
    with pytest.raises(TelegramBadRequest, match="wrong parameter action in request"):
        await bot.send_chat_action(ann.id, "sleeping")
    with pytest.raises(TelegramBadRequest, match="message thread not found"):
        await bot.send_chat_action(ann.id, "typing", message_thread_id=7)


async def test_topics(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    forum = tg.group("Team", admins=[ann], forum=True)
    topic = forum.topic("CI")
    sent = await bot.send_message(forum.id, "red", message_thread_id=topic.topic_id)
    assert (sent.message_thread_id, sent.is_topic_message) == (topic.topic_id, True)
    assert topic.last.text == "red"
    assert all(message.text != "red" for message in forum.general.messages())
    for number in (1, 999):
        with pytest.raises(TelegramBadRequest, match="message thread not found"):
            await bot.send_message(forum.id, "x", message_thread_id=number)
    topic.close()
    with pytest.raises(TelegramBadRequest, match="TOPIC_CLOSED"):
        await bot.send_message(forum.id, "x", message_thread_id=topic.topic_id)
    topic.reopen()
    await bot.send_message(forum.id, "x", message_thread_id=topic.topic_id)
    topic.delete()
    with pytest.raises(TelegramBadRequest, match="message thread not found"):
        await bot.send_message(forum.id, "x", message_thread_id=topic.topic_id)


async def test_making_topics_takes_a_forum_and_rights(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    plain, forum = tg.group("Plain", members=[ann], supergroup=True), tg.group("Forum", members=[ann], forum=True)
    for group, name, error in (
        (plain, "CI", "the chat is not a forum"),
        (forum, "CI", "not enough rights to create a topic"),
    ):
        with pytest.raises(TelegramBadRequest, match=error):
            await bot.create_forum_topic(group.id, name)
    forum.promote_bot()
    topic = await bot.create_forum_topic(forum.id, "CI")
    await bot.send_message(forum.id, "x", message_thread_id=topic.message_thread_id)
    assert forum.topic_of(topic.message_thread_id).last.text == "x"
    for name, error in ((" ", "TOPIC_TITLE_EMPTY"), ("x" * 129, "TOPIC_TITLE_TOO_LONG")):
        with pytest.raises(TelegramBadRequest, match=error):
            await bot.create_forum_topic(forum.id, name)
    with pytest.raises(TelegramBadRequest, match="TOPIC_ICON_COLOR_INVALID"):
        await bot.create_forum_topic(forum.id, "CI", icon_color=1)


async def test_asking_about_chats(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob, carl = tg.person("Bob"), tg.person("Carl")
    group = tg.group("Team", members=[bob], admins=[ann], bot_admin=True)
    assert (await bot.get_chat(group.id)).title == "Team"
    assert (await bot.get_chat(ann.id)).username == "ann"
    found = {member.user.id: member.status for member in await bot.get_chat_administrators(group.id)}
    assert found == {ann.id: "creator", 42: "administrator"}
    statuses = [(await bot.get_chat_member(group.id, user)).status for user in (ann.id, bob.id, carl.id, 42)]
    assert statuses == ["creator", "member", "left", "administrator"]
    assert await bot.get_chat_member_count(group.id) == 3
    assert await bot.get_chat_member_count(ann.id) == 2
    assert (await bot.get_chat_member(ann.id, bob.id)).status == "left"
    for user_id, error in ((5, "PARTICIPANT_ID_INVALID"), (0, "invalid user_id specified")):
        with pytest.raises(TelegramBadRequest, match=error):
            await bot.get_chat_member(group.id, user_id)
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.get_chat(carl.id)
    with pytest.raises(TelegramBadRequest, match="there are no administrators in the private chat"):
        await bot.get_chat_administrators(ann.id)


async def test_commands_by_scope_and_language(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    start, hilfe = BotCommand(command="start", description="Begin"), BotCommand(command="help", description="Hilfe")
    await bot.set_my_commands([start])
    await bot.set_my_commands([hilfe], scope=BotCommandScopeChat(chat_id=ann.id), language_code="de")
    assert [command.command for command in await bot.get_my_commands()] == ["start"]
    german = await bot.get_my_commands(scope=BotCommandScopeChat(chat_id=ann.id), language_code="de")
    assert [command.description for command in german] == ["Hilfe"]
    assert await bot.get_my_commands(scope=BotCommandScopeAllGroupChats()) == []
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == []
    await bot.set_my_commands([BotCommand(command=" /start ", description=" Begin ")])
    assert [(kept.command, kept.description) for kept in await bot.get_my_commands()] == [("start", "Begin")]
    assert (await post(tg, f"/bot{tg.token}/setMyCommands"))[0] == 200
    assert await bot.get_my_commands() == []


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ({"commands": '[{"command": "Start", "description": "x"}]'}, "BOT_COMMAND_INVALID"),
        ({"commands": '[{"command": " /", "description": "x"}]'}, "command must be non-empty"),
        ({"commands": '[{"command": "%s", "description": "x"}]' % ("a" * 33)}, "command length must not exceed 32"),
        ({"commands": '[{"command": "start", "description": " "}]'}, "command description must be non-empty"),
        ({"commands": '[{"command": "start", "description": "%s"}]' % ("x" * 257)},
         "command description length must not exceed 256"),
        ({"commands": '[{"command": "start"}]'}, "can't parse BotCommand: Can't find field \"description\""),
        ({"commands": "[" + ",".join(['{"command": "a", "description": "x"}'] * 101) + "]"}, "BOT_COMMANDS_TOO_MUCH"),
        ({"commands": "[]", "language_code": "english"}, "invalid language code specified"),
        ({"commands": "[]", "scope": '{"type": "galaxy"}'}, "can't parse BotCommandScope: Unsupported type specified"),
        ({"commands": "[]", "scope": '{"type": "chat"}'}, "can't parse BotCommandScope: Can't find field \"chat_id\""),
        ({"commands": "{}"}, "expected an Array of BotCommand"),
        ({"commands": "[1]"}, "can't parse BotCommand: expected an Object"),
        ({"commands": "[]", "scope": "[]"}, "can't parse BotCommandScope: BotCommandScope must be an Object"),
        ({"commands": "nonsense"}, "can't parse commands JSON object"),
    ],
)  # fmt: skip
async def test_commands_that_telegram_refuses(tg: TelegramEmulator, method: dict[str, str], error: str) -> None:
    status, body = await post(tg, f"/bot{tg.token}/setMyCommands", data=method)
    assert (status, body["description"]) == (400, f"Bad Request: {error}")


async def test_texts_about_the_bot(bot: Bot) -> None:
    await bot.set_my_description("Tells you", language_code="en")
    await bot.set_my_short_description("Git in chat")
    assert (await bot.get_my_description(language_code="en")).description == "Tells you"
    assert (await bot.get_my_description(language_code="ru")).description == ""
    assert (await bot.get_my_short_description(language_code="ru")).short_description == "Git in chat"
    assert (await bot.get_my_name()).name == "Git Assistant"
    too_long: list[TelegramMethod[bool]] = [SetMyName(name="x" * 65), DeleteMyCommands(language_code="xyz")]
    for method in too_long:
        with pytest.raises(TelegramBadRequest):
            await bot(method)


async def test_logging_out_and_closing(bot: Bot) -> None:
    assert await bot.log_out()
    assert await bot.close()


async def test_webhooks_and_polling_exclude_each_other(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    await ann.send("before")
    assert await bot.set_webhook("https://bot.example.com/hook", secret_token="s3cret", allowed_updates=["message"])
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count, info.allowed_updates) == (
        "https://bot.example.com/hook",
        1,
        ["message"],
    )
    with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    assert await bot.delete_webhook()
    assert [update.message and update.message.text for update in await bot.get_updates()] == ["before"]
    assert await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == []
    await bot.set_webhook("https://bot.example.com/hook")
    assert await bot.set_webhook("")
    assert (await bot.get_webhook_info()).url == ""


async def test_webhooks_that_telegram_refuses(bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="secret token is too long"):
        await bot.set_webhook("https://bot.example.com/hook", secret_token="x" * 257)
    with pytest.raises(TelegramBadRequest, match="bad webhook: An HTTPS URL must be provided for webhook"):
        await bot.set_webhook("http://bot.example.com/hook")
    with pytest.raises(TelegramBadRequest, match="secret token contains unallowed characters"):
        await bot.set_webhook("https://bot.example.com/hook", secret_token="a b")
