"""The parts of one process, built for the roles asked for, and how they wake each other."""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

from src.app.site import Site, tunnel_of
from src.config import Settings
from src.database import migrate
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.jobs import JobRunner
from src.database.lease import while_held
from src.database.models import Forge, utc_now
from src.database.retention import RETENTION_JOB, retention_job
from src.webhook.bodies import Budget
from src.webhook.connections import SlowClients
from src.webhook.enrich import Enricher
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.manager import HookManager
from src.webhook.metrics import Metrics
from src.webhook.networks import Gate, Published, Rule
from src.webhook.notices import NOTICE_JOB
from src.webhook.pipeline import Pipeline
from src.webhook.server import create_app, serve
from src.webhook.tokens import TOKEN_JOB, token_job
from src.webhook.tunnel import Watch
from src.webhook.upkeep import RECURRING, hook_jobs

log = logging.getLogger(__name__)


class Parts:
    """See the module."""

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
        self.hooks = HookManager(database, credentials, public_url=settings.public_url, clock=utc_now)
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
            parts["upkeep"] = lambda: self._upkeep().run(self.stop)
        if roles & {"bot", "sender"}:
            parts["telegram"] = lambda: self._telegram(roles)
        tunnel = tunnel_of(self.settings)
        if tunnel is not None and roles & {"bot", "worker"}:  # who makes and mends hooks
            parts["tunnel"] = lambda: Watch(tunnel, self.hooks.move).run(self.stop)
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

    def _upkeep(self) -> JobRunner:
        """What is to be done behind the scenes: hooks, tokens, what has outlived its time."""
        handlers = {
            **hook_jobs(self.hooks),
            TOKEN_JOB: token_job(self.database, self.credentials, utc_now),
            RETENTION_JOB: retention_job(self.database, utc_now),
        }
        recurring = (*RECURRING, TOKEN_JOB, RETENTION_JOB)
        return JobRunner(self.database, handlers, recurring=recurring, owner=self.owner, clock=utc_now)

    async def _relay(self, ready: Callable[[int], None] | None) -> None:
        self._waits["webhook"] = "starting"

        def listening(port: int) -> None:
            self._waits["webhook"] = None
            if ready is not None:
                ready(port)

        rule = Rule.of(self.settings.webhook_allowed_networks, self.settings.trusted_proxies)
        published = self._published(rule)
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
            Gate(rule, published),
            frozenset(self.settings.admin_ids),
        )
        app = create_app(
            receiver,
            self.database,
            self.metrics,
            instance=secrets.token_hex(8),
            is_migrated=lambda: migrate.is_current(self.database),
            waits=self._waits,
        )
        host, port, watch = self.settings.host, self.settings.port, SlowClients(self.metrics)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(until(self.stop, published.run(self.stop)), name="networks")
            await serve(app, inbox, host=host, port=port, stop=self.stop, ready=listening, watch=watch)

    def _published(self, rule: Rule) -> Published:
        """The networks of the forges that the rule names, kept fresh; what is awaited shows in `readyz`."""

        def awaited(kinds: tuple[str, ...]) -> None:
            if rule.kinds:
                self._waits["networks"] = f"those of {', '.join(kinds)} are not known yet" if kinds else None

        awaited(tuple(sorted(rule.kinds)))
        clients = {
            kind: [self.credentials.without_token(forge) for forge in self.forges if forge.kind == kind]
            for kind in rule.kinds
        }
        return Published(clients, utc_now, awaited)

    async def _telegram(self, roles: frozenset[str]) -> None:
        """Bot and sender: one process at a time for each bot token."""
        from src.bot.access import AccessRule, announce_first_code, settle_access
        from src.bot.bot import BotDeps, create_bot, create_dispatcher, poll
        from src.bot.fsm_storage import DIALOGS_JOB, DatabaseStorage, sweep_job
        from src.bot.limiter import Limiter
        from src.bot.notices import notice_job
        from src.bot.profile import publish
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
            hooks=self.hooks,
            access=AccessRule(
                mode=settings.access.value,
                admin_ids=frozenset(settings.admin_ids),
                allowed_ids=frozenset(settings.allowed_ids),
            ),
            clock=utc_now,
        )

        async def send(tasks: asyncio.TaskGroup) -> None:
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
            tasks.create_task(guard("sender", lambda: notifier.run(self.stop), self.stop), name="sender")
            handlers = {
                NOTICE_JOB: notice_job(bot, self.database, self.site.types, utc_now),
                DIALOGS_JOB: sweep_job(self.database, utc_now),
            }
            notices = JobRunner(self.database, handlers, recurring=(DIALOGS_JOB,), owner=self.owner, clock=utc_now)
            tasks.create_task(guard("notices", lambda: notices.run(self.stop), self.stop), name="notices")

        async def listen(tasks: asyncio.TaskGroup) -> None:
            async with self.database.write() as session:
                await settle_access(session, deps.access, utc_now())
            await announce_first_code(self.database, deps.access, bot, utc_now())
            dispatcher = create_dispatcher(deps, DatabaseStorage(self.database, utc_now))
            tasks.create_task(guard("bot", lambda: poll(bot, dispatcher, self.stop), self.stop), name="bot")
            tasks.create_task(until(self.stop, publish(bot, deps)), name="profile")

        async def work(_fence: int) -> None:
            self._waits["telegram"] = None
            async with asyncio.TaskGroup() as tasks:
                if "sender" in roles:
                    await send(tasks)
                if "bot" in roles:
                    await listen(tasks)

        try:
            name = f"telegram:{bot.id}"
            await while_held(self.database, name, owner=self.owner, term=self.lease, stop=self.stop, work=work)
        finally:
            await bot.session.close()


async def guard(name: str, part: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Run a part; that it ends before it was asked to is a failure of the whole."""
    await part()
    if not stop.is_set():
        raise RuntimeError(f"{name} ended by itself")


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Work that nobody waits for: it ends by itself, or when the process is asked to."""
    async with asyncio.TaskGroup() as tasks:
        both = {tasks.create_task(work), tasks.create_task(_set(stop))}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()


async def _set(event: asyncio.Event) -> None:
    await event.wait()


def _call(functions: list[Callable[[], None]]) -> None:
    for function in functions:
        function()
