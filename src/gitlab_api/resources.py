"""What we read of GitLab's REST answers."""

import hashlib
import json
from typing import Any

from pydantic import ConfigDict, Field

from src.events import Person
from src.forge import (
    FileDiff,
    RemoteDelivery,
    RemoteHook,
    RemoteIssue,
    RemoteProject,
    RemotePullRequest,
)
from src.forge_http import Resource

MAINTAINER = 40
_STATES = {"opened": "open", "locked": "open"}  # locked: being merged at this moment


class User(Resource):
    """A user as lists and authors show them."""

    id: str
    username: str
    name: str | None = None
    web_url: str | None = None
    bot: bool | None = None

    def person(self) -> Person:
        """In neutral words."""
        return Person(id=self.id, login=self.username, name=self.name, url=self.web_url, is_bot=bool(self.bot))


class Me(User):
    """``GET /user``."""

    email: str | None = None
    commit_email: str | None = None
    confirmed_at: str | None = None


class Email(Resource):
    """One address of ``GET /user/emails``."""

    email: str
    confirmed_at: str | None = None


class Token(Resource):
    """``GET /personal_access_tokens/self``."""

    scopes: tuple[str, ...]
    expires_at: str | None = None


class Access(Resource):
    """A membership."""

    access_level: int = 0


class Permissions(Resource):
    """How the token's owner belongs to a project; both are `None` where it comes from elsewhere."""

    project_access: Access | None = None
    group_access: Access | None = None

    def can_manage_hooks(self) -> bool | None:
        """Whether this makes a maintainer; `None` where GitLab names no membership."""
        levels = [access.access_level for access in (self.project_access, self.group_access) if access]
        return max(levels) >= MAINTAINER if levels else None


class Project(Resource):
    """A project."""

    id: str
    path_with_namespace: str
    web_url: str
    visibility: str | None = None  # absent from what strangers see
    default_branch: str | None = None
    archived: bool = False
    permissions: Permissions | None = None

    def project(self) -> RemoteProject:
        """In neutral words."""
        return RemoteProject(
            external_id=self.id,
            path=self.path_with_namespace,
            url=self.web_url,
            private=self.visibility != "public",
            default_branch=self.default_branch,
            can_manage_hooks=self.permissions.can_manage_hooks() if self.permissions else None,
            archived=self.archived,
        )


class Hook(Resource):
    """A project's or a group's webhook. The events are fields of their own, ``push_events: true``."""

    model_config = ConfigDict(extra="allow")

    id: str
    url: str
    alert_status: str | None = None  # "temporarily_disabled", "disabled": it gets nothing, for it failed too often
    disabled_until: str | None = None

    def trouble(self) -> str | None:
        """Why it gets nothing; GitLab says no more of how deliveries end."""
        if self.alert_status in (None, "executable"):
            return None
        until = f" until {self.disabled_until}" if self.disabled_until else ""
        return f"{str(self.alert_status).replace('_', ' ')} after failed deliveries{until}"[:200]

    def hook(self) -> RemoteHook:
        """In neutral words. A hook that GitLab has switched off for a while is not active."""
        extra = self.model_extra or {}
        return RemoteHook(
            id=self.id,
            url=self.url,
            events=frozenset(name for name, on in extra.items() if name.endswith("_events") and on is True),
            active=self.alert_status in (None, "executable"),
            trouble=self.trouble(),
        )


class HookEvent(Resource):
    """One attempt to deliver a webhook. It has no time; its id grows."""

    id: str
    url: str
    request_headers: dict[str, Any] = Field(default_factory=dict)
    request_data: Any = None
    response_status: str = ""  # "200", or "internal error" where there was no answer

    @property
    def key(self) -> str | None:
        """What stays the same when it is sent again; `None` before GitLab 17.4."""
        found = {name.lower(): value for name, value in self.request_headers.items()}.get("idempotency-key")
        return found if isinstance(found, str) and found else None

    def delivery(self, key: str, address: str) -> RemoteDelivery:
        """In neutral words. What was sent elsewhere, or is too large to be kept, GitLab does not send again."""
        is_kept = self.request_data != {"oversize": True}
        return RemoteDelivery(
            id=self.id,
            key=key,
            succeeded=self.response_status.startswith("2"),
            can_repeat=is_kept and self.url == address,
            content=self.digest() if is_kept else None,
        )

    def digest(self) -> str:
        """The same for every test of the same kind."""
        return hashlib.sha256(json.dumps(self.request_data, sort_keys=True).encode()).hexdigest()


