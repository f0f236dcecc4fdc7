"""What the emulators keep of hooks and traffic, and what tests hand in: commits and file changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

_LOOKED_AT = 8_000  # bytes in which git looks for a NUL


@dataclass(frozen=True, slots=True)
class Blob:
    """What stands at a path: of a symbolic link (mode ``120000``) its target, of a submodule (``160000``) a SHA."""

    data: bytes
    mode: str = "100644"

    @property
    def is_binary(self) -> bool:
        """What git thinks of it."""
        return b"\0" in self.data[:_LOOKED_AT]

    @property
    def text(self) -> bytes:
        """What a diff shows."""
        return b"Subproject commit " + self.data + b"\n" if self.mode == "160000" else self.data


Files = Mapping[str, bytes | Blob | None]  # what a commit writes; `None` removes


@lru_cache(maxsize=4_096)  # every webhook of a pull request counts again
def _lines_with(mark: str, patch: str | None) -> int:
    return sum(line.startswith(mark) for line in (patch or "").split("\n"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file of a pull request. `patch` is a unified diff without header."""

    path: str
    status: str = "modified"  # added, modified, removed, renamed
    old_path: str | None = None
    patch: str | None = "@@ -1 +1 @@\n-old\n+new\n"
    is_binary: bool = False

    @property
    def additions(self) -> int:
        """How many lines came."""
        return _lines_with("+", self.patch)

    @property
    def deletions(self) -> int:
        """How many lines went."""
        return _lines_with("-", self.patch)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSpec:
    """A commit of a push. Without `author` the one who pushes wrote it. What `files` changes need not be named."""

    title: str
    author: str | None = None  # a login
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    files: Files = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Hook:
    """A project's or a group's webhook as the forge keeps it. `events` are the forge's own words."""

    id: int
    url: str
    events: frozenset[str]
    secret: str | None = field(default=None, repr=False)
    active: bool = True
    form_encoded: bool = False  # GitHub's content_type "form"
    verify_tls: bool = True
    failures: int = 0  # in a row
    alert_status: str = "executable"  # GitLab: "temporarily_disabled" after four failures in a row
    disabled_until: datetime | None = None
    uuid: str = ""  # GitLab's name of the hook in deliveries
    signing_token: str | None = field(default=None, repr=False)  # GitLab: "whsec_" and the key in base64
    last_status: int | None = None
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One answered API request; `path` is without query and sub-path."""

    method: str
    path: str
    status: int
    login: str | None = None  # whose token it carried
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One webhook that was sent. `status` is `None` where no answer came."""

    number: int  # counts from 1
    hook_id: int
    url: str
    event: str  # the word in the event header
    action: str | None
    delivery_id: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None
    answer: str = field(default="", repr=False)
    redelivery: bool = False
    at: datetime
    seconds: float = 0.0  # until the answer was read


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """How a commit stands in one context; `state` is pending, success, failure or error."""

    id: int
    sha: str
    state: str
    context: str
    description: str
    url: str | None
    author: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNote:
    """A comment on lines as the pages show it."""

    id: str
    author: str  # a login
    body: str
    path: str | None
    line: int | None
    start_line: int | None
    thread: str  # its id
    resolved_by: str | None = None  # the thread
