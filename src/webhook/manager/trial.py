"""A test delivery: ordered from the forge, and followed on its way back."""

from datetime import datetime

from src.database.models import Hook
from src.database.repositories import accounts, deliveries, hooks, projects
from src.forge import NotFound
from src.webhook.manager.ground import Ground
from src.webhook.manager.states import TestProgress

_UNDER_WAY = frozenset({"new", "taken"})
_WENT_WRONG = frozenset({"failed", "quarantined"})


class Trial:
    """See the module."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def send(self, project_id: int, account_id: int) -> datetime:
        """As `HookManager.send_test`."""
        async with self._ground.database.write() as session:
            project = await projects.get(session, project_id)
            asking = await accounts.get(session, account_id)
            hook = await hooks.telling(session, project)
            remote_id = None if hook is None else hook.remote_id
            if hook is None or remote_id is None:
                raise NotFound("there is no webhook of ours that could be tested")
            task = await self._ground.task(session, hook, [project], asking=asking)
        since = self._ground.clock()
        attempt = await self._ground.ask(
            task, lambda client, _account: client.test_hook(task.place, remote_id), asking=asking
        )
        if attempt.account is None:
            raise attempt.refusals[-1] if attempt.refusals else NotFound("nobody may test this webhook")
        await self._ground.log(task, "tested", f"{task.name}: a test delivery was ordered")
        return since

    async def progress(self, project_id: int, since: datetime) -> TestProgress:
        """As `HookManager.test_progress`."""
        async with self._ground.database.read() as session:
            project = await projects.get(session, project_id)
            hook = await hooks.telling(session, project)
            if hook is None:
                return TestProgress(accepted=False, arrived=False, told=False)
            found = await deliveries.first_since(session, hook.id, since)
        if found is None:
            return TestProgress(accepted=True, arrived=False, told=False, error=_trouble(hook))
        return TestProgress(
            accepted=True,
            arrived=True,
            told=found.state not in _UNDER_WAY | _WENT_WRONG,
            arrived_at=found.received_at,
            error=found.error if found.state in _WENT_WRONG else None,
        )


def _trouble(hook: Hook) -> str | None:
    return hook.last_error
