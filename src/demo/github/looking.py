"""GitHub's REST API for those who look instead of being told: lists of what happened, the newest first."""

from datetime import datetime
from typing import Any

from src.demo.forge.history import merge_base, resolve
from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Comment, Commit, Happened, Project
from src.demo.github.access import Access, error, not_found
from src.demo.github.shapes.words import node_id, stamp

Json = dict[str, Any]
_EVENTS_KEPT = 300  # "REST API endpoints for events"
_ISSUE_EVENTS = {
    "closed": "closed", "reopened": "reopened", "assigned": "assigned", "unassigned": "unassigned",
    "labeled": "labeled", "unlabeled": "unlabeled", "review_requested": "review_requested",
    "review_request_removed": "review_request_removed", "ready_for_review": "ready_for_review",
    "converted_to_draft": "convert_to_draft", "dismissed": "review_dismissed",
}  # fmt: skip
_TYPES = {
    "gollum": "GollumEvent", "create": "CreateEvent", "delete": "DeleteEvent", "commit_comment": "CommitCommentEvent",
    "push": "PushEvent", "issues": "IssuesEvent", "issue_comment": "IssueCommentEvent", "release": "ReleaseEvent",
}  # fmt: skip
_TRIMMED = {"push": ("ref", "before", "after"), "issues": ("action", "issue"), "release": ("action", "release")}


