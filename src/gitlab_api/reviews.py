"""Reviews of merge requests: versions, discussions on lines, notes, commit statuses.

GitLab's documentation: "Merge requests API" (diff versions), "Discussions API", "Notes API", "Commits API" (commit
status).
"""

from collections.abc import Sequence

from src.forge import (
    CommitStatus,
    FileDiff,
    HeadMoved,
    LineComment,
    NotFound,
    ProjectRef,
    RefusedComment,
    Rejected,
    Remark,
    RemotePullRequest,
    ReviewThread,
    StatusState,
)
from src.forge_http import read, read_list, segment
from src.gitlab_api import threads
from src.gitlab_api.api import GitLabApi
from src.gitlab_api.positions import position
from src.gitlab_api.projects import below
from src.gitlab_api.resources import Commit
from src.gitlab_api.review_resources import Discussion, Version, WrittenNote

_PAGES = 200  # of discussions or notes, system notes included
_STATES = {
    StatusState.PENDING: "pending", StatusState.SUCCESS: "success", StatusState.FAILURE: "failed",
    StatusState.ERROR: "failed",
}  # fmt: skip


async def merge_base(api: GitLabApi, project: ProjectRef, pull: RemotePullRequest) -> str:
    """What the merge request says; else that of the version with this head; else what the repository says."""
    if pull.base_sha is not None:
        return pull.base_sha
    for version in await _versions(api, project, pull.number):
        if version.head_commit_sha == pull.head_sha:
            return version.base_commit_sha
    if pull.head_sha is None or pull.target_branch is None:
        raise NotFound("This merge request has no commits, or no branch to go to.")
    ends = {"refs[]": [pull.target_branch, pull.head_sha]}
    data, _ = await api.call("GET", below(project, "repository/merge_base"), ends)
    return read(Commit, data).sha


async def _versions(api: GitLabApi, project: ProjectRef, number: int) -> list[Version]:
    """The newest versions of a merge request's diff, the last one first. One that is still being made is left out."""
    data, _ = await api.call("GET", below(project, f"merge_requests/{number}/versions"))
    return [version for version in read_list(Version, data) if version.is_whole]


async def review_threads(api: GitLabApi, project: ProjectRef, number: int) -> tuple[ReviewThread, ...]:
    """``GET .../discussions``, all pages, those with a position."""
    pages = api.pages(below(project, f"merge_requests/{number}/discussions"), limit=_PAGES)
    found = [discussion async for data in pages for discussion in read_list(Discussion, data)]
    page = threads.page_of(api, project, number)
    return tuple(discussion.thread(page) for discussion in found if discussion.is_on_lines)


async def comment_on_lines(
    api: GitLabApi, project: ProjectRef, pull: RemotePullRequest, comments: Sequence[LineComment]
) -> tuple[RefusedComment, ...]:
    """A discussion for each. GitLab takes comments on versions that are out of date: that is looked at here."""
    if not comments:
        return ()
    version = await _version(api, project, pull)
    ranges = any(comment.start_line is not None for comment in comments)
    files = await _files(api, project, pull.number) if ranges else {}
    refused: list[RefusedComment] = []
    address = below(project, f"merge_requests/{pull.number}/discussions")
    for comment in comments:
        body = {"body": comment.body, "position": position(comment, version, files)}
        try:
            await api.call("POST", address, None, body)
        except Rejected as refusal:
            if not refused:  # a push in between would refuse the others as well
                await _version(api, project, pull)
            refused.append(RefusedComment(comment=comment, reason=str(refusal)))
    return tuple(refused)


async def _version(api: GitLabApi, project: ProjectRef, pull: RemotePullRequest) -> Version:
    """The newest version, which must be that of the head which was reviewed."""
    found = await _versions(api, project, pull.number)
    if not found or found[0].head_commit_sha != pull.head_sha:
        raise HeadMoved(f"Merge request !{pull.number} has another head by now.")
    return found[0]


async def _files(api: GitLabApi, project: ProjectRef, number: int) -> dict[str, FileDiff]:
    return {file.path: file for file in await threads.diff(api, project, number)}


async def resolve_thread(api: GitLabApi, project: ProjectRef, number: int, thread_id: str) -> None:
    """``PUT .../discussions/:id``."""
    address = below(project, f"merge_requests/{number}/discussions/{segment(thread_id)}")
    await api.call("PUT", address, None, {"resolved": True})


async def remarks(api: GitLabApi, project: ProjectRef, number: int) -> tuple[Remark, ...]:
    """``GET .../notes``, all pages, without those of the system and those on lines."""
    address = below(project, f"merge_requests/{number}/notes")
    pages = api.pages(address, limit=_PAGES, sort="asc", order_by="created_at")
    found = [note async for data in pages for note in read_list(WrittenNote, data)]
    page = threads.page_of(api, project, number)
    return tuple(note.remark(page) for note in found if not note.system and not note.is_on_lines)


async def add_remark(api: GitLabApi, project: ProjectRef, number: int, body: str) -> Remark:
    """``POST .../notes``."""
    data, _ = await api.call("POST", below(project, f"merge_requests/{number}/notes"), None, {"body": body})
    return read(WrittenNote, data).remark(threads.page_of(api, project, number))


async def edit_remark(api: GitLabApi, project: ProjectRef, number: int, remark_id: str, body: str) -> None:
    """``PUT .../notes/:id``."""
    await api.call("PUT", below(project, f"merge_requests/{number}/notes/{segment(remark_id)}"), None, {"body": body})


async def set_status(api: GitLabApi, project: ProjectRef, sha: str, status: CommitStatus) -> None:
    """``POST .../statuses/:sha``. `NotFound` for a commit that is on no branch of the project, as a fork's is.

    GitLab has no error beside failure, and refuses to make pending what is so already: then nothing is amiss.
    """
    body = {"state": _STATES[status.state], "name": status.context, "description": status.description}
    if status.url is not None:
        body["target_url"] = status.url
    try:
        await api.call("POST", below(project, f"statuses/{segment(sha)}"), None, body)
    except Rejected as refusal:
        if status.state is not StatusState.PENDING or "Cannot transition status" not in str(refusal):
            raise
