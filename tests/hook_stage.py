"""Hooks with all that acts on them: a forge, the relay that takes deliveries, the jobs, and a clock to move."""

from asyncio import TaskGroup, sleep
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from src.database.credentials import Credentials
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.jobs import JobRunner
from src.database.models import Account, Delivery, Forge, Hook, Job, Subscription, utc_now
from src.database.repositories import accounts, event_log, forges, jobs, projects, subscriptions, users
from src.demo.forge import ForgeEmulator
from src.demo.forge.records import DeliveryRecord
from src.demo.forge.records import Hook as EmulatedHook
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.forge import Connector, ForgeClient
from src.forge_http import Policy, open_session
from src.forges import FORGE_TYPES
from src.github_api.client import GitHubConnector
from src.gitlab_api.client import GitLabConnector
from src.webhook.bodies import Budget
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.known_hooks import KnownHooks
from src.webhook.manager import HookManager, HookState
from src.webhook.metrics import Metrics
from src.webhook.notices import NOTICE_JOB
from src.webhook.server import SERVER_OPTIONS, create_app
from src.webhook.upkeep import RECURRING, hook_jobs
from tests.databases import open_new

PATH = "acme/rocket"
OPENED = "pull_request.opened"
WIKI = "wiki.created"
ISSUE = "issue.opened"
_NUMBERS = {"ann": 1, "bob": 2, "carl": 3, "dora": 4}


class Clock:
    """The real time, and whatever was added to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass(kw_only=True)
class Life:
    """What a test of hooks drives and looks at, on one of the two forges."""

    database: Database
    box: SecretBox
    credentials: Credentials
    forge: ForgeEmulator
    row_of_forge: Forge
    kind: str
    url: str  # of the relay
    clock: Clock
    manager: HookManager
    known: KnownHooks  # what the relay knows by heart
    told: list[tuple[str, int]] = field(default_factory=list)  # each notice that was sent, and to which chat
    said: list[dict[str, Any]] = field(default_factory=list)  # what each of them speaks of

    def words(self, *names: str) -> frozenset[str]:
        """What the forge calls the events that these names need."""
        return FORGE_TYPES[self.kind].codec.hook_events(names)

    def client(self, login: str) -> ForgeClient:
        """A person's own access to the forge."""
        return self.credentials.with_token(self.row_of_forge, f"tok_{login}")

    def there(self) -> EmulatedHook:
        """The only hook that the project has on the forge."""
        (found,) = self.forge.hooks(PATH)
        return found

    # People come and go

    async def subscribe(self, login: str, *names: str, path: str = PATH) -> tuple[int, int]:
        """Somebody follows; the hook is nobody's business yet. Returns the ids of project and account."""
        client, forge = self.client(login), self.row_of_forge
        identity, remote = await client.whoami(), await client.project_by_path(path)
        now, number = self.clock(), _NUMBERS[login]
        async with self.database.write() as session:
            user = await users.ensure_user(session, number, name=login, language="en", now=now)
            chat = await users.ensure_chat(session, number, type_="private", title=login, language="en")
            account = await accounts.put(
                session, user_id=user.id, forge_id=forge.id, identity=identity,
                token=self.box.seal(f"tok_{login}"), last4="last", now=now,
            )  # fmt: skip
            project = await projects.ensure(session, forge.id, remote)
            await subscriptions.put(
                session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=user.id, account_id=account.id,
                scope="mine", events=names, now=now,
            )  # fmt: skip
        return project.id, account.id

    async def follow(self, login: str, *names: str, path: str = PATH) -> HookState:
        """Somebody follows as `/subscribe` does it."""
        return await self.manager.ensure(*await self.subscribe(login, *names, path=path))

    async def leave(self, login: str) -> None:
        """Somebody follows nothing any more."""
        async with self.database.write() as session:
            user = await users.ensure_user(session, _NUMBERS[login], name=login, language="en", now=self.clock())
            for item in await session.scalars(select(Subscription).where(Subscription.owner_id == user.id)):
                await subscriptions.remove(session, item, self.clock())

    async def user_id(self, login: str) -> int:
        """Our id of a person."""
        async with self.database.write() as session:
            return (await users.ensure_user(session, _NUMBERS[login], name=login, language="en", now=self.clock())).id

    async def account(self, login: str) -> Account:
        """A person's account."""
        async with self.database.read() as session:
            return (await session.scalars(select(Account).where(Account.login == login))).one()

    # Time passes

    async def work(self) -> None:
        """Do what is due, the recurring looks included; notices are noted instead of sent."""

        async def notice(job: Job) -> None:
            self.told.append((job.payload["notice"], job.payload["chat_id"]))
            self.said.append(job.payload["params"])

        handlers = {**hook_jobs(self.manager), NOTICE_JOB: notice}
        runner = JobRunner(self.database, handlers, recurring=RECURRING, owner="tests", clock=self.clock)
        async with self.database.write() as session:
            for kind in RECURRING:
                await jobs.put(session, kind, "", now=self.clock())
        await runner.run_due()

    async def later(self, **time: float) -> None:
        """The clock goes on, and what is due by then is done."""
        self.clock.ahead += timedelta(**time)
        await self.work()

    # What is known

    async def rows(self) -> list[Hook]:
        """All that we know of hooks."""
        async with self.database.read() as session:
            return list(await session.scalars(select(Hook).order_by(Hook.id)))

    async def row(self) -> Hook:
        """Our only living row."""
        (found,) = [hook for hook in await self.rows() if hook.removed_at is None]
        return found

    async def end_deliveries(self, state: str, error: str | None = None) -> None:
        """As the worker does, which is not part of this stage."""
        async with self.database.write() as session:
            await session.execute(update(Delivery).values(state=state, error=error))

    async def outcomes(self) -> list[str]:
        """What the log says of hooks, oldest first."""
        async with self.database.read() as session:
            return [entry.outcome for entry in reversed(await event_log.latest(session, kind="hook", limit=500))]

    async def post_again(self, delivery: DeliveryRecord) -> int:
        """The same request once more, with the signature that it bore then."""
        async with ClientSession() as web, web.post(delivery.url, data=delivery.body, headers=delivery.headers) as sent:
            return sent.status


