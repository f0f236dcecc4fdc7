"""The inbox: deliveries as they came, and who works on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    Update,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate

from src.database.literally import stands, stands_not
from src.database.models import Delivery, StoredEvent, UtcDateTime

HOOKS = 32  # that one claim takes deliveries of, at most
# Any number that no other program uses for advisory locks in this database.
_CLAIMING = text("SELECT pg_advisory_xact_lock(7205761)")
_NOW = bindparam("now", type_=UtcDateTime)
_BUT: BindParameter[Any] = bindparam("but", expanding=True)  # hooks
_PART = 500  # keys in one statement: SQLite binds some thirty thousand values at most


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What the HTTP side hands over. `body` is compressed already."""

    hook_id: int
    key: str
    replay_key: str | None
    event: str
    headers: dict[str, Any]
    body: bytes
    received_at: datetime


async def is_any_due(session: AsyncSession, *, now: datetime, but: Collection[int]) -> bool:
    """Whether a claim would find anything, leaving out the hooks `but`."""
    return bool(await session.scalar(_any_due(), {"now": now, "but": list(but), "most": 1}))


async def claim(
    session: AsyncSession, *, owner: str, now: datetime, lease: timedelta, limit: int, but: Collection[int] = ()
) -> Sequence[Delivery]:
    """Take due deliveries of the hooks that wait longest, those first whose worker died. Each carries its new fence.

    Returns them in the order in which they came. Hooks in `but`, and those of which a delivery is taken, are left
    alone: that keeps their order. Others may claim meanwhile (`write(shared=True)`): they wait until we are done.
    """
    if session.get_bind().dialect.name != "sqlite":
        # Two who look at once would both find a hook free, and each take some of its deliveries.
        await session.execute(_CLAIMING)
    given: dict[str, Any] = {"now": now, "but": list(but), "most": limit}
    found = await _free(session, _oldest_abandoned(), given)
    if not found:
        hooks = (await session.scalars(_hooks_due(), given | {"most": HOOKS})).all()
        found = await _free(session, _due_of(), given | {"hooks": list(hooks)}) if hooks else []
    if not found:
        return []
    values = {"found": list(found), "by": owner, "until": now + lease}
    claimed = await session.scalars(_take(), values)
    return sorted(claimed.all(), key=lambda delivery: delivery.id)


# Statements are made once: making one takes longer than the database does.


@cache
def _take() -> ReturningUpdate[Delivery]:
    return (
        update(Delivery)
        .where(Delivery.id.in_(bindparam("found", expanding=True)))
        .values(
            state="taken",
            lease_owner=bindparam("by", type_=String),
            lease_until=bindparam("until", type_=UtcDateTime),
            fence=Delivery.fence + 1,
            attempts=Delivery.attempts + 1,
        )
        .returning(Delivery)
        .execution_options(synchronize_session=False)
    )


@cache
def _any_due() -> Select[Any]:
    return select(or_(_abandoned().limit(1).exists(), _hooks_due().exists()))


@cache
def _oldest_abandoned() -> Select[int, int]:
    # Not in the order of the key: a planner would then read all that was stored for the few that are taken.
    return _abandoned().order_by(Delivery.id + 0).limit(bindparam("most", type_=Integer))


@cache
def _due_of() -> Select[int, int]:
    due = select(Delivery.id, Delivery.hook_id).where(*_new(), Delivery.hook_id.in_(bindparam("hooks", expanding=True)))
    # By hook, as the index has them: only so many rows are looked at, however many wait.
    return due.order_by(Delivery.hook_id, Delivery.id).limit(bindparam("most", type_=Integer))


async def _free(session: AsyncSession, rows: Select[int, int], given: dict[str, Any]) -> list[int]:
    """Of these rows those that nobody writes to at this moment, and of a hook none behind one that somebody does.

    A worker that stands still in the midst of a write holds its row: what follows it must not go first.
    """
    wanted = (await session.execute(rows, given)).all()
    if not wanted or session.get_bind().dialect.name == "sqlite":  # where only one writes at a time
        return [number for number, _ in wanted]
    locked = frozenset(await session.scalars(rows.with_for_update(skip_locked=True), given))
    held: set[int] = set()
    found: list[int] = []
    for number, hook_id in wanted:
        if number not in locked:
            held.add(hook_id)
        elif hook_id not in held:
            found.append(number)
    return found


def _new() -> tuple[ColumnElement[bool], ...]:
    return stands(Delivery.state, "new"), Delivery.not_before <= _NOW


def _abandoned() -> Select[int, int]:
    """What a worker took and did not end in time, where nobody has taken up the hook since."""
    other = aliased(Delivery)
    held = select(other.hook_id).where(stands(other.state, "taken"), other.lease_until > _NOW)
    return select(Delivery.id, Delivery.hook_id).where(
        stands(Delivery.state, "taken"),
        Delivery.lease_until <= _NOW,
        Delivery.hook_id.not_in(held),
        Delivery.hook_id.not_in(_BUT),
    )


