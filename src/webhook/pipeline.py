"""From a delivery to messages: parse, enrich, decide, and commit it all at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.database import Database
from src.database.models import Delivery, Hook, Project
from src.database.repositories import deliveries, event_log, forges, hooks, messages, projects, subscriptions
from src.database.repositories import events as event_rows
from src.database.repositories.subscriptions import Follower
from src.events import DocumentationEvent, Event, Person
from src.forge import ForgeType, UnknownEvent, Unparsable
from src.webhook.enrich import Enricher, Scene, TryLater
from src.webhook.inbox import decompress
from src.webhook.metrics import Metrics
from src.webhook.personalized_handlers import (
    Facts,
    Reader,
    Recipient,
    coalesce_key,
    concerns,
    is_chosen,
    recipients,
)

log = logging.getLogger(__name__)
Checkpoint = Callable[[str], Awaitable[None]]

_BATCH = 50
_HOOKS_AT_ONCE = 16
_POLL = 1.0  # seconds; another process may have stored something
_TRIES = 8  # then an event is told to those of whom we know enough, and the log says who was left out
_LONGEST_PAUSE = timedelta(minutes=5)


class ForeignProject(Exception):
    """The secret of one project's hook signed news of another project: nothing of it is believed."""


class LeaseLost(Exception):
    """Another worker took the delivery over: what we found out must not be written."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one event comes to: who is told now, how many are not, and of how many we do not know yet."""

    event: Event
    project: Project
    told: tuple[Recipient, ...]
    refused: int
    pending: int
    again_at: datetime | None


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
            async with asyncio.timeout(self._lease.total_seconds() * 0.6):
                plans = await self._plan(delivery, hook, events)
        except TryLater as error:
            return await self._postpone(delivery, str(error), error.until)
        except TimeoutError:
            return await self._postpone(delivery, "the forge takes too long", self._clock())
        except ForeignProject:
            return await self._close(delivery, hook, "quarantined", "speaks of another project", is_error=True)
        except Exception as error:
            log.exception("delivery %s: deciding failed", delivery.id)
            if delivery.attempts >= _TRIES:
                return await self._close(delivery, hook, "failed", type(error).__name__, is_error=True)
            return await self._postpone(delivery, type(error).__name__, self._clock())
        return await self._commit(delivery, hook, plans)

    async def _plan(self, delivery: Delivery, hook: Hook, events: Sequence[Event]) -> list[Plan]:
        plans = []
        # Of a push and the documentation in it, the documentation says more; the other is then told already.
        for event in sorted(events, key=lambda event: not isinstance(event, DocumentationEvent)):
            async with self._database.read() as session:
                project = await projects.find(session, hook.forge_id, event.project.external_id)
                if project is None:
                    continue
                if hook.project_id is not None and hook.project_id != project.id:
                    raise ForeignProject
                followers = await subscriptions.followers(session, project.id, self._clock())
                forge = await forges.get(session, hook.forge_id)
            accounts = {f.account.id: f.account for f in followers if f.account is not None}
            first = sorted(accounts.values(), key=lambda account: account.id != hook.account_id)
            plans.append(await self._decide(delivery, hook, event, Scene(project, forge, tuple(first)), followers))
        return plans

    async def _decide(
        self, delivery: Delivery, hook: Hook, event: Event, scene: Scene, followers: Sequence[Follower]
    ) -> Plan:
        readers = [_reader(follower) for follower in followers]
        facts = Facts(hook_account_id=hook.account_id)
        give_up = delivery.attempts >= _TRIES
        event = await self._enricher.complete(event, scene, give_up=give_up) if readers else event
        if any(is_chosen(event, reader) and not concerns(event, reader, facts) for reader in readers):
            logins = {r.person.login.casefold() for r in readers if r.person and r.person.login}
            try:
                facts = replace(facts, teams=await self._enricher.teams(event, scene, logins))
            except TryLater:
                if not give_up:
                    raise
        told: list[Recipient] = []
        refused = pending = 0
        again_at: datetime | None = None
        accounts = {account.id: account for account in scene.accounts}
        for recipient in recipients(event, readers, facts):
            account = accounts.get(recipient.reader.account_id or 0)
            try:
                may_read = account is not None and await self._enricher.may_read(account, event, scene)
            except TryLater as error:
                pending += 1
                again_at = error.until if again_at is None else min(again_at, error.until)
                continue
            if may_read:
                told.append(recipient)
            else:
                refused += 1
        return Plan(event, scene.project, tuple(told), refused, pending, again_at)

    async def _commit(self, delivery: Delivery, hook: Hook, plans: Sequence[Plan]) -> str:
        """Events, messages and the delivery's end in one transaction."""
        now = self._clock()
        await self._checkpoint("decided")
        queued = 0
        said: list[str] = []
        pending = [plan for plan in plans if plan.pending]
        final = not pending or delivery.attempts >= _TRIES
        async with self._database.write() as session:
            for plan in plans:
                count, words = await _store(session, plan, delivery, now)
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


