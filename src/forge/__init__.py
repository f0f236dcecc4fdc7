"""The seam between the neutral code and the forges: `WebhookCodec` (pure, in) and `ForgeClient` (I/O, out)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from src.events import Event, Person, Subject, Team
from src.forge.errors import (
    BadSignature,
    ForgeError,
    HeadMoved,
    MissingPermission,
    NotFound,
    NothingToTest,
    RateLimited,
    Rejected,
    TooLong,
    Unauthorized,
    Unavailable,
    UnknownEvent,
    Unparsable,
    Unsupported,
)
from src.forge.reviews import (
    CommitStatus,
    FileContent,
    FileKind,
    LineComment,
    RefusedComment,
    Remark,
    ReviewClient,
    ReviewThread,
    StatusState,
)
from src.forge.values import (
    FileDiff,
    FoundDelivery,
    GroupRef,
    HookPlace,
    HookSpec,
    Identity,
    Notified,
    Polled,
    ProjectPage,
    ProjectRef,
    RemoteDelivery,
    RemoteHook,
    RemoteIssue,
    RemotePipeline,
    RemoteProject,
    RemotePullRequest,
)

__all__ = [
    "BadSignature",
    "CommitStatus",
    "Connector",
    "FileContent",
    "FileDiff",
    "FileKind",
    "ForgeClient",
    "ForgeError",
    "ForgeType",
    "FoundDelivery",
    "GroupRef",
    "HeadMoved",
    "HookPlace",
    "HookSpec",
    "Identity",
    "LineComment",
    "MissingPermission",
    "NotFound",
    "NothingToTest",
    "Notified",
    "Polled",
    "ProjectPage",
    "ProjectRef",
    "RateLimited",
    "RefusedComment",
    "Rejected",
    "Remark",
    "RemoteDelivery",
    "RemoteHook",
    "RemoteIssue",
    "RemotePipeline",
    "RemoteProject",
    "RemotePullRequest",
    "ReviewClient",
    "ReviewThread",
    "StatusState",
    "TooLong",
    "Unauthorized",
    "Unavailable",
    "UnknownEvent",
    "Unparsable",
    "Unsupported",
    "WebhookCodec",
]


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


class ForgeClient(ReviewClient, Protocol):
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

    async def poll(
        self,
        project: ProjectRef,
        names: Collection[str],
        state: Mapping[str, Any] | None,
        *,
        since: datetime | None = None,
    ) -> Polled:
        """What happened that answers to these names (see `ForgeType.polled_names`) since `state` was taken.

        `None`: nothing is told, only where the next look begins. The same for names that are new.
        What is older than `since` is not told; what is younger is, also where there is no state.
        """

    async def notified(self, mark: str | None) -> Notified:
        """Where the person's notifications say that something happened since `mark`. `Unsupported`: there are none."""

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
    pull_request_pages: tuple[str, ...] = ()  # between a project's address and the number in those of its pages
    file_page: str = ""  # path of the page of a file at a commit, below the project's address: {sha}, {path}
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
    polled_names: frozenset[str] = frozenset()  # the event names that `poll` can find; the others need a hook
    has_notifications: bool = False  # whether `notified` may say anything
    publishes_networks: bool = False  # whether `hook_networks` may say anything
    hooks_page: str = ""  # path of the page of a project's webhooks, below the project's address
    hook_labels: Mapping[str, str] = field(default_factory=dict)  # what that page calls the words of `hook_events`
    suggestions: str = ""  # how a comment proposes a change: "lines", "offsets" (see `comments.Suggestions`), or not
