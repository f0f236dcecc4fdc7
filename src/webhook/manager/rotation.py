"""Secrets change, by age or because somebody asks, without a delivery lost.

The new secret is good before the forge hears of it, the old one for a day after it has; a process that dies in between
leaves both good, and the next look at the hook finishes the change.
"""

from datetime import timedelta

from src.database.repositories import hooks, projects
from src.forge import Rejected
from src.webhook.manager.ground import Ground
from src.webhook.manager.reconcile import Reconciler
from src.webhook.manager.task import Task

OLDEST = timedelta(days=90)
_SETTLED = timedelta(minutes=1)  # what was signed before the last change is no longer under way


class Rotation:
    """See the module."""

    def __init__(self, ground: Ground, reconciler: Reconciler) -> None:
        self._ground = ground
        self._reconciler = reconciler

    async def rotate(self, hook_id: int) -> bool:
        """As `HookManager.rotate`, while the place is ours alone."""
        async with self._ground.database.write() as session:
            hook = await hooks.get(session, hook_id)
            if hook.origin != "managed" or hook.removed_at is not None or hook.remote_id is None:
                return False
            if hook.secret_made_at is not None and self._ground.clock() - hook.secret_made_at < _SETTLED:
                return False
            if hook.project_id is not None:
                covered = [await projects.get(session, hook.project_id)]
            else:
                covered = list(await hooks.covered_projects(session, hook))
            task = await self._ground.task(session, hook, covered)
        if not task.is_followed or task.public_url is None:
            return False
        try:
            attempt = await self._ground.ask(
                task, lambda client, account: self._reconciler.rotate(task, account, client)
            )
        except Rejected as error:
            await self._stays(task, str(error))
            return False
        if attempt.value is None:
            await self._stays(task, "no token of ours may change its secret")
            return False
        await self._ground.log(task, "rotated", f"{task.name}: it has another secret")
        return True

    async def _stays(self, task: Task, why: str) -> None:
        """The forge refused, so it knows nothing of the new secret; unless it was told before, and we died then."""
        if task.next_secret is None:
            async with self._ground.database.write() as session:
                await hooks.expect_secret(session, task.hook.id, None)
        await self._ground.log(task, "not_rotated", f"{task.name}: {why}")
