"""The whole product in a process, a Bot API in this one, and a hundred projects that one person each follows.

The installation is a settled one: tokens are good, hooks are in order and were looked at just now, so that what is due
behind the scenes is what is due in a quiet quarter of an hour. There is no forge to ask, and nothing that needs one.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import ClientSession, TCPConnector
from cryptography.fernet import Fernet
from sqlalchemy import update

from src.database import migrate
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Account, Hook, utc_now
from tests.bench.servers import Server, server
from tests.bench.telegram import TOKEN, Telegram, telegram
from tests.crowd import HOOK_SECRET, Crowd, gather
from tests.payloads import document, sign_github

CHATS = 100
_FORGE = "http://127.0.0.1:9"  # nobody is there: nothing here needs to ask
UNPACED = 1e6


@dataclass
class Product:
    """The running product and how to send to it."""

    server: Server
    telegram: Telegram
    session: ClientSession
    projects: Sequence[tuple[str, int]]  # of each hook's public id and its project's number on the forge

    def request(self, number: int) -> tuple[str, bytes, dict[str, str]]:
        """The address, body and headers of a pull request's opening, signed."""
        public_id, external_id = self.projects[number % len(self.projects)]
        payload = document("github/pull_request__opened")
        payload["number"] = payload["pull_request"]["number"] = number
        payload["pull_request"]["title"] = f"Change number {number}"
        payload["repository"]["id"] = external_id
        body = orjson.dumps(payload)
        headers = {"X-GitHub-Event": "pull_request", "X-GitHub-Delivery": f"bench-{number}"}
        headers |= {"Content-Type": "application/json"} | sign_github(body, HOOK_SECRET)
        return f"http://127.0.0.1:{self.server.port}/webhook/github/{public_id}", body, headers

    async def post(self, request: tuple[str, bytes, dict[str, str]]) -> None:
        """Until it is accepted: who is told 503, by a relay with more than it can store, comes again."""
        address, body, headers = request
        status = 503
        while status == 503:
            async with self.session.post(address, data=body, headers=headers) as answer:
                await answer.read()
                status = answer.status
        assert status == 202, status

    async def told(self, numbers: Sequence[int], seconds: float = 120) -> None:
        """Wait until all of these came to the Bot API."""
        async with asyncio.timeout(seconds):
            while not all(number in self.telegram.came for number in numbers):  # noqa: ASYNC110 - it comes from outside
                await asyncio.sleep(0.02)

    def memory(self) -> float:
        """Resident, in MiB."""
        fields = Path(f"/proc/{self.server.process.pid}/statm").read_text("ascii").split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def _fill(url: str, box: SecretBox) -> list[tuple[str, int]]:
    database = Database(url)
    try:
        await migrate.upgrade(database)
        found = []
        for number in range(CHATS):
            crowd = await gather(
                database, 1, box=box, path=f"acme/rocket{number}", external_id=str(5_000 + number), base_url=_FORGE
            )
            await _settle(database, crowd, box)
            found.append((f"hook{crowd.project_id}x0", 5_000 + number))
        return found
    finally:
        await database.close()


async def _settle(database: Database, crowd: Crowd, box: SecretBox) -> None:
    """Its hook was found in order just now; the forge keeps no list of what it delivered."""
    (account_id,), (hook_id,), now = crowd.chat_ids, crowd.hook_ids, utc_now()
    hook = {"remote_id": str(hook_id), "account_id": account_id, "checked_at": now}
    hook |= {"caught_up_at": now, "uncaught": "unsupported"}
    async with database.write() as session:
        await session.execute(update(Account).where(Account.id == account_id).values(token=box.seal("a good one")))
        await session.execute(update(Hook).where(Hook.id == hook_id).values(**hook))


@asynccontextmanager
async def product(url: str, *, pace: float = 1.0) -> AsyncIterator[Product]:
    """On a new database; ended at the end."""
    key = Fernet.generate_key().decode()
    projects = await _fill(url, SecretBox([key]))
    async with telegram() as bot_api:
        environment = {
            "PATH": os.environ["PATH"],
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": bot_api.url,
            "GITHUB_API_URL": _FORGE,
            "GITLAB_URL": _FORGE,
            "DATABASE_URL": url,
            "SECRET_KEYS": key,
            "ACCESS": "open",
            "POLL": "off",
            "PORT": "0",
            "PYTHONUNBUFFERED": "1",
        }
        command = (sys.executable, "-m", "tests.bench.product", str(pace))
        async with (
            server(command, environment) as running,
            ClientSession(connector=TCPConnector(limit=64)) as session,
        ):
            made = Product(running, bot_api, session, projects)
            warm = range(900_000_090, 900_000_100)  # the last chats: the limiter leaves a second between two messages
            for number in warm:
                await made.post(made.request(number))
            await made.told(warm)
            yield made


async def at_rate(made: Product, rate: float, numbers: range) -> list[float]:
    """Send so many a second, whatever becomes of them; milliseconds from each POST to its call of the Bot API."""
    requests = [made.request(number) for number in numbers]
    sent: dict[int, float] = {}

    async def one(number: int, request: tuple[str, bytes, dict[str, str]]) -> None:
        sent[number] = time.perf_counter()
        await made.post(request)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for place, (number, request) in enumerate(zip(numbers, requests, strict=True)):
            await asyncio.sleep(max(0.0, began + place / rate - time.perf_counter()))
            tasks.create_task(one(number, request))
    await made.told(numbers)
    return sorted((made.telegram.came[number] - sent[number]) * 1e3 for number in numbers)
