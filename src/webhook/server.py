"""The aiohttp application: routes, limits, health and metrics."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from aiohttp import web
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from src.database.away import is_away
from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories import queues
from src.webhook import connections
from src.webhook.bodies import give_memory_back
from src.webhook.chat_api import ChatApi
from src.webhook.connections import Handler
from src.webhook.handlers import Receiver
from src.webhook.metrics import Metrics

log = logging.getLogger(__name__)

# Others are the application's to understand, or not.
_DELIVERY = re.compile(r"/webhook/([a-z]+)(?:/([A-Za-z0-9_-]+))?")

# Compressed bodies are refused, so nothing may unpack one while the rest of a refused request is read.
SERVER_OPTIONS: dict[str, Any] = {
    "access_log": None,
    "shutdown_timeout": 20,
    "auto_decompress": False,
    "keepalive_timeout": connections.IDLE,
    "lingering_time": connections.LINGER,
    "max_headers": connections.HEADERS,
    "logger": connections.http_logger(),
}


def create_app(
    receiver: Receiver,
    database: Database,
    metrics: Metrics,
    *,
    instance: str,
    is_migrated: Callable[[], Awaitable[bool]],
    waits: Mapping[str, str | None],
    chat: ChatApi | None = None,
) -> web.Application:
    """The relay's routes.

    `instance` tells this process from others behind one address (see `doctor`); `waits` says of each part of the
    process what it waits for, `None` once it is ready. Without `chat` nobody asks for anything here.
    """
    # Nobody reads a body but `bodies.read_body`.
    app = web.Application(client_max_size=0, middlewares=[connections.in_time])

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "instance": instance})

    async def readyz(_: web.Request) -> web.Response:
        parts = dict(waits)
        parts["database"] = await _database_problem(database)
        if parts["database"] is None:
            parts["migrations"] = None if await is_migrated() else "not at the newest version"
        ready = not any(parts.values())
        body = {
            "status": "ready" if ready else "waiting",
            "parts": {n: problem or "ok" for n, problem in parts.items()},
        }
        return web.json_response(body, status=200 if ready else 503)

    async def exposition(_: web.Request) -> web.Response:
        try:
            async with database.read() as session:
                standing = await queues.standing(session, utc_now())
                metrics.size.set(await queues.size(session))
        except Exception as error:
            if not is_away(error):
                raise
            raise web.HTTPServiceUnavailable(text="The database is away.") from error
        for queue in standing:
            metrics.waiting.labels(queue.table, queue.state).set(queue.count)
            metrics.oldest.labels(queue.table, queue.state).set(queue.oldest)
        return web.Response(body=metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", exposition)
    if chat is not None:
        app.router.add_post("/api/chat", chat.chat)
    app.router.add_post("/webhook/{forge}", receiver.receive)
    app.router.add_post("/webhook/{forge}/{hook_id}", receiver.receive)
    return app


def front(receiver: Receiver, app: Handler) -> Handler:
    """What every request meets first: deliveries go straight to the receiver, all others to the application.

    That does the same with a delivery, after a fifth of all the work that one takes.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        found = _DELIVERY.fullmatch(request.raw_path)
        if found is None or request.method != "POST" or "Expect" in request.headers:
            return await app(request)
        kind, address = found.groups()

        async def take(request: web.Request) -> web.StreamResponse:
            return await receiver.take(request, kind, address)

        return await connections.in_time(request, take)

    return handle


async def serve(
    app: web.Application,
    receiver: Receiver,
    *,
    host: str,
    port: int,
    stop: asyncio.Event,
    ready: Callable[[int], None],
    watch: connections.SlowClients,
) -> None:
    """Listen until `stop`; then answer what has begun, store what was accepted, and return."""
    give_memory_back()
    runner = web.AppRunner(app, **SERVER_OPTIONS)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(receiver.inbox.run(), name="inbox")
        listener: asyncio.Server | None = None
        try:
            await runner.setup()
            if runner.server is None:
                raise RuntimeError("aiohttp made no server")
            handle = front(receiver, cast("Handler", runner.server.request_handler))
            runner.server.request_handler = cast("Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]", handle)
            # Not by a site of aiohttp's: those know no protocol but its own.
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(watch.around(runner.server), host, port, backlog=1024)
            bound: int = listener.sockets[0].getsockname()[1]
            log.info("listening on http://%s:%s", host, bound)
            ready(bound)
            await watch.run(stop)
        finally:
            if listener is not None:
                listener.close()
            await runner.cleanup()
            receiver.inbox.close()


async def _database_problem(database: Database) -> str | None:
    try:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, OSError) as error:
        return type(error).__name__
    return None
