"""A group with three projects, the bot's manager and the relay, on either forge."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from sqlalchemy import func, select, update

from src.database.models import Delivery, Hook, Message, StoredEvent, utc_now
from src.database.repositories import accounts, projects, subscriptions, users
from src.demo.forge import DeliveryRecord, ForgeEmulator
from src.demo.forge import Hook as ForgeHook
from src.events import load
from src.forges import FORGE_TYPES
from src.webhook.bodies import Budget
from src.webhook.enrich import Enricher
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.manager import HookManager, HookOutcome, HookState
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Pipeline
from src.webhook.server import SERVER_OPTIONS, create_app
from tests.bot_stage import Stage

PATHS = ("acme/rocket", "acme/lander", "acme/probe")
NAMES = ("issue.opened",)


@dataclass(kw_only=True)
class Place:
    """Everything around the group, on one kind of forge."""

    kind: str
    stage: Stage
    hooks: HookManager
    ids: dict[str, int]  # our ids of the projects that ann follows
    account_id: int = 0  # ann's

    @property
    def forge(self) -> ForgeEmulator:
        return self.stage.forge(self.kind)

    @property
    def group_hooks(self) -> list[str]:
        """The addresses of the group's hooks on the forge."""
        return [hook.url for hook in self.forge.hooks("acme")]

    def project_hooks(self, *paths: str) -> list[int]:
        """How many hooks each project has on the forge."""
        return [len(self.forge.hooks(path)) for path in paths or PATHS]

    async def follow(self, path: str, *, names: Sequence[str] = NAMES, login: str = "ann", scope: str = "all") -> None:
        """A subscription and its hook, as the bot makes them."""
        stage, now = self.stage, utc_now()
        forge = stage.deps.instances(self.kind)[0]
        client = stage.deps.credentials.with_token(forge, f"tok_{login}")
        identity, remote = await client.whoami(), await client.project_by_path(path)
        number = {"ann": 1, "bob": 2}[login]
        async with stage.database.write() as session:
            user = await users.ensure_user(session, number, name=login, language="en", now=now)
            chat = await users.ensure_chat(session, number, type_="private", title=login, language="en")
            sealed = stage.box.seal(f"tok_{login}")
            account = await accounts.put(
                session, user_id=user.id, forge_id=forge.id, identity=identity, token=sealed, last4="last", now=now
            )
            project = await projects.ensure(session, forge.id, remote)
            await subscriptions.put(
                session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=user.id, account_id=account.id,
                scope=scope, events=names, now=now,
            )  # fmt: skip
        self.ids[path] = project.id
        self.account_id = self.account_id or account.id

    async def ensure(self, path: str) -> HookState:
        return await self.hooks.ensure(self.ids[path], self.account_id)

    async def leave(self, path: str) -> HookOutcome:
        """Everybody leaves a project, and the job that this asks for is done."""
        async with self.stage.database.write() as session:
            for item in await self.stage.subscriptions():
                if item.project_id == self.ids[path]:
                    await subscriptions.remove(session, await session.merge(item), utc_now())
        return await self.hooks.settle(self.ids[path])

    async def unite(self, path: str = PATHS[0]) -> HookState:
        return await self.hooks.unite(self.ids[path], self.account_id)

    async def check(self) -> HookOutcome:
        """The regular look at the group's hook."""
        return await self.hooks.check((await self.living(is_group=True))[0].id)

    async def living(self, *, is_group: bool) -> list[Hook]:
        rows = await self.stage.all_hooks()
        return [row for row in rows if row.removed_at is None and (row.group_path is not None) == is_group]

    async def told(self) -> list[str]:
        """Of which projects' issues messages wait to be sent, after all that arrived was worked off."""
        async with asyncio.timeout(40):
            while await self._is_busy():  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)
        async with self.stage.database.read() as session:
            rows = await session.execute(
                select(StoredEvent).join(Message, Message.event_id == StoredEvent.id).order_by(Message.id)
            )
            return [load(event.body).project.path for (event,) in rows]

    async def waiting(self) -> list[str]:
        """Why deliveries are tried again later."""
        async with asyncio.timeout(40):
            while not (found := await self._postponed()):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)
        return [" ".join((delivery.error or "").split()[-3:]) for delivery in found]

    async def wake(self) -> None:
        """What is to be tried again later is tried now."""
        async with self.stage.database.write() as session:
            await session.execute(update(Delivery).where(Delivery.state == "new").values(not_before=utc_now()))

    async def _postponed(self) -> Sequence[Delivery]:
        async with self.stage.database.read() as session:
            query = select(Delivery).where(Delivery.state == "new", Delivery.error.is_not(None))
            return (await session.scalars(query)).all()

    async def _is_busy(self) -> bool:
        async with self.stage.database.read() as session:
            query = select(func.count()).select_from(Delivery).where(Delivery.state.in_(("new", "taken")))
            return bool(await session.scalar(query))

    def news(self, since: int = 0) -> list[DeliveryRecord]:
        """What the forge delivered, pings left out."""
        return [record for record in self.forge.deliveries[since:] if record.event != "ping"]


@asynccontextmanager
async def relay(stage: Stage, port: int) -> AsyncIterator[None]:
    """The relay on this port, over the stage's database."""
    database, credentials, metrics, stop = stage.database, stage.deps.credentials, Metrics(), asyncio.Event()
    ask_again = timedelta(seconds=2)
    pipeline = Pipeline(
        database, Enricher(database, credentials, clock=utc_now, pause=timedelta(), patience=ask_again), FORGE_TYPES,
        metrics, owner="tests", lease=timedelta(seconds=30), queued=lambda: None, clock=utc_now, checkpoint=_nothing,
    )  # fmt: skip
    inbox = Inbox(database, metrics, stored=pipeline.wake)
    receiver = Receiver(
        database, stage.box, FORGE_TYPES, inbox, Budget(), metrics, utc_now, known_hooks(0), complaints()
    )
    server = TestServer(create_app(receiver, database, metrics, instance="t", is_migrated=_true, waits={}), port=port)
    await server.start_server(**SERVER_OPTIONS)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(inbox.run())
            tasks.create_task(pipeline.run(stop))
            try:
                yield
            finally:
                stop.set()
                inbox.close()
    finally:
        await server.close()


def signed(place: Place, hook: ForgeHook, record: DeliveryRecord, delivery_id: str) -> dict[str, str]:
    """The headers of a delivery as this hook would send it."""
    kinds = {"github": "X-GitHub-Delivery", "gitlab": "Idempotency-Key"}
    made = place.forge.signatures(hook, delivery_id, record.body)
    return {**record.headers, kinds[place.kind]: delivery_id, **made}


async def deliver(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """A delivery that does not come from the forge; the relay takes it."""
    async with ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 202


async def _nothing(_: str) -> None:
    return


async def _true() -> bool:
    return True
