"""Tunnels on loopback: agents that name an address, and the other ends, which pass everything on to the relay."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from src.database.jobs import JobRunner
from src.webhook.manager import HookManager
from src.webhook.tunnel import Tunnel, Watch
from src.webhook.upkeep import hook_jobs
from tests.hook_stage import Life

_HOP_BY_HOP = frozenset({"host", "connection", "transfer-encoding"})


@dataclass
class Agent:
    """What an agent says on its own address; both kinds at once."""

    url: str = ""
    address: str | None = None  # of the tunnel
    leads_to: int = 8000
    is_connected: bool = True
    asked: int = 0

    async def tunnels(self, _request: web.Request) -> web.Response:
        """As ngrok's agent API."""
        self.asked += 1
        one = {"name": "command_line", "proto": "https", "public_url": self.address}
        config = {"addr": f"http://localhost:{self.leads_to}", "inspect": True}
        return web.json_response(
            {"tunnels": [{**one, "config": config}] if self.address else [], "uri": "/api/tunnels"}
        )

    async def ready(self, _request: web.Request) -> web.Response:
        """As cloudflared's metrics."""
        connections = 4 if self.is_connected else 0
        status = 200 if connections else 503
        return web.json_response({"status": status, "readyConnections": connections}, status=status)

    async def quick(self, _request: web.Request) -> web.Response:
        """As cloudflared's metrics."""
        self.asked += 1
        return web.json_response({"hostname": (self.address or "").removeprefix("https://")})

    async def config(self, _request: web.Request) -> web.Response:
        """As cloudflared's metrics: of a quick tunnel there is one rule, without a name."""
        rules = [{"hostname": "", "path": None, "service": f"http://localhost:{self.leads_to}"}]
        return web.json_response({"version": -1, "config": {"ingress": rules}})


@asynccontextmanager
async def agent(port: int | None = None) -> AsyncIterator[Agent]:
    """An agent that runs."""
    made = Agent()
    app = web.Application()
    app.router.add_get("/api/tunnels", made.tunnels)
    app.router.add_get("/ready", made.ready)
    app.router.add_get("/quicktunnel", made.quick)
    app.router.add_get("/config", made.config)
    async with TestServer(app, port=port) as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


@asynccontextmanager
async def far_end(relay: str, port: int | None = None) -> AsyncIterator[str]:
    """The public address of a tunnel: what is sent there arrives at the relay."""
    async with ClientSession() as session:

        async def pass_on(request: web.Request) -> web.Response:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
            body = await request.read()
            async with session.request(request.method, f"{relay}{request.path_qs}", data=body, headers=headers) as got:
                return web.Response(status=got.status, body=await got.read())

        app = web.Application(client_max_size=26 << 20)
        app.router.add_route("*", "/{rest:.*}", pass_on)
        async with TestServer(app, port=port) as server:
            yield str(server.make_url("")).rstrip("/")


@dataclass
class Watched:
    """A stage of hooks whose relay is reached through a tunnel."""

    life: Life
    moves: list[str | None] = field(default_factory=list)

    async def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for it; seconds is all that it may take."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what others do, who set no event for us
                await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(
    life: Life, tunnel: Tunnel, *, patience: float = 30, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Watched]:
    """The tunnel is watched and jobs are done, as in a running program; the clocks are real by default."""
    made = Watched(life)
    life.manager = HookManager(life.database, life.credentials, public_url=tunnel.given, clock=life.clock)

    async def moved(public_url: str | None) -> None:
        made.moves.append(public_url)
        await life.manager.move(public_url)

    watch = Watch(tunnel, moved, every=0.05, patience=patience, clock=clock)
    runner = JobRunner(life.database, hook_jobs(life.manager), owner="tests", clock=life.clock)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.run(stop))
        tasks.create_task(runner.run(stop))
        try:
            yield made
        finally:
            stop.set()
