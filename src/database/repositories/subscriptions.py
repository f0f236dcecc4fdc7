"""Who follows what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Chat, Message, Mute, Project, Subscription, User
from src.database.repositories import jobs

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)  # a pause until somebody ends it; far from what other zones overflow at


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
    """Make a subscription, or change the one that this chat and topic has for the project.

    Other events than before ask for its hook to be settled; whoever makes the first has to see to the hook anyway.
    """
    found = await find(session, project_id=project_id, chat_id=chat_id, topic_id=topic_id)
    changes = found is not None and found.events != sorted(events)
    if found is None:
        found = Subscription(
            project_id=project_id, chat_id=chat_id, topic_id=topic_id, levels={}, filters={}, created_at=now
        )
        session.add(found)
    found.owner_id, found.account_id = owner_id, account_id
    found.scope, found.events, found.updated_at = scope, sorted(events), now
    await session.flush()
    if changes:
        await jobs.put(session, "hook_settle", str(project_id), now=now)
    return found


async def get(session: AsyncSession, subscription_id: int) -> Followed | None:
    """A subscription with its project; `None`: it is gone."""
    row = (
        await session.execute(
            select(Subscription, Project)
            .join(Project, Project.id == Subscription.project_id)
            .where(Subscription.id == subscription_id)
        )
    ).one_or_none()
    return None if row is None else Followed(*row)


async def pause(session: AsyncSession, subscription: Subscription, until: datetime | None, now: datetime) -> None:
    """Tell nothing of it until then; `FOREVER`: until somebody ends it, `None`: it goes on now."""
    subscription.paused_until, subscription.updated_at = until, now
    await session.flush()


async def set_levels(
    session: AsyncSession, subscription: Subscription, levels: Mapping[str, str], now: datetime
) -> None:
    """How these categories are told; others stay as they are."""
    subscription.levels, subscription.updated_at = {**subscription.levels, **levels}, now
    await session.flush()


async def remove(session: AsyncSession, subscription: Subscription, now: datetime) -> None:
    """End a subscription, with what still waits to be told for it and what was muted in it; its hook is settled."""
    place = (subscription.chat_id, subscription.topic_id)
    await session.execute(
        update(Message)
        .where(Message.subscription_id == subscription.id, Message.state == "new")
        .values(state="dead", error="unsubscribed")
    )
    await session.execute(
        delete(Mute).where(
            Mute.project_id == subscription.project_id, Mute.chat_id == place[0], Mute.topic_id == place[1]
        )
    )
    await session.delete(subscription)
    await session.flush()
    await jobs.put(session, "hook_settle", str(subscription.project_id), now=now)


async def find(session: AsyncSession, *, project_id: int, chat_id: int, topic_id: int) -> Subscription | None:
    """The subscription of a chat and topic to a project."""
    return await session.scalar(
        select(Subscription).where(
            Subscription.project_id == project_id, Subscription.chat_id == chat_id, Subscription.topic_id == topic_id
        )
    )


async def followers(session: AsyncSession, project_id: int, now: datetime) -> list[Follower]:
    """Everybody who may have to be told of an event of this project, oldest first.

    Not those who paused it, whose chat is off, or who may no longer use the bot.
    """
    rows = await session.execute(
        select(Subscription, Chat, Account)
        .join(Chat, Chat.id == Subscription.chat_id)
        .join(User, User.id == Subscription.owner_id)
        .outerjoin(Account, Account.id == Subscription.account_id)
        .where(
            Subscription.project_id == project_id,
            Chat.off_at.is_(None),
            User.barred_at.is_(None),
            or_(Subscription.paused_until.is_(None), Subscription.paused_until <= now),
        )
        .order_by(Subscription.id)
    )
    return [Follower(subscription, chat, account) for subscription, chat, account in rows]


async def of_chat(session: AsyncSession, chat_id: int, topic_id: int | None = None) -> list[Followed]:
    """What a chat follows, by path; in all of its topics, or in the one that is given (0: outside of them)."""
    topic = [] if topic_id is None else [Subscription.topic_id == topic_id]
    rows = await session.execute(
        select(Subscription, Project)
        .join(Project, Project.id == Subscription.project_id)
        .where(Subscription.chat_id == chat_id, *topic)
        .order_by(Project.path, Subscription.topic_id, Subscription.id)
    )
    return [Followed(subscription, project) for subscription, project in rows]


async def of_account(session: AsyncSession, account_id: int) -> list[Followed]:
    """What an account's token speaks for, by path."""
    rows = await session.execute(
        select(Subscription, Project)
        .join(Project, Project.id == Subscription.project_id)
        .where(Subscription.account_id == account_id)
        .order_by(Project.path, Subscription.id)
    )
    return [Followed(subscription, project) for subscription, project in rows]


async def of_owner(session: AsyncSession, user_id: int) -> list[Followed]:
    """What a person follows in private and is the sponsor of in groups, by path."""
    rows = await session.execute(
        select(Subscription, Project)
        .join(Project, Project.id == Subscription.project_id)
        .where(Subscription.owner_id == user_id)
        .order_by(Project.path, Subscription.id)
    )
    return [Followed(subscription, project) for subscription, project in rows]


async def chosen_names(session: AsyncSession, project_id: int) -> frozenset[str]:
    """All event names that anybody chose for a project: what its hook has to deliver."""
    rows = await session.scalars(select(Subscription.events).where(Subscription.project_id == project_id))
    return frozenset(name for events in rows for name in events)


async def leave_topic(session: AsyncSession, chat_id: int, topic_id: int, now: datetime) -> list[str]:
    """A topic is gone: the chat itself follows what it followed. Returns the paths of those projects.

    Where the chat follows the same project already, its subscription takes over the other's events.
    """
    left = [item for item in await of_chat(session, chat_id, topic_id) if topic_id]
    for gone, project in ((item.subscription, item.project) for item in left):
        there = await find(session, project_id=project.id, chat_id=chat_id, topic_id=0)
        if there is None:
            gone.topic_id, gone.updated_at = 0, now
        else:
            there.events, there.updated_at = sorted({*there.events, *gone.events}), now
            await session.delete(gone)
        await session.flush()
    return [item.project.path for item in left]


async def move_all(session: AsyncSession, chat_id: int, other_id: int) -> None:
    """A chat goes on under another row, which follows what it did not follow itself.

    Of what both follow, that row's subscription takes over the other's events: nobody could end what stays behind.
    """
    taken = select(Subscription.project_id).where(Subscription.chat_id == other_id).scalar_subquery()
    await session.execute(
        update(Subscription)
        .where(Subscription.chat_id == chat_id, Subscription.project_id.not_in(taken))
        .values(chat_id=other_id)
    )
    there = {item.project.id: item.subscription for item in reversed(await of_chat(session, other_id))}
    for gone in (item.subscription for item in await of_chat(session, chat_id)):
        kept = there[gone.project_id]  # outside of topics, where it has one there
        kept.events = sorted({*kept.events, *gone.events})
        await session.delete(gone)
    await session.flush()