class DiffRefs(Resource):
    """The commits that a merge request's diff is made of; GitLab makes them a little after the push."""

    base_sha: str | None = None
    start_sha: str | None = None
    head_sha: str | None = None


class MergeRequest(Resource):
    """A merge request."""

    iid: int
    title: str
    state: str
    author: User | None = None
    sha: str | None = None
    source_branch: str | None = None
    target_branch: str | None = None
    web_url: str | None = None
    draft: bool = False
    description: str | None = None
    diff_refs: DiffRefs | None = None
    changes_count: str | None = None  # "1000+" where GitLab stopped to count

    def pull_request(self) -> RemotePullRequest:
        """In neutral words. The commits of a diff that is not of this head are left out."""
        refs = self.diff_refs if self.diff_refs and self.diff_refs.head_sha == self.sha else None
        count = self.changes_count or ""
        files = int(count.rstrip("+")) + count.endswith("+") if count.rstrip("+").isdecimal() else None
        return RemotePullRequest(
            number=self.iid,
            title=self.title,
            state=_STATES.get(self.state, self.state),
            author=self.author.person() if self.author else None,
            head_sha=self.sha,
            source_branch=self.source_branch,
            target_branch=self.target_branch,
            url=self.web_url,
            draft=self.draft,
            base_sha=refs.base_sha if refs else None,
            start_sha=refs.start_sha if refs else None,
            body=self.description or "",
            changed_files=files,
        )


class Diff(Resource):
    """A file of a merge request. ``diff`` is empty for what GitLab finds too large to show."""

    old_path: str
    new_path: str
    new_file: bool = False
    renamed_file: bool = False
    deleted_file: bool = False
    generated_file: bool = False
    diff: str | None = None

    def file(self) -> FileDiff:
        """In neutral words, without the header lines that older versions put before the first hunk."""
        status = "added" if self.new_file else "removed" if self.deleted_file else "modified"
        text = self.diff or ""
        start = 0 if text.startswith("@@") else text.find("\n@@") + 1
        return FileDiff(
            path=self.new_path,
            old_path=self.old_path,
            status="renamed" if self.renamed_file else status,
            patch=text[start:] if text[start:].startswith("@@") else None,
            generated=self.generated_file,
        )


class Changes(Resource):
    """``GET .../changes``, which GitLab had before ``.../diffs``."""

    changes: tuple[Diff, ...]


class Issue(Resource):
    """An issue."""

    iid: int
    title: str
    state: str
    author: User | None = None
    assignees: tuple[User, ...] = ()
    confidential: bool = False
    web_url: str | None = None

    def issue(self) -> RemoteIssue:
        """In neutral words."""
        return RemoteIssue(
            number=self.iid,
            title=self.title,
            state=_STATES.get(self.state, self.state),
            author=self.author.person() if self.author else None,
            assignees=tuple(user.person() for user in self.assignees),
            confidential=self.confidential,
            url=self.web_url,
        )


class Note(Resource):
    """A comment: that it can be read is all that matters."""

    id: str


class Pipeline(Resource):
    """A pipeline."""

    id: str
    status: str
    web_url: str | None = None


class Job(Resource):
    """A job of a pipeline."""

    name: str
    status: str | None = None
    allow_failure: bool = False


class Commit(Resource):
    """A commit; GitLab names no accounts here."""

    sha: str = Field(default="", alias="id")
    author_name: str | None = None
    author_email: str | None = None
    committer_name: str | None = None
    committer_email: str | None = None

    def people(self) -> tuple[Person, ...]:
        """Author and committer, once where they are the same."""
        pairs = [(self.author_name, self.author_email), (self.committer_name, self.committer_email)]
        found = [Person(name=name, email=email.lower() if email else None) for name, email in pairs if name or email]
        return tuple(dict.fromkeys(found))
