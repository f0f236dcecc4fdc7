"""Webhooks that we registered, or that were made by hand."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Forge, Hook, Project, Subscription
from src.forge import RemoteHook

WRONG_SIGNATURE = "a delivery with a wrong signature"  # in `last_error`: its secret may have been changed by hand
REMEMBERED = timedelta(days=30)  # how long late deliveries of a removed hook are answered as if it were there


async def at_addresses(
    session: AsyncSession, addresses: Collection[tuple[str, str | None]]
) -> dict[tuple[str, str | None], Hook]:
    """The hooks at these addresses, removed ones included: kind of forge and public id, or `None` for `environment`."""
    ids = {public_id for _, public_id in addresses if public_id is not None}
    query = select(Hook, Forge.kind).join(Forge, Forge.id == Hook.forge_id).where(Hook.public_id.in_(ids))
    found: dict[tuple[str, str | None], Hook] = {}
    if ids:
        found = {(kind, hook.public_id): hook for hook, kind in await session.execute(query)}
    for kind, public_id in addresses:
        if public_id is None and (hook := await environment(session, kind)) is not None:
            found[kind, None] = hook
    return found


async def environment(session: AsyncSession, kind: str, *, switched_off: bool = False) -> Hook | None:
    """The synthetic hook that stands for all hooks made with the secret from the environment.

    Without a secret there it is switched off (`removed_at`) and found only when asked for so.
    """
    query = select(Hook).join(Forge, Forge.id == Hook.forge_id).where(Hook.origin == "environment", Forge.kind == kind)
    return await session.scalar(query if switched_off else query.where(Hook.removed_at.is_(None)))


async def for_project(session: AsyncSession, project_id: int, *, account_id: int | None = None) -> Hook | None:
    """The living hook of a project: the managed one before one made by hand.

    Of several made by hand one that delivers comes first, then the account's own.
    """
    mine = [] if account_id is None else [Hook.account_id.is_distinct_from(account_id)]
    return await session.scalar(
        select(Hook)
        .where(Hook.project_id == project_id, Hook.origin != "poll", Hook.removed_at.is_(None))
        .order_by(Hook.origin != "managed", Hook.last_event_at.is_(None), *mine, Hook.id)
        .limit(1)
    )


async def covering(session: AsyncSession, forge_id: int, path: str) -> Hook | None:
    """The living hook of the nearest group that a project of this path belongs to."""
    parts = path.casefold().split("/")
    groups = ["/".join(parts[:count]) for count in range(1, len(parts))]
    return await session.scalar(
        select(Hook)
        .where(Hook.forge_id == forge_id, Hook.removed_at.is_(None), func.lower(Hook.group_path).in_(groups))
        .order_by(func.length(Hook.group_path).desc(), Hook.id)
        .limit(1)
    )


async def telling(session: AsyncSession, project: Project) -> Hook | None:
    """The living hook that tells of a project: its group's once the forge has that, else the project's own."""
    of_its_group = await covering(session, project.forge_id, project.path)
    if of_its_group is not None and of_its_group.remote_id is not None:
        return of_its_group
    return await for_project(session, project.id) or of_its_group


async def of_group(session: AsyncSession, forge_id: int, path: str) -> Hook | None:
    """The living hook of just this group."""
    return await session.scalar(
        select(Hook)
        .where(Hook.forge_id == forge_id, Hook.removed_at.is_(None), func.lower(Hook.group_path) == path.lower())
        .limit(1)
    )


async def below_group(session: AsyncSession, hook: Hook) -> Sequence[Hook]:
    """Our living hooks of what belongs to a group that has one: its projects' and those of groups in it."""
    below = Project.path.istartswith(f"{hook.group_path}/", autoescape=True)
    inner = Hook.group_path.istartswith(f"{hook.group_path}/", autoescape=True)
    return (
        await session.scalars(
            select(Hook)
            .outerjoin(Project, Project.id == Hook.project_id)
            .where(Hook.forge_id == hook.forge_id, Hook.origin == "managed", Hook.removed_at.is_(None))
            .where(or_(below, inner))
            .order_by(Hook.id)
        )
    ).all()


