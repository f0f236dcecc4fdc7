"""Receiving updates from the emulator, and what goes wrong on demand."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import Update
from aiohttp import web

from src.demo.telegram import FaultKind, Person, TelegramEmulator
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
    return tg.person("Ann", started=True)


def texts(updates: list[Update]) -> list[str | None]:
    return [update.message.text for update in updates if update.message]


async def test_updates_stay_until_the_next_offset_confirms_them(bot: Bot, ann: Person) -> None:
    for text in ("1", "2", "3"):
        await ann.send(text)
    assert texts(await bot.get_updates(limit=2)) == ["1", "2"]
    first = (await bot.get_updates())[0]
    assert texts(await bot.get_updates(offset=first.update_id + 1)) == ["2", "3"]
    assert texts(await bot.get_updates(offset=-1)) == ["3"]
    assert texts(await bot.get_updates()) == ["3"]


async def test_a_long_poll_ends_with_the_first_update(bot: Bot, ann: Person) -> None:
    async with asyncio.TaskGroup() as tasks:
        polling = tasks.create_task(bot.get_updates(timeout=30))
        await asyncio.sleep(0.02)
        await ann.send("now")
    assert texts(polling.result()) == ["now"]


async def test_a_long_poll_ends_empty_after_its_time(bot: Bot) -> None:
    assert await bot.get_updates(timeout=1) == []


async def test_only_what_was_asked_for_is_kept(bot: Bot, ann: Person) -> None:
    await bot.get_updates(allowed_updates=["callback_query", "nonsense"])
    await ann.send("unheard")
    assert await bot.get_updates() == []
    await bot.get_updates(allowed_updates=[])
    await ann.send("heard")
    assert texts(await bot.get_updates()) == ["heard"]


async def test_a_second_poller_ends_the_first(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    async with bot_on(tg) as twin, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_refused(bot))
        await tg.server.wait_for_call("getUpdates")
        second = tasks.create_task(twin.get_updates(timeout=30))
        assert "terminated by other getUpdates request; make sure that only one bot instance is running" in await first
        await ann.send("x")
    assert texts(second.result()) == ["x"]
    assert [call.status for call in tg.server.requests_for("getUpdates")] == [409, 200]


async def test_setting_a_webhook_ends_the_poll(tg: TelegramEmulator, bot: Bot) -> None:
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_refused(bot))
        await tg.server.wait_for_call("getUpdates")
        await bot.set_webhook("https://bot.example.com/hook")
        assert "terminated by setWebhook request" in await first


async def _refused(bot: Bot) -> str:
    with pytest.raises(TelegramConflictError) as caught:
        await bot.get_updates(timeout=30)
    return str(caught.value)


async def test_closing_ends_a_long_poll(ann: Person) -> None:
    async with TelegramEmulator() as tg, bot_on(tg) as bot, asyncio.TaskGroup() as tasks:
        polling = tasks.create_task(bot.get_updates(timeout=30))
        await tg.server.wait_for_call("getUpdates")
        await tg.server.close()
        assert await polling == []


async def test_refusals_on_demand(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    tg.server.fail_next("sendMessage", kind="429", retry_after=7)
    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.send_message(ann.id, "x")
    assert caught.value.retry_after == 7
    tg.server.fail_next(kind="500", times=2)
    for _ in range(2):
        with pytest.raises(TelegramServerError, match="Internal Server Error"):
            await bot.get_me()
    tg.server.fail_next(kind="502")
    with pytest.raises(ClientDecodeError):
        await bot.get_me()
    await bot.get_me()
    assert ann.private.messages() == []


async def test_faults_meet_only_the_calls_they_are_meant_for(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bob = tg.person("Bob", started=True)
    tg.server.fail_next("sendmessage", chat_id=bob.id)
    await bot.get_me()
    await bot.send_message(ann.id, "x")
    with pytest.raises(TelegramServerError):
        await bot.send_message(bob.id, "x")
    await bot.send_message(bob.id, "x")


@pytest.mark.parametrize(("kind", "arrived"), [("reset_before", []), ("reset_after", ["x"])])
async def test_cut_connections(
    tg: TelegramEmulator, bot: Bot, ann: Person, kind: FaultKind, arrived: list[str]
) -> None:
    tg.server.fail_next("sendMessage", kind=kind)
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(ann.id, "x")
    assert [message.text for message in ann.private.messages()] == arrived
    assert tg.server.calls[-1].status == 0


async def test_silence_ends_with_the_patience_of_the_client(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    bot.session.timeout = 0.05
    tg.server.fail_next("sendMessage", kind="timeout")
    with pytest.raises(TelegramNetworkError, match="Request timeout error"):
        await bot.send_message(ann.id, "x")
    assert ann.private.messages() == []


async def test_an_answer_waits_until_it_is_released(tg: TelegramEmulator, bot: Bot, ann: Person) -> None:
    tg.server.hold("sendMessage")
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(bot.send_message(ann.id, "x"))
        await tg.server.wait_for_held()
        assert ann.private.last.text == "x"
        assert tg.server.calls[-1].status == 0
        assert (await bot.get_me()).id == 42
        tg.server.release()
    assert sending.result().text == "x"
    assert tg.server.calls[0].status == 200


async def test_a_call_that_is_held_before_it_acts_is_lost_with_its_client(
    tg: TelegramEmulator, bot: Bot, ann: Person
) -> None:
    bot.session.timeout = 0.05
    tg.server.hold(stage="before")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(ann.id, "x")
    await tg.server.wait_for_held(0)
    tg.server.release()
    assert ann.private.messages() == []
    assert await bot.get_updates() == []


async def test_waiting_for_a_call_says_what_came_instead(tg: TelegramEmulator, bot: Bot) -> None:
    await bot.get_me()
    assert (await tg.server.wait_for_call("getMe")).method == "getMe"
    with pytest.raises(TimeoutError, match=r"1 of 2 getMe in 0.01 s; called: getMe"):
        await tg.server.wait_for_call("getMe", count=2, timeout=0.01)


class Hook:
    """A bot's webhook on loopback, which answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.updates: list[Update] = []
        self.secrets: list[str | None] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        if self.status == 200:
            self.updates.append(Update.model_validate(await request.json()))
        return web.Response(status=self.status)


