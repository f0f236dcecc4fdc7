"""Accounts on forges and their (encrypted) tokens."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Hook, Subscription, User
from src.database.repositories import jobs
from src.forge import Identity

_PART = 1_000  # ids in one statement: SQLite binds some thirty thousand values at most


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
    was_dead, found.checked_at, found.dead_at = found.dead_at is not None, now, None
    found.poor_at = now if identity.missing else None  # who gives a token is told what it lacks
    await session.flush()
    if was_dead:
        await _wake(session, found.id, now)
    return found


async def get(session: AsyncSession, account_id: int) -> Account:
    """One account by id."""
    return await session.get_one(Account, account_id)


async def of_user(session: AsyncSession, user_id: int) -> Sequence[Account]:
    """All accounts of a person, oldest first."""
    return (await session.scalars(select(Account).where(Account.user_id == user_id).order_by(Account.id))).all()


async def by_ids(session: AsyncSession, ids: Collection[int]) -> Sequence[Account]:
    """Several accounts at once, or thousands."""
    wanted, found = sorted(ids), list[Account]()
    for start in range(0, len(wanted), _PART):
        found.extend(await session.scalars(select(Account).where(Account.id.in_(wanted[start : start + _PART]))))
    return found


async def mark_dead(session: AsyncSession, account: Account, now: datetime) -> bool:
    """The forge refuses the token that `account` was read with. Whether that is news; a newer token is not blamed.

    Where nobody is being told of it just then, use `webhook.tokens.refused`, which has its owner told.
    """
    result = await session.execute(
        update(Account)
        .where(Account.id == account.id, Account.token == account.token, Account.dead_at.is_(None))
        .values(dead_at=now)
        .returning(Account.id)
    )
    return result.first() is not None


async def to_check(
    session: AsyncSession,
    forge_id: int,
    *,
    alive_before: datetime,
    dying_before: datetime,
    dead_since: datetime,
    limit: int,
) -> Sequence[Account]:
    """Accounts of a forge whose token it is time to try, the longest unchecked first. Not those of who may not be here.

    Those checked before `alive_before`; of tokens that died after `dead_since` those checked before `dying_before`.
    """
    due = or_(
        Account.checked_at <= alive_before,
        and_(Account.dead_at > dead_since, Account.checked_at <= dying_before),
    )
    query = (
        select(Account)
        .join(User, User.id == Account.user_id)
        .where(Account.forge_id == forge_id, User.barred_at.is_(None), due)
        .order_by(Account.checked_at, Account.id)
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def checked(session: AsyncSession, account: Account, identity: Identity, now: datetime) -> bool:
    """The token that `account` was read with works, and may do this much. `False`: there is a newer one by now.

    One that was dead wakes what rested for it.
    """
    result = await session.execute(
        update(Account)
        .where(Account.id == account.id, Account.token == account.token)
        .values(
            login=identity.login,
            emails=list(identity.emails),
            scopes=None if identity.scopes is None else sorted(identity.scopes),
            missing=list(identity.missing),
            poor_at=(account.poor_at or now) if identity.missing else None,
            checked_at=now,
            dead_at=None,
        )
        .returning(Account.id)
        .execution_options(synchronize_session=False)
    )
    if result.first() is None:
        return False
    if account.dead_at is not None:
        await _wake(session, account.id, now)
    return True


async def looked_at(session: AsyncSession, account: Account, now: datetime) -> None:
    """The token that `account` was read with was tried, and nothing is new."""
    await session.execute(
        update(Account).where(Account.id == account.id, Account.token == account.token).values(checked_at=now)
    )


async def remove(session: AsyncSession, account_id: int, now: datetime) -> None:
    """Delete an account with its token; what it speaks for ends before: `erasure.end_subscriptions`.

    The hooks that it looked after are handed on soon.
    """
    looked_after = select(Hook.project_id).where(Hook.account_id == account_id, Hook.removed_at.is_(None))
    projects = [project_id for project_id in await session.scalars(looked_after) if project_id is not None]
    await session.execute(delete(Account).where(Account.id == account_id).execution_options(synchronize_session=False))
    for project_id in projects:
        await jobs.put(session, "hook_settle", str(project_id), now=now)


async def _wake(session: AsyncSession, account_id: int, now: datetime) -> None:
    """The account's token works again: the hooks of what it follows are looked after at once."""
    query = select(Subscription.project_id).where(Subscription.account_id == account_id).distinct()
    for project_id in await session.scalars(query):
        await jobs.put(session, "hook_settle", str(project_id), now=now)
