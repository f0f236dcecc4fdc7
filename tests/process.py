"""The real program as a process of its own, on an emulated Telegram, with people who follow a public project."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from aiohttp import ClientError, ClientSession
from cryptography.fernet import Fernet

from src.database import migrate
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Hook, utc_now
from src.database.repositories import accounts, forges, hooks, projects, subscriptions, users
from src.demo.telegram import Person, TelegramEmulator
from src.events import DEFAULT_NAMES
from src.forge import Identity, RemoteProject
from tests.databases import url_in
from tests.payloads import document, sign_github

ROOT = Path(__file__).parent.parent
SECRET = "secret of the tests"
_LEASE = 3  # seconds


@dataclass
class Stage:
    """A database with one follower of acme/rocket, and what starts the program on it."""

    folder: Path
    telegram: TelegramEmulator
    carl: Person
    key: str
    public_id: str = "hook1"
    settings: dict[str, str] = field(default_factory=dict)
    url: str | None = None  # of the database, where it is not the run's own

    @property
    def database_url(self) -> str:
        return self.url or url_in(self.folder)

    def environment(self, **more: str) -> dict[str, str]:
        """All that the program may read from outside."""
        return {
            "PATH": os.environ["PATH"],
            "TELEGRAM_BOT_TOKEN": self.telegram.token,
            "TELEGRAM_API_URL": self.telegram.url,
            "GITHUB_API_URL": "http://127.0.0.1:9",  # nobody is there: nothing here needs to ask
            "GITLAB_URL": "http://127.0.0.1:9",
            "DATABASE_URL": self.database_url,
            "SECRET_KEYS": self.key,
            "ACCESS": "open",
            "PORT": "0",
            "POLL": "off",  # deliveries come by the hook alone
            "LEASE_SECONDS": str(_LEASE),
            "PYTHONUNBUFFERED": "1",
            **self.settings,
            **more,
        }

    def texts(self) -> list[str]:
        """What carl reads, oldest first."""
        return [message.text for message in self.carl.private.messages() if message.from_bot]


@asynccontextmanager
async def stage(folder: Path, url: str | None = None) -> AsyncIterator[Stage]:
    """Telegram runs, the database is filled, the program is not started yet."""
    async with TelegramEmulator() as telegram:
        carl = telegram.person("Carl", username="carl", started=True)
        made = Stage(folder, telegram, carl, Fernet.generate_key().decode(), url=url)
        database = Database(made.database_url)
        try:
            await migrate.upgrade(database)
            await _fill(database, made)
        finally:
            await database.close()
        yield made


async def _fill(database: Database, made: Stage) -> None:
    box, now = SecretBox([made.key]), utc_now()
    async with database.write() as session:
        forge = await forges.ensure(session, "github", "http://127.0.0.1:9")
        remote = RemoteProject(
            external_id="501", path="acme/rocket", url="https://github.com/acme/rocket", private=False
        )
        project = await projects.ensure(session, forge.id, remote)
        await hooks.add(
            session,
            Hook(
                public_id=made.public_id,
                forge_id=forge.id,
                project_id=project.id,
                origin="managed",
                secret=box.seal(SECRET),
                events=[],
                created_at=now,
            ),
        )
        user = await users.ensure_user(session, made.carl.id, name="Carl", language="en", now=now)
        chat = await users.ensure_chat(session, made.carl.id, type_="private", title="Carl", language="en")
        account = await accounts.put(
            session,
            user_id=user.id,
            forge_id=forge.id,
            identity=Identity(id="103", login="carl"),
            token=box.seal("token-of-carl"),
            last4="carl",
            now=now,
        )
        await subscriptions.put(
            session,
            project_id=project.id,
            chat_id=chat.id,
            topic_id=0,
            owner_id=user.id,
            account_id=account.id,
            scope="all",
            events=sorted(DEFAULT_NAMES),
            now=now,
        )


class Program:
    """The running program."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0
        self.awaited = False
        self.lines: list[str] = []

    async def listening(self) -> int:
        """Read the log until it says the port; the rest is read by `watch`."""
        self.awaited = True
        async with asyncio.timeout(120):
            while not self.port:
                line = await self._line()
                if "listening on http://" in line:
                    self.port = int(line.rstrip().rsplit(":", 1)[1].rstrip('"}'))
        self.awaited = False
        return self.port

    async def watch(self) -> None:
        """Keep reading, so that the program never waits for us."""
        while await self._line():
            pass

    async def says(self, words: str, seconds: float = 60) -> float:
        """Wait until a line of the log has these words; the moment, by the loop's clock."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + seconds
        while words not in self.log:
            assert loop.time() < give_up_at, f"it never said {words!r}:\n{self.log}"
            await asyncio.sleep(0.02)
        return loop.time()

    async def ended(self, seconds: float = 60) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def _line(self) -> str:
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode()
        if line:
            self.lines.append(line)
        elif self.awaited:
            raise AssertionError("it ended before it listened:\n" + "".join(self.lines))
        return line

    @property
    def log(self) -> str:
        return "".join(self.lines)


@asynccontextmanager
async def program(made: Stage, *command: str, listens: bool = True, **environment: str) -> AsyncIterator[Program]:
    """Start it and wait until it listens, if it does with its roles; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(command or ("main.py",)),
        cwd=ROOT,
        env=made.environment(**environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Program(process)
    try:
        if listens:
            await running.listening()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(running.watch())
            try:
                yield running
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def pull_request(number: int) -> bytes:
    """A pull request of its own number, opened by ann."""
    payload = document("github/pull_request__opened")
    payload["number"] = payload["pull_request"]["number"] = number
    payload["pull_request"]["title"] = f"Change number {number}"
    return orjson.dumps(payload)


async def post(port: int, made: Stage, number: int) -> int | None:
    """Deliver as GitHub does; `None` when the answer did not come."""
    body = pull_request(number)
    headers = {
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": f"delivery-{number}",
        "Content-Type": "application/json",
    } | sign_github(body, SECRET)
    try:
        async with (
            ClientSession() as session,
            session.post(
                f"http://127.0.0.1:{port}/webhook/github/{made.public_id}", data=body, headers=headers
            ) as answer,
        ):
            return answer.status
    except (ClientError, ConnectionError):
        return None
