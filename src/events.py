"""The forge-neutral vocabulary: what happened, to what, by whom, and whom it concerns.

Past the seam every value is frozen and named, an absent one is ``None``, and the richer word wins
(merged is not closed). A subscription stores event *names* (``pull_request.merged``) as plain text;
`CATALOGUE` lists them all, so that a new state needs no migration.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Discriminator, TypeAdapter

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A repository as a delivery names it. `external_id` is the forge's own id and outlives renames."""

    forge: str  # the kind: "github", "gitlab", ...
    external_id: str
    path: str  # "owner/name", "group/sub/name"
    url: str | None = None
    private: bool | None = None  # None: the payload does not say, so treat it as private
    default_branch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone on a forge. A payload may give no more than one of the id, the login and the e-mail."""

    id: str | None = None
    login: str | None = None
    name: str | None = None
    email: str | None = None
    url: str | None = None
    is_bot: bool = False

    @property
    def label(self) -> str | None:
        """How to call this person in a text: the login before the name before the e-mail's local part."""
        return self.login or self.name or (self.email.split("@")[0] if self.email else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A GitHub team (`path` is "org/slug") or a GitLab group (`path` is its full path)."""

    path: str
    id: str | None = None
    name: str | None = None


class SubjectKind(StrEnum):
    """What an event is about."""

    PULL_REQUEST = "pull_request"
    ISSUE = "issue"
    COMMIT = "commit"
    SNIPPET = "snippet"
    PIPELINE = "pipeline"
    JOB = "job"
    WIKI = "wiki"
    BRANCH = "branch"
    TAG = "tag"
    RELEASE = "release"
    DEPLOYMENT = "deployment"
    HOOK = "hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The thing that the event is about. `id` is unique among the project's subjects of one kind."""

    kind: SubjectKind
    id: str  # a pull request's and an issue's is its number; a branch's its name; a commit's its SHA
    title: str
    number: int | None = None
    url: str | None = None

    @property
    def key(self) -> str:
        """Identity within the project, e.g. ``pull_request:5``."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refs:
    """Branches and commits that the event speaks of, without ``refs/heads/``."""

    branch: str | None = None  # the source branch of a pull request, the branch of a push or pipeline
    target_branch: str | None = None
    head_sha: str | None = None
    pull_request: int | None = None  # the pull request that a pipeline ran for


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Whom the subject concerns, by role, as the payload says and `webhook.enrich` completes."""

    author: Person | None = None  # of the pull request or the issue, not of the comment
    assignees: tuple[Person, ...] = ()
    reviewers: tuple[Person, ...] = ()
    reviewer_teams: tuple[Team, ...] = ()
    mentioned: tuple[str, ...] = ()  # "login" or "org/team" as written behind the @, without it
    participants: tuple[Person, ...] = ()
    starter: Person | None = None  # who set the pipeline off
    committers: tuple[Person, ...] = ()  # who wrote or committed the commit that the pipeline ran on


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBase:
    """What every event carries. `happening` is the same for two deliveries that tell of one thing.

    `aspect` names the part of the subject that the event sets (its state, its draft flag): of two
    events on one subject and aspect, the one with the older `object_updated_at` is stale once the newer
    one was told. `None`: the event never goes stale.
    `opening` marks what belongs to the making of the subject (opened, and the assignments and review
    requests made with it), which a person is told of once.
    """

    project: Project
    subject: Subject
    happening: str
    actor: Person | None = None
    people: People = field(default_factory=People)
    refs: Refs = field(default_factory=Refs)
    labels: tuple[str, ...] = ()
    confidential: bool = False
    excerpt: str | None = None  # plain text of what was written, at most `markdown.EXCERPT_LENGTH` characters
    url: str | None = None  # the page to open; the subject's where absent
    aspect: str | None = None
    opening: bool = False
    occurred_at: datetime | None = None
    object_updated_at: datetime | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names this event answers to, the main one first; a subscription to any of them admits it."""
        raise NotImplementedError

    @property
    def requires(self) -> tuple[str, ...]:
        """Names that must be chosen besides, e.g. ``pipeline.child`` for a child pipeline."""
        return ()

    @property
    def personal(self) -> bool:
        """Whether a *mine* subscription wants it only when it concerns the owner (wiki, news: no)."""
        return True

    @property
    def addressed(self) -> "Targets | None":
        """For events that speak to somebody (assigned, review requested): to whom. Else `None`."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Those that one event adds or takes away."""

    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()


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

    @property
    def names(self) -> tuple[str, ...]:
        """``review.<state>``."""
        return (f"review.{self.state}",)


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


class WikiAction(StrEnum):
    """What happened to wiki pages."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A wiki page or a file, with its address."""

    title: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiEvent(EventBase):
    """Wiki pages changed; all those of one delivery that share the action."""

    kind: Literal["wiki"] = "wiki"
    action: WikiAction
    pages: tuple[Page, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """``wiki.<action>``."""
        return (f"wiki.{self.action}",)

    @property
    def personal(self) -> bool:
        """Everyone who chose the wiki is told."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit of a push."""

    sha: str
    title: str
    author: Person | None = None
    url: str | None = None


class PushAction(StrEnum):
    """What a push did to its branch."""

    PUSHED = "pushed"
    FORCED = "forced"
    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEvent(EventBase):
    """Commits were pushed to a branch. `commits` holds at most the newest three, `count` says how many."""

    kind: Literal["push"] = "push"
    action: PushAction
    commits: tuple[Commit, ...] = ()
    count: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """``push.<action>``."""
        return (f"push.{self.action}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentationEvent(EventBase):
    """A push to the default branch touched ``docs/**``, ``*.md`` or ``*.rst``."""

    kind: Literal["documentation"] = "documentation"
    files: tuple[Page, ...]  # at most ten
    count: int

    @property
    def names(self) -> tuple[str, ...]:
        """``documentation.updated``."""
        return ("documentation.updated",)

    @property
    def personal(self) -> bool:
        """Everyone who chose the documentation is told."""
        return False


class TagAction(StrEnum):
    """What happened to a tag."""

    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagEvent(EventBase):
    """A tag was made or removed; the subject is the tag."""

    kind: Literal["tag"] = "tag"
    action: TagAction

    @property
    def names(self) -> tuple[str, ...]:
        """``tag.<action>``."""
        return (f"tag.{self.action}",)

    @property
    def personal(self) -> bool:
        """Release news: everyone who chose tags is told."""
        return False


class ReleaseAction(StrEnum):
    """What happened to a release."""

    PUBLISHED = "published"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvent(EventBase):
    """A release was published, changed or removed; the subject is the release, its id the tag."""

    kind: Literal["release"] = "release"
    action: ReleaseAction
    prerelease: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """``release.<action>``."""
        return (f"release.{self.action}",)

    @property
    def personal(self) -> bool:
        """Everyone who chose releases is told."""
        return False


class DeploymentStatus(StrEnum):
    """How a deployment stands."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentEvent(EventBase):
    """A deployment changed its status; the subject is the deployment, its title the environment."""

    kind: Literal["deployment"] = "deployment"
    status: DeploymentStatus

    @property
    def names(self) -> tuple[str, ...]:
        """``deployment.<status>``."""
        return (f"deployment.{self.status}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTestEvent(EventBase):
    """The forge tried the hook: GitHub's ping, or GitLab's *Test* button where the payload shows it.

    `about` is the forge's word for what was tried. `automatic` is true for the ping that GitHub sends by
    itself when a hook is made; nobody is told of that one.
    """

    kind: Literal["hook_test"] = "hook_test"
    about: str | None = None
    automatic: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """``hook.test``, which nobody chooses: it goes to whose hook it is."""
        return ("hook.test",)

    @property
    def personal(self) -> bool:
        """It concerns the owners of the hook only, see `webhook.personalized_handlers`."""
        return True


Event = Annotated[
    PipelineEvent
    | JobEvent
    | PullRequestEvent
    | ReviewEvent
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


# ---------------------------------------------------------------------------------------------------
# Neutral actions: what a notification offers. The bot turns them into buttons.


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """A button that opens a page in the browser."""

    label: str
    url: str


Action = OpenPage
