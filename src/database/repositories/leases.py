"""Leases: what only one process may do at a time."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Lease


async def acquire(session: AsyncSession, name: str, *, owner: str, now: datetime, term: timedelta) -> int | None:
    """Take or renew a lease. Its fence, or `None` while somebody else holds it."""
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    await session.execute(insert(Lease).values(name=name, owner=owner, until=now, fence=0).on_conflict_do_nothing())
    return await session.scalar(
        update(Lease)
        .where(Lease.name == name, (Lease.owner == owner) | (Lease.until <= now))
        .values(owner=owner, until=now + term, fence=Lease.fence + 1)
        .returning(Lease.fence)
        .execution_options(synchronize_session=False)
    )


async def release(session: AsyncSession, name: str, *, owner: str, now: datetime) -> None:
    """Let go, so that the next one need not wait."""
    await session.execute(update(Lease).where(Lease.name == name, Lease.owner == owner).values(until=now))
