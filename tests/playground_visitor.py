"""The playground as a browser sees it, without the browser: its routes and its stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession, ClientTimeout

from src.cli.showing import Alone
from src.demo.playground import main
from src.demo.ports import free_port

Json = dict[str, Any]
PACE = 20.0  # Telegram's limits run so much faster: nobody waits for them here
_SECONDS = 30.0


class Visitor:
    """An open page: what it shows is in `lines`; people act through its routes."""

    def __init__(self, http: ClientSession, address: str) -> None:
        self.http = http
        self.address = address.rstrip("/")
        self.lines: list[Json] = []
        self.ended = False
        self._news = asyncio.Event()

    async def read(self, since: int = 0) -> None:
        """Take what the stream brings until it ends."""
        kept = b""
        async with self.http.get(f"{self.address}/events?since={since}", timeout=ClientTimeout(total=None)) as stream:
            assert stream.status == 200
            async for data in stream.content.iter_any():
                *frames, kept = (kept + data).split(b"\n\n")
                for frame in frames:
                    self._take(frame)
        self.ended = True
        self._fire()

    def _take(self, frame: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if not line.startswith(b":"))
        if fields.get(b"event") == b"lines":
            self.lines += orjson.loads(fields[b"data"])
            self._fire()

    def _fire(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def of(self, kind: str) -> list[Json]:
        """The lines of one kind, oldest first."""
        return [line for line in self.lines if line["kind"] == kind]

    async def until(self, holds: Callable[[], Any], what: str) -> Any:
        """What `holds` returns as soon as that is true; looked at whenever the stream brings something."""
        try:
            async with asyncio.timeout(_SECONDS):
                while not (found := holds()):
                    await self._news.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"not within {_SECONDS:.0f} s: {what}; {self.lines[-3:]}") from None

    async def get(self, path: str) -> Any:
        """What the page reads; it has to be there."""
        async with self.http.get(self.address + path) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def post(self, path: str, body: Json, status: int = 200) -> Any:
        """What the page sends, and the answer, which has to have this status."""
        async with self.http.post(self.address + path, json=body) as response:
            assert response.status == status, await response.text()
            return await response.json()

    def messages(self, who: str, chat: str = "bot") -> list[Json]:
        """What stands in a chat of this person, oldest first, each message as it is now."""
        now = {
            line["message"]["id"]: line["message"]
            for line in self.of("message")
            if line["chat"] == chat and line["message"]["person"] in (who, None)
        }
        return [message for _, message in sorted(now.items()) if not message["deleted"]]

    async def send(self, who: str, text: str, chat: str = "bot") -> None:
        """Write in a chat."""
        await self.post("/api/chat/send", {"as": who, "chat": chat, "text": text})

    async def told(self, who: str, words: str, chat: str = "bot") -> Json:
        """The newest message of the bot that holds these words, once there is one."""

        def found() -> Json | None:
            fits = (m for m in reversed(self.messages(who, chat)) if m["from"] == "bot" and words in m["text"])
            return next(fits, None)

        message: Json = await self.until(found, f"{who} is told {words!r}")
        return message

    async def press(self, who: str, label: str, chat: str = "bot") -> Json:
        """Press the newest button whose label holds these words, as soon as there is one."""

        def found() -> tuple[int, int, int, str] | None:
            return next(_places(reversed(self.messages(who, chat)), label), None)

        message, row, column, text = await self.until(found, f"a button {label!r} for {who}")
        place = {"as": who, "chat": chat, "message": message, "row": row, "column": column, "text": text}
        answer: Json = await self.post("/api/chat/press", place)
        assert answer["answered"]
        return answer

    async def happen(self, name: str, forge: str = "github", project: str = "acme/rocket") -> Json:
        """Press a card's button, about Ann."""
        wish = {"name": name, "forge": forge, "project": project, "about": "ann"}
        made: Json = await self.post("/api/happenings", wish)
        assert not made["missing"]
        return made

    async def done(self, step: str) -> None:
        """Until the guided list has ticked it."""
        await self.until(lambda: step in {line["step"] for line in self.of("step")}, f"the step {step}")

    async def fill(self, step: str) -> str:
        """What the step's button puts into the composer; the code has to be in the log."""
        await self.until(lambda: any("/start " in line["text"] for line in self.of("log")), "the code in the log")
        steps = (await self.get("/api/guide"))["steps"]
        return next(str(item["fill"]) for item in steps if item["name"] == step)

    async def pair(self) -> None:
        """Ann takes the bot, by the code from its log."""
        await self.send("ann", await self.fill("pair"))
        await self.done("pair")

    async def give_token(self) -> None:
        """Ann gives the bot her token for GitHub."""
        await self.send("ann", await self.fill("token"))
        await self.done("token")

    async def subscribe(self) -> None:
        """Ann follows acme/rocket with all that is usual."""
        await self.send("ann", await self.fill("subscribe"))
        for label in ("GitHub", "acme/rocket", "Continue ›", "Confirm"):
            await self.press("ann", label)
        await self.done("subscribe")


def _places(messages: Iterable[Json], label: str) -> Iterator[tuple[int, int, int, str]]:
    """Message, row, column and text of each button that bears the label."""
    for message in messages:
        for row, buttons in enumerate(message["keyboard"]):
            for column, button in enumerate(buttons):
                if label in button["text"]:
                    yield message["id"], row, column, button["text"]


@asynccontextmanager
async def playing(folder: Path | None = None) -> AsyncIterator[Visitor]:
    """The demo runs in this process and a page is open; at the end the demo has stopped well."""
    stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()

    def printed(line: str) -> None:
        if line.startswith("Open "):
            address.set_result(line.removeprefix("Open "))

    async with asyncio.TaskGroup() as tasks:
        demo = tasks.create_task(main(Alone, port=free_port(), folder=folder, pace=PACE, stop=stop, out=printed))
        async with ClientSession(timeout=ClientTimeout(total=_SECONDS)) as http:
            visitor = Visitor(http, await address)
            reader = tasks.create_task(visitor.read())
            try:
                await visitor.until(lambda: visitor.lines, "the stream begins")
                yield visitor
            finally:
                stop.set()
                await asyncio.wait([demo])
                reader.cancel()
    assert demo.result() == 0
