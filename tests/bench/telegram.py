"""A Bot API that answers at once and notes when each message came; what it is sent is not looked at any further."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web

TOKEN = "42:AAbench-bench-bench-bench-bench-bench"
_TITLE = re.compile(r"Change number (\d+)")


@dataclass
class Telegram:
    """What came, by the number in the title of its pull request."""

    url: str = ""
    came: dict[int, float] = field(default_factory=dict)
    messages: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"].lower()
        if method == "getupdates":
            await asyncio.sleep(20)
            return _ok([])
        if method == "getme":
            return _ok({"id": 42, "is_bot": True, "first_name": "bench", "username": "bench_bot"})
        if method == "getmycommands":
            return _ok([])
        if method.startswith("getmy"):
            return _ok({"name": "bench", "description": "bench", "short_description": "bench"})
        if method != "sendmessage":
            return _ok(True)
        now, said = time.perf_counter(), await request.post()
        self.messages += 1
        for number in _TITLE.findall(str(said["text"])):
            self.came.setdefault(int(number), now)
        chat = {"id": int(str(said["chat_id"])), "type": "private"}
        return _ok({"message_id": self.messages, "date": 0, "chat": chat, "text": "told"})

    async def bare(self, request: web.Request) -> web.Response:
        """What the way there and back costs."""
        await request.read()
        return web.Response(status=202)


def _ok(result: object) -> web.Response:
    return web.Response(body=orjson.dumps({"ok": True, "result": result}), content_type="application/json")


@asynccontextmanager
async def telegram() -> AsyncIterator[Telegram]:
    """It runs on a port of its own."""
    made = Telegram()
    app = web.Application()
    app.router.add_route("*", "/bot{token}/{method}", made.answer)
    app.router.add_post("/bare", made.bare)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()
