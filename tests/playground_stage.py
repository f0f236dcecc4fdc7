"""The playground's right half over HTTP: the emulators, the real product, the routes of the tabs; no page is drawn."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from pydantic_settings import SettingsConfigDict

from src.config import Settings
from src.demo.playground import calls, forge_tab, happenings
from src.demo.playground.ground import Playground, grounds
from src.demo.playground.guide import FirstCode
from src.demo.playground.observe import listen
from src.demo.script.waiting import is_answer
from src.demo.telegram import Chat, Message, Person
from src.web.feed import Feed
from src.web.guard import guard

PACE = 20.0  # Telegram's limits run so much faster: nobody waits for them here
Json = dict[str, Any]


class Alone(Settings):
    """Settings from the values given alone."""

    model_config = SettingsConfigDict(env_file=None, env_prefix="GIT_ASSISTANT_TESTS_ONLY_")


@dataclass(frozen=True)
class Reply:
    """What the page got."""

    status: int
    body: Json


@dataclass(kw_only=True)
class Stage:
    """What a test drives and looks at."""

    ground: Playground
    code: FirstCode
    http: ClientSession
    address: str

    async def get(self, path: str) -> Json:
        """What the page reads; it has to be there."""
        async with self.http.get(f"{self.address}{path}") as response:
            assert response.status == 200, await response.text()
            found: Json = await response.json()
            return found

    async def post(self, path: str, **body: object) -> Reply:
        """What the page sends."""
        async with self.http.post(f"{self.address}{path}", json=body) as response:
            return Reply(response.status, await response.json())

    # People

    async def say(self, person: Person, text: str, in_: Chat | None = None) -> Message:
        """Write, and wait for what the bot says or changes then."""
        chat = in_ or person.private
        mark = chat.mark()
        await person.send(text, in_)
        return await chat.wait_for(lambda m: is_answer(m, "en"), since=mark, timeout=60)

    async def step(self, person: Person, button: str, in_: Chat | None = None) -> Message:
        """Press, and wait for what the bot says or changes then."""
        chat = in_ or person.private
        mark = chat.mark()
        await person.press(button, in_=in_, timeout=60)
        return await chat.wait_for(lambda m: is_answer(m, "en"), since=mark, timeout=60)

    async def pair(self) -> None:
        """Ann becomes the admin by the code of the log, and lets Bob in."""
        ann, bob = self.ground.people["ann"], self.ground.people["bob"]
        await self.say(ann, f"/start {self.code.code}")
        invitation = await self.say(ann, "/invite")
        found = re.search(r"start=([\w-]+)", " ".join([*invitation.links, invitation.text]))
        assert found, invitation.text
        await self.say(bob, f"/start {found[1]}")

    async def follow(self, name: str, kind: str, path: str, in_: Chat | None = None, more: str | None = None) -> None:
        """Token and `/subscribe` with the usual events, and with all of one kind more."""
        person = self.ground.people[name]
        await self.say(person, f"/set_{kind}_token {self.ground.tokens[name]}")
        await self.say(person, "/subscribe", in_)
        screen = in_ or person.private
        for label in ("GitHub" if kind == "github" else "GitLab", path):
            if any(label in button.text for button in _newest(screen).buttons):
                await self.step(person, label, in_)
        if more is not None:
            for label in (more, "All", "‹ Back"):
                await self.step(person, label, in_)
        await self.step(person, "Continue", in_)
        last = await self.step(person, "Confirm", in_)
        assert last.text.startswith("✓"), last.text

    # The tab "Send an event"

    async def send(self, name: str, forge: str = "github", **wish: object) -> Reply:
        """Press a card's button."""
        return await self.post("/api/happenings", name=name, forge=forge, **({"about": "ann"} | wish))

    async def outcome(self, name: str, forge: str = "github", **wish: object) -> tuple[list[Json], Json]:
        """Press a card's button and wait until it is known who was told: the deliveries, and what the page says."""
        made = await self.send(name, forge, **wish)
        assert made.status == 200, made
        assert not made.body["missing"], made
        seen = ""
        async with asyncio.timeout(90):
            while True:
                said = await self.get(f"/api/happenings/{made.body['number']}?lang=en&seen={seen}")
                if said["done"]:
                    return made.body["deliveries"], said
                seen = said["state"]

    def news(self, name: str, since: int) -> list[str]:
        """What the bot wrote into somebody's private chat since a mark."""
        chat = self.ground.people[name].private
        return [m.text for m in chat.messages() if m.from_bot and m.revision > since and not m.edited]


def _newest(chat: Chat) -> Message:
    return next(m for m in reversed(chat.messages()) if m.keyboard)


@asynccontextmanager
async def played(folder: Path) -> AsyncIterator[Stage]:
    """Everything runs; the product is stopped at the end."""
    async with AsyncExitStack() as stack:
        code = FirstCode()
        logging.getLogger().addHandler(code)
        stack.callback(logging.getLogger().removeHandler, code)
        feed = Feed(folder / "feed")
        feed.open()
        stack.callback(feed.close)
        ground = await stack.enter_async_context(grounds(Alone, feed=feed, folder=folder, pace=PACE))
        feed.add("world", world=ground.world)
        listen(ground, lambda: None)
        http = await stack.enter_async_context(ClientSession())
        address = await stack.enter_async_context(_served(ground))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ground.product.run(), name="product")
            await ground.product.ready()
            async with asyncio.timeout(60):
                while code.code is None:  # noqa: ASYNC110 - it is logged a moment after the relay listens
                    await asyncio.sleep(0.02)
            try:
                yield Stage(ground=ground, code=code, http=http, address=address)
            finally:
                ground.product.stop()


@asynccontextmanager
async def _served(ground: Playground) -> AsyncIterator[str]:
    ports: list[int] = []
    app = web.Application(middlewares=[_late_guard(ports)])
    for part in (happenings, forge_tab, calls):
        app.add_routes(part.routes(ground))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.append(int(runner.addresses[0][1]))
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        await runner.cleanup()


def _late_guard(ports: list[int]) -> Any:
    """The page's own middleware, for a port that is known only when it listens."""

    @web.middleware
    async def guarded(request: web.Request, handler: Any) -> web.StreamResponse:
        answered: web.StreamResponse = await guard(ports[0])(request, handler)
        return answered

    return guarded
