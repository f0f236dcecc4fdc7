"""The look-ups that a decision needs and the payload lacks: teams, access, thread participants, commit authors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from cachetools import TTLCache

from src.database.credentials import Credentials
from src.database.database import Database
from src.database.models import Account, Forge, Project
from src.database.repositories import events as event_rows
from src.events import (
    CommentEvent,
    Event,
    IssueEvent,
    Person,
    PipelineEvent,
    PipelineStatus,
    PullRequestEvent,
    ReviewEvent,
    SubjectKind,
    Team,
)
from src.forge import (
    ForgeClient,
    MissingPermission,
    NotFound,
    ProjectRef,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from src.webhook import tokens

log = logging.getLogger(__name__)
_TTL = timedelta(minutes=15)
_PAUSE = timedelta(seconds=10)
_PATIENCE = timedelta(seconds=6)  # for one question; a delivery must not hold its hook for long
_MOST_TEAMS = 20  # asked about for one event: a text can name thousands
ASKED = 3  # accounts that a question is put to before it counts as refused
_T = TypeVar("_T")
_D = TypeVar("_D")


class TryLater(Exception):
    """A forge could not answer: the question is asked again at `until`."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an event plays: its project, its forge and the accounts that may be asked about it."""

    project: Project
    forge: Forge
    accounts: tuple[Account, ...]

    @property
    def ref(self) -> ProjectRef:
        """The project's address on the forge."""
        return ProjectRef(external_id=self.project.external_id, path=self.project.path)


