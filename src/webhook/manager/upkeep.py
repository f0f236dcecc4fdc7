"""Nobody asks: hooks are looked at, put right, handed on and removed, and people are told what we can't mend."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Hook
from src.database.repositories import hook_care, hooks, projects
from src.forge import ForgeError, Rejected
from src.webhook.manager.ground import Attempt, Ground
from src.webhook.manager.reconcile import Reconciler
from src.webhook.manager.states import HookOutcome, ManualReason
from src.webhook.manager.task import Task, is_astray
from src.webhook.notices import Notice, post

NOBODY_MAY = "nobody who follows it may look after it"

_SAID = 300  # characters of what the forge said


@dataclass(frozen=True, slots=True)
class _Case:
    task: Task | None  # none: nobody follows, and there is no hook of ours
    by_hand: tuple[Hook, ...]
    is_fresh: bool = False


class Upkeep:
    """All for use while the place is ours alone; see `Ground.alone`."""

    def __init__(self, ground: Ground, reconciler: Reconciler) -> None:
        self._ground = ground
        self._reconciler = reconciler

    async def settle_own(self, project_id: int) -> HookOutcome:
        """What the project's own hook needs now, with whichever token may. Raises `Unavailable` and `RateLimited`."""
        async with self._ground.database.write() as session:
            case = await self._case(session, project_id)
        if case.task is None:
            await self._bury(case.by_hand)
            return HookOutcome.NOTHING
        if not case.task.is_followed:
            await self._bury(case.by_hand)
            return await self.remove(case.task)
        if case.task.public_url is None:
            return HookOutcome.NOTHING
        return await self.put_right(case.task, is_fresh=case.is_fresh)

    async def bury_again(self, hook_id: int) -> HookOutcome:
        """A removed hook that the forge may still have: perhaps somebody may remove it there by now."""
        async with self._ground.database.write() as session:
            hook = await hooks.get(session, hook_id)
            if hook.removed_at is None or hook.remote_id is None:
                return HookOutcome.NOTHING
            covered = [] if hook.project_id is None else [await projects.get(session, hook.project_id)]
            task = await self._ground.task(session, hook, covered)
        attempt = await self._removed(task)
        async with self._ground.database.write() as session:
            if attempt.account is not None:
                await hooks.gone(session, [hook_id])
            await hooks.checked(session, hook_id, self._ground.clock())
        return HookOutcome.REMOVED if attempt.account is not None else HookOutcome.LOST

    async def remove(self, task: Task) -> HookOutcome:
        """Nobody needs it: gone from the forge where somebody may, and a tombstone here for what comes late."""
        attempt = await self._removed(task)
        is_gone = attempt.account is not None
        async with self._ground.database.write() as session:
            await hooks.tombstone(session, task.hook.id, self._ground.clock(), is_gone=is_gone)
        left = "" if is_gone else ": the forge keeps it, for no token of ours may remove it"
        await self._ground.log(task, HookOutcome.REMOVED, f"{task.name}{left}")
        return HookOutcome.REMOVED

    async def put_right(
        self, task: Task, *, is_fresh: bool = False, otherwise: Callable[[], Awaitable[bool]] | None = None
    ) -> HookOutcome:
        """One hook of ours with what is needed; where nobody may see to that, its people are told once.

        `otherwise` is tried before they are told: whether there is something instead of the hook now.
        """
        try:
            attempt = await self._ground.ask(
                task, lambda client, account: self._reconciler.settle(task, account, client)
            )
        except Rejected as error:
            attempt = Attempt(None, None, (error,))
        if attempt.value is None or attempt.account is None:
            if otherwise is not None and await otherwise():
                return HookOutcome.REMOVED
            return await self._lost(task, attempt.refusals, is_fresh=is_fresh)
        if task.hook.account_id not in (None, attempt.account.id):
            await self._ground.log(task, "handed_on", f"{task.name}: now looked after by account {attempt.account.id}")
        if attempt.value not in (HookOutcome.SHARED, HookOutcome.NOTHING):
            await self._ground.log(task, attempt.value, f"{task.name}: {', '.join(sorted(task.needed))}")
        return attempt.value

    async def _case(self, session: AsyncSession, project_id: int) -> _Case:
        project = await projects.get(session, project_id)
        by_hand = tuple(row for row in await hooks.by_hand(session, project_id) if row.removed_at is None)
        hook = await hooks.for_project(session, project_id)
        is_followed = await hooks.is_followed(session, [project_id])
        if hook is None or (hook.origin == "manual" and not is_followed):
            if not is_followed:
                return _Case(None, by_hand)
            if not await hook_care.helpers(session, [project_id]) or self._ground.public_url is None:
                return _Case(None, ())  # nobody could make one
            hook = await hooks.add(session, self._ground.new_hook(project.forge_id, project_id=project_id))
            return _Case(await self._ground.task(session, hook, [project]), by_hand, is_fresh=True)
        return _Case(await self._ground.task(session, hook, [project]), by_hand)

    async def _removed(self, task: Task) -> Attempt[None]:
        try:
            return await self._ground.ask(task, lambda client, _account: self._reconciler.remove(task, client))
        except Rejected as error:
            return Attempt(None, None, (error,))

    async def _bury(self, by_hand: tuple[Hook, ...]) -> None:
        """What was made by hand stays on the forge, for it is not ours; its deliveries are no longer wanted."""
        if by_hand:
            async with self._ground.database.write() as session:
                for row in by_hand:
                    await hooks.tombstone(session, row.id, self._ground.clock(), is_gone=True)

    async def _lost(self, task: Task, refusals: Sequence[ForgeError], *, is_fresh: bool) -> HookOutcome:
        """Nobody of us may look, or the forge refused. Of a hook made by hand, or never made, people know."""
        if not is_fresh and is_astray(task, self._ground.clock()):
            params = {"reason": str(ManualReason.NO_RIGHT)}
            await self._tell(task, Notice.HOOK_BROKEN, "it points to where we were before", params)
            return HookOutcome.LOST
        if is_fresh or task.hook.origin == "manual":
            async with self._ground.database.write() as session:
                if is_fresh:
                    await hooks.discard(session, task.hook.id)
                else:
                    await hooks.checked(session, task.hook.id, self._ground.clock())
            return HookOutcome.NOTHING
        rejected = next((error for error in refusals if isinstance(error, Rejected)), None)
        if rejected is None:
            await self._tell(task, Notice.HOOK_LOST, NOBODY_MAY, {})
        else:
            said = str(rejected)[:_SAID]
            params = {"reason": str(ManualReason.REJECTED), "message": said}
            await self._tell(task, Notice.HOOK_BROKEN, f"the forge refused it: {said}", params)
        return HookOutcome.LOST

    async def _tell(self, task: Task, notice: Notice, error: str, params: dict[str, str]) -> None:
        now, said = self._ground.clock(), False
        async with self._ground.database.write() as session:
            await hooks.checked(session, task.hook.id, now, error=error)
            people = [(item.id, place) for item in task.projects for place in await hook_care.people(session, item.id)]
            if people and (said := await hooks.told(session, task.hook.id, now)):
                for project_id, (chat_id, topic_id) in people:
                    key, detail = f"{topic_id}:{project_id}", {"project_id": project_id, **params}
                    await post(session, notice, chat_id=chat_id, topic_id=topic_id, key=key, now=now, params=detail)
        if said:
            await self._ground.log(task, HookOutcome.LOST, f"{task.name}: {error}")
