"""The jobs that look after hooks: which there are, and how soon each is done again."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from src.database.jobs import Handler, PostponeJob
from src.database.models import Job
from src.database.repositories import hook_care, hooks, jobs, missed, projects
from src.forge import RateLimited, Unavailable
from src.webhook.manager import CHECK_JOB, ROTATE_JOB, SETTLE_JOB, HookManager
from src.webhook.manager.ground import Busy
from src.webhook.manager.rotation import OLDEST
from src.webhook.manager.task import is_elsewhere
from src.webhook.reconcile import CatchingUp

SWEEP_JOB = "hooks"
CATCH_UP_JOB = "hook_catch_up"  # key: a hook's id; empty: ask for all, and tell what came of it
RECURRING = (SWEEP_JOB, ROTATE_JOB, CATCH_UP_JOB)

_SWEEP = timedelta(minutes=3)  # how soon it is seen that something happened to a hook
_SWEEP_ALL = timedelta(minutes=15)  # the same of one that goes on delivering: that it lacks events, say
_ASK_AGAIN = timedelta(hours=1)  # whether somebody may make, or remove, by now what they might not
_CATCH_UP = timedelta(minutes=4)  # how soon it is seen that a delivery failed
_BARRED = timedelta(hours=6)  # whether a forge that cannot be asked for them has learned to be
_ROTATION = timedelta(hours=6)  # how soon it is seen that a secret is old
_A_SECOND = 10  # looks that are asked for: a thousand hooks are not to be asked about at once
_FORGE_DOWN = timedelta(minutes=1)
_FAILURES = 3  # in a row, and a forge is left alone for that long: its hooks must not hold up those of the others

T = TypeVar("T")


def hook_jobs(manager: HookManager) -> dict[str, Handler]:
    """The handlers by kind, for the runner; those in `RECURRING` are there from the start."""
    work = _Work(manager)
    return {
        SWEEP_JOB: work.sweep,
        CHECK_JOB: work.check,
        SETTLE_JOB: work.settle,
        ROTATE_JOB: work.rotate,
        CATCH_UP_JOB: work.catch_up,
    }


class _Work:
    def __init__(self, manager: HookManager) -> None:
        self._manager = manager
        self._catching_up = CatchingUp(manager.ground)
        self._database = manager.ground.database
        self._clock = manager.ground.clock
        self._failures: dict[int, int] = {}  # in a row, by forge
        self._left_alone: dict[int, datetime] = {}  # forges, until when

    async def sweep(self, _job: Job) -> datetime:
        """Ask for a look at every hook, and at every followed project that has none; each is a job of its own."""
        now = self._clock()
        seen_before = now - _SWEEP * 0.9  # what was asked for last time and done a little later is asked for, too
        gone_after = now - hooks.REMEMBERED
        async with self._database.read() as session:
            unseen = await hook_care.unseen(session, since=seen_before, anyway_since=now - _SWEEP_ALL)
            left = await hook_care.not_yet_gone(session, since=now - _ASK_AGAIN, removed_after=gone_after)
            bare = await hook_care.bare_projects(session, asked_since=now - _ASK_AGAIN, removed_since=now - 2 * _SWEEP)
        if not (unseen or left or bare):
            return now + _SWEEP  # who only begins to write holds others up on PostgreSQL
        async with self._database.write() as session:
            for index, hook_id in enumerate(unseen):
                run_at = now + timedelta(seconds=index // _A_SECOND)
                await jobs.put(session, CHECK_JOB, str(hook_id), now=now, run_at=run_at)
            for hook_id in left:
                await jobs.put(session, CHECK_JOB, str(hook_id), now=now)
            for project in bare:
                await jobs.put(session, SETTLE_JOB, str(project.id), now=now)
        return now + _SWEEP

    async def check(self, job: Job) -> None:
        """Look at one hook, unless somebody did since it was asked for, and for the address that we have now."""
        hook_id = int(job.key)
        async with self._database.read() as session:
            hook = await hooks.find(session, hook_id)
        if hook is None:
            return
        is_seen = hook.checked_at is not None and hook.checked_at > job.created_at
        if is_seen and not is_elsewhere(hook, self._manager.ground.public_url):
            return
        await self._patiently(hook.forge_id, lambda: self._manager.check(hook_id))

    async def settle(self, job: Job) -> None:
        """Somebody's choice for a project changed."""
        project_id = int(job.key)
        async with self._database.read() as session:
            project = await projects.known(session, project_id)
        if project is not None:
            await self._patiently(project.forge_id, lambda: self._manager.settle(project_id))

    async def rotate(self, job: Job) -> datetime | None:
        """Change one hook's secret, or ask for that where a secret is old."""
        if job.key:
            await self._rotate(int(job.key))
            return None
        now = self._clock()
        async with self._database.write() as session:
            for hook_id in await hook_care.aged(session, made_before=now - OLDEST):
                await jobs.put(session, ROTATE_JOB, str(hook_id), now=now)
        return now + _ROTATION

    async def catch_up(self, job: Job) -> datetime | None:
        """See to what one hook has missed; or ask for that of all, and tell what came of it before."""
        if job.key:
            return await self._catch_up(int(job.key))
        await self._catching_up.tell()
        now = self._clock()
        async with self._database.write() as session:
            for index, hook_id in enumerate(await missed.to_look_at(session, CATCH_UP_JOB, barred_since=now - _BARRED)):
                run_at = now + timedelta(seconds=index // _A_SECOND)
                await jobs.put(session, CATCH_UP_JOB, str(hook_id), now=now, run_at=run_at)
        return now + _CATCH_UP

    async def _catch_up(self, hook_id: int) -> datetime | None:
        async with self._database.read() as session:
            hook = await hooks.find(session, hook_id)
        if hook is None:
            return None
        return await self._patiently(hook.forge_id, lambda: self._catching_up.look(hook_id))

    async def _rotate(self, hook_id: int) -> None:
        async with self._database.read() as session:
            hook = await hooks.find(session, hook_id)
        if hook is not None:
            await self._patiently(hook.forge_id, lambda: self._manager.rotate(hook_id))

    async def _patiently(self, forge_id: int, action: Callable[[], Awaitable[T]]) -> T:
        """A forge that is away is asked later, however often, and by one after the other."""
        rests_until = self._left_alone.get(forge_id)
        if rests_until is not None and rests_until > self._clock():
            raise PostponeJob(rests_until, "the forge is away")
        try:
            done = await action()
        except RateLimited as error:
            raise PostponeJob(error.until, "the forge limits us") from error
        except Busy as error:
            raise PostponeJob(self._clock() + _FORGE_DOWN, "another process is at it") from error
        except Unavailable as error:
            until = self._clock() + _FORGE_DOWN
            self._failures[forge_id] = self._failures.get(forge_id, 0) + 1
            if self._failures[forge_id] >= _FAILURES:
                self._left_alone[forge_id] = until
            raise PostponeJob(until, "the forge is away") from error
        self._failures.pop(forge_id, None)
        return done
