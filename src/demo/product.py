"""The real bot and relay between the emulators: how they are set up, run, stopped and started again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL

from src.app import ROLES, run, site_of
from src.demo.forge import ForgeEmulator
from src.demo.ports import free_port
from src.demo.telegram import Limits, TelegramEmulator

if TYPE_CHECKING:
    from src.config import Settings

ROCKET, LANDER, WEBSITE, CORE = "acme/rocket", "acme/lander", "acme/website", "acme/core"
# By login, the same on both forges: they open nothing anywhere else.
TOKENS = {"ann": "demo_token_7101", "bob": "demo_token_7202", "carl": "demo_token_7303"}
CALLBACK_TTL = 15.0  # seconds in which Telegram takes the answer to a pressed button
# A moment's stutter of this machine, which a fast clock makes many times as long, is not to be taken for a flood.
FAST_LIMITS = Limits(chat_burst=10, group_burst=25)


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


class FastClock:
    """Unix time that runs `pace` times as fast from now on."""

    def __init__(self, pace: float) -> None:
        self._began, self._start, self._pace = time.time(), time.monotonic(), pace

    def __call__(self) -> float:
        """Seconds."""
        return self._began + (time.monotonic() - self._start) * self._pace


class Product:
    """What is demonstrated, with all of its parts in this process. `run` owns it; the rest may be called meanwhile.

    Attributes:
        relay: the address that the forges send to, the same after each start.
        database_url: where it keeps what it knows.
    """

    def __init__(
        self,
        settings: "Callable[..., Settings]",
        *,
        tg: TelegramEmulator,
        github: ForgeEmulator,
        gitlab: ForgeEmulator,
        folder: Path,
        access: str,
        pace: float,
    ) -> None:
        """`settings` builds the settings from these values alone; `pace`: how fast Telegram's limits run."""
        port = free_port()
        self.relay = f"http://127.0.0.1:{port}"
        self.database_url = URL.create("sqlite+aiosqlite", database=str(folder / "demo.db")).render_as_string()
        self._settings = settings(
            telegram_bot_token=tg.token, telegram_api_url=tg.url, access=access, public_url=self.relay,
            host="127.0.0.1", port=port, github_api_url=github.url, gitlab_url=gitlab.url,
            database_url=self.database_url,
        )  # fmt: skip
        self._pace = pace
        self._stop, self._ready = asyncio.Event(), asyncio.Event()
        self._ends = False
        self._restarting = asyncio.Lock()

    async def run(self) -> None:
        """From the first start until `stop`, with each `restart` between. Signals are for the caller to hear.

        Raises what a part of the product fails with.
        """
        while not self._ends:
            self._stop.clear()
            site = replace(site_of(self._settings), pace=self._pace)
            await run(self._settings, ROLES, ready=self._listening, site=site, stop=self._stop, signals=False)

    def _listening(self, _port: int) -> None:
        self._ready.set()

    async def ready(self) -> None:
        """Wait until the relay listens."""
        await self._ready.wait()

    async def restart(self) -> None:
        """Let it finish what has begun, and start it again on the same database; returns when the relay listens."""
        async with self._restarting:
            await self._ready.wait()
            self._ready = asyncio.Event()
            self._stop.set()
            await self._ready.wait()

    def stop(self) -> None:
        """Let it finish what has begun, and end."""
        self._ends = True
        self._stop.set()
