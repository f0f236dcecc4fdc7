"""How long the queues are, and how long the oldest in each has been there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from src.database.models import Delivery, Job, Message
from src.database.repositories import dead_letters

Table = type[Delivery] | type[Message] | type[Job]

# What is done is no queue. Of jobs it counts since when they could have been done: most are asked for ahead of time.
_QUEUES: tuple[tuple[Table, tuple[str, ...], InstrumentedAttribute[datetime]], ...] = (
    (Delivery, ("new", "taken", "failed", "quarantined"), Delivery.received_at),
    (Message, ("new", "sending", "dead"), Message.created_at),
    (Job, ("new", "taken", "dead"), Job.run_at),
)


@dataclass(frozen=True, slots=True)
class Queue:
    """The rows of a table in one state. `oldest`: seconds, 0 where there are none or none is due."""

    table: str
    state: str
    count: int
    oldest: float


async def standing(session: AsyncSession, now: datetime) -> Sequence[Queue]:
    """Every queue and state, also those without a row. Messages that nobody is to have are not counted as dead."""
    found: list[Queue] = []
    for table, states, since in _QUEUES:
        rows = await session.execute(
            select(table.state, func.count(), func.min(since))
            .where(table.state.in_(states), *_counted(table))
            .group_by(table.state)
        )
        by_state = {state: (count, oldest) for state, count, oldest in rows}
        for state in states:
            count, oldest = by_state.get(state, (0, None))
            age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
            found.append(Queue(table.__tablename__, state, count, age))
    return found


def _counted(table: Table) -> tuple[ColumnElement[bool], ...]:
    return (dead_letters.is_wanted(),) if table is Message else ()
