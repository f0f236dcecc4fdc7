"""The relay with a real database, real codecs and a fake forge behind the REST clients: HTTP in, messages out."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from src.database.credentials import Credentials
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Delivery, Hook, LogEntry, Message, StoredEvent, Subscription, utc_now
from src.database.models import Forge as ForgeRow
from src.database.repositories import accounts, forges, hooks, projects, subscriptions, users
from src.events import DEFAULT_NAMES, Event, load
from src.forge import ForgeType, Identity, RemoteProject
from src.forges import FORGE_TYPES
from src.webhook.bodies import Budget
from src.webhook.enrich import Enricher
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Pipeline
from src.webhook.server import SERVER_OPTIONS, create_app
from tests.databases import open_new
from tests.fake_forge import FakeForge
from tests.payloads import load as load_payload
from tests.payloads import sign_github

SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
GITHUB_IDS = {"ann": "101", "bob": "102", "carl": "103", "dora": "104"}
GITLAB_IDS = {"ann": "11", "bob": "12", "carl": "13", "dora": "14"}
PROJECT_IDS = {"github": "501", "gitlab": "42"}


@dataclasses.dataclass(frozen=True)
class Told:
    """One message in the outbox."""

    event: Event
    reasons: tuple[str, ...]
    level: str

    @property
    def name(self) -> str:
        return self.event.names[0]


class Relay:
    """Drives the relay as forges do, and reads what each chat would be told."""

    def __init__(
        self,
        database: Database,
        client: TestClient[Request, Application],
        forge: FakeForge,
        metrics: Metrics,
        box: SecretBox,
        wake: Callable[[], None],
    ) -> None:
        self.database = database
        self.client = client
        self.forge = forge
        self.metrics = metrics
        self.box = box
        self.wake = wake  # the pipeline looks again at once
        self._numbers = iter(range(1, 10_000))
        self._deliveries = iter(range(1, 1_000_000))

    async def add_forge(self, kind: str, base_url: str = "https://forge.example.org") -> ForgeRow:
        async with self.database.write() as session:
            return await forges.ensure(session, kind, base_url)

    async def add_project(
        self, kind: str = "github", *, external_id: str | None = None, private: bool = False, path: str = "acme/rocket"
    ) -> int:
        forge = await self.add_forge(kind)
        async with self.database.write() as session:
            remote = RemoteProject(
                external_id=external_id or PROJECT_IDS[kind], path=path, url="https://x.example.org", private=private
            )
            return (await projects.ensure(session, forge.id, remote)).id

    async def add_hook(self, project_id: int | None, kind: str = "github", *, origin: str = "managed") -> str:
        """A hook with the secret of the tests; returns the address it listens at."""
        forge = await self.add_forge(kind)
        public_id = f"hook{next(self._numbers)}"
        async with self.database.write() as session:
            await hooks.add(
                session,
                Hook(
                    public_id=public_id,
                    forge_id=forge.id,
                    project_id=project_id,
                    origin=origin,
                    secret=self.box.seal(SECRET),
                    events=[],
                    created_at=utc_now(),
                ),
            )
        return f"/webhook/{kind}" if origin == "environment" else f"/webhook/{kind}/{public_id}"

    async def follow(
        self,
        login: str,
        project_id: int,
        *,
        kind: str = "github",
        names: Collection[str] = DEFAULT_NAMES,
        scope: str = "mine",
        group: int | None = None,
        topic: int = 0,
        external_id: str | None = None,
        emails: tuple[str, ...] = (),
    ) -> int:
        """Somebody follows the project, in private or in a group; returns our id of the chat."""
        ids = GITHUB_IDS if kind == "github" else GITLAB_IDS
        forge = await self.add_forge(kind)
        telegram_id = 1000 + list(GITHUB_IDS).index(login)
        now = utc_now()
        async with self.database.write() as session:
            user = await users.ensure_user(session, telegram_id, name=login, language="en", now=now)
            if group is None:
                chat = await users.ensure_chat(session, telegram_id, type_="private", title=login, language="en")
            else:
                chat = await users.ensure_chat(session, group, type_="supergroup", title="Team", language="en")
            account = await accounts.put(
                session,
                user_id=user.id,
                forge_id=forge.id,
                identity=Identity(id=external_id or ids[login], login=login, emails=emails),
                token=self.box.seal(f"token-of-{login}"),
                last4=login[-4:],
                now=now,
            )
            await subscriptions.put(
                session,
                project_id=project_id,
                chat_id=chat.id,
                topic_id=topic,
                owner_id=user.id,
                account_id=account.id,
                scope=scope,
                events=sorted(names),
                now=now,
            )
            return chat.id

    async def change_subscription(self, chat_id: int, **values: object) -> None:
        async with self.database.write() as session:
            found = (await session.scalars(select(Subscription).where(Subscription.chat_id == chat_id))).one()
            for name, value in values.items():
                setattr(found, name, value)

    async def post(self, address: str, headers: dict[str, str], body: bytes) -> int:
        """One HTTP request, as it is."""
        async with self.client.post(address, data=body, headers=headers) as response:
            await response.read()
            return response.status

    async def deliver(
        self, address: str, name: str, *, body: bytes | None = None, key: str | None = None, settle: bool = True
    ) -> int:
        """A fixture, correctly signed, under a delivery id of its own."""
        headers, fixture = load_payload(name)
        body = fixture if body is None else body
        number = key or f"d{next(self._deliveries)}"
        if name.startswith("github/"):
            headers |= {"X-GitHub-Delivery": number} | sign_github(body, SECRET)
        else:
            headers |= {"Idempotency-Key": number, "X-Gitlab-Token": SECRET}
        status = await self.post(address, headers, body)
        if settle:
            await self.settle()
        return status

    async def settle(self, seconds: float = 40) -> None:
        """Wait until nothing in the inbox is due."""
        async with asyncio.timeout(seconds):
            while True:
                async with self.database.read() as session:
                    waiting = await session.scalar(
                        select(func.count())
                        .select_from(Delivery)
                        .where(
                            (Delivery.state == "taken")
                            | ((Delivery.state == "new") & (Delivery.not_before <= utc_now()))
                        )
                    )
                if not waiting:
                    return
                await asyncio.sleep(0.01)

    async def told(self, chat_id: int, topic_id: int = 0) -> list[Told]:
        """What stands in the outbox for a chat, oldest first."""
        async with self.database.read() as session:
            rows = await session.execute(
                select(Message, StoredEvent)
                .join(StoredEvent, StoredEvent.id == Message.event_id)
                .where(Message.chat_id == chat_id, Message.topic_id == topic_id)
                .order_by(Message.id)
            )
            return [
                Told(load(event.body), tuple(str(item["reason"]) for item in message.reasons), message.level)
                for message, event in rows
            ]

    async def log(self) -> list[LogEntry]:
        async with self.database.read() as session:
            return list((await session.scalars(select(LogEntry).order_by(LogEntry.id))).all())

    async def deliveries(self) -> list[Delivery]:
        async with self.database.read() as session:
            return list((await session.scalars(select(Delivery).order_by(Delivery.id))).all())


@asynccontextmanager
async def running_relay(
    folder: Path,
    types: dict[str, ForgeType] | None = None,
    lease: float = 30,
    work: bool = True,
    remember: float = 0,
    patience: float = 2,
    pause: float = 0,
) -> AsyncIterator[Relay]:
    """The relay on a loopback port with a fresh database; without `work` it stores and does no more, and
    it knows hooks by heart for `remember` seconds.
    """
    database = await open_new(folder, "relay.db")
    forge = FakeForge()
    metrics = Metrics()
    types = types or dict(FORGE_TYPES)
    box = SecretBox([Fernet.generate_key().decode()])
    credentials = Credentials(types, dict.fromkeys(types, forge), box)
    stop = asyncio.Event()
    pipeline = Pipeline(
        database,
        Enricher(
            database, credentials, clock=utc_now, pause=timedelta(seconds=pause), patience=timedelta(seconds=patience)
        ),
        types,
        metrics,
        owner="tests",
        lease=timedelta(seconds=lease),
        queued=lambda: None,
        clock=utc_now,
        checkpoint=_nothing,
    )
    inbox = Inbox(database, metrics, stored=pipeline.wake)
    receiver = Receiver(database, box, types, inbox, Budget(), metrics, utc_now, known_hooks(remember), complaints())
    app = create_app(receiver, database, metrics, instance="tests", is_migrated=_true, waits={})
    try:
        server = TestServer(app)
        await server.start_server(**SERVER_OPTIONS)
        async with TestClient(server) as client, asyncio.TaskGroup() as tasks:
            relay = Relay(database, client, forge, metrics, box, pipeline.wake)
            tasks.create_task(inbox.run())
            if work:
                tasks.create_task(pipeline.run(stop))
            try:
                yield relay
            finally:
                stop.set()
                inbox.close()
    finally:
        await database.close()


async def _nothing(_: str) -> None:
    return


async def _true() -> bool:
    return True
