"""From events to plans: whose project it is, what the forge adds, who follows it, who may read it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.agent.posting import STATUS_CONTEXT
from src.database.database import Database
from src.database.models import Account, Delivery, Forge, Hook, Project
from src.database.repositories import accounts, forges, hooks, jobs, polls, projects, reviews, subscriptions
from src.database.repositories.subscriptions import Follower
from src.events import CommentEvent, DocumentationEvent, Event, PipelineEvent, ReviewEvent
from src.webhook.enrich import ASKED, Enricher, Scene, TryLater, asks, needs_proof
from src.webhook.fanout import Plan, reader_of
from src.webhook.personalized_handlers import Facts, is_chosen, recipients
from src.webhook.polling.twins import is_told

TRIES = 8  # then an event is told without what the forge would add to it
_MOVING = timedelta(seconds=30)  # until a hook was looked at
_LATELY = timedelta(minutes=15)  # when a hook was found in order, to count as one that delivers
_ECHO = timedelta(minutes=1)  # from our status to a failure of no job's, which is then what GitLab makes of it
_QUESTIONS = 16  # of access, asked of a forge at once


class ForeignProject(Exception):
    """The secret of one project's hook signed news of another project: nothing of it is believed."""


@dataclass(frozen=True, slots=True)
class _Audience:
    """A project with those who follow it, as they were at one moment."""

    event: Event
    project: Project
    forge: Forge
    followers: Sequence[Follower]
    asked: tuple[Account, ...]  # whose tokens the forge is asked with, the hook's own first
    twins: bool  # whether the same may come another way
    is_echo: bool = False  # what a review of ours said, which is told as a whole when that is over


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides what deliveries come to. Asks the database and the forges, writes nothing of what it decides."""

    database: Database
    enricher: Enricher
    patience: timedelta  # how long questions of access are put for one event; who is left is asked about next time
    _forges: dict[int, Forge] = field(default_factory=dict)

    async def forge(self, session: AsyncSession, forge_id: int) -> Forge:
        """An instance: its row never changes, and is read once."""
        if forge_id not in self._forges:
            self._forges[forge_id] = await forges.get(session, forge_id)
        return self._forges[forge_id]

    async def plan(self, delivery: Delivery, hook: Hook, events: Sequence[Event], now: datetime) -> list[Plan]:
        """What these events of a delivery come to. Raises `TryLater` and `ForeignProject`."""
        plans = []
        # Of a push and the documentation in it, the documentation says more; the other is then told already.
        for event in sorted(events, key=lambda event: not isinstance(event, DocumentationEvent)):
            audience = await self._audience(delivery, hook, event, now)
            if audience is not None:
                plans.append(await self._decide(audience, hook.account_id, now, give_up=delivery.attempts >= TRIES))
        return plans

    async def plan_own(self, event: Event, project: Project, forge: Forge, now: datetime, *, give_up: bool) -> Plan:
        """What news of our own come to, which no hook brings. Raises `TryLater`, but with `give_up`."""
        async with self.database.read() as session:
            followers = await subscriptions.followers(session, project.id, now)
            asked = await _asked(session, followers, None) if asks(event) else ()
        audience = _Audience(event, project, forge, followers, asked, twins=False)
        return await self._decide(audience, None, now, give_up=give_up)

    async def _audience(self, delivery: Delivery, hook: Hook, event: Event, now: datetime) -> _Audience | None:
        """`None`: it is nobody's news, or another hook brings it."""
        async with self.database.read() as session:
            project = await projects.find(session, hook.forge_id, event.project.external_id)
            if project is None:
                return None  # of what nobody follows nothing is kept but the delivery
            followers = await subscriptions.followers(session, project.id, now)
            if not followers and not await hooks.is_followed(session, [project.id]):
                return None
            is_foreign = _is_foreign(hook, project, event)
            if not is_foreign:
                if hook.origin == "manual":
                    if await hooks.is_brought(session, project, checked_since=now - _LATELY):
                        return None
                    event = _by_hand(event, project)
                twins = await polls.is_told_of_twice(session, project.id, hook)
                if twins and await is_told(session, project.id, hook, event, now):
                    return None  # the look told of it before the webhook did, or the other way round
                forge = await self.forge(session, hook.forge_id)
                asked = await _asked(session, followers, hook.account_id) if asks(event) else ()
                is_echo = await _is_echo(session, project, event, delivery.received_at)
                return _Audience(event, project, forge, followers, asked, twins, is_echo)
        if _is_below(hook, project.path) and delivery.attempts < TRIES:
            await self._look_at(hook, now)
        raise ForeignProject

    async def _look_at(self, hook: Hook, now: datetime) -> None:
        """A project of the group, or the group itself, seems to have moved: the forge is asked before we believe it."""
        async with self.database.write() as session:
            await jobs.put(session, "hook_check", str(hook.id), now=now)
        raise TryLater("the project, or its group, bears another name", now + _MOVING)

    async def _decide(self, audience: _Audience, hook_account_id: int | None, now: datetime, *, give_up: bool) -> Plan:
        event, scene = audience.event, Scene(audience.project, audience.forge, audience.asked)
        readers = [reader_of(follower) for follower in audience.followers]
        names = frozenset().union(*{reader.names for reader in readers})
        if any(name.startswith(f"{event.kind}.") for name in names):
            event = await self.enricher.complete(event, scene, give_up=give_up)
        facts = Facts(hook_account_id=hook_account_id)
        if any(is_chosen(event, reader) and (reader.scope == "mine" or reader.is_private_chat) for reader in readers):
            logins = {r.person.login.casefold() for r in readers if r.person and r.person.login}
            facts = replace(facts, teams=await self.enricher.teams(event, scene, logins, give_up=give_up))
        found = [] if audience.is_echo else recipients(event, readers, facts)
        answers = await self._access({recipient.reader.account_id for recipient in found}, event, scene, now)
        told = tuple(recipient for recipient in found if answers[recipient.reader.account_id] is True)
        again = [answer for r in found if isinstance(answer := answers[r.reader.account_id], datetime)]
        refused = len(found) - len(told) - len(again)
        again_at = min(again, default=None)
        return Plan(event, scene.project, told, refused, len(again), again_at, twins=audience.twins)

    async def _access(
        self, ids: Collection[int | None], event: Event, scene: Scene, now: datetime
    ) -> Mapping[int | None, bool | datetime]:
        """Of each account (`None`: somebody without one) whether it reads the event, or when to ask again.

        Each is asked about once, however many chats it speaks for, and a few at a time.
        """
        if not needs_proof(event, scene.project):
            return dict.fromkeys(ids, True)
        async with self.database.read() as session:
            rows = {row.id: row for row in await accounts.by_ids(session, [i for i in ids if i is not None])}
        answers: dict[int | None, bool | datetime] = {None: False}
        waiting = iter(sorted(i for i in ids if i is not None))
        give_up_at = asyncio.get_running_loop().time() + self.patience.total_seconds()

        async def ask() -> None:
            for number in waiting:
                is_late = asyncio.get_running_loop().time() >= give_up_at
                answers[number] = now if is_late else await self._may_read(rows.get(number), event, scene)

        await asyncio.gather(*(ask() for _ in range(min(_QUESTIONS, len(ids)))))
        return answers

    async def _may_read(self, account: Account | None, event: Event, scene: Scene) -> bool | datetime:
        """Whether the account reads it, or when to ask again."""
        try:
            return await self.enricher.may_read(account, event, scene)
        except TryLater as error:
            return error.until