class LookingRoutes(Access):
    """What changed, in lists."""

    poll_interval = 60  # seconds, as `X-Poll-Interval` says

    def looking_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a repository."""
        return [
            ("GET", "/issues/events", self._issue_events), ("GET", "/issues/comments", self._thread_comments),
            ("GET", "/pulls/comments", self._line_comments), ("GET", "/activity", self._activity),
            ("GET", "/events", self._events), ("GET", "/releases", self._releases),
            ("GET", "/compare/{ends}", self._compare),
        ]  # fmt: skip

    def notification_routes(self) -> list[tuple[str, str, Handler]]:
        """Beside the repositories."""
        return [("GET", "/notifications", self._notifications)]

    def _issue_events(self, call: Call) -> Answer:
        project = self.project(call)
        told = [item for item in reversed(project.history) if item.payload.get("action") in _ISSUE_EVENTS]
        kinds = ("issues", "pull_request", "pull_request_review")
        return self.page(call, [i for i in told if i.event in kinds], lambda item: self._issue_event(project, item))

    def _issue_event(self, project: Project, item: Happened) -> Json:
        payload = item.payload
        number = (payload.get("issue") or payload["pull_request"])["number"]
        thread = project.issues.get(number) or project.pulls[number]
        url = f"{self.shapes.repo_url(project)}/issues/events/{item.id}"
        shape = {
            "id": item.id, "node_id": node_id("IssueEvent", item.id), "url": url, "actor": payload["sender"],
            "event": _ISSUE_EVENTS[payload["action"]], "commit_id": None, "commit_url": None,
            "created_at": stamp(item.at), "issue": self.shapes.issue(project, thread), "performed_via_github_app": None,
        }  # fmt: skip
        if payload["action"] in ("assigned", "unassigned"):
            shape |= {"assignee": payload["assignee"], "assigner": payload["sender"]}
        if payload["action"].startswith("review_request"):
            who: Json = {key: payload[key] for key in ("requested_reviewer", "requested_team") if key in payload}
            shape |= {"review_requester": payload["sender"], **who}
        if payload["action"] == "dismissed":
            shape["dismissed_review"] = {"state": "approved", "review_id": payload["review"]["id"]}
        return shape

    def _comments(self, call: Call, kinds: tuple[str, ...]) -> Answer:
        """Oldest first unless told else, as GitHub does."""
        project, by = self.project(call), call.query("sort", "created")
        if by not in ("created", "updated"):
            raise error(422, "Validation Failed")
        found: list[Comment] = [comment for comment in project.comments.values() if comment.on in kinds]
        newest_first = call.query("direction", "asc") == "desc"
        found.sort(key=lambda c: (getattr(c, f"{by}_at"), c.id), reverse=newest_first)
        return self.page(call, found, lambda comment: self.shapes.comment(project, comment))

    def _thread_comments(self, call: Call) -> Answer:
        return self._comments(call, ("issue", "pull_request"))

    def _line_comments(self, call: Call) -> Answer:
        return self._comments(call, ("review",))

    def _activity(self, call: Call) -> Answer:
        if call.user is None:
            raise not_found()
        pushes = [item for item in reversed(self.project(call).history) if item.event == "push"]
        branches = [item for item in pushes if item.payload["ref"].startswith("refs/heads/")]
        return self.page(call, branches, self._activity_of)

    def _activity_of(self, item: Happened) -> Json:
        payload = item.payload
        words = [w for key, w in (("created", "branch_creation"), ("deleted", "branch_deletion"),
                                  ("forced", "force_push")) if payload[key]]  # fmt: skip
        return {
            "id": item.id, "node_id": node_id("Activity", item.id), "before": payload["before"],
            "after": payload["after"], "ref": payload["ref"], "timestamp": stamp(item.at),
            "activity_type": words[0] if words else "push", "actor": payload["sender"],
        }  # fmt: skip

    def _events(self, call: Call) -> Answer:
        project = self.project(call)
        told = [item for item in reversed(project.history) if item.event in _TYPES][:_EVENTS_KEPT]
        answer = self.page(call, told, lambda item: self._event(project, item))
        return Answer(answer.body, headers={**answer.headers, "X-Poll-Interval": str(self.poll_interval)})

    def _event(self, project: Project, item: Happened) -> Json:
        sender, payload = item.payload["sender"], item.payload
        kept = _TRIMMED.get(item.event, tuple(payload))
        return {
            "id": str(item.id), "type": _TYPES[item.event],
            "actor": {key: sender[key] for key in ("id", "login", "gravatar_id", "url", "avatar_url")},
            "repo": {"id": project.id, "name": project.path, "url": self.shapes.repo_url(project)},
            "payload": {key: payload[key] for key in kept if key not in ("repository", "sender", "organization")},
            "public": not project.private, "created_at": stamp(item.at),
        }  # fmt: skip

    def _releases(self, call: Call) -> Answer:
        project = self.project(call)
        newest = sorted(project.releases.values(), key=lambda release: release.id, reverse=True)
        return self.page(call, newest, lambda release: self.shapes.release(project, release))

    def _compare(self, call: Call) -> Answer:
        """The commits from one to another, oldest first, and all files that they touch."""
        project = self.project(call)
        ends = [resolve(project, end) for end in call.part("ends").split("...", 1)]
        if len(ends) != 2 or ends[0] is None or ends[1] is None:
            raise not_found()
        end, start = ends[1], merge_base(project, ends[0], ends[1])
        if start is None:
            raise not_found()
        found: list[Commit] = []
        sha: str | None = end
        while sha is not None and sha != start:
            found.insert(0, project.commits[sha])
            sha = next(iter(project.commits[sha].parents), None)
        files = [
            self.shapes.file(project, path, status, commit.sha)
            for commit in found
            for status, paths in (("added", commit.added), ("modified", commit.modified), ("removed", commit.removed))
            for path in paths
        ]
        commits = [self.shapes.commit(project, commit) for commit in found]
        base = self.shapes.commit(project, project.commits[start])
        return Answer({
            "status": "ahead", "total_commits": len(commits), "merge_base_commit": base, "commits": commits,
            "files": files,
        })  # fmt: skip

    def _notifications(self, call: Call) -> Answer:
        """What concerns the person, one for each thread of each repository that they belong to."""
        if call.user is None or (call.token and self.is_fine_grained(call.token)):
            raise error(403, "Resource not accessible by personal access token")
        if not self.has_scope(call.token, {"notifications", "repo"}):
            raise not_found({"notifications", "repo"})
        login = call.user.login
        shapes: list[tuple[datetime, Json]] = []
        for project in self.world.projects.values():
            if not self.may_see(call, project) or (login not in project.members and login != project.owner):
                continue
            for thread in (*project.issues.values(), *project.pulls.values()):
                subject = {"title": thread.title, "type": "Issue" if thread.number in project.issues else "PullRequest"}
                shapes.append((thread.updated_at, {
                    "id": str(thread.id), "repository": self.shapes.minimal_repo(project), "subject": subject,
                    "reason": "subscribed", "unread": True, "updated_at": stamp(thread.updated_at),
                }))  # fmt: skip
        shapes.sort(key=lambda pair: pair[0], reverse=True)
        answer = self.page(call, [shape for _, shape in shapes], lambda shape: shape)
        return Answer(answer.body, headers={**answer.headers, "X-Poll-Interval": str(self.poll_interval)})
