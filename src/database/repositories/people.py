"""Who may use the bot, and who runs it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Chat, User


async def find(session: AsyncSession, telegram_id: int) -> User | None:
    """A person by Telegram's number; `None`: they never were let in, or are forgotten."""
    return await session.scalar(select(User).where(User.telegram_id == telegram_id))


async def get(session: AsyncSession, user_id: int) -> User | None:
    """A person by our id; `None`: they are gone."""
    return await session.get(User, user_id)


async def hold(session: AsyncSession, user_id: int) -> User | None:
    """As `get`, and nobody changes them until the transaction ends."""
    return await session.get(User, user_id, with_for_update=True)


async def admit(session: AsyncSession, user: User, *, as_admin: bool, now: datetime) -> None:
    """A code lets this person in, `as_admin` as one who runs the bot. Nobody loses by it what they are already."""
    user.admitted_at = user.admitted_at or now
    user.is_admin = user.is_admin or as_admin
    user.barred_at = None
    await session.flush()


async def bar(session: AsyncSession, user_id: int, now: datetime) -> None:
    """Take back what a code gave this person."""
    await session.execute(
        update(User).where(User.id == user_id).values(admitted_at=None, is_admin=False, barred_at=now)
    )


async def settle(
    session: AsyncSession, *, listed: Collection[int] | None, by_code: bool, now: datetime
) -> tuple[int, int]:
    """Bar whom the rule no longer admits, and let in again whom it does. Returns how many of either.

    `listed` are Telegram's numbers, `None` for everybody; `by_code` whether those count whom a code let in.
    """
    admitted: ColumnElement[bool] = true() if listed is None else User.telegram_id.in_(listed)
    if by_code:
        admitted = or_(admitted, User.admitted_at.is_not(None))
    barred = await session.scalars(
        update(User).where(User.barred_at.is_(None), not_(admitted)).values(barred_at=now).returning(User.id)
    )
    count = len(barred.all())
    back = await session.scalars(
        update(User).where(User.barred_at.is_not(None), admitted).values(barred_at=None).returning(User.id)
    )
    return count, len(back.all())


async def has_admin(session: AsyncSession) -> bool:
    """Whether a code made somebody an admin who still is one."""
    return await session.scalar(select(User.id).where(User.is_admin.is_(True)).limit(1)) is not None


async def admitted(session: AsyncSession, *, page: int, size: int) -> tuple[Sequence[User], int]:
    """Those who may use the bot and did, those who run it first, then the earliest; a page from 1 on, and how many."""
    who = User.barred_at.is_(None)
    total = await session.scalar(select(func.count()).select_from(User).where(who)) or 0
    rows = await session.scalars(
        select(User).where(who).order_by(User.is_admin.desc(), User.id).offset((page - 1) * size).limit(size)
    )
    return rows.all(), total


async def admin_chats(session: AsyncSession, admin_ids: Collection[int]) -> Sequence[int]:
    """The private chats, by our id, of those who run the bot: by a code, or by their number in `admin_ids`."""
    runs_it = or_(User.is_admin.is_(True), User.telegram_id.in_(admin_ids))
    rows = await session.scalars(
        select(Chat.id)
        .join(User, User.telegram_id == Chat.telegram_id)
        .where(and_(runs_it, User.barred_at.is_(None), Chat.off_at.is_(None)))
        .order_by(Chat.id)
    )
    return rows.all()
