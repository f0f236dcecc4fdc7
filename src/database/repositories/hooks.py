"""Webhooks that we registered, or that were made by hand."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Forge, Hook
from src.forge import RemoteHook


async def by_public_id(session: AsyncSession, kind: str, public_id: str) -> Hook | None:
    """The hook that an address names, removed ones included."""
    return await session.scalar(
        select(Hook).join(Forge, Forge.id == Hook.forge_id).where(Hook.public_id == public_id, Forge.kind == kind)
    )


async def environment(session: AsyncSession, kind: str, *, switched_off: bool = False) -> Hook | None:
    """The synthetic hook that stands for all hooks made with the secret from the environment.

    Without a secret there it is switched off (`removed_at`) and found only when asked for so.
    """
    query = select(Hook).join(Forge, Forge.id == Hook.forge_id).where(Hook.origin == "environment", Forge.kind == kind)
    return await session.scalar(query if switched_off else query.where(Hook.removed_at.is_(None)))


async def for_project(session: AsyncSession, project_id: int) -> Hook | None:
    """The living hook of a project, the managed one before one made by hand."""
    return await session.scalar(
        select(Hook)
        .where(Hook.project_id == project_id, Hook.removed_at.is_(None))
        .order_by(Hook.origin != "managed", Hook.id)
        .limit(1)
    )


async def of_projects(session: AsyncSession, project_ids: Sequence[int]) -> Sequence[Hook]:
    """The living hooks of several projects."""
    return (
        await session.scalars(select(Hook).where(Hook.project_id.in_(project_ids), Hook.removed_at.is_(None)))
    ).all()


async def add(session: AsyncSession, hook: Hook) -> Hook:
    """Store a new hook."""
    session.add(hook)
    await session.flush()
    return hook


async def get(session: AsyncSession, hook_id: int) -> Hook:
    """One hook by our id."""
    return await session.get_one(Hook, hook_id)


async def heard(session: AsyncSession, hook_id: int, now: datetime) -> None:
    """A genuine delivery came: the hook works."""
    await session.execute(update(Hook).where(Hook.id == hook_id).values(last_event_at=now, last_error=None))


async def failed(session: AsyncSession, hook_id: int, error: str) -> None:
    """Something is wrong with the hook; `/status` shows it."""
    await session.execute(
        update(Hook)
        .where(Hook.id == hook_id, or_(Hook.last_error.is_(None), Hook.last_error != error))
        .values(last_error=error)
    )


async def connected(
    session: AsyncSession, hook_id: int, *, remote: RemoteHook, account_id: int, events: Collection[str]
) -> None:
    """The forge has the hook, set to these events, and this account looks after it."""
    await session.execute(
        update(Hook)
        .where(Hook.id == hook_id)
        .values(
            origin="managed",
            remote_id=remote.id,
            address=remote.url,
            account_id=account_id,
            events=sorted(events),
            last_error=None,
        )
    )


async def left_to_hand(session: AsyncSession, hook_id: int, *, account_id: int, address: str) -> None:
    """Nobody of us may make the hook: somebody will, by hand, with this address and the stored secret."""
    await session.execute(
        update(Hook)
        .where(Hook.id == hook_id)
        .values(origin="manual", remote_id=None, address=address, account_id=account_id)
    )


async def expect_secret(session: AsyncSession, hook_id: int, secret: bytes, *, until: datetime) -> None:
    """Accept another (encrypted) secret, too, until then: the forge is about to be told of it."""
    await session.execute(
        update(Hook).where(Hook.id == hook_id).values(previous_secret=secret, previous_secret_until=until)
    )


async def replace_secret(session: AsyncSession, hook_id: int, secret: bytes) -> None:
    """From now on this (encrypted) secret is the only one."""
    await session.execute(
        update(Hook).where(Hook.id == hook_id).values(secret=secret, previous_secret=None, previous_secret_until=None)
    )
