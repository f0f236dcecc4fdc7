"""The emulator answers in Telegram's shapes: all of it fits aiogram's types, with nothing that they do not know."""

import importlib
import inspect
import re
from collections.abc import AsyncIterator, Iterator

import aiogram.methods
import pytest
from aiogram import Bot
from aiogram.methods import TelegramMethod
from aiogram.types import ReplyParameters, TelegramObject
from pydantic import BaseModel

from src.demo.telegram import Limits, TelegramEmulator
from src.demo.telegram.methods import METHODS
from tests.emulated_bot import bot_on, keys


def unknown_fields(value: object, path: str = "") -> Iterator[str]:
    """Paths of fields that a model was given but does not declare."""
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from unknown_fields(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_fields(item, f"{path}[{index}]")


class Watched:
    """A bot whose every answer is looked at."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.seen: set[str] = set()

    async def __call__(self, name: str, /, **params: object) -> TelegramObject:
        method: type[TelegramMethod[TelegramObject]] = getattr(aiogram.methods, name[0].upper() + name[1:])
        answer = await self.bot(method(**params))
        assert list(unknown_fields(answer, name)) == []
        self.seen.add(name.lower())
        return answer


@pytest.fixture
async def tg() -> AsyncIterator[TelegramEmulator]:
    async with TelegramEmulator(limits=Limits()) as emulator:
        yield emulator


async def test_every_answer_fits_aiograms_types(tg: TelegramEmulator) -> None:
    ann, bob = tg.person("Ann", username="ann", started=True), tg.person("Bob")
    async with bot_on(tg) as bot:
        call = Watched(bot)
        for name in ("getMe", "getMyCommands", "getMyName", "getMyDescription", "getMyShortDescription"):
            await call(name)
        await call("setMyCommands", commands=[{"command": "start", "description": "Begin"}])
        await call("deleteMyCommands")
        for name, field in (
            ("Name", "name"),
            ("Description", "description"),
            ("ShortDescription", "short_description"),
        ):
            await call(f"setMy{name}", **{field: "x"})
        said = await ann.send("hello #bug")
        sent = await call(
            "sendMessage",
            chat_id=ann.id,
            text=f'<b>x</b> <a href="tg://user?id={bob.id}">Bob</a> <pre><code class="language-py">x</code></pre>',
            parse_mode="HTML",
            reply_markup=keys({"A": "a"}),
            reply_parameters=ReplyParameters(message_id=said.id, quote="hello"),
            link_preview_options={"is_disabled": True},
            protect_content=True,
        )
        place = {"chat_id": ann.id, "message_id": sent.model_dump()["message_id"]}
        await call("editMessageText", text="y", reply_markup=keys({"B": "b"}), **place)
        await call("editMessageReplyMarkup", **place)
        await call("setMessageReaction", reaction=[{"type": "emoji", "emoji": "👍"}], **place)
        await call("pinChatMessage", **place)
        await call("unpinChatMessage", **place)
        await call("sendChatAction", chat_id=ann.id, action="typing")
        await call("deleteMessage", **place)
        await call("deleteMessages", chat_id=ann.id, message_ids=[1])
        forum = tg.group("Team", members=[bob], admins=[ann], forum=True, bot_admin=True)
        await call("createForumTopic", chat_id=forum.id, name="CI")
        for name in ("getChat", "getChatAdministrators", "getChatMemberCount"):
            await call(name, chat_id=forum.id)
        for person in (ann.id, bob.id, 42, tg.person("Carl").id):
            await call("getChatMember", chat_id=forum.id, user_id=person)
        await call("leaveChat", chat_id=forum.id)
        await call("setWebhook", url="https://bot.example.com/hook", ip_address="127.0.0.1")
        await call("getWebhookInfo")
        await call("deleteWebhook", drop_pending_updates=True)
        await call("getUpdates")
        await call("logOut")
        await call("close")
    assert set(METHODS) - call.seen == {"answercallbackquery"}


async def test_every_update_fits_aiograms_types(tg: TelegramEmulator) -> None:
    ann, bob = tg.person("Ann", started=True), tg.person("Bob", username="bob", language=None)
    async with bot_on(tg) as bot:
        kinds = ["message", "edited_message", "callback_query", "my_chat_member", "chat_member"]
        await bot.get_updates(allowed_updates=kinds)
        said = await ann.send("/start see https://example.com @bob")
        await ann.edit(said, "x")
        await bot.send_message(ann.id, "x", reply_markup=keys({"A": "a"}))
        with pytest.raises(TimeoutError):
            await ann.press("A", timeout=0.01)
        ann.block()
        group = tg.group("Team", members=[ann], bot_admin=True)
        group.add(bob)
        group.remove(bob)
        group.migrate()
        group.kick_bot()
        forum = tg.group("Forum", admins=[ann], forum=True, bot_admin=True)
        topic = forum.topic("CI")
        await ann.send("x", topic)
        topic.close()
        topic.reopen()
        updates = await bot.get_updates()
    assert list(unknown_fields(updates)) == []
    assert {update.event_type for update in updates} == set(kinds)


def test_every_method_is_telegrams() -> None:
    known = {name.lower() for name in aiogram.methods.__all__}
    assert set(METHODS) <= known


def test_every_parameter_that_is_read_is_telegrams() -> None:
    fields = {field for name in aiogram.methods.__all__ for field in _fields(name)}
    read = {name for method in METHODS.values() for name in _read_by(method.__module__)}
    assert len(read) > 20
    assert read <= fields


def _fields(name: str) -> Iterator[str]:
    method = getattr(aiogram.methods, name)
    if isinstance(method, type) and issubclass(method, TelegramMethod):
        yield from method.model_fields


def _read_by(module: str) -> list[str]:
    source = inspect.getsource(importlib.import_module(module))
    return re.findall(r"params\.(?:text|integer|flag|json|json_object|numbers|words|has)\(\"(\w+)\"", source)
