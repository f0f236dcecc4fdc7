"""GitLab's REST API for issues, merge requests and notes; writing is what the website does."""

from typing import Any

from src.demo.forge.protocol import CommentTarget
from src.demo.forge.server import Answer, ApiError, Call, Handler
from src.demo.forge.state import Comment, Issue, Project, PullRequest, Thread
from src.demo.gitlab.access import DEVELOPER, not_found, refusal
from src.demo.gitlab.commands import Commands
from src.demo.gitlab.hooks import truth
from src.demo.gitlab.looking import LookingRoutes
from src.demo.gitlab.shapes.words import state

Json = dict[str, Any]


class ThreadRoutes(LookingRoutes, Commands):
    """Issues and merge requests over HTTP."""

    def thread_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a project."""
        issue, pull, note = r"/issues/{issue:\d+}", r"/merge_requests/{pull:\d+}", r"/notes/{note:\d+}"
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/issues", self._list_issues), ("POST", "/issues", self._open_issue),
            ("GET", issue, self._get_issue), ("PUT", issue, self._change_issue),
            ("GET", "/merge_requests", self._list_pulls), ("POST", "/merge_requests", self._open_pull),
            ("GET", pull, self._get_pull), ("PUT", pull, self._change_pull),
            ("PUT", f"{pull}/merge", self._merge),
            ("POST", f"{pull}/approve", self._judge), ("POST", f"{pull}/unapprove", self._judge),
        ]  # fmt: skip
        for thread in (issue, pull):
            routes += [
                ("GET", f"{thread}/participants", self._participants), ("GET", f"{thread}/notes", self._list_notes),
                ("POST", f"{thread}/notes", self._write_note), ("GET", thread + note, self._get_note),
                ("PUT", thread + note, self._edit_note),
            ]  # fmt: skip
        return routes

    def _issue(self, call: Call) -> tuple[Project, Issue]:
        project = self.project(call)
        issue = project.issues.get(int(call.part("issue")))
        if issue is None or not self.may_see_issue(call, project, issue):
            raise not_found("Issue Not Found" if issue is None else "Not found")
        return project, issue

    def _pull(self, call: Call, need: int = 0) -> tuple[Project, PullRequest]:
        project = self.project(call, need)
        pull = project.pulls.get(int(call.part("pull")))
        if pull is None:
            raise not_found()
        return project, pull

    def _thread(self, call: Call) -> tuple[Project, Thread, CommentTarget]:
        if "issue" in call.request.match_info:
            return *self._issue(call), "issue"
        return *self._pull(call), "pull_request"

    def _logins(self, call: Call, field: str) -> list[str]:
        """The people that a body names by id; unknown ids are ignored, as on GitLab."""
        by_id = {user.id: user.login for user in self.world.users.values()}
        value = call.body.get(field) or []
        ids = value if isinstance(value, list) else str(value).split(",")
        return [by_id[int(i)] for i in ids if int(i) in by_id]

    def _labels(self, call: Call) -> list[str]:
        value = call.body.get("labels") or []
        return [str(v) for v in (value if isinstance(value, list) else str(value).split(","))]

    def _may_change(self, call: Call, project: Project, author: str) -> str:
        by = self.me(call).login
        if by != author and self.shapes.level(by, project) < DEVELOPER:
            raise refusal(403, "Forbidden")
        return by

    # Issues

    def _list_issues(self, call: Call) -> Answer:
        project, wanted = self.project(call), call.query("state", "all")
        issues = [
            issue for issue in reversed(project.issues.values())
            if self.may_see_issue(call, project, issue) and wanted in ("all", state(issue))
        ]  # fmt: skip
        if call.query("order_by") == "updated_at":
            issues.sort(key=lambda issue: issue.updated_at, reverse=call.query("sort", "desc") == "desc")
        return self.page(call, issues, lambda issue: self.shapes.issue(project, issue))

    def _get_issue(self, call: Call) -> Answer:
        return Answer(self.shapes.issue(*self._issue(call)))

    async def _open_issue(self, call: Call) -> Answer:
        project, by = self.project(call), self.me(call).login
        if not call.body.get("title"):
            raise ApiError(400, {"error": "title is missing"})
        number = await self.open_issue(
            project.path, by, str(call.body["title"]), body=str(call.body.get("description") or ""),
            assignees=self._logins(call, "assignee_ids"), labels=self._labels(call),
            confidential=truth(call.body.get("confidential")),
        )  # fmt: skip
        return Answer(self.shapes.issue(project, project.issues[number]), status=201)

    async def _change_issue(self, call: Call) -> Answer:
        project, issue = self._issue(call)
        by, body = self._may_change(call, project, issue.author), call.body
        if body.keys() & {"title", "description", "labels"}:
            labels = self._labels(call) if "labels" in body else None
            title, text = body.get("title"), body.get("description")
            await self.update_issue(project.path, by, issue.number, title=title, body=text, labels=labels)
        if "assignee_ids" in body:
            await self.assign_issue(project.path, by, issue.number, self._logins(call, "assignee_ids"))
        if body.get("state_event") == "close":
            await self.close_issue(project.path, by, issue.number)
        if body.get("state_event") == "reopen":
            await self.reopen_issue(project.path, by, issue.number)
        return Answer(self.shapes.issue(project, issue))

    def _participants(self, call: Call) -> Answer:
        project, thread, _ = self._thread(call)
        return self.page(call, project.participants(thread), self.shapes.person)

    # Notes

    def _notes(self, call: Call) -> tuple[Project, list[Comment]]:
        project, thread, on = self._thread(call)
        notes = project.comments_on(on, thread.number)
        if on == "pull_request":
            notes += project.comments_on("review", thread.number)
        return project, [note for note in notes if self.may_see_note(call, project, note)]

    def _list_notes(self, call: Call) -> Answer:
        """Those that people wrote and those of the system, in the order of their making."""
        project, notes = self._notes(call)
        _, thread, on = self._thread(call)
        shapes = [*(self.shapes.note(project, note) for note in notes), *self.system_notes(project, on, thread)]
        shapes.sort(key=lambda shape: (shape["created_at"], shape["id"]), reverse=call.query("sort", "desc") == "desc")
        return self.page(call, shapes, lambda shape: shape)

    def _note(self, call: Call) -> tuple[Project, Comment]:
        project, notes = self._notes(call)
        note = next((note for note in notes if note.id == int(call.part("note"))), None)
        if note is None:
            raise not_found()
        return project, note

    def _get_note(self, call: Call) -> Answer:
        return Answer(self.shapes.note(*self._note(call)))

    async def _write_note(self, call: Call) -> Answer:
        project, thread, on = self._thread(call)
        if not call.body.get("body"):
            raise ApiError(400, {"error": "body is missing"})
        by, internal = self.me(call).login, truth(call.body.get("internal") or call.body.get("confidential"))
        if internal and self.shapes.level(by, project) < DEVELOPER:
            raise refusal(403, "Forbidden")
        body = str(call.body["body"])
        if isinstance(thread, PullRequest):
            body = await self.obey(project, thread, by, body)
        if not body:
            return Answer({"commands_changes": {}, "summary": ["Done."]}, status=202)
        made = await self.comment(project.path, by, on, thread.number, body, internal=internal)
        return Answer(self.shapes.note(project, project.comments[int(made)]), status=201)

    async def _edit_note(self, call: Call) -> Answer:
        project, note = self._note(call)
        by = self._may_change(call, project, note.author)
        body, (_, thread, _) = str(call.body.get("body") or ""), self._thread(call)
        if isinstance(thread, PullRequest):
            body = await self.obey(project, thread, by, body)
        await self.edit_comment(project.path, by, str(note.id), body)
        return Answer(self.shapes.note(project, note))

    # Merge requests

    def _list_pulls(self, call: Call) -> Answer:
        project, wanted = self.project(call), call.query("state", "all")
        pulls = [pull for pull in reversed(project.pulls.values()) if wanted in ("all", state(pull))]
        if call.query("order_by") == "updated_at":
            pulls.sort(key=lambda pull: pull.updated_at, reverse=call.query("sort", "desc") == "desc")
        return self.page(call, pulls, lambda pull: self.shapes.merge_request(project, pull))

    def _get_pull(self, call: Call) -> Answer:
        return Answer(self.shapes.merge_request(*self._pull(call)))

    async def _open_pull(self, call: Call) -> Answer:
        project, body = self.project(call, DEVELOPER), call.body
        for field in ("source_branch", "target_branch", "title"):
            if not body.get(field):
                raise ApiError(400, {"error": f"{field} is missing"})
        source, target = str(body["source_branch"]), str(body["target_branch"])
        if source not in project.branches or target not in project.branches:
            raise ApiError(422, {"message": ["Source branch and target branch must exist"]})
        if any(p.source == source and p.target == target and p.state == "open" for p in project.pulls.values()):
            raise ApiError(409, {"message": [f"Another open merge request already exists for {source}"]})
        number = await self.open_pull_request(
            project.path, self.me(call).login, str(body["title"]), body=str(body.get("description") or ""),
            source=source,
            target=target, reviewers=self._logins(call, "reviewer_ids"), assignees=self._logins(call, "assignee_ids"),
            labels=self._labels(call),
        )  # fmt: skip
        return Answer(self.shapes.merge_request(project, project.pulls[number]), status=201)

    async def _change_pull(self, call: Call) -> Answer:
        project, pull = self._pull(call)
        by, body = self._may_change(call, project, pull.author), call.body
        if "assignee_ids" in body:
            await self.assign_pull_request(project.path, by, pull.number, self._logins(call, "assignee_ids"))
        if "reviewer_ids" in body:
            await self.set_reviewers(project.path, by, pull.number, self._logins(call, "reviewer_ids"))
        if body.get("state_event") == "close":
            await self.close(project.path, by, pull.number)
        if body.get("state_event") == "reopen":
            await self.reopen(project.path, by, pull.number)
        return Answer(self.shapes.merge_request(project, pull))

    async def _merge(self, call: Call) -> Answer:
        project, pull = self._pull(call, DEVELOPER)
        if pull.state != "open" or pull.draft:
            raise refusal(405, "Method Not Allowed")
        await self.merge(project.path, self.me(call).login, pull.number)
        return Answer(self.shapes.merge_request(project, pull))

    async def _judge(self, call: Call) -> Answer:
        project, pull = self._pull(call, DEVELOPER)
        verdict = "approved" if call.request.path.endswith("/approve") else "unapproved"
        await self.review(project.path, self.me(call).login, pull.number, verdict)
        return Answer(self.shapes.merge_request(project, pull), status=201)