async def covered_projects(session: AsyncSession, hook: Hook) -> Sequence[Project]:
    """The followed projects that a group's hook tells of."""
    followed = select(Subscription.id).where(Subscription.project_id == Project.id).exists()
    below = Project.path.istartswith(f"{hook.group_path}/", autoescape=True)
    query = select(Project).where(Project.forge_id == hook.forge_id, below, followed)
    return (await session.scalars(query.order_by(Project.id))).all()


async def still_there(session: AsyncSession, project_ids: Sequence[int]) -> Sequence[Hook]:
    """The hooks that we made on these projects and the forge still has, removed ones among them."""
    made = (Hook.project_id.in_(project_ids), Hook.origin == "managed", Hook.remote_id.is_not(None))
    return (await session.scalars(select(Hook).where(*made).order_by(Hook.id))).all()


async def add(session: AsyncSession, hook: Hook) -> Hook:
    """Store a new hook."""
    session.add(hook)
    await session.flush()
    return hook


async def get(session: AsyncSession, hook_id: int) -> Hook:
    """One hook by our id."""
    return await session.get_one(Hook, hook_id)


async def find(session: AsyncSession, hook_id: int) -> Hook | None:
    """One hook by our id, if it is still known."""
    return await session.get(Hook, hook_id)


_HEARD = update(Hook).where(Hook.id == bindparam("number"))


async def heard(session: AsyncSession, hook_id: int, now: datetime) -> None:
    """A genuine delivery came: the hook works."""
    connection = await session.connection()  # past the session: this is done for every delivery
    await connection.execute(_HEARD, {"number": hook_id, "last_event_at": now, "last_error": None})


async def failed(session: AsyncSession, hook_id: int, error: str) -> None:
    """Something is wrong with the hook; `/status` shows it."""
    await session.execute(
        update(Hook)
        .where(Hook.id == hook_id, or_(Hook.last_error.is_(None), Hook.last_error != error))
        .values(last_error=error)
    )


async def connected(
    session: AsyncSession, hook_id: int, *, remote: RemoteHook, account_id: int, events: Collection[str], now: datetime
) -> None:
    """The forge has the hook, set to these events, and this account looks after it: nothing is left to complain of."""
    await _set(
        session,
        hook_id,
        origin="managed",
        remote_id=remote.id,
        address=remote.url,
        account_id=account_id,
        events=sorted(events),
        last_error=remote.trouble,
        checked_at=now,
        told_at=None,
    )


async def left_to_hand(session: AsyncSession, hook_id: int, *, account_id: int, address: str, now: datetime) -> None:
    """Nobody of us may make the hook: somebody will, by hand, with this address and the stored secret."""
    await _set(
        session,
        hook_id,
        origin="manual",
        remote_id=None,
        address=address,
        account_id=account_id,
        checked_at=now,
        told_at=None,
        removed_at=None,
    )


async def rename_group(session: AsyncSession, hook_id: int, path: str) -> None:
    """The group of a hook has another name."""
    await _set(session, hook_id, group_path=path)


async def expect_secret(session: AsyncSession, hook_id: int, secret: bytes | None) -> None:
    """Accept another (encrypted) secret, too: the forge is about to be told of it. `None`: it surely was not."""
    await _set(session, hook_id, next_secret=secret)


async def replace_secret(session: AsyncSession, hook_id: int, secret: bytes, *, until: datetime, now: datetime) -> None:
    """The forge signs with this (encrypted) secret now; the one before it stays good for what is under way."""
    await _set(
        session,
        hook_id,
        previous_secret=Hook.secret,
        previous_secret_until=until,
        secret=secret,
        next_secret=None,
        secret_made_at=now,
    )


