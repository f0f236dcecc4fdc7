"""Events of the daily work: pipelines, jobs, pull requests, reviews, issues, comments."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from src.events.values import EventBase, Targets


class PipelineStatus(StrEnum):
    """How a pipeline (GitLab) or a workflow run (GitHub) stands."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    TIMED_OUT = "timed_out"
    ACTION_REQUIRED = "action_required"
    NEUTRAL = "neutral"
    STALE = "stale"
    STARTUP_FAILURE = "startup_failure"

    @property
    def is_bad(self) -> bool:
        """Whether a later success on the same branch counts as fixed."""
        return self in (PipelineStatus.FAILED, PipelineStatus.TIMED_OUT, PipelineStatus.STARTUP_FAILURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineEvent(EventBase):
    """A pipeline or workflow run changed its status. `subject.title` is the workflow's or commit's title."""

    kind: Literal["pipeline"] = "pipeline"
    status: PipelineStatus
    workflow: str | None = None  # the workflow's or pipeline's own name
    failed_jobs: tuple[str, ...] = ()
    child: bool = False
    external: bool = False  # made of statuses that somebody set, e.g. a review of ours
    fixed: bool = False  # set by webhook.enrich: the last finished one on this branch had failed
    duration: int | None = None  # seconds

    @property
    def names(self) -> tuple[str, ...]:
        """A success that mends a failure answers to ``pipeline.fixed`` too."""
        name = f"pipeline.{self.status}"
        return (name, "pipeline.fixed") if self.fixed else (name,)

    @property
    def requires(self) -> tuple[str, ...]:
        """Child pipelines are off unless chosen."""
        return ("pipeline.child",) if self.child else ()


class JobStatus(StrEnum):
    """How a job ended; only failures are told of."""

    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(EventBase):
    """One job of a pipeline failed for good (a failure that is allowed to happen is not one)."""

    kind: Literal["job"] = "job"
    status: JobStatus
    stage: str | None = None
    failure_reason: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """``job.failed``."""
        return (f"job.{self.status}",)


class PullRequestAction(StrEnum):
    """What happened to a pull request; `UPDATED` means new commits."""

    OPENED = "opened"
    REOPENED = "reopened"
    READY = "ready"
    DRAFT = "draft"
    UPDATED = "updated"
    MERGED = "merged"
    CLOSED = "closed"
    REVIEW_REQUESTED = "review_requested"
    REVIEW_REQUEST_REMOVED = "review_request_removed"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"


ADDRESSED_PULL_REQUEST_ACTIONS = frozenset({
    PullRequestAction.REVIEW_REQUESTED,
    PullRequestAction.REVIEW_REQUEST_REMOVED,
    PullRequestAction.ASSIGNED,
    PullRequestAction.UNASSIGNED,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestEvent(EventBase):
    """A pull request (GitLab: merge request) changed."""

    kind: Literal["pull_request"] = "pull_request"
    action: PullRequestAction
    targets: Targets = field(default_factory=Targets)
    draft: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """``pull_request.<action>``; being made with reviewers or assignees answers to those names too."""
        name = f"pull_request.{self.action}"
        if self.action is not PullRequestAction.OPENED:
            return (name,)
        asked = bool(self.people.reviewers or self.people.reviewer_teams)
        return (
            name,
            *(["pull_request.review_requested"] if asked else []),
            *(["pull_request.assigned"] if self.people.assignees else []),
        )

    @property
    def addressed(self) -> Targets | None:
        """Assignments and review requests speak to those they name."""
        return self.targets if self.action in ADDRESSED_PULL_REQUEST_ACTIONS else None


class ReviewState(StrEnum):
    """What a review says."""

    APPROVED = "approved"
    UNAPPROVED = "unapproved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEvent(EventBase):
    """Somebody reviewed a pull request. The subject is the pull request, the actor the reviewer."""

    kind: Literal["review"] = "review"
    state: ReviewState
    marked: bool = False  # its text says that a review of ours wrote it, see `markdown.is_marked`

    @property
    def names(self) -> tuple[str, ...]:
        """``review.<state>``."""
        return (f"review.{self.state}",)


class CodeReviewOutcome(StrEnum):
    """How a review of ours ended."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedLine:
    """A finding of a review as it is told elsewhere. `message` is English, with {names} that `params` fill."""

    path: str
    line: int
    level: str  # critical, security, style, opinion
    message: str
    params: tuple[tuple[str, str], ...] = ()
    url: str | None = None  # of the thread, where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReviewEvent(EventBase):
    """A review that this program made of a pull request is over. The subject is the pull request; it has no actor.

    The counts are of all that was found at `refs.head_sha`, whether it was told before or not; `url` is where it is
    said. `clean` is whether everything was analysed and nothing found.
    """

    kind: Literal["code_review"] = "code_review"
    outcome: CodeReviewOutcome
    critical: int = 0
    security: int = 0
    style: int = 0
    opinion: int = 0
    posted: int = 0  # threads begun by this review
    resolved: int = 0  # threads that it closed, for what they speak of is mended
    unread: int = 0  # files that were not analysed, or not wholly
    worst: tuple[ReviewedLine, ...] = ()  # up to three, the gravest first
    reason: str | None = None  # why it failed: the words of `agent.review.Reason`

    @property
    def names(self) -> tuple[str, ...]:
        """``code_review.<outcome>``."""
        return (f"code_review.{self.outcome}",)

    @property
    def personal(self) -> bool:
        """Whoever chose it is told."""
        return False

    @property
    def found(self) -> int:
        """How much was found in all."""
        return self.critical + self.security + self.style + self.opinion

    @property
    def clean(self) -> bool:
        """Whether everything was analysed and nothing found."""
        return self.outcome is CodeReviewOutcome.DONE and not self.found and not self.unread


class IssueAction(StrEnum):
    """What happened to an issue; `UPDATED` means its title, text, labels or the like."""

    OPENED = "opened"
    CLOSED = "closed"
    REOPENED = "reopened"
    UPDATED = "updated"
    ASSIGNED = "assigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueEvent(EventBase):
    """An issue changed."""

    kind: Literal["issue"] = "issue"
    action: IssueAction
    targets: Targets = field(default_factory=Targets)

    @property
    def names(self) -> tuple[str, ...]:
        """``issue.<action>``; being made with assignees answers to ``issue.assigned`` too."""
        if self.action is IssueAction.OPENED and self.people.assignees:
            return ("issue.opened", "issue.assigned")
        return (f"issue.{self.action}",)

    @property
    def requires(self) -> tuple[str, ...]:
        """Confidential issues are chosen by themselves."""
        return ("issue.confidential",) if self.confidential else ()

    @property
    def addressed(self) -> Targets | None:
        """An assignment speaks to the assignees."""
        return self.targets if self.action is IssueAction.ASSIGNED else None


class CommentOn(StrEnum):
    """What was commented on; `REVIEW` is a comment on a line of a pull request's diff."""

    ISSUE = "issue"
    PULL_REQUEST = "pull_request"
    REVIEW = "review"
    COMMIT = "commit"
    SNIPPET = "snippet"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentEvent(EventBase):
    """Somebody commented. `actor` wrote it; `subject` is what was commented on."""

    kind: Literal["comment"] = "comment"
    on: CommentOn
    comment_id: str
    discussion_id: str | None = None  # what a reply has to name
    edited: bool = False
    marked: bool = False  # as of `ReviewEvent`
    file: str | None = None
    line: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """``comment.<on>``; an edit answers to ``comment.edited`` alone."""
        return ("comment.edited",) if self.edited else (f"comment.{self.on}",)

    @property
    def requires(self) -> tuple[str, ...]:
        """Internal notes and comments on confidential issues go with the confidential issues."""
        return ("issue.confidential",) if self.confidential else ()
