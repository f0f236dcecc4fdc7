"""The door to all that is done about hooks on the forges. One instance in a process."""

from collections.abc import Callable
from datetime import datetime, timedelta

from src.database.credentials import Credentials
from src.database.database import Database
from src.database.models import Hook, utc_now
from src.database.repositories import event_log, hook_care, hooks, jobs, projects
from src.webhook.manager.ensuring import Ensuring
from src.webhook.manager.ground import Ground
from src.webhook.manager.groups import Groups, coverage
from src.webhook.manager.reconcile import Reconciler
from src.webhook.manager.release import Release
from src.webhook.manager.rotation import Rotation
from src.webhook.manager.states import HookOutcome, HookState, TestProgress, Unreleased
from src.webhook.manager.trial import Trial
from src.webhook.manager.upkeep import Upkeep

SETTLE_JOB = "hook_settle"  # key: a project's id
CHECK_JOB = "hook_check"  # key: a hook's id
ROTATE_JOB = "hook_rotate"  # key: a hook's id; empty: look for those that are due

_A_SECOND = 10  # looks that are asked for at once: a forge is not to be asked about a thousand hooks in a second
_JUST_REMOVED = timedelta(minutes=6)  # a project whose hook was removed so lately is about to be forgotten


class HookManager:
    """Sees to it that a project has one hook that delivers what anybody chose, for as long as anybody does.

    All of it is safe to be asked again, and mends what a crash or an outage left half done. What concerns the same
    namespace is done one after the other, also by several processes. Raises `Unavailable` and `RateLimited` where the
    forge cannot be asked now: then nothing is changed and nobody told.
    """

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        *,
        public_url: str | None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`public_url` is where the forges reach the relay, without a slash at the end; `move` gives it another."""
        self.ground = Ground(database, credentials, public_url=public_url, clock=clock)
        reconciler = Reconciler(self.ground)
        self._ensuring = Ensuring(self.ground, reconciler)
        self._upkeep = Upkeep(self.ground, reconciler)
        self._groups = Groups(self.ground, reconciler, self._upkeep)
        self._rotation = Rotation(self.ground, reconciler)
        self._trial = Trial(self.ground)
        self._release = Release(self.ground, reconciler)

    async def move(self, public_url: str | None) -> int:
        """From now on the forges reach the relay there, or nowhere (`None`): then no hook is made nor changed.

        All hooks are to be looked at, and the projects without one to get one, by jobs that are due at once; how many.
        """
        self.ground.public_url = public_url
        now = self.ground.clock()
        async with self.ground.database.write() as session:
            said = "we have no address" if public_url is None else f"we are reached at {public_url}"
            outcome = "no_address" if public_url is None else "moved"
            await event_log.add(session, kind="hook", outcome=outcome, message=said, now=now)
            if public_url is None:
                return 0
            looks = [(CHECK_JOB, hook.id) for hook in await hooks.managed(session)]
            bare = await hook_care.bare_projects(session, asked_since=now, removed_since=now - _JUST_REMOVED)
            looks += [(SETTLE_JOB, project.id) for project in bare]
            for index, (kind, number) in enumerate(looks):
                run_at = now + timedelta(seconds=index // _A_SECOND)
                await jobs.put(session, kind, str(number), now=now, run_at=run_at)
        return len(looks)

    async def ensure(self, project_id: int, account_id: int) -> HookState:
        """Make, widen or repair the project's hook with this account's token, and say what came of it.

        Raises, besides, `Unauthorized` where the account's own token is refused.
        """
        async with self.ground.alone(*await self.ground.where(project_id)):
            return await self._ensuring.ensure(project_id, account_id)

    async def settle(self, project_id: int) -> HookOutcome:
        """Make, widen, narrow, repair, hand on or remove the project's hook, with whichever token may.

        Where nobody may, the people who follow it are told, once until it is well again.
        """
        async with self.ground.database.read() as session:
            if await projects.known(session, project_id) is None:  # forgotten since this was asked
                return HookOutcome.NOTHING
        async with self.ground.alone(*await self.ground.where(project_id)):
            return await self._settle(project_id)

    async def check(self, hook_id: int) -> HookOutcome:
        """Look at a hook on the forge and put right what is wrong with it; as `settle`."""
        async with self.ground.database.read() as session:
            hook = await hooks.find(session, hook_id)
            if hook is None or hook.origin == "environment":
                return HookOutcome.NOTHING
            project = None if hook.project_id is None else await projects.get(session, hook.project_id)
        if project is None and hook.group_path is None:
            return HookOutcome.NOTHING
        path = hook.group_path if project is None else project.path
        async with self.ground.alone(hook.forge_id, path or ""):
            if hook.removed_at is not None:
                return await self._upkeep.bury_again(hook_id)
            if project is None:
                return await self._groups.settle(hook_id)
            return await self._settle(project.id)

    async def _settle(self, project_id: int) -> HookOutcome:
        group = await self._group(project_id)
        if group is not None:
            return await self._groups.settle(group.id)
        return await self._upkeep.settle_own(project_id)

    async def _group(self, project_id: int) -> Hook | None:
        async with self.ground.database.read() as session:
            return await coverage(session, await projects.get(session, project_id))

    async def unite(self, project_id: int, account_id: int) -> HookState:
        """One hook on the nearest group that this account may give one, instead of one on each of its projects.

        Where it may not, nothing is changed, and the state says why. Raises as `ensure`.
        """
        async with self.ground.alone(*await self.ground.where(project_id)):
            return await self._groups.unite(project_id, account_id)

    async def rotate(self, hook_id: int) -> bool:
        """Give a hook another secret; the one before it stays good for a day. Whether it was done.

        Not where it was done a moment ago, where no token may, and for hooks that are not ours to change.
        """
        async with self.ground.database.read() as session:
            hook = await hooks.find(session, hook_id)
            if hook is None:
                return False
            project = None if hook.project_id is None else await projects.get(session, hook.project_id)
        path = hook.group_path if project is None else project.path
        if path is None:
            return False
        async with self.ground.alone(hook.forge_id, path):
            return await self._rotation.rotate(hook_id)

    async def rotate_all(self) -> int:
        """Ask for another secret for every hook of ours, to be done as jobs; how many."""
        async with self.ground.database.write() as session:
            found = [hook for hook in await hooks.managed(session) if hook.remote_id is not None]
            for hook in found:
                await jobs.put(session, ROTATE_JOB, str(hook.id), now=self.ground.clock())
        return len(found)

    async def send_test(self, project_id: int, account_id: int) -> datetime:
        """Have the forge send a test delivery, with this account's token or another that may.

        Returns the moment from which on `test_progress` looks for it. Raises a `ForgeError` where the forge did not
        take the order; `Rejected` where it tried at once and could not reach us.
        """
        return await self._trial.send(project_id, account_id)

    async def test_progress(self, project_id: int, since: datetime) -> TestProgress:
        """How far the delivery came that was ordered at `since`. Any other that came after it proves as much."""
        return await self._trial.progress(project_id, since)

    async def release_for(self, user_id: int) -> tuple[Unreleased, ...]:
        """Before a person's tokens are deleted: remove the hooks that nobody else needs, and hand the others on.

        Takes half a minute at most. What is returned is still on the forge, and somebody has to remove it by hand.
        """
        return await self._release.release_for(user_id)
