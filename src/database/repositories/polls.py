"""Projects that are polled: how they stand, and what a look found, stored along with where the next one begins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Delivery, Hook, Poll, Project, StoredEvent, Subscription, User
from src.database.repositories.deliveries import NewDelivery
from src.database.upsert import insert_if_new
from src.database.wakeup import DELIVERIES, announce

ORIGIN = "poll"  # of the hook rows by which it goes on
_TWINS = 20


async def followed(session: AsyncSession) -> Sequence[Project]:
    """All projects that somebody follows."""
    follows = select(Subscription.id).where(Subscription.project_id == Project.id).exists()
    return (await session.scalars(select(Project).where(follows).order_by(Project.id))).all()


async def find(session: AsyncSession, project_id: int) -> Poll | None:
    """How a project stands that is, or was, polled."""
    return await session.get(Poll, project_id)


async def running(session: AsyncSession, project_ids: Sequence[int]) -> dict[int, Poll]:
    """Those of these projects that are polled now."""
    query = select(Poll).where(Poll.project_id.in_(project_ids), Poll.stopped_at.is_(None))
    return {poll.project_id: poll for poll in await session.scalars(query)}


async def begin(
    session: AsyncSession, project: Project, hook: Hook, *, seconds: int, now: datetime, fresh_since: datetime
) -> Poll:
    """A project is polled from now on. `hook`: the row to make, where there is none yet.

    Where it was polled until lately (`fresh_since`) it goes on from there; else from now.
    """
    found = await session.get(Poll, project.id)
    if found is None:
        session.add(hook)
        await session.flush()
        found = Poll(project_id=project.id, hook_id=hook.id, version=0, seconds=seconds, created_at=now)
        session.add(found)
    elif found.stopped_at is not None:
        if found.stopped_at < fresh_since:
            found.state = None
        found.stopped_at, found.error, found.seconds = None, None, seconds
        await _revive(session, found.hook_id)
    await session.flush()
    return found


async def stop(session: AsyncSession, project_id: int, now: datetime, *, forget: bool = False) -> bool:
    """A webhook tells of it, or nobody follows it: it is no longer polled. Whether that is news.

    `forget` where the next look begins, and who was seen there.
    """
    values: dict[str, Any] = {"stopped_at": now} | ({"state": None} if forget else {})
    stopped = update(Poll).where(Poll.project_id == project_id, Poll.stopped_at.is_(None)).values(**values)
    hook_id = await session.scalar(stopped.returning(Poll.hook_id))
    if hook_id is None:
        return False
    await session.execute(update(Hook).where(Hook.id == hook_id).values(removed_at=now))
    return True


async def leave_unfollowed(session: AsyncSession, now: datetime) -> None:
    """What nobody follows is not polled, nor is kept who was seen there: also where polling is switched off."""
    is_followed = select(Subscription.id).where(Subscription.project_id == Poll.project_id).exists()
    left = update(Poll).where(~is_followed, or_(Poll.stopped_at.is_(None), Poll.state.is_not(None)))
    values = {"state": None, "stopped_at": func.coalesce(Poll.stopped_at, now)}
    gone = list(await session.scalars(left.values(values).returning(Poll.hook_id)))
    if gone:
        await session.execute(update(Hook).where(Hook.id.in_(gone), Hook.removed_at.is_(None)).values(removed_at=now))


async def looked(
    session: AsyncSession,
    poll: Poll,
    found: Sequence[NewDelivery],
    state: dict[str, Any],
    *,
    seconds: int,
    now: datetime,
) -> bool:
    """Store what a look found, oldest first, and where the next begins. `False`: another look came first, drop this.

    A delivery that is known already is left as it is.
    """
    moved = (
        update(Poll)
        .where(Poll.project_id == poll.project_id, Poll.version == poll.version, Poll.stopped_at.is_(None))
        .values(state=state, version=Poll.version + 1, seconds=seconds, looked_at=now, error=None)
        .values({} if not found else {Poll.found_at: now})
        .returning(Poll.project_id)
    )
    if await session.scalar(moved) is None:
        return False
    for item in found:
        row = {
            "hook_id": item.hook_id, "key": item.key, "replay_key": item.replay_key, "event": item.event,
            "headers": item.headers, "body": item.body, "received_at": item.received_at, "not_before": item.received_at,
            "state": "new", "attempts": 0, "fence": 0,
        }  # fmt: skip
        await session.execute(insert_if_new(session, Delivery).values(**row))
    if found:
        await announce(session, DELIVERIES)
    return True


async def failed(session: AsyncSession, project_id: int, error: str, *, seconds: int) -> bool:
    """A look failed. Whether it fails for another reason than the last one."""
    before = await session.scalar(select(Poll.error).where(Poll.project_id == project_id))
    await session.execute(update(Poll).where(Poll.project_id == project_id).values(error=error, seconds=seconds))
    return before != error


async def watchers(session: AsyncSession, forge_ids: Sequence[int]) -> Sequence[Account]:
    """The living accounts on these forges behind subscriptions to projects that are polled."""
    query = (
        select(Account)
        .join(User, User.id == Account.user_id)
        .join(Subscription, Subscription.account_id == Account.id)
        .join(Poll, Poll.project_id == Subscription.project_id)
        .where(Account.forge_id.in_(forge_ids), Account.dead_at.is_(None), User.barred_at.is_(None))
        .where(Poll.stopped_at.is_(None))
        .order_by(Account.id)
    )
    return list(dict.fromkeys(await session.scalars(query)))


async def watches(session: AsyncSession, account_id: int) -> bool:
    """Whether an account is behind a subscription to a project that is polled."""
    query = select(Subscription.id).join(Poll, Poll.project_id == Subscription.project_id)
    theirs = (Subscription.account_id == account_id, Poll.stopped_at.is_(None))
    return await session.scalar(query.where(*theirs).limit(1)) is not None


async def polled_of(session: AsyncSession, forge_id: int, external_ids: Sequence[str]) -> Sequence[int]:
    """Our ids of those projects of a forge that are polled."""
    query = select(Project.id).join(Poll, Poll.project_id == Project.id)
    of_forge = (Project.forge_id == forge_id, Project.external_id.in_(external_ids), Poll.stopped_at.is_(None))
    return (await session.scalars(query.where(*of_forge))).all()


async def is_told_of_twice(session: AsyncSession, project_id: int, hook: Hook) -> bool:
    """Whether what a hook brings may come the other way, too."""
    return hook.origin == ORIGIN or await session.scalar(select(exists().where(Poll.project_id == project_id))) is True


async def told_otherwise(
    session: AsyncSession, project_id: int, hook: Hook, *, name: str, subject_key: str, since: datetime
) -> Sequence[StoredEvent]:
    """Events of this name and subject that came the other way: polled ones for a webhook's, and the other way round."""
    other = Hook.origin != ORIGIN if hook.origin == ORIGIN else Hook.origin == ORIGIN
    query = (
        select(StoredEvent)
        .join(Delivery, Delivery.id == StoredEvent.delivery_id)
        .join(Hook, Hook.id == Delivery.hook_id)
        .where(StoredEvent.project_id == project_id, StoredEvent.subject_key == subject_key)
        .where(StoredEvent.name == name, StoredEvent.created_at > since, other)
        .order_by(StoredEvent.id.desc())
        .limit(_TWINS)
    )
    return (await session.scalars(query)).all()


async def is_polled(session: AsyncSession, project_id: int) -> bool:
    """Whether a project is polled now."""
    query = select(exists().where(Poll.project_id == project_id, Poll.stopped_at.is_(None)))
    return bool(await session.scalar(query))


async def _revive(session: AsyncSession, hook_id: int) -> None:
    await session.execute(update(Hook).where(Hook.id == hook_id).values(removed_at=None))
