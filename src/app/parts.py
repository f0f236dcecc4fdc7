"""The parts of one process, built for the roles asked for, and how they wake each other."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import ClientSession

from src.agent.opinion import SecondOpinion
from src.agent.review import Reviewer
from src.app.site import Site, forge_tokens, tunnel_of
from src.config import Poll, Settings
from src.database import migrate
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.jobs import Handler, JobRunner
from src.database.models import Forge, utc_now
from src.database.retention import RETENTION_JOB, retention_job
from src.database.wakeup import DELIVERIES, JOBS, MESSAGES, Listener
from src.webhook.bodies import Budget
from src.webhook.chat_api import ChatApi
from src.webhook.connections import SlowClients
from src.webhook.enrich import Enricher
from src.webhook.handlers import Receiver, complaints, known_hooks
from src.webhook.inbox import Inbox
from src.webhook.manager import HookManager
from src.webhook.metrics import Metrics
from src.webhook.networks import Gate, Published, Rule
from src.webhook.pipeline import Pipeline
from src.webhook.planning import Planner
from src.webhook.polling import RECURRING as POLLING
from src.webhook.polling import Polling, polling_jobs
from src.webhook.reviewing.accounts import Voices
from src.webhook.reviewing.outcome import Told
from src.webhook.reviewing.trigger import Trigger
from src.webhook.reviewing.work import Reviewing
from src.webhook.server import create_app, serve
from src.webhook.tokens import TOKEN_JOB, token_job
from src.webhook.tunnel import Watch
from src.webhook.upkeep import RECURRING, hook_jobs

log = logging.getLogger(__name__)


def term_of(lease_seconds: float) -> timedelta:
    """How long a lease is. A tenth is left for noticing: within LEASE_SECONDS work is taken over, not just free."""
    return timedelta(seconds=lease_seconds * 0.9)


class Parts:
    """See the module."""

    def __init__(
        self,
        settings: Settings,
        site: Site,
        database: Database,
        credentials: Credentials,
        metrics: Metrics,
        http: ClientSession,
        stop: asyncio.Event,
    ) -> None:
        self.settings = settings
        self.site = site
        self.database = database
        self.credentials = credentials
        self.metrics = metrics
        self.http = http
        self.stop = stop
        self.forges: tuple[Forge, ...] = ()
        self.forge_tokens = forge_tokens(settings, site)
        self.enricher = Enricher(database, credentials, clock=utc_now)
        self.hooks = HookManager(database, credentials, public_url=settings.public_url, clock=utc_now)
        self.owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.lease = term_of(settings.lease_seconds)
        # Who is woken when deliveries were stored, messages queued, or jobs asked for.
        self._stored: list[Callable[[], None]] = []
        self.queued: list[Callable[[], None]] = []
        self.asked: list[Callable[[], None]] = []
        self.waits: dict[str, str | None] = {}  # by part, for `readyz`: what it waits for; `None`: it works

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
            parts["reviews"] = lambda: self._reviews().run(self.stop)
            if self.settings.poll is not Poll.OFF:
                parts["polling"] = lambda: self._polling().run(self.stop)
        if roles & {"bot", "sender"}:
            parts["telegram"] = lambda: self._telegram(roles)
        if roles & {"worker", "sender"} and not self.database.is_sqlite:
            wakes = {DELIVERIES: self._stored, MESSAGES: self.queued, JOBS: self.asked}
            parts["wakeup"] = lambda: Listener(self.database.url, wakes).run(self.stop)
        tunnel = tunnel_of(self.settings)
        if tunnel is not None and roles & {"bot", "worker"}:  # who makes and mends hooks
            parts["tunnel"] = lambda: Watch(tunnel, self.hooks.move).run(self.stop)
        if "webhook" in roles:
            parts["webhook"] = lambda: self._relay(ready)
        return parts

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            self.database,
            self.enricher,
            self.site.types,
            self.metrics,
            owner=self.owner,
            lease=self.lease,
            queued=lambda: _call(self.queued),
            clock=utc_now,
            checkpoint=self.site.checkpoint,
            reviews=Trigger(tokens=self.forge_tokens.keys(), asked=lambda: _call(self.asked)),
        )

    def _reviews(self) -> JobRunner:
        """Reviews of pull requests: a runner of their own, for they take seconds and more."""
        settings, key = self.settings, self.settings.llm_api_key
        opinion = None
        if settings.llm_base_url is not None:
            secret = None if key is None else key.get_secret_value()
            opinion = SecondOpinion(self.http, settings.llm_base_url, secret, settings.llm_models)
        reviewing = Reviewing(
            self.database,
            Voices(self.database, self.credentials, self.forge_tokens),
            Reviewer(opinion=opinion),
            Told(
                self.database,
                Planner(self.database, self.enricher, patience=self.lease / 3),
                queued=lambda: _call(self.queued),
                clock=utc_now,
            ),
            clock=utc_now,
        )
        return self._runner(reviewing.jobs(), ())

    def _chat(self, budget: Budget) -> ChatApi | None:
        """Asking over HTTP, where anybody has a key for it."""
        keys = [key.get_secret_value() for key in self.settings.api_keys]
        if not keys:
            return None
        return ChatApi(
            database=self.database,
            credentials=self.credentials,
            forges=self.forges,
            tokens=self.forge_tokens,
            keys=keys,
            budget=budget,
            asked=lambda: _call(self.asked),
            clock=utc_now,
        )

    def _upkeep(self) -> JobRunner:
        """What is to be done behind the scenes: hooks, tokens, what has outlived its time."""
        handlers = {
            **hook_jobs(self.hooks),
            TOKEN_JOB: token_job(self.database, self.credentials, utc_now),
            RETENTION_JOB: retention_job(self.database, utc_now),
        }
        return self._runner(handlers, (*RECURRING, TOKEN_JOB, RETENTION_JOB))

    def _polling(self) -> JobRunner:
        """Looking at what no webhook tells of; a runner of its own, for looks are many and wait for the forges."""
        polling = Polling(
            self.database,
            self.credentials,
            public_url=lambda: self.hooks.ground.public_url,
            stored=lambda: _call(self._stored),
            clock=utc_now,
        )
        return self._runner(polling_jobs(polling), POLLING)

    def _runner(self, handlers: Mapping[str, Handler], recurring: tuple[str, ...]) -> JobRunner:
        runner = JobRunner(
            self.database, handlers, recurring=recurring, owner=self.owner, lease=self.lease, clock=utc_now
        )
        self.asked.append(runner.wake)
        return runner

    async def _relay(self, ready: Callable[[int], None] | None) -> None:
        self.waits["webhook"] = "starting"

        def listening(port: int) -> None:
            self.waits["webhook"] = None
            if ready is not None:
                ready(port)

        rule = Rule.of(self.settings.webhook_allowed_networks, self.settings.trusted_proxies)
        published = self._published(rule)
        budget = Budget()
        inbox = Inbox(self.database, self.metrics, stored=lambda: _call(self._stored))
        receiver = Receiver(
            self.database,
            self.credentials.box,
            self.site.types,
            inbox,
            budget,
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
            waits=self.waits,
            chat=self._chat(budget),
        )
        host, port, watch = self.settings.host, self.settings.port, SlowClients(self.metrics)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(until(self.stop, published.run(self.stop)), name="networks")
            await serve(app, receiver, host=host, port=port, stop=self.stop, ready=listening, watch=watch)

    def _published(self, rule: Rule) -> Published:
        """The networks of the forges that the rule names, kept fresh; what is awaited shows in `readyz`."""

        def awaited(kinds: tuple[str, ...]) -> None:
            if rule.kinds:
                self.waits["networks"] = f"those of {', '.join(kinds)} are not known yet" if kinds else None

        awaited(tuple(sorted(rule.kinds)))
        clients = {
            kind: [self.credentials.without_token(forge) for forge in self.forges if forge.kind == kind]
            for kind in rule.kinds
        }
        return Published(clients, utc_now, awaited)

    async def _telegram(self, roles: frozenset[str]) -> None:
        from src.app.telegram import run_telegram  # here, for relay and worker need not load aiogram

        await run_telegram(self, roles)


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
