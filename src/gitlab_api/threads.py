"""Merge requests and issues: what they are, their files, who talks there, what a token sees of them."""

from src.events import Person, Subject, SubjectKind
from src.forge import FileDiff, NotFound, ProjectRef, RemoteIssue, RemotePullRequest
from src.forge_http import read, read_list, segment
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.projects import below
from src.gitlab_api.resources import Changes, Diff, Issue, MergeRequest, Note, User

_FILE_PAGES = 30
_PEOPLE_PAGES = 10


async def pull_request(api: GitLabApi, project: ProjectRef, number: int) -> RemotePullRequest:
    """``GET /projects/:id/merge_requests/:iid``."""
    return read(MergeRequest, await api.item(below(project, f"merge_requests/{number}"))).pull_request()


async def diff(api: GitLabApi, project: ProjectRef, number: int) -> tuple[FileDiff, ...]:
    """``GET /projects/:id/merge_requests/:iid/diffs``, all pages; ``.../changes`` before GitLab 15.7."""
    address = below(project, f"merge_requests/{number}")
    try:
        pages = api.pages(f"{address}/diffs", limit=_FILE_PAGES)
        return tuple([file.file() async for data in pages for file in read_list(Diff, data)])
    except NotFound:
        old = read(Changes, await api.item(f"{address}/changes"))
        return tuple(file.file() for file in old.changes)


def page_of(api: GitLabApi, project: ProjectRef, number: int) -> str:
    """The address of a merge request's page."""
    return f"{api.web_url}/{project.path}/-/merge_requests/{number}"


async def issue(api: GitLabApi, project: ProjectRef, number: int) -> RemoteIssue:
    """``GET /projects/:id/issues/:iid``."""
    return read(Issue, await api.item(below(project, f"issues/{number}"))).issue()


async def participants(api: GitLabApi, project: ProjectRef, subject: Subject) -> tuple[Person, ...]:
    """``GET .../participants``: author, assignees, and who commented or was mentioned."""
    match subject.kind:
        case SubjectKind.PULL_REQUEST:
            address = f"merge_requests/{number_of(subject)}/participants"
        case SubjectKind.ISSUE:
            address = f"issues/{number_of(subject)}/participants"
        case _:
            return ()
    pages = api.pages(below(project, address), limit=_PEOPLE_PAGES)
    return tuple([user.person() async for data in pages for user in read_list(User, data)])


async def see(api: GitLabApi, project: ProjectRef, subject: Subject, comment_id: str | None) -> None:
    """Read the subject, and the comment on it where given (it may be internal); raises what the forge says."""
    match subject.kind:
        case SubjectKind.PULL_REQUEST:
            address = below(project, f"merge_requests/{number_of(subject)}")
        case SubjectKind.ISSUE:
            address = below(project, f"issues/{number_of(subject)}")
        case SubjectKind.SNIPPET:
            address = below(project, f"snippets/{segment(subject.id)}")
        case _:
            return  # it has no rights of its own, and GitLab no address for one comment on a commit
    await api.item(address)
    if comment_id is not None:
        read(Note, await api.item(f"{address}/notes/{segment(comment_id)}"))


def number_of(subject: Subject) -> int:
    """A merge request's or an issue's number, which is its id too."""
    if subject.number is not None:
        return subject.number
    if not (subject.id.isascii() and subject.id.isdigit()):
        raise NotFound("A merge request or an issue is addressed by its number.")
    return int(subject.id)
