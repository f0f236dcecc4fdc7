"""GitLab's REST API behind `ForgeClient`, for gitlab.com and self-managed GitLab, sub-paths included.

GitLab's documentation: "Projects API", "Project webhooks API", "Merge requests API", "Issues API", "Notes API",
"Pipelines API", "Jobs API", "Commits API", "Group and project members API".
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import aiohttp

from src.events import Person, Subject, Team
from src.forge import (
    CommitStatus,
    FileContent,
    FileDiff,
    ForgeClient,
    HookPlace,
    HookSpec,
    Identity,
    LineComment,
    MissingPermission,
    NotFound,
    Notified,
    Polled,
    ProjectPage,
    ProjectRef,
    RefusedComment,
    Remark,
    RemoteDelivery,
    RemoteHook,
    RemoteIssue,
    RemotePipeline,
    RemoteProject,
    RemotePullRequest,
    ReviewThread,
    Unauthorized,
    Unsupported,
)
from src.forge_http import Instance, Policy, Transport
from src.gitlab_api import contents, deliveries, hooks, pipelines, polling, projects, reviews, threads
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.dialect import GitLabDialect


class GitLabClient:
    """`ForgeClient` for GitLab: see there for what each method gives and raises."""

    def __init__(self, api: GitLabApi) -> None:
        self._api = api

    async def whoami(self) -> Identity:
        """Only confirmed e-mails count; of OAuth tokens GitLab does not tell the scopes."""
        return await projects.whoami(self._api)

    async def projects(self, *, search: str | None = None, page: int = 1, per_page: int = 20) -> ProjectPage:
        """A search looks at the names of the groups above, too."""
        return await projects.page_of(self._api, search, page, per_page)

    async def project(self, external_id: str) -> RemoteProject:
        """A project by its id."""
        return await projects.one(self._api, external_id)

    async def project_by_path(self, path: str) -> RemoteProject:
        """A project by its full path, an old one included."""
        return await projects.one(self._api, path)

    async def hooks(self, place: HookPlace) -> tuple[RemoteHook, ...]:
        """Without the Maintainer role (of a group: Owner) GitLab says `MissingPermission`."""
        return await hooks.listed(self._api, place)

    async def create_hook(self, place: HookPlace, spec: HookSpec) -> RemoteHook:
        """An address that GitLab may not call (a local one) is `Rejected` with its words."""
        return await hooks.create(self._api, place, spec)

    async def update_hook(self, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        """A new address needs the secret with it: GitLab would forget it, so that is `Rejected`.

        A hook that GitLab has switched off stays off until `test_hook` succeeds.
        """
        return await hooks.update(self._api, place, hook_id, spec)

    async def delete_hook(self, place: HookPlace, hook_id: str) -> None:
        """Removes the hook."""
        await hooks.delete(self._api, place, hook_id)

    async def test_hook(self, place: HookPlace, hook_id: str) -> None:
        """`Rejected` with GitLab's words where the delivery failed or the project has nothing to make one of."""
        await hooks.test(self._api, place, hook_id)

    async def deliveries(self, place: HookPlace, hook_id: str, since: str | None = None) -> tuple[RemoteDelivery, ...]:
        """What GitLab keeps, a week. `Unsupported` before 17.4."""
        return await deliveries.listed(self._api, place, hook_id, since)

    async def redeliver(self, place: HookPlace, hook_id: str, delivery_id: str) -> None:
        """`Rejected` while the hook is switched off, too; five a minute for one project or group."""
        await deliveries.again(self._api, place, hook_id, delivery_id)

    async def poll(
        self,
        project: ProjectRef,
        names: Collection[str],
        state: Mapping[str, Any] | None,
        *,
        since: datetime | None = None,
    ) -> Polled:
        """Six questions where nothing happened, and two for each merge request or issue that changed."""
        return await polling.poll(self._api, project, names, state, since)

    async def notified(self, mark: str | None) -> Notified:  # noqa: ARG002 - the seam's signature
        """GitLab's to-do list tells less than a look does."""
        raise Unsupported("GitLab has no notifications that tell of all that happens in a project.")

    async def pull_request(self, project: ProjectRef, number: int) -> RemotePullRequest:
        """A merge request."""
        return await threads.pull_request(self._api, project, number)

    async def diff(self, project: ProjectRef, number: int) -> tuple[FileDiff, ...]:
        """The files of a merge request; those too large to show have no patch."""
        return await threads.diff(self._api, project, number)

    async def issue(self, project: ProjectRef, number: int) -> RemoteIssue:
        """An issue; a confidential one is `NotFound` to those who may not see it."""
        return await threads.issue(self._api, project, number)

    async def pipeline(self, project: ProjectRef, pipeline_id: str) -> RemotePipeline:
        """A pipeline; jobs that are allowed to fail are left out."""
        return await pipelines.pipeline(self._api, project, pipeline_id)

    async def commit_authors(self, project: ProjectRef, sha: str) -> tuple[Person, ...]:
        """Names and e-mails; GitLab names no accounts here."""
        return await pipelines.commit_authors(self._api, project, sha)

    async def participants(self, project: ProjectRef, subject: Subject) -> tuple[Person, ...]:
        """Whom GitLab itself counts as participants."""
        return await threads.participants(self._api, project, subject)

    async def team_members(self, team: Team) -> tuple[Person, ...]:
        """Members of a group, by its id or else its path."""
        return await projects.team_members(self._api, team)

    async def can_read(
        self, project: ProjectRef, subject: Subject | None = None, comment_id: str | None = None
    ) -> bool:
        """Asks for the project, the subject and the comment, as far as they are given."""
        try:
            await projects.one(self._api, project.external_id)
            if subject is not None:
                await threads.see(self._api, project, subject, comment_id)
        except (Unauthorized, MissingPermission, NotFound):
            return False
        return True

    async def hook_networks(self) -> tuple[str, ...]:
        """GitLab's API does not tell."""
        return ()

    async def merge_base(self, project: ProjectRef, pull: RemotePullRequest) -> str:
        """Known with the merge request, but for a moment after a push."""
        return await reviews.merge_base(self._api, project, pull)

    async def contents(self, project: ProjectRef, paths: Collection[str], ref: str) -> Mapping[str, FileContent]:
        """By GraphQL; what is no text in UTF-8 by itself. A fork's commits are in the project, too."""
        return await contents.contents(self._api, project, paths, ref)

    async def threads(self, project: ProjectRef, number: int) -> tuple[ReviewThread, ...]:
        """The discussions that have a position."""
        return await reviews.review_threads(self._api, project, number)

    async def comment_on_lines(
        self,
        project: ProjectRef,
        pull: RemotePullRequest,
        comments: Sequence[LineComment],
        body: str,  # noqa: ARG002 - the seam's signature
    ) -> tuple[RefusedComment, ...]:
        """One discussion each: GitLab's reviews have no text of their own."""
        return await reviews.comment_on_lines(self._api, project, pull, comments)

    async def resolve_thread(self, project: ProjectRef, number: int, thread_id: str) -> None:
        """For developers, the merge request's author and whoever began the thread."""
        await reviews.resolve_thread(self._api, project, number, thread_id)

    async def remarks(self, project: ProjectRef, number: int) -> tuple[Remark, ...]:
        """The notes that people wrote and that stand on no line."""
        return await reviews.remarks(self._api, project, number)

    async def add_remark(self, project: ProjectRef, number: int, body: str) -> Remark:
        """A line outside of code that begins with a slash and a word is a command to GitLab."""
        return await reviews.add_remark(self._api, project, number, body)

    async def edit_remark(self, project: ProjectRef, number: int, remark_id: str, body: str) -> None:
        """Only the author's own."""
        await reviews.edit_remark(self._api, project, number, remark_id, body)

    async def set_status(self, project: ProjectRef, sha: str, status: CommitStatus) -> None:
        """A fork's commit has none in this project: `NotFound`."""
        await reviews.set_status(self._api, project, sha, status)


class GitLabConnector:
    """`Connector` for GitLab. `session` comes from `forge_http.open_session` and is shared with other connectors."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        policy: Policy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = Transport(session, policy=policy, sleep=sleep)
        self._dialect = GitLabDialect()

    def client(self, base_url: str, token: str | None) -> ForgeClient:
        """`base_url` is the web address: ``https://gitlab.com``, ``https://host.example/gitlab``.

        Raises `ValueError` for an address that is none.
        """
        web_url = base_url.rstrip("/")
        rest, beside = (
            self._transport.channel(Instance.at("GitLab", f"{web_url}/{below}"), self._dialect, token)
            for below in ("api/v4", "api")
        )
        return GitLabClient(GitLabApi(rest, token, web_url, beside))
