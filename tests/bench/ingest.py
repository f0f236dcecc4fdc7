"""How many deliveries a second are on disk before they are answered, against servers that store nothing.

64 connections send signed deliveries of 24 KB, each with an id and a body of its own. The server has one core, the
clients another one, which PostgreSQL's own processes share with them; every round starts every server anew. The
reference reads and verifies and does no more.
"""

import json
import shutil
import socket
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import zstandard
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from src.database import migrate
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Delivery, Hook, utc_now
from src.database.repositories import forges, hooks, projects
from src.forge import RemoteProject
from tests import postgres
from tests.bench import payload
from tests.bench.load import Answered, Load
from tests.bench.servers import ROOT, Clients, Server, clients, held, server
from tests.bench.table import Asked, Figure, figure, in_turns
from tests.relay import SECRET

LEAST = 0.45  # of bare aiohttp
_LOG_FILES = 40  # of 16 MB
_APART = 1_000_000_000  # deliveries; nobody sends so many
DURABLE = ("sqlite", "postgresql")
OTHERS = ("gidgethub", "octokit", "webhook")  # they store nothing
PEERS = ROOT / "build" / "peers"


@dataclass(frozen=True)
class Target:
    """A server under load, and how many deliveries it has stored; `None` of one that stores nothing."""

    server: Server
    path: str
    stored: Callable[[], Awaitable[int]] | None = None


@dataclass(frozen=True)
class Seen:
    """One run."""

    answered: Answered
    cost: float  # microseconds of the server's processor, a request


async def measure(asked: Asked) -> list[Figure]:
    """The rate on both databases, and that of the others."""
    with ExitStack() as stack:
        with held(-1):  # beside the clients: as if it had a machine of its own, and not the relay's core
            database_server = stack.enter_context(postgres.running(options={"min_wal_size": "1GB"}))
        await worn_in(database_server)
        async with clients() as loading:
            return await _measure(asked, loading, database_server)


async def _measure(asked: Asked, loading: Clients, database_server: postgres.Server) -> list[Figure]:
    seen: dict[str, list[Seen]] = {}
    starts: dict[str, Callable[[Path], AbstractAsyncContextManager[Target]]] = {
        "bare": lambda _: another([sys.executable, "-m", "tests.bench.receivers", "bare"]),
        "sqlite": lambda folder: relay(f"sqlite+aiosqlite:///{folder / 'relay.db'}"),
        "postgresql": lambda _: relay(database_server.create(migrated=False)),
        "gidgethub": lambda _: another([sys.executable, "-m", "tests.bench.receivers", "gidgethub"]),
    }
    if octokit := _octokit():
        starts["octokit"] = lambda _: another(octokit)
    if found := shutil.which("webhook"):
        starts["webhook"] = lambda folder: debian(found, folder)

    def run(name: str) -> Callable[[], Awaitable[float]]:
        async def once() -> float:
            found = seen.setdefault(name, [])
            folder = asked.folder / f"{name}{len(found)}"
            folder.mkdir()
            async with starts[name](folder) as target:
                found.append(await under_load(loading, target, f"{name}{len(found)}", asked.long))
            shutil.rmtree(folder)
            return found[-1].answered.rate

        return once

    rates = await in_turns({name: run(name) for name in starts}, asked.rounds)
    return _figures(rates, seen)


