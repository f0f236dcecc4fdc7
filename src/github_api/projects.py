"""Who the token belongs to, and the repositories it sees."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from src.events import Person, Team
from src.forge import (
    Identity,
    MissingPermission,
    NotFound,
    ProjectPage,
    ProjectRef,
    RemoteProject,
    Unauthorized,
)
from src.forge_http import read, read_list
from src.github_api.api import GitHubApi
from src.github_api.dialect import expiry_in, missing_scopes, scopes_in
from src.github_api.resources import Email, Repository, User

T = TypeVar("T")

_MINE = "/user/repos?affiliation=owner,collaborator,organization_member&sort=pushed&direction=desc{&per_page,page}"
_SEARCHED_PAGES = 20  # of a hundred: nobody looks for a repository they have not pushed to for 2,000 others
_MEMBER_PAGES = 50


async def whoami(api: GitHubApi) -> Identity:
    """``GET /user`` and, where the token may, ``GET /user/emails``."""
    data, headers = await api.item_with_headers("/user")
    user = read(User, data)
    scopes = scopes_in(headers.get("x-oauth-scopes"))
    return Identity(
        id=user.id,
        login=user.login,
        name=user.name,
        emails=await _emails(api),
        scopes=scopes,
        missing=missing_scopes(scopes),
        expires_at=expiry_in(headers.get("github-authentication-token-expiration")),
    )


async def _emails(api: GitHubApi) -> tuple[str, ...]:
    """The verified e-mails; an unverified one could be anybody's. Without the scope for it: none."""
    try:
        found = read_list(Email, await api.item("/user/emails{?per_page}", per_page=100))
    except (MissingPermission, NotFound):
        return ()
    return tuple(dict.fromkeys(email.email.lower() for email in found if email.verified))


async def page_of(api: GitHubApi, search: str | None, page: int, per_page: int) -> ProjectPage:
    """One page of the person's repositories, last pushed first.

    GitHub's list has no filter by name, and its search API knows no "those I belong to" and has a rate limit of
    its own of 30 a minute. So a search filters the list itself, page by page, which the ETag cache makes cheap.
    """
    if search is None or not search.strip():
        data, following, last = await api.page(_MINE, per_page=per_page, page=page)
        found = tuple(repository.project() for repository in read_list(Repository, data))
        return ProjectPage(projects=found, page=page, has_next=following is not None, last_page=last)
    wanted, matches, end, last = search.strip().casefold(), [], page * per_page, None
    async for data in api.pages(_MINE, limit=_SEARCHED_PAGES):
        matches += [r.project() for r in read_list(Repository, data) if wanted in r.full_name.casefold()]
        if len(matches) > end:
            break
    else:
        last = max(1, -(-len(matches) // per_page))  # all were seen
    return ProjectPage(
        projects=tuple(matches[end - per_page : end]), page=page, has_next=len(matches) > end, last_page=last
    )


async def by_id(api: GitHubApi, external_id: str) -> RemoteProject:
    """A repository by its id, wherever it has moved."""
    return read(Repository, await api.item("/repositories/{id}", id=external_id)).project()


async def by_path(api: GitHubApi, path: str) -> RemoteProject:
    """A repository by its path; GitHub redirects from an old one."""
    return read(Repository, await api.item("/repos/{owner}/{repo}", **parts(path))).project()


def parts(path: str) -> dict[str, str]:
    """``owner`` and ``repo`` of a path for a URI template."""
    owner, slash, repo = path.partition("/")
    if not slash or "/" in repo:
        raise NotFound("A repository on GitHub is addressed as owner/name.")
    return {"owner": owner, "repo": repo}


async def at_path(api: GitHubApi, project: ProjectRef, work: Callable[[dict[str, str]], Awaitable[T]]) -> T:
    """Do something at the project's path, and once more at the path that its id has now if that is another."""
    try:
        return await work(parts(project.path))
    except NotFound as error:
        missing = error
    try:
        moved = (await by_id(api, project.external_id)).path
    except (NotFound, MissingPermission, Unauthorized):
        raise missing from None
    if moved.casefold() == project.path.casefold():
        raise missing
    return await work(parts(moved))


async def team_members(api: GitHubApi, team: Team) -> tuple[Person, ...]:
    """``GET /orgs/{org}/teams/{slug}/members``: those of child teams included."""
    org, slash, slug = team.path.partition("/")
    if not slash:
        raise NotFound("A team on GitHub is addressed as organisation/team.")
    address = "/orgs/{org}/teams/{slug}/members{?per_page}"
    return tuple(
        [user.person() async for data in api.pages(address, limit=_MEMBER_PAGES, org=org, slug=slug)
         for user in read_list(User, data)]
    )  # fmt: skip
