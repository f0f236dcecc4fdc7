"""The composition root: builds the parts of the roles asked for and runs them in one TaskGroup."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url

from src.config import Settings
from src.database import migrate
from src.database.credentials import Credentials
from src.database.crypto import SecretBox, load_or_make_key
from src.database.database import Database
from src.database.models import Forge, Hook, utc_now
from src.database.repositories import forges as forge_rows
from src.database.repositories import hooks as hook_rows
from src.forge import ForgeType
from src.forge_http import open_session
from src.forges import FORGE_TYPES
from src.webhook.bodies import Budget
from src.webhook.enrich import Enricher
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Checkpoint, Pipeline
from src.webhook.server import create_app, serve

log = logging.getLogger(__name__)

ROLES = frozenset({"bot", "webhook", "worker", "sender"})


async def _no_checkpoint(_: str) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A forge that people may use, as the settings name it."""

    kind: str
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What differs between the real thing, a test and the demo, besides the settings."""

    types: dict[str, ForgeType]
    instances: tuple[Instance, ...]  # the first of a kind is its default
    hook_secrets: dict[str, str]  # by kind: of hooks made by hand with the secret from the environment
    checkpoint: Checkpoint = _no_checkpoint
    pace: float = 1.0  # how fast the clock of Telegram's limits runs; an emulator's may run as fast


def site_of(settings: Settings) -> Site:
    """The site that the settings describe."""
    addresses = {
        "github": (settings.github_api_url, *settings.github_api_urls),
        "gitlab": (settings.gitlab_url, *settings.gitlab_urls),
    }
    by_hand = {"github": settings.github_webhook_secret, "gitlab": settings.gitlab_webhook_secret}
    return Site(
        types=dict(FORGE_TYPES),
        instances=tuple(Instance(kind=k, base_url=url) for k, urls in addresses.items() for url in dict.fromkeys(urls)),
        hook_secrets={kind: secret.get_secret_value() for kind, secret in by_hand.items() if secret is not None},
    )


def secret_box(settings: Settings) -> SecretBox:
    """The keys from the settings, or the one beside the SQLite database, made at first use."""
    keys = [key.get_secret_value() for key in settings.secret_keys]
    return SecretBox(keys or [load_or_make_key(key_file(settings))])


def key_file(settings: Settings) -> Path:
    """Where the key is kept when SECRET_KEYS is not set."""
    return Path(make_url(settings.database_url).database or "data/unused").parent / "secret.key"


async def run(
    settings: Settings,
    roles: frozenset[str] = ROLES,
    *,
    ready: Callable[[int], None] | None = None,
    site: Site | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Run until SIGTERM, SIGINT or `stop`; then finish what has begun and return.

    `ready` gets the port of the relay once it listens. A part that fails brings all others down with it.
    """
    stop = stop or asyncio.Event()
    site = site or site_of(settings)
    _stop_on_signals(stop)
    async with AsyncExitStack() as closing:
        database = Database(settings.database_url)
        closing.push_async_callback(database.close)
        await migrate.upgrade(database)
        http = await closing.enter_async_context(open_session())
        box = secret_box(settings)
        connectors = {kind: forge.connector(http) for kind, forge in site.types.items()}
        parts = _Parts(settings, site, database, Credentials(site.types, connectors, box), Metrics(), stop)
        parts.forges = await prepare(database, site, box)
        async with asyncio.TaskGroup() as tasks:
            for name, part in parts.of(roles, ready).items():
                tasks.create_task(_guard(name, part, stop), name=name)
    log.info("stopped")


