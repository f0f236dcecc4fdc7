"""Pull requests and issues: what they are, their files, who talks there, what a token sees of them."""

from src.events import Person, Subject, SubjectKind
from src.forge import FileDiff, NotFound, ProjectRef, RemoteIssue, RemotePullRequest
from src.forge_http import read, read_list
from src.github_api.api import GitHubApi
from src.github_api.projects import at_path
from src.github_api.resources import Authored, ChangedFile, Issue, PullRequest

_ISSUE = "/repos/{owner}/{repo}/issues/{number}"
_PULL = "/repos/{owner}/{repo}/pulls/{number}"
_FILE_PAGES = 30  # GitHub shows at most 3,000 files
_TALK_PAGES = 10  # of each kind of comment; who wrote later than 1,000 comments is not found


async def pull_request(api: GitHubApi, project: ProjectRef, number: int) -> RemotePullRequest:
    """``GET /repos/{owner}/{repo}/pulls/{number}``."""
    data = await at_path(api, project, lambda where: api.item(_PULL, **where, number=number))
    return read(PullRequest, data).pull_request()


async def diff(api: GitHubApi, project: ProjectRef, number: int) -> tuple[FileDiff, ...]:
    """``GET /repos/{owner}/{repo}/pulls/{number}/files``, all pages."""

    async def files(where: dict[str, str]) -> tuple[FileDiff, ...]:
        pages = api.pages(_PULL + "/files{?per_page}", limit=_FILE_PAGES, **where, number=number)
        return tuple([file.diff() async for data in pages for file in read_list(ChangedFile, data)])

    return await at_path(api, project, files)


async def issue(api: GitHubApi, project: ProjectRef, number: int) -> RemoteIssue:
    """``GET /repos/{owner}/{repo}/issues/{number}``; a pull request's number is `NotFound`, as on other forges."""
    found = read(Issue, await at_path(api, project, lambda where: api.item(_ISSUE, **where, number=number)))
    if found.pull_request is not None:
        raise NotFound(f"Number {number} is a pull request, not an issue.")
    return found.issue()


async def participants(api: GitHubApi, project: ProjectRef, subject: Subject) -> tuple[Person, ...]:
    """The author and everyone who commented or reviewed, in this order, each once."""
    if subject.kind not in (SubjectKind.PULL_REQUEST, SubjectKind.ISSUE):
        return ()
    number = number_of(subject)
    thread, sources = _ISSUE, [_ISSUE + "/comments{?per_page}"]
    if subject.kind is SubjectKind.PULL_REQUEST:
        thread = _PULL
        sources += [_PULL + "/reviews{?per_page}", _PULL + "/comments{?per_page}"]

    async def talk(where: dict[str, str]) -> tuple[Person, ...]:
        found = [read(Authored, await api.item(thread, **where, number=number))]
        for source in sources:
            async for data in api.pages(source, limit=_TALK_PAGES, **where, number=number):
                found += read_list(Authored, data)
        return tuple({one.user.id: one.user.person() for one in found if one.user}.values())

    return await at_path(api, project, talk)


async def see(api: GitHubApi, where: dict[str, str], subject: Subject, comment_id: str | None) -> None:
    """Read the subject, and the comment on it where given; raises what the forge says."""
    repository = "/repos/{owner}/{repo}"
    match subject.kind:
        case SubjectKind.PULL_REQUEST:
            await api.item(_PULL, **where, number=number_of(subject))
            sources = [f"{repository}/issues/comments/{{comment}}", f"{repository}/pulls/comments/{{comment}}"]
        case SubjectKind.ISSUE:
            await api.item(_ISSUE, **where, number=number_of(subject))
            sources = [f"{repository}/issues/comments/{{comment}}"]
        case SubjectKind.COMMIT:
            sources = [f"{repository}/comments/{{comment}}"]
        case _:
            return  # it has no rights of its own
    if comment_id is not None:
        await _first(api, sources, where, comment_id)


async def _first(api: GitHubApi, sources: list[str], where: dict[str, str], comment_id: str) -> None:
    """A comment on a pull request is an issue's or a line's: its id does not say which."""
    for source in sources[:-1]:
        try:
            await api.item(source, **where, comment=comment_id)
        except NotFound:
            continue
        return
    await api.item(sources[-1], **where, comment=comment_id)


def number_of(subject: Subject) -> int:
    """A pull request's or an issue's number, which is its id too."""
    if subject.number is not None:
        return subject.number
    if not (subject.id.isascii() and subject.id.isdigit()):
        raise NotFound("A pull request or an issue is addressed by its number.")
    return int(subject.id)
