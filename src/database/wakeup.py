"""A commit in one process wakes the others: PostgreSQL's LISTEN and NOTIFY, with everybody's polling behind it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from src.database.away import FROM_POSTGRESQL
from src.database.database import Database

log = logging.getLogger(__name__)

# What there is news of; each is the payload of a notification, which tells nothing else.
DELIVERIES = "deliveries"
MESSAGES = "messages"
JOBS = "jobs"

CHANNEL = "git_assistant"

_ANNOUNCE = text(f"SELECT pg_notify('{CHANNEL}', :topic)")
# A notification has nothing to lose, so nothing is to be written for it.
_ANNOUNCE_NOW = f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{CHANNEL}', $1)"
_SAID = "announced"
_CONNECT_SECONDS = 5
_ALIVE_SECONDS = 30  # how often a connection that says nothing is asked whether it lives
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds between tries to connect

Wake = Callable[[], None]


async def announce(session: AsyncSession, topic: str) -> None:
    """Tell the other processes with this transaction's commit, once however often it is called.

    SQLite has nobody to tell: those of the process are woken directly, others look every second.
    """
    said: set[str] = session.info.setdefault(_SAID, set())
    if topic in said or session.get_bind().dialect.name == "sqlite":
        return
    said.add(topic)
    await session.execute(_ANNOUNCE, {"topic": topic})


async def announce_now(database: Database, topic: str) -> None:
    """Tell the other processes of what is committed already; raises `NotStored` where the database is away.

    For what is committed more often than it needs telling: transactions that announce something commit one by one, and
    each would wait for all of the others' writing to disk.
    """
    if not database.is_sqlite:
        async with database.driver() as driver:
            await driver.execute(_ANNOUNCE_NOW, topic)


class Listener:
    """Wakes the parts of one process when another one, or this one, announced something.

    It has a connection of its own, and another one when that is lost. What was announced meanwhile is found by
    polling, and by waking everybody once it listens again.
    """

    def __init__(self, url: str, wakes: Mapping[str, Sequence[Wake]]) -> None:
        """`url` is SQLAlchemy's, of PostgreSQL; `wakes` by topic. Both are read while it runs: parts may come later."""
        self._url = url
        self._wakes = wakes
        self._pause = _SHORTEST_PAUSE
        self._over = asyncio.Event()  # the connection is gone, or the process stops
        self.listens = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop`. A database that is away is no failure: it is tried again, less and less often."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end_at(stop), name="listener-stop")
            while not stop.is_set():
                try:
                    await self._listen(stop)
                except FROM_POSTGRESQL as error:
                    log.warning("not listening to other processes (%s): polling goes on", type(error).__name__)
                self.listens.clear()
                await _wait(stop, self._pause)
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    async def _end_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._over.set()

    async def _listen(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises what says that the connection is gone."""
        async with self._connection() as driver:
            log.info("listening to what other processes announce")
            self._pause = _SHORTEST_PAUSE
            self.listens.set()
            self._wake_all()
            while not await _wait(self._over, _ALIVE_SECONDS):
                await driver.execute("SELECT 1", timeout=_CONNECT_SECONDS)
            if not stop.is_set():
                raise ConnectionError

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """The driver's connection, listening; `_over` says when it is gone."""
        arguments = {"timeout": _CONNECT_SECONDS, "server_settings": {"application_name": "git-assistant listener"}}
        engine = create_async_engine(self._url, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
        self._over = over = asyncio.Event()
        try:
            async with engine.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                driver.add_termination_listener(lambda _: over.set())
                await driver.add_listener(CHANNEL, self._heard)
                yield driver
        finally:
            await engine.dispose()

    def _heard(self, _driver: object, _process: int, _channel: str, topic: object) -> None:
        for wake in tuple(self._wakes.get(str(topic), ())):
            wake()

    def _wake_all(self) -> None:
        for wakes in tuple(self._wakes.values()):
            for wake in tuple(wakes):
                wake()


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within the time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
