"""The emulated Bot API: replies, edits, deletions, keyboards, answers to presses, reactions and pins."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
)
from aiogram.types import (
    InlineKeyboardMarkup,
    ReactionTypeEmoji,
    ReplyParameters,
)

from src.demo.telegram import Answer, Entity, Person, TelegramEmulator
from tests.emulated_bot import Clock, bot_on, keys, post


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


async def test_replying_to_a_missing_message(bot: Bot, ann: Person) -> None:
    with pytest.raises(TelegramBadRequest, match="message to be replied not found"):
        await bot.send_message(ann.id, "x", reply_parameters=ReplyParameters(message_id=999))
    lenient = ReplyParameters(message_id=999, allow_sending_without_reply=True)
    assert (await bot.send_message(ann.id, "x", reply_parameters=lenient)).reply_to_message is None


async def test_a_quote_must_be_part_of_the_message(bot: Bot, ann: Person) -> None:
    asked = await ann.send("The build is red")
    quoted = await bot.send_message(
        ann.id, "Yes", reply_parameters=ReplyParameters(message_id=asked.id, quote="build is")
    )
    assert quoted.quote is not None
    with pytest.raises(TelegramBadRequest, match="QUOTE_TEXT_INVALID"):
        await bot.send_message(ann.id, "Yes", reply_parameters=ReplyParameters(message_id=asked.id, quote="green"))


@pytest.mark.parametrize(
    ("quote", "position"),
    [
        (ReplyParameters(message_id=1, quote="red"), 6),
        (ReplyParameters(message_id=1, quote="red", quote_position=20), 17),
        (ReplyParameters(message_id=1, quote="<b>build</b>", quote_parse_mode="HTML"), 11),
        (ReplyParameters(message_id=1, quote="is <b>bu</b>", quote_parse_mode="HTML"), None),
        (ReplyParameters(message_id=1, quote="build"), None),
        (ReplyParameters(message_id=1, quote="x" * 1025), None),
        (ReplyParameters(message_id=1, quote="<b>build", quote_parse_mode="HTML"), None),
    ],
)
async def test_a_quote_bears_its_place_and_its_entities(
    tg: TelegramEmulator, bot: Bot, ann: Person, quote: ReplyParameters, position: int | None
) -> None:
    build = Entity("bold", 11, 5)
    asked = await ann.send("😀 is red, build red", entities=[build])
    reply = quote.model_copy(update={"message_id": asked.id})
    if position is None:
        with pytest.raises(TelegramBadRequest, match=r"QUOTE_TEXT_INVALID|can't parse entities"):
            await bot.send_message(ann.id, "Yes", reply_parameters=reply)
        return
    quoted = (await bot.send_message(ann.id, "Yes", reply_parameters=reply)).quote
    assert quoted is not None
    assert (quoted.position, quoted.is_manual) == (position, True)
    assert bool(quoted.entities) == (quoted.text == "build")


async def test_replies_to_another_topic_are_not_faked(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    forum = tg.group("Team", members=[ann], forum=True)
    releases, ci = forum.topic("Releases"), forum.topic("CI")
    asked = ReplyParameters(message_id=(await ann.send("/list", releases)).id)
    answered = await bot.send_message(forum.id, "x", reply_parameters=asked, message_thread_id=releases.topic_id)
    assert answered.message_thread_id == releases.topic_id
    with pytest.raises(TelegramBadRequest, match="this emulator knows no replies to another topic"):
        await bot.send_message(forum.id, "x", reply_parameters=asked, message_thread_id=ci.topic_id)


async def test_replies_to_another_chat_are_not_faked(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob = tg.person("Bob", started=True)
    asked = await ann.send("hello")
    own = ReplyParameters(message_id=asked.id, chat_id=ann.id)
    assert (await bot.send_message(ann.id, "x", reply_parameters=own)).reply_to_message is not None
    with pytest.raises(TelegramBadRequest, match="this emulator knows no replies to another chat"):
        await bot.send_message(bob.id, "x", reply_parameters=own)


async def test_editing_replaces_text_and_keyboard(bot: Bot, ann: Person) -> None:
    sent = await bot.send_message(ann.id, "one", reply_markup=keys({"A": "a"}))
    edited = await bot.edit_message_text("two", chat_id=ann.id, message_id=sent.message_id)
    assert not isinstance(edited, bool)
    assert (edited.text, edited.reply_markup) == ("two", None)
    assert edited.edit_date is not None
    assert ann.private.last.edited


async def test_another_keyboard_alone_is_no_edited_message(bot: Bot, ann: Person) -> None:
    sent = await bot.send_message(ann.id, "one", reply_markup=keys({"A": "a"}))
    changed = await bot.edit_message_reply_markup(
        reply_markup=keys({"B": "b"}), chat_id=ann.id, message_id=sent.message_id
    )
    assert not isinstance(changed, bool)
    assert changed.edit_date is None
    assert (ann.private.last.edited, ann.private.last.buttons[0].text) == (False, "B")


async def test_an_edit_without_a_change_is_refused(bot: Bot, ann: Person) -> None:
    markup = keys({"A": "a"})
    sent = await bot.send_message(ann.id, "<b>one</b>", parse_mode="HTML", reply_markup=markup)
    chat, number = ann.id, sent.message_id
    same = "message is not modified: specified new message content and reply markup are exactly the same as a current"
    with pytest.raises(TelegramBadRequest, match=same):
        await bot.edit_message_text(
            " <b>one</b>\n", parse_mode="HTML", reply_markup=markup, chat_id=chat, message_id=number
        )
    with pytest.raises(TelegramBadRequest, match=same):
        await bot.edit_message_reply_markup(reply_markup=markup, chat_id=chat, message_id=number)
    await bot.edit_message_text("one", reply_markup=markup, chat_id=chat, message_id=number)
    await bot.edit_message_reply_markup(chat_id=chat, message_id=number)
    assert ann.private.last.keyboard == ()


async def test_what_cannot_be_edited(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    asked = await ann.send("mine")
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("x", chat_id=ann.id, message_id=asked.id)
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("x", chat_id=ann.id, message_id=999)
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("x", inline_message_id="AAA")
    sent = await bot.send_message(ann.id, "x")
    keyboard = '{"keyboard": [["Yes"]]}'
    form = {"chat_id": ann.id, "message_id": sent.message_id, "text": "y", "reply_markup": keyboard}
    assert (await post(tg, f"/bot{tg.token}/editMessageText", data=form))[1]["description"] == (
        "Bad Request: inline keyboard expected"
    )
    for named, error in ((f"&chat_id={ann.id}", "message to edit not found"), ("", "identifier is not specified")):
        answer = await post(tg, f"/bot{tg.token}/editMessageText?text=y{named}")
        assert error in str(answer[1]["description"])


async def test_deleting_in_a_private_chat(bot: Bot, ann: Person) -> None:
    asked = await ann.send("my secret token")
    assert await bot.delete_message(ann.id, asked.id)
    assert ann.private.messages() == []
    assert (await ann.private.wait_deleted(asked)).deleted
    with pytest.raises(TelegramBadRequest, match="message to delete not found"):
        await bot.delete_message(ann.id, asked.id)


async def test_deleting_in_a_group_takes_an_administrator(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    group = tg.group("Team", members=[ann])
    asked = await ann.send("/set_github_token x", group)
    with pytest.raises(TelegramBadRequest, match="message can't be deleted"):
        await bot.delete_message(group.id, asked.id)
    group.promote_bot()
    assert await bot.delete_message(group.id, asked.id)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"message_id": "1"}, "chat identifier is not specified"),
        ({"chat_id": "1"}, "message identifier is not specified"),
        ({"chat_id": "{ann}", "message_id": "-1"}, "message to delete not found"),
    ],
)
async def test_deleting_what_is_not_named(tg: TelegramEmulator, ann: Person, form: dict[str, str], error: str) -> None:
    named = {name: value.format(ann=ann.id) for name, value in form.items()}
    assert (await post(tg, f"/bot{tg.token}/deleteMessage", data=named))[1]["description"] == f"Bad Request: {error}"


async def test_of_many_messages_all_are_deleted_or_none(bot: Bot, ann: Person, clock: Clock) -> None:
    old = await bot.send_message(ann.id, "old")
    clock.time += 48 * 3600 + 1
    new = await bot.send_message(ann.id, "new")
    with pytest.raises(TelegramBadRequest, match="message can't be deleted for everyone"):
        await bot.delete_messages(ann.id, [new.message_id, old.message_id])
    assert [message.text for message in ann.private.messages()] == ["old", "new"]


async def test_old_messages_stay(bot: Bot, ann: Person, clock: Clock) -> None:
    sent = await bot.send_message(ann.id, "x")
    clock.time += 48 * 3600 + 1
    with pytest.raises(TelegramBadRequest, match="message can't be deleted for everyone"):
        await bot.delete_message(ann.id, sent.message_id)


async def test_deleting_many_skips_what_is_not_there(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    sent = [(await bot.send_message(ann.id, "x")).message_id for _ in range(3)]
    assert await bot.delete_messages(ann.id, [*sent[:2], 999])
    assert [message.id for message in ann.private.messages()] == sent[2:]
    for numbers, error in (
        ("[]", "are not specified"),
        (str(list(range(1, 102))), "too many"),
        ('["a"]', "must be an"),
    ):
        form = {"chat_id": ann.id, "message_ids": numbers}
        status, body = await post(tg, f"/bot{tg.token}/deleteMessages", data=form)
        assert status == 400
        assert error in str(body["description"])


@pytest.mark.parametrize(
    ("button", "error"),
    [
        ({"text": "x", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "callback_data": ""}, "Text buttons are unallowed in the inline keyboard"),
        (
            {"text": "x", "url": "http://localhost:8000/a"},
            "inline keyboard button URL 'http://localhost:8000/a' is inv",
        ),
        ({"text": "x", "url": "ftp://example.com"}, "Unsupported URL protocol"),
        ({"text": "x", "url": "javascript:alert(1)"}, "Unsupported URL protocol"),
        ({"text": "x", "url": "https://example.com", "callback_data": "a"}, "exactly one of the optional fields"),
        ({"text": " ", "callback_data": "a"}, "inline keyboard button text must be non-empty"),
    ],
)
async def test_buttons_that_telegram_refuses(bot: Bot, ann: Person, button: dict[str, str], error: str) -> None:
    markup = InlineKeyboardMarkup.model_validate({"inline_keyboard": [[button]]})
    with pytest.raises(TelegramBadRequest, match=error):
        await bot.send_message(ann.id, "x", reply_markup=markup)


async def test_the_largest_keyboard_that_is_taken(bot: Bot, ann: Person) -> None:
    rows = [{str(row * 8 + column): "d" * 64 for column in range(8)} for row in range(8)]
    sent = await bot.send_message(ann.id, "x", reply_markup=keys(*rows, {"tg": "tg://user?id=1"}))
    assert sent.reply_markup is not None
    with pytest.raises(TelegramBadRequest, match="reply markup is too long"):
        await bot.send_message(ann.id, "x", reply_markup=keys(*({str(n): "d"} for n in range(101))))
    with pytest.raises(TelegramBadRequest, match="reply markup is too long"):
        await bot.send_message(ann.id, "x", reply_markup=keys(*({"t" * 90 + str(n): "d" * 64} for n in range(60))))


async def test_callback_answers(tg: TelegramEmulator, bot: Bot, ann: Person, clock: Clock) -> None:
    await bot.send_message(ann.id, "x", reply_markup=keys({"A": "a"}))
    with pytest.raises(TimeoutError, match="did not answer the press on 'A'"):
        await ann.press("A", timeout=0.01)
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("a", ann.id)
    with pytest.raises(TelegramBadRequest, match="MESSAGE_TOO_LONG"):
        await bot.answer_callback_query(query.id, text="x" * 201)
    assert await bot.answer_callback_query(query.id, text="x" * 200)
    for query_id, later in (("1", 0.0), (query.id, 16.0)):
        clock.time += later
        with pytest.raises(
            TelegramBadRequest, match="query is too old and response timeout expired or query ID is inv"
        ):
            await bot.answer_callback_query(query_id)


async def test_reactions_and_pins(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    asked = await ann.send("thanks")
    assert await bot.set_message_reaction(ann.id, asked.id, [ReactionTypeEmoji(emoji="👍")])
    assert await bot.pin_chat_message(ann.id, asked.id)
    assert (ann.private.last.reactions, ann.private.last.pinned) == (("👍",), True)
    assert await bot.set_message_reaction(ann.id, asked.id)
    assert await bot.unpin_chat_message(ann.id)
    assert (ann.private.last.reactions, ann.private.last.pinned) == ((), False)
    for reactions, error in ((["🦖"], "REACTION_INVALID"), (["👍", "🔥"], "REACTIONS_TOO_MANY")):
        with pytest.raises(TelegramBadRequest, match=error):
            await bot.set_message_reaction(ann.id, asked.id, [ReactionTypeEmoji(emoji=emoji) for emoji in reactions])
    with pytest.raises(TelegramBadRequest, match="message to react not found"):
        await bot.set_message_reaction(ann.id, 999)
    group = tg.group("Team", members=[ann])
    posted = await bot.send_message(group.id, "x")
    with pytest.raises(TelegramBadRequest, match="not enough rights to manage pinned messages in the chat"):
        await bot.pin_chat_message(group.id, posted.message_id)


async def test_service_messages_are_neither_edited_nor_all_deleted(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    forum = tg.group("Team", members=[ann], forum=True, bot_admin=True)
    topic = await bot.create_forum_topic(forum.id, "CI")
    with pytest.raises(TelegramBadRequest, match="message can't be edited"):
        await bot.edit_message_text("x", chat_id=forum.id, message_id=topic.message_thread_id)
    with pytest.raises(TelegramBadRequest, match="message can't be deleted"):
        await bot.delete_message(forum.id, topic.message_thread_id)
    assert await bot.delete_message(forum.id, forum.messages()[0].id)


async def test_an_answer_may_open_the_bot_with_a_parameter_and_no_other_address(bot: Bot, ann: Person) -> None:
    await bot.send_message(ann.id, "x", reply_markup=keys({"A": "a"}))
    async with asyncio.TaskGroup() as tasks:
        pressing = tasks.create_task(ann.press("A"))
        query = (await bot.get_updates(timeout=5))[-1].callback_query
        assert query is not None
        others = ("x", "https://example.com/x", "https://t.me/git_assistant_bot", "https://t.me/other_bot?start=1")
        for url in others:
            with pytest.raises(TelegramBadRequest, match="URL_INVALID"):
                await bot.answer_callback_query(query.id, url=url)
        await bot.answer_callback_query(query.id, url="t.me/Git_Assistant_bot?start=x")
        await bot.answer_callback_query(query.id, text="too late to be shown")
    assert pressing.result() == Answer(url="http://t.me/Git_Assistant_bot?start=x")


@pytest.mark.parametrize(
    ("method", "form", "error"),
    [
        ("sendMessage", {"text": "x", "reply_parameters": '{"message_id": "1"}'},
         'can\'t parse reply parameters: Field "message_id" must be of type Number'),
        ("sendMessage", {"text": "x", "reply_parameters": "[1]"}, "object expected as reply parameters"),
        ("sendMessage", {"text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
        ("setMessageReaction", {"message_id": "1", "reaction": '["x"]'},
         "can't parse ReactionType: expected an Object"),
        ("setMessageReaction", {"message_id": "1", "reaction": "{}"}, "expected an Array of ReactionType"),
        ("setMessageReaction", {"message_id": "1", "reaction": "x"}, "can't parse reaction types JSON object"),
        ("setMessageReaction", {"message_id": "1", "reaction": '[{"emoji": "👍"}]'},
         "can't parse ReactionType: invalid reaction type specified"),
        ("sendMessage", {"text": "x", "reply_markup": "[1]"}, "object expected as reply markup"),
        ("getUpdates", {"allowed_updates": "[1]"}, "allowed_updates must be an Array of String"),
        ("deleteMessages", {}, "message identifiers are not specified"),
    ],
)  # fmt: skip
async def test_parameters_of_the_wrong_shape(
    tg: TelegramEmulator, ann: Person, method: str, form: dict[str, str], error: str
) -> None:
    await ann.send("hello")
    status, body = await post(tg, f"/bot{tg.token}/{method}", data={"chat_id": str(ann.id), **form})
    assert (status, body["description"]) == (400, f"Bad Request: {error}")
