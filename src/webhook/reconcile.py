"""Catching up: the forges are asked what they delivered, and what never came here is delivered again.

A repetition arrives as any delivery does, under its old key, so nothing is told twice. What is missing stands in the
table `missed` until the person whose token looks after the hook was told what became of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Hook, Missed
from src.database.repositories import deliveries, event_log, hooks, missed, projects, users
from src.database.repositories.missed import NewMiss, Settled
from src.forge import MissingPermission, Rejected, RemoteDelivery, Unsupported
from src.webhook.manager.ground import Attempt, Ground
from src.webhook.manager.task import Task, is_elsewhere
from src.webhook.notices import Notice, post

FIRST_PAUSE = timedelta(minutes=2)  # a repetition takes seconds
LONGEST_PAUSE = timedelta(hours=6)
MOST_TRIES = 10  # within some seventeen hours: the forges keep what they sent for days
SOON = timedelta(seconds=30)  # when to see whether what was asked for came
PATIENCE = timedelta(minutes=15)  # what came is told by then, though more may be to come
_STEADY = timedelta(minutes=2)  # attempts older than that stand in their order: slow ones may get in between
_A_MINUTE = timedelta(seconds=61)
_AT_MOST = timedelta(minutes=2)  # of asking, in one go: a job has minutes
_PATHS = 8  # projects that are named


# ---------------------------------------------------------------------------------------------------
# Decisions


def missing(attempts: Iterable[RemoteDelivery], stored: Collection[str]) -> list[NewMiss]:
    """Which deliveries are not here, oldest first, each with the newest attempt that can be repeated.

    `attempts` are the newest first. One that the forge repeated and the relay accepted is here, though under another
    key: its body was known. Of copies the newest is enough: the forge makes them to try a hook.
    """
    by_key: dict[str, list[RemoteDelivery]] = {}
    for attempt in attempts:
        by_key.setdefault(attempt.key, []).append(attempt)
    here = {attempt.content for key in by_key if key in stored for attempt in by_key[key]} - {None}
    found = []
    for key, same in by_key.items():
        if key in stored or any(attempt.is_repeat and attempt.succeeded for attempt in same):
            continue
        content = same[0].content
        if content in here:
            continue
        if content is not None:
            here.add(content)
        found.append(NewMiss(key, next((attempt.id for attempt in same if attempt.can_repeat), None), content))
    return found[::-1]


def last_seen(attempts: Iterable[RemoteDelivery], now: datetime) -> str | None:
    """The newest attempt before which no other can turn up any more; `attempts` are the newest first."""
    return next((one.id for one in attempts if one.at is None or one.at <= now - _STEADY), None)


def pause_after(tries: int) -> timedelta:
    """How long to wait for a repetition before the next is asked for."""
    doublings = min(max(tries - 1, 0), MOST_TRIES)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def is_due(item: Missed, now: datetime) -> bool:
    """Whether the forge is to be asked (again) to repeat it."""
    return item.asked_at is None or item.asked_at + pause_after(item.tries) <= now


def is_over(item: Missed, now: datetime) -> bool:
    """Whether it was asked for often enough."""
    return item.tries >= MOST_TRIES and is_due(item, now)


def summary(settled: Sequence[Settled]) -> tuple[Notice, dict[str, Any]]:
    """What a person is told of all that came, and of all that will not."""
    params: dict[str, Any] = {}
    for state in ("recovered", "lost", "gap"):
        found = [item for item in settled if item.state == state]
        paths = list(dict.fromkeys(item.path for item in found))
        params |= {state: len(found), f"{state}_in": paths[:_PATHS], f"{state}_more": len(paths[_PATHS:])}
    return (Notice.MISSED if params["lost"] or params["gap"] else Notice.CAUGHT_UP), params


# ---------------------------------------------------------------------------------------------------
# Work


@dataclass(frozen=True, slots=True)
class _Case:
    task: Task
    remote_id: str
    since: str | None


class CatchingUp:
    """See the module. Raises `Unavailable` and `RateLimited`: then what was found so far is kept."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._database = ground.database

    async def look(self, hook_id: int) -> datetime | None:
        """Ask what a hook delivered, and for repetitions of what is not here. When to go on; `None`: nothing waits."""
        case = await self._prepare(hook_id)
        if case is None or not await self._list(case):
            return None
        return await self._ask_for(case, await self._still_missing(case.task.hook))

    async def tell(self) -> int:
        """Tell each person, in one message, what came of what was missed, once nothing is on its way; how many."""
        now, count = self._ground.clock(), 0
        async with self._database.write() as session:
            found, waiting = await missed.untold(session), await missed.who_waits(session)
            for user_id, group in groupby(sorted(found, key=lambda item: item.user_id), lambda item: item.user_id):
                settled = list(group)
                if user_id in waiting and min(item.settled_at for item in settled) > now - PATIENCE:
                    continue
                count += await self._tell(session, user_id, settled, now)
        return count

    async def _prepare(self, hook_id: int) -> _Case | None:
        async with self._database.write() as session:
            hook = await hooks.find(session, hook_id)
            if hook is None or hook.origin != "managed" or hook.removed_at is not None:
                return None
            if hook.remote_id is None or self._ground.public_url is None or is_elsewhere(hook, self._ground.public_url):
                return None  # what is sent again would not arrive
            if hook.project_id is None:
                covered = await hooks.covered_projects(session, hook)
            else:
                covered = [await projects.get(session, hook.project_id)]
            is_same = hook.seen_of == hook.remote_id
            if not is_same:  # the forge forgot what it sent with the hook that sent it
                gone = [item.id for item in await missed.waiting(session, hook_id)]
                await missed.settle(session, gone, "lost", self._ground.clock())
            task = await self._ground.task(session, hook, covered)
            return _Case(task, hook.remote_id, hook.seen_delivery if is_same else None)

    async def _list(self, case: _Case) -> bool:
        """Note what is missing. Whether the forge could be asked."""
        task, hook = case.task, case.task.hook
        try:
            attempt = await self._ground.ask(
                task, lambda client, _account: client.deliveries(task.place, case.remote_id, case.since)
            )
        except Unsupported as error:
            await self._barred(task, "unsupported", str(error))
            return False
        if attempt.value is None:
            try:
                _forbidden(attempt)
            except MissingPermission as error:
                await self._barred(task, "forbidden", str(error))
            return False  # of a hook that is not there, or not to be seen, others tell; see `HookManager.check`
        now = self._ground.clock()
        async with self._database.write() as session:
            # Read after the forge was asked: what it calls accepted was stored before it was answered.
            stored = await deliveries.known(session, hook.id, {one.key for one in attempt.value})
            found = missing(attempt.value, stored)
            news = await missed.note(session, hook.id, found, now)
            await missed.looked(session, hook, seen=last_seen(attempt.value, now), now=now)
        if news:
            await self._ground.log(task, "missed", f"{task.name}: {news} deliveries never came")
        return True

    async def _still_missing(self, hook: Hook) -> list[Missed]:
        """What waits, after what came meanwhile, and what was asked for often enough, is settled."""
        now = self._ground.clock()
        async with self._database.write() as session:
            waiting = await missed.waiting(session, hook.id)
            stored = await deliveries.known(session, hook.id, [item.key for item in waiting])
            came = [item for item in waiting if item.key in stored]
            lost = [item for item in waiting if item.key not in stored and is_over(item, now)]
            await missed.settle(session, [item.id for item in came], "recovered", now)
            await missed.settle(session, [item.id for item in lost], "lost", now)
            return [item for item in waiting if item not in came and item not in lost]

    async def _ask_for(self, case: _Case, waiting: Sequence[Missed]) -> datetime | None:
        """As many repetitions as the forge takes now, oldest first."""
        task, begun = case.task, self._ground.clock()
        due = [item for item in waiting if item.attempt is not None and is_due(item, begun)]
        async with self._database.read() as session:
            spent = await missed.asked_since(session, task.hook.id, begun - _A_MINUTE)
        for item in due[: max(task.type.redeliveries_a_minute - spent, 0)]:
            try:
                went_well = await self._repeat(case, item)
            except MissingPermission as error:
                await self._barred(task, "forbidden", str(error))
                await self._give_up(waiting)
                return None
            if not went_well:
                return None  # perhaps its turn comes at a later look
            if self._ground.clock() - begun > _AT_MOST:
                break
        return self._ground.clock() + SOON if due else None

    async def _repeat(self, case: _Case, item: Missed) -> bool:
        """Ask for one. Whether it is worth asking for the next. Raises `MissingPermission` where nobody's token may."""
        task, attempt_id = case.task, item.attempt or ""
        went_well = True
        try:
            attempt = await self._ground.ask(
                task, lambda client, _account: _again(client.redeliver(task.place, case.remote_id, attempt_id))
            )
        except Rejected as error:
            await self._ground.log(task, "repeat_failed", f"{task.name}: {error}")
            went_well = False
        else:
            if attempt.value is None:
                _forbidden(attempt)
        async with self._database.write() as session:
            await missed.asked(session, item.id, self._ground.clock())
        return went_well

    async def _give_up(self, waiting: Sequence[Missed]) -> None:
        async with self._database.write() as session:
            await missed.settle(session, [item.id for item in waiting], "lost", self._ground.clock())

    async def _barred(self, task: Task, why: str, said: str) -> None:
        async with self._database.write() as session:
            news = await missed.barred(session, task.hook.id, why, self._ground.clock())
        if news:
            await self._ground.log(task, "not_caught_up", f"{task.name}: {said}")

    async def _tell(self, session: AsyncSession, user_id: int, settled: Sequence[Settled], now: datetime) -> bool:
        notice, params = summary(settled)
        await missed.told(session, settled, now)
        for hook_id, group in groupby(sorted(settled, key=lambda item: item.hook_id), lambda item: item.hook_id):
            items = list(group)
            states = [item.state for item in items]
            said = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
            message = f"{items[0].path}: {said}"
            await event_log.add(session, kind="hook", outcome="caught_up", message=message, now=now, hook_id=hook_id)
        chat = await users.private_chat(session, user_id)
        if chat is None:
            return False
        await post(session, notice, chat_id=chat.id, key=f"{user_id}:{settled[-1].id}", now=now, params=params)
        return True


def _forbidden(attempt: Attempt[Any]) -> None:
    """Raise what somebody was told whose token lacks the right."""
    for refusal in attempt.refusals:
        if isinstance(refusal, MissingPermission):
            raise refusal


async def _again(asked: Any) -> bool:
    """The forge took it; `Ground.ask` says `None` where nobody could."""
    await asked
    return True
