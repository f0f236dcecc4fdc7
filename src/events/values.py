"""What events are made of: projects, people, subjects, and the head that every event carries."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
