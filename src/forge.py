"""The seam between the neutral code and the forges: `WebhookCodec` (pure, in) and `ForgeClient` (I/O, out)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from src.events import Event, Person, Subject, Team

# ---------------------------------------------------------------------------------------------------
# Errors: types with a next step


class ForgeError(Exception):
    """Base of all that can go wrong between us and a forge. Its text never holds a token or a payload."""


class BadSignature(ForgeError):
    """The delivery was not made with the hook's secret: answer 401."""


class UnknownEvent(ForgeError):
    """A well-formed delivery of an event or action that we have never heard of: count it, log it, go on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Unparsable(ForgeError):
    """The delivery's body is not what its headers promise: quarantine it, never retry."""


class Unauthorized(ForgeError):
    """The token is wrong, expired or revoked: ask its owner for a new one."""


class MissingPermission(ForgeError):
    """The token is good but may not do this: name the scope or the role that is missing."""


class NotFound(ForgeError):
    """Not there, or not visible with this token: forges do not tell these apart."""


class Rejected(ForgeError):
    """The forge understood and refused (422 and the like): its message says why."""


class NothingToTest(Rejected):
    """The forge has nothing to make a test delivery from."""


class Unsupported(ForgeError):
    """This instance does not offer it, whoever asks: its version is too old."""


