"""The composition root: builds the parts of the roles asked for and runs them in one TaskGroup."""

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from src.app.parts import Parts, guard
from src.app.site import Instance, Site, forge_tokens, key_file, prepare, secret_box, site_of, tunnel_of
from src.config import Settings
from src.database import migrate
from src.database.away import STARTING, insist
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.key_notice import KeyNotice
from src.forge_http import open_session
from src.webhook.metrics import Metrics

__all__ = [
    "ROLES",
    "Instance",
    "Site",
    "forge_tokens",
    "key_file",
    "prepare",
    "run",
    "secret_box",
    "site_of",
    "stop_on_signals",
    "tunnel_of",
]

log = logging.getLogger(__name__)

ROLES = frozenset({"bot", "webhook", "worker", "sender"})


async def run(
    settings: Settings,
    roles: frozenset[str] = ROLES,
    *,
    ready: Callable[[int], None] | None = None,
    site: Site | None = None,
    stop: asyncio.Event | None = None,
    signals: bool = True,
) -> None:
    """Run until SIGTERM, SIGINT or `stop`; then finish what has begun and return.

    `ready` gets the port of the relay once it listens. A part that fails brings all others down with it.
    Without `signals` those are for the caller to hear.
    """
    stop = stop or asyncio.Event()
    site = site or site_of(settings)
    if signals:
        stop_on_signals(stop)
    async with AsyncExitStack() as closing:
        database = Database(settings.database_url)
        closing.push_async_callback(database.close)
        await migrate.upgrade(database)
        http = await closing.enter_async_context(open_session())
        box = secret_box(settings)
        connectors = {kind: forge.connector(http) for kind, forge in site.types.items()}
        parts = Parts(settings, site, database, Credentials(site.types, connectors, box), Metrics(), http, stop)
        # Another process may be making its tables, or be busy with much else, just now.
        parts.forges = await insist(lambda: prepare(database, site, box), seconds=STARTING)
        notice = KeyNotice(database, box, owner=parts.owner)
        closing.push_async_callback(notice.end)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(notice.run(stop), name="keys")
            for name, part in parts.of(roles, ready).items():
                tasks.create_task(guard(name, part, stop), name=name)
    log.info("stopped")


def stop_on_signals(stop: asyncio.Event) -> None:
    """The first signal drains; a second one, of whichever kind, ends the process at once."""
    loop = asyncio.get_running_loop()

    def drain(number: signal.Signals) -> None:
        log.info("%s: finishing what has begun", number.name)
        stop.set()
        for other in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(other)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain, number)
