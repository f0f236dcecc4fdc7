"""A third forge is one file and three lines: the toy forge runs through the relay, and nothing in src knows it."""

import ast
import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from pydantic import SecretStr
from sqlalchemy import select

from src.app import Instance, Site, run, secret_box
from src.config import Settings
from src.database.database import Database
from src.database.key_file import new_key
from src.database.models import Forge, Job, utc_now
from src.database.retention import RETENTION_JOB
from src.events import ALL_NAMES
from src.forges import FORGE_TYPES
from src.webhook.metrics import Metrics
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import describe, render
from tests.databases import url_in
from tests.fake_forge import FakeForge
from tests.relay import SECRET, Relay, Told
from tests.toy_forge import TOY, ToyBox, ToyCodec

SRC = Path(__file__).parent.parent / "src"
TRAIN = {"id": "7", "name": "toys/train", "page": "https://toys.example.org/train", "secret": False}
VAULT = {"id": "8", "name": "toys/vault", "page": "https://toys.example.org/vault", "secret": True}
ANN, BOB, CARL = ({"id": f"t{number}", "nick": nick} for number, nick in enumerate(("ann", "bob", "carl"), start=1))


class ToyRelay(Relay):
    """The driver of the relay's tests, for the toy forge."""

    def __init__(self, http: ClientSession, database: Database, settings: Settings, address: str) -> None:
        client = cast("TestClient[Request, Application]", http)  # posts the same way
        super().__init__(database, client, FakeForge(), Metrics(), secret_box(settings), wake=_nothing)
        self.address = address

    async def add_forge(self, kind: str, base_url: str = "") -> Forge:
        return await super().add_forge(kind, base_url or self.address)

    async def send(self, hook: str, what: str, *, secret: str = SECRET, **body: Any) -> int:
        """One delivery as the toy forge makes them."""
        headers = {"X-Toy-Secret": secret, "X-Toy-What": what, "X-Toy-Delivery": str(next(self._deliveries))}
        status = await self.post(hook, headers, json.dumps(body).encode())
        await self.settle()
        return status


async def _kept_house(database: Database) -> None:
    """Until what has outlived its time is gone: the tests make projects before anybody follows them."""
    later, waits = utc_now() + timedelta(minutes=1), select(Job.id).where(Job.kind == RETENTION_JOB, Job.state == "new")
    async with asyncio.timeout(45):
        while True:
            async with database.read() as session:
                if await session.scalar(waits.where(Job.run_at > later)) is not None:
                    return
            await asyncio.sleep(0.02)


def _nothing() -> None:
    """The relay runs by itself."""


@asynccontextmanager
async def running_with_the_toy(folder: Path, address: str) -> AsyncIterator[ToyRelay]:
    """The relay as `python main.py` runs it, with all forges that it has and one more."""
    settings = Settings(
        _env_file=None, port=0, database_url=url_in(folder, "relay.db"), secret_keys=(SecretStr(new_key()),)
    )
    site = Site(
        types={**FORGE_TYPES, TOY.kind: TOY},  # the registration: one line says what it is,
        instances=(Instance(kind=TOY.kind, base_url=address),),  # one where it is,
        hook_secrets={TOY.kind: SECRET},  # and one what hooks made by hand are signed with
    )
    stop, listens = asyncio.Event(), asyncio.get_running_loop().create_future()
    database = Database(settings.database_url)
    try:
        async with asyncio.TaskGroup() as tasks:
            roles = frozenset({"webhook", "worker"})
            tasks.create_task(run(settings, roles, ready=listens.set_result, site=site, stop=stop))
            async with ClientSession(f"http://127.0.0.1:{await listens}") as http:
                await _kept_house(database)
                yield ToyRelay(http, database, settings, address)
            stop.set()
    finally:
        await database.close()


@pytest.fixture
def box() -> ToyBox:
    return ToyBox([TRAIN, VAULT], {"token-of-ann": {"7", "8"}, "token-of-carl": {"7"}, "token-of-dora": {"7"}})


@pytest.fixture
async def relay(tmp_path: Path, box: ToyBox) -> AsyncIterator[ToyRelay]:
    async with box.open() as address, running_with_the_toy(tmp_path, address) as running:
        yield running


def change(number: int = 5, **more: Any) -> dict[str, Any]:
    """The body of a delivery on a change request, by bob unless said otherwise."""
    when = "2026-03-02T10:00:00+00:00"
    return {"where": TRAIN, "who": BOB, "of": BOB, "no": number, "title": "New wheels", "when": when} | more


def text(told: Told, language: str) -> str:
    reasons = [ReasonVia(reason=Reason(reason)) for reason in told.reasons]
    return render(told.event, reasons, language=language, words=TOY).content.render()[0]


async def test_a_delivery_becomes_a_message_in_the_forges_own_words(relay: ToyRelay) -> None:
    project = await relay.add_project("toy", external_id="7", path="toys/train")
    team = await relay.follow("dora", project, kind="toy", names=ALL_NAMES, scope="all", group=-1001)
    ann = await relay.follow("ann", project, kind="toy", names=ALL_NAMES, external_id="t1")
    assert await relay.send("/webhook/toy", "change.made", **change(text="They are red, @ann.")) == 202
    (in_group,), (in_private,) = await relay.told(team), await relay.told(ann)
    assert (in_group.name, in_group.reasons) == ("pull_request.opened", ("chosen",))
    assert (in_private.name, in_private.reasons) == ("pull_request.opened", ("mentioned",))
    assert text(in_private, "en").splitlines() == [
        "🟢 toys/train · CR ~5 New wheels",
        "bob opened this CR",
        "You: mentioned",
        "They are red, @ann.",
    ]
    assert "toys/train · CR ~5 New wheels" in text(in_group, "ru")
    assert describe("pull_request.merged", "en", TOY) == "CR merged"