@cache
def _hooks_due() -> Select[int]:
    """Hooks with something new that is due and nothing taken, those first whose oldest came first.

    Steps from hook to hook in the index, so that a hundred thousand deliveries of one cost no more than one of them.
    """
    first, then = aliased(Delivery), aliased(Delivery)
    waiting = select(func.min(first.hook_id).label("hook_id")).where(stands(first.state, "new")).cte(recursive=True)
    following = select(func.min(then.hook_id)).where(stands(then.state, "new"), then.hook_id > waiting.c.hook_id)
    step = select(following.scalar_subquery()).where(waiting.c.hook_id.is_not(None))
    waiting = waiting.union_all(step)
    taken = select(then.hook_id).where(stands(then.state, "taken"))
    oldest = (
        select(Delivery.id)
        .where(*_new(), Delivery.hook_id == waiting.c.hook_id)
        .order_by(Delivery.hook_id, Delivery.id)
        .limit(1)
        .correlate(waiting)
        .scalar_subquery()
    )
    free = (
        select(waiting.c.hook_id, oldest.label("oldest"))
        .where(waiting.c.hook_id.is_not(None), waiting.c.hook_id.not_in(_BUT), waiting.c.hook_id.not_in(taken))
        .subquery()
    )
    due = select(free.c.hook_id).where(free.c.oldest.is_not(None)).order_by(free.c.oldest)
    return due.limit(bindparam("most", type_=Integer))


async def renew(session: AsyncSession, ids: Collection[int], *, owner: str, until: datetime) -> frozenset[int]:
    """Keep those of the deliveries that the owner still holds until then; which these are.

    An owner is one process, ever: what another took over, or gave back, is no longer the owner's.
    """
    held = (Delivery.id.in_(ids), Delivery.state == "taken", Delivery.lease_owner == owner)
    query = update(Delivery).where(*held).values(lease_until=until).returning(Delivery.id)
    return frozenset(await session.scalars(query.execution_options(synchronize_session=False)))


async def finish(session: AsyncSession, delivery: Delivery, *, state: str, error: str | None = None) -> bool:
    """Write the outcome. `False`: the lease was lost meanwhile and nothing may be written."""
    return await _write(session, delivery, {"state": state, "error": error})


async def postpone(session: AsyncSession, delivery: Delivery, *, until: datetime, error: str) -> bool:
    """Give it back to be tried again at `until`. `False` as for `finish`."""
    return await _write(session, delivery, {"state": "new", "not_before": until, "error": error})


async def release(session: AsyncSession, delivery: Delivery, *, now: datetime) -> bool:
    """Give it back untried: the process is stopping. `False` as for `finish`."""
    return await _write(session, delivery, {"state": "new", "not_before": now, "attempts": delivery.attempts - 1})


async def _write(session: AsyncSession, delivery: Delivery, values: dict[str, Any]) -> bool:
    connection = await session.connection()  # past the session, which would look for the row among what it has loaded
    row = {"number": delivery.id, "of": delivery.fence, "lease_owner": None, "lease_until": None, **values}
    return (await connection.execute(_end(), row)).rowcount == 1


@cache
def _end() -> Update:
    is_ours = (Delivery.id == bindparam("number"), Delivery.fence == bindparam("of"), Delivery.state == "taken")
    return update(Delivery).where(*is_ours)


async def original(session: AsyncSession, delivery: Delivery) -> int | None:
    """The delivery that this one, which is taken, repeats under another id; `None`: its content is new.

    What waits to be tried again does not count, whichever is the copy: both are worked off, and what one has told is
    known to the other by its happening. So a copy that has told of something goes on: nobody else would end it.
    """
    if delivery.replay_key is None:
        return None
    given = {"hook": delivery.hook_id, "content": delivery.replay_key, "number": delivery.id}
    found: int | None = await session.scalar(_original(), given)
    if found is None or await session.scalar(select(StoredEvent.id).where(StoredEvent.delivery_id == delivery.id)):
        return None
    return found


@cache
def _original() -> Select[int]:
    same = (Delivery.hook_id == bindparam("hook"), Delivery.replay_key == bindparam("content", type_=String))
    query = select(Delivery.id).where(*same, stands_not(Delivery.state, "new"), Delivery.id < bindparam("number"))
    # Not in the order of the key, as for `_oldest_abandoned`.
    return query.order_by(Delivery.id + 0).limit(1)


async def first_since(session: AsyncSession, hook_id: int, since: datetime) -> Delivery | None:
    """The first delivery of a hook that came at that moment or later."""
    query = select(Delivery).where(Delivery.hook_id == hook_id, Delivery.received_at >= since)
    return await session.scalar(query.order_by(Delivery.id).limit(1))


async def known(session: AsyncSession, hook_id: int, keys: Collection[str]) -> frozenset[str]:
    """Which of these keys of a hook are here, in whatever state."""
    wanted, found = list(keys), set[str]()
    for start in range(0, len(wanted), _PART):
        query = select(Delivery.key).where(Delivery.hook_id == hook_id, Delivery.key.in_(wanted[start : start + _PART]))
        found.update(await session.scalars(query))
    return frozenset(found)
