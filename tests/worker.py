"""A worker of the inbox on any database: nothing that it works off here needs a forge."""

import asyncio

from cryptography.fernet import Fernet
from sqlalchemy import select

from src.database.credentials import Credentials
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Delivery, utc_now
from src.forges import FORGE_TYPES
from src.webhook.enrich import Enricher
from src.webhook.metrics import Metrics
from src.webhook.pipeline import Checkpoint, Pipeline
from tests.crowd import LEASE
from tests.fake_forge import FakeForge


async def nothing(_: str) -> None:
    return


def worker(database: Database, owner: str, *, checkpoint: Checkpoint = nothing) -> Pipeline:
    credentials = Credentials(
        FORGE_TYPES, dict.fromkeys(FORGE_TYPES, FakeForge()), SecretBox([Fernet.generate_key().decode()])
    )
    return Pipeline(
        database,
        Enricher(database, credentials, clock=utc_now),
        FORGE_TYPES,
        Metrics(),
        owner=owner,
        lease=LEASE,
        queued=lambda: None,
        clock=utc_now,
        checkpoint=checkpoint,
    )


async def work_off(pipeline: Pipeline, database: Database) -> None:
    """Run it until no delivery waits; raises TimeoutError."""
    stop = asyncio.Event()
    waiting = select(Delivery.id).where(Delivery.state.in_(("new", "taken"))).limit(1)

    async def is_done() -> bool:
        async with database.read() as session:
            return await session.scalar(waiting) is None

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pipeline.run(stop))
        try:
            async with asyncio.timeout(20):
                while not await is_done():  # noqa: ASYNC110 - what is waited for happens in the database
                    await asyncio.sleep(0.01)
        finally:
            stop.set()
