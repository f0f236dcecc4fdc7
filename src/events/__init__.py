"""The forge-neutral vocabulary: what happened, to what, by whom, and whom it concerns.

Past the seam every value is frozen and named, an absent one is ``None``, and the richer word wins
(merged is not closed). A subscription stores event *names* (``pull_request.merged``) as plain text;
`CATALOGUE` lists them all, so that a new state needs no migration.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Discriminator, TypeAdapter

from src.events.news import (
    Commit,
    DeploymentEvent,
    DeploymentStatus,
    DocumentationEvent,
    HookTestEvent,
    Page,
    PushAction,
    PushEvent,
    ReleaseAction,
    ReleaseEvent,
    TagAction,
    TagEvent,
    WikiAction,
    WikiEvent,
)
from src.events.values import EventBase, People, Person, Project, Refs, Subject, SubjectKind, Targets, Team
from src.events.work import (
    ADDRESSED_PULL_REQUEST_ACTIONS,
    CodeReviewEvent,
    CodeReviewOutcome,
    CommentEvent,
    CommentOn,
    IssueAction,
    IssueEvent,
    JobEvent,
    JobStatus,
    PipelineEvent,
    PipelineStatus,
    PullRequestAction,
    PullRequestEvent,
    ReviewedLine,
    ReviewEvent,
    ReviewState,
)

__all__ = [
    "ADDRESSED_PULL_REQUEST_ACTIONS",
    "ALL_NAMES",
    "CATALOGUE",
    "DEFAULT_NAMES",
    "SCHEMA_VERSION",
    "Action",
    "CodeReviewEvent",
    "CodeReviewOutcome",
    "CommentEvent",
    "CommentOn",
    "Commit",
    "DeploymentEvent",
    "DeploymentStatus",
    "DocumentationEvent",
    "Event",
    "EventBase",
    "HookTestEvent",
    "IssueAction",
    "IssueEvent",
    "JobEvent",
    "JobStatus",
    "Mute",
    "OpenPage",
    "Page",
    "People",
    "Person",
    "PipelineEvent",
    "PipelineStatus",
    "Project",
    "PullRequestAction",
    "PullRequestEvent",
    "PushAction",
    "PushEvent",
    "Refs",
    "ReleaseAction",
    "ReleaseEvent",
    "ReviewAgain",
    "ReviewEvent",
    "ReviewState",
    "ReviewedLine",
    "Subject",
    "SubjectKind",
    "TagAction",
    "TagEvent",
    "Targets",
    "Team",
    "WikiAction",
    "WikiEvent",
    "dump",
    "load",
]

SCHEMA_VERSION = 1

Event = Annotated[
    PipelineEvent
    | JobEvent
    | PullRequestEvent
    | ReviewEvent
    | CodeReviewEvent
    | IssueEvent
    | CommentEvent
    | WikiEvent
    | PushEvent
    | DocumentationEvent
    | TagEvent
    | ReleaseEvent
    | DeploymentEvent
    | HookTestEvent,
    Discriminator("kind"),
]

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def dump(event: Event) -> str:
    """Serialise an event for `events.body`."""
    return _ADAPTER.dump_json(event, exclude_defaults=False).decode()


def load(body: str) -> Event:
    """Read back what `dump` wrote."""
    return _ADAPTER.validate_json(body)


# What can be chosen, by kind, in the order in which the bot offers it. A forge's codec says which of them it has.
CATALOGUE: dict[str, tuple[str, ...]] = {
    "pull_request": tuple(PullRequestAction),
    "review": tuple(ReviewState),
    "code_review": tuple(CodeReviewOutcome),
    "comment": (*CommentOn, "edited"),
    "issue": (*IssueAction, "confidential"),
    "pipeline": ("failed", "fixed", *(s for s in PipelineStatus if s != "failed"), "child"),
    "job": tuple(JobStatus),
    "deployment": tuple(DeploymentStatus),
    "push": tuple(PushAction),
    "tag": tuple(TagAction),
    "release": tuple(ReleaseAction),
    "wiki": tuple(WikiAction),
    "documentation": ("updated",),
}
ALL_NAMES = frozenset(f"{kind}.{state}" for kind, states in CATALOGUE.items() for state in states)

# What a new subscription starts with: what asks something of a person, and nothing that repeats it.
DEFAULT_NAMES = frozenset({
    *(f"pull_request.{a}" for a in PullRequestAction
      if a not in (PullRequestAction.DRAFT, PullRequestAction.REVIEW_REQUEST_REMOVED, PullRequestAction.UNASSIGNED)),
    *(f"review.{s}" for s in ReviewState),
    *(f"comment.{c}" for c in CommentOn), "comment.edited",
    "issue.opened", "issue.closed", "issue.reopened", "issue.assigned", "issue.confidential",
    "pipeline.failed", "pipeline.fixed", "pipeline.timed_out", "pipeline.startup_failure", "pipeline.action_required",
    "deployment.failed", "release.published",
})  # fmt: skip


# Neutral actions: what a notification offers. The bot turns them into buttons.


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """A button that opens a page in the browser."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A button that offers to hear less: of the subject, of its project, of this kind of news."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAgain:
    """A button that has the pull request reviewed once more."""

    label: str


Action = OpenPage | Mute | ReviewAgain
