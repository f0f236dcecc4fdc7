"""The emulated Bot API over HTTP, as a real aiogram bot meets it: requests, records, texts, limits."""

from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    ReplyParameters,
)
from aiohttp import ClientSession, FormData

from src.demo.telegram import Limits, Person, TelegramEmulator
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


async def test_get_me_names_the_bot(bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot, me.can_read_all_group_messages) == (42, "git_assistant_bot", True, False)


async def test_an_unknown_token_is_unauthorized(tg: TelegramEmulator) -> None:
    async with bot_on(tg, "42:another") as stranger:
        with pytest.raises(TelegramUnauthorizedError, match="Unauthorized"):
            await stranger.get_me()


async def test_a_token_of_the_wrong_shape_is_unauthorized(tg: TelegramEmulator) -> None:
    status, body = await post(tg, "/botnonsense/getMe")
    assert (status, body["error_code"]) == (401, 401)
    assert body["description"] == "Unauthorized: invalid token specified"


async def test_an_unknown_method_is_not_found(tg: TelegramEmulator) -> None:
    status, body = await post(tg, f"/bot{tg.token}/sendTelegram")
    assert (status, body) == (404, {"ok": False, "error_code": 404, "description": "Not Found: method not found"})


async def test_any_other_path_is_not_found(tg: TelegramEmulator) -> None:
    assert (await post(tg, "/"))[0] == 404


@pytest.mark.parametrize("method", ["getMe", "getme", "GETME"])
async def test_methods_ignore_case(tg: TelegramEmulator, method: str) -> None:
    assert (await post(tg, f"/bot{tg.token}/{method}"))[0] == 200


async def test_query_form_multipart_and_json_say_the_same(tg: TelegramEmulator, ann: Person) -> None:
    path, fields = f"/bot{tg.token}/sendMessage", {"chat_id": str(ann.id), "text": "Grüße"}
    multipart = FormData(default_to_multipart=True)
    for name, value in fields.items():
        multipart.add_field(name, value)
    for body in ({"params": fields}, {"data": fields}, {"data": multipart}, {"json": {**fields, "chat_id": ann.id}}):
        assert (await post(tg, path, **body))[0] == 200
    assert [call.form for call in tg.server.requests_for("sendMessage")] == [fields] * 4
    assert [message.text for message in ann.private.messages()] == ["Grüße"] * 4


async def test_a_broken_json_body_is_a_bad_request(tg: TelegramEmulator) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b"{", b"[]", b'{"text": "\xff"}'):
        assert (await post(tg, f"/bot{tg.token}/sendMessage", data=body, headers=headers))[0] == 400


async def test_a_file_is_recorded_by_its_name_only(tg: TelegramEmulator) -> None:
    form = FormData()
    form.add_field("url", "https://bot.example.com/hook")
    form.add_field("certificate", b"-----BEGIN", filename="cert.pem")
    assert (await post(tg, f"/bot{tg.token}/setWebhook", data=form))[0] == 200
    assert tg.server.calls[-1].form["certificate"] == "<file cert.pem>"