@pytest.fixture
async def hook_url() -> AsyncIterator[tuple[Hook, str]]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield hook, f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await runner.cleanup()


async def test_a_webhook_on_loopback_gets_the_updates_in_order(
    tg: TelegramEmulator, bot: Bot, ann: Person, hook_url: tuple[Hook, str]
) -> None:
    hook, url = hook_url
    await ann.send("0")
    await bot.set_webhook(url, secret_token="s3cret", drop_pending_updates=True)
    for text in ("1", "2"):
        await ann.send(text)
    sent = await bot.send_message(ann.id, "x", reply_markup=keys({"A": "a"}))
    with pytest.raises(TimeoutError):
        await ann.press("A", timeout=0.01)
    ann.block()
    await tg.deliver()
    assert texts(hook.updates) == ["1", "2"]
    assert [update.event_type for update in hook.updates] == ["message", "message", "callback_query", "my_chat_member"]
    assert set(hook.secrets) == {"s3cret"}
    assert sent.message_id


async def test_a_webhook_that_fails_gets_the_update_again(
    tg: TelegramEmulator, bot: Bot, ann: Person, hook_url: tuple[Hook, str]
) -> None:
    hook, url = hook_url
    await bot.set_webhook(url)
    hook.status = 500
    await ann.send("1")
    info = await bot.get_webhook_info()
    assert (info.pending_update_count, info.last_error_message) == (1, "Wrong response from the webhook: 500")
    hook.status = 200
    await tg.deliver()
    assert texts(hook.updates) == ["1"]
    assert (await bot.get_webhook_info()).last_error_message is None


async def test_a_webhook_that_is_not_there_keeps_updates_pending(bot: Bot, ann: Person) -> None:
    await bot.set_webhook("http://127.0.0.1:9/hook", ip_address="127.0.0.1")
    await ann.send("1")
    info = await bot.get_webhook_info()
    assert (info.pending_update_count, info.last_error_message, info.ip_address) == (
        1,
        "Connection failed: ClientConnectorError",
        "127.0.0.1",
    )


async def test_webhooks_beyond_loopback_are_never_called(bot: Bot, ann: Person) -> None:
    await bot.set_webhook("https://bot.example.com/hook")
    await ann.send("1")
    info = await bot.get_webhook_info()
    assert (info.pending_update_count, info.last_error_message) == (1, None)
