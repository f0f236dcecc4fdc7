"""One-time codes that let people in, by their hash."""

from datetime import UTC, datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Invite

UNTIL_USED = datetime(9000, 1, 1, tzinfo=UTC)  # of the code that a start prints; the next start ends it, too


async def add(
    session: AsyncSession,
    *,
    code_hash: str,
    is_admin: bool,
    created_by: int | None,
    now: datetime,
    expires_at: datetime,
) -> Invite:
    """A new code; `created_by` is `None` for one that the start makes."""
    made = Invite(code_hash=code_hash, is_admin=is_admin, created_by=created_by, created_at=now, expires_at=expires_at)
    session.add(made)
    await session.flush()
    return made


async def find(session: AsyncSession, code_hash: str, now: datetime) -> Invite | None:
    """A code that is good yet: not used, not too old. Held until the transaction ends, so that one person uses it."""
    return await session.scalar(
        select(Invite)
        .where(Invite.code_hash == code_hash, Invite.used_at.is_(None), Invite.expires_at > now)
        .with_for_update()
    )


async def use(session: AsyncSession, invite: Invite, user_id: int, now: datetime) -> None:
    """It let this person in, and nobody after them."""
    invite.used_at, invite.used_by = now, user_id
    await session.flush()


async def withdraw(session: AsyncSession, invite_id: int, maker_id: int) -> bool:
    """Nobody can use it any more. `False`: somebody has, or `maker_id` did not make it."""
    unused = (Invite.id == invite_id, Invite.created_by == maker_id, Invite.used_at.is_(None))
    gone = await session.scalars(delete(Invite).where(*unused).returning(Invite.id))
    return gone.first() is not None


async def drop_first(session: AsyncSession) -> None:
    """End the codes that earlier starts printed and nobody used."""
    await session.execute(
        delete(Invite).where(Invite.created_by.is_(None), Invite.is_admin.is_(True), Invite.used_at.is_(None))
    )


async def drop_of(session: AsyncSession, user_id: int) -> None:
    """End the unused codes that a person made."""
    await session.execute(delete(Invite).where(Invite.created_by == user_id, Invite.used_at.is_(None)))


async def sweep(session: AsyncSession, now: datetime) -> None:
    """Forget the codes that let nobody in any more."""
    await session.execute(delete(Invite).where(or_(Invite.expires_at <= now, Invite.used_at.is_not(None))))


async def count_good(session: AsyncSession, now: datetime) -> int:
    """How many codes could let somebody in."""
    found = select(func.count()).select_from(Invite).where(Invite.used_at.is_(None), Invite.expires_at > now)
    return await session.scalar(found) or 0
