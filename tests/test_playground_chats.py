"""The chat view over HTTP: what people see of the bot's messages, and what they do to it and to each other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiogram.types import (
    BotCommand,
    BotCommandScopeChat,
    CallbackQuery,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReactionTypeEmoji,
    ReplyParameters,
)

from src.demo.playground import chats
from tests.chat_stage import Json, View, viewed
from tests.emulated_bot import keys


@pytest.fixture
async def view(tmp_path: Path) -> AsyncIterator[View]:
    async with viewed(tmp_path) as made:
        yield made


async def next_press(view: View) -> CallbackQuery:
    """The bot hears of a press."""
    offset = None
    async with asyncio.timeout(30):
        while True:
            for update in await view.bot.get_updates(offset=offset, timeout=1):
                offset = update.update_id + 1
                if update.callback_query is not None:
                    return update.callback_query


def shown(chat: Json) -> list[str]:
    """What stands there, without service messages."""
    return [message["text"] for message in chat["messages"] if not message["service"]]


# -- the snapshot ------------------------------------------------------------------------------


async def test_everybody_sees_the_chats_that_they_are_in(view: View) -> None:
    keys_of = {name: [chat["key"] for chat in (await view.snapshot(name))["chats"]] for name in ("ann", "bob", "eve")}
    group = ["bot", "general", "releases", "ci"]
    assert keys_of == {"ann": group, "bob": group, "eve": ["bot"]}
    titles = [(chat["title"], chat["group"]) for chat in (await view.snapshot("ann"))["chats"]]
    assert titles == [
        ("Git Assistant", None),
        ("General", "Rocket team"),
        ("Releases", "Rocket team"),
        ("CI", "Rocket team"),
    ]


async def test_a_chat_nobody_opened_is_not_started_and_tells_what_the_bot_does(view: View) -> None:
    await view.bot.set_my_description("I tell you things.")
    await view.bot.set_my_description("Я рассказываю.", language_code="ru")
    before = await view.chat("eve")
    assert (before["started"], before["about"], before["messages"]) == (False, "I tell you things.", [])
    await view.do("language", "eve", language="ru")
    assert (await view.chat("eve"))["about"] == "Я рассказываю."
    await view.do("send", "eve", text="/start")
    after = await view.chat("eve")
    assert (after["started"], shown(after)) == (True, ["/start"])


async def test_the_page_names_the_general_topic_in_its_language(view: View) -> None:
    chats_of = (await view.snapshot("ann", lang="ru"))["chats"]
    assert [chat["title"] for chat in chats_of] == ["Git Assistant", "Общая", "Releases", "CI"]


async def test_older_messages_come_on_demand(view: View) -> None:
    ann = view.person("ann")
    for number in range(chats.NEWEST + chats.OLDER + 5):
        await ann.send(f"{number}")
    newest = await view.chat("ann")
    assert (len(newest["messages"]), newest["more"], newest["messages"][-1]["text"]) == (200, True, "304")
    first = newest["messages"][0]["id"]
    _, older = await view.get("/api/chat/messages", **{"as": "ann", "chat": "bot", "before": str(first)})
    assert ([one["text"] for one in older["messages"]][::99], older["more"]) == (["5", "104"], True)
    first = older["messages"][0]["id"]
    _, oldest = await view.get("/api/chat/messages", **{"as": "ann", "chat": "bot", "before": str(first)})
    assert ([one["text"] for one in oldest["messages"]], oldest["more"]) == (["0", "1", "2", "3", "4"], False)


async def test_a_snapshot_and_the_lines_after_it_are_everything_once(view: View) -> None:
    await view.tell("ann", "before")
    await view.lines("message", 2)  # /start and this one
    seq = (await view.snapshot("ann"))["seq"]
    number = await view.tell("ann", "after")
    await view.bot.edit_message_text("changed", chat_id=view.person("ann").id, message_id=number)
    await view.do("delete", "ann", message=number)
    async with asyncio.timeout(30):
        while True:
            news = [line for line in view.all_lines() if line["seq"] > seq and line["kind"] == "message"]
            if news and news[-1]["message"]["deleted"]:
                break
            await asyncio.sleep(0.01)
    assert {line["message"]["id"] for line in news} == {number}
    revisions = [line["message"]["revision"] for line in news]
    assert revisions == sorted(set(revisions))
    assert "text" not in news[-1]["message"]
    assert shown(await view.chat("ann")) == ["/start", "before"]


async def test_a_private_message_is_marked_with_whose_it_is(view: View) -> None:
    await view.tell("bob", "for bob")
    await view.tell("bob", "for all", "ci")
    lines = {line["message"]["text"]: line for line in await view.lines("message", 3) if "text" in line["message"]}
    assert (lines["for bob"]["chat"], lines["for bob"]["message"]["person"]) == ("bot", "bob")
    assert (lines["for all"]["chat"], lines["for all"]["message"]["person"]) == ("ci", None)


# -- what a message looks like -----------------------------------------------------------------


async def last(view: View, name: str = "ann", key: str = "bot") -> Json:
    found: Json = (await view.chat(name, key))["messages"][-1]
    return found


async def test_a_silent_message_a_reaction_an_edit_a_pin_and_protected_content(view: View) -> None:
    number = await view.tell("ann", "quiet", "ci", disable_notification=True, protect_content=True)
    there = view.ground.group.id
    await view.bot.set_message_reaction(there, number, [ReactionTypeEmoji(emoji="👀")])
    await view.bot.pin_chat_message(there, number)
    await view.bot.edit_message_text("quieter", chat_id=there, message_id=number)
    seen = await last(view, key="ci")
    wanted = {"text": "quieter", "silent": True, "protected": True, "pinned": True, "edited": True, "reactions": ["👀"]}
    assert {name: seen[name] for name in wanted} == wanted
    assert (await view.chat("bob", "ci"))["pinned"]["id"] == number
    assert (seen["from"], seen["sender"]) == ("bot", "Git Assistant")


async def test_buttons_say_what_they_do(view: View) -> None:
    markup = keys({"Go": "go", "Docs": "https://example.org/docs"})
    copied = InlineKeyboardButton(text="Copy", copy_text=CopyTextButton(text="secret"))
    markup = InlineKeyboardMarkup(inline_keyboard=[*markup.inline_keyboard, [copied]])
    await view.tell("ann", "x", reply_markup=markup)
    assert (await last(view))["keyboard"] == [
        [
            {"text": "Go", "kind": "callback", "data": "go"},
            {"text": "Docs", "kind": "url", "url": "https://example.org/docs", "target": {"to": "outside"}},
        ],
        [{"text": "Copy", "kind": "copy", "copy": "secret"}],
    ]


async def test_a_reply_shows_what_it_answers_until_that_is_deleted(view: View) -> None:
    asked = (await view.do("send", "bob", "ci", text="does  it\nwork?"))["id"]
    await view.do("send", "ann", "ci", text="yes", reply_to=asked)
    assert (await last(view, key="ci"))["reply_to"] == {
        "id": asked, "sender": "Bob", "text": "does it work?", "deleted": False,
    }  # fmt: skip
    await view.do("delete", "bob", "ci", message=asked)
    assert (await last(view, key="ci"))["reply_to"] == {"id": asked, "sender": "", "text": "", "deleted": True}


async def test_a_quoted_reply_shows_the_quote(view: View) -> None:
    asked = (await view.do("send", "ann", text="first, second"))["id"]
    await view.tell("ann", "no", reply_parameters=ReplyParameters(message_id=asked, quote="second"))
    assert (await last(view))["reply_to"]["text"] == "second"


async def test_service_messages_say_who_did_what(view: View) -> None:
    general, releases = await view.chat("ann", "general"), await view.chat("ann", "releases")
    assert [message["service"] for message in general["messages"]] == [
        {"kind": "new_chat_members", "who": "Ann", "about": "Git Assistant"}
    ]
    assert [message["service"] for message in releases["messages"]] == [
        {"kind": "forum_topic_created", "who": "Ann", "about": "Releases"}
    ]


async def test_a_topic_of_the_bots_own_is_a_chat_like_the_others(view: View) -> None:
    made = await view.bot.create_forum_topic(view.ground.group.id, "Incidents")
    key = f"topic-{made.message_thread_id}"
    await view.bot.send_message(view.ground.group.id, "fire", message_thread_id=made.message_thread_id)
    assert shown(await view.chat("bob", key)) == ["fire"]
    assert (await view.chat("bob", key))["title"] == "Incidents"


# -- unread ------------------------------------------------------------------------------------


async def test_unread_is_counted_for_each_person_and_chat(view: View) -> None:
    loud = await view.tell("ann", "loud", "ci")
    quiet = await view.tell("ann", "quiet", "ci", disable_notification=True)
    own = (await view.do("send", "bob", "ci", text="mine"))["id"]
    unread = (await view.snapshot("eve"))["unread"]
    assert unread["ann"]["ci"] == [[loud, False], [quiet, True], [own, False]]
    assert unread["bob"]["ci"] == [[loud, False], [quiet, True]]
    assert unread["eve"] == {"bot": []}
    assert unread["ann"]["general"] == []  # what only says who came and went is nothing to read


async def test_what_was_read_stays_read_and_others_are_told(view: View) -> None:
    first, second = [await view.tell("ann", text, "ci") for text in ("one", "two")]
    await view.do("read", "bob", "ci", upto=second)
    await view.do("read", "bob", "ci", upto=first)
    after = await view.snapshot("ann")
    assert (after["unread"]["bob"]["ci"], after["read"]["bob"]["ci"]) == ([], second)
    assert len(after["unread"]["ann"]["ci"]) == 2
    (line,) = await view.lines("read", 1)
    topic = view.ground.topics["ci"].topic_id
    assert {name: line[name] for name in ("person", "chat", "topic", "upto")} == {
        "person": "bob", "chat": "ci", "topic": topic, "upto": second,
    }  # fmt: skip


async def test_an_edit_of_what_was_read_is_not_unread(view: View) -> None:
    number = await view.tell("ann", "x")
    await view.do("read", "ann", upto=number)
    await view.bot.edit_message_text("y", chat_id=view.person("ann").id, message_id=number)
    assert (await view.snapshot("ann"))["unread"]["ann"]["bot"] == []


async def test_a_deleted_message_is_not_unread(view: View) -> None:
    number = await view.tell("ann", "x")
    await view.bot.delete_message(view.person("ann").id, number)
    assert (await view.snapshot("ann"))["unread"]["ann"]["bot"] == []


# -- writing -----------------------------------------------------------------------------------


async def test_one_writes_changes_and_deletes(view: View) -> None:
    number = (await view.do("send", "bob", "ci", text=" hello \n"))["id"]
    assert shown(await view.chat("ann", "ci")) == ["hello"]
    await view.do("edit", "bob", "ci", message=number, text="hello all")
    seen = await last(view, key="ci")
    assert (seen["text"], seen["edited"], seen["from"]) == ("hello all", True, "bob")
    await view.do("delete", "bob", "ci", message=number)
    assert shown(await view.chat("ann", "ci")) == []
    heard = [update.message or update.edited_message for update in await view.bot.get_updates()]
    assert [message.text for message in heard if message and message.text] == ["hello", "hello all"]


async def test_an_edit_that_changes_nothing_is_none(view: View) -> None:
    number = (await view.do("send", "ann", text="same"))["id"]
    await view.do("edit", "ann", message=number, text="same")
    assert (await last(view))["edited"] is False


async def test_what_cannot_be_written_is_said_in_one_sentence(view: View) -> None:
    number = (await view.do("send", "ann", "ci", text="mine"))["id"]
    assert await view.refused("send", "ann", text=" \n ") == "Write something first."
    assert await view.refused("send", "ann", text="x" * 4097) == (
        "A message holds 4096 characters at most; this one has 4097."
    )
    assert await view.refused("send", "ann", text="😀" * 2049, lang="ru") == (
        "В сообщении помещается не больше 4096 символов, а здесь 4098."
    )
    assert await view.refused("send", "eve", "ci", text="hi") == "Eve is not in this chat."
    assert await view.refused("send", "dora", text="hi") == "There is nobody of this name here."
    assert await view.refused("send", "ann", text=7) == "The request is not understood."
    assert await view.refused("edit", "bob", "ci", message=number, text="not mine") == (
        "Only the writer can change a message."
    )
    assert await view.refused("delete", "bob", "ci", message=number) == "Only the writer can delete a message."
    await view.do("delete", "ann", "ci", message=number)
    for deed in ("edit", "delete"):
        assert await view.refused(deed, "ann", "ci", message=number, text="x") == "This message was deleted meanwhile."
    assert await view.refused("send", "bob", "ci", text="yes", reply_to=number) == (
        "The message that you answer was deleted meanwhile."
    )
    assert shown(await view.chat("ann", "ci")) == []


async def test_in_the_private_chat_the_bots_messages_can_be_deleted_too(view: View) -> None:
    number = await view.tell("ann", "x")
    await view.do("delete", "ann", message=number)
    assert shown(await view.chat("ann")) == ["/start"]


async def test_half_a_character_does_no_harm(view: View) -> None:
    await view.do("send", "ann", text="a\ud83d b")
    assert shown(await view.chat("ann")) == ["a\ufffd b"]
    await view.lines("message", 1)


async def test_a_closed_topic_is_for_administrators(view: View) -> None:
    view.ground.topics["ci"].close()
    assert [(await view.chat(name, "ci"))["closed"] for name in ("ann", "bob")] == [False, True]
    assert await view.refused("send", "bob", "ci", text="x") == "This topic is closed: only administrators write here."
    await view.do("send", "ann", "ci", text="x")


# -- pressing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("alert", [False, True])
async def test_a_press_shows_what_the_bot_answers(view: View, alert: bool) -> None:
    number = await view.tell("ann", "x", reply_markup=keys({"One": "1", "Two": "2"}))
    async with asyncio.TaskGroup() as tasks:
        pressed = tasks.create_task(view.do("press", "ann", message=number, row=0, column=1, text="Two"))
        query = await next_press(view)
        await query.answer("Noted", show_alert=alert).as_(view.bot)
    assert (query.data, query.from_user.first_name) == ("2", "Ann")
    assert pressed.result() == {"answered": True, "text": "Noted", "alert": alert, "url": None, "target": None}


async def test_a_press_that_is_not_answered_in_time_says_so(tmp_path: Path) -> None:
    async with viewed(tmp_path, patience=0.05) as view:
        number = await view.tell("ann", "x", reply_markup=keys({"One": "1"}))
        assert await view.do("press", "ann", message=number, row=0, column=0, text="One") == {"answered": False}


async def test_an_answer_may_open_the_bot_with_a_code(view: View) -> None:
    number = await view.tell("ann", "x", reply_markup=keys({"One": "1"}))
    async with asyncio.TaskGroup() as tasks:
        pressed = tasks.create_task(view.do("press", "ann", message=number, row=0, column=0, text="One"))
        query = await next_press(view)
        await query.answer(url="https://t.me/git_assistant_bot?start=abc").as_(view.bot)
    assert pressed.result()["target"] == {"to": "start", "code": "abc"}


async def test_a_button_that_changed_meanwhile_is_not_pressed(view: View) -> None:
    number = await view.tell("ann", "x", reply_markup=keys({"Delete": "1"}, {"Docs": "https://example.org"}))
    gone = "This button is not there any more. Look at the message again."
    for row, column, text in ((0, 0, "Keep"), (0, 1, "Delete"), (5, 0, "Delete")):
        assert await view.refused("press", "ann", message=number, row=row, column=column, text=text) == gone
    assert await view.refused("press", "ann", message=number, row=1, column=0, text="Docs") == (
        "This button sends nothing to the bot."
    )
    await view.do("delete", "ann", message=number)
    assert await view.refused("press", "ann", message=number, row=0, column=0, text="Delete") == (
        "This message was deleted meanwhile."
    )
    assert [update.callback_query for update in await view.bot.get_updates() if update.callback_query] == []


# -- the person --------------------------------------------------------------------------------


async def test_blocked_the_bot_is_refused_and_so_is_the_person(view: View) -> None:
    number = await view.tell("ann", "x", reply_markup=keys({"One": "1"}))
    await view.do("block", "ann", blocked=True)
    await view.do("block", "ann", blocked=True)  # a second time changes nothing
    assert (await view.chat("ann"))["blocked"] is True
    blocked = "The bot is blocked. Unblock it first."
    assert await view.refused("send", "ann", text="x") == blocked
    assert await view.refused("press", "ann", message=number, row=0, column=0, text="One") == blocked
    await view.do("send", "ann", "ci", text="in the group as ever")
    await view.do("block", "ann", blocked=False)
    await view.do("send", "ann", text="x")
    told = [update.my_chat_member for update in await view.bot.get_updates() if update.my_chat_member]
    assert [change.new_chat_member.status for change in told if change.chat.type == "private"] == ["kicked", "member"]
    assert await view.refused("block", "ann", blocked="yes") == "The request is not understood."


async def test_another_language_comes_with_another_menu(view: View) -> None:
    await view.bot.set_my_commands([BotCommand(command="help", description="What there is")])
    await view.bot.set_my_commands([BotCommand(command="help", description="Что есть")], language_code="ru")
    menu = {"name": "help", "description": "What there is"}
    assert (await view.chat("bob"))["commands"] == [menu]
    await view.do("language", "bob", language="ru")
    assert (await view.chat("bob"))["commands"] == [menu | {"description": "Что есть"}]
    assert (await view.snapshot("bob"))["viewer"]["language"] == "ru"
    assert (await view.chat("ann"))["commands"] == [menu]
    assert await view.refused("language", "bob", language="tlh") == "There is no such language here."


async def test_a_menu_of_ones_own_chat_is_seen_there_alone(view: View) -> None:
    await view.person("ann").send("/start")
    ann = BotCommandScopeChat(chat_id=view.person("ann").id)
    await view.bot.set_my_commands([BotCommand(command="invite", description="Let somebody in")], scope=ann)
    menus = {key: [item["name"] for item in (await view.chat("ann", key))["commands"]] for key in ("bot", "ci")}
    assert menus == {"bot": ["invite"], "ci": []}


# -- links -------------------------------------------------------------------------------------


async def test_a_link_with_startgroup_says_so_in_the_group(view: View) -> None:
    assert await view.do("group", "bob", code="abc") == {"chat": "general"}
    assert shown(await view.chat("ann", "general")) == ["/start@git_assistant_bot abc"]
    assert await view.refused("group", "eve", code="abc") == "Eve is in no group where the bot could be added."


async def test_a_link_with_startgroup_adds_the_bot_where_it_is_not(view: View) -> None:
    view.ground.group.kick_bot()
    assert await view.refused("group", "bob", code="") == "Only administrators add a bot to Rocket team."
    await view.do("group", "ann", code="")
    assert view.ground.group.has_bot
    assert shown(await view.chat("ann", "general")) == ["/start@git_assistant_bot"]
