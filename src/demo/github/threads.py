"""GitHub's REST API for issues, pull requests, comments and reviews; writing is what the website does."""

from typing import Any

from src.demo.forge.protocol import CommentTarget
from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Comment, Project, PullRequest, Thread
from src.demo.github.access import Access, error, invalid, not_found

Json = dict[str, Any]


class ThreadRoutes(Access):
    """Issues and pull requests over HTTP."""

    def thread_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a repository."""
        issue, pull = r"/issues/{number:\d+}", r"/pulls/{number:\d+}"
        comment = r"/issues/comments/{comment:\d+}"
        return [
            ("GET", "/issues", self._list_issues), ("POST", "/issues", self._open_issue),
            ("GET", comment, self._get_comment), ("PATCH", comment, self._edit_comment),
            ("GET", r"/pulls/comments/{comment:\d+}", self._get_comment),
            ("GET", r"/comments/{comment:\d+}", self._get_comment),
            ("GET", issue, self._get_issue), ("PATCH", issue, self._change_issue),
            ("GET", f"{issue}/comments", self._list_comments), ("POST", f"{issue}/comments", self._comment),
            ("GET", "/pulls", self._list_pulls), ("POST", "/pulls", self._open_pull), ("GET", pull, self._get_pull),
            ("PATCH", pull, self._change_pull), ("GET", f"{pull}/comments", self._list_line_comments),
            ("GET", f"{pull}/reviews", self._list_reviews),
            ("POST", f"{pull}/requested_reviewers", self._request), ("PUT", f"{pull}/merge", self._merge),
            ("DELETE", f"{pull}/requested_reviewers", self._request),
        ]  # fmt: skip

    def _thread(self, call: Call) -> tuple[Project, Thread]:
        project, number = self.project(call), int(call.part("number"))
        thread = project.issues.get(number) or project.pulls.get(number)
        if thread is None:
            raise not_found()
        return project, thread

    def pull_of(self, call: Call, need: str = "read") -> tuple[Project, PullRequest]:
        """The pull request of the path, if the token may do this in its repository."""
        project = self.project(call, need)
        pull = project.pulls.get(int(call.part("number")))
        if pull is None:
            raise not_found()
        return project, pull

    def writer(self, call: Call) -> str:
        """Who writes."""
        if call.user is None:
            raise error(401, "Requires authentication")
        return call.user.login

    def _known(self, resource: str, field: str, logins: list[str]) -> list[str]:
        for login in logins:
            if login not in self.world.users:
                raise invalid(resource, f"{login} is not a collaborator", field)
        return logins

    # Issues

    def _list_issues(self, call: Call) -> Answer:
        project, state = self.project(call), call.query("state", "open")
        threads: list[Thread] = [*project.issues.values(), *project.pulls.values()]
        threads = [t for t in threads if state == "all" or (t.state == "open") == (state == "open")]
        threads.sort(key=lambda thread: -thread.number)
        if call.query("sort") == "updated":
            threads.sort(key=lambda thread: thread.updated_at, reverse=call.query("direction", "desc") == "desc")
        return self.page(call, threads, lambda thread: self.shapes.issue(project, thread))

    def _get_issue(self, call: Call) -> Answer:
        return Answer(self.shapes.issue(*self._thread(call)))

    async def _open_issue(self, call: Call) -> Answer:
        project, by = self.project(call, "open"), self.writer(call)
        title = call.body.get("title")
        if not isinstance(title, str) or not title:
            raise error(422, 'Invalid request.\n\n"title" wasn\'t supplied.')
        assignees = self._known("Issue", "assignees", list(call.body.get("assignees") or []))
        labels = [label["name"] if isinstance(label, dict) else label for label in call.body.get("labels") or []]
        text = call.body.get("body") or ""
        number = await self.open_issue(project.path, by, title, body=text, assignees=assignees, labels=labels)
        return Answer(self.shapes.issue(project, project.issues[number]), status=201)

    async def _change_issue(self, call: Call) -> Answer:
        project, thread = self._thread(call)
        by = self.writer(call)
        if by != thread.author:
            self.project(call, "write")
        path, number, body = project.path, thread.number, call.body
        if isinstance(thread, PullRequest):
            await self._set_pull_state(project, thread, by, body.get("state"))
            return Answer(self.shapes.issue(project, thread))
        if body.keys() & {"title", "body", "labels"}:
            await self.update_issue(
                path, by, number, title=body.get("title"), body=body.get("body"), labels=body.get("labels")
            )
        if "assignees" in body:
            await self.assign_issue(path, by, number, self._known("Issue", "assignees", body["assignees"]))
        if body.get("state") == "closed" and thread.state == "open":
            await self.close_issue(path, by, number)
        if body.get("state") == "open" and thread.state != "open":
            await self.reopen_issue(path, by, number)
        return Answer(self.shapes.issue(project, thread))

    # Comments

    def _found(self, call: Call) -> tuple[Project, Comment]:
        project = self.project(call)
        comment = project.comments.get(int(call.part("comment")))
        folder = call.request.path.rsplit("/", 2)[0]
        kinds = {"issues": ("issue", "pull_request"), "pulls": ("review",)}
        if comment is None or comment.on not in kinds.get(folder.rsplit("/", 1)[1], ("commit",)):
            raise not_found()
        return project, comment

    def _get_comment(self, call: Call) -> Answer:
        return Answer(self.shapes.comment(*self._found(call)))

    async def _edit_comment(self, call: Call) -> Answer:
        project, comment = self._found(call)
        by = self.writer(call)
        if by != comment.author:
            self.project(call, "write")
        await self.edit_comment(project.path, by, str(comment.id), str(call.body.get("body") or ""))
        return Answer(self.shapes.comment(project, comment))

    def _list_comments(self, call: Call) -> Answer:
        project, thread = self._thread(call)
        on: CommentTarget = "pull_request" if isinstance(thread, PullRequest) else "issue"
        comments = project.comments_on(on, thread.number)
        return self.page(call, comments, lambda comment: self.shapes.comment(project, comment))

    async def _comment(self, call: Call) -> Answer:
        project, thread = self._thread(call)
        self.project(call, "open")
        if not call.body.get("body"):
            raise error(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
        on: CommentTarget = "pull_request" if isinstance(thread, PullRequest) else "issue"
        made = await self.comment(project.path, self.writer(call), on, thread.number, str(call.body["body"]))
        return Answer(self.shapes.comment(project, project.comments[int(made)]), status=201)

    def _list_line_comments(self, call: Call) -> Answer:
        project, pull = self.pull_of(call)
        comments = project.comments_on("review", pull.number)
        return self.page(call, comments, lambda comment: self.shapes.comment(project, comment))

    # Pull requests

    def _list_pulls(self, call: Call) -> Answer:
        project, state = self.project(call), call.query("state", "open")
        pulls = [p for p in project.pulls.values() if state == "all" or (p.state == "open") == (state == "open")]
        pulls.reverse()
        if call.query("sort") == "updated":
            pulls.sort(key=lambda pull: pull.updated_at, reverse=call.query("direction", "desc") == "desc")
        return self.page(call, pulls, lambda pull: self.shapes.pull_in_short(project, pull))

    def _get_pull(self, call: Call) -> Answer:
        return Answer(self.shapes.pull(*self.pull_of(call)))

    async def _open_pull(self, call: Call) -> Answer:
        project, body = self.project(call, "write"), call.body
        source, target = str(body.get("head", "")).partition(":")[2] or str(body.get("head", "")), body.get("base")
        if source not in project.branches or target not in project.branches:
            raise invalid("PullRequest", "head and base must be branches", "head")
        if any(p.source == source and p.target == target and p.state == "open" for p in project.pulls.values()):
            raise invalid("PullRequest", f"A pull request already exists for {project.owner}:{source}.")
        number = await self.open_pull_request(
            project.path, self.writer(call), str(body.get("title") or ""), body=body.get("body") or "",
            source=source, target=str(target), draft=bool(body.get("draft")),
        )  # fmt: skip
        return Answer(self.shapes.pull(project, project.pulls[number]), status=201)

    async def _change_pull(self, call: Call) -> Answer:
        project, pull = self.pull_of(call)
        by = self.writer(call)
        if by != pull.author:
            self.project(call, "write")
        pull.title, pull.body = call.body.get("title", pull.title), call.body.get("body", pull.body)
        await self._set_pull_state(project, pull, by, call.body.get("state"))
        return Answer(self.shapes.pull(project, pull))

    async def _set_pull_state(self, project: Project, pull: PullRequest, by: str, state: str | None) -> None:
        if state == "closed" and pull.state == "open":
            await self.close(project.path, by, pull.number)
        if state == "open" and pull.state == "closed":
            await self.reopen(project.path, by, pull.number)

    async def _request(self, call: Call) -> Answer:
        project, pull = self.pull_of(call, "write")
        by, teams = self.writer(call), [f"{project.owner}/{slug}" for slug in call.body.get("team_reviewers") or []]
        reviewers = self._known("PullRequest", "reviewers", list(call.body.get("reviewers") or []))
        if unknown := [team for team in teams if team not in self.world.teams]:
            raise invalid("PullRequest", f"{', '.join(unknown)} is no team", "team_reviewers")
        act = self.request_review if call.request.method == "POST" else self.remove_review_request
        await act(project.path, by, pull.number, reviewers, teams=teams)
        return Answer(self.shapes.pull(project, pull), status=201 if call.request.method == "POST" else 200)

    def _list_reviews(self, call: Call) -> Answer:
        project, pull = self.pull_of(call)
        return self.page(call, pull.reviews, lambda review: self.shapes.review(project, pull, review, rest=True))

    async def _merge(self, call: Call) -> Answer:
        project, pull = self.pull_of(call, "write")
        if pull.state != "open" or pull.draft:
            raise error(405, "Pull Request is not mergeable")
        await self.merge(project.path, self.writer(call), pull.number)
        return Answer({"sha": pull.merge_sha, "merged": True, "message": "Pull Request successfully merged"})
