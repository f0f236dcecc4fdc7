"""The jobs that review: begun at the newest head, done by whoever may, told when they are over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from src.agent.posting import Posted, post
from src.agent.review import Draft, Place, Reason, Reviewer, Skipped, Stage
from src.database.database import Database
from src.database.jobs import Handler, PostponeJob
from src.database.models import Account, Forge, Job, Project, Review
from src.database.repositories import forges, projects, reviews
from src.forge import (
    HeadMoved,
    MissingPermission,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from src.webhook import tokens
from src.webhook.reviewing.accounts import Speakers, Voices
from src.webhook.reviewing.outcome import Outcome, Told, as_row

log = logging.getLogger(__name__)

_PATIENCE = timedelta(hours=1)  # how long a forge that is away is waited for
_FORGE_DOWN = timedelta(minutes=1)
_MOVED = timedelta(seconds=1)  # until the newer head is looked at
_LONGEST = 200.0  # seconds that one may take: less than the runner allows, so that it ends here
_TRIES = 3  # then a fault of ours is one
_EVERY = timedelta(seconds=1)  # how often progress is written
_OF_ACCOUNTS = frozenset({Reason.NO_ACCOUNT, Reason.NOT_FOUND, Reason.FORBIDDEN, Reason.REJECTED})


@dataclass(frozen=True, slots=True)
class _Run:
    """What one job deals with: all that wait for a review of one pull request."""

    project: Project
    forge: Forge
    number: int
    asked: Sequence[Review]

    @property
    def ids(self) -> list[int]:
        return [review.id for review in self.asked]

    @property
    def by_hand(self) -> bool:
        return bool(self.people)

    @property
    def people(self) -> list[Review]:
        return [review for review in self.asked if review.trigger not in reviews.BY_ITSELF]

    @property
    def by_itself(self) -> list[Review]:
        return [review for review in self.asked if review.trigger in reviews.BY_ITSELF]


class Reviewing:
    """Does the jobs. What goes wrong with a forge is tried again, or ends the review; nothing is said twice."""

    def __init__(
        self,
        database: Database,
        voices: Voices,
        reviewer: Reviewer,
        told: Told,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        """`told` writes how reviews end, and has people told."""
        self._database = database
        self._voices = voices
        self._reviewer = reviewer
        self._told = told
        self._clock = clock

    def jobs(self) -> dict[str, Handler]:
        """The handlers by kind, for a runner of their own: a review takes seconds."""
        return {reviews.REVIEW_JOB: self.review, **self._told.jobs()}

    async def review(self, job: Job) -> datetime | None:
        """Review one pull request at its newest head."""
        project_id, number = (int(part) for part in job.key.split(":"))
        run = await self._begin(project_id, number)
        if run is None:
            return None
        try:
            async with asyncio.timeout(_LONGEST):
                outcome = await self._outcome(run)
        except HeadMoved:
            age = self._clock() - min(review.created_at for review in run.asked)
            if age < _PATIENCE:
                return await self._abandon(run, max(_MOVED, age / 10))
            outcome = Outcome.failed(Reason.UNAVAILABLE)  # of some merge requests GitLab never makes a diff
        except RateLimited as error:
            await self._wait(run)
            raise PostponeJob(error.until, "the forge limits us") from error
        except Unavailable as error:
            if self._clock() - min(review.created_at for review in run.asked) < _PATIENCE:
                await self._wait(run)
                raise PostponeJob(self._clock() + _FORGE_DOWN, "the forge is away") from error
            outcome = Outcome.failed(Reason.UNAVAILABLE)
        except Exception:
            if job.attempts < _TRIES:
                raise
            log.exception("job %d: the review of %s %d failed", job.id, run.project.path, number)
            outcome = Outcome.failed(Reason.INTERNAL)
        if outcome.reason in _OF_ACCOUNTS and run.by_itself and run.people:
            return await self._without_webhook(run, outcome)
        await self._told.end(run.project, run.forge, number, run.asked, outcome)
        return None

    async def _without_webhook(self, run: _Run, outcome: Outcome) -> datetime | None:
        """Nobody could speak for the project: who asked by hand is served next, and speaks as themselves."""
        await self._told.end(run.project, run.forge, run.number, run.by_itself, outcome)
        await self._wait(run)
        return self._clock()

    async def _begin(self, project_id: int, number: int) -> _Run | None:
        async with self._database.write() as session:
            project = await projects.known(session, project_id)
            asked = await reviews.begin(session, project_id, number, self._clock())
            if project is None or not asked:
                return None
            return _Run(project, await forges.get(session, project.forge_id), number, asked)

    async def _outcome(self, run: _Run) -> Outcome:
        """Have it done by the first who can. Who cannot is passed over, and the last one's reason is told."""
        speakers = await self._voices.of(run.forge, run.project, run.asked)
        outcome = Outcome.failed(Reason.NO_ACCOUNT)
        for account in speakers.accounts:
            found = await self._with(run, speakers, account)
            if not isinstance(found, Reason):
                return found
            outcome = Outcome.failed(found)
            if account is not None:  # it may have said a part of it
                speakers = replace(speakers, ids=speakers.ids | {account.external_user_id})
        return outcome

    async def _with(self, run: _Run, speakers: Speakers, account: Account | None) -> Outcome | Reason:
        """Have it done by one; a reason where another one may be able to."""
        try:
            place = self._voices.place(speakers, account)
            draft = await self._reviewer.draft(place, run.number, by_hand=run.by_hand, progress=self._progress(run))
            return await self._post(run, place, draft)
        except Skipped as error:
            return Outcome.skipped(error.reason, error.pull)
        except Unauthorized:
            if account is not None:
                async with self._database.write() as session:
                    await tokens.refused(session, account, self._clock())
            return Reason.NO_ACCOUNT
        except NotFound:
            return Reason.NOT_FOUND
        except MissingPermission:
            return Reason.FORBIDDEN
        except (Rejected, Unsupported) as error:
            log.warning("a review of %s %d was refused: %s", run.project.path, run.number, type(error).__name__)
            return Reason.REJECTED

    async def _post(self, run: _Run, place: Place, draft: Draft) -> Outcome:
        pull, report = draft.pull, draft.report
        if place.own_id is not None:
            async with self._database.write() as session:
                await reviews.speaks(session, run.project.id, place.own_id)
        await self._report(
            run,
            head_sha=draft.head_sha,
            title=pull.title,
            url=pull.url,
            counts=as_row(report.findings),
            unread=report.missed,
        )
        posted: Posted = await post(place, draft)
        return Outcome.done(draft, posted)

    def _progress(self, run: _Run) -> Callable[[Stage, int, int], Awaitable[None]]:
        last: tuple[Stage, datetime] | None = None

        async def progress(stage: Stage, done: int, total: int) -> None:
            nonlocal last
            now = self._clock()
            if last is not None and last[0] is stage and now - last[1] < _EVERY:
                return
            last = stage, now
            await self._report(run, stage=stage.value, done=done, total=total)

        return progress

    async def _report(self, run: _Run, **values: object) -> None:
        async with self._database.write() as session:
            await reviews.report(session, run.ids, **values)

    async def _wait(self, run: _Run) -> None:
        async with self._database.write() as session:
            await reviews.wait_again(session, run.ids)

    async def _abandon(self, run: _Run, pause: timedelta) -> datetime | None:
        """There is a newer head: who asked for that is served next, with those who asked for this one by hand."""
        now = self._clock()
        async with self._database.write() as session:
            by_itself = [review.id for review in run.by_itself]
            if await reviews.are_waiting(session, run.project.id, run.number):
                await reviews.end(session, by_itself, "overtaken", now)
            await reviews.wait_again(session, run.ids)
        return now + pause