async def _asked(session: AsyncSession, followers: Sequence[Follower], first: int | None) -> tuple[Account, ...]:
    """The accounts whose tokens the forge is asked with: few of those that are good, `first` before all others."""
    good = dict.fromkeys(f.account_id for f in followers if f.account_id is not None and not f.account_dead)
    ids = sorted(good, key=lambda number: number != first)[:ASKED]
    rows = await accounts.by_ids(session, ids) if ids else ()
    return tuple(sorted(rows, key=lambda account: ids.index(account.id)))


async def _is_echo(session: AsyncSession, project: Project, event: Event, received_at: datetime) -> bool:
    """Whether it is what a review of ours said, come back.

    A comment says so, and is by an account that speaks for us there. Of our status GitLab makes a pipeline that fails,
    or a job of one. Somebody else's status there may fail, too: so what names another job is never ours, and what names
    none is ours only at about the time when we said so.
    """
    if isinstance(event, PipelineEvent):
        sha = event.refs.head_sha
        if sha is None or not event.status.is_bad:
            return False
        if event.failed_jobs:
            named = set(event.failed_jobs) == {STATUS_CONTEXT}
            return named and await reviews.found_fault(session, project.id, sha)
        return event.external and await reviews.found_fault(session, project.id, sha, around=(received_at, _ECHO))
    if not isinstance(event, CommentEvent | ReviewEvent) or not event.marked or event.actor is None:
        return False
    return event.actor.id in await reviews.voices(session, project.id)


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
