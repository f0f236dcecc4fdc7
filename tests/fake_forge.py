"""A forge client that answers from a table: for tests of what is asked, not of how."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from src.events import Person, Subject, Team
from src.forge import (
    FileDiff,
    ForgeError,
    HookPlace,
    HookSpec,
    Identity,
    NotFound,
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
    Unsupported,
)
from tests.no_reviews import NoReviews


@dataclass
class FakeForge:
    """What all clients of it know. `trouble` is raised by every call while it is set."""

    no_access: set[str] = field(default_factory=set)  # tokens that read nothing
    no_confidential: set[str] = field(default_factory=set)  # tokens that read no confidential issue or comment
    teams: dict[str, tuple[Person, ...]] = field(default_factory=dict)
    participants: tuple[Person, ...] = ()
    commit_authors: tuple[Person, ...] = ()
    failed_jobs: tuple[str, ...] = ()
    pull_author: Person | None = None
    trouble: ForgeError | None = None
    trouble_of: dict[str, ForgeError] = field(default_factory=dict)  # by token
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], Awaitable[None]] | None = None

    def client(self, base_url: str, token: str | None) -> "FakeClient":
        """As a `Connector` does."""
        return FakeClient(self, token or "")


class FakeClient(NoReviews):
    """A `ForgeClient` of one token."""

    def __init__(self, forge: FakeForge, token: str) -> None:
        self.forge = forge
        self.token = token

    async def _called(self, name: str) -> None:
        self.forge.calls.append(name)
        if self.forge.before is not None:
            await self.forge.before(name)
        trouble = self.forge.trouble_of.get(self.token, self.forge.trouble)
        if trouble is not None:
            raise trouble
        if self.token in self.forge.no_access:
            raise NotFound("not found")

    async def whoami(self) -> Identity:
        await self._called("whoami")
        raise NotFound("not in this fake")

    async def projects(self, *, search: str | None = None, page: int = 1, per_page: int = 20) -> ProjectPage:
        await self._called("projects")
        raise NotFound("not in this fake")

    async def project(self, external_id: str) -> RemoteProject:
        await self._called("project")
        raise NotFound("not in this fake")

    async def project_by_path(self, path: str) -> RemoteProject:
        await self._called("project_by_path")
        raise NotFound("not in this fake")

    async def hooks(self, place: HookPlace) -> tuple[RemoteHook, ...]:
        await self._called("hooks")
        return ()

    async def create_hook(self, place: HookPlace, spec: HookSpec) -> RemoteHook:
        await self._called("create_hook")
        raise NotFound("not in this fake")

    async def update_hook(self, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        await self._called("update_hook")
        raise NotFound("not in this fake")

    async def delete_hook(self, place: HookPlace, hook_id: str) -> None:
        await self._called("delete_hook")

    async def test_hook(self, place: HookPlace, hook_id: str) -> None:
        await self._called("test_hook")

    async def deliveries(self, place: HookPlace, hook_id: str, since: str | None = None) -> tuple[RemoteDelivery, ...]:
        await self._called("deliveries")
        return ()

    async def redeliver(self, place: HookPlace, hook_id: str, delivery_id: str) -> None:
        await self._called("redeliver")

    async def poll(
        self,
        project: ProjectRef,
        names: Collection[str],
        state: Mapping[str, Any] | None,
        *,
        since: datetime | None = None,
    ) -> Polled:
        raise Unsupported("this forge has no lists of what happened")

    async def notified(self, mark: str | None) -> Notified:
        raise Unsupported("this forge has no notifications")

    async def pull_request(self, project: ProjectRef, number: int) -> RemotePullRequest:
        await self._called("pull_request")
        return RemotePullRequest(
            number=number,
            title="a pull request",
            state="open",
            author=self.forge.pull_author,
            head_sha=None,
            source_branch=None,
            target_branch=None,
            url=None,
        )

    async def diff(self, project: ProjectRef, number: int) -> tuple[FileDiff, ...]:
        await self._called("diff")
        return ()

    async def issue(self, project: ProjectRef, number: int) -> RemoteIssue:
        await self._called("issue")
        raise NotFound("not in this fake")

    async def pipeline(self, project: ProjectRef, pipeline_id: str) -> RemotePipeline:
        await self._called("pipeline")
        return RemotePipeline(id=pipeline_id, status="failure", url=None, failed_jobs=self.forge.failed_jobs)

    async def commit_authors(self, project: ProjectRef, sha: str) -> tuple[Person, ...]:
        await self._called("commit_authors")
        return self.forge.commit_authors

    async def participants(self, project: ProjectRef, subject: Subject) -> tuple[Person, ...]:
        await self._called("participants")
        return self.forge.participants

    async def team_members(self, team: Team) -> tuple[Person, ...]:
        await self._called(f"team_members {team.path}")
        if team.path.casefold() not in self.forge.teams:
            raise NotFound("no such team")
        return self.forge.teams[team.path.casefold()]

    async def can_read(
        self, project: ProjectRef, subject: Subject | None = None, comment_id: str | None = None
    ) -> bool:
        try:
            await self._called("can_read")
        except NotFound:
            return False
        return not (subject is not None and self.token in self.forge.no_confidential)

    async def hook_networks(self) -> tuple[str, ...]:
        await self._called("hook_networks")
        return ()
