"""Hooks with all that acts on them: both forges, the relay that takes deliveries, the jobs, and a clock to move."""

from asyncio import TaskGroup
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from sqlalchemy import select, update

from src.database.jobs import JobRunner
from src.database.models import Account, Hook, Job, Subscription, utc_now
from src.database.repositories import accounts, jobs, projects, subscriptions, users
from src.demo.forge import ForgeEmulator
from src.demo.forge.records import DeliveryRecord
from src.demo.forge.records import Hook as EmulatedHook
from src.forge import ForgeClient
from src.forges import FORGE_TYPES
from src.webhook.bodies import Budget
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.manager import HookManager, HookState
from src.webhook.metrics import Metrics
from src.webhook.notices import NOTICE_JOB
from src.webhook.server import SERVER_OPTIONS, create_app
from src.webhook.upkeep import RECURRING, hook_jobs
from tests.bot_stage import Stage, staged

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

    stage: Stage
    kind: str
    url: str  # of the relay
    clock: Clock
    manager: HookManager
    told: list[tuple[str, int]] = field(default_factory=list)  # each notice that was sent, and to which chat

    @property
    def forge(self) -> ForgeEmulator:
        """Where the hooks are."""
        return self.stage.forge(self.kind)

    def words(self, *names: str) -> frozenset[str]:
        """What the forge calls the events that these names need."""
        return FORGE_TYPES[self.kind].codec.hook_events(names)

    def client(self, login: str) -> ForgeClient:
        """A person's own access to the forge."""
        return self.stage.deps.credentials.with_token(self.stage.deps.instances(self.kind)[0], f"tok_{login}")

    def there(self) -> EmulatedHook:
        """The only hook that the project has on the forge."""
        (found,) = self.forge.hooks(PATH)
        return found

    # People come and go

    async def subscribe(self, login: str, *names: str, path: str = PATH) -> tuple[int, int]:
        """Somebody follows; the hook is nobody's business yet. Returns the ids of project and account."""
        client, forge = self.client(login), self.stage.deps.instances(self.kind)[0]
        identity, remote = await client.whoami(), await client.project_by_path(path)
        now, number = self.clock(), _NUMBERS[login]
        async with self.stage.database.write() as session:
            user = await users.ensure_user(session, number, name=login, language="en", now=now)
            chat = await users.ensure_chat(session, number, type_="private", title=login, language="en")
            account = await accounts.put(
                session, user_id=user.id, forge_id=forge.id, identity=identity,
                token=self.stage.box.seal(f"tok_{login}"), last4="last", now=now,
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
        async with self.stage.database.write() as session:
            user = await users.ensure_user(session, _NUMBERS[login], name=login, language="en", now=self.clock())
            for item in await session.scalars(select(Subscription).where(Subscription.owner_id == user.id)):
                await subscriptions.remove(session, item, self.clock())

    async def user_id(self, login: str) -> int:
        """Our id of a person."""
        async with self.stage.database.write() as session:
            return (await users.ensure_user(session, _NUMBERS[login], name=login, language="en", now=self.clock())).id

    async def account(self, login: str) -> Account:
        """A person's account."""
        async with self.stage.database.read() as session:
            return (await session.scalars(select(Account).where(Account.login == login))).one()

    # Time passes

    async def work(self) -> None:
        """Do what is due, the recurring looks included; notices are noted instead of sent."""

        async def notice(job: Job) -> None:
            self.told.append((job.payload["notice"], job.payload["chat_id"]))

        handlers = {**hook_jobs(self.manager), NOTICE_JOB: notice}
        runner = JobRunner(self.stage.database, handlers, recurring=RECURRING, owner="tests", clock=self.clock)
        async with self.stage.database.write() as session:
            for kind in RECURRING:
                await jobs.put(session, kind, "", now=self.clock())
        await runner.run_due()

    async def later(self, **time: float) -> None:
        """The clock goes on, and what is due by then is done."""
        self.clock.ahead += timedelta(**time)
        await self.work()

    # What is known

    async def row(self) -> Hook:
        """Our only living row."""
        (found,) = [hook for hook in await self.stage.all_hooks() if hook.removed_at is None]
        return found

    async def change(self, **values: object) -> None:
        """Set columns of all hooks' rows, as a test needs them."""
        async with self.stage.database.write() as session:
            await session.execute(update(Hook).values(**values))

    async def outcomes(self) -> list[str]:
        """What the log says of hooks, oldest first."""
        return [entry.outcome for entry in await self.stage.log() if entry.kind == "hook"]

    async def post_again(self, delivery: DeliveryRecord) -> int:
        """The same request once more, with the signature that it bore then."""
        async with ClientSession() as web, web.post(delivery.url, data=delivery.body, headers=delivery.headers) as sent:
            return sent.status


@asynccontextmanager
async def living(folder: Path, kind: str, *, remember: float = 5) -> AsyncIterator[Life]:
    """A relay on loopback beside the forges, which knows hooks by heart for `remember` seconds."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(staged(folder, polled=False))
        metrics = Metrics()
        inbox = Inbox(stage.database, metrics, stored=lambda: None)
        receiver = Receiver(
            stage.database, stage.box, FORGE_TYPES, inbox, Budget(), metrics, clock, known_hooks(remember), complaints()
        )
        app = create_app(receiver, stage.database, metrics, instance="tests", is_migrated=_true, waits={})
        server = TestServer(app)
        await server.start_server(**SERVER_OPTIONS)
        stack.push_async_callback(server.close)
        url = str(server.make_url("")).rstrip("/")
        manager = HookManager(stage.database, stage.deps.credentials, public_url=url, clock=clock)
        life = Life(stage=stage, kind=kind, url=url, clock=clock, manager=manager)
        async with TaskGroup() as tasks:
            tasks.create_task(inbox.run())
            try:
                yield life
            finally:
                inbox.close()


async def _true() -> bool:
    return True
