"""How reviews end: written down, logged, and told to those who follow, all in one transaction."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from src.agent.comments import counts
from src.agent.findings import Finding, Level
from src.agent.posting import Posted
from src.agent.review import Draft, Reason
from src.database.database import Database
from src.database.jobs import Handler
from src.database.models import Forge, Job, Project, Review
from src.database.repositories import event_log, events, forges, jobs, projects, reviews
from src.events import (
    CodeReviewEvent,
    CodeReviewOutcome,
    Event,
    People,
    Person,
    Refs,
    ReviewedLine,
    Subject,
    SubjectKind,
    load,
)
from src.events import Project as NamedProject
from src.forge import RemotePullRequest
from src.webhook.fanout import Plan, store
from src.webhook.planning import Planner

log = logging.getLogger(__name__)

TELL_JOB = "review_told"  # whose access could not be checked is asked about again; key: the happening
WORST = 3  # findings that are told elsewhere
_PATIENCE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a review ended."""

    state: str  # done, failed, skipped
    reason: Reason | None = None
    pull: RemotePullRequest | None = None
    head_sha: str | None = None
    url: str | None = None  # of the summary
    counts: Mapping[str, int] = field(default_factory=dict)
    worst: tuple[ReviewedLine, ...] = ()
    posted: int = 0
    resolved: int = 0
    unread: int = 0

    @classmethod
    def failed(cls, reason: Reason) -> "Outcome":
        """Nothing was reviewed, and should have been."""
        return cls(state="failed", reason=reason)

    @classmethod
    def skipped(cls, reason: Reason, pull: RemotePullRequest) -> "Outcome":
        """Nothing was to be reviewed."""
        return cls(state="skipped", reason=reason, pull=pull, head_sha=pull.head_sha)

    @classmethod
    def done(cls, draft: Draft, posted: Posted) -> "Outcome":
        """It was reviewed, and all is said."""
        report = draft.report
        worst = tuple(
            ReviewedLine(
                path=finding.path,
                line=finding.line,
                level=finding.level.value,
                message=finding.message,
                params=tuple(finding.params.items()),
                url=None if report.link is None else report.link(finding.path, finding.line),
            )
            for finding in report.findings[:WORST]
        )
        return cls(
            state="done",
            pull=draft.pull,
            head_sha=draft.head_sha,
            url=posted.url or draft.pull.url,
            counts=as_row(report.findings),
            worst=worst,
            posted=posted.threads,
            resolved=posted.resolved,
            unread=report.missed,
        )

    @property
    def why(self) -> str | None:
        """The reason as it is stored."""
        return None if self.reason is None else self.reason.value

    def row(self) -> dict[str, Any]:
        """The columns of `reviews`."""
        values: dict[str, Any] = {
            "error": self.why,
            "counts": dict(self.counts),
            "worst": [_line_row(line) for line in self.worst],
            "posted": self.posted,
            "resolved": self.resolved,
            "unread": self.unread,
        }
        if self.pull is not None:
            values |= {"title": self.pull.title, "head_sha": self.head_sha, "url": self.url or self.pull.url}
        return values

    def words(self) -> str:
        """For the log."""
        if self.reason is not None:
            return f"{self.state}: {self.reason.value}"
        found = ", ".join(f"{count} {level}" for level, count in self.counts.items()) or "nothing found"
        return f"{found}; {self.posted} posted, {self.resolved} resolved, {self.unread} not analysed"


