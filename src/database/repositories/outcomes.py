"""What deliveries came to: for those who sent them and want to know who was told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Chat, Delivery, Forge, LogEntry, Message, Project, Review, StoredEvent, Subscription
from src.database.repositories.reviews import OPEN


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery as the inbox has it. `words` are the log's; `None`: nothing was written yet."""

    key: str
    state: str
    words: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What a delivery had to be told; the numbers of chat and topic are Telegram's.

    `message`: what it stands in; the same for all that a digest gathered.
    """

    chat_id: int
    topic_id: int
    level: str
    state: str
    message: int


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
    query = _messages(since).join(Delivery, Delivery.id == StoredEvent.delivery_id).where(Delivery.key.in_(keys))
    return [Told(*row) for row in await session.execute(query)]


async def told_of_reviews(session: AsyncSession, base_url: str, external_id: str, *, since: int) -> Sequence[Told]:
    """The messages about reviews of a project of an instance, which no delivery brought; as `told`."""
    query = (
        _messages(since)
        .join(Project, Project.id == StoredEvent.project_id)
        .join(Forge, Forge.id == Project.forge_id)
        .where(
            Forge.base_url == base_url,
            Project.external_id == external_id,
            StoredEvent.name.startswith("code_review.", autoescape=True),
        )
    )
    return [Told(*row) for row in await session.execute(query)]


def _messages(since: int) -> Select[int, int, str, str, int]:
    """The columns of `Told`, of messages that came after `since`, oldest first."""
    return (
        select(
            Chat.telegram_id,
            Message.topic_id,
            Message.level,
            Message.state,
            func.coalesce(Message.digest_of, Message.id),
        )
        .join(Chat, Chat.id == Message.chat_id)
        .join(StoredEvent, StoredEvent.id == Message.event_id)
        .where(Message.id > since)
        .order_by(Message.id)
    )


async def under_review(session: AsyncSession) -> frozenset[tuple[str, str]]:
    """The projects, by base address and the forge's id, of which a review waits or runs."""
    rows = await session.execute(
        select(Forge.base_url, Project.external_id)
        .join(Project, Project.forge_id == Forge.id)
        .join(Review, Review.project_id == Project.id)
        .where(Review.state.in_(OPEN))
    )
    return frozenset((base_url, external_id) for base_url, external_id in rows)


async def choices(session: AsyncSession, base_url: str, external_id: str) -> Sequence[frozenset[str]]:
    """The event names of each subscription to a project of an instance; empty where nobody follows it."""
    rows = await session.scalars(
        select(Subscription.events)
        .join(Project, Project.id == Subscription.project_id)
        .join(Forge, Forge.id == Project.forge_id)
        .where(Forge.base_url == base_url, Project.external_id == external_id)
    )
    return [frozenset(names) for names in rows]