class Enricher:
    """Asks the forges, each question at most once in 15 minutes."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        *,
        clock: Callable[[], datetime],
        pause: timedelta = _PAUSE,
        patience: timedelta = _PATIENCE,
    ) -> None:
        """`pause` is how long a forge that did not answer within `patience` is left alone."""
        self._database = database
        self._credentials = credentials
        self._clock = clock
        self._pause = pause
        self._patience = patience
        self._down: dict[int, datetime] = {}  # forges that did not answer, until when they are left alone

        def timer() -> float:
            return clock().timestamp()

        self._teams: TTLCache[tuple[int, str], tuple[Person, ...]] = TTLCache(5_000, _TTL.total_seconds(), timer)
        self._access: TTLCache[tuple[object, ...], bool] = TTLCache(20_000, _TTL.total_seconds(), timer)

    async def complete(self, event: Event, scene: Scene, *, give_up: bool) -> Event:
        """The event with what the forge adds. Raises `TryLater`; with `give_up` asks the forge nothing."""
        if isinstance(event, PipelineEvent):
            event = await self._fixed(event, scene)
        if give_up:
            log.warning("told without what the forge adds to %s", event.names[0])
        elif isinstance(event, PipelineEvent):
            return await self._pipeline(event, scene)
        elif _has_thread(event):
            people = await self._ask(scene, lambda client: client.participants(scene.ref, event.subject))
            return replace(event, people=replace(event.people, participants=people or ()))
        return event

    async def teams(
        self, event: Event, scene: Scene, known_logins: Collection[str], *, give_up: bool
    ) -> Mapping[str, tuple[Person, ...]]:
        """Members of the teams that the event names, by path in lower case. Raises `TryLater` as `complete` does.

        `known_logins` (lower case) are people for sure, so that nobody asks whether they are groups.
        """
        if give_up:
            return {}
        bare = self._credentials.types[scene.forge.kind].bare_group_names
        paths = [team.path for team in _teams_of(event)]
        paths += [n for n in event.people.mentioned if "/" in n or (bare and n.casefold() not in known_logins)]
        return {path.casefold(): await self._members(path, scene) for path in paths[:_MOST_TEAMS]}

    async def may_read(self, account: Account | None, event: Event, scene: Scene) -> bool:
        """Whether this account reads what the event tells of (`None`: somebody without one). Raises `TryLater`.

        Public projects are everybody's; a confidential issue or comment is asked for by itself.
        """
        if not needs_proof(event, scene.project):
            return True
        if account is None or account.dead_at is not None:
            return False
        comment = event.comment_id if isinstance(event, CommentEvent) and event.confidential else None
        subject = event.subject if event.confidential else None
        # With the moment when the token was checked: a renewed one is asked anew.
        key = (account.id, account.checked_at, scene.project.id, subject and subject.key, comment)
        if key not in self._access:
            may = await self._try(
                account, scene, lambda client: client.can_read(scene.ref, subject, comment), refused=False
            )
            if not may:  # a dead token is told no to everything, and its owner has to know
                await self._try(account, scene, lambda client: client.whoami(), refused=None)
            self._access[key] = may
        return self._access[key]

    async def _fixed(self, event: PipelineEvent, scene: Scene) -> PipelineEvent:
        if event.status is not PipelineStatus.SUCCESS:
            return event
        async with self._database.read() as session:
            last = await event_rows.last_pipeline_status(session, event, scene.project.id)
        return replace(event, fixed=last is not None and last.is_bad)

    async def _pipeline(self, event: PipelineEvent, scene: Scene) -> PipelineEvent:
        if not (event.status.is_bad or event.fixed):
            return event
        people, failed_jobs = event.people, event.failed_jobs
        if event.status.is_bad and not failed_jobs:
            run = await self._ask(scene, lambda client: client.pipeline(scene.ref, event.subject.id))
            failed_jobs = run.failed_jobs if run else ()
        if sha := event.refs.head_sha:
            authors = await self._ask(scene, lambda client: client.commit_authors(scene.ref, sha))
            people = replace(people, committers=(*people.committers, *(authors or ())))
        if number := event.refs.pull_request:
            pull = await self._ask(scene, lambda client: client.pull_request(scene.ref, number))
            people = replace(people, author=pull.author if pull else None)
        return replace(event, failed_jobs=failed_jobs, people=people)

    async def _members(self, path: str, scene: Scene) -> tuple[Person, ...]:
        key = (scene.forge.id, path.casefold())
        if key not in self._teams:
            members = await self._ask(scene, lambda client: client.team_members(Team(path=path)))
            self._teams[key] = members or ()
        return self._teams[key]

    async def _ask(self, scene: Scene, question: Callable[[ForgeClient], Awaitable[_T]]) -> _T | None:
        """The first answer that one of the accounts gets, the hook's own before others; `None`: all are refused."""
        for account in [account for account in scene.accounts if account.dead_at is None][:ASKED]:
            answer = await self._try(account, scene, question, refused=None)
            if answer is not None:
                return answer
        return None

    async def _try(
        self, account: Account, scene: Scene, question: Callable[[ForgeClient], Awaitable[_T]], *, refused: _D
    ) -> _T | _D:
        now = self._clock()
        rests_until = self._down.get(scene.forge.id, now)
        if rests_until > now:
            raise TryLater("the forge does not answer", rests_until)
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return await question(self._credentials.client(scene.forge, account))
        except Unauthorized:
            log.warning("account %s: the forge refuses its token", account.id)
            async with self._database.write() as session:
                await tokens.refused(session, account, self._clock())
        except (MissingPermission, NotFound, Rejected):
            pass  # an answer: not with this token
        except RateLimited as error:
            raise TryLater("rate limited", error.until) from error
        except (Unavailable, TimeoutError) as error:
            until = self._down[scene.forge.id] = self._clock() + self._pause
            raise TryLater("the forge does not answer", until) from error
        return refused


def needs_proof(event: Event, project: Project) -> bool:
    """Whether not everybody may read what the event tells of."""
    private = project.private if event.project.private is None else event.project.private
    return private or event.confidential


def asks(event: Event) -> bool:
    """Whether the forge may be asked to complete an event, or who is in the teams that it names."""
    names_some = any(True for _ in _teams_of(event)) or bool(event.people.mentioned)
    return isinstance(event, PipelineEvent) or _has_thread(event) or names_some


def _has_thread(event: Event) -> bool:
    if event.subject.kind not in (SubjectKind.PULL_REQUEST, SubjectKind.ISSUE):
        return False
    if isinstance(event, CommentEvent):
        return not event.edited
    if isinstance(event, PullRequestEvent | IssueEvent):
        return event.aspect == "state" and not event.opening
    return isinstance(event, ReviewEvent)


def _teams_of(event: Event) -> Iterable[Team]:
    if event.addressed is not None:
        return event.addressed.teams
    return event.people.reviewer_teams
