"""What the REST APIs show, past the seam: frozen, in our own words where the forges differ."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from src.events import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose token this is and what it may do."""

    id: str
    login: str
    name: str | None = None
    emails: tuple[str, ...] = ()  # lower case, those that the token shows
    scopes: frozenset[str] | None = None  # None: the forge does not say (fine-grained tokens)
    missing: tuple[str, ...] = ()  # what we need and `scopes` lacks, in the forge's words
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRef:
    """How to address a project: by id where the forge can, by path where it must."""

    external_id: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRef:
    """How to address a group of projects that may have a hook of its own: GitLab's group, GitHub's organisation."""

    path: str


HookPlace = ProjectRef | GroupRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteProject:
    """A project as the API shows it."""

    external_id: str
    path: str
    url: str
    private: bool  # GitLab's *internal* counts as private
    default_branch: str | None = None
    can_manage_hooks: bool | None = None  # None: the API does not say
    archived: bool = False

    @property
    def ref(self) -> ProjectRef:
        """The project's address."""
        return ProjectRef(external_id=self.external_id, path=self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPage:
    """One page of projects; `page` counts from 1."""

    projects: tuple[RemoteProject, ...]
    page: int
    has_next: bool
    last_page: int | None = None  # the number of the last page, where the forge says it


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteHook:
    """A webhook on the forge. `events` are the forge's own words."""

    id: str
    url: str
    events: frozenset[str]
    active: bool = True  # False: switched off, by a person or, after failures, by the forge
    trouble: str | None = None  # what the forge says of the last delivery where it failed, in a few words


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSpec:
    """What a hook should be. `secret` may be absent on update: it then stays as it is."""

    url: str
    events: frozenset[str]
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDelivery:
    """One attempt to deliver, as the forge remembers it; attempts of one delivery share its key."""

    id: str  # of the attempt; later ones have greater numbers
    key: str  # what `WebhookCodec.delivery_key` says of it
    succeeded: bool  # somebody at the hook's address accepted it
    is_repeat: bool = False  # the forge says that it was sent again
    can_repeat: bool = True  # False: the forge no longer has what it sent, or not for the hook's present address
    at: datetime | None = None  # aware UTC; None: the forge does not say
    content: str | None = None  # a digest of what was sent, at most 64 characters; None: the forge does not show it


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """One file of a pull request. `patch` is a unified diff without header, `None` where the forge gives none."""

    path: str
    old_path: str
    status: str  # added, modified, removed, renamed
    patch: str | None
    generated: bool = False  # the forge says that nobody wrote it; not all forges say so here


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePullRequest:
    """A pull request as the API shows it."""

    number: int
    title: str
    state: str  # open, merged, closed
    author: Person | None
    head_sha: str | None
    source_branch: str | None
    target_branch: str | None
    url: str | None
    draft: bool = False
    base_sha: str | None = None  # what the diff is against, as far as the forge says it: see `ReviewClient.merge_base`
    start_sha: str | None = None  # GitLab: the target branch's commit when the newest version was pushed
    body: str = ""
    changed_files: int | None = None  # at least so many; more than `diff` gives: the forge cut the list short


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteIssue:
    """An issue as the API shows it."""

    number: int
    title: str
    state: str  # open, closed
    author: Person | None
    assignees: tuple[Person, ...]
    confidential: bool
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePipeline:
    """A pipeline or workflow run with the names of its failed jobs."""

    id: str
    status: str  # the forge's own word
    url: str | None
    failed_jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDelivery:
    """Something that polling found, as the delivery that a hook would have made of it: the codec parses it."""

    key: str  # the same whenever it is found; at most 128 characters
    event: str  # the forge's name of the event, for logs
    headers: Mapping[str, str]  # in lower case, as `WebhookCodec.kept_headers` keeps them
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What happened in a project since it was last looked at."""

    project: RemoteProject  # as it is now: followed through renames
    deliveries: tuple[FoundDelivery, ...]  # in the order in which it happened
    state: dict[str, Any]  # JSON, to be given back at the next look
    pause: int | None = None  # seconds that the forge asks to wait, at least
    room: float | None = None  # what is left of the token's rate limit, 0 to 1; None: the forge does not say
    resets: datetime | None = None  # when that is whole again, as far as the forge says
    asked: int = 0  # questions, those included that were answered with "not changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """What a forge's own notifications of a person tell: where something happened, not what."""

    projects: frozenset[str]  # ids of the projects
    mark: str | None  # to be given back at the next look
    pause: int | None = None  # as of `Polled`
