"""Who follows what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Chat, Project, Subscription


@dataclass(frozen=True, slots=True)
class Follower:
    """A subscription with what deciding needs: its chat and the account that proves access."""

    subscription: Subscription
    chat: Chat
    account: Account | None


@dataclass(frozen=True, slots=True)
class Followed:
    """A subscription with its project, for lists."""

    subscription: Subscription
    project: Project


async def put(
    session: AsyncSession,
    *,
    project_id: int,
    chat_id: int,
    topic_id: int,
    owner_id: int,
    account_id: int,
    scope: str,
    events: Sequence[str],
    now: datetime,
) -> Subscription:
    """Make a subscription, or change the one that this chat and topic has for the project."""
    found = await find(session, project_id=project_id, chat_id=chat_id, topic_id=topic_id)
    if found is None:
        found = Subscription(
            project_id=project_id, chat_id=chat_id, topic_id=topic_id, levels={}, filters={}, created_at=now
        )
        session.add(found)
    found.owner_id, found.account_id = owner_id, account_id
    found.scope, found.events, found.updated_at = scope, sorted(events), now
    await session.flush()
    return found


async def find(session: AsyncSession, *, project_id: int, chat_id: int, topic_id: int) -> Subscription | None:
    """The subscription of a chat and topic to a project."""
    return await session.scalar(
        select(Subscription).where(
            Subscription.project_id == project_id, Subscription.chat_id == chat_id, Subscription.topic_id == topic_id
        )
    )


async def followers(session: AsyncSession, project_id: int, now: datetime) -> list[Follower]:
    """Everybody who may have to be told of an event of this project: not paused, chat not off; oldest first."""
    rows = await session.execute(
        select(Subscription, Chat, Account)
        .join(Chat, Chat.id == Subscription.chat_id)
        .outerjoin(Account, Account.id == Subscription.account_id)
        .where(
            Subscription.project_id == project_id,
            Chat.off_at.is_(None),
            or_(Subscription.paused_until.is_(None), Subscription.paused_until <= now),
        )
        .order_by(Subscription.id)
    )
    return [Follower(subscription, chat, account) for subscription, chat, account in rows]


async def of_chat(session: AsyncSession, chat_id: int) -> list[Followed]:
    """What a chat follows, by path."""
    rows = await session.execute(
        select(Subscription, Project)
        .join(Project, Project.id == Subscription.project_id)
        .where(Subscription.chat_id == chat_id)
        .order_by(Project.path, Subscription.topic_id)
    )
    return [Followed(subscription, project) for subscription, project in rows]


async def chosen_names(session: AsyncSession, project_id: int) -> frozenset[str]:
    """All event names that anybody chose for a project: what its hook has to deliver."""
    rows = await session.scalars(select(Subscription.events).where(Subscription.project_id == project_id))
    return frozenset(name for events in rows for name in events)