class _Parts:
    """The parts of one process and how they wake each other."""

    def __init__(
        self,
        settings: Settings,
        site: Site,
        database: Database,
        credentials: Credentials,
        metrics: Metrics,
        stop: asyncio.Event,
    ) -> None:
        self.settings = settings
        self.site = site
        self.database = database
        self.credentials = credentials
        self.metrics = metrics
        self.stop = stop
        self.forges: tuple[Forge, ...] = ()
        self.owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.lease = timedelta(seconds=settings.lease_seconds)
        self._stored: list[Callable[[], None]] = []
        self._queued: list[Callable[[], None]] = []
        self._waits: dict[str, str | None] = {}

    def of(
        self, roles: frozenset[str], ready: Callable[[int], None] | None
    ) -> dict[str, Callable[[], Awaitable[None]]]:
        """What to run for these roles, by name."""
        parts: dict[str, Callable[[], Awaitable[None]]] = {}
        if "worker" in roles:
            pipeline = self._pipeline()
            self._stored.append(pipeline.wake)
            parts["worker"] = lambda: pipeline.run(self.stop)
        if roles & {"bot", "sender"}:
            parts["telegram"] = lambda: self._telegram(roles)
        if "webhook" in roles:
            parts["webhook"] = lambda: self._relay(ready)
        return parts

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            self.database,
            Enricher(self.database, self.credentials, clock=utc_now),
            self.site.types,
            self.metrics,
            owner=self.owner,
            lease=self.lease,
            queued=lambda: _call(self._queued),
            clock=utc_now,
            checkpoint=self.site.checkpoint,
        )

    async def _relay(self, ready: Callable[[int], None] | None) -> None:
        self._waits["webhook"] = "starting"

        def listening(port: int) -> None:
            self._waits["webhook"] = None
            if ready is not None:
                ready(port)

        inbox = Inbox(self.database, self.metrics, stored=lambda: _call(self._stored))
        receiver = Receiver(
            self.database,
            self.credentials.box,
            self.site.types,
            inbox,
            Budget(),
            self.metrics,
            utc_now,
            known_hooks(),
            complaints(),
        )
        app = create_app(
            receiver,
            self.database,
            self.metrics,
            instance=secrets.token_hex(8),
            is_migrated=lambda: migrate.is_current(self.database),
            waits=self._waits,
        )
        await serve(app, inbox, host=self.settings.host, port=self.settings.port, stop=self.stop, ready=listening)

    async def _telegram(self, roles: frozenset[str]) -> None:
        """Bot and sender: one process at a time for each bot token."""
        from src.bot.bot import AccessRule, BotDeps, create_bot, create_dispatcher, poll
        from src.bot.limiter import Limiter
        from src.database.lease import while_held
        from src.webhook.manager import HookManager
        from src.webhook.notifier import Notifier

        settings = self.settings
        if settings.telegram_bot_token is None:
            raise ValueError("TELEGRAM_BOT_TOKEN is not set")
        self._waits["telegram"] = "another process holds the bot"
        pace = self.site.pace
        limiter = Limiter(clock=lambda: time.monotonic() * pace, sleep=lambda seconds: asyncio.sleep(seconds / pace))
        bot = create_bot(settings.telegram_bot_token.get_secret_value(), settings.telegram_api_url, limiter)
        deps = BotDeps(
            database=self.database,
            credentials=self.credentials,
            forges=self.forges,
            hooks=HookManager(self.database, self.credentials, public_url=settings.public_url, clock=utc_now),
            access=AccessRule(
                mode=settings.access.value,
                admin_ids=frozenset(settings.admin_ids),
                allowed_ids=frozenset(settings.allowed_ids),
            ),
            clock=utc_now,
        )

        async def work(_fence: int) -> None:
            self._waits["telegram"] = None
            async with asyncio.TaskGroup() as tasks:
                if "sender" in roles:
                    notifier = Notifier(
                        self.database,
                        bot,
                        limiter,
                        owner=self.owner,
                        lease=self.lease,
                        words=self.site.types,
                        metrics=self.metrics,
                        clock=utc_now,
                        checkpoint=self.site.checkpoint,
                    )
                    self._queued.append(notifier.wake)
                    tasks.create_task(_guard("sender", lambda: notifier.run(self.stop), self.stop), name="sender")
                if "bot" in roles:
                    dispatcher = create_dispatcher(deps)
                    tasks.create_task(_guard("bot", lambda: poll(bot, dispatcher, self.stop), self.stop), name="bot")

        try:
            name = f"telegram:{bot.id}"
            await while_held(self.database, name, owner=self.owner, term=self.lease, stop=self.stop, work=work)
        finally:
            await bot.session.close()


async def prepare(database: Database, site: Site, box: SecretBox) -> tuple[Forge, ...]:
    """Rows for the configured forges and for the hooks that the environment's secrets stand for."""
    async with database.write() as session:
        rows = [await forge_rows.ensure(session, item.kind, item.base_url) for item in site.instances]
        for kind in site.types:
            hook = await hook_rows.environment(session, kind, switched_off=True)
            secret = site.hook_secrets.get(kind)
            if secret is None:
                if hook is not None:
                    hook.removed_at = utc_now()
                continue
            default = next(row for row in rows if row.kind == kind)
            if hook is None:
                hook = Hook(public_id=secrets.token_hex(16), origin="environment", events=[], created_at=utc_now())
            hook.forge_id, hook.secret, hook.removed_at = default.id, box.seal(secret), None
            await hook_rows.add(session, hook)
    return tuple(rows)


async def _guard(name: str, part: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Run a part; that it ends before it was asked to is a failure of the whole."""
    await part()
    if not stop.is_set():
        raise RuntimeError(f"{name} ended by itself")


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first signal drains; a second one, of whichever kind, ends the process at once."""
    loop = asyncio.get_running_loop()

    def drain(number: signal.Signals) -> None:
        log.info("%s: finishing what has begun", number.name)
        stop.set()
        for other in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(other)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain, number)


def _call(functions: list[Callable[[], None]]) -> None:
    for function in functions:
        function()
