"""A real aiogram bot that talks to the Telegram emulator, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from aiohttp import ClientSession

from src.demo.telegram import TelegramEmulator


class LoopbackSession(AiohttpSession):
    """Closes at once: loopback has no TLS connections to wait for."""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@asynccontextmanager
async def bot_on(tg: TelegramEmulator, token: str | None = None) -> AsyncIterator[Bot]:
    """The bot of the emulator, or one with another token."""
    bot = Bot(token or tg.token, session=LoopbackSession(api=TelegramAPIServer.from_base(tg.url)))
    try:
        yield bot
    finally:
        await bot.session.close()


def keys(*rows: dict[str, str]) -> InlineKeyboardMarkup:
    """Rows of label -> callback data, or address where it begins with http or tg."""
    return InlineKeyboardMarkup(inline_keyboard=[[_key(*item) for item in row.items()] for row in rows])


def _key(text: str, target: str) -> InlineKeyboardButton:
    if target.startswith(("http", "tg:")):
        return InlineKeyboardButton(text=text, url=target)
    return InlineKeyboardButton(text=text, callback_data=target)


async def post(tg: TelegramEmulator, path: str, **kwargs: object) -> tuple[int, dict[str, object]]:
    async with ClientSession() as session, session.post(tg.url + path, **kwargs) as response:  # type: ignore[arg-type]  # passed through as given
        return response.status, await response.json()
