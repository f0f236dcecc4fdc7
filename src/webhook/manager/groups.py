"""One hook of a group for many projects: made where a token may, kept, and given up for the projects' own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Account, Hook, Project
from src.database.repositories import accounts, forges, hooks, jobs, projects
from src.forge import ForgeClient, GroupRef, RateLimited, Rejected, RemoteProject, Unauthorized, Unavailable
from src.webhook.manager.ground import Ground
from src.webhook.manager.reconcile import Reconciler
from src.webhook.manager.states import HookOutcome, HookState, ManualReason
from src.webhook.manager.task import Task, labels, ours, summary
from src.webhook.manager.upkeep import Upkeep

_DELIVERS = frozenset({
    HookOutcome.CREATED, HookOutcome.WIDENED, HookOutcome.NARROWED, HookOutcome.REPAIRED, HookOutcome.SHARED,
})  # fmt: skip


_ASKED = 10  # projects of a group in one look: a group may have hundreds, and a look comes every few minutes
_TURN = timedelta(minutes=3)


async def coverage(session: AsyncSession, project: Project) -> Hook | None:
    """The hook of the nearest group above the project that has one of ours: the project then needs none of its own."""
    return await hooks.covering(session, project.forge_id, project.path)


class Groups:
    """All for use while the place is ours alone; see `Ground.alone`."""

    def __init__(self, ground: Ground, reconciler: Reconciler, upkeep: Upkeep) -> None:
        self._ground = ground
        self._reconciler = reconciler
        self._upkeep = upkeep

    async def unite(self, project_id: int, account_id: int) -> HookState:
        """As `HookManager.unite`. Only the asking person's token is used: a hook of a whole group is theirs to want."""
        async with self._ground.database.read() as session:
            project = await projects.get(session, project_id)
            asking = await accounts.get(session, account_id)
            forge = await forges.get(session, project.forge_id)
            there = await coverage(session, project)
        if self._ground.public_url is None:
            return _refusal(ManualReason.NO_PUBLIC_URL)
        above = self._ground.credentials.types[forge.kind].hook_groups(project.path)
        state = _refusal(ManualReason.NO_RIGHT)
        for path in above if there is None or there.group_path is None else (there.group_path,):
            state = await self._unite_at(path, project, asking)
            if state.outcome is not HookOutcome.MANUAL:
                return state
        return state

    async def settle(self, hook_id: int) -> HookOutcome:
        """What the projects of the group need now. Where it can't be kept they get their own again, if they can.

        Raises `Unavailable` and `RateLimited`.
        """
        task = await self._task(hook_id)
        if await self._follow_moves(task):
            task = await self._task(hook_id)
        if not task.is_followed:
            return await self._upkeep.remove(task)
        if task.public_url is None:
            return HookOutcome.NOTHING
        outcome = await self._upkeep.put_right(task, otherwise=lambda: self.divide(task))
        if outcome in _DELIVERS:
            await self._absorb(task.hook)
        return outcome

    async def _task(self, hook_id: int) -> Task:
        async with self._ground.database.write() as session:
            hook = await hooks.get(session, hook_id)
            return await self._ground.task(session, hook, await hooks.covered_projects(session, hook))

    async def _follow_moves(self, task: Task) -> bool:
        """Whether a project has another path by now. One that left the group tells us nothing of it, so it is asked."""
        moved = False
        for project in in_turn(task.projects, self._ground.clock()):
            remote = (await self._ground.ask(task, _look_for(project.external_id))).value
            if remote is None or remote.path == project.path:
                continue
            moved = True
            group = _renamed(task.name, project.path, remote.path)
            if group is not None and await self._stands_at(task, group):
                await self._rename(task, group)
                break
            async with self._ground.database.write() as session:
                now = await projects.ensure(session, task.forge.id, remote)
                if await coverage(session, now) is None:  # by a job, for this may be another's place
                    await jobs.put(session, "hook_settle", str(project.id), now=self._ground.clock())
        return moved

    async def _stands_at(self, task: Task, path: str) -> bool:
        """Whether the hook is that of a group of this path: its address is nobody else's."""
        place = GroupRef(path=path)
        found = await self._ground.ask(task, lambda client, _account: client.hooks(place))
        return bool(found.value and ours(task, found.value))

    async def _rename(self, task: Task, path: str) -> None:
        """The group has another name by now, and so have all projects in it."""
        async with self._ground.database.write() as session:
            await hooks.rename_group(session, task.hook.id, path)
            await projects.rename_group(session, task.forge.id, task.name, path)
        await self._ground.log(task, "renamed", f"{task.name}: {path} by now")

    async def divide(self, task: Task) -> bool:
        """Back to hooks of the projects' own. Whether every project has one: else the group's is not given up."""
        outcomes = [await self._upkeep.settle_own(project.id) for project in task.projects]
        if not all(outcome in _DELIVERS for outcome in outcomes):
            return False
        await self._upkeep.remove(task)
        await self._ground.log(task, "divided", f"{task.name}: the projects have hooks of their own again")
        return True

    async def _unite_at(self, path: str, project: Project, asking: Account) -> HookState:
        task, is_fresh = await self._prepare(path, project, asking)
        if task.public_url is None:  # lost since it was asked for
            return await self._not_united(task, ManualReason.NO_PUBLIC_URL, None, is_fresh=is_fresh)
        try:
            attempt = await self._ground.ask(
                task, lambda client, account: self._reconciler.settle(task, account, client), asking=asking
            )
        except Rejected as error:
            return await self._not_united(task, ManualReason.REJECTED, str(error), is_fresh=is_fresh)
        except (Unauthorized, RateLimited) as error:  # unlike after `Unavailable` it is certain that nothing was made
            await self._not_united(task, ManualReason.NO_RIGHT, str(error), is_fresh=is_fresh)
            raise
        if attempt.value is None:
            return await self._not_united(task, ManualReason.NO_RIGHT, None, is_fresh=is_fresh)
        state = HookState(outcome=attempt.value, address=task.address)
        await self._ground.log(task, "united", summary(task, state))
        await self._absorb(task.hook)
        return state

    async def _not_united(self, task: Task, why: ManualReason, message: str | None, *, is_fresh: bool) -> HookState:
        """The projects keep the hooks that they have. A row that the forge has no hook for must not cover anything."""
        await self._ground.log(task, "not_united", f"{task.name}: {message or why}")
        if is_fresh:
            async with self._ground.database.write() as session:
                await hooks.discard(session, task.hook.id)
        return _refusal(why, message, labels(task))

    async def _prepare(self, path: str, project: Project, asking: Account) -> tuple[Task, bool]:
        """The row is stored before the forge hears of it."""
        async with self._ground.database.write() as session:
            hook = await hooks.of_group(session, project.forge_id, path)
            is_fresh = hook is None
            if hook is None:
                hook = await hooks.add(session, self._ground.new_hook(project.forge_id, group_path=path))
                hook.account_id = asking.id
            followed = await hooks.covered_projects(session, hook)
            task = await self._ground.task(session, hook, followed or [project], asking=asking)
        return replace(task, candidates=(asking,)), is_fresh

    async def _absorb(self, group: Hook) -> None:
        """Hooks of ours below the group are not needed beside the group's: removed, with a tombstone for what is late.

        Those that somebody made by hand are not ours to remove; what both bring is told once. What a bad moment of the
        forge leaves is removed at the next look.
        """
        async with self._ground.database.write() as session:
            found = await hooks.below_group(session, group)
            below = [await self._ground.task(session, hook, await self._told_by(session, hook)) for hook in found]
        for task in below:
            try:
                await self._upkeep.remove(task)
            except (Unavailable, RateLimited) as error:
                await self._ground.log(task, "left_behind", f"{task.name}: {error}")
                return

    async def _told_by(self, session: AsyncSession, hook: Hook) -> Sequence[Project]:
        if hook.project_id is None:
            return await hooks.covered_projects(session, hook)
        return [await projects.get(session, hook.project_id)]


def in_turn(found: tuple[Project, ...], now: datetime) -> tuple[Project, ...]:
    """As many of a group's projects as one look asks of; by and by it is the turn of each."""
    turns = -(-len(found) // _ASKED)
    first = int(now.timestamp() / _TURN.total_seconds()) % turns * _ASKED if turns else 0
    return found[first : first + _ASKED]


def _renamed(group: str, before: str, after: str) -> str | None:
    """What a group is called by now, if that is why a project in it went from one path to another."""
    rest = before[len(group) :]
    return after.removesuffix(rest) if rest and after.endswith(rest) else None


def _look_for(external_id: str) -> Callable[[ForgeClient, Account], Awaitable[RemoteProject]]:
    return lambda client, _account: client.project(external_id)


def _refusal(why: ManualReason, message: str | None = None, events: tuple[str, ...] = ()) -> HookState:
    """Nothing was changed: the projects keep the hooks that they have."""
    return HookState(outcome=HookOutcome.MANUAL, address="", events=events, why=why, message=message)
