"""What deliveries came to: for those who sent them and want to know who was told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Chat, Delivery, Forge, LogEntry, Message, Project, StoredEvent, Subscription


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery as the inbox has it. `words` are the log's; `None`: nothing was written yet."""

    key: str
    state: str
    words: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """A message that a delivery brought about; the numbers of chat and topic are Telegram's."""

    chat_id: int
    topic_id: int
    level: str
    state: str


async def last_message(session: AsyncSession) -> int:
    """The newest message's id, 0 where there is none: what comes later has a greater one."""
    return await session.scalar(select(func.max(Message.id))) or 0


async def arrived(session: AsyncSession, keys: Collection[str]) -> Sequence[Arrived]:
    """Those of the deliveries that were stored, oldest first, each with the newest line of the log."""
    newest = select(func.max(LogEntry.id)).where(LogEntry.delivery_id == Delivery.id).correlate(Delivery)
    rows = await session.execute(
        select(Delivery.key, Delivery.state, LogEntry.message)
        .outerjoin(LogEntry, LogEntry.id == newest.scalar_subquery())
        .where(Delivery.key.in_(keys))
        .order_by(Delivery.id)
    )
    return [Arrived(key, state, words) for key, state, words in rows]


async def told(session: AsyncSession, keys: Collection[str], *, since: int) -> Sequence[Told]:
    """The messages of these deliveries that came after the message `since`, oldest first."""
    rows = await session.execute(
        select(Chat.telegram_id, Message.topic_id, Message.level, Message.state)
        .join(Chat, Chat.id == Message.chat_id)
        .join(StoredEvent, StoredEvent.id == Message.event_id)
        .join(Delivery, Delivery.id == StoredEvent.delivery_id)
        .where(Delivery.key.in_(keys), Message.id > since)
        .order_by(Message.id)
    )
    return [Told(*row) for row in rows]


async def choices(session: AsyncSession, base_url: str, external_id: str) -> Sequence[frozenset[str]]:
    """The event names of each subscription to a project of an instance; empty where nobody follows it."""
    rows = await session.scalars(
        select(Subscription.events)
        .join(Project, Project.id == Subscription.project_id)
        .join(Forge, Forge.id == Project.forge_id)
        .where(Forge.base_url == base_url, Project.external_id == external_id)
    )
    return [frozenset(names) for names in rows]