class RateLimited(ForgeError):
    """Too many requests: wait until `until` (aware UTC)."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Unavailable(ForgeError):
    """Down, too slow, or answering something that is not its API: try again later; no token is to blame."""


# ---------------------------------------------------------------------------------------------------
# In: webhooks


class WebhookCodec(Protocol):
    """One forge's dialect of webhooks. Pure: no I/O, the clock is passed in."""

    names: frozenset[str]  # the event names (see `events.CATALOGUE`) that this forge can deliver

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
        """Raise `BadSignature` unless one of the secrets made this delivery. Compares bytes in constant time."""

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        """The delivery's identity, the same when the forge sends it again. At most 128 characters."""

    def replay_key(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """A key that a replay under a new delivery id would share; `None` where there is no such danger."""

    def event_header(self, headers: Mapping[str, str]) -> str:
        """What the forge calls the event, for logs and metrics, e.g. ``pull_request`` or ``Merge Request Hook``."""

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that `parse` needs, in lower case. Never one that carries a secret."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> tuple[Event, ...]:
        """What the delivery means: ``()`` is known and ignored. Raises `UnknownEvent` or `Unparsable`."""

    def hook_events(self, names: Collection[str]) -> frozenset[str]:
        """Exactly the forge's own event words that a hook needs to deliver these names."""


# ---------------------------------------------------------------------------------------------------
# Out: the REST API


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


class ForgeClient(Protocol):
    """One forge instance through one person's token. Every method raises the errors of this module and no others.

    GET answers are cached by ETag for this credential alone; 5xx are retried with back-off; a rate limit that ends
    soon is waited for, a longer one raises `RateLimited`.
    """

    async def whoami(self) -> Identity:
        """Whose token this is, with its scopes."""

    async def projects(self, *, search: str | None = None, page: int = 1, per_page: int = 20) -> ProjectPage:
        """The projects the person belongs to, last active first, filtered by a part of the name."""

    async def project(self, external_id: str) -> RemoteProject:
        """One project by its id: follows renames."""

    async def project_by_path(self, path: str) -> RemoteProject:
        """One project by its path."""

    async def hooks(self, place: HookPlace) -> tuple[RemoteHook, ...]:
        """All hooks of the project or group, all pages."""

    async def create_hook(self, place: HookPlace, spec: HookSpec) -> RemoteHook:
        """Make a hook. `spec.secret` is required."""

    async def update_hook(self, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        """Set a hook's address and events, and its secret where given, and switch it on.

        Where the forge switched it off for failing it may stay off, as `active` says, until `test_hook` succeeds.
        """

    async def delete_hook(self, place: HookPlace, hook_id: str) -> None:
        """Remove a hook; `NotFound` where it is gone already."""

    async def test_hook(self, place: HookPlace, hook_id: str) -> None:
        """Have the forge send a test delivery. `NothingToTest`: it has nothing to make one from."""

    async def deliveries(self, place: HookPlace, hook_id: str, since: str | None = None) -> tuple[RemoteDelivery, ...]:
        """What a hook was sent, the newest first: all attempts after the one with the id `since` that the forge keeps.

        Tests that mean nothing are left out. `Unsupported` where this instance keeps no such list.
        """

    async def redeliver(self, place: HookPlace, hook_id: str, delivery_id: str) -> None:
        """Have the forge repeat an attempt under its old key, soon. `Rejected` where it tried and could not."""

    async def pull_request(self, project: ProjectRef, number: int) -> RemotePullRequest:
        """One pull request."""

    async def diff(self, project: ProjectRef, number: int) -> tuple[FileDiff, ...]:
        """The files of a pull request with their patches, all pages."""

    async def issue(self, project: ProjectRef, number: int) -> RemoteIssue:
        """One issue."""

    async def pipeline(self, project: ProjectRef, pipeline_id: str) -> RemotePipeline:
        """One pipeline or workflow run with its failed jobs' names."""

    async def commit_authors(self, project: ProjectRef, sha: str) -> tuple[Person, ...]:
        """Author and committer of a commit."""

    async def participants(self, project: ProjectRef, subject: Subject) -> tuple[Person, ...]:
        """Who takes part in the thread of a pull request or an issue; empty for other kinds."""

    async def team_members(self, team: Team) -> tuple[Person, ...]:
        """Members of a team or group, inherited ones included, all pages."""

    async def can_read(
        self, project: ProjectRef, subject: Subject | None = None, comment_id: str | None = None
    ) -> bool:
        """Whether this token may read the project, and the issue, pull request or comment on it where given.

        `False` only where the forge said no (401, 403, 404); an outage raises.
        """

    async def hook_networks(self) -> tuple[str, ...]:
        """The networks that its deliveries come from, e.g. ``192.0.2.0/24``; empty where it publishes none."""


class Connector(Protocol):
    """Opens clients of one forge kind over one shared HTTP session."""

    def client(self, base_url: str, token: str | None) -> ForgeClient:
        """A client for this instance and credential; caches are shared between clients of the same credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeType:
    """All that the neutral code knows of a kind of forge: the registration of one."""

    kind: str  # "github": in addresses and in the database
    title: str  # "GitHub"
    pull_request_word: str  # "PR", "MR"
    pull_request_mark: str  # "#", "!"
    bare_group_names: bool  # whether "@name" may be a group as well as a person
    token_page: str  # path of the page where a person makes a token, below the web address of the instance
    token_needs: tuple[str, ...]  # the scopes a token must have, in the forge's words
    token_example: str  # what its tokens look like, e.g. "ghp_..."
    token_pattern: str = ""  # regular expression of its tokens among other words; none: they cannot be told from words
    web_url: Callable[[str], str]  # API base address -> web base address of the instance
    codec: WebhookCodec
    connector: Callable[
        [Any], Connector
    ]  # takes the aiohttp.ClientSession; Any, for this module may not import aiohttp
    # the groups whose hook would cover a project, the nearest first, by the project's path
    hook_groups: Callable[[str], tuple[str, ...]] = lambda _path: ()
    group_hook_needs: tuple[str, ...] = ()  # what such a hook takes besides owning the group, in the forge's words
    redeliveries_a_minute: int = 60  # how many `redeliver` one hook may be asked for; more, and it limits us
    publishes_networks: bool = False  # whether `hook_networks` may say anything
    hooks_page: str = ""  # path of the page of a project's webhooks, below the project's address
    hook_labels: Mapping[str, str] = field(default_factory=dict)  # what that page calls the words of `hook_events`
