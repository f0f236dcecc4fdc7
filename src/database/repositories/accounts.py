"""Accounts on forges and their (encrypted) tokens."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account
from src.forge import Identity


async def put(
    session: AsyncSession,
    *,
    user_id: int,
    forge_id: int,
    identity: Identity,
    token: bytes,
    last4: str,
    now: datetime,
) -> Account:
    """Store a checked token: a new account, or the new token of one that is known. `token` is encrypted."""
    found = await session.scalar(
        select(Account).where(
            Account.user_id == user_id, Account.forge_id == forge_id, Account.external_user_id == identity.id
        )
    )
    if found is None:
        found = Account(user_id=user_id, forge_id=forge_id, external_user_id=identity.id)
        session.add(found)
    found.login, found.emails = identity.login, list(identity.emails)
    found.token, found.token_last4 = token, last4
    found.scopes = None if identity.scopes is None else sorted(identity.scopes)
    found.missing = list(identity.missing)
    found.checked_at, found.dead_at = now, None
    await session.flush()
    return found


async def get(session: AsyncSession, account_id: int) -> Account:
    """One account by id."""
    return await session.get_one(Account, account_id)


async def of_user(session: AsyncSession, user_id: int) -> Sequence[Account]:
    """All accounts of a person, oldest first."""
    return (await session.scalars(select(Account).where(Account.user_id == user_id).order_by(Account.id))).all()


async def by_ids(session: AsyncSession, ids: Collection[int]) -> Sequence[Account]:
    """Several accounts at once."""
    return (await session.scalars(select(Account).where(Account.id.in_(ids)))).all()


async def mark_dead(session: AsyncSession, account: Account, now: datetime) -> bool:
    """The forge refuses the token that `account` was read with. Whether that is news; a newer token is not blamed."""
    result = await session.execute(
        update(Account)
        .where(Account.id == account.id, Account.token == account.token, Account.dead_at.is_(None))
        .values(dead_at=now)
        .returning(Account.id)
    )
    return result.first() is not None
