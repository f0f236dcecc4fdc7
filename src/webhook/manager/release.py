"""Somebody leaves: what only they followed is removed while we have their token; the rest is handed on."""

import asyncio
from dataclasses import dataclass, replace

from src.database.models import Account, Hook, Project
from src.database.repositories import accounts, forges, hook_care, hooks, projects
from src.forge import ForgeError
from src.webhook.manager.ground import Ground
from src.webhook.manager.reconcile import Reconciler
from src.webhook.manager.states import HookOutcome, Unreleased
from src.webhook.manager.task import Task

_LIMIT = 20.0  # seconds for all of it: somebody waits for the answer


@dataclass(frozen=True, slots=True)
class _Leaving:
    hook: Hook
    projects: tuple[Project, ...]
    page: str | None
    is_wanted: bool  # others follow


class Release:
    """See the module."""

    def __init__(self, ground: Ground, reconciler: Reconciler) -> None:
        self._ground = ground
        self._reconciler = reconciler

    async def release_for(self, user_id: int) -> tuple[Unreleased, ...]:
        """As `HookManager.release_for`."""
        left: list[Unreleased] = []
        pending = await self._leaving(user_id)
        try:
            async with asyncio.timeout(_LIMIT):
                while pending:
                    trouble = await self._release(pending[0], user_id)
                    item = pending.pop(0)
                    if trouble is not None:
                        left.append(_unreleased(item, trouble))
        except TimeoutError:
            left += [_unreleased(item, "there was no time left") for item in pending if not item.is_wanted]
        return tuple(left)

    async def _leaving(self, user_id: int) -> list[_Leaving]:
        found: list[_Leaving] = []
        async with self._ground.database.read() as session:
            for hook in await hook_care.kept_by(session, user_id):
                if hook.project_id is not None:
                    covered = [await projects.get(session, hook.project_id)]
                else:
                    covered = list(await hooks.covered_projects(session, hook))
                wanted = await hooks.is_followed(session, [item.id for item in covered], but=user_id)
                forge_type = self._ground.credentials.types[(await forges.get(session, hook.forge_id)).kind]
                url = covered[0].url if hook.project_id is not None else None
                page = f"{url}/{forge_type.hooks_page}" if url and forge_type.hooks_page else None
                found.append(_Leaving(hook, tuple(covered), page, wanted))
        return found

    async def _release(self, item: _Leaving, user_id: int) -> str | None:
        """What went wrong, where somebody has to remove it by hand."""
        if item.hook.origin == "manual":
            if item.is_wanted:
                return None
            async with self._ground.database.write() as session:
                await hooks.tombstone(session, item.hook.id, self._ground.clock(), is_gone=True)
            return "it was made by hand" if item.hook.last_event_at is not None else None
        try:
            async with self._ground.alone(item.hook.forge_id, item.hook.group_path or item.projects[0].path):
                task, others = await self._task(item, user_id)
                if item.is_wanted:
                    await self._hand_on(task, others)
                    return None
                return await self._remove(task)
        except ForgeError as error:
            return None if item.is_wanted else str(error)[:300]

    async def _task(self, item: _Leaving, user_id: int) -> tuple[Task, tuple[Account, ...]]:
        async with self._ground.database.write() as session:
            hook = await hooks.get(session, item.hook.id)
            task = await self._ground.task(session, hook, item.projects)
            own = {account.id for account in await accounts.of_user(session, user_id)}
        return task, tuple(account for account in task.candidates if account.id not in own)

    async def _hand_on(self, task: Task, others: tuple[Account, ...]) -> None:
        """To one of those who stay; where none of them may, it goes on without anybody, and they are told so soon."""
        if task.public_url is None:  # nothing can be set right on the forge now; the next look hands it on
            return
        await self._ground.ask(
            replace(task, candidates=others),
            lambda client, account: self._reconciler.settle(task, account, client),
        )

    async def _remove(self, task: Task) -> str | None:
        if task.hook.removed_at is not None:
            return None
        attempt = await self._ground.ask(task, lambda client, _account: self._reconciler.remove(task, client))
        is_gone = attempt.account is not None or task.hook.remote_id is None
        async with self._ground.database.write() as session:
            await hooks.tombstone(session, task.hook.id, self._ground.clock(), is_gone=is_gone)
        await self._ground.log(task, HookOutcome.REMOVED, f"{task.name}: who followed it left")
        if is_gone:
            return None
        return str(attempt.refusals[-1])[:300] if attempt.refusals else "its token no longer works"


def _unreleased(item: _Leaving, reason: str) -> Unreleased:
    path = item.hook.group_path or item.projects[0].path
    return Unreleased(path=path, page=item.page, reason=reason)