def cast(forge: ForgeEmulator) -> None:
    """Ann administers the project, bob writes to it, carl reads it; dora is a stranger."""
    for login in _NUMBERS:
        forge.add_user(login, name=login.title(), emails=[f"{login}@example.org"])
        forge.add_token(f"tok_{login}", login)
    forge.add_project(PATH, private=True, members={"ann": "admin", "bob": "write", "carl": "read"})


@asynccontextmanager
async def living(folder: Path, kind: str, *, one_clock: bool = False, below: str = "") -> AsyncIterator[Life]:
    """A forge and a relay on loopback, which knows hooks by heart for as long as it does in earnest.

    `one_clock`: the forge goes by the relay's clock, so that its pauses and limits end when that goes on.
    `below`: the sub-path that the forge is at.
    """
    clock = Clock()
    now = clock if one_clock else utc_now
    async with AsyncExitStack() as stack:
        make = GitHubEmulator if kind == "github" else GitLabEmulator
        emulator: ForgeEmulator = make(now=now, base_path=below)
        forge = await stack.enter_async_context(emulator)
        cast(forge)
        database = await open_new(folder, "test.db")
        stack.push_async_callback(database.close)
        async with database.write() as session:
            row_of_forge = await forges.ensure(session, kind, forge.url)
        web = await stack.enter_async_context(open_session())
        policy = Policy(retry_window=0.1, patience=0.5)
        connectors: dict[str, Connector] = {
            "github": GitHubConnector(web, policy=policy, sleep=_no_sleep),
            "gitlab": GitLabConnector(web, policy=policy, sleep=_no_sleep),
        }
        box = SecretBox([Fernet.generate_key().decode()])
        credentials = Credentials(FORGE_TYPES, connectors, box)
        metrics = Metrics()
        inbox = Inbox(database, metrics, stored=lambda: None)
        known = known_hooks()
        receiver = Receiver(database, box, FORGE_TYPES, inbox, Budget(), metrics, clock, known, complaints())
        app = create_app(receiver, database, metrics, instance="tests", is_migrated=_true, waits={})
        server = TestServer(app)
        await server.start_server(**SERVER_OPTIONS)
        stack.push_async_callback(server.close)
        url = str(server.make_url("")).rstrip("/")
        manager = HookManager(database, credentials, public_url=url, clock=clock)
        life = Life(
            database=database, box=box, credentials=credentials, forge=forge, row_of_forge=row_of_forge, kind=kind,
            url=url, clock=clock, manager=manager, known=known,
        )  # fmt: skip
        async with TaskGroup() as tasks:
            tasks.create_task(inbox.run())
            try:
                yield life
            finally:
                inbox.close()


async def _true() -> bool:
    return True


async def _no_sleep(_seconds: float) -> None:
    await sleep(0)
