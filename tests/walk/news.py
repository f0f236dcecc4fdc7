"""A notification in every chat that follows something, as the relay would leave it in the outbox."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from src.database.models import Message, Subscription
from src.database.repositories.messages import UNFINISHED
from src.events import PullRequestAction, PullRequestEvent
from src.webhook.metrics import Metrics
from src.webhook.notifier import Notifier
from tests.notified import queue
from tests.outbox import NoPacer
from tests.rendering import PR, shared
from tests.walk.theatre import Theatre


async def tell_everybody(theatre: Theatre) -> None:
    """Somebody opened a pull request in each project that is followed; every follower is told."""
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.OPENED)
    async with theatre.stage.database.write() as session:
        for subscription in (await session.scalars(select(Subscription).order_by(Subscription.id))).all():
            await queue(session, subscription, event)
    await _send_all(theatre)


async def _send_all(theatre: Theatre) -> None:
    stop = asyncio.Event()
    notifier = Notifier(
        theatre.stage.database,
        theatre.bot,
        NoPacer(),
        owner="walk",
        lease=timedelta(minutes=1),
        words=theatre.deps.credentials.types,
        metrics=Metrics(),
        poll=timedelta(milliseconds=10),
    )
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(20):
        tasks.create_task(notifier.run(stop))
        while await _waiting(theatre):  # noqa: ASYNC110 - the outbox tells nobody when it is empty
            await asyncio.sleep(0.01)
        stop.set()


async def _waiting(theatre: Theatre) -> int:
    async with theatre.stage.database.read() as session:
        query = select(func.count()).select_from(Message).where(Message.state.in_(UNFINISHED))
        return await session.scalar(query) or 0
