"""A feed with its streams on a loopback port, and what a page's EventSource does with them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer

from src.demo.ports import free_port
from src.web.feed import Feed
from src.web.guard import guard
from src.web.stream import FRAME_BYTES, EventStream


@dataclass(frozen=True)
class Event:
    name: str
    id: str | None
    data: Any


@dataclass
class Page:
    """What a page's EventSource does: reads frames, remembers the last id."""

    response: ClientResponse
    comments: int = 0
    retry: str | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)
    id: str | None = None

    async def event(self) -> Event | None:
        """The next event; `None` where the stream has ended."""
        parts: dict[str, str] = {}
        while raw := await self.response.content.readuntil(b"\n"):
            line = raw.decode().rstrip("\n")
            if line.startswith(":"):
                self.comments += 1
            elif line:
                key, _, value = line.partition(": ")
                parts[key] = value
            elif "data" in parts:
                self.id = parts.get("id", self.id)
                return Event(parts["event"], parts.get("id"), json.loads(parts["data"]))
            else:
                self.retry = parts.pop("retry", self.retry)
        return None

    async def until(self, seq: int) -> list[int]:
        """The numbers of all lines that have come, once `seq` has."""
        while not self.lines or self.lines[-1]["seq"] < seq:
            event = await self.event()
            assert event is not None, "the stream ended"
            assert event.name == "lines", event
            self.lines += event.data
        return self.numbers

    @property
    def numbers(self) -> list[int]:
        return [line["seq"] for line in self.lines]


class Site:
    """A feed, its stream and a server, as one start of the process."""

    def __init__(self, feed: Feed, stream: EventStream, session: ClientSession, server: BaseTestServer) -> None:
        self.feed = feed
        self.stream = stream
        self.session = session
        self.server = server
        self.stop = asyncio.Event()

    def log(self, count: int, text: str = "x") -> None:
        for _ in range(count):
            self.feed.add("log", text=text)

    async def open(self, query: str = "", last_id: str | None = None) -> Page:
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        response = await self.session.get(self.server.make_url("/events" + query), headers=headers)
        response.raise_for_status()
        return Page(response)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if holds():
                return
            await asyncio.sleep(0.005)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def tear(path: Path) -> None:
    """What kill -9 in the middle of a write leaves."""
    path.write_bytes(path.read_bytes() + b'{"seq":11,"at":17')


@asynccontextmanager
async def running(
    folder: Path, *, keep_bytes: int = 1 << 24, heartbeat: float = 15, interval: float = 0.01, patience: float = 60
) -> AsyncIterator[Site]:
    feed = Feed(folder, keep_bytes=keep_bytes)
    feed.open()
    stream = EventStream(feed, heartbeat=heartbeat, interval=interval, patience=patience, most=20)
    port = free_port()
    app = web.Application(middlewares=[guard(port)])
    app.add_routes(stream.routes())
    async with ClientSession(read_bufsize=2 * FRAME_BYTES) as session, TestServer(app, port=port) as server:
        site = Site(feed, stream, session, server)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stream.run(site.stop))
            try:
                yield site
            finally:
                site.stop.set()
    feed.close()
