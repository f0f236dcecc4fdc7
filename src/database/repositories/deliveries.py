"""The inbox: deliveries as they came, and who works on them."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Delivery
from src.database.upsert import insert_if_new

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


_REQUEUE = (
    update(Delivery)
    .where(
        Delivery.hook_id == bindparam("b_hook_id"),
        Delivery.key == bindparam("b_key"),
        # not in_(): a list of parameters cannot be bound in a batch
        or_(Delivery.state == "failed", Delivery.state == "quarantined", Delivery.state == "unknown"),
    )
    .values(state="new", attempts=0, error=None, not_before=bindparam("b_now"))
    .execution_options(synchronize_session=False)
)


async def put(session: AsyncSession, batch: Sequence[NewDelivery]) -> None:
    """Store a batch. One that is known already is ignored, unless it had failed: then it is tried anew."""
    rows = [
        asdict(item) | {"state": "new", "not_before": item.received_at, "attempts": 0, "fence": 0} for item in batch
    ]
    connection = await session.connection()
    await connection.execute(
        _REQUEUE, [{"b_hook_id": item.hook_id, "b_key": item.key, "b_now": item.received_at} for item in batch]
    )
    await connection.execute(insert_if_new(session, Delivery), rows)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(Delivery.state == "new", Delivery.not_before <= now),
        and_(Delivery.state == "taken", Delivery.lease_until <= now),
    )


async def is_any_due(session: AsyncSession, *, now: datetime, but: Collection[int]) -> bool:
    """Whether a claim would find anything, leaving out the hooks `but`."""
    query = select(Delivery.id).where(_is_due(now), Delivery.hook_id.not_in(but)).limit(1)
    return await session.scalar(query) is not None


async def claim(
    session: AsyncSession, *, owner: str, now: datetime, lease: timedelta, limit: int, but: Collection[int] = ()
) -> Sequence[Delivery]:
    """Take due deliveries, oldest first, among them those whose worker died. Each carries its new fence.

    Hooks in `but`, and those of which another worker holds a delivery, are left alone: that keeps their order.
    """
    taken = select(Delivery.hook_id).where(
        Delivery.state == "taken", Delivery.lease_until > now, Delivery.lease_owner != owner
    )
    ids = await session.scalars(
        select(Delivery.id)
        .where(_is_due(now), Delivery.hook_id.not_in(taken), Delivery.hook_id.not_in(but))
        .order_by(Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = ids.all()
    if not found:
        return []
    claimed = await session.scalars(
        update(Delivery)
        .where(Delivery.id.in_(found))
        .values(
            state="taken",
            lease_owner=owner,
            lease_until=now + lease,
            fence=Delivery.fence + 1,
            attempts=Delivery.attempts + 1,
        )
        .returning(Delivery)
        .execution_options(synchronize_session=False)
    )
    return sorted(claimed.all(), key=lambda delivery: delivery.id)


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
    result = await session.execute(
        update(Delivery)
        .where(Delivery.id == delivery.id, Delivery.fence == delivery.fence, Delivery.state == "taken")
        .values(lease_owner=None, lease_until=None, **values)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


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
