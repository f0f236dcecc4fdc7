"""What a review says on GitHub: comments on lines as one review, remarks, statuses.

GitHub's documentation: "REST API endpoints for pull request reviews", "... issue comments", "... commit statuses".
"""

import re
from collections.abc import Sequence
from typing import Any

from src.forge import (
    CommitStatus,
    HeadMoved,
    LineComment,
    ProjectRef,
    RefusedComment,
    Rejected,
    Remark,
    RemotePullRequest,
)
from src.forge_http import read, read_list
from src.github_api import threads
from src.github_api.api import GitHubApi
from src.github_api.projects import at_path
from src.github_api.resources import ApiComment, Comparison

_REPO = "/repos/{owner}/{repo}"
_REMARKS = _REPO + "/issues/{number}/comments"
_PAGES = 100
_ABOUT_COMMIT = re.compile(r"commit[_ ]?(oid|id)|no commit found|\bcommit is not part\b", re.IGNORECASE)
_ABOUT_ALL = re.compile(r"pending review|is locked|was submitted too quickly", re.IGNORECASE)


async def merge_base(api: GitHubApi, project: ProjectRef, pull: RemotePullRequest) -> str:
    """``GET /repos/{owner}/{repo}/compare/{base}...{head}``."""
    ends = f"{pull.target_branch}...{pull.head_sha}"
    address = _REPO + "/compare/{ends}?per_page=1"
    data = await at_path(api, project, lambda where: api.item(address, **where, ends=ends))
    return read(Comparison, data).merge_base_commit.sha


async def comment_on_lines(
    api: GitHubApi, project: ProjectRef, pull: RemotePullRequest, comments: Sequence[LineComment], body: str
) -> tuple[RefusedComment, ...]:
    """``POST /repos/{owner}/{repo}/pulls/{number}/reviews`` with the event ``COMMENT``.

    GitHub takes a review of a commit that is no longer the head, hence the question before.
    """
    now = await threads.pull_request(api, project, pull.number)
    if now.head_sha != pull.head_sha:
        raise HeadMoved(f"Pull request {pull.number} has another head by now.")

    async def post(where: dict[str, str]) -> tuple[RefusedComment, ...]:
        return await _post(api, where, pull, comments, body)

    return await at_path(api, project, post)


async def _post(
    api: GitHubApi, where: dict[str, str], pull: RemotePullRequest, comments: Sequence[LineComment], body: str
) -> tuple[RefusedComment, ...]:
    """Post them; where GitHub refuses, each half by itself."""
    if not comments:
        return ()
    review = {"commit_id": pull.head_sha, "event": "COMMENT", "body": body, "comments": [_shape(c) for c in comments]}
    try:
        await api.call("POST", _REPO + "/pulls/{number}/reviews", {**where, "number": pull.number}, review)
    except Rejected as error:
        said = str(error)
    else:
        return ()
    if _ABOUT_COMMIT.search(said):
        raise HeadMoved(f"Pull request {pull.number} has another head by now.")
    if len(comments) == 1 or _ABOUT_ALL.search(said):
        return tuple(RefusedComment(comment=comment, reason=said) for comment in comments)
    middle = len(comments) // 2
    first = await _post(api, where, pull, comments[:middle], body)
    return first + await _post(api, where, pull, comments[middle:], body)


def _shape(comment: LineComment) -> dict[str, Any]:
    shape = {"path": comment.path, "body": comment.body, "line": comment.line, "side": "RIGHT"}
    if comment.start_line is None or comment.start_line == comment.line:
        return shape  # GitHub refuses a start that is the end
    return shape | {"start_line": comment.start_line, "start_side": "RIGHT"}


async def remarks(api: GitHubApi, project: ProjectRef, number: int) -> tuple[Remark, ...]:
    """``GET /repos/{owner}/{repo}/issues/{number}/comments``, all pages."""

    async def found(where: dict[str, str]) -> tuple[Remark, ...]:
        pages = api.pages(_REMARKS + "{?per_page}", limit=_PAGES, **where, number=number)
        return tuple([comment.remark() async for data in pages for comment in read_list(ApiComment, data)])

    return await at_path(api, project, found)


async def add_remark(api: GitHubApi, project: ProjectRef, number: int, body: str) -> Remark:
    """``POST /repos/{owner}/{repo}/issues/{number}/comments``."""

    async def post(where: dict[str, str]) -> Any:
        found, _ = await api.call("POST", _REMARKS, {**where, "number": number}, {"body": body})
        return found

    return read(ApiComment, await at_path(api, project, post)).remark()


async def edit_remark(api: GitHubApi, project: ProjectRef, remark_id: str, body: str) -> None:
    """``PATCH /repos/{owner}/{repo}/issues/comments/{id}``."""
    address = _REPO + "/issues/comments/{id}"
    await at_path(api, project, lambda where: api.call("PATCH", address, {**where, "id": remark_id}, {"body": body}))


async def set_status(api: GitHubApi, project: ProjectRef, sha: str, status: CommitStatus) -> None:
    """``POST /repos/{owner}/{repo}/statuses/{sha}``."""
    data = {"state": status.state.value, "context": status.context, "description": status.description}
    if status.url is not None:
        data["target_url"] = status.url
    address = _REPO + "/statuses/{sha}"
    await at_path(api, project, lambda where: api.call("POST", address, {**where, "sha": sha}, data))
