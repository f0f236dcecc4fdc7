"""From a delivery to messages: parse, enrich, decide, and commit it all at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from src.database.database import Database
from src.database.models import Account, Delivery, Hook, Project
from src.database.repositories import deliveries, event_log, forges, hooks, jobs, projects, subscriptions
from src.database.repositories.subscriptions import Follower
from src.events import DocumentationEvent, Event
from src.forge import ForgeType, UnknownEvent, Unparsable
from src.webhook.enrich import Enricher, Scene, TryLater
from src.webhook.fanout import Plan, reader_of, store
from src.webhook.inbox import decompress
from src.webhook.metrics import Metrics
from src.webhook.personalized_handlers import Facts, is_chosen, recipients

log = logging.getLogger(__name__)
Checkpoint = Callable[[str], Awaitable[None]]

_BATCH = 50
_HOOKS_AT_ONCE = 64
_POLL = 1.0  # seconds; another process may have stored something
_TRIES = 8  # then an event is told without what the forge would add to it
_PATIENCE = timedelta(days=1)  # how long somebody's access is asked for; then the log says who was left out
_LONGEST_PAUSE = timedelta(minutes=5)
_MOVING = timedelta(seconds=30)  # until a hook was looked at
_LATELY = timedelta(minutes=15)  # when a hook was found in order, to count as one that delivers


class ForeignProject(Exception):
    """The secret of one project's hook signed news of another project: nothing of it is believed."""


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
    ) -> None:
        """`queued` is called when messages were put; `checkpoint` names the moments at which crash drills strike."""
        self._database = database
        self._enricher = enricher
        self._types = types
        self._metrics = metrics
        self._owner = owner
        self._lease = lease
        self._queued = queued
        self._clock = clock
        self._checkpoint = checkpoint
        self._news = asyncio.Event()
        self._busy: set[int] = set()

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what has begun by then is finished, what was only claimed is given back."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._wake_at(stop), name="pipeline-stop")
            while not stop.is_set():
                self._news.clear()
                batch = await self._claim() if len(self._busy) < _HOOKS_AT_ONCE else []
                for hook_id in dict.fromkeys(item.hook_id for item in batch):
                    self._busy.add(hook_id)
                    group = [item for item in batch if item.hook_id == hook_id]
                    tasks.create_task(self._work(hook_id, group, stop), name=f"hook-{hook_id}")
                if not batch:
                    await self._pause()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._news.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_POLL):
                await self._news.wait()
        except TimeoutError:
            return  # time to look again

    async def _claim(self) -> Sequence[Delivery]:
        now = self._clock()
        async with self._database.read() as session:  # most looks find nothing: they need not lock the writer
            if not await deliveries.is_any_due(session, now=now, but=self._busy):
                return []
        async with self._database.write() as session:
            claimed = await deliveries.claim(
                session, owner=self._owner, now=now, lease=self._lease, limit=_BATCH, but=self._busy
            )
        if claimed:
            await self._checkpoint("taken")
        return claimed

    async def _work(self, hook_id: int, group: Sequence[Delivery], stop: asyncio.Event) -> None:
        try:
            for delivery in group:
                now = self._clock()
                late = delivery.lease_until is None or delivery.lease_until - now < self._lease / 3
                if stop.is_set() or late:
                    async with self._database.write() as session:
                        await deliveries.release(session, delivery, now=now)
                else:
                    await self._deal_with(delivery)
        finally:
            self._busy.discard(hook_id)
            self._news.set()

    async def _deal_with(self, delivery: Delivery) -> None:
        async with self._database.read() as session:
            hook = await hooks.get(session, delivery.hook_id)
            forge = await forges.get(session, hook.forge_id)
        kind = forge.kind
        try:
            outcome = await self._process(delivery, hook, self._types[kind])
        except LeaseLost:
            log.warning("delivery %s: taken over by another worker", delivery.id)
            return
        self._metrics.deliveries.labels(kind, outcome).inc()
        self._metrics.latency.observe((self._clock() - delivery.received_at).total_seconds())
        if outcome == "unknown":
            self._metrics.unknown_events.labels(kind).inc()

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
            return await self._commit(delivery, hook, await self._plan(delivery, hook, events))
        except LeaseLost:
            raise
        except TryLater as error:
            return await self._postpone(delivery, str(error), error.until)
        except ForeignProject:
            return await self._close(delivery, hook, "quarantined", "speaks of another project", is_error=True)
        except Exception as error:
            log.exception("delivery %s: telling of it failed", delivery.id)
            if delivery.attempts >= _TRIES:
                return await self._close(delivery, hook, "failed", type(error).__name__, is_error=True)
            return await self._postpone(delivery, type(error).__name__, self._clock())

    async def _plan(self, delivery: Delivery, hook: Hook, events: Sequence[Event]) -> list[Plan]:
        plans = []
        # Of a push and the documentation in it, the documentation says more; the other is then told already.
        for event in sorted(events, key=lambda event: not isinstance(event, DocumentationEvent)):
            async with self._database.read() as session:
                project = await projects.find(session, hook.forge_id, event.project.external_id)
                if project is None or not await hooks.is_followed(session, [project.id]):
                    continue  # of what nobody follows nothing is kept but the delivery
                if _is_foreign(hook, project, event):
                    if _is_below(hook, project.path) and delivery.attempts < _TRIES:
                        await self._look_at(hook)
                    raise ForeignProject
                if hook.origin == "manual":
                    if await hooks.is_brought(session, project, checked_since=self._clock() - _LATELY):
                        continue
                    event = _by_hand(event, project)
                followers = await subscriptions.followers(session, project.id, self._clock())
                forge = await forges.get(session, hook.forge_id)
            accounts = {f.account.id: f.account for f in followers if f.account is not None}
            first = sorted(accounts.values(), key=lambda account: account.id != hook.account_id)
            plans.append(await self._decide(delivery, hook, event, Scene(project, forge, tuple(first)), followers))
        return plans

    async def _look_at(self, hook: Hook) -> None:
        """A project of the group, or the group itself, seems to have moved: the forge is asked before we believe it."""
        now = self._clock()
        async with self._database.write() as session:
            await jobs.put(session, "hook_check", str(hook.id), now=now)
        raise TryLater("the project, or its group, bears another name", now + _MOVING)

    async def _decide(
        self, delivery: Delivery, hook: Hook, event: Event, scene: Scene, followers: Sequence[Follower]
    ) -> Plan:
        readers = [reader_of(follower) for follower in followers]
        give_up = delivery.attempts >= _TRIES
        if any(name.startswith(f"{event.kind}.") for reader in readers for name in reader.names):
            event = await self._enricher.complete(event, scene, give_up=give_up)
        facts = Facts(hook_account_id=hook.account_id)
        if any(is_chosen(event, reader) and (reader.scope == "mine" or reader.is_private_chat) for reader in readers):
            logins = {r.person.login.casefold() for r in readers if r.person and r.person.login}
            facts = replace(facts, teams=await self._enricher.teams(event, scene, logins, give_up=give_up))
        accounts: dict[int | None, Account] = {account.id: account for account in scene.accounts}
        found = recipients(event, readers, facts)
        asked = [self._may_read(accounts.get(recipient.reader.account_id), event, scene) for recipient in found]
        answers = await asyncio.gather(*asked)
        told = tuple(recipient for recipient, answer in zip(found, answers, strict=True) if answer is True)
        again = [answer for answer in answers if isinstance(answer, datetime)]
        refused = len(found) - len(told) - len(again)
        return Plan(event, scene.project, told, refused, len(again), min(again, default=None))

    async def _may_read(self, account: Account | None, event: Event, scene: Scene) -> bool | datetime:
        """Whether the account reads it, or when to ask again."""
        try:
            return await self._enricher.may_read(account, event, scene)
        except TryLater as error:
            return error.until

    async def _commit(self, delivery: Delivery, hook: Hook, plans: Sequence[Plan]) -> str:
        """Events, messages and the delivery's end in one transaction."""
        now = self._clock()
        await self._checkpoint("decided")
        queued = 0
        said: list[str] = []
        pending = [plan for plan in plans if plan.pending]
        final = not pending or now - delivery.received_at >= _PATIENCE
        async with self._database.write() as session:
            for plan in plans:
                count, words = await store(session, plan, delivery, now)
                queued += count
                said.append(words)
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
        return "done" if final else "waiting"

    async def _postpone(self, delivery: Delivery, reason: str, until: datetime) -> str:
        async with self._database.write() as session:
            later = _later(delivery, self._clock(), until)
            if not await deliveries.postpone(session, delivery, until=later, error=reason):
                raise LeaseLost
        return "waiting"

    async def _close(self, delivery: Delivery, hook: Hook, state: str, reason: str, *, is_error: bool) -> str:
        now = self._clock()
        async with self._database.write() as session:
            if not await deliveries.finish(session, delivery, state=state, error=reason if is_error else None):
                raise LeaseLost
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


def _is_foreign(hook: Hook, project: Project, event: Event) -> bool:
    """Whether the hook has no business with the project: it is of another one, or of a group that is not above it."""
    if hook.group_path is not None:
        return not all(_is_below(hook, path) for path in (project.path, event.project.path))
    return hook.project_id is not None and hook.project_id != project.id


def _is_below(hook: Hook, path: str) -> bool:
    """Whether a project of this path is in the hook's group."""
    return hook.group_path is not None and path.casefold().startswith(f"{hook.group_path}/".casefold())


def _by_hand(event: Event, project: Project) -> Event:
    """As a hook made by hand may tell it: a person knows its secret, and may not rename the project, nor open it."""
    known = replace(
        event.project,
        path=project.path,
        url=project.url or event.project.url,
        private=project.private or event.project.private,
    )
    return replace(event, project=known)


def _later(delivery: Delivery, now: datetime, until: datetime) -> datetime:
    """Not before `until`, and ever later from try to try."""
    pause = timedelta(seconds=min(2 ** min(delivery.attempts, 10), _LONGEST_PAUSE.total_seconds()))
    return max(until, now + pause)
