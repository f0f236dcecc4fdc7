"""GitHub's REST API behind `ForgeClient`, for github.com and GitHub Enterprise Server.

GitHub's documentation: "REST API endpoints for repositories", "... webhooks", "... pulls", "... issues",
"... workflow runs", "... commits", "... team members".
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
)
from src.forge_http import Instance, Policy, Transport, read
from src.github_api import contents, deliveries, hooks, pipelines, polling, projects, review_threads, reviews, threads
from src.github_api.api import GitHubApi
from src.github_api.dialect import GitHubDialect
from src.github_api.graphql import GraphQL
from src.github_api.resources import Meta


class GitHubClient:
    """`ForgeClient` for GitHub: see there for what each method gives and raises."""

    def __init__(self, api: GitHubApi, graph: GraphQL) -> None:
        self._api = api
        self._graph = graph

    async def whoami(self) -> Identity:
        """Only verified e-mails count; of fine-grained tokens GitHub does not tell the scopes."""
        return await projects.whoami(self._api)

    async def projects(self, *, search: str | None = None, page: int = 1, per_page: int = 20) -> ProjectPage:
        """A search looks through the 2,000 repositories last pushed to."""
        return await projects.page_of(self._api, search, page, per_page)

    async def project(self, external_id: str) -> RemoteProject:
        """A repository by its id."""
        return await projects.by_id(self._api, external_id)

    async def project_by_path(self, path: str) -> RemoteProject:
        """A repository by ``owner/name``, an old one included."""
        return await projects.by_path(self._api, path)

    async def hooks(self, place: HookPlace) -> tuple[RemoteHook, ...]:
        """Without admin rights, and of an organisation without its scope, GitHub says `NotFound`."""
        return await hooks.listed(self._api, place)

    async def create_hook(self, place: HookPlace, spec: HookSpec) -> RemoteHook:
        """GitHub sends a ping at once; the same address twice is `Rejected`."""
        return await hooks.create(self._api, place, spec)

    async def update_hook(self, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        """Switches the hook on again, too."""
        return await hooks.update(self._api, place, hook_id, spec)

    async def delete_hook(self, place: HookPlace, hook_id: str) -> None:
        """Removes the hook."""
        await hooks.delete(self._api, place, hook_id)

    async def test_hook(self, place: HookPlace, hook_id: str) -> None:
        """Sends a ping."""
        await hooks.ping(self._api, place, hook_id)

    async def deliveries(self, place: HookPlace, hook_id: str, since: str | None = None) -> tuple[RemoteDelivery, ...]:
        """What GitHub keeps, some three days; pings are left out."""
        return await deliveries.listed(self._api, place, hook_id, since)

    async def redeliver(self, place: HookPlace, hook_id: str, delivery_id: str) -> None:
        """GitHub sends it after its answer."""
        await deliveries.again(self._api, place, hook_id, delivery_id)

    async def poll(
        self,
        project: ProjectRef,
        names: Collection[str],
        state: Mapping[str, Any] | None,
        *,
        since: datetime | None = None,
    ) -> Polled:
        """Ten conditional questions at most where nothing happened."""
        return await polling.poll(self._api, project, names, state, since)

    async def notified(self, mark: str | None) -> Notified:
        """Takes a classic token with the scope ``notifications`` or ``repo``."""
        return await polling.notified(self._api, mark)

    async def pull_request(self, project: ProjectRef, number: int) -> RemotePullRequest:
        """A pull request."""
        return await threads.pull_request(self._api, project, number)

    async def diff(self, project: ProjectRef, number: int) -> tuple[FileDiff, ...]:
        """At most 3,000 files, as GitHub gives no more."""
        return await threads.diff(self._api, project, number)

    async def issue(self, project: ProjectRef, number: int) -> RemoteIssue:
        """An issue; the number of a pull request is `NotFound`."""
        return await threads.issue(self._api, project, number)

    async def pipeline(self, project: ProjectRef, pipeline_id: str) -> RemotePipeline:
        """A workflow run, its status the conclusion once it has one."""
        return await pipelines.pipeline(self._api, project, pipeline_id)

    async def commit_authors(self, project: ProjectRef, sha: str) -> tuple[Person, ...]:
        """Accounts where GitHub knows the e-mail; the website's own committer is left out."""
        return await pipelines.commit_authors(self._api, project, sha)

    async def participants(self, project: ProjectRef, subject: Subject) -> tuple[Person, ...]:
        """The author, and who commented or reviewed."""
        return await threads.participants(self._api, project, subject)

    async def team_members(self, team: Team) -> tuple[Person, ...]:
        """Members of a team, those of its child teams included."""
        return await projects.team_members(self._api, team)

    async def can_read(
        self, project: ProjectRef, subject: Subject | None = None, comment_id: str | None = None
    ) -> bool:
        """Asks for the repository by its id first: its old path may be a stranger's by now."""
        try:
            found = await projects.by_id(self._api, project.external_id)
            if subject is not None:
                await threads.see(self._api, projects.parts(found.path), subject, comment_id)
        except (Unauthorized, MissingPermission, NotFound):
            return False
        return True

    async def merge_base(self, project: ProjectRef, pull: RemotePullRequest) -> str:
        """Of the target branch as it is now and the head."""
        return await reviews.merge_base(self._api, project, pull)

    async def contents(self, project: ProjectRef, paths: Collection[str], ref: str) -> Mapping[str, FileContent]:
        """By GraphQL; what GitHub turned into other text is read again as it is, twenty files at most."""
        return await contents.contents(self._api, self._graph, project, paths, ref)

    async def threads(self, project: ProjectRef, number: int) -> tuple[ReviewThread, ...]:
        """By GraphQL; of each thread the first fifty comments."""
        return await review_threads.threads(self._api, self._graph, project, number)

    async def comment_on_lines(
        self, project: ProjectRef, pull: RemotePullRequest, comments: Sequence[LineComment], body: str
    ) -> tuple[RefusedComment, ...]:
        """GitHub refuses a review for one bad comment: halves of it are then posted until the bad ones stand alone."""
        return await reviews.comment_on_lines(self._api, project, pull, comments, body)

    async def resolve_thread(self, project: ProjectRef, number: int, thread_id: str) -> None:  # noqa: ARG002 - an id
        """By GraphQL: REST cannot. The thread's id is unique on the whole of GitHub."""
        await review_threads.resolve(self._graph, thread_id)

    async def remarks(self, project: ProjectRef, number: int) -> tuple[Remark, ...]:
        """At most 10,000."""
        return await reviews.remarks(self._api, project, number)

    async def add_remark(self, project: ProjectRef, number: int, body: str) -> Remark:
        """A comment on the pull request as an issue."""
        return await reviews.add_remark(self._api, project, number, body)

    async def edit_remark(self, project: ProjectRef, number: int, remark_id: str, body: str) -> None:  # noqa: ARG002
        """A comment on the pull request as an issue; its id is unique in the repository."""
        await reviews.edit_remark(self._api, project, remark_id, body)

    async def set_status(self, project: ProjectRef, sha: str, status: CommitStatus) -> None:
        """A status takes the scope ``repo``, for public repositories ``public_repo``; checks are for apps only."""
        await reviews.set_status(self._api, project, sha, status)

    async def hook_networks(self) -> tuple[str, ...]:
        """``hooks`` of ``GET /meta``, which needs no token; an Enterprise Server may lack it."""
        return read(Meta, await self._api.item("/meta")).hooks


class GitHubConnector:
    """`Connector` for GitHub. `session` comes from `forge_http.open_session` and is shared with other connectors."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        policy: Policy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = Transport(session, policy=policy, sleep=sleep)
        self._dialect = GitHubDialect()

    def client(self, base_url: str, token: str | None) -> ForgeClient:
        """`base_url` is the API's: ``https://api.github.com``, ``https://ghe.example/api/v3``.

        Raises `ValueError` for an address that is none.
        """
        instance = Instance.at("GitHub", base_url)
        channel = self._transport.channel(instance, self._dialect, token)
        return GitHubClient(GitHubApi(channel, token), GraphQL(channel, token))
