"""Projects that are polled: a forge, the looks at it, what is told, and a clock to move; no webhook anywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from src.database.jobs import Handler, JobRunner
from src.database.models import Delivery, LogEntry, Message, Poll, StoredEvent
from src.database.repositories import jobs
from src.events import Event, load
from src.forge import FoundDelivery
from src.forges import FORGE_TYPES
from src.webhook.enrich import Enricher
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Checkpoint, Pipeline
from src.webhook.polling import RECURRING, Polling, polling_jobs
from tests.hook_stage import Life, living
from tests.worker import work_off


async def _no_checkpoint(_: str) -> None:
    return


@dataclass(kw_only=True)
class Looks:
    """What a test of polling drives and looks at, on one of the two forges."""

    life: Life
    public_url: str | None = None
    woken: list[None] = field(default_factory=list)
    handlers: dict[str, Handler] = field(default_factory=dict)

    def polling(self) -> Polling:
        """A process of its own."""
        return Polling(
            self.life.database,
            self.life.credentials,
            public_url=lambda: self.public_url,
            stored=lambda: self.woken.append(None),
            clock=self.life.clock,
        )

    async def work(self, polling: Polling | None = None, *, owner: str = "tests") -> None:
        """Do the looks that are due."""
        if not self.handlers:  # one process goes on
            self.handlers = polling_jobs(self.polling())
        runner = JobRunner(
            self.life.database,
            self.handlers if polling is None else polling_jobs(polling),
            recurring=RECURRING,
            owner=owner,
            clock=self.life.clock,
        )
        async with self.life.database.write() as session:
            for kind in RECURRING:
                await jobs.put(session, kind, "", now=self.life.clock())
        await runner.run_due()

    async def later(self, seconds: float = 61) -> None:
        """The clock goes on, and what is due by then is looked at."""
        self.life.clock.ahead += timedelta(seconds=seconds)
        await self.work()

    async def look(self) -> None:
        """Look at all that is polled now, whenever it was due."""
        async with self.life.database.write() as session:
            for poll in await session.scalars(select(Poll).where(Poll.stopped_at.is_(None))):
                await jobs.put(session, "poll", str(poll.project_id), now=self.life.clock())
        await self.work()

    async def told(self) -> list[Event]:
        """The events that anybody is told of, oldest first, after all deliveries were worked off."""
        await self.drain()
        async with self.life.database.read() as session:
            query = select(StoredEvent.body).join(Message, Message.event_id == StoredEvent.id).order_by(Message.id)
            return [load(body) for body in await session.scalars(query)]

    async def drain(self, checkpoint: Checkpoint = _no_checkpoint) -> None:
        """The inbox worker works until nothing is due."""
        pipeline = Pipeline(
            self.life.database,
            Enricher(self.life.database, self.life.credentials, clock=self.life.clock),
            FORGE_TYPES,
            Metrics(),
            owner="tests",
            lease=timedelta(seconds=30),
            queued=lambda: None,
            clock=self.life.clock,
            checkpoint=checkpoint,
        )
        await work_off(pipeline, self.life.database)

    async def poll(self) -> Poll:
        """The only project that is, or was, polled."""
        async with self.life.database.read() as session:
            return (await session.scalars(select(Poll))).one()

    async def deliveries(self) -> list[tuple[str, str]]:
        """The event and the state of each delivery, oldest first."""
        async with self.life.database.read() as session:
            return [(d.event, d.state) for d in await session.scalars(select(Delivery).order_by(Delivery.id))]

    async def outcomes(self) -> list[str]:
        """What the log says of polling, oldest first."""
        async with self.life.database.read() as session:
            query = select(LogEntry.outcome).where(LogEntry.kind == "poll").order_by(LogEntry.id)
            return list(await session.scalars(query))

    def asked(self, since: int = 0) -> list[tuple[str, int]]:
        """Path and status of each request that the forge got, from the one with this number on."""
        return [(request.path, request.status) for request in self.life.forge.requests[since:]]

    def parse(self, found: FoundDelivery) -> tuple[Event, ...]:
        """What a found delivery means, as the relay reads it."""
        return FORGE_TYPES[self.life.kind].codec.parse(found.headers, found.body)


@asynccontextmanager
async def looking(folder: Path, kind: str, *, one_clock: bool = False, below: str = "") -> AsyncIterator[Looks]:
    """A forge and the looks at it."""
    async with living(folder, kind, one_clock=one_clock, below=below) as life:
        yield Looks(life=life)