async def test_calls_are_recorded_without_the_token(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    await bot.send_message(ann.id, "Hello", disable_notification=True)
    with pytest.raises(TelegramBadRequest):
        await bot.send_message(1, "Hello")
    sent, refused = tg.server.calls
    assert sent.form == {"chat_id": str(ann.id), "text": "Hello", "disable_notification": "true"}
    assert (sent.status, sent.ok, sent.description) == (200, True, None)
    assert (refused.status, refused.ok, refused.description) == (400, False, "Bad Request: chat not found")
    assert tg.token not in repr(tg.server.calls)


async def test_a_message_arrives_as_it_was_sent(tg: TelegramEmulator, bot: Bot, ann: Person, clock: Clock) -> None:
    asked = await ann.send("How are you?")
    markup = keys({"Fine": "f", "Site": "https://example.com"})
    sent = await bot.send_message(
        ann.id,
        "Well",
        reply_parameters=ReplyParameters(message_id=asked.id),
        reply_markup=markup,
        disable_notification=True,
    )
    assert (sent.text, sent.date.timestamp(), sent.chat.id) == ("Well", clock.time, ann.id)
    assert sent.from_user is not None
    assert sent.from_user.id == 42
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "How are you?"
    seen = ann.private.last
    assert (seen.text, seen.silent, seen.reply_to, seen.from_bot) == ("Well", True, asked.id, True)
    assert [(b.text, b.data, b.url) for b in seen.buttons] == [
        ("Fine", "f", None),
        ("Site", None, "https://example.com/"),
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [("", "message text is empty"), (" \n ", "text must be non-empty"), ("x" * 4097, "message is too long")],
)
async def test_text_that_cannot_be_sent(tg: TelegramEmulator, ann: Person, text: str, error: str) -> None:
    status, body = await post(tg, f"/bot{tg.token}/sendMessage", data={"chat_id": ann.id, "text": text})
    assert (status, body["description"]) == (400, f"Bad Request: {error}")


async def test_length_is_counted_in_characters_after_parsing(bot: Bot, ann: Person) -> None:
    await bot.send_message(ann.id, "<b>" + "😀" * 4096 + "</b>", parse_mode="HTML")
    with pytest.raises(TelegramBadRequest, match="message is too long"):
        await bot.send_message(ann.id, "😀" * 4096 + "x")
    sent = await bot.send_message(ann.id, "ok")
    with pytest.raises(TelegramBadRequest, match="MESSAGE_TOO_LONG"):
        await bot.edit_message_text("x" * 4097, chat_id=ann.id, message_id=sent.message_id)


async def test_parse_modes(bot: Bot, ann: Person) -> None:
    for mode, error in (("MarkdownV2", "reads no Markdown"), ("Wiki", "unsupported parse_mode")):
        with pytest.raises(TelegramBadRequest, match=error):
            await bot.send_message(ann.id, "x", parse_mode=mode)
    with pytest.raises(TelegramBadRequest, match='can\'t parse entities: Unsupported start tag "h1" at byte offset 0'):
        await bot.send_message(ann.id, "<h1>x</h1>", parse_mode="HTML")


async def test_what_telegram_would_drop_is_told(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    sent = await bot.send_message(
        ann.id, '<a href="http://localhost/x">here</a> <b>a <code>b</code></b>', parse_mode="HTML"
    )
    assert [entity.type for entity in sent.entities or []] == ["bold", "code"]
    assert tg.server.dropped == [
        "text_link: URL 'http://localhost/x' is invalid: Wrong HTTP URL",
        "bold over code",
    ]


async def test_a_chat_gets_one_message_a_second(clock: Clock) -> None:
    async with TelegramEmulator(now=clock, limits=Limits.strict()) as tg, bot_on(tg) as bot:
        ann, bob = tg.person("Ann", started=True), tg.person("Bob", started=True)
        sent = await bot.send_message(ann.id, "1")
        await bot.send_message(bob.id, "1")
        with pytest.raises(TelegramRetryAfter) as caught:
            await bot.edit_message_text("2", chat_id=ann.id, message_id=sent.message_id)
        assert caught.value.retry_after == 1
        assert tg.server.calls[-1].status == 429
        clock.time += 1
        await bot.edit_message_text("2", chat_id=ann.id, message_id=sent.message_id)


async def test_short_bursts_pass_by_default(clock: Clock) -> None:
    async with TelegramEmulator(now=clock) as tg, bot_on(tg) as bot:
        ann = tg.person("Ann", started=True)
        for number in range(5):
            await bot.send_message(ann.id, str(number))
        with pytest.raises(TelegramRetryAfter, match="retry after 1"):
            await bot.send_message(ann.id, "6")


async def test_a_group_gets_twenty_messages_a_minute(clock: Clock) -> None:
    async with TelegramEmulator(now=clock) as tg, bot_on(tg) as bot:
        group = tg.group("Team", members=[tg.person("Ann")])
        for number in range(20):
            await bot.send_message(group.id, str(number))
        with pytest.raises(TelegramRetryAfter) as caught:
            await bot.send_message(group.id, "21")
        assert caught.value.retry_after == 3
        clock.time += 3
        await bot.send_message(group.id, "21")


async def test_thirty_messages_a_second_over_all(clock: Clock) -> None:
    async with TelegramEmulator(now=clock) as tg, bot_on(tg) as bot:
        people = [tg.person(f"Person {number}", started=True) for number in range(31)]
        for person in people[:30]:
            await bot.send_message(person.id, "x")
        with pytest.raises(TelegramRetryAfter):
            await bot.send_message(people[30].id, "x")


async def test_a_refused_message_costs_nothing(clock: Clock) -> None:
    async with TelegramEmulator(now=clock, limits=Limits.strict()) as tg, bot_on(tg) as bot:
        ann = tg.person("Ann", started=True)
        for _ in range(3):
            with pytest.raises(TelegramBadRequest):
                await bot.send_message(ann.id, "<b>", parse_mode="HTML")
        await bot.send_message(ann.id, "fine")


async def test_validation_findings_are_kept(clock: Clock) -> None:
    def validate(method: str, form: dict[str, str]) -> list[str]:
        return [f"{name}: odd" for name in form if name == "language_code"] if method == "getMyName" else []

    async with TelegramEmulator(now=clock, validate=validate) as tg, bot_on(tg) as bot:
        await bot.get_me()
        assert tg.server.violations == []
        await bot.get_my_name(language_code="en")
        assert tg.server.violations == ["getMyName: language_code: odd"]


async def test_a_closed_emulator_listens_no_more(clock: Clock) -> None:
    async with TelegramEmulator(now=clock) as tg:
        url = tg.url
        await tg.server.close()
    async with ClientSession() as session:
        with pytest.raises(OSError, match=url.removeprefix("http://")):
            await session.get(url)