async def test_everything_it_tells_of_passes_through(relay: ToyRelay) -> None:
    project = await relay.add_project("toy", external_id="7", path="toys/train")
    team = await relay.follow("dora", project, kind="toy", names=ALL_NAMES, scope="all", group=-1001)
    later = {"when": "2026-03-02T11:00:00+00:00"}
    await relay.send("/webhook/toy", "change.made", **change())
    await relay.send("/webhook/toy", "change.taken", **(change() | later))
    await relay.send("/webhook/toy", "ticket.made", **change(6))
    await relay.send("/webhook/toy", "word.said", **change(6, who=ANN, word=1, text="Where?"))
    names = [told.name for told in await relay.told(team)]
    assert names == ["pull_request.opened", "pull_request.merged", "issue.opened", "comment.issue"]


async def test_a_wrong_secret_is_refused(relay: ToyRelay) -> None:
    assert await relay.send("/webhook/toy", "change.made", secret="guessed", **change()) == 401
    assert await relay.deliveries() == []
    assert [entry.outcome for entry in await relay.log()] == ["bad_signature"]


async def test_what_it_does_not_tell_of_is_ignored_unknown_or_quarantined(relay: ToyRelay) -> None:
    await relay.send("/webhook/toy", "change.dusted", **change())
    await relay.send("/webhook/toy", "change.painted", **change())
    await relay.send("/webhook/toy", "change.made", where=TRAIN)
    assert [delivery.state for delivery in await relay.deliveries()] == ["ignored", "unknown", "quarantined"]


async def test_a_private_project_is_told_to_whom_the_forge_lets_read_it(relay: ToyRelay, box: ToyBox) -> None:
    project = await relay.add_project("toy", external_id="8", path="toys/vault", private=True)
    hook = await relay.add_hook(project, "toy")
    chats = {
        login: await relay.follow(login, project, kind="toy", names=ALL_NAMES, scope="all", external_id=person["id"])
        for login, person in (("ann", ANN), ("carl", CARL))
    }
    assert await relay.send(hook, "change.made", **change(where=VAULT)) == 202
    assert {login: len(await relay.told(chat)) for login, chat in chats.items()} == {"ann": 1, "carl": 0}
    assert set(box.asked) >= {("token-of-ann", "/api/boxes/8"), ("token-of-carl", "/api/boxes/8")}
    assert "1 without access" in (await relay.log())[-1].message


async def test_its_client_answers_who_takes_part(relay: ToyRelay, box: ToyBox) -> None:
    box.talkers["6"] = [CARL]
    project = await relay.add_project("toy", external_id="7", path="toys/train")
    carl = await relay.follow("carl", project, kind="toy", external_id="t3")
    await relay.send("/webhook/toy", "word.said", **change(6, who=ANN, word=1, text="Where?"))
    assert [(told.name, told.reasons) for told in await relay.told(carl)] == [("comment.issue", ("participant",))]


# ---------------------------------------------------------------------------------------------------
# Who names a forge


HOMES = ("github_api/", "gitlab_api/", "demo/", "doctor/")  # a forge's own code, its emulator, who checks the settings
# The registration, the names of settings, what the command line says of itself, what tokens look like in a log.
REGISTRATION = (
    "forges.py",
    "app/site.py",
    "config/__init__.py",
    "config/addresses.py",
    "config/real_tokens.py",
    "cli/__init__.py",
    "logs.py",
)
_A_FORGE = re.compile(r"github|gitlab|ghes?_|glpat", re.IGNORECASE)


def named_in(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string and identifier that names a forge; docstrings and comments are no code."""
    tree = ast.parse(source)
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        for word in () if id(node) in prose else _words(node):
            if _A_FORGE.search(word):
                yield getattr(node, "lineno", 0), word


def _words(node: ast.AST) -> Iterator[str]:
    for _, value in ast.iter_fields(node):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield item
            elif isinstance(item, bytes):
                yield item.decode("latin-1")


def test_the_scan_sees_strings_and_names_and_passes_over_prose() -> None:
    source = '"""On GitHub."""\nkind = "GitHub"\ndef gitlab(x): ...\nimport gidgetlab.x  # not GitLab\n'
    assert sorted(named_in(source)) == [(2, "GitHub"), (3, "gitlab")]


def test_neutral_code_names_no_forge() -> None:
    found = [
        f"{path}:{line}: {word}"
        for file in sorted(SRC.rglob("*.py"))
        if not (path := file.relative_to(SRC).as_posix()).startswith(HOMES) and path not in REGISTRATION
        for line, word in named_in(file.read_text("utf-8"))
    ]
    assert found == []


def test_nothing_in_src_knows_the_toy() -> None:
    assert [file for file in SRC.rglob("*.py") if re.search(r"toy", file.read_text("utf-8"), re.IGNORECASE)] == []


def test_the_registration_is_three_lines() -> None:
    source = Path(__file__).read_text("utf-8")
    assert len(re.findall(r"^ +\w+=.*TOY\.kind", source, re.MULTILINE)) == 3


def test_the_toy_tells_what_can_be_chosen() -> None:
    assert ToyCodec.names <= ALL_NAMES
    assert TOY.codec.hook_events(ALL_NAMES) == {"changes", "tickets", "words"}
