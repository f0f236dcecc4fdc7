"""GitHub's REST API for reviews with comments on lines, the files of pull requests, blobs and commit statuses."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from src.demo.forge.contents import blob_id, changed
from src.demo.forge.history import ancestors, merge_base, tree_at
from src.demo.forge.hunks import Hunk, hunks
from src.demo.forge.records import Change
from src.demo.forge.server import Answer, ApiError, Call, Handler
from src.demo.forge.state import LineThread, Project, PullRequest
from src.demo.github.access import error, invalid, not_found, positive
from src.demo.github.threads import ThreadRoutes

Json = dict[str, Any]
_VERDICTS = {"APPROVE": "approved", "REQUEST_CHANGES": "changes_requested", "COMMENT": "commented"}
_KEYS = {"path", "position", "body", "line", "side", "start_line", "start_side"}
_LONGEST = 65_536  # characters of a text
_FILES = 3_000  # of a pull request that are listed
_PATCH_LINES = 20_000  # on one page of files; what comes after these has no patch, and nothing says so
_STATES = ("error", "failure", "pending", "success")
_DESCRIPTION = 140


@dataclass(frozen=True, slots=True)
class _LineComment:
    path: str
    body: str
    line: int
    start_line: int | None
    hunk: str


def _unprocessable(*problems: str) -> ApiError:
    return error(422, "Unprocessable Entity", errors=list(problems))


class ReviewRoutes(ThreadRoutes):
    """Reviews over HTTP."""

    def review_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a repository."""
        pull, sha = r"/pulls/{number:\d+}", "{sha:[0-9a-f]{40}}"
        return [
            ("GET", f"{pull}/files", self._files), ("POST", f"{pull}/reviews", self._review),
            ("POST", f"{pull}/comments", self._comment_line),
            ("POST", rf"{pull}/comments/{{comment:\d+}}/replies", self._reply),
            ("GET", f"/git/blobs/{sha}", self._blob), ("POST", f"/statuses/{sha}", self._set_status),
            ("GET", f"/commits/{sha}/statuses", self._statuses), ("GET", f"/commits/{sha}/status", self._status),
        ]  # fmt: skip

    # Files

    def _files(self, call: Call) -> Answer:
        """At most 3,000; a page has at most 20,000 lines of patches."""
        project, pull = self.pull_of(call)
        head = tree_at(project, pull.head_sha)
        size, number = positive(call.query("per_page"), 30, most=100), positive(call.query("page"), 1)
        shown = pull.changes[:_FILES]
        lines, shapes = 0, {}
        for change in shown[(number - 1) * size : number * size]:
            lines += (change.patch or "").count("\n")
            blob = head.get(change.path)
            shapes[change.path] = self.shapes.changed_file(
                project, change, pull.head_sha, blob_id(blob) if blob else pull.head_sha, told=lines <= _PATCH_LINES
            )
        return self.page(call, shown, lambda change: shapes[change.path])

    def _blob(self, call: Call) -> Answer:
        project, sha = self.project(call), call.part("sha")
        blobs = (blob for tree in project.trees.values() for blob in tree.values())
        blob = next((blob for blob in blobs if blob_id(blob) == sha), None)
        if blob is None:
            raise not_found()
        content = base64.encodebytes(blob.data).decode()
        url = f"{self.shapes.repo_url(project)}/git/blobs/{sha}"
        return Answer({"sha": sha, "size": len(blob.data), "url": url, "content": content, "encoding": "base64"})

    # Reviews

    async def _review(self, call: Call) -> Answer:
        """All of a review or nothing of it."""
        project, pull = self.pull_of(call, "open")
        by, state = self.writer(call), _VERDICTS.get(str(call.body.get("event")))
        text, given = str(call.body.get("body") or ""), call.body.get("comments") or []
        if state is None:
            raise invalid("PullRequestReview", "event must be APPROVE, REQUEST_CHANGES or COMMENT", "event")
        if by == pull.author and state != "commented":
            raise _unprocessable("Can not approve your own pull request")
        if not text and state != "approved":
            raise _unprocessable("Review comments or body must be present: body is required for this event")
        if len(text) > _LONGEST:
            raise _unprocessable(f"Body is too long (maximum is {_LONGEST} characters)")
        sha = self._reviewed_commit(project, pull, call.body.get("commit_id"))
        comments = [self._checked(project, pull, sha, item) for item in given]
        if comments:
            await self._submit(project, pull, by, state, text, sha, comments)
        else:
            await self.review(project.path, by, pull.number, state, body=text)
        return Answer(self.shapes.review(project, pull, pull.reviews[-1], rest=True))

    def _reviewed_commit(self, project: Project, pull: PullRequest, sha: object) -> str:
        """The head, or a commit between it and the base."""
        if sha is None:
            return pull.head_sha
        own = ancestors(project, pull.head_sha)
        if pull.from_files:
            own -= ancestors(project, project.branches[pull.target])
        if not isinstance(sha, str) or sha not in own | {pull.head_sha}:
            raise _unprocessable("end_commit_oid is not part of the pull request")
        return sha

    async def _submit(
        self, project: Project, pull: PullRequest, by: str, state: str, text: str, sha: str,
        comments: Sequence[_LineComment],
    ) -> None:  # fmt: skip
        if state != "commented":
            pull.reviewers = [login for login in pull.reviewers if login != by]
        review = self.world.review(project, by, pull, state, text)
        for item in comments:
            thread = self._begin(project, pull, sha, item)
            made = self.world.comment(
                project, by, "review", pull.number, item.body, file=item.path, line=item.line, review_id=review.id,
                thread=thread,
            )  # fmt: skip
            self.tell_comment(project, made, by, "created")
        self.tell_review(project, pull, review, by, "submitted")
        await self.delivered()

    def _begin(self, project: Project, pull: PullRequest, sha: str, item: _LineComment) -> LineThread:
        thread = self.world.line_thread(project, pull.number, item.path, item.line, item.start_line)
        thread.sha, thread.position = sha, {"hunk": item.hunk}
        return thread

    async def _comment_line(self, call: Call) -> Answer:
        """One comment, which is a review of its own."""
        project, pull = self.pull_of(call, "open")
        body, by = call.body, self.writer(call)
        if not body.get("path") or not body.get("commit_id"):
            raise invalid("PullRequestReviewComment", "path and commit_id of the pull request are needed", "path")
        sha = self._reviewed_commit(project, pull, body["commit_id"])
        item = self._checked(project, pull, sha, {k: v for k, v in body.items() if k in _KEYS})
        await self._submit(project, pull, by, "commented", "", sha, [item])
        return Answer(self.shapes.comment(project, list(project.comments.values())[-1]), status=201)

    async def _reply(self, call: Call) -> Answer:
        project, pull = self.pull_of(call, "open")
        first = project.comments.get(int(call.part("comment")))
        if first is None or first.on != "review" or first.target != pull.number:
            raise not_found()
        made = await self.reply(project.path, self.writer(call), str(first.id), str(call.body.get("body") or ""))
        return Answer(self.shapes.comment(project, project.comments[int(made)]), status=201)

    # Where comments may stand

    def _checked(self, project: Project, pull: PullRequest, sha: str, item: object) -> _LineComment:
        """A comment whose line is in the diff, or what GitHub says to another."""
        if not isinstance(item, dict) or not {"path", "body"} <= item.keys():
            raise error(422, "Invalid request.\n\nAn item of comments needs a path and a body.")
        if unknown := item.keys() - _KEYS:
            raise error(422, f'Invalid request.\n\n"{min(unknown)}" is not a permitted key.')
        text = item["body"]
        if not isinstance(text, str) or not text.strip():
            raise _unprocessable("Pull request review thread body can't be blank")
        if len(text) > _LONGEST:
            raise _unprocessable(f"Pull request review thread body is too long (maximum is {_LONGEST} characters)")
        change = next((c for c in self._changes(project, pull, sha) if c.path == item["path"]), None)
        if change is None:
            raise _unprocessable("Pull request review thread path is invalid")
        return self._placed(change, item)

    def _changes(self, project: Project, pull: PullRequest, sha: str) -> Sequence[Change]:
        """The files of the diff as it is at a commit of the pull request."""
        if sha == pull.head_sha or not pull.from_files:
            return pull.changes
        base = merge_base(project, project.branches[pull.target], sha)
        return changed(tree_at(project, base), tree_at(project, sha))

    def _placed(self, change: Change, item: Json) -> _LineComment:
        line, start = item.get("line"), item.get("start_line")
        if not isinstance(line, int):
            raise _unprocessable("Pull request review thread line must be part of the diff")
        hunk = _hunk_of(change, line, str(item.get("side") or "RIGHT"))
        if hunk is None:
            raise _unprocessable(
                "Pull request review thread line must be part of the diff and Pull request review thread diff hunk "
                "can't be blank"
            )
        if start is not None:
            self._check_start(change, hunk, item, line, start)
        return _LineComment(change.path, item["body"], line, start, hunk.text)

    def _check_start(self, change: Change, hunk: Hunk, item: Json, line: int, start: object) -> None:
        if not isinstance(start, int) or start >= line:
            raise _unprocessable("Pull request review thread start line must precede the end line.")
        side = str(item.get("start_side") or item.get("side") or "RIGHT")
        found = _hunk_of(change, start, side)
        if found is None:
            raise _unprocessable("Pull request review thread start line must be part of the diff")
        if found.text != hunk.text:
            raise _unprocessable("Pull request review thread start line must be part of the same hunk as the line.")

    # Statuses

    async def _set_status(self, call: Call) -> Answer:
        project, sha, body = self.project(call, "write"), call.part("sha"), call.body
        if sha not in project.commits:
            raise error(422, f"No commit found for SHA: {sha}")
        if body.get("state") not in _STATES:
            raise invalid("Status", "State is not included in the list", "state")
        description = body.get("description")
        if description is not None and len(str(description)) > _DESCRIPTION:
            raise invalid("Status", f"description is too long (maximum is {_DESCRIPTION} characters)", "description")
        by = self.writer(call)
        status = self.world.set_status(
            project, by, sha, state=body["state"], context=str(body.get("context") or "default"),
            description=str(description or ""), url=body.get("target_url"),
        )  # fmt: skip
        commit = self.shapes.commit(project, project.commits[sha])
        branches = [{"name": name, "commit": {"sha": sha}} for name, head in project.branches.items() if head == sha]
        payload = {**self.shapes.status(project, status), "sha": sha, "name": project.path, "commit": commit}
        self.tell(project, "status", by, {**payload, "branches": branches})
        await self.delivered()
        return Answer(self.shapes.status(project, status), status=201)

    def _statuses(self, call: Call) -> Answer:
        project, sha = self.project(call), call.part("sha")
        found = [status for status in reversed(project.statuses) if status.sha == sha]
        return self.page(call, found, lambda status: self.shapes.status(project, status))

    def _status(self, call: Call) -> Answer:
        """The last status of each context, and what they come to."""
        project, sha = self.project(call), call.part("sha")
        newest = {status.context: status for status in project.statuses if status.sha == sha}
        states = {status.state for status in newest.values()}
        bad, waits = states & {"error", "failure"}, not states or "pending" in states
        shapes = [self.shapes.status(project, status) for status in newest.values()]
        state = "failure" if bad else "pending" if waits else "success"
        return Answer({"state": state, "sha": sha, "total_count": len(shapes), "statuses": shapes})


def _hunk_of(change: Change, line: int, side: str) -> Hunk | None:
    return next((h for h in hunks(change.patch) if line in (h.old if side == "LEFT" else h.new)), None)
