"""What has outlived its time: deleted oldest first, a small batch in each transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import (
    Delivery,
    Hook,
    Job,
    Lease,
    LogEntry,
    Message,
    Missed,
    Mute,
    Project,
    Review,
    Sent,
    StoredEvent,
    Subscription,
)
from src.database.repositories import key_notices


async def empty_deliveries(session: AsyncSession, before: datetime, limit: int, after_id: int) -> int | None:
    """Take the bodies out of deliveries received before; what tells them apart stays.

    Looks at those with a greater id than `after_id`. Returns the id to go on after; `None`: there are no more.
    """
    query = select(Delivery.id, Delivery.received_at).where(Delivery.id > after_id, Delivery.body.is_not(None))
    ids, more = await _oldest(session, query.order_by(Delivery.id), before, limit)
    if ids:
        values: dict[str, Any] = {"body": None, "headers": {}, "error": None}
        unfinished = (Delivery.id.in_(ids), Delivery.state.in_(("new", "taken")))
        await _run(session, update(Delivery).where(*unfinished).values(state="failed", fence=Delivery.fence + 1))
        await _run(session, update(Delivery).where(Delivery.id.in_(ids)).values(**values))
    return ids[-1] if more else None


async def deliveries(session: AsyncSession, before: datetime, limit: int) -> bool:
    """Delete deliveries received before. Whether there may be more."""
    ids, more = await _oldest(session, select(Delivery.id, Delivery.received_at).order_by(Delivery.id), before, limit)
    await _run(session, delete(Delivery).where(Delivery.id.in_(ids)))
    return more


async def events(session: AsyncSession, before: datetime, limit: int) -> bool:
    """Delete events stored before, with the messages that tell of them. Whether there may be more."""
    ids, more = await _oldest(
        session, select(StoredEvent.id, StoredEvent.created_at).order_by(StoredEvent.id), before, limit
    )
    await _run(session, delete(Message).where(Message.event_id.in_(ids)))
    await _run(session, delete(StoredEvent).where(StoredEvent.id.in_(ids)))
    return more


async def sent(session: AsyncSession, before: datetime, limit: int) -> bool:
    """Forget which messages in the chats were about what, of those sent before. Whether there may be more."""
    ids, more = await _oldest(session, select(Sent.id, Sent.sent_at).order_by(Sent.id), before, limit)
    await _run(session, delete(Sent).where(Sent.id.in_(ids)))
    return more


async def reviews(session: AsyncSession, before: datetime, limit: int) -> bool:
    """Delete reviews asked for before. Whether there may be more."""
    ids, more = await _oldest(session, select(Review.id, Review.created_at).order_by(Review.id), before, limit)
    await _run(session, delete(Review).where(Review.id.in_(ids)))
    return more


async def log(session: AsyncSession, before: datetime, limit: int) -> bool:
    """Delete the log of outcomes before. Whether there may be more."""
    ids, more = await _oldest(session, select(LogEntry.id, LogEntry.at).order_by(LogEntry.id), before, limit)
    await _run(session, delete(LogEntry).where(LogEntry.id.in_(ids)))
    return more


async def jobs(session: AsyncSession, before: datetime) -> None:
    """Delete jobs that were given up, and asked for before."""
    await _run(session, delete(Job).where(Job.state == "dead", Job.created_at < before))


async def missed(session: AsyncSession, before: datetime) -> None:
    """Forget deliveries that were noticed before to be missing: the forges no longer tell of them."""
    await _run(session, delete(Missed).where(Missed.noticed_at < before))


async def places(session: AsyncSession, before: datetime) -> None:
    """Forget the places that somebody dealt with the hooks of and let go before: their names may be people's.

    And the processes that died without a word about their key.
    """
    of_the_past = or_(Lease.name.startswith("hooks:"), Lease.name.startswith(key_notices.PREFIX))
    await _run(session, delete(Lease).where(of_the_past, Lease.until < before))


async def hooks(session: AsyncSession, before: datetime) -> None:
    """Delete the tombstones of hooks removed before of which no delivery is left."""
    delivered = select(Delivery.id).where(Delivery.hook_id == Hook.id).exists()
    removed = (Hook.removed_at < before, Hook.origin != "environment")
    await _run(session, delete(Hook).where(*removed, ~delivered))


async def projects(session: AsyncSession) -> None:
    """Forget the projects that nobody follows and nothing else speaks of."""
    used = [
        select(table.id).where(table.project_id == Project.id).exists()
        for table in (Subscription, Hook, StoredEvent, Sent, Mute, Review)
    ]
    await _run(session, delete(Project).where(~or_(*used)))


async def _oldest(
    session: AsyncSession, query: Select[int, datetime], before: datetime, limit: int
) -> tuple[Sequence[int], bool]:
    """The ids of the first rows, up to the first that is younger, and whether there may be more.

    Rows are numbered in the order of time, so that none but these have to be read.
    """
    rows = (await session.execute(query.limit(limit))).all()
    ids = [number for number, moment in rows if moment < before]
    return ids, len(ids) == limit


async def _run(session: AsyncSession, statement: Any) -> None:
    await session.execute(statement.execution_options(synchronize_session=False))