async def _store(session: AsyncSession, plan: Plan, delivery: Delivery, now: datetime) -> tuple[int, str]:
    """Write one event and its messages. How many were queued, and a sentence for the log."""
    event, project = plan.event, plan.project
    name = f"{event.names[0]} {event.project.path} {event.subject.key}"[:200]
    if event.project.path != project.path or event.project.private not in (None, project.private):
        await projects.refresh(session, project.id, event.project)
    stored = await event_rows.put(session, event, project_id=project.id, delivery_id=delivery.id, now=now)
    if stored is None:
        return 0, f"{name}: told by another delivery"
    if await event_rows.is_stale(session, event, project.id):
        return 0, f"{name}: overtaken by something newer"
    queued = 0
    for recipient in plan.told:
        queued += await _queue(session, stored.id, project.id, event, recipient, now)
    words = f"{name}: {queued} told"
    if plan.refused:
        words += f", {plan.refused} without access"
    if plan.pending:
        words += f", access of {plan.pending} could not be checked"
    return queued, words


async def _queue(
    session: AsyncSession, event_id: int, project_id: int, event: Event, recipient: Recipient, now: datetime
) -> bool:
    reader = recipient.reader
    key = coalesce_key(event)
    key = None if key is None else f"{project_id}:{key}"[:400]
    reasons = [{"reason": str(item.reason), "via": item.via} for item in recipient.reasons]
    if key is not None:
        earlier = await messages.told(session, coalesce_key=key, chat_id=reader.chat_id, topic_id=reader.topic_id)
        known = {str(item["reason"]) for message in earlier for item in message.reasons}
        fresh = [item for item in reasons if item["reason"] not in known]
        if earlier and not fresh:
            return False
        if earlier and await messages.add_reasons(session, earlier[-1], fresh):
            return False
    return await messages.put(
        session,
        event_id=event_id,
        chat_id=reader.chat_id,
        topic_id=reader.topic_id,
        subscription_id=reader.subscription_id,
        reasons=reasons,
        subject_key=event.subject.key[:320],
        coalesce_key=key,
        level=recipient.level,
        now=now,
    )


def _reader(follower: Follower) -> Reader:
    subscription, chat, account = follower.subscription, follower.chat, follower.account
    return Reader(
        subscription_id=subscription.id,
        chat_id=chat.id,
        topic_id=subscription.topic_id,
        is_private_chat=chat.type == "private",
        scope=subscription.scope,
        names=frozenset(subscription.events),
        levels=subscription.levels,
        account_id=None if account is None else account.id,
        person=None if account is None else Person(id=account.external_user_id, login=account.login),
        emails=frozenset() if account is None else frozenset(email.casefold() for email in account.emails),
    )


def _later(delivery: Delivery, now: datetime, until: datetime) -> datetime:
    """Not before `until`, and ever later from try to try."""
    pause = min(timedelta(seconds=2.0**delivery.attempts), _LONGEST_PAUSE)
    return max(until, now + pause)
