"""One look at one project: asked with one token after the other, stored with where the next look begins."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.credentials import Credentials
from src.database.database import Database
from src.database.models import Account, Forge, Hook, Poll, Project
from src.database.repositories import event_log, forges, hook_care, hooks, polls, projects, subscriptions
from src.database.repositories.deliveries import NewDelivery
from src.forge import ForgeError, Polled, ProjectRef, RateLimited, Unauthorized, Unavailable
from src.webhook import tokens
from src.webhook.inbox import compress
from src.webhook.polling.decide import (
    SHORTEST,
    USUAL,
    Need,
    after_failure,
    in_turn,
    need,
    next_seconds,
    oldest,
    pause,
)
from src.webhook.polling.pace import Pace

log = logging.getLogger(__name__)

_GOES_ON = timedelta(days=1)  # after a webhook was there for that long, polling begins anew
_SAID = 200  # characters of what a forge said
_LIMIT = 180.0  # seconds that the questions of one look may take: a job has four minutes
_TOO_SLOW = "the forge answers too slowly"
NOBODY_MAY = "no token that I have reads this project"


@dataclass(frozen=True, slots=True)
class _Scene:
    project: Project
    forge: Forge
    poll: Poll
    accounts: tuple[Account, ...]
    names: frozenset[str]
    need: Need  # none: this is the last look, at what happened before the webhook was there
    since: datetime | None


class Polling:
    """Which projects are polled, and what a look at one of them brings. One instance in a process."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        *,
        public_url: Callable[[], str | None],
        stored: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        """`public_url` tells where the forges reach us now; `stored` is called when there are deliveries to work on."""
        self.database = database
        self.credentials = credentials
        self.clock = clock
        self._public_url = public_url
        self._stored = stored
        self._pace = Pace()

    async def wanted(self) -> tuple[list[Project], list[Project]]:
        """The followed projects that are to be polled, and those that are not."""
        now = self.clock()
        poll: list[Project] = []
        leave: list[Project] = []
        async with self.database.read() as session:
            can = {forge.id for forge in await forges.every(session) if self._finds(forge)}
            for project in await polls.followed(session):
                if project.forge_id not in can:
                    continue
                hook = await hooks.telling(session, project)
                wanted = need(hook, public_url=self._public_url(), now=now)
                (leave if wanted is Need.NONE else poll).append(project)
        return poll, leave

    async def look(self, project_id: int) -> datetime | None:
        """Look at a project; when to look again. `None`: it is not to be polled any more."""
        scene = await self._prepare(project_id)
        if scene is None:
            return None
        limited: list[datetime] = []
        busy: list[datetime] = []
        for account in in_turn(scene.accounts, project_id):
            later = self._pace.until(account.id, self.clock())
            if later is not None:
                busy.append(later)
                continue
            try:
                async with asyncio.timeout(_LIMIT):
                    found = await self._ask(scene, account)
            except TimeoutError:
                return await self._failed(scene, _TOO_SLOW)
            except RateLimited as error:
                limited.append(error.until)
            except Unavailable as error:
                return await self._failed(scene, str(error)[:_SAID])
            except Unauthorized:
                async with self.database.write() as session:
                    await tokens.refused(session, account, self.clock())
            except ForgeError as error:  # not with this token
                log.info("poll of project %d: account %d: %s", project_id, account.id, type(error).__name__)
            else:
                return await self._keep(scene, found)
        return await self._unasked(scene, busy, limited)

    async def _unasked(self, scene: _Scene, busy: Sequence[datetime], limited: Sequence[datetime]) -> datetime | None:
        """No token was good for a look: when there is one again. `busy` and `limited`: until when they are not."""
        if busy:  # nothing is wrong: others come first
            return min((*busy, *limited))
        if limited:
            await self._failed(scene, "the forge limits how often I may ask")
            return max(min(limited), self.clock() + SHORTEST)
        if scene.need is Need.NONE:
            await self._end(scene)
            return None
        return await self._failed(scene, NOBODY_MAY)

    async def _ask(self, scene: _Scene, account: Account) -> Polled:
        ref = ProjectRef(external_id=scene.project.external_id, path=scene.project.path)
        client = self.credentials.client(scene.forge, account)
        found = await client.poll(ref, scene.names, scene.poll.state, since=scene.since)
        now = self.clock()
        self._pace.asked(account.id, found.asked, now)
        self._pace.left(account.id, found.room, found.resets, now)
        return found

    async def _prepare(self, project_id: int) -> _Scene | None:
        now = self.clock()
        async with self.database.write() as session:
            project = await projects.known(session, project_id)
            if project is None or not await hooks.is_followed(session, [project_id]):
                await polls.stop(session, project_id, now, forget=True)
                return None
            hook = await hooks.telling(session, project)
            wanted = need(hook, public_url=self._public_url(), now=now)
            before = await polls.find(session, project_id)
            if wanted is Need.NONE and (before is None or before.stopped_at is not None or before.state is None):
                if await polls.stop(session, project_id, now):
                    await self._log(session, project, "poll_stopped", "a webhook tells of it")
                return None
            forge = await forges.get(session, project.forge_id)
            if not self._finds(forge):
                return None
            row = await polls.begin(
                session, project, self._hook(project, now), seconds=int(USUAL.total_seconds()), now=now,
                fresh_since=now - _GOES_ON,
            )  # fmt: skip
            if before is None:
                await self._log(session, project, "polled", "no webhook tells of it")
            found = await hook_care.helpers(session, [project_id])
            names = await subscriptions.chosen_names(session, project_id)
            followed = await subscriptions.followed_since(session, project_id)
            since = oldest(hook, goes_on=row.state is not None, followed=followed, now=now)
            return _Scene(project, forge, row, tuple(found), names, wanted, since)

    def _finds(self, forge: Forge) -> bool:
        """Whether looks find anything on this kind of forge."""
        forge_type = self.credentials.types.get(forge.kind)
        return forge_type is not None and bool(forge_type.polled_names)

    def _hook(self, project: Project, now: datetime) -> Hook:
        """The row that what is found refers to. No forge knows its address, and nobody its secret."""
        return Hook(
            public_id=secrets.token_urlsafe(18),
            forge_id=project.forge_id,
            project_id=project.id,
            origin=polls.ORIGIN,
            secret=self.credentials.box.seal(secrets.token_hex(32)),
            events=[],
            created_at=now,
        )

    async def _keep(self, scene: _Scene, found: Polled) -> datetime | None:
        """All of it in one transaction: what is found is not lost, nor found again."""
        now, poll = self.clock(), scene.poll
        seconds = next_seconds(poll.seconds, found=len(found.deliveries), is_seldom=scene.need is Need.SELDOM)
        if poll.state is None:  # that nothing is told of the first look does not make a project a quiet one
            seconds = poll.seconds
        async with self.database.write() as session:
            kept = await polls.looked(
                session, poll, self._rows(poll, found, now), found.state, seconds=seconds, now=now
            )
            if kept:
                await projects.ensure(session, scene.project.forge_id, found.project)
            if kept and poll.error is not None:
                await self._log(session, scene.project, "polled", "it can be looked at again")
        if kept and found.deliveries:
            self._stored()
        if kept and scene.need is Need.NONE:
            await self._end(scene)
            return None
        return now + pause(seconds, room=found.room, asked=found.pause)

    async def _end(self, scene: _Scene) -> None:
        async with self.database.write() as session:
            if await polls.stop(session, scene.project.id, self.clock()):
                await self._log(session, scene.project, "poll_stopped", "a webhook tells of it")

    def _rows(self, poll: Poll, found: Polled, now: datetime) -> Sequence[NewDelivery]:
        return [
            NewDelivery(
                hook_id=poll.hook_id,
                key=item.key,
                replay_key=None,
                event=item.event[:128],
                headers=dict(item.headers),
                body=compress(item.body),
                received_at=now,
            )
            for item in found.deliveries
        ]

    async def _failed(self, scene: _Scene, error: str) -> datetime:
        seconds = after_failure(scene.poll.seconds)
        async with self.database.write() as session:
            if await polls.failed(session, scene.project.id, error, seconds=seconds):
                await self._log(session, scene.project, "poll_failed", error)
        return self.clock() + timedelta(seconds=seconds)

    async def _log(self, session: AsyncSession, project: Project, outcome: str, said: str) -> None:
        await event_log.add(
            session, kind="poll", outcome=outcome, message=f"{project.path}: {said}", now=self.clock(),
            project_id=project.id,
        )  # fmt: skip
