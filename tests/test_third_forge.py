"""A third forge is one file and three lines: the toy forge runs through the relay, and nothing in src knows it."""

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from src.app import Instance, Site, run, secret_box
from src.config import Settings
from src.database import migrate
from src.database.database import Database
from src.events import ALL_NAMES
from src.forges import FORGE_TYPES
from src.webhook.metrics import Metrics
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import describe, render
from tests.fake_forge import FakeForge
from tests.relay import SECRET, Relay, Told
from tests.toy_forge import TOY, ToyBox, ToyCodec

SRC = Path(__file__).parent.parent / "src"
TRAIN = {"id": "7", "name": "toys/train", "page": "https://toys.example.org/train", "secret": False}
VAULT = {"id": "8", "name": "toys/vault", "page": "https://toys.example.org/vault", "secret": True}
ANN, BOB, CARL = ({"id": f"t{number}", "nick": nick} for number, nick in enumerate(("ann", "bob", "carl"), start=1))


@dataclass(frozen=True)
class Stage:
    """The relay as `python main.py` runs it, the toy forge beside it."""

    relay: Relay
    box: ToyBox

    async def deliver(self, hook: str, what: str, *, secret: str = SECRET, **body: Any) -> int:
        """One delivery as the toy forge makes them."""
        number = str(next(self.relay._deliveries))
        headers = {"X-Toy-Secret": secret, "X-Toy-What": what, "X-Toy-Delivery": number}
        status = await self.relay.post(hook, headers, json.dumps(body).encode())
        await self.relay.settle()
        return status


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    box = ToyBox([TRAIN, VAULT], {"token-of-ann": {"7", "8"}, "token-of-bob": {"7", "8"}, "token-of-carl": {"7"}})
    async with box.open() as address, running_with_the_toy(tmp_path, address) as relay:
        await relay.add_forge("toy", address)
        yield Stage(relay, box)


@asynccontextmanager
async def running_with_the_toy(folder: Path, address: str) -> AsyncIterator[Relay]:
    """`app.run`, with all forges that it has and one more."""
    settings = Settings(_env_file=None, port=0, database_url=f"sqlite+aiosqlite:///{folder / 'relay.db'}")
    site = Site(
        types={**FORGE_TYPES, TOY.kind: TOY},  # the registration: one line says what it is,
        instances=(Instance(kind=TOY.kind, base_url=address),),  # one where it is,
        hook_secrets={TOY.kind: SECRET},  # one what hooks made by hand are signed with
    )
    stop, listens = asyncio.Event(), asyncio.get_running_loop().create_future()
    database = Database(settings.database_url)
    try:
        async with asyncio.TaskGroup() as tasks:
            roles = frozenset({"webhook", "worker"})
            tasks.create_task(run(settings, roles, ready=listens.set_result, site=site, stop=stop))
            async with ClientSession(f"http://127.0.0.1:{await listens}") as http:
                client = cast("TestClient[Request, Application]", http)  # posts the same way
                yield SameAddress(database, client, FakeForge(), Metrics(), secret_box(settings))
            stop.set()
    finally:
        await database.close()


class SameAddress(Relay):
    """The driver of the relay's tests, for a forge whose address is known already."""

    async def add_forge(self, kind: str, base_url: str | None = None) -> Any:
        if base_url is not None:
            self.address = base_url
        return await super().add_forge(kind, self.address)
