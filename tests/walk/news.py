"""A notification in every chat that follows something, as the relay would leave it in the outbox."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from src.database.models import Message, StoredEvent, Subscription, utc_now
from src.database.repositories.messages import UNFINISHED
from src.events import SCHEMA_VERSION, PullRequestAction, PullRequestEvent, dump
from src.webhook.metrics import Metrics
from src.webhook.notifier import Notifier
from tests.outbox import NoPacer
from tests.rendering import PR, shared
from tests.walk.theatre import Theatre


async def tell_everybody(theatre: Theatre) -> None:
    """Somebody opened a pull request in each project that is followed; every follower is told."""
    database, now = theatre.stage.database, utc_now()
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.OPENED)
    async with database.write() as session:
        for subscription in await session.scalars(select(Subscription).order_by(Subscription.id)):
            stored = StoredEvent(
                project_id=subscription.project_id,
                happening_key=f"walk {subscription.id}",
                name=event.names[0],
                subject_key=event.subject.key,
                schema_version=SCHEMA_VERSION,
                body=dump(event),
                created_at=now,
            )
            session.add(stored)
            await session.flush()
            session.add(
                Message(
                    event_id=stored.id,
                    chat_id=subscription.chat_id,
                    topic_id=subscription.topic_id,
                    subscription_id=subscription.id,
                    op="send",
                    reasons=[],
                    subject_key=stored.subject_key,
                    level="on",
                    state="new",
                    not_before=now,
                    created_at=now,
                )
            )
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