async def checked(session: AsyncSession, hook_id: int, now: datetime, *, error: str | None = None) -> None:
    """It was looked at, or nobody may look; `error` says what is wrong with it."""
    await _set(session, hook_id, checked_at=now, **({} if error is None else {"last_error": error}))


async def told(session: AsyncSession, hook_id: int, now: datetime) -> bool:
    """Its people are told that it needs a hand. Whether that is news: another process may have told them."""
    news = await session.execute(
        update(Hook).where(Hook.id == hook_id, Hook.told_at.is_(None)).values(told_at=now).returning(Hook.id)
    )
    return news.first() is not None


async def tombstone(session: AsyncSession, hook_id: int, now: datetime, *, is_gone: bool) -> None:
    """Nobody needs it any more. Unless it `is_gone`, the forge still has it and is asked again to remove it."""
    values: dict[str, object] = {"removed_at": now, "checked_at": now, "told_at": None}
    await _set(session, hook_id, **values, **({"remote_id": None} if is_gone else {}))


async def gone(session: AsyncSession, hook_ids: Collection[int]) -> None:
    """The forge no longer has these removed hooks."""
    await session.execute(
        update(Hook).where(Hook.id.in_(hook_ids), Hook.removed_at.is_not(None)).values(remote_id=None)
    )


async def discard(session: AsyncSession, hook_id: int) -> None:
    """Forget a hook that was never made and that nobody was told to make: no forge knows its address."""
    await session.execute(delete(Hook).where(Hook.id == hook_id, Hook.remote_id.is_(None), Hook.origin == "managed"))


async def by_hand(session: AsyncSession, project_id: int) -> Sequence[Hook]:
    """What people were told to make by hand, oldest first, removed ones included."""
    query = select(Hook).where(Hook.project_id == project_id, Hook.origin == "manual").order_by(Hook.id)
    return (await session.scalars(query)).all()


async def left_behind(session: AsyncSession, place: Hook) -> Sequence[Hook]:
    """Removed hooks of the same project or group that the forge may still have."""
    same = Hook.group_path == place.group_path if place.project_id is None else Hook.project_id == place.project_id
    query = select(Hook).where(Hook.forge_id == place.forge_id, same, Hook.origin == "managed")
    return (await session.scalars(query.where(Hook.removed_at.is_not(None), Hook.remote_id.is_not(None)))).all()


async def managed(session: AsyncSession) -> Sequence[Hook]:
    """All living hooks that we made."""
    query = select(Hook).where(Hook.origin == "managed", Hook.removed_at.is_(None)).order_by(Hook.id)
    return (await session.scalars(query)).all()


async def is_followed(session: AsyncSession, project_ids: Collection[int], *, but: int | None = None) -> bool:
    """Whether anybody (`but` this person) follows one of these projects, in whatever state their subscription is."""
    query = select(Subscription.id).where(Subscription.project_id.in_(project_ids))
    others = query if but is None else query.where(Subscription.owner_id != but)
    return await session.scalar(others.limit(1)) is not None


async def is_wanted(session: AsyncSession, hook: Hook) -> bool:
    """Whether anybody follows what a hook tells of, or told of before it was removed."""
    if hook.group_path is not None:
        return bool(await covered_projects(session, hook))
    return hook.project_id is not None and await is_followed(session, [hook.project_id])


async def is_brought(session: AsyncSession, project: Project, *, checked_since: datetime) -> bool:
    """Whether a hook that we made, and that was in order at a look since then, tells of a project."""
    hook = await telling(session, project)
    if hook is None or hook.origin != "managed" or hook.remote_id is None or hook.last_error is not None:
        return False
    return hook.checked_at is not None and hook.checked_at > checked_since


async def _set(session: AsyncSession, hook_id: int, **values: object) -> None:
    await session.execute(
        update(Hook).where(Hook.id == hook_id).values(**values).execution_options(synchronize_session=False)
    )
