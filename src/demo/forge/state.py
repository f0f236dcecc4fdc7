"""The things that a forge keeps, in neutral words; the emulators say them in their forge's."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from src.demo.forge.protocol import CommentTarget, Role
from src.demo.forge.records import Blob, Change, CommitStatus, DeliveryRecord, Hook

NO_COMMIT = "0" * 40
_REMEMBERED = 1_000  # of what happened in a project


@dataclass(slots=True, kw_only=True)
class User:
    """An account, or (GitHub) an organisation, which nobody can log in as."""

    id: int
    login: str
    name: str
    emails: tuple[str, ...] = ()
    is_bot: bool = False
    is_organization: bool = False
    created_at: datetime

    @property
    def email(self) -> str:
        """The primary address; every account has one for its commits."""
        return self.emails[0] if self.emails else f"{self.id}+{self.login}@users.noreply.example.com"


@dataclass(slots=True, kw_only=True)
class Token:
    """A personal access token. `scopes` `None`: all."""

    id: int
    value: str = field(repr=False)
    login: str
    scopes: frozenset[str] | None
    expires_at: datetime | None
    created_at: datetime
    revoked: bool = False


@dataclass(slots=True, kw_only=True)
class Team:
    """A GitHub team or a GitLab group."""

    id: int
    path: str
    members: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit; `author` is a login."""

    sha: str
    title: str
    author: str
    at: datetime
    parents: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Comment:
    """A comment. `target` is the number of the thread, or the commit's SHA."""

    id: int
    author: str
    body: str
    on: CommentTarget
    target: int | str
    created_at: datetime
    updated_at: datetime
    internal: bool = False
    file: str | None = None
    line: int | None = None
    review_id: int | None = None
    thread: int | None = None  # of those on lines: the id of their `LineThread`


@dataclass(slots=True, kw_only=True)
class LineThread:
    """A thread on lines of a pull request's diff, on the new side. `position` is what the forge was given of it."""

    id: int
    pull: int  # its number
    file: str
    line: int
    start_line: int | None = None  # None: one line
    sha: str  # the head that it was begun on
    resolved_by: str | None = None
    position: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Review:
    """A review of a pull request, its state in neutral words."""

    id: int
    author: str
    state: str
    body: str
    sha: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Thread:
    """What an issue and a pull request have in common."""

    id: int
    number: int
    title: str
    body: str
    author: str
    assignees: list[str]
    labels: list[str]
    created_at: datetime
    updated_at: datetime
    state: str = "open"  # open, closed, merged
    closed_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Issue(Thread):
    """An issue."""

    confidential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """GitLab: the commits that a push made a merge request's diff of."""

    id: int
    base_sha: str
    start_sha: str
    head_sha: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class PullRequest(Thread):
    """A pull request between two branches. Those of a fork are kept as ``owner:branch`` in the project it is to."""

    source: str
    target: str
    head_sha: str
    base_sha: str
    draft: bool
    reviewers: list[str]
    teams: list[str]
    changes: list[Change]
    versions: list[Version] = field(default_factory=list)  # GitLab, oldest first
    from_files: bool = False  # whether `changes` is what the trees of its commits say
    fork: str | None = None  # the path of the project that `source` is a branch of; `None`: this one
    reviews: list[Review] = field(default_factory=list)
    approvers: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)  # GitLab: how each reviewer stands, in its words
    merged_at: datetime | None = None
    merged_by: str | None = None
    merge_sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of a run."""

    id: int
    name: str
    status: str


@dataclass(slots=True, kw_only=True)
class Run:
    """A pipeline or workflow run; `status` as in `src.events.PipelineStatus`."""

    id: int
    number: int
    name: str
    branch: str
    sha: str
    status: str
    starter: str
    jobs: list[Job]
    pull_request: int | None
    child: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A published release."""

    id: int
    tag: str
    title: str
    body: str
    prerelease: bool
    author: str
    sha: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment and how it stands, as in `src.events.DeploymentStatus`."""

    id: int
    environment: str
    status: str
    creator: str
    sha: str
    branch: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Snippet:
    """A GitLab snippet."""

    id: int
    title: str
    author: str
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Group:
    """A GitHub organisation or a GitLab group that may have hooks of its own, which its owners manage."""

    id: int
    path: str
    owners: set[str]
    hooks: dict[int, Hook] = field(default_factory=dict)
    deliveries: dict[int, DeliveryRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What a webhook tells of, whether there is one or not: what the lists of events are made of."""

    id: int
    event: str  # the forge's word
    payload: dict[str, Any]
    at: datetime


@dataclass(slots=True, kw_only=True)
class Project:
    """A project with all that is in it."""

    id: int
    path: str
    private: bool
    members: dict[str, Role]
    created_at: datetime
    updated_at: datetime
    default_branch: str = "main"
    archived: bool = False
    approvals_required: int = 0
    hooks: dict[int, Hook] = field(default_factory=dict)
    deliveries: dict[int, DeliveryRecord] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    line_threads: dict[int, LineThread] = field(default_factory=dict)
    statuses: list[CommitStatus] = field(default_factory=list)  # oldest first
    commits: dict[str, Commit] = field(default_factory=dict)
    trees: dict[str, Mapping[str, Blob]] = field(default_factory=dict)  # of commits that changed files
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    wiki: dict[str, str] = field(default_factory=dict)  # slug -> title
    releases: dict[str, Release] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    snippets: dict[int, Snippet] = field(default_factory=dict)
    history: deque[Happened] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))  # oldest first

    @property
    def owner(self) -> str:
        """All of the path but its last part."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def head(self) -> str:
        """The newest commit of the default branch."""
        return self.branches[self.default_branch]

    def comments_on(self, on: CommentTarget, target: int | str) -> list[Comment]:
        """The comments of one thread or commit, oldest first."""
        return [c for c in self.comments.values() if c.on == on and c.target == target]

    def comments_in(self, thread: LineThread) -> list[Comment]:
        """The comments of a thread on lines, oldest first."""
        return [c for c in self.comments.values() if c.thread == thread.id]

    def participants(self, thread: Thread) -> list[str]:
        """Author, assignees, reviewers and those who commented, each once."""
        logins = [thread.author, *thread.assignees]
        target: CommentTarget = "issue"
        if isinstance(thread, PullRequest):
            target = "pull_request"
            logins += [*thread.reviewers, *(r.author for r in thread.reviews)]
            logins += [c.author for c in self.comments_on("review", thread.number)]
        logins += [c.author for c in self.comments_on(target, thread.number)]
        return list(dict.fromkeys(logins))


HookHome = Project | Group
