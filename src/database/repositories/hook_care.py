"""Which hooks are to be looked at, whose token may be asked, and who is told."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Chat, Hook, Project, Subscription, User
from src.database.repositories import hooks


async def keeper(session: AsyncSession, hook: Hook) -> Account | None:
    """The account that looks after a hook, if it is alive and its person may use the bot."""
    return await session.scalar(
        select(Account)
        .join(User, User.id == Account.user_id)
        .where(Account.id == hook.account_id, Account.dead_at.is_(None), User.barred_at.is_(None))
    )


async def helpers(session: AsyncSession, project_ids: Collection[int]) -> Sequence[Account]:
    """The living accounts behind the subscriptions to these projects, those of the oldest subscriptions first.

    Not those of people who may no longer use the bot.
    """
    rows = await session.scalars(
        select(Account)
        .join(Subscription, Subscription.account_id == Account.id)
        .join(User, User.id == Account.user_id)
        .where(Subscription.project_id.in_(project_ids), Account.dead_at.is_(None), User.barred_at.is_(None))
        .order_by(Subscription.id)
    )
    return list(dict.fromkeys(rows))


async def people(session: AsyncSession, project_id: int) -> Sequence[tuple[int, int]]:
    """The chats (our ids) and topics to be told of a project's hook.

    Not where Telegram refuses us, nor for people who may not use the bot, nor where the token behind the subscription
    is dead: there its owner was told so.
    """
    rows = await session.execute(
        select(Subscription.chat_id, Subscription.topic_id)
        .join(Chat, Chat.id == Subscription.chat_id)
        .join(User, User.id == Subscription.owner_id)
        .outerjoin(Account, Account.id == Subscription.account_id)
        .where(Subscription.project_id == project_id, Chat.off_at.is_(None), User.barred_at.is_(None))
        .where(or_(Account.id.is_(None), Account.dead_at.is_(None)))
        .order_by(Subscription.id)
    )
    return [(chat_id, topic_id) for chat_id, topic_id in rows]


async def is_well(session: AsyncSession, project: Project) -> bool:
    """Whether the hook of ours that tells of a project needs nobody's hand, or no longer does."""
    hook = await hooks.telling(session, project)
    return hook is not None and hook.origin == "managed" and hook.told_at is None


async def unseen(session: AsyncSession, *, since: datetime, anyway_since: datetime) -> Sequence[int]:
    """The ids of our living hooks at which nobody looked since then, the longest unseen first.

    One that delivered since then is there and works: it is left alone, unless it was not looked at since
    `anyway_since`. That spares the forges most of the questions about projects where much happens.
    """
    delivers = and_(
        Hook.last_event_at.is_not(None),
        Hook.last_event_at > since,
        Hook.last_error.is_(None),
        Hook.checked_at > anyway_since,
    )
    query = (
        select(Hook.id)
        .where(Hook.origin == "managed", Hook.removed_at.is_(None))
        .where(or_(Hook.checked_at.is_(None), and_(Hook.checked_at <= since, not_(delivers))))
        .order_by(Hook.checked_at.is_not(None), Hook.checked_at, Hook.id)
    )
    return (await session.scalars(query)).all()


async def not_yet_gone(session: AsyncSession, *, since: datetime, removed_after: datetime) -> Sequence[int]:
    """The ids of removed hooks that the forge may still have and was not asked about since then.

    Those, too, whose keeper's token was found to work since it was asked.
    """
    is_back = and_(Account.dead_at.is_(None), Account.checked_at > Hook.checked_at)
    query = (
        select(Hook.id)
        .outerjoin(Account, Account.id == Hook.account_id)
        .where(Hook.origin == "managed", Hook.remote_id.is_not(None), Hook.removed_at > removed_after)
        .where(or_(Hook.checked_at <= since, is_back))
    )
    return (await session.scalars(query)).all()


async def aged(session: AsyncSession, *, made_before: datetime) -> Sequence[int]:
    """The ids of our living hooks whose secret is older than that."""
    made = func.coalesce(Hook.secret_made_at, Hook.created_at)
    query = select(Hook.id).where(Hook.origin == "managed", Hook.removed_at.is_(None), Hook.remote_id.is_not(None))
    return (await session.scalars(query.where(made <= made_before).order_by(Hook.id))).all()


async def bare_projects(session: AsyncSession, *, asked_since: datetime, removed_since: datetime) -> Sequence[Project]:
    """Followed projects without a hook of ours on them or on a group above.

    Left out are those of which it was asked since then who may make one, unless somebody's token was found to work
    later, and those whose hook was removed just now.
    """
    own = select(Hook.id).where(Hook.project_id == Project.id, Hook.origin != "poll")
    has_ours = own.where(Hook.origin == "managed", Hook.removed_at.is_(None)).exists()
    was_removed = own.where(Hook.removed_at > removed_since).exists()
    token_since = (
        select(func.max(Account.checked_at))
        .join(Subscription, Subscription.account_id == Account.id)
        .where(Subscription.project_id == Project.id, Account.dead_at.is_(None))
        .scalar_subquery()
    )
    was_asked = own.where(
        Hook.origin == "manual",
        Hook.removed_at.is_(None),
        Hook.checked_at > asked_since,
        or_(token_since.is_(None), Hook.checked_at >= token_since),
    ).exists()
    followed = select(Subscription.id).where(Subscription.project_id == Project.id).exists()
    query = select(Project).where(followed, ~has_ours, ~was_removed, ~was_asked).order_by(Project.id)
    groups = await _groups(session)
    return [project for project in await session.scalars(query) if groups.isdisjoint(_above(project))]


async def _groups(session: AsyncSession) -> frozenset[tuple[int, str]]:
    """Forges and paths of the groups that have a hook of ours."""
    query = select(Hook.forge_id, func.lower(Hook.group_path)).where(Hook.removed_at.is_(None))
    rows = await session.execute(query.where(Hook.group_path.is_not(None)))
    return frozenset((forge_id, path) for forge_id, path in rows)


def _above(project: Project) -> list[tuple[int, str]]:
    parts = project.path.casefold().split("/")
    return [(project.forge_id, "/".join(parts[:count])) for count in range(1, len(parts))]


async def kept_by(session: AsyncSession, user_id: int) -> Sequence[Hook]:
    """The living hooks of the projects that a person's accounts look after, or that the person follows."""
    own = select(Account.id).where(Account.user_id == user_id)
    followed = select(Subscription.project_id).where(Subscription.owner_id == user_id)
    query = select(Hook).where(Hook.origin.not_in(("environment", "poll")), Hook.removed_at.is_(None))
    return (await session.scalars(query.where(or_(Hook.account_id.in_(own), Hook.project_id.in_(followed))))).all()
