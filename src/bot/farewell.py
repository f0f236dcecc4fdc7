"""Saying goodbye: hooks first, for which the tokens are needed; then the rows, the groups, and the file itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from src.bot.deps import BotDeps
from src.database.models import Account
from src.database.repositories import accounts, erasure, forges, hooks, jobs, subscriptions
from src.database.repositories.erasure import Forgotten
from src.database.retention import RETENTION_JOB
from src.forge import ForgeError
from src.webhook.manager import Unreleased
from src.webhook.notices import Notice, post

_PATHS = 10  # projects that a notice names
_PATIENCE = 30  # seconds for the forges; what they were not asked by then, the hooks' own jobs go on with


@dataclass(frozen=True, slots=True)
class Farewell:
    """What became of somebody's things."""

    forgotten: Forgotten
    unreleased: tuple[Unreleased, ...] = ()  # hooks that somebody has to remove by hand


async def say_goodbye(deps: BotDeps, user_id: int) -> Farewell:
    """Forget a person: what they have here, and the hooks that nobody else needs. Takes half a minute at most."""
    unreleased = await deps.hooks.release_for(user_id)
    async with deps.database.write() as session:
        forgotten = await erasure.forget_person(session, user_id, deps.clock())
        await _tell_groups(session, deps, user_id, forgotten)
    await _wipe(deps)
    return Farewell(forgotten, unreleased)


async def give_back(deps: BotDeps, account: Account) -> Farewell:
    """Delete one token, with what it speaks for. Takes half a minute at most."""
    async with deps.database.write() as session:
        followed = await subscriptions.of_account(session, account.id)
        forgotten = await erasure.end_subscriptions(session, account, deps.clock())
        await _tell_groups(session, deps, account.user_id, forgotten)
    try:
        async with asyncio.timeout(_PATIENCE):
            for project_id in sorted({item.project.id for item in followed}):
                await _settle(deps, project_id)
    except TimeoutError:
        pass  # its jobs go on, with whichever token may
    async with deps.database.write() as session:
        unreleased = await _standing(session, deps, account, followed)
        await accounts.remove(session, account.id, deps.clock())
        await erasure.forget_unfollowed(session, {item.project.id for item in followed})
    await _wipe(deps)
    return Farewell(forgotten, unreleased)


async def _standing(
    session: AsyncSession, deps: BotDeps, account: Account, followed: Sequence[subscriptions.Followed]
) -> tuple[Unreleased, ...]:
    """The hooks that nobody needs and the forge still has: without the token nobody of us may remove them."""
    paths = {item.project.id: item.project for item in followed}
    page = deps.credentials.types[(await forges.get(session, account.forge_id)).kind].hooks_page
    found = []
    for hook in await hooks.still_there(session, list(paths)):
        project = paths[hook.project_id or 0]
        if not await hooks.is_followed(session, [project.id]):
            url = f"{project.url}/{page}" if project.url and page else None
            found.append(Unreleased(path=project.path, page=url, reason="the forge was not reached in time"))
    return tuple(found)


async def _settle(deps: BotDeps, project_id: int) -> None:
    """While the token is still there: remove the hook, or have others look after it."""
    try:
        await deps.hooks.settle(project_id)
    except ForgeError:
        return  # the job that was put with the end of the subscription tries again


async def _tell_groups(session: AsyncSession, deps: BotDeps, user_id: int, forgotten: Forgotten) -> None:
    for place in forgotten.left:
        params = {
            "name": forgotten.name,
            "paths": list(place.paths[:_PATHS]),
            "more": max(0, len(place.paths) - _PATHS),
        }
        await post(
            session,
            Notice.SPONSOR_LEFT,
            chat_id=place.chat_id,
            topic_id=place.topic_id,
            key=f"{user_id}:{place.topic_id}:{deps.clock().timestamp()}",  # each names other projects: all are said
            now=deps.clock(),
            params=params,
        )


async def _wipe(deps: BotDeps) -> None:
    """What was deleted is overwritten in the file; the log of changes must not have it either."""
    if await deps.database.checkpoint():
        return
    async with deps.database.write() as session:  # a backup is being made: retention tries again
        await jobs.put(session, RETENTION_JOB, "", now=deps.clock())
