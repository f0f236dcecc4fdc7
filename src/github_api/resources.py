"""What we read of GitHub's REST answers."""

from datetime import UTC, datetime

from pydantic import Field

from src.events import Person
from src.forge import (
    FileDiff,
    Remark,
    RemoteDelivery,
    RemoteHook,
    RemoteIssue,
    RemoteProject,
    RemotePullRequest,
)
from src.forge_http import Resource

_WORDS = 200  # characters of what a hook's last delivery was answered
_STATUSES = {"added": "added", "copied": "added", "removed": "removed", "renamed": "renamed"}


class User(Resource):
    """A simple user."""

    id: str
    login: str
    name: str | None = None
    html_url: str | None = None
    type: str | None = None

    def person(self) -> Person:
        """In neutral words."""
        return Person(id=self.id, login=self.login, name=self.name, url=self.html_url, is_bot=self.type == "Bot")


class Meta(Resource):
    """``GET /meta``: what GitHub says of itself."""

    hooks: tuple[str, ...] = ()  # networks that webhooks come from


class Email(Resource):
    """One address of ``GET /user/emails``."""

    email: str
    verified: bool = False


class Permissions(Resource):
    """What the token's owner may do in a repository."""

    admin: bool | None = None


class Repository(Resource):
    """A repository."""

    id: str
    full_name: str
    html_url: str
    private: bool
    default_branch: str | None = None
    archived: bool = False
    permissions: Permissions | None = None

    def project(self) -> RemoteProject:
        """In neutral words."""
        return RemoteProject(
            external_id=self.id,
            path=self.full_name,
            url=self.html_url,
            private=self.private,
            default_branch=self.default_branch,
            can_manage_hooks=self.permissions.admin if self.permissions else None,
            archived=self.archived,
        )


class HookConfig(Resource):
    """Where a hook sends to; the secret is shown as asterisks and not read."""

    url: str | None = None


class LastResponse(Resource):
    """How a hook's last delivery ended; no code: there was none yet."""

    code: int | None = None
    message: str | None = None

    def trouble(self) -> str | None:
        """GitHub's words for a delivery that was not answered well."""
        if self.code is None or 200 <= self.code < 300:
            return None
        return (self.message or f"HTTP {self.code}")[:_WORDS]


class Hook(Resource):
    """A webhook of a repository or an organisation; the latter's tell nothing of their last delivery."""

    id: str
    events: tuple[str, ...] = ()
    active: bool = True
    config: HookConfig = Field(default_factory=HookConfig)
    last_response: LastResponse | None = None

    def hook(self) -> RemoteHook:
        """In neutral words."""
        return RemoteHook(
            id=self.id,
            url=self.config.url or "",
            events=frozenset(self.events),
            active=self.active,
            trouble=self.last_response.trouble() if self.last_response else None,
        )


class Delivery(Resource):
    """One attempt to deliver a webhook. `guid` is the same for all attempts of one delivery."""

    id: str
    guid: str
    delivered_at: datetime
    redelivery: bool = False
    status_code: int = 0
    event: str = ""

    def delivery(self) -> RemoteDelivery:
        """In neutral words."""
        return RemoteDelivery(
            id=self.id,
            key=self.guid,
            succeeded=200 <= self.status_code < 300,
            is_repeat=self.redelivery,
            at=self.delivered_at if self.delivered_at.tzinfo else self.delivered_at.replace(tzinfo=UTC),
        )


class ApiComment(Resource):
    """A comment on an issue or on a pull request itself."""

    id: str
    user: User | None = None
    body: str | None = None
    html_url: str | None = None
    created_at: datetime | None = None

    def remark(self) -> Remark:
        """In neutral words."""
        return Remark(
            id=self.id,
            author=self.user.person() if self.user else None,
            body=self.body or "",
            url=self.html_url,
            created_at=self.created_at,
        )


class Sha(Resource):
    """A commit of which only the name matters."""

    sha: str


class Comparison(Resource):
    """``GET /repos/{owner}/{repo}/compare/{basehead}``."""

    merge_base_commit: Sha


class GitBlob(Resource):
    """``GET /repos/{owner}/{repo}/git/blobs/{sha}``: `content` is in base64."""

    content: str
    encoding: str


class Branch(Resource):
    """An end of a pull request."""

    ref: str | None = None
    sha: str | None = None


class PullRequest(Resource):
    """A pull request."""

    number: int
    title: str
    state: str
    user: User | None = None
    merged: bool | None = None
    merged_at: str | None = None
    html_url: str | None = None
    head: Branch = Field(default_factory=Branch)
    base: Branch = Field(default_factory=Branch)
    draft: bool = False
    body: str | None = None
    changed_files: int | None = None

    def pull_request(self) -> RemotePullRequest:
        """In neutral words: merged is not closed."""
        return RemotePullRequest(
            number=self.number,
            title=self.title,
            state="merged" if self.merged or self.merged_at else self.state,
            author=self.user.person() if self.user else None,
            head_sha=self.head.sha,
            source_branch=self.head.ref,
            target_branch=self.base.ref,
            url=self.html_url,
            draft=self.draft,
            body=self.body or "",
            changed_files=self.changed_files,
        )


class ChangedFile(Resource):
    """A file of a pull request; ``patch`` lacks for binary and for very long ones."""

    filename: str
    status: str
    previous_filename: str | None = None
    patch: str | None = None

    def diff(self) -> FileDiff:
        """In neutral words."""
        return FileDiff(
            path=self.filename,
            old_path=self.previous_filename or self.filename,
            status=_STATUSES.get(self.status, "modified"),
            patch=self.patch,
        )


class Issue(Resource):
    """An issue; one with ``pull_request`` is a pull request seen as an issue."""

    number: int
    title: str
    state: str
    user: User | None = None
    assignees: tuple[User, ...] = ()
    html_url: str | None = None
    pull_request: dict[str, object] | None = None

    def issue(self) -> RemoteIssue:
        """In neutral words. GitHub knows no confidential issues."""
        return RemoteIssue(
            number=self.number,
            title=self.title,
            state=self.state,
            author=self.user.person() if self.user else None,
            assignees=tuple(user.person() for user in self.assignees),
            confidential=False,
            url=self.html_url,
        )


class Authored(Resource):
    """A comment or a review: only who wrote it matters. A deleted account is `None`."""

    user: User | None = None


class WorkflowRun(Resource):
    """A workflow run."""

    id: str
    status: str | None = None
    conclusion: str | None = None
    html_url: str | None = None


class Job(Resource):
    """A job of a workflow run."""

    name: str
    conclusion: str | None = None


class JobPage(Resource):
    """A page of jobs, which GitHub wraps."""

    jobs: tuple[Job, ...]


class Signature(Resource):
    """Author or committer as git has it."""

    name: str | None = None
    email: str | None = None


class GitCommit(Resource):
    """The git side of a commit."""

    author: Signature | None = None
    committer: Signature | None = None


class Commit(Resource):
    """A commit; ``author`` and ``committer`` are accounts where GitHub knows the e-mail."""

    commit: GitCommit
    author: User | None = None
    committer: User | None = None
