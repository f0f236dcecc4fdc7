"""The relay behind its real listener, slow clients watched: for tests that speak to it over bare sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from src.database.models import utc_now
from src.forges import FORGE_TYPES
from src.webhook.bodies import Budget
from src.webhook.connections import MOST, SlowClients
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.networks import Gate
from src.webhook.server import create_app, serve
from tests.relay import Relay


@dataclass(frozen=True)
class Served:
    """A relay that listens."""

    relay: Relay
    port: int
    inbox: Inbox
    watch: SlowClients
    receiver: Receiver

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, head: bytes) -> bytes:
        """What is answered to a head whose body does not follow."""
        reader, writer = await self.connect()
        try:
            writer.write(head)
            return await reader.readuntil(b"\r\n\r\n")
        finally:
            writer.close()

    async def send(self, *parts: bytes) -> bytes:
        """One connection of its own: all that is answered until it is closed."""
        reader, writer = await self.connect()
        try:
            writer.writelines(parts)
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def served(
    relay: Relay,
    *,
    slowest: float = 15,
    most: int = MOST,
    gate: Gate | None = None,
    admin_ids: frozenset[int] = frozenset(),
    add: Callable[[web.Application], None] = lambda _: None,
) -> AsyncIterator[Served]:
    """Serve a relay's database once more; `add` may add routes."""
    inbox = Inbox(relay.database, relay.metrics, stored=relay.wake)
    receiver = Receiver(
        relay.database, relay.box, dict(FORGE_TYPES), inbox, Budget(), relay.metrics, utc_now, known_hooks(),
        complaints(), gate, admin_ids,
    )  # fmt: skip
    app = create_app(receiver, relay.database, relay.metrics, instance="tests", is_migrated=_true, waits={})
    add(app)
    watch, stop = SlowClients(relay.metrics, slowest, most), asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve(app, receiver, host="127.0.0.1", port=0, stop=stop, ready=port.set_result, watch=watch), name="serve"
        )
        try:
            yield Served(relay, await port, inbox, watch, receiver)
        finally:
            stop.set()


async def _true() -> bool:
    return True
