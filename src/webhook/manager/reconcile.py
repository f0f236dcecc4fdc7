"""Bringing the forge's hook in line with one token: made, widened, narrowed, repaired, rotated or removed.

Everything here is safe to be done again: after a crash the forge's hook is found by its address, and a secret that the
forge may or may not have learned is good until it is clear that it has.
"""

from dataclasses import replace
from datetime import timedelta

from cachetools import TTLCache

from src.database.models import Account, Hook
from src.database.repositories import hooks, missed
from src.forge import ForgeClient, MissingPermission, NotFound, NothingToTest, Rejected, RemoteHook
from src.webhook.manager.ground import Ground
from src.webhook.manager.states import HookOutcome
from src.webhook.manager.task import Task, is_right, new_secret, ours, path_of, superfluous

PREVIOUS_IS_GOOD = timedelta(days=1)
_A_DAY = 86_400.0  # seconds
_SHOWN_IS_GOOD = timedelta(minutes=1)  # of a secret that was shown to people


class Reconciler:
    """See the module."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._said: TTLCache[int, bool] = TTLCache(1_000, _A_DAY)  # hooks of which it was logged that more is left
        self._untested: TTLCache[int, bool] = TTLCache(1_000, _A_DAY)  # of which it was logged that a test failed

    async def settle(self, task: Task, account: Account, client: ForgeClient) -> HookOutcome:
        """One hook of ours, with what is needed, at our address, switched on, and nothing else of ours beside it."""
        found = await client.hooks(task.place)
        there, *others = ours(task, found) or (None,)
        outcome = await self._one(task, account, client, there)
        try:
            await self._clear(task, client, found, others)
        except (MissingPermission, Rejected) as error:  # the hook itself is right: another token may clear up later
            if task.hook.id not in self._said:  # each look finds it again
                self._said[task.hook.id] = True
                await self._ground.log(task, "left_behind", f"{task.name}: {error}")
        return outcome

    async def rotate(self, task: Task, account: Account, client: ForgeClient) -> HookOutcome:
        """Another secret. Whoever dies in between leaves both good, and the next look finishes it."""
        return await self.settle(await self._with_next(task), account, client)

    async def remove(self, task: Task, client: ForgeClient) -> None:
        """Delete what is ours at this address and at those of its forerunners; what is gone already is no matter."""
        found = await client.hooks(task.place)
        await self._clear(task, client, found, list(ours(task, found)))

    async def _one(self, task: Task, account: Account, client: ForgeClient, there: RemoteHook | None) -> HookOutcome:
        if there is not None and is_right(task, there):
            await self._connected(task, task.keeper or account, there)
            return HookOutcome.SHARED
        if task.hook.origin == "manual" and task.next_secret is None:  # its secret was shown to people
            task = await self._with_next(task)
        outcome = _outcome(task, there)
        made = None if there is None else await self._updated(task, client, there)
        if made is None:
            made = await client.create_hook(task.place, task.spec)
            outcome = HookOutcome.REPAIRED if outcome is HookOutcome.REPAIRED else HookOutcome.CREATED
        if not made.active:  # it is tried again with each look, until it wakes up
            await self._connected(task, account, made)
            return HookOutcome.NOTHING
        # What was wrong with it is history, though the forge may still tell of it.
        await self._connected(task, account, replace(made, trouble=None))
        if there is not None and not there.active and there.trouble is not None:
            await self._was_off(task)
        return outcome

    async def _updated(self, task: Task, client: ForgeClient, there: RemoteHook) -> RemoteHook | None:
        """`None`: it has to be made anew, for it was removed just now or does not wake up.

        Where a test fails it stays as it is, switched off: with it the forge would forget what it could deliver again.
        """
        try:
            made = await client.update_hook(task.place, there.id, task.spec)
            if made.active:
                return made
            is_tested = await self._try(task, client, made)
            made = next((hook for hook in await client.hooks(task.place) if hook.id == made.id), made)
            if made.active or not is_tested:
                return made
            await client.delete_hook(task.place, made.id)
        except NotFound:
            if not await self._may_look(task, client):
                raise
        return None

    async def _try(self, task: Task, client: ForgeClient, made: RemoteHook) -> bool:
        """A delivery that arrives wakes a hook that the forge switched off for failing. `False`: it did not arrive."""
        try:
            await client.test_hook(task.place, made.id)
        except Rejected as error:
            if task.hook.id not in self._untested:
                self._untested[task.hook.id] = True
                await self._ground.log(task, "test_failed", f"{task.name}: {error}")
            return isinstance(error, NothingToTest)
        self._untested.pop(task.hook.id, None)
        return True

    async def _was_off(self, task: Task) -> None:
        """The forge had switched it off for failing: what it did not even try to deliver it cannot repeat."""
        async with self._ground.database.write() as session:
            await missed.gap(session, task.hook.id, self._ground.clock())

    async def _may_look(self, task: Task, client: ForgeClient) -> bool:
        """Forges say "not found" of a hook that is gone and of a project that may not be seen: tell these apart."""
        try:
            await client.hooks(task.place)
        except NotFound:
            return False
        return True

    async def _clear(
        self, task: Task, client: ForgeClient, found: tuple[RemoteHook, ...], others: list[RemoteHook]
    ) -> None:
        """Delete hooks that point to this address twice, or to that of a removed hook of the same place.

        Only by address: those bear a random part that nobody else has a use for. The number alone proves nothing.
        """
        for hook in [*others, *(hook for hook in found if _is_left(task, hook))]:
            await _delete(client, task, hook)
        if task.left_behind:
            async with self._ground.database.write() as session:
                await hooks.gone(session, [hook.id for hook in task.left_behind])

    async def _with_next(self, task: Task) -> Task:
        """With another secret, which is good before the forge hears of it."""
        secret = task.next_secret or new_secret()
        async with self._ground.database.write() as session:
            await hooks.expect_secret(session, task.hook.id, self._ground.box.seal(secret))
        return task.with_next(secret)

    async def _connected(self, task: Task, account: Account, remote: RemoteHook) -> None:
        now = self._ground.clock()
        good = _SHOWN_IS_GOOD if task.hook.origin == "manual" else PREVIOUS_IS_GOOD
        async with self._ground.database.write() as session:
            await hooks.connected(
                session, task.hook.id, remote=remote, account_id=account.id, events=task.needed, now=now
            )
            if task.next_secret is not None:
                sealed = self._ground.box.seal(task.next_secret)
                await hooks.replace_secret(session, task.hook.id, sealed, until=now + good, now=now)


def _outcome(task: Task, there: RemoteHook | None) -> HookOutcome:
    """What it will be called when it is done."""
    if there is None:
        return HookOutcome.CREATED
    if not task.needed <= there.events:
        return HookOutcome.WIDENED
    narrows = task.is_exact and superfluous(task, there)
    is_all = there.active and there.url == task.address and there.id == task.hook.remote_id
    return HookOutcome.NARROWED if narrows and is_all else HookOutcome.REPAIRED


def _is_left(task: Task, there: RemoteHook) -> bool:
    return any(_points_to(there, hook, task.forge.kind) for hook in task.left_behind)


def _points_to(there: RemoteHook, hook: Hook, kind: str) -> bool:
    return there.url.rstrip("/").endswith(path_of(kind, hook.public_id))


async def _delete(client: ForgeClient, task: Task, hook: RemoteHook) -> None:
    try:
        await client.delete_hook(task.place, hook.id)
    except NotFound:
        return  # gone in the meantime
