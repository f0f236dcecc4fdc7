"""Deliveries that never came: noticed, asked for again, recovered or lost, and told to who looks after the hook."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import String, cast, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Hook, Job, Missed, Project
from src.database.upsert import insert_if_new

State = Literal["open", "recovered", "lost", "gap"]
_PART = 500  # rows in one statement: SQLite binds some thirty thousand values at most


@dataclass(frozen=True, slots=True)
class NewMiss:
    """A delivery that is not here. `attempt`: what the forge can repeat, `None` where it cannot."""

    key: str
    attempt: str | None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """One that came, or will not, and whose hook's owner does not know yet."""

    id: int
    hook_id: int
    user_id: int
    path: str  # of the project or the group
    state: str  # a `State`
    settled_at: datetime


async def note(session: AsyncSession, hook_id: int, found: Sequence[NewMiss], now: datetime) -> int:
    """Remember what is missing, oldest first. Returns how many are news; what cannot be repeated is lost.

    Of several with the same content one is enough: those are tests of a hook that does not work.
    """
    contents = [miss.content for miss in found if miss.content is not None]
    copies = set[str | None]()
    for start in range(0, len(contents), _PART):
        part = Missed.content.in_(contents[start : start + _PART])
        copies.update(await session.scalars(select(Missed.content).where(Missed.hook_id == hook_id, part)))
    rows = [
        {
            "hook_id": hook_id, "key": miss.key, "attempt": miss.attempt, "content": miss.content,
            "tries": 0, "noticed_at": now,
            "state": "open" if miss.attempt is not None else "lost",
            "settled_at": None if miss.attempt is not None else now,
        }
        for miss in found
        if miss.content is None or miss.content not in copies
    ]  # fmt: skip
    count = 0
    for start in range(0, len(rows), _PART):
        made = await session.scalars(
            insert_if_new(session, Missed).values(rows[start : start + _PART]).returning(Missed.id)
        )
        count += len(made.all())
    return count


async def gap(session: AsyncSession, hook_id: int, now: datetime) -> None:
    """The forge had switched the hook off, and keeps nothing of that time."""
    values = {"hook_id": hook_id, "key": f"off:{now.isoformat()}", "tries": 0, "noticed_at": now}
    await session.execute(insert_if_new(session, Missed).values(**values, state="gap", settled_at=now))


async def waiting(session: AsyncSession, hook_id: int) -> Sequence[Missed]:
    """What is still to come, oldest first."""
    query = select(Missed).where(Missed.hook_id == hook_id, Missed.state == "open").order_by(Missed.id)
    return (await session.scalars(query)).all()


async def asked_since(session: AsyncSession, hook_id: int, since: datetime) -> int:
    """How many repetitions the forge was asked for since then."""
    query = select(func.count()).select_from(Missed).where(Missed.hook_id == hook_id, Missed.asked_at > since)
    return await session.scalar(query) or 0


async def asked(session: AsyncSession, missed_id: int, now: datetime) -> None:
    """The forge was asked to repeat it."""
    await _set(session, [missed_id], tries=Missed.tries + 1, asked_at=now)


async def settle(session: AsyncSession, ids: Collection[int], state: State, now: datetime) -> None:
    """These came, or will not come."""
    await _set(session, ids, state=state, settled_at=now)


async def untold(session: AsyncSession) -> Sequence[Settled]:
    """All that is settled and not told, oldest first, by the person whose token looks after its hook."""
    rows = await session.execute(
        select(Missed, Hook.group_path, Project.path, Account.user_id)
        .join(Hook, Hook.id == Missed.hook_id)
        .join(Account, Account.id == Hook.account_id)
        .outerjoin(Project, Project.id == Hook.project_id)
        .where(Missed.told_at.is_(None), Missed.state != "open")
        .order_by(Missed.id)
    )
    return [
        Settled(
            id=item.id, hook_id=item.hook_id, user_id=user_id, path=group or path or "", state=item.state,
            settled_at=item.settled_at or item.noticed_at,
        )
        for item, group, path, user_id in rows
    ]  # fmt: skip


async def who_waits(session: AsyncSession) -> frozenset[int]:
    """The people of whose hooks something is still to come."""
    rows = await session.scalars(
        select(Account.user_id)
        .join(Hook, Hook.account_id == Account.id)
        .join(Missed, Missed.hook_id == Hook.id)
        .where(Missed.state == "open", Hook.removed_at.is_(None))
    )
    return frozenset(rows)


async def told(session: AsyncSession, settled: Collection[Settled], now: datetime) -> None:
    """It is said. What came is forgotten; what is lost is remembered, for the forge goes on telling of it."""
    await _set(session, [item.id for item in settled], told_at=now)
    came = [item.id for item in settled if item.state == "recovered"]
    for start in range(0, len(came), _PART):
        await session.execute(delete(Missed).where(Missed.id.in_(came[start : start + _PART])))


async def looked(session: AsyncSession, hook: Hook, *, seen: str | None, now: datetime) -> None:
    """The forge was asked what it had delivered. `seen`: the last of it; `None`: nothing new."""
    values: dict[str, object] = {"caught_up_at": now, "seen_of": hook.remote_id, "uncaught": None}
    is_other = hook.seen_of != hook.remote_id
    if seen is not None or is_other:
        values["seen_delivery"] = seen
    await session.execute(update(Hook).where(Hook.id == hook.id).values(**values))


async def barred(session: AsyncSession, hook_id: int, why: str, now: datetime) -> bool:
    """The forge cannot be asked: ``unsupported`` or ``forbidden``. Whether that is news."""
    before = await session.scalar(select(Hook.uncaught).where(Hook.id == hook_id))
    await session.execute(update(Hook).where(Hook.id == hook_id).values(caught_up_at=now, uncaught=why))
    return before != why


async def to_look_at(session: AsyncSession, job_kind: str, *, barred_since: datetime) -> Sequence[int]:
    """The ids of our living hooks, the longest unseen first; those that cannot be asked about less often.

    Not those that a job of this kind waits for, which may have been put off for a reason.
    """
    waits = select(Job.id).where(Job.kind == job_kind, Job.key == cast(Hook.id, String), Job.state == "new").exists()
    query = (
        select(Hook.id)
        .where(Hook.origin == "managed", Hook.removed_at.is_(None), Hook.remote_id.is_not(None), ~waits)
        .where(Hook.uncaught.is_(None) | (Hook.caught_up_at <= barred_since))
        .order_by(Hook.caught_up_at.is_not(None), Hook.caught_up_at, Hook.id)
    )
    return (await session.scalars(query)).all()


async def _set(session: AsyncSession, ids: Collection[int], **values: object) -> None:
    chosen = list(ids)
    for start in range(0, len(chosen), _PART):
        await session.execute(
            update(Missed)
            .where(Missed.id.in_(chosen[start : start + _PART]))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
