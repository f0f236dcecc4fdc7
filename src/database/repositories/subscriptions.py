"""Who follows what."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from sqlalchemy import Text, bindparam, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Chat, Message, Mute, Project, Subscription, User
from src.database.repositories import jobs, messages

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)  # a pause until somebody ends it; far from what other zones overflow at


@dataclass(frozen=True, slots=True)
class Follower:
    """A subscription with what deciding needs of its chat and of the account that proves access."""

    subscription_id: int
    chat_id: int
    topic_id: int
    chat_type: str
    scope: str
    events: frozenset[str]
    levels: Mapping[str, Any]  # not to be changed: those who have the same share it
    account_id: int | None
    account_dead: bool  # or there is none
    external_user_id: str | None
    login: str | None
    emails: frozenset[str]  # lower case


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
        .where(Message.subscription_id == subscription.id, Message.state.in_(messages.UNFINISHED))
        .values(messages.given_up("unsubscribed"))
        .execution_options(synchronize_session=False)
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
    connection = await session.connection()  # past the session: these are columns, thousands of rows of them
    rows = await connection.execute(_FOLLOWERS, {"project_id": project_id, "now": now})
    # Sorted here: SQLite would read all subscriptions in their order rather than sort those of one project.
    return [_follower(*tuple(row)) for row in sorted(rows, key=itemgetter(0))]


_FOLLOWERS = (
    select(
        Subscription.id,
        Subscription.chat_id,
        Subscription.topic_id,
        Chat.type,
        Subscription.scope,
        cast(Subscription.events, Text),
        cast(Subscription.levels, Text),
        Account.id,
        Account.dead_at,
        Account.external_user_id,
        Account.login,
        cast(Account.emails, Text),
    )
    .join(Chat, Chat.id == Subscription.chat_id)
    .join(User, User.id == Subscription.owner_id)
    .outerjoin(Account, Account.id == Subscription.account_id)
    .where(
        Subscription.project_id == bindparam("project_id"),
        Chat.off_at.is_(None),
        User.barred_at.is_(None),
        or_(Subscription.paused_until.is_(None), Subscription.paused_until <= bindparam("now")),
    )
)


def _follower(
    subscription_id: int,
    chat_id: int,
    topic_id: int,
    chat_type: str,
    scope: str,
    names: str,
    levels: str,
    account_id: int | None,
    dead_at: datetime | None,
    external_user_id: str | None,
    login: str | None,
    emails: str | None,
) -> Follower:
    return Follower(
        subscription_id=subscription_id,
        chat_id=chat_id,
        topic_id=topic_id,
        chat_type=chat_type,
        scope=scope,
        events=_names(names),
        levels=_levels(levels),
        account_id=account_id,
        account_dead=account_id is None or dead_at is not None,
        external_user_id=external_user_id,
        login=login,
        emails=_emails(emails),
    )


@lru_cache(4096)
def _names(stored: str) -> frozenset[str]:
    """Thousands follow a project, and most of them have chosen the same."""
    return frozenset(json.loads(stored))


@lru_cache(4096)
def _levels(stored: str) -> Mapping[str, Any]:
    return MappingProxyType(json.loads(stored))


@lru_cache(4096)
def _emails(stored: str | None) -> frozenset[str]:
    return frozenset(email.casefold() for email in json.loads(stored or "[]"))


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


async def followed_since(session: AsyncSession, project_id: int) -> datetime | None:
    """Since when anybody follows a project, of those who do now."""
    return await session.scalar(select(func.min(Subscription.created_at)).where(Subscription.project_id == project_id))


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