async def worn_in(server: postgres.Server) -> None:
    """Have a log of which old files are used again, as any server has after its first hours.

    A new file of 16 MB is written full of zeros first, which holds all commits for 50 ms.
    """
    driver = await asyncpg.connect(server.admin.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await driver.execute("CREATE TABLE worn (n integer)")
        for _ in range(_LOG_FILES):
            await driver.execute("INSERT INTO worn VALUES (1)")
            await driver.execute("SELECT pg_switch_wal()")
        await driver.execute("DROP TABLE worn")
        await driver.execute("CHECKPOINT")
    finally:
        await driver.close()


async def under_load(loading: Clients, target: Target, run: str, long: bool) -> Seen:
    """One run; every answer has to be 2xx, and what was answered has to be there.

    What a server does but once after its start is no part of it: all get a second of the same before.
    """
    load = Load(target.server.port, target.path, run, seconds=10.0 if long else 2.0)
    first = await loading.load(replace(load, run=f"{run} at first", first=_APART, seconds=1.0))
    busy = target.server.busy()
    answered = await loading.load(load)
    cost = 1e6 * (target.server.busy() - busy) / sum(answered.answers.values())
    answers = Counter(first.answers) + Counter(answered.answers)
    if wrong := {status: n for status, n in answers.items() if not status.startswith("2")}:
        raise AssertionError(f"{run}: answers {wrong}")
    if target.stored is not None and (rows := await target.stored()) != answers.total():
        raise AssertionError(f"{run}: {rows} stored of {answers.total()} answered 202")
    return Seen(answered, cost)


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[Target]:
    """The real program as it runs by default, its receiving part only, on an empty database."""
    key = Fernet.generate_key().decode()
    database = Database(url)
    try:
        await migrate.upgrade(database)
        await _add_hook(database, SecretBox([key]))
        environment = {
            "DATABASE_URL": url,
            "SECRET_KEYS": key,
            "GITHUB_API_URL": "http://127.0.0.1:9",  # nobody is there: nothing here needs to ask
            "GITLAB_URL": "http://127.0.0.1:9",
            "PORT": "0",
            "PYTHONUNBUFFERED": "1",
        }
        async with server([sys.executable, "main.py", "run", "--only", "webhook"], environment) as running:
            yield Target(running, "/webhook/github/hook1", lambda: _stored(database))
    finally:
        await database.close()


@asynccontextmanager
async def debian(program: str, folder: Path) -> AsyncIterator[Target]:
    """The server that Debian calls ``webhook``: it verifies, and would run a command if a second rule held."""
    signed = {"type": "payload-hmac-sha256", "secret": SECRET, "parameter": _header("X-Hub-Signature-256")}
    never = {"type": "value", "value": "never", "parameter": _header("X-GitHub-Event")}
    rules = {"and": [{"match": signed}, {"match": never}]}
    hook = {"id": "bench", "execute-command": "/bin/true", "trigger-rule": rules}
    file = folder / "hooks.json"
    file.write_text(json.dumps([hook]))
    port = _free_port()
    command = [program, "-hooks", str(file), "-ip", "127.0.0.1", "-port", str(port)]
    async with server(command, port=port) as running:
        yield Target(running, "/hooks/bench")


def _header(name: str) -> dict[str, str]:
    return {"source": "header", "name": name}


@asynccontextmanager
async def another(command: Sequence[str], path: str = "/webhook") -> AsyncIterator[Target]:
    """A server that stores nothing."""
    async with server(command) as running:
        yield Target(running, path)


async def _add_hook(database: Database, box: SecretBox) -> None:
    remote = RemoteProject(external_id="501", path="acme/rocket", url="https://github.com/acme/rocket", private=False)
    async with database.write() as session:
        forge = await forges.ensure(session, "github", "http://127.0.0.1:9")
        project = await projects.ensure(session, forge.id, remote)
        hook = Hook(
            public_id="hook1",
            forge_id=forge.id,
            project_id=project.id,
            origin="managed",
            secret=box.seal(SECRET),
            events=[],
            created_at=utc_now(),
        )
        await hooks.add(session, hook)


async def _stored(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Delivery)) or 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _octokit() -> list[str] | None:
    """How to start it, where `make test-peers` has installed it."""
    node = shutil.which("node")
    if node is None or not (PEERS / "node_modules" / "@octokit" / "webhooks").is_dir():
        return None
    return [node, "tests/bench/octokit.mjs", str(PEERS), SECRET]


def _figures(rates: Mapping[str, list[float]], seen: Mapping[str, list[Seen]]) -> list[Figure]:
    size, packed = len(payload.body()), len(zstandard.compress(payload.body(), 1))
    print(f"ingest: bodies of {size} bytes, {packed} as stored", file=sys.stderr)
    unit, bare = "deliveries/s", rates["bare"]
    figures = []
    for name in DURABLE:
        note = _note(seen[name], seen["bare"])
        figures.append(figure(f"ingest.{name}", unit, rates[name], bare, at_least=LEAST, note=note))
        beside = figure(f"ingest.{name}_beside_gidgethub", unit, rates[name], rates["gidgethub"], at_least=1)
        figures.append(beside)
    for name in OTHERS:
        if name in rates:
            figures.append(figure(f"ingest.{name}", unit, rates[name], bare, note=_note(seen[name], seen["bare"])))
        else:
            print(f"ingest.{name}: not installed", file=sys.stderr)
    return figures


def _note(seen: Sequence[Seen], bare: Sequence[Seen]) -> str:
    cost, other = (statistics.median(each.cost for each in found) for found in (seen, bare))
    p50, p99 = (statistics.median(getattr(each.answered, what) for each in seen) for what in ("p50", "p99"))
    slowest, busy = max(each.answered.slowest for each in seen), max(each.answered.busy for each in (*seen, *bare))
    return (
        f"{cost:.0f} us of a core each (bare {other:.0f}), p50 {p50:.1f} p99 {p99:.1f} max {slowest:.0f} ms, "
        f"clients {busy:.0%} busy"
    )
