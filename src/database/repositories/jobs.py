"""Work to be done later: put, claimed under a lease, done, tried again or given up."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from src.database.models import Job
from src.database.upsert import insert_if_new
from src.database.wakeup import JOBS, announce


async def put(
    session: AsyncSession,
    kind: str,
    key: str,
    *,
    now: datetime,
    run_at: datetime | None = None,
    payload: dict[str, Any] | None = None,
) -> bool:
    """Ask for work. What waits already under this kind and key is not doubled, but brought forward where it is later.

    While the same is being done, it is put all the same: what is asked now may have come too late for that.
    `payload` holds ids and plain words, never a token. Returns whether it is new.
    """
    due = run_at or now
    made = await session.scalar(
        insert_if_new(session, Job)
        .values(kind=kind, key=key, payload=payload or {}, state="new", run_at=due, attempts=0, fence=0, created_at=now)
        .returning(Job.id)
    )
    if made is None:
        waiting = (Job.kind == kind, Job.key == key, Job.state == "new", Job.run_at > due)
        await session.execute(
            update(Job).where(*waiting).values(run_at=due).execution_options(synchronize_session=False)
        )
    if due <= now:
        await announce(session, JOBS)
    return made is not None


async def is_waiting(session: AsyncSession, kind: str, key: str) -> bool:
    """Whether this is asked for, or being done."""
    query = select(Job.id).where(Job.kind == kind, Job.key == key, Job.state.in_(("new", "taken")))
    return await session.scalar(query.limit(1)) is not None


async def waiting(session: AsyncSession, kind: str) -> frozenset[str]:
    """The keys under which work of a kind is asked for, or being done."""
    return frozenset(await session.scalars(select(Job.key).where(Job.kind == kind, Job.state.in_(("new", "taken")))))


async def remember(session: AsyncSession, job: Job, payload: dict[str, Any]) -> None:
    """What a job that recurs is to know when it is done the next time."""
    await session.execute(
        update(Job).where(Job.id == job.id).values(payload=payload).execution_options(synchronize_session=False)
    )


async def drop(session: AsyncSession, kind: str, key: str) -> bool:
    """What waits under this kind and key is not to be done any more. Whether anything did."""
    result = await session.execute(
        delete(Job).where(Job.kind == kind, Job.key == key, Job.state == "new").returning(Job.id)
    )
    return result.first() is not None


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(Job.state == "new", Job.run_at <= now),
        and_(Job.state == "taken", Job.lease_until <= now),
    )


async def is_any_due(session: AsyncSession, kinds: Collection[str], *, now: datetime) -> bool:
    """Whether a claim might find anything."""
    return await session.scalar(select(Job.id).where(Job.kind.in_(kinds), _is_due(now)).limit(1)) is not None


async def claim(
    session: AsyncSession, kinds: Collection[str], *, owner: str, now: datetime, lease: timedelta
) -> Job | None:
    """Take the job of these kinds that is longest due, or one whose worker died. It carries its new fence.

    One of the same kind and key that is being done holds it back.
    """
    other = aliased(Job)
    busy = (
        select(other.id)
        .where(other.kind == Job.kind, other.key == Job.key, other.id != Job.id)
        .where(other.state == "taken", other.lease_until > now)
        .exists()
    )
    number = await session.scalar(
        select(Job.id)
        .where(Job.kind.in_(kinds), _is_due(now), ~busy)
        .order_by(Job.run_at, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if number is None:
        return None
    return await session.scalar(
        update(Job)
        .where(Job.id == number)
        .values(
            state="taken", lease_owner=owner, lease_until=now + lease, fence=Job.fence + 1, attempts=Job.attempts + 1
        )
        .returning(Job)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


async def renew(session: AsyncSession, ids: Collection[int], *, owner: str, until: datetime) -> frozenset[int]:
    """Keep those of the jobs that the owner still holds until then; which these are.

    An owner is one process, ever: what another took over, or gave back, is no longer the owner's.
    """
    held = (Job.id.in_(ids), Job.state == "taken", Job.lease_owner == owner)
    query = update(Job).where(*held).values(lease_until=until).returning(Job.id)
    return frozenset(await session.scalars(query.execution_options(synchronize_session=False)))


async def finish(session: AsyncSession, job: Job) -> bool:
    """It is done, and its row gone. `False`: the lease was lost meanwhile, another does it."""
    result = await session.execute(delete(Job).where(*_held(job)).returning(Job.id))
    return result.first() is not None


async def postpone(
    session: AsyncSession, job: Job, *, until: datetime, error: str | None = None, afresh: bool = False
) -> bool:
    """Do it (again) at `until`; where the same waits already, that is enough. `afresh` forgets the attempts.

    `False` as for `finish`.
    """
    waiting = select(Job.id).where(Job.kind == job.kind, Job.key == job.key, Job.state == "new")
    if await session.scalar(waiting) is not None:
        return await finish(session, job)
    values: dict[str, Any] = {"state": "new", "run_at": until, "error": error}
    if afresh:
        values["attempts"] = 0
    return await _write(session, job, values)


async def give_up(session: AsyncSession, job: Job, *, error: str) -> bool:
    """It will not be done; the row stays, with the reason. `False` as for `finish`."""
    return await _write(session, job, {"state": "dead", "error": error})


def _held(job: Job) -> tuple[ColumnElement[bool], ...]:
    return (Job.id == job.id, Job.fence == job.fence, Job.state == "taken")


async def _write(session: AsyncSession, job: Job, values: dict[str, Any]) -> bool:
    result = await session.execute(
        update(Job)
        .where(*_held(job))
        .values(lease_owner=None, lease_until=None, **values)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None
