"""Workflow runs and commits: which jobs failed, and who wrote what they ran on."""

from src.events import Person
from src.forge import ProjectRef, RemotePipeline
from src.forge_http import read
from src.github_api.api import GitHubApi
from src.github_api.projects import at_path
from src.github_api.resources import Commit, JobPage, Signature, User, WorkflowRun

_RUN = "/repos/{owner}/{repo}/actions/runs/{run}"
_FAILED = ("failure", "timed_out")
_JOB_PAGES = 10  # a workflow has at most 256 jobs, a matrix more
_WEB_FLOW = "noreply@github.com"  # commits what people merge and edit on the website


async def pipeline(api: GitHubApi, project: ProjectRef, run: str) -> RemotePipeline:
    """``GET /repos/{owner}/{repo}/actions/runs/{run}`` and its ``/jobs`` of the latest attempt."""

    async def of(where: dict[str, str]) -> RemotePipeline:
        found = read(WorkflowRun, await api.item(_RUN, **where, run=run))
        pages = api.pages(_RUN + "/jobs?filter=latest{&per_page}", limit=_JOB_PAGES, **where, run=run)
        jobs = [job async for data in pages for job in read(JobPage, data).jobs]
        return RemotePipeline(
            id=found.id,
            status=found.conclusion or found.status or "unknown",
            url=found.html_url,
            failed_jobs=tuple(job.name for job in jobs if job.conclusion in _FAILED),
        )

    return await at_path(api, project, of)


async def commit_authors(api: GitHubApi, project: ProjectRef, sha: str) -> tuple[Person, ...]:
    """``GET /repos/{owner}/{repo}/commits/{sha}``: author and committer, once where they are the same."""
    address = "/repos/{owner}/{repo}/commits/{sha}"
    found = read(Commit, await at_path(api, project, lambda where: api.item(address, **where, sha=sha)))
    people = [_person(found.author, found.commit.author), _person(found.committer, found.commit.committer)]
    return tuple(dict.fromkeys(person for person in people if person is not None))


def _person(user: User | None, signature: Signature | None) -> Person | None:
    """The account where GitHub knows it, with the e-mail that git has."""
    email = signature.email.lower() if signature and signature.email else None
    if email == _WEB_FLOW:
        return None
    if user is None:
        name = signature.name if signature else None
        return Person(name=name, email=email) if name or email else None
    person = user.person()
    return Person(
        id=person.id, login=person.login, name=person.name or (signature.name if signature else None),
        email=email, url=person.url, is_bot=person.is_bot,
    )  # fmt: skip
