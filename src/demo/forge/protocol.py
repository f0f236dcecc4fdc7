"""What every forge emulator offers: a cast to set up, people who act on the website, a record of the traffic."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, Self

from src.demo.forge.records import (
    Change,
    CommitSpec,
    CommitStatus,
    DeliveryRecord,
    Files,
    Hook,
    LineNote,
    RequestRecord,
)

Role = Literal["read", "write", "admin"]
CommentTarget = Literal["issue", "pull_request", "review", "commit", "snippet"]
Outage = Literal["down", "slow", "html", "rate_limited", "refuse_hooks"]
WikiWord = Literal["created", "updated", "deleted"]


class Unsupported(ValueError):
    """This kind of forge has no such happening, e.g. a dismissed review on GitLab."""


class ForgeEmulator(Protocol):
    """A stateful forge on 127.0.0.1: REST API, permissions, signed webhooks. Use it with ``async with``.

    ``GitHubEmulator`` and ``GitLabEmulator`` take ``now`` (a clock), ``port`` (0: a free one) and ``base_path``
    (a sub-path like ``/api/v3`` or ``/gitlab``), all by name and all optional.

    Methods that take `by` are what a person does through the website: they change the state and then deliver the
    webhooks, one after the other, before they return. Access is not checked for these, but the names are:
    an unknown login, project or number raises `KeyError`.
    Words are the neutral ones of `src.events` (``failed``, ``changes_requested``); the emulator speaks its forge's.
    """

    kind: str  # "github", "gitlab"
    requests: list[RequestRecord]  # every API request that was answered, in order
    deliveries: list[DeliveryRecord]  # every webhook that was sent, in order
    keeps_log: bool  # False: as versions whose API does not tell what was delivered

    @property
    def url(self) -> str:
        """What belongs into ``GITHUB_API_URL`` or ``GITLAB_URL``; with the sub-path, without a slash at the end."""

    @property
    def web_url(self) -> str:
        """Where the pages of this forge would be: what every ``html_url`` and ``web_url`` begins with."""

    async def __aenter__(self) -> Self:
        """Bind a port and listen."""

    async def __aexit__(self, *_: object) -> None:
        """Close the port and all connections."""

    # The cast

    def add_user(self, login: str, *, name: str | None = None, emails: Sequence[str] = (), is_bot: bool = False) -> str:
        """Make an account; the first e-mail is the primary one. Returns its id."""

    def add_token(
        self, token: str, login: str, *, scopes: Collection[str] | None = None, expires_at: datetime | None = None
    ) -> None:
        """Give a person a token; `scopes` in the forge's words, `None` for all that there are."""

    def revoke_token(self, token: str) -> None:
        """From now on this token is answered 401."""

    def add_project(self, path: str, *, private: bool = False, members: Mapping[str, Role] | None = None) -> str:
        """Make a project with two commits on its default branch ``main``. Returns its id."""

    def set_member(self, path: str, login: str, role: Role | None) -> None:
        """Give, change or (`None`) take away someone's role."""

    def rename_project(self, path: str, new_path: str) -> None:
        """Move a project; its id stays, and the old path redirects as on the forge."""

    def delete_project(self, path: str) -> None:
        """Remove a project with its hooks."""

    def set_private(self, path: str, private: bool) -> None:
        """Change who may see a project."""

    def add_files(self, path: str, files: Files, branch: str = "main") -> str:
        """Commit files to a branch without a webhook. Returns the commit's SHA."""

    def set_archived(self, path: str, archived: bool) -> None:
        """Make a project read-only, or not."""

    def add_team(self, path: str, members: Collection[str]) -> str:
        """Make a GitHub team ("acme/core") or a GitLab group ("acme"). Returns its id."""

    def add_group(self, path: str, owners: Collection[str]) -> str:
        """Make a GitHub organisation or a GitLab group whose owners may give it hooks. Returns its id."""

    def rename_group(self, path: str, new_path: str) -> None:
        """Give an organisation or a group another name, with all projects in it and its hooks."""

    def set_owner(self, path: str, login: str, is_owner: bool) -> None:
        """Make someone an owner of a group, or no longer."""

    # Hooks, of a project or of a group that `add_group` made

    def hooks(self, path: str) -> tuple[Hook, ...]:
        """The hooks, secrets included."""

    def remove_hook(self, path: str, hook_id: int) -> None:
        """Delete a hook by hand."""

    def point_hook(self, path: str, hook_id: int, url: str) -> None:
        """Change the address of a hook by hand, and nothing else."""

    def switch_off_hook(self, path: str, hook_id: int) -> None:
        """GitHub: somebody unticks "Active". GitLab: the hook has failed so often that it gets nothing any more."""

    # Issues

    async def open_issue(
        self,
        path: str,
        by: str,
        title: str,
        *,
        body: str = "",
        assignees: Sequence[str] = (),
        labels: Sequence[str] = (),
        confidential: bool = False,
    ) -> int:
        """Open an issue. Returns its number."""

    async def update_issue(
        self,
        path: str,
        by: str,
        number: int,
        *,
        title: str | None = None,
        body: str | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Change an issue's title, text or labels."""

    async def assign_issue(self, path: str, by: str, number: int, assignees: Sequence[str]) -> None:
        """Set the whole list of assignees."""

    async def close_issue(self, path: str, by: str, number: int) -> None:
        """Close an issue."""

    async def reopen_issue(self, path: str, by: str, number: int) -> None:
        """Open a closed issue again."""

    # Comments

    async def comment(
        self,
        path: str,
        by: str,
        on: CommentTarget,
        number: int | str,
        body: str,
        *,
        internal: bool = False,
        file: str | None = None,
        line: int | None = None,
    ) -> str:
        """Write a comment. `number` is the SHA for commits; `file` and `line` belong to ``review``. Returns its id."""

    async def edit_comment(self, path: str, by: str, comment_id: str, body: str) -> None:
        """Change a comment's text."""

    def comments_on_lines(self, path: str, number: int) -> tuple[LineNote, ...]:
        """All comments on lines of a pull request, oldest first."""

    def statuses(self, path: str, sha: str) -> Mapping[str, CommitStatus]:
        """What counts of a commit's statuses: the last one of each context."""

    async def reply(self, path: str, by: str, comment_id: str, body: str) -> str:
        """Answer in the thread of a comment on a line. Returns the answer's id."""

    async def resolve_thread(self, path: str, by: str, comment_id: str, *, resolved: bool = True) -> None:
        """Mark the thread of a comment on a line as resolved, or as open again."""

    # Pull requests

    async def open_pull_request(
        self,
        path: str,
        by: str,
        title: str,
        *,
        body: str = "",
        source: str = "topic",
        target: str = "main",
        reviewers: Sequence[str] = (),
        teams: Sequence[str] = (),
        assignees: Sequence[str] = (),
        labels: Sequence[str] = (),
        draft: bool = False,
        changes: Sequence[Change] = (),
        files: Files | None = None,
        fork: str | None = None,
    ) -> int:
        """Open a pull request with these file changes. `teams` are paths ("acme/core"). Returns its number.

        With `files` its source branch holds what they write over the target's, and its changes are what git would say.
        `fork` is the path of the project that the source branch is in.
        """

    async def request_review(
        self, path: str, by: str, number: int, reviewers: Sequence[str] = (), *, teams: Sequence[str] = ()
    ) -> None:
        """Ask more people or teams for a review."""

    async def remove_review_request(
        self, path: str, by: str, number: int, reviewers: Sequence[str] = (), *, teams: Sequence[str] = ()
    ) -> None:
        """Take review requests back."""

    async def assign_pull_request(self, path: str, by: str, number: int, assignees: Sequence[str]) -> None:
        """Set the whole list of assignees."""

    async def push_to_pull_request(
        self,
        path: str,
        by: str,
        number: int,
        *,
        title: str = "More work",
        changes: Sequence[Change] = (),
        files: Files | None = None,
    ) -> str:
        """Push one commit to the source branch: a push and an update. Returns the new head SHA."""

    async def set_draft(self, path: str, by: str, number: int, draft: bool) -> None:
        """Make a pull request a draft, or ready."""

    async def review(self, path: str, by: str, number: int, state: str, *, body: str = "") -> None:
        """Review; the states are those of `src.events.ReviewState`. For ``dismissed``, `by` dismisses the last one."""

    async def merge(self, path: str, by: str, number: int) -> None:
        """Merge a pull request (the push to its target follows)."""

    async def close(self, path: str, by: str, number: int) -> None:
        """Close a pull request without merging it."""

    async def reopen(self, path: str, by: str, number: int) -> None:
        """Open a closed pull request again."""

    # The rest

    async def push(
        self, path: str, by: str, branch: str, commits: Sequence[CommitSpec] = (), *, forced: bool = False
    ) -> str:
        """Push commits; a new branch is created. Returns the head SHA."""

    async def delete_branch(self, path: str, by: str, branch: str) -> None:
        """Delete a branch."""

    async def run_pipeline(
        self,
        path: str,
        by: str,
        branch: str,
        status: str,
        *,
        failed_jobs: Sequence[str] = (),
        pull_request: int | None = None,
        name: str = "CI",
        child: bool = False,
    ) -> str:
        """Let a pipeline or workflow run on a branch's head come to this status. Returns its id.

        One delivery for the status; for each failed job one more. ``child`` is GitLab's alone.
        """

    async def edit_wiki(self, path: str, by: str, action: WikiWord, title: str) -> None:
        """Create, change or delete a wiki page."""

    async def push_tag(self, path: str, by: str, tag: str) -> None:
        """Make a tag on the default branch's head."""

    async def delete_tag(self, path: str, by: str, tag: str) -> None:
        """Delete a tag."""

    async def publish_release(
        self, path: str, by: str, tag: str, *, title: str | None = None, body: str = "", prerelease: bool = False
    ) -> None:
        """Publish a release."""

    async def deploy(self, path: str, by: str, environment: str, status: str) -> str:
        """Let a deployment come to ``running``, ``success``, ``failed`` or ``canceled``. Returns its id."""

    # Trouble

    def outage(self, kind: Outage, *, times: int | None = None, seconds: float = 30.0) -> None:
        """From now on answer the next `times` requests (`None`: until `clear_outages`) badly.

        ``down`` 502, ``slow`` waits `seconds` first, ``html`` a page with status 200, ``rate_limited`` as the forge
        says it with a reset in `seconds`, ``refuse_hooks`` 403 for making and changing hooks only.
        """

    def clear_outages(self) -> None:
        """Be well again."""

    def on_delivery(self, listener: Callable[[str, DeliveryRecord], None]) -> None:
        """From now on `listener` gets each webhook once it is sent, behind the path of its project or group."""

    async def delivered(self) -> None:
        """Wait until the webhooks of requests over HTTP are sent; the methods of this class wait by themselves."""

    def signatures(self, hook: Hook, delivery_id: str, body: bytes) -> Mapping[str, str]:
        """The headers with which this hook would sign a delivery: for those that a test sends itself."""

    async def redeliver(self, delivery: DeliveryRecord) -> DeliveryRecord:
        """Send a delivery again as the forge's button does: the same body, and the same id where the forge keeps it."""
