"""People, groups and topics of the emulator, driven against a bot with a real dispatcher."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.filters import Command
from aiogram.types import CallbackQuery, ChatMemberUpdated, CopyTextButton, InlineKeyboardButton, Message

from src.demo.telegram import Answer, Entity, Person, TelegramEmulator
from tests.emulated_bot import bot_on, keys


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
    return tg.person("Ann", username="ann", language="de")


async def start(message: Message) -> None:
    await message.answer("Which one?", reply_markup=keys({"✅ One": "1", "Two": "2"}, {"Docs": "https://example.com"}))


async def chosen(query: CallbackQuery) -> None:
    assert isinstance(query.message, Message)
    await query.message.edit_text(f"{query.from_user.first_name} chose {query.data}")
    await query.answer("Noted", show_alert=query.data == "2")


async def echo(message: Message) -> None:
    replied = message.reply_to_message.text if message.reply_to_message else None
    await message.reply(f"{message.text} ({replied})")


async def edited(message: Message) -> None:
    await message.answer(f"now {message.text}")


async def joined(update: ChatMemberUpdated) -> None:
    if update.new_chat_member.status == "member" and update.chat.type != "private":
        assert update.bot is not None
        await update.bot.send_message(update.chat.id, f"was {update.old_chat_member.status}")


@asynccontextmanager
async def listening(bot: Bot) -> AsyncIterator[None]:
    """The handlers above, polling."""
    dispatcher = Dispatcher()
    dispatcher.message.register(start, Command("start"))
    dispatcher.callback_query.register(chosen, F.data)
    dispatcher.message.register(echo, F.text)
    dispatcher.edited_message.register(edited)
    dispatcher.my_chat_member.register(joined)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False))
        yield
        await dispatcher.stop_polling()


async def test_a_person_starts_presses_and_reads(bot: Bot, ann: Person) -> None:
    async with listening(bot):
        await ann.send("/start")
        asked = await ann.private.wait_for(lambda message: message.text == "Which one?")
        assert [[button.text for button in row] for row in asked.keyboard] == [["✅ One", "Two"], ["Docs"]]
        assert await ann.press("One") == Answer("Noted", show_alert=False)
        now = await ann.private.wait_for(lambda message: message.edited)
        assert (now.id, now.text, now.keyboard) == (asked.id, "Ann chose 1", ())
        assert ann.private.current(asked) == now


async def test_buttons_by_label_place_and_data(bot: Bot, ann: Person) -> None:
    async with listening(bot):
        for arguments in ({"button": "Two"}, {"button": (0, 1)}, {"data": "2"}):
            await ann.send("/start")
            await ann.private.wait_for(lambda message: bool(message.keyboard))
            assert await ann.press(**arguments) == Answer("Noted", show_alert=True)


async def test_an_old_keyboard_stays_pressable(bot: Bot, ann: Person) -> None:
    async with listening(bot):
        await ann.send("/start")
        asked = await ann.private.wait_for(lambda message: bool(message.keyboard))
        await ann.press("Two")
        await ann.press("One", on=asked)
        assert ann.private.last.text == "Ann chose 1"


async def test_an_address_button_opens_and_the_bot_hears_nothing(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    ann = tg.person("Ann", started=True)
    await bot.send_message(ann.id, "x", reply_markup=keys({"Docs": "https://example.com"}))
    assert await ann.press("Docs") == Answer(url="https://example.com/")
    assert await bot.get_updates() == []


async def test_buttons_that_are_not_there(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    with pytest.raises(LookupError, match="no message with buttons"):
        await ann.press("One")
    await ann.send("hello")
    markup = keys({"One": "1", "One more": "2"}, {"One less": "3"})
    markup.inline_keyboard.append([InlineKeyboardButton(text="Copy", copy_text=CopyTextButton(text="secret"))])
    sent = await bot.send_message(ann.id, "x", reply_markup=markup)
    with pytest.raises(LookupError, match="the button 'Copy' sends nothing to the bot"):
        await ann.press("Copy")
    for button, problem in (("Three", "0 buttons fit 'Three'"), ("One ", "2 buttons fit"), ((3, 0), "0 buttons fit")):
        with pytest.raises(LookupError, match=problem):
            await ann.press(button)
    shown = ann.private.last
    await bot.delete_message(ann.id, sent.message_id)
    with pytest.raises(LookupError, match="is deleted"):
        await ann.press("One", on=shown)


async def test_another_person_may_press_in_a_group(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob, carl = tg.person("Bob"), tg.person("Carl")
    group = tg.group("Team", members=[ann, bob])
    async with listening(bot):
        await ann.send("/start", group)
        await group.wait_for(lambda message: bool(message.keyboard))
        assert (await bob.press("One", in_=group)).text == "Noted"
        assert group.last.text == "Bob chose 1"
        with pytest.raises(ValueError, match="Carl is not a member of Team"):
            await carl.press("One", in_=group, on=group.last)


async def test_replies_and_edits_reach_the_bot(bot: Bot, ann: Person) -> None:
    async with listening(bot):
        first = await ann.send("one")
        answered = await ann.private.wait_for()
        assert (answered.text, answered.reply_to) == ("one (None)", first.id)
        await ann.reply(answered, "two")
        await ann.private.wait_for(lambda message: message.text == "two (one (None))")
        mark = ann.private.mark()
        assert (await ann.edit(first, "three")).edited
        assert (await ann.private.wait_for(since=mark)).text == "now three"


async def test_what_belongs_to_somebody_else(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob = tg.person("Bob")
    group = tg.group("Team", members=[ann, bob])
    said = await bob.send("mine", group)
    with pytest.raises(ValueError, match="message 2 is Bob's, not Ann's"):
        await ann.edit(said, "x")
    await bob.delete(said)
    assert group.last.service
    with pytest.raises(LookupError, match="message 2 is not in Ann"):
        ann.private.current(said)
    with pytest.raises(ValueError, match="is not Ann's private chat"):
        await ann.send("x", bob.private)


async def test_deleting_in_the_own_private_chat(bot: Bot, ann: Person) -> None:
    await ann.send("x")
    await bot.send_message(ann.id, "y")
    await ann.delete(ann.private.last)
    assert ann.private.last.text == "x"
    assert [message.text for message in ann.private.messages(deleted=True)] == ["x", "y"]


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097])
async def test_texts_that_a_client_does_not_send(ann: Person, text: str) -> None:
    with pytest.raises(ValueError, match="1 to 4096"):
        await ann.send(text)


async def test_blocking_is_told_and_keeps_the_person_quiet(bot: Bot, ann: Person) -> None:
    await ann.send("x")
    ann.block()
    assert ann.private.blocked
    with pytest.raises(ValueError, match="Ann has blocked the bot"):
        await ann.send("y")
    ann.unblock()
    members = [update.my_chat_member for update in (await bot.get_updates())[1:]]
    assert [(m.old_chat_member.status, m.new_chat_member.status) for m in members if m] == [
        ("member", "kicked"),
        ("kicked", "member"),
    ]


async def test_who_writes_is_told_with_language_and_commands_with_entities(bot: Bot, ann: Person) -> None:
    await ann.send("/help me", entities=[Entity("bold", 6, 2)])
    ann.switch_language("fr")
    await ann.send("again")
    first, second = [update.message for update in await bot.get_updates()]
    assert first is not None
    assert second is not None
    assert [(e.type, e.offset, e.length) for e in first.entities or []] == [("bot_command", 0, 5), ("bold", 6, 2)]
    assert first.from_user is not None
    assert (first.from_user.language_code, first.from_user.username, first.chat.type) == ("de", "ann", "private")
    assert second.from_user is not None
    assert second.from_user.language_code == "fr"
    assert ann.language == "fr"
    assert ann.private.started
    assert ann.username == "ann"


async def test_privacy_mode_hides_what_is_not_meant_for_the_bot(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    group = tg.group("Team", members=[ann])
    posted = await bot.send_message(group.id, "x")
    await bot.get_updates()
    for text in ("hello", "/a", "/b@git_assistant_bot x", "/c@other_bot"):
        await ann.send(text, group)
    await ann.reply(next(m for m in group.messages() if m.id == posted.message_id), "reply")
    assert [update.message and update.message.text for update in await bot.get_updates()][2:] == [
        "/a", "/b@git_assistant_bot x", "reply",
    ]  # fmt: skip
    group.promote_bot()
    await ann.send("all", group)
    assert [u.message.text for u in await bot.get_updates() if u.message][-1] == "all"


async def test_without_privacy_mode_the_bot_hears_everything() -> None:
    async with TelegramEmulator(reads_groups=True) as tg, bot_on(tg) as bot:
        ann = tg.person("Ann")
        await ann.send("hello", tg.group("Team", members=[ann]))
        assert [u.message.text for u in await bot.get_updates() if u.message][-1] == "hello"


async def test_joining_and_leaving_a_group(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob = tg.person("Bob")
    async with listening(bot):
        group = tg.group("Team", members=[ann])
        assert (await group.wait_for(lambda message: message.from_bot)).text == "was left"
        group.kick_bot()
        group.add_bot()
        assert (await group.wait_for(lambda message: message.text == "was kicked")).from_bot
    group.add(bob)
    assert (group.last.text, group.last.service, group.members) == ("Bob joined", True, (ann, bob))
    group.remove(bob)
    assert (group.last.text, group.members) == ("Bob left", (ann,))
    events = [update.message for update in await bot.get_updates() if update.message]
    assert [user.first_name for user in events[-2].new_chat_members or []] == ["Bob"]
    assert events[-1].left_chat_member is not None


async def test_member_changes_are_told_to_administrators_that_asked(
    tg: TelegramEmulator, bot: Bot, ann: Person
) -> None:
    group = tg.group("Team", members=[ann], bot_admin=True)
    await bot.get_updates(allowed_updates=["chat_member"])
    group.add(tg.person("Bob"))
    changed = (await bot.get_updates())[-1].chat_member
    assert changed is not None
    assert changed.new_chat_member.status == "member"
    group.demote_bot()
    group.add(tg.person("Carl"))
    assert len(await bot.get_updates(offset=-1)) == 1


async def test_a_migration_is_told_on_both_sides_and_shown_as_one_chat(
    tg: TelegramEmulator, bot: Bot, ann: Person
) -> None:
    group = tg.group("Team", members=[ann])
    old = group.id
    await ann.send("/before", group)
    assert group.migrate() is group
    await ann.send("/after", group)
    events = [update.message for update in await bot.get_updates() if update.message][-3:]
    assert [(m.chat.id, m.migrate_to_chat_id, m.migrate_from_chat_id) for m in events] == [
        (old, group.id, None),
        (group.id, None, old),
        (group.id, None, None),
    ]
    assert [m.text for m in group.messages()][1:] == ["/before", "This group became a supergroup", "/after"]
    with pytest.raises(ValueError, match="is a supergroup already"):
        group.migrate()


async def test_topics_keep_their_messages_apart(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob = tg.person("Bob")
    forum = tg.group("Team", admins=[ann], members=[bob], forum=True)
    ci, news = forum.topic("CI"), forum.topic("News")
    async with listening(bot):
        await ann.send("/start", ci)
        answer = await ci.wait_for(lambda message: bool(message.keyboard))
        assert answer.topic_id == ci.topic_id
        assert (await bob.press("Two", in_=ci)).show_alert
    assert [message.text for message in news.messages()] == ["Ann opened the topic News"]
    assert ci.title == "Team · CI"
    news.close()
    with pytest.raises(ValueError, match="the topic News is closed"):
        await bob.send("x", news)
    await ann.send("administrators may", news)
    news.reopen()
    await bob.send("x", news)
    news.delete()
    with pytest.raises(LookupError, match="nobody has written in Team · News yet"):
        _ = news.last


async def test_a_message_in_a_topic_carries_the_message_that_opened_it(
    tg: TelegramEmulator, bot: Bot, ann: Person
) -> None:
    forum = tg.group("Team", admins=[ann], forum=True)
    await ann.send("/x", forum.topic("CI"))
    message = (await bot.get_updates())[-1].message
    assert message is not None
    assert message.is_topic_message
    assert message.reply_to_message is not None
    assert message.reply_to_message.forum_topic_created is not None


async def test_an_administrator_may_write_as_the_group(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob = tg.person("Bob")
    team = tg.group("Team", members=[bob], admins=[ann], supergroup=True, bot_admin=True)
    said = await ann.send("/list", team, anonymous=True)
    told = (await bot.get_updates())[-1].message
    assert told is not None
    assert told.from_user is not None
    assert (told.from_user.username, told.from_user.is_bot) == ("GroupAnonymousBot", True)
    assert told.sender_chat is not None
    assert (told.sender_chat.id, said.sender, said.from_bot) == (team.id, "Team", False)
    for person, place in ((bob, team), (ann, ann.private), (ann, tg.group("Basic", admins=[ann]))):
        with pytest.raises(ValueError, match="may not write as"):
            await person.send("/list", place, anonymous=True)


async def test_groups_that_cannot_be(tg: TelegramEmulator, ann: Person) -> None:
    with pytest.raises(ValueError, match="somebody who makes it"):
        tg.group("Nobody")
    team = tg.group("Team", members=[ann])
    with pytest.raises(ValueError, match="is no forum"):
        team.topic("CI")
    team.remove(ann)
    with pytest.raises(LookupError, match="Team has no members"):
        team.kick_bot()
    with pytest.raises(ValueError, match="a bot token is a number"):
        TelegramEmulator("secret")


async def test_waiting_in_vain_shows_the_chat(ann: Person) -> None:
    said = await ann.send("hello?")
    with pytest.raises(TimeoutError, match=r"(?s)no message that fits after 0.01 s:.*Ann\n  hello\?"):
        await ann.private.wait_for(timeout=0.01)
    with pytest.raises(TimeoutError, match="message 1 is still there"):
        await ann.private.wait_deleted(said, timeout=0.01)


async def test_whoever_watches_hears_of_a_change(tg: TelegramEmulator, ann: Person) -> None:
    mark = ann.private.mark()
    with pytest.raises(TimeoutError):
        await tg.wait_change(mark, 0.01)
    await ann.send("x")
    assert await tg.wait_change(mark) > mark
    assert tg.people == [ann]
    assert tg.groups == []
