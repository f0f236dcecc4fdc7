"""What the doctor asks of the database, across aggregates."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Forge, Hook, Lease


async def accounts(session: AsyncSession) -> Sequence[tuple[Account, Forge]]:
    """Every account with its instance, oldest first."""
    rows = await session.execute(select(Account, Forge).join(Forge, Account.forge_id == Forge.id).order_by(Account.id))
    return [(account, forge) for account, forge in rows]


async def hooks(session: AsyncSession) -> Sequence[Hook]:
    """Every hook that is not removed, oldest first."""
    return (await session.scalars(select(Hook).where(Hook.removed_at.is_(None)).order_by(Hook.id))).all()


async def held_leases(session: AsyncSession, now: datetime) -> Sequence[str]:
    """The names of all leases that somebody holds."""
    return (await session.scalars(select(Lease.name).where(Lease.until > now).order_by(Lease.name))).all()
