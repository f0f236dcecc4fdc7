"""How long the queues are, and how long the oldest in each has been there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from src.database.literally import stands
from src.database.models import Delivery, Job, Message
from src.database.repositories import dead_letters

Table = type[Delivery] | type[Message] | type[Job]

# What is done is no queue. Of jobs it counts since when they could have been done: most are asked for ahead of time.
# States that share an index are counted at once, and in its words: what is done is not read.
_QUEUES: tuple[tuple[Table, tuple[str, ...], InstrumentedAttribute[datetime]], ...] = (
    (Delivery, ("new",), Delivery.received_at),
    (Delivery, ("taken",), Delivery.received_at),
    (Delivery, ("failed", "quarantined"), Delivery.received_at),
    (Message, ("new", "sending"), Message.created_at),
    (Message, ("dead",), Message.created_at),
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
            .where(stands(table.state, *states), *_counted(table))
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


async def size(session: AsyncSession) -> int:
    """How many bytes the database takes on the disk."""
    if session.get_bind().dialect.name == "sqlite":
        pages = await session.scalar(text("PRAGMA page_count"))
        return int(pages or 0) * int(await session.scalar(text("PRAGMA page_size")) or 0)
    return int(await session.scalar(select(func.pg_database_size(func.current_database()))) or 0)
