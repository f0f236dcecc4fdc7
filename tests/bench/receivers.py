"""What the relay is compared with, one in a process: ``python -m tests.bench.receivers bare|gidgethub``.

None of them stores anything. They print their port once they listen.
"""

import asyncio
import hashlib
import hmac
import sys

import uvloop
from aiohttp import web
from gidgethub import routing, sansio

from tests.relay import SECRET

_KEY = SECRET.encode()


async def bare(request: web.Request) -> web.Response:
    """What any receiver must do: read the body and check its signature."""
    body = await request.read()
    expected = "sha256=" + hmac.new(_KEY, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers["X-Hub-Signature-256"].encode(), expected.encode()):
        raise web.HTTPUnauthorized
    return web.Response(status=202)


router = routing.Router()


@router.register("pull_request", action="opened")
async def opened(_: sansio.Event) -> None:
    """Who works on it; here nobody."""


async def gidgethub(request: web.Request) -> web.Response:
    """As its manual has it: verify, parse, route."""
    body = await request.read()
    event = sansio.Event.from_http(request.headers, body, secret=SECRET)
    await router.dispatch(event)
    return web.Response(status=202)


async def serve(name: str) -> None:
    """Until the process is ended."""
    app = web.Application(client_max_size=25 * 1024 * 1024)
    app.router.add_post("/webhook", {"bare": bare, "gidgethub": gidgethub}[name])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(sys.argv[1]))
