"""Pipelines and commits: which jobs failed, and who wrote what they ran on."""

from src.events import Person
from src.forge import ProjectRef, RemotePipeline
from src.forge_http import read, read_list, segment
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.projects import below
from src.gitlab_api.resources import Commit, Job, Pipeline

_JOB_PAGES = 10


async def pipeline(api: GitLabApi, project: ProjectRef, pipeline_id: str) -> RemotePipeline:
    """``GET /projects/:id/pipelines/:pipeline_id`` and its failed ``/jobs``, without those that are allowed to fail.

    GitLab leaves jobs that were retried out of the list by itself.
    """
    address = below(project, f"pipelines/{segment(pipeline_id)}")
    found = read(Pipeline, await api.item(address))
    pages = api.pages(f"{address}/jobs", limit=_JOB_PAGES, **{"scope[]": "failed"})
    jobs = [job async for data in pages for job in read_list(Job, data)]
    return RemotePipeline(
        id=found.id,
        status=found.status,
        url=found.web_url,
        failed_jobs=tuple(job.name for job in jobs if not job.allow_failure),
    )


async def commit_authors(api: GitLabApi, project: ProjectRef, sha: str) -> tuple[Person, ...]:
    """``GET /projects/:id/repository/commits/:sha``."""
    return read(Commit, await api.item(below(project, f"repository/commits/{segment(sha)}"))).people()
