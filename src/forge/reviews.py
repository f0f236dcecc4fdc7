"""What a review asks of a forge, and what it deals in: files, threads on lines, remarks, statuses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from src.events import Person
from src.forge.values import ProjectRef, RemotePullRequest


class FileKind(StrEnum):
    """What stands at a path of a commit."""

    FILE = "file"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What stands at a path of a commit. Of a symbolic link `data` is where it points, never what stands there."""

    path: str
    kind: FileKind
    data: bytes | None  # None: the forge does not show it, for its size unless `binary`
    size: int | None = None  # bytes, where the forge says
    binary: bool = False  # the forge says that it is no text
    generated: bool = False  # the repository says so: .gitattributes, linguist-generated


@dataclass(frozen=True, slots=True, kw_only=True)
class LineComment:
    """A comment on lines of the new side of a pull request's diff.

    The lines `start_line` to `line` (counted from 1) are in one hunk. `old_line` is the number that `line` has on the
    old side where it is a context line; `None` for an added one. The same goes for `start_old_line`.
    """

    path: str
    old_path: str  # of the same file on the old side; `path` for a new one
    is_new_file: bool
    line: int
    old_line: int | None
    body: str
    start_line: int | None = None  # None: one line
    start_old_line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedComment:
    """A comment that the forge did not take, and its words."""

    comment: LineComment
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A comment as it stands on the forge."""

    id: str
    author: Person | None  # None: a deleted account
    body: str
    url: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewThread:
    """A thread on a line of a pull request, its remarks oldest first."""

    id: str
    path: str | None
    remarks: tuple[Remark, ...]
    resolved: bool
    resolved_by: Person | None = None
    can_resolve: bool = True  # what is not a thread on a line, or forbidden to this token, cannot be


class StatusState(StrEnum):
    """How a commit stands in one context."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """One line beside a commit. `description` is at most 140 characters."""

    state: StatusState
    context: str  # who says it, e.g. "git-assistant/review"
    description: str
    url: str | None = None


class ReviewClient(Protocol):
    """The part of `ForgeClient` that reviews use. Errors, limits and retries are as there."""

    async def merge_base(self, project: ProjectRef, pull: RemotePullRequest) -> str:
        """The commit that the pull request's diff is against."""

    async def contents(self, project: ProjectRef, paths: Collection[str], ref: str) -> Mapping[str, FileContent]:
        """What stands at these paths, by path; what is not there is left out. One request a hundred paths.

        `ref` is a commit's SHA or the name of a branch. No path of a pull request of a fork is out of reach.
        """

    async def threads(self, project: ProjectRef, number: int) -> tuple[ReviewThread, ...]:
        """All threads on lines of a pull request, all pages."""

    async def comment_on_lines(
        self, project: ProjectRef, pull: RemotePullRequest, comments: Sequence[LineComment], body: str
    ) -> tuple[RefusedComment, ...]:
        """Post comments as one review of `pull.head_sha`, with `body` where the forge wants one. Returns those refused.

        What one bad comment would refuse altogether is posted without it. Raises `HeadMoved` where the pull request
        has another head by now; nothing is posted then, or no more of it.
        """

    async def resolve_thread(self, project: ProjectRef, number: int, thread_id: str) -> None:
        """Mark a thread as resolved; it may be so already."""

    async def remarks(self, project: ProjectRef, number: int) -> tuple[Remark, ...]:
        """The comments on the pull request itself (not on lines), all pages, oldest first."""

    async def add_remark(self, project: ProjectRef, number: int, body: str) -> Remark:
        """Comment on the pull request itself."""

    async def edit_remark(self, project: ProjectRef, number: int, remark_id: str, body: str) -> None:
        """Change a comment on the pull request itself; `NotFound` where somebody deleted it."""

    async def set_status(self, project: ProjectRef, sha: str, status: CommitStatus) -> None:
        """Say how a commit stands; the last one of a context counts."""