class Told:
    """Writes ends of reviews and has people told of them."""

    def __init__(
        self, database: Database, planner: Planner, *, queued: Callable[[], None], clock: Callable[[], datetime]
    ) -> None:
        """`queued` is called when messages were put."""
        self._database = database
        self._planner = planner
        self._queued = queued
        self._clock = clock

    def jobs(self) -> dict[str, Handler]:
        """The handlers by kind."""
        return {TELL_JOB: self.tell}

    async def end(self, project: Project, forge: Forge, number: int, asked: Sequence[Review], outcome: Outcome) -> None:
        """The review is over. Who asked for it in a chat is not told there again: their own message says it.

        Others are told what they do not know from the last one of the same pull request.
        """
        now = self._clock()
        plan = None
        if await self._is_news(project, number, asked, outcome):
            event = await self._event(project, forge, number, outcome, now)
            plan = await self._planner.plan_own(event, project, forge, now, give_up=False)
        elsewhere = [[review.chat_id, review.topic_id] for review in asked if review.chat_id is not None]
        async with self._database.write() as session:
            await projects.hold(session, {project.id})
            if not await reviews.end(session, [review.id for review in asked], outcome.state, now, **outcome.row()):
                return
            queued, said = 0, ""
            if plan is not None:
                queued, said = await store(session, _without(plan, elsewhere), None, now)
                if plan.pending:
                    key = f"{project.id}:{plan.event.happening}"
                    payload = {"project_id": project.id, "happening": plan.event.happening, "elsewhere": elsewhere}
                    await jobs.put(session, TELL_JOB, key[:128], now=now, run_at=plan.again_at, payload=payload)
            await event_log.add(
                session,
                kind="webhook_error" if outcome.state == "failed" else "webhook",
                outcome=f"review_{outcome.state}",
                message=f"review of {project.path} {number} at {(outcome.head_sha or '?')[:12]}: {outcome.words()}"
                + (f"; {said}" if said else ""),
                now=now,
                project_id=project.id,
            )
        if queued:
            self._queued()

    async def _is_news(self, project: Project, number: int, asked: Sequence[Review], outcome: Outcome) -> bool:
        """Whether it says anything that the last one did not. Of one pull request only one ends at a time.

        Why it failed is said once, until one is done again: not at each push, nor each time that two reasons alternate.
        """
        if outcome.state == "skipped":
            return False
        ids = [review.id for review in asked]
        async with self._database.read() as session:
            if outcome.state == "failed":
                return outcome.why not in await reviews.failures(session, project.id, number, without=ids)
            last = await reviews.last_ended(session, project.id, number, without=ids)
        if last is None or outcome.posted or outcome.resolved:
            return True
        before = (last.state, last.counts, last.unread)
        return before != (outcome.state, dict(outcome.counts), outcome.unread)

    async def tell(self, job: Job) -> datetime | None:
        """Tell those of whom it is known by now whether they may read it."""
        now, given = self._clock(), job.payload
        async with self._database.read() as session:
            project = await projects.known(session, given["project_id"])
            stored = await events.happened(session, given["project_id"], given["happening"])
            forge = None if project is None else await forges.get(session, project.forge_id)
        if project is None or forge is None or stored is None or now - stored.created_at > _PATIENCE:
            return None
        plan = await self._planner.plan_own(load(stored.body), project, forge, now, give_up=False)
        async with self._database.write() as session:
            await projects.hold(session, {project.id})
            queued, _ = await store(session, _without(plan, given["elsewhere"]), None, now)
        if queued:
            self._queued()
        return max(plan.again_at or now, now + timedelta(seconds=10)) if plan.pending else None

    async def _event(
        self, project: Project, forge: Forge, number: int, outcome: Outcome, now: datetime
    ) -> CodeReviewEvent:
        """The news of it. Of a pull request that could not be read, what was last heard of it is told."""
        pull = outcome.pull
        subject, author, refs = await self._heard(project, number)
        if pull is not None:
            subject = Subject(
                kind=SubjectKind.PULL_REQUEST, id=str(number), title=pull.title, number=number, url=pull.url
            )
            author = pull.author
            refs = Refs(branch=pull.source_branch, target_branch=pull.target_branch, head_sha=outcome.head_sha)
        failed = outcome.state == "failed"
        return CodeReviewEvent(
            project=NamedProject(
                forge=forge.kind,
                external_id=project.external_id,
                path=project.path,
                url=project.url,
                private=project.private,
                default_branch=project.default_branch,
            ),
            subject=subject,
            happening=":".join(("code_review", str(number), refs.head_sha or now.isoformat(), outcome.why or "done")),
            people=People(author=author),
            refs=refs,
            url=outcome.url,
            outcome=CodeReviewOutcome.FAILED if failed else CodeReviewOutcome.DONE,
            critical=outcome.counts.get(Level.CRITICAL, 0),
            security=outcome.counts.get(Level.SECURITY, 0),
            style=outcome.counts.get(Level.STYLE, 0),
            opinion=outcome.counts.get(Level.OPINION, 0),
            posted=outcome.posted,
            resolved=outcome.resolved,
            unread=outcome.unread,
            worst=outcome.worst,
            reason=outcome.why,
            occurred_at=now,
        )

    async def _heard(self, project: Project, number: int) -> tuple[Subject, Person | None, Refs]:
        key = f"{SubjectKind.PULL_REQUEST}:{number}"
        async with self._database.read() as session:
            stored = await events.last_of(session, project.id, key)
        if stored is None:
            return Subject(kind=SubjectKind.PULL_REQUEST, id=str(number), title="", number=number), None, Refs()
        event: Event = load(stored.body)
        return event.subject, event.people.author, event.refs


def as_row(findings: Iterable[Finding]) -> dict[str, int]:
    """How many there are of each level, as `reviews.counts` has it."""
    return {level.value: count for level, count in counts(findings).items()}


def _without(plan: Plan, places: Sequence[Sequence[int]]) -> Plan:
    """The plan without those who are told otherwise."""
    there = {(chat_id, topic_id) for chat_id, topic_id in places}
    kept = tuple(one for one in plan.told if (one.reader.chat_id, one.reader.topic_id) not in there)
    return replace(plan, told=kept)


def _line_row(line: ReviewedLine) -> dict[str, Any]:
    return {
        "path": line.path, "line": line.line, "level": line.level, "message": line.message,
        "params": dict(line.params), "url": line.url,
    }  # fmt: skip
