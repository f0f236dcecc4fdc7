"""Leases: what only one process may do at a time."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Lease
from src.database.upsert import insert_if_new


async def holder(session: AsyncSession, name: str, now: datetime) -> str | None:
    """Who holds it now; `None` if it is free."""
    return await session.scalar(select(Lease.owner).where(Lease.name == name, Lease.until > now))


async def acquire(session: AsyncSession, name: str, *, owner: str, now: datetime, term: timedelta) -> int | None:
    """Take a lease that is free or has run out. Its fence, higher than any before, or `None` while it is held.

    A name is no proof: who holds it keeps it with `renew`, and a process that comes back under the same name waits.
    """
    await session.execute(insert_if_new(session, Lease).values(name=name, owner=owner, until=now, fence=0))
    return await session.scalar(
        update(Lease)
        .where(Lease.name == name, Lease.until <= now)
        .values(owner=owner, until=now + term, fence=Lease.fence + 1)
        .returning(Lease.fence)
        .execution_options(synchronize_session=False)
    )


async def renew(
    session: AsyncSession, name: str, *, owner: str, fence: int, now: datetime, term: timedelta
) -> datetime | None:
    """Keep a lease; the same fence goes on. Until when, or `None`: somebody else took it meanwhile."""
    held = (Lease.name == name, Lease.owner == owner, Lease.fence == fence)
    query = update(Lease).where(*held).values(until=now + term).returning(Lease.until)
    return await session.scalar(query.execution_options(synchronize_session=False))


async def is_held(session: AsyncSession, name: str, *, owner: str, fence: int, now: datetime) -> bool:
    """Whether it is still the owner's under this fence: who may not write without it asks in the same transaction."""
    held = (Lease.name == name, Lease.owner == owner, Lease.fence == fence, Lease.until > now)
    return await session.scalar(select(Lease.fence).where(*held)) is not None


async def release(session: AsyncSession, name: str, *, owner: str, fence: int, now: datetime) -> None:
    """Let go, so that the next one need not wait. Does nothing where it is another's by now."""
    held = (Lease.name == name, Lease.owner == owner, Lease.fence == fence)
    await session.execute(update(Lease).where(*held).values(until=now))
