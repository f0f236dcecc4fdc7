"""How much of bare aiohttp's rate is left when every delivery is on disk before it is answered (`make bench`).

Both servers run in this process, one after the other in turns, under the same clients and the same signed body; only
the ratio means anything, for machines differ and are busy.
"""

import asyncio
import hashlib
import hmac
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

from tests.payloads import load, sign_github
from tests.relay import SECRET, running_relay

CLIENTS = 32
REQUESTS = 1_500
ROUNDS = 3


async def bare(request: web.Request) -> web.Response:
    """What any receiver must do: read the body and check its signature."""
    body = await request.read()
    expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(request.headers["X-Hub-Signature-256"].encode(), expected.encode()):
        raise web.HTTPUnauthorized
    return web.Response(status=202)


async def load_on(url: str, headers: dict[str, str], body: Callable[[int], bytes]) -> float:
    """Requests a second, `CLIENTS` at once."""
    numbers = iter(range(REQUESTS))
    async with ClientSession(connector=TCPConnector(limit=CLIENTS)) as session:

        async def client() -> None:
            for number in numbers:
                content = body(number)
                sent = headers | {"X-GitHub-Delivery": f"{time.monotonic_ns()}-{number}"} | sign_github(content, SECRET)
                async with session.post(url, data=content, headers=sent) as response:
                    assert response.status == 202, response.status

        started = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return REQUESTS / (time.perf_counter() - started)


async def measure(folder: Path) -> None:
    """Print the medians and their ratio."""
    headers, body = load("github/pull_request__opened")
    app = web.Application()
    app.router.add_post("/", bare)
    seen = iter(range(10**9))

    def fresh(_: int) -> bytes:
        return body + b" " * (next(seen) % 4096) + b"\n" * (next(seen) % 4096)  # another hash: no replay

    rates: dict[str, list[float]] = {"bare": [], "durable": []}
    async with TestServer(app) as plain:
        for number in range(ROUNDS):
            rates["bare"].append(await load_on(str(plain.make_url("/")), headers, fresh))
            room = folder / str(number)
            room.mkdir()
            async with running_relay(room, work=False, remember=5) as relay:
                address = await relay.add_hook(await relay.add_project())
                rates["durable"].append(await load_on(str(relay.client.make_url(address)), headers, fresh))
                stored = len(await relay.deliveries())
                assert stored == REQUESTS, f"{stored} stored of {REQUESTS} answered 202"
    medians = {name: statistics.median(found) for name, found in rates.items()}
    print(
        f"ingest: bare aiohttp {medians['bare']:.0f}/s, durable {medians['durable']:.0f}/s, "
        f"ratio {medians['durable'] / medians['bare']:.2f} (clients and server share this process)"
    )


def main() -> None:
    """Run in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
