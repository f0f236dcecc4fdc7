"""A person asks for a project's hook: it is made or widened with a token that may, or the person is told how to."""

from dataclasses import dataclass

from src.database.models import Account, Hook
from src.database.repositories import accounts, hooks, jobs, projects
from src.forge import RateLimited, Rejected, Unauthorized, Unavailable
from src.webhook.manager.ground import Ground
from src.webhook.manager.reconcile import Reconciler
from src.webhook.manager.states import HookOutcome, HookState, ManualReason
from src.webhook.manager.task import Task, address_of, is_alive, labels, summary


@dataclass(frozen=True, slots=True)
class _Request:
    task: Task
    asking: Account
    is_fresh: bool  # the hook's row was made for this request


class Ensuring:
    """See the module."""

    def __init__(self, ground: Ground, reconciler: Reconciler) -> None:
        self._ground = ground
        self._reconciler = reconciler

    async def ensure(self, project_id: int, account_id: int) -> HookState:
        """As `HookManager.ensure`, while the place is ours alone."""
        request = await self._prepare(project_id, account_id)
        try:
            state = await self._decide(request)
            if state.outcome is HookOutcome.MANUAL and request.task.hook.group_path is not None:
                # Nobody may widen the group's hook, but somebody perhaps give the project one of its own.
                request = await self._prepare(project_id, account_id, is_own=True)
                state = await self._decide(request)
        except (Unavailable, RateLimited, Unauthorized) as error:
            await self._ground.log(request.task, "failed", f"{request.task.name}: {error}")
            raise
        await self._ground.log(request.task, state.outcome, summary(request.task, state))
        if state.outcome is HookOutcome.MANUAL:
            async with self._ground.database.write() as session:  # until somebody makes it, the project is looked at
                await jobs.put(session, "poll", str(project_id), now=self._ground.clock())
        if request.is_fresh and state.outcome is HookOutcome.MANUAL:
            async with self._ground.database.write() as session:
                await hooks.discard(session, request.task.hook.id)
        return state

    async def _prepare(self, project_id: int, account_id: int, *, is_own: bool = False) -> _Request:
        async with self._ground.database.write() as session:
            project = await projects.get(session, project_id)
            asking = await accounts.get(session, account_id)
            hook = None if is_own else await hooks.covering(session, project.forge_id, project.path)
            covered = [project] if hook is None else await hooks.covered_projects(session, hook)
            if hook is None:
                hook = await hooks.for_project(session, project_id, account_id=account_id)
            is_fresh = hook is None
            if hook is None:
                hook = await hooks.add(session, self._ground.new_hook(project.forge_id, project_id=project_id))
                hook.account_id = account_id
            task = await self._ground.task(session, hook, covered, asking=asking)
        return _Request(task, asking, is_fresh)

    async def _decide(self, request: _Request) -> HookState:
        """Try with each token that may do; what is left is work for a person."""
        task = request.task
        if task.public_url is None:
            return await self._by_hand(request, ManualReason.NO_PUBLIC_URL)
        try:
            attempt = await self._ground.ask(
                task, lambda client, account: self._reconciler.settle(task, account, client), asking=request.asking
            )
        except Rejected as error:
            return await self._by_hand(request, ManualReason.REJECTED, str(error))
        if attempt.value is not None:
            return HookState(outcome=attempt.value, address=task.address)
        is_there = task.hook.remote_id is not None and task.needed <= frozenset(task.hook.events)
        if is_there and is_alive(task, self._ground.clock()):
            return HookState(outcome=HookOutcome.SHARED, address=task.address)
        return await self._by_hand(request, ManualReason.NO_RIGHT)

    async def _by_hand(self, request: _Request, why: ManualReason, message: str | None = None) -> HookState:
        """A secret is shown to who makes the hook: each gets one of their own, unless somebody's hook works already."""
        task = request.task
        if task.hook.remote_id is not None or task.hook.group_path is not None:
            is_enough = task.needed <= frozenset(task.hook.events)
            why = ManualReason.UNCHECKED if is_enough else ManualReason.LACKS_EVENTS
            return self._manual(task, why, message)
        row = await self._own_row(request)
        if row is None:
            return self._manual(task, ManualReason.BY_HAND, message)
        return self._manual(task, why, message, row)

    async def _own_row(self, request: _Request) -> Hook | None:
        """The row of a hook that this account was told to make, made where it has none; `None`: another's delivers."""
        task, account_id = request.task, request.asking.id
        (project, *_) = task.projects
        async with self._ground.database.write() as session:
            rows = await hooks.by_hand(session, project.id)
            own = next((row for row in rows if row.account_id == account_id and self._opens(row)), None)
            works = any(row.last_event_at and row.account_id != account_id and not row.removed_at for row in rows)
            if own is None and works:
                return None
            if own is None and request.is_fresh:
                own = task.hook
            elif own is None:
                own = await hooks.add(session, self._ground.new_hook(project.forge_id, project_id=project.id))
            await hooks.left_to_hand(
                session, own.id, account_id=account_id, address=self._address(task, own), now=self._ground.clock()
            )
        return own

    def _opens(self, row: Hook) -> bool:
        return self._ground.box.opens(row.secret)

    def _address(self, task: Task, row: Hook) -> str:
        return address_of(task.public_url, task.forge.kind, row.public_id)

    def _manual(self, task: Task, why: ManualReason, message: str | None, row: Hook | None = None) -> HookState:
        return HookState(
            outcome=HookOutcome.MANUAL,
            address=task.address if row is None else self._address(task, row),
            secret=None if row is None else self._ground.box.open(row.secret),
            events=labels(task),
            why=why,
            message=message,
        )
