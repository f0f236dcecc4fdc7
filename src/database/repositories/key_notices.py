"""Which key each running process seals with: rows among the leases, which run out when a process dies."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Lease
from src.database.upsert import insert_if_new

PREFIX = "keys:"


async def put(session: AsyncSession, process: str, mark: str, *, until: datetime) -> None:
    """A process seals with this key; it says so again before `until`."""
    name = f"{PREFIX}{process}"
    await session.execute(insert_if_new(session, Lease).values(name=name, owner=mark, until=until, fence=0))
    await session.execute(
        update(Lease)
        .where(Lease.name == name)
        .values(owner=mark, until=until)
        .execution_options(synchronize_session=False)
    )


async def remove(session: AsyncSession, process: str) -> None:
    """The process seals nothing any more."""
    gone = delete(Lease).where(Lease.name == f"{PREFIX}{process}")
    await session.execute(gone.execution_options(synchronize_session=False))


async def living(session: AsyncSession, now: datetime) -> Mapping[str, str]:
    """The marks of the keys that running processes seal with, by process."""
    rows = await session.execute(
        select(Lease.name, Lease.owner).where(Lease.name.startswith(PREFIX), Lease.until > now).order_by(Lease.name)
    )
    return {name.removeprefix(PREFIX): mark for name, mark in rows}
