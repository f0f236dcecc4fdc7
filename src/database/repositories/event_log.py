"""The log of outcomes: one row for each that a person may ask about."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import LogEntry


async def add(
    session: AsyncSession,
    *,
    kind: str,
    outcome: str,
    message: str,
    now: datetime,
    hook_id: int | None = None,
    delivery_id: int | None = None,
    project_id: int | None = None,
) -> None:
    """Write one row. `message` is for people and holds no payload, token or secret."""
    session.add(
        LogEntry(
            at=now,
            kind=kind,
            outcome=outcome,
            message=message[:1000],
            hook_id=hook_id,
            delivery_id=delivery_id,
            project_id=project_id,
        )
    )


async def latest(session: AsyncSession, *, kind: str | None = None, limit: int = 50) -> Sequence[LogEntry]:
    """The newest rows, newest first."""
    query = select(LogEntry).order_by(LogEntry.id.desc()).limit(limit)
    return (await session.scalars(query if kind is None else query.where(LogEntry.kind == kind))).all()


async def last_at(session: AsyncSession, *, kind: str, outcome: str, hook_id: int | None = None) -> datetime | None:
    """When this last came out, of one hook where given."""
    query = select(LogEntry.at).where(LogEntry.kind == kind, LogEntry.outcome == outcome)
    if hook_id is not None:
        query = query.where(LogEntry.hook_id == hook_id)
    return await session.scalar(query.order_by(LogEntry.id.desc()).limit(1))
