"""The log of outcomes: one row for each that a person may ask about."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import LogEntry, Project

_INSERT = insert(LogEntry)


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
    await session.flush()  # what it speaks of may be about to be written
    connection = await session.connection()
    await connection.execute(
        _INSERT,
        {
            "at": now,
            "kind": kind,
            "outcome": outcome,
            "message": message[:1000],
            "hook_id": hook_id,
            "delivery_id": delivery_id,
            "project_id": project_id,
        },
    )


async def latest(
    session: AsyncSession,
    *,
    kind: str | None = None,
    repo: str | None = None,
    after: int = 0,
    limit: int | None = 50,
) -> Sequence[LogEntry]:
    """The newest rows, newest first: of one kind, of the projects of one path, with a greater id than `after`."""
    query = select(LogEntry).where(LogEntry.id > after).order_by(LogEntry.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(LogEntry.kind == kind)
    if repo is not None:
        named = select(Project.id).where(func.lower(Project.path) == repo.strip("/").lower())
        query = query.where(LogEntry.project_id.in_(named))
    return (await session.scalars(query)).all()


async def last_at(session: AsyncSession, *, kind: str, outcome: str, hook_id: int | None = None) -> datetime | None:
    """When this last came out, of one hook where given."""
    query = select(LogEntry.at).where(LogEntry.kind == kind, LogEntry.outcome == outcome)
    if hook_id is not None:
        query = query.where(LogEntry.hook_id == hook_id)
    return await session.scalar(query.order_by(LogEntry.id.desc()).limit(1))
