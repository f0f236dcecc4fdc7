"""Forge instances."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Forge


async def ensure(session: AsyncSession, kind: str, base_url: str) -> Forge:
    """The row of an instance, made when absent."""
    found = await session.scalar(select(Forge).where(Forge.kind == kind, Forge.base_url == base_url))
    if found is None:
        found = Forge(kind=kind, base_url=base_url)
        session.add(found)
        await session.flush()
    return found


async def get(session: AsyncSession, forge_id: int) -> Forge:
    """One instance by id."""
    return await session.get_one(Forge, forge_id)


async def every(session: AsyncSession) -> Sequence[Forge]:
    """All instances ever configured, oldest first."""
    return (await session.scalars(select(Forge).order_by(Forge.id))).all()
