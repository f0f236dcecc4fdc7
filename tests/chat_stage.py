"""The chat view's server side over HTTP, with a bot of the test's own behind it; the product does not run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiogram import Bot
from aiohttp import ClientSession, web

from src.demo.playground import chats
from src.demo.playground.ground import Playground, grounds
from src.demo.playground.observe import watch_chats
from src.demo.playground.views import places
from src.demo.telegram import Chat, Person
from src.web.feed import Feed
from src.web.guard import ApiError
from tests.emulated_bot import bot_on
from tests.playground_stage import PACE, Alone

Json = dict[str, Any]


@dataclass(kw_only=True)
class View:
    """What a test drives and looks at."""

    ground: Playground
    bot: Bot
    http: ClientSession
    address: str

    def person(self, name: str) -> Person:
        """One of the three."""
        return self.ground.people[name]

    def place(self, name: str, chat: str = "bot") -> Chat:
        """A chat of theirs by the page's key."""
        return places(self.ground, self.person(name))[chat]

    async def tell(self, name: str, text: str, chat: str = "bot", **more: Any) -> int:
        """The bot writes HTML into a chat of somebody's; the message's number."""
        place = self.place(name, chat)
        if chat == "bot" and not self.person(name).private.started:
            await self.person(name).send("/start")
        sent = await self.bot.send_message(
            place.id, text, message_thread_id=place.topic_id, parse_mode="HTML", request_timeout=10, **more
        )
        return sent.message_id

    async def snapshot(self, name: str, **query: str) -> Json:
        """All chats of a person; they are there."""
        status, body = await self.get("/api/chats", **{"as": name}, **query)
        assert status == 200, body
        return body

    async def chat(self, name: str, key: str = "bot") -> Json:
        """One chat of the snapshot."""
        return next(chat for chat in (await self.snapshot(name))["chats"] if chat["key"] == key)

    async def get(self, path: str, **query: str) -> tuple[int, Json]:
        """What the page reads."""
        async with self.http.get(f"{self.address}{path}", params=query) as response:
            return response.status, await response.json()

    async def do(self, deed: str, name: str, chat: str = "bot", lang: str = "en", **body: object) -> Json:
        """What the page sends in somebody's name; it goes well."""
        status, answer = await self._post(deed, {"as": name, "chat": chat, **body}, lang)
        assert status == 200, answer
        return answer

    async def refused(self, deed: str, name: str, chat: str = "bot", lang: str = "en", **body: object) -> str:
        """The one sentence that the page gets instead."""
        status, answer = await self._post(deed, {"as": name, "chat": chat, **body}, lang)
        assert status == 400, answer
        return str(answer["error"])

    async def lines(self, kind: str, count: int) -> list[Json]:
        """The lines of this kind, once there are so many."""
        async with asyncio.timeout(30):
            while True:
                found = [line for line in self.all_lines() if line["kind"] == kind]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.01)

    def all_lines(self) -> list[Json]:
        """The whole feed, each line as it goes over the wire."""
        return [line.read() for line in self.ground.feed.after(0, 10_000)]

    async def _post(self, deed: str, body: Json, lang: str) -> tuple[int, Json]:
        path = f"{self.address}/api/chat/{deed}"
        async with self.http.post(path, params={"lang": lang}, json=body) as response:
            return response.status, await response.json()


@asynccontextmanager
async def viewed(folder: Path, *, patience: float = 30) -> AsyncIterator[View]:
    """The emulators, the routes and what watches the chats."""
    async with AsyncExitStack() as stack:
        feed = Feed(folder / "feed")
        feed.open()
        stack.callback(feed.close)
        ground = await stack.enter_async_context(grounds(Alone, feed=feed, folder=folder, pace=PACE))
        bot = await stack.enter_async_context(bot_on(ground.tg))
        http = await stack.enter_async_context(ClientSession())
        app = web.Application(middlewares=[_told])
        app.add_routes(chats.routes(ground, patience=patience))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(watch_chats(ground, lambda: None))
            try:
                yield View(ground=ground, bot=bot, http=http, address=f"http://127.0.0.1:{runner.addresses[0][1]}")
            finally:
                watcher.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watcher


@web.middleware
async def _told(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except ApiError as error:
        return web.json_response({"error": error.message}, status=error.status)
    return answer
