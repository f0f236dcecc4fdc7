"""The jobs that look after hooks: which there are, and how soon each is done again."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from src.database.jobs import Handler, PostponeJob
from src.database.models import Job
from src.database.repositories import hook_care, hooks, jobs
from src.forge import RateLimited, Unavailable
from src.webhook.manager import CHECK_JOB, ROTATE_JOB, SETTLE_JOB, HookManager
from src.webhook.manager.rotation import OLDEST

SWEEP_JOB = "hooks"
RECURRING = (SWEEP_JOB, ROTATE_JOB)

_SWEEP = timedelta(minutes=3)  # how soon it is seen that something happened to a hook
_ASK_AGAIN = timedelta(hours=1)  # whether somebody may make, or remove, by now what they might not
_ROTATION = timedelta(hours=6)  # how soon it is seen that a secret is old
_FORGE_DOWN = timedelta(minutes=1)

T = TypeVar("T")


def hook_jobs(manager: HookManager) -> dict[str, Handler]:
    """The handlers by kind, for the runner; those in `RECURRING` are there from the start."""
    work = _Work(manager)
    return {
        SWEEP_JOB: work.sweep,
        CHECK_JOB: work.check,
        SETTLE_JOB: work.settle,
        ROTATE_JOB: work.rotate,
    }


class _Work:
    def __init__(self, manager: HookManager) -> None:
        self._manager = manager
        self._database = manager.ground.database
        self._clock = manager.ground.clock

    async def sweep(self, _job: Job) -> datetime:
        """Ask for a look at every hook, and at every followed project that has none; each is a job of its own."""
        now = self._clock()
        async with self._database.write() as session:
            seen_before = now - _SWEEP * 0.9  # what was asked for last time and done a little later is asked for, too
            for hook_id in await hook_care.unseen(session, since=seen_before):
                await jobs.put(session, CHECK_JOB, str(hook_id), now=now)
            for hook_id in await hook_care.not_yet_gone(
                session, since=now - _ASK_AGAIN, removed_after=now - hooks.REMEMBERED
            ):
                await jobs.put(session, CHECK_JOB, str(hook_id), now=now)
            bare = await hook_care.bare_projects(session, asked_since=now - _ASK_AGAIN, removed_since=now - 2 * _SWEEP)
            for project in bare:
                if await hooks.covering(session, project.forge_id, project.path) is None:
                    await jobs.put(session, SETTLE_JOB, str(project.id), now=now)
        return now + _SWEEP

    async def check(self, job: Job) -> None:
        """Look at one hook."""
        await self._patiently(lambda: self._manager.check(int(job.key)))

    async def settle(self, job: Job) -> None:
        """Somebody's choice for a project changed."""
        await self._patiently(lambda: self._manager.settle(int(job.key)))

    async def rotate(self, job: Job) -> datetime | None:
        """Change one hook's secret, or ask for that where a secret is old."""
        if job.key:
            await self._patiently(lambda: self._manager.rotate(int(job.key)))
            return None
        now = self._clock()
        async with self._database.write() as session:
            for hook_id in await hook_care.aged(session, made_before=now - OLDEST):
                await jobs.put(session, ROTATE_JOB, str(hook_id), now=now)
        return now + _ROTATION

    async def _patiently(self, action: Callable[[], Awaitable[T]]) -> T:
        """A forge that is away is asked later, however often."""
        try:
            return await action()
        except RateLimited as error:
            raise PostponeJob(error.until, "the forge limits us") from error
        except Unavailable as error:
            raise PostponeJob(self._clock() + _FORGE_DOWN, "the forge is away") from error
