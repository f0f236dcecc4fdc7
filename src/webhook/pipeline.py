"""From a delivery to messages: parse, enrich, decide, and commit it all at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from src.database.away import Absence, insist, is_away
from src.database.database import Database
from src.database.heartbeat import Heartbeat
from src.database.models import Delivery, Hook
from src.database.repositories import deliveries, event_log, hooks, projects
from src.events import Event
from src.forge import ForgeType, UnknownEvent, Unparsable
from src.webhook.enrich import Enricher, TryLater
from src.webhook.fanout import Plan, store
from src.webhook.inbox import decompress
from src.webhook.metrics import Metrics
from src.webhook.planning import TRIES, ForeignProject, Planner
from src.webhook.polling.twins import is_told
from src.webhook.reviewing.trigger import TOLD_AS, Trigger

log = logging.getLogger(__name__)
Checkpoint = Callable[[str], Awaitable[None]]

_BATCH = 50
_HOOKS_AT_ONCE = 64
_POLL = 1.0  # seconds; another process may have stored something
_PATIENCE = timedelta(days=1)  # how long somebody's access is asked for; then the log says who was left out
_LONGEST_PAUSE = timedelta(minutes=5)
_LONGEST = timedelta(minutes=4)  # that a batch's leases are renewed; what hangs is for another worker to try


class LeaseLost(Exception):
    """Another worker took the delivery over: what we found out must not be written."""


class Pipeline:
    """The inbox worker. Deliveries of one hook are worked off in order, those of several hooks side by side."""

    def __init__(
        self,
        database: Database,
        enricher: Enricher,
        types: Mapping[str, ForgeType],
        metrics: Metrics,
        *,
        owner: str,
        lease: timedelta,
        queued: Callable[[], None],
        clock: Callable[[], datetime],
        checkpoint: Checkpoint,
        reviews: Trigger | None = None,
    ) -> None:
        """`queued` is called when messages were put; `checkpoint` names the moments at which crash drills strike.

        `reviews` says of which pull requests reviews are asked for.
        """
        self._database = database
        self._planner = Planner(database, enricher, patience=lease / 3)
        self._types = types
        self._metrics = metrics
        self._owner = owner
        self._lease = lease
        self._heartbeat = Heartbeat(database, deliveries.renew, owner=owner, term=lease, longest=_LONGEST, clock=clock)
        self._queued = queued
        self._clock = clock
        self._checkpoint = checkpoint
        self._reviews = reviews or Trigger()
        self._news = asyncio.Event()
        self._stored = False  # what there is news of is a delivery, not a hook that is free again
        self._busy: set[int] = set()

    def wake(self) -> None:
        """There may be something to do."""
        self._stored = True
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what has begun by then is finished, what was only claimed is given back."""
        async with self._heartbeat.beating(), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._wake_at(stop), name="pipeline-stop")
            absence, woken = Absence(), False
            while not stop.is_set():
                self._news.clear()
                batch: Sequence[Delivery] = []
                with absence:
                    batch = await self._claim(woken=woken) if len(self._busy) < _HOOKS_AT_ONCE else []
                if await absence.over(stop):
                    continue
                for hook_id in dict.fromkeys(item.hook_id for item in batch):
                    self._busy.add(hook_id)
                    group = [item for item in batch if item.hook_id == hook_id]
                    tasks.create_task(self._work(hook_id, group, stop), name=f"hook-{hook_id}")
                # Then there may be more: a claim ends at so many hooks, and takes what was left unfinished first.
                woken = len(batch) >= deliveries.HOOKS or any(item.attempts > 1 for item in batch)
                if not woken:
                    woken = await self._pause()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._news.set()

    async def _pause(self) -> bool:
        """Whether something was stored; else it is time to look whether another process did, or a hook is free."""
        try:
            async with asyncio.timeout(_POLL):
                await self._news.wait()
        except TimeoutError:
            return False
        stored, self._stored = self._stored, False
        return stored

    async def _claim(self, *, woken: bool) -> Sequence[Delivery]:
        now = self._clock()
        if not woken:  # most such looks find nothing: they need not lock the writer
            async with self._database.read() as session:
                if not await deliveries.is_any_due(session, now=now, but=self._busy):
                    return []
        async with self._database.write(shared=True) as session:
            claimed = await deliveries.claim(
                session, owner=self._owner, now=now, lease=self._lease, limit=_BATCH, but=self._busy
            )
        if claimed:
            await self._checkpoint("taken")
        return claimed

    async def _work(self, hook_id: int, group: Sequence[Delivery], stop: asyncio.Event) -> None:
        try:
            with self._heartbeat.holding(*group):
                for place, delivery in enumerate(group):
                    one = partial(self._one, group[place:], stop)
                    if not await insist(one, seconds=self._lease.total_seconds()):
                        break
                    self._heartbeat.done(delivery)
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("hook %d: what was begun is taken up again after its lease", hook_id)
        finally:
            self._busy.discard(hook_id)
            self._news.set()

    async def _one(self, rest: Sequence[Delivery], stop: asyncio.Event) -> bool:
        """Deal with the first. Whether it was ended here, or put off until a moment of its own: else none follows it.

        What is given back is so in one transaction: of a hook nothing may stay taken behind what is free again, for
        whoever takes up a dead worker's deliveries would tell it first.
        """
        now, first = self._clock(), rest[0]
        late = first.lease_until is None or first.lease_until - now < self._lease / 3
        if not late and not stop.is_set():
            if await self._deal_with(first):
                return True
            rest = rest[1:]
        async with self._database.write(shared=True) as session:
            for delivery in rest:
                await deliveries.release(session, delivery, now=now)
        return False

    async def _deal_with(self, delivery: Delivery) -> bool:
        """`False`: another worker has it now."""
        async with self._database.read() as session:
            hook = await hooks.get(session, delivery.hook_id)
            kind = (await self._planner.forge(session, hook.forge_id)).kind
            original = await deliveries.original(session, delivery)
        try:
            if original is None:
                outcome = await self._process(delivery, hook, self._types[kind])
            else:
                said = f"a replay of delivery {original}"
                outcome = await self._close(delivery, hook, "ignored", said, is_error=False, is_sign=False)
        except LeaseLost:
            log.warning("delivery %s: taken over by another worker", delivery.id)
            return False
        self._metrics.deliveries.labels(kind, outcome).inc()
        self._metrics.latency.observe((self._clock() - delivery.received_at).total_seconds())
        if outcome == "unknown":
            self._metrics.unknown_events.labels(kind).inc()
        return True

    async def _process(self, delivery: Delivery, hook: Hook, forge: ForgeType) -> str:
        try:
            events = forge.codec.parse(delivery.headers, decompress(delivery.body or b""))
        except UnknownEvent as error:
            log.warning("delivery %s: unknown event %r", delivery.id, error.name[:100])
            return await self._close(delivery, hook, "unknown", f"unknown event {error.name[:100]}", is_error=False)
        except Unparsable as error:
            return await self._close(delivery, hook, "quarantined", str(error)[:300], is_error=True)
        except Exception as error:
            log.exception("delivery %s: parsing failed", delivery.id)
            return await self._close(delivery, hook, "quarantined", type(error).__name__, is_error=True)
        if not events:
            return await self._close(delivery, hook, "ignored", f"{delivery.event}: nothing to tell", is_error=False)
        try:
            plans = await self._planner.plan(delivery, hook, events, self._clock())
            return await self._commit(delivery, hook, events, plans)
        except LeaseLost:
            raise
        except TryLater as error:
            return await self._postpone(delivery, str(error), error.until)
        except ForeignProject:
            return await self._close(delivery, hook, "quarantined", "speaks of another project", is_error=True)
        except Exception as error:
            if is_away(error) and delivery.attempts < TRIES:
                raise  # it is done again when the database is back
            log.exception("delivery %s: telling of it failed", delivery.id)
            if delivery.attempts >= TRIES:
                return await self._close(delivery, hook, "failed", type(error).__name__, is_error=True)
            return await self._postpone(delivery, type(error).__name__, self._clock())

    async def _commit(self, delivery: Delivery, hook: Hook, events: Sequence[Event], plans: Sequence[Plan]) -> str:
        """Events, messages, what is asked for and the delivery's end in one transaction."""
        now = self._clock()
        await self._checkpoint("decided")
        queued = 0
        said: list[str] = []
        pending = [plan for plan in plans if plan.pending]
        final = not pending or now - delivery.received_at >= _PATIENCE
        async with self._database.write(shared=True) as session:
            await projects.hold(session, {plan.project.id for plan in plans})
            for plan in plans:
                # Both ways may have been decided on at once: here, one after the other, the second sees the first.
                if plan.twins and await is_told(session, plan.project.id, hook, plan.event, now):
                    said.append(f"{plan.event.names[0]} {plan.project.path}: told already")
                    continue
                count, words = await store(session, plan, delivery, now)
                queued += count
                said.append(words)
            followed = {plan.event.project.external_id for plan in plans}
            forge = await self._planner.forge(session, hook.forge_id)
            may = TOLD_AS in self._types[forge.kind].codec.names  # else this kind of forge has no reviews
            is_asked = may and await self._reviews.ask(session, hook, forge, events, followed, now)
            if is_asked:
                said.append("a review was asked for")
            await hooks.heard(session, hook.id, now)
            if final:
                kept = await deliveries.finish(session, delivery, state="done")
            else:
                until = _later(delivery, now, min((p.again_at for p in pending if p.again_at), default=now))
                kept = await deliveries.postpone(session, delivery, until=until, error="access not known yet")
            if not kept:
                raise LeaseLost
            left_out = sum(plan.pending for plan in pending) if final else 0
            await event_log.add(
                session,
                kind="webhook_error" if left_out else "webhook",
                outcome="done" if final else "waiting",
                message="; ".join(said) or f"{delivery.event}: nobody follows this project",
                now=now,
                hook_id=hook.id,
                delivery_id=delivery.id,
                project_id=plans[0].project.id if plans else hook.project_id,
            )
        await self._checkpoint("committed")
        if queued:
            self._queued()
        if is_asked:
            self._reviews.asked()
        return "done" if final else "waiting"

    async def _postpone(self, delivery: Delivery, reason: str, until: datetime) -> str:
        async with self._database.write(shared=True) as session:
            later = _later(delivery, self._clock(), until)
            if not await deliveries.postpone(session, delivery, until=later, error=reason):
                raise LeaseLost
        return "waiting"

    async def _close(
        self, delivery: Delivery, hook: Hook, state: str, reason: str, *, is_error: bool, is_sign: bool = True
    ) -> str:
        """End it untold. `is_sign`: that it came shows that the hook works; a replay may be a stranger's."""
        now = self._clock()
        async with self._database.write(shared=True) as session:
            if not await deliveries.finish(session, delivery, state=state, error=reason if is_error else None):
                raise LeaseLost
            if is_sign:
                await hooks.heard(session, hook.id, now)
            await event_log.add(
                session,
                kind="webhook_error" if is_error else "webhook",
                outcome=state,
                message=reason,
                now=now,
                hook_id=hook.id,
                delivery_id=delivery.id,
                project_id=hook.project_id,
            )
        return state


def _later(delivery: Delivery, now: datetime, until: datetime) -> datetime:
    """Not before `until`, and ever later from try to try."""
    pause = timedelta(seconds=min(2 ** min(delivery.attempts, 10), _LONGEST_PAUSE.total_seconds()))
    return max(until, now + pause)
