"""Who the token belongs to, and the projects and groups it sees."""

from src.events import Person, Team
from src.forge import Identity, MissingPermission, NotFound, ProjectPage, ProjectRef, RemoteProject, Unauthorized
from src.forge_http import read, read_list, segment
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.dialect import expiry_in, missing_scopes
from src.gitlab_api.resources import Email, Me, Project, Token, User

_MEMBER_PAGES = 50
_EMAIL_PAGES = 2


async def whoami(api: GitLabApi) -> Identity:
    """``GET /user``, and where there is one ``GET /personal_access_tokens/self``."""
    me = read(Me, await api.item("user"))
    token = await _token(api)
    scopes = frozenset(token.scopes) if token else None
    return Identity(
        id=me.id,
        login=me.username,
        name=me.name,
        emails=await _emails(api, me),
        scopes=scopes,
        missing=missing_scopes(scopes),
        expires_at=expiry_in(token.expires_at) if token else None,
    )


async def _token(api: GitLabApi) -> Token | None:
    """The token's own record; OAuth tokens and GitLab before 15.5 have none."""
    try:
        return read(Token, await api.item("personal_access_tokens/self"))
    except (Unauthorized, MissingPermission, NotFound):
        return None


async def _emails(api: GitLabApi, me: Me) -> tuple[str, ...]:
    """The primary and the confirmed further e-mails; an unconfirmed one could be anybody's."""
    found = [me.email, me.commit_email] if me.confirmed_at else []
    try:
        async for data in api.pages("user/emails", limit=_EMAIL_PAGES):
            found += [email.email for email in read_list(Email, data) if email.confirmed_at]
    except (Unauthorized, MissingPermission, NotFound):
        return _lower(found)
    return _lower(found)


def _lower(emails: list[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(email.lower() for email in emails if email))


async def page_of(api: GitLabApi, search: str | None, page: int, per_page: int) -> ProjectPage:
    """``GET /projects?membership=true``: GitLab itself searches, in names and in those of the groups above."""
    params = {
        "membership": "true",
        "order_by": "last_activity_at",
        "sort": "desc",
        "page": str(page),
        "per_page": str(per_page),
    }
    if search is not None and search.strip():
        params |= {"search": search.strip(), "search_namespaces": "true"}
    data, following, last = await api.page("projects", params)
    found = tuple(project.project() for project in read_list(Project, data))
    return ProjectPage(projects=found, page=page, has_next=following is not None, last_page=last)


async def one(api: GitLabApi, id_or_path: str) -> RemoteProject:
    """``GET /projects/:id``: by its id, or by its path, an old one included."""
    return read(Project, await api.item(f"projects/{segment(id_or_path)}")).project()


def below(project: ProjectRef, rest: str) -> str:
    """An address below a project, which is named by its id: that outlives renames."""
    return f"projects/{segment(project.external_id)}/{rest}"


async def team_members(api: GitLabApi, team: Team) -> tuple[Person, ...]:
    """``GET /groups/:id/members/all``: inherited and invited ones included."""
    address = f"groups/{segment(team.id or team.path)}/members/all"
    pages = api.pages(address, limit=_MEMBER_PAGES)
    people = [user.person() async for data in pages for user in read_list(User, data)]
    return tuple(dict.fromkeys(people))
