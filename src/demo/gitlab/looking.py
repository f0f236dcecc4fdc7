"""GitLab's REST API for those who look instead of being told: events, notes of the system, states, comparisons."""

from typing import Any

from src.demo.forge.server import Answer, ApiError, Call, Handler
from src.demo.forge.state import NO_COMMIT, Commit, Happened, Project, Thread
from src.demo.gitlab.access import Access, not_found
from src.demo.gitlab.shapes.words import NOTEABLES, iso

Json = dict[str, Any]
_ACTIONS = {"create": "created", "update": "updated", "delete": "destroyed"}
_STATES = {"close": "closed", "reopen": "reopened", "merge": "merged"}
_APPROVALS = {
    "approved": "approved this merge request", "approval": "approved this merge request",
    "unapproved": "unapproved this merge request", "unapproval": "unapproved this merge request",
}  # fmt: skip
_SYSTEM_NOTES_FROM = 10_000_000  # their ids are far from those of other notes


class LookingRoutes(Access):
    """What changed, in lists."""

    def looking_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a project."""
        states = "/resource_state_events"
        return [
            ("GET", "/events", self._events), ("GET", "/releases", self._releases),
            ("GET", "/repository/compare", self._compare),
            ("GET", rf"/issues/{{issue:\d+}}{states}", self._issue_states),
            ("GET", rf"/merge_requests/{{pull:\d+}}{states}", self._pull_states),
        ]  # fmt: skip

    def _events(self, call: Call) -> Answer:
        """Pushes, tags and the wiki; issues, merge requests and notes have lists of their own that say more."""
        project = self.project(call)
        kinds = ("Push Hook", "Tag Push Hook", "Wiki Page Hook")
        found = [item for item in project.history if item.event in kinds]
        if call.query("sort", "desc") == "desc":
            found.reverse()
        return self.page(call, found, lambda item: self._event(project, item))

    def _event(self, project: Project, item: Happened) -> Json:
        payload = item.payload
        login = payload["user_username"] if "user_username" in payload else payload["user"]["username"]
        shape: Json = {
            "id": item.id, "project_id": project.id, "created_at": iso(item.at), "author": self.shapes.person(login),
            "author_id": self.world.user(login).id, "author_username": login, "target_id": None, "target_iid": None,
            "target_type": None, "target_title": None,
        }  # fmt: skip
        if item.event == "Wiki Page Hook":
            page = payload["object_attributes"]
            wiki = {"format": "markdown", "slug": page["slug"], "title": page["title"], "wiki_page_meta_id": item.id}
            more = {"target_type": "WikiPage::Meta", "target_title": page["title"], "wiki_page": wiki}
            return shape | more | {"action_name": _ACTIONS[page["action"]]}
        before, after = (None if sha == NO_COMMIT else sha for sha in (payload["before"], payload["after"]))
        word = ("pushed new", "created") if before is None else ("pushed to", "pushed")
        name, action = ("deleted", "removed") if after is None else word
        push = {
            "commit_count": payload["total_commits_count"], "action": action, "commit_from": before, "commit_to": after,
            "ref_type": "tag" if item.event == "Tag Push Hook" else "branch", "ref": payload["ref"].split("/", 2)[2],
            "commit_title": None, "ref_count": None,
        }  # fmt: skip
        return shape | {"action_name": name, "push_data": push}

    def _releases(self, call: Call) -> Answer:
        project = self.project(call)
        newest = sorted(project.releases.values(), key=lambda release: release.id, reverse=True)
        return self.page(call, newest, lambda release: {
            "tag_name": release.tag, "name": release.title, "description": release.body, "created_at": iso(release.at),
            "released_at": iso(release.at), "author": self.shapes.person(release.author), "upcoming_release": False,
            "commit": self.shapes.commit(project, project.commits[release.sha]),
            "_links": {"self": self.shapes.page(project, f"releases/{release.tag}")},
        })  # fmt: skip

    def _compare(self, call: Call) -> Answer:
        project, start, end = self.project(call), call.query("from"), call.query("to")
        if not start or not end:
            raise ApiError(400, {"error": "from is missing, to is missing"})
        if start not in project.commits or end not in project.commits:
            raise not_found("Ref Not Found")
        found: list[Commit] = []
        sha: str | None = end
        while sha is not None and sha != start:
            found.insert(0, project.commits[sha])
            sha = next(iter(project.commits[sha].parents), None)
        diffs = [
            {"old_path": path, "new_path": path, "new_file": word == "added", "deleted_file": word == "removed",
             "renamed_file": False, "diff": ""}
            for commit in found
            for word, paths in (("added", commit.added), ("modified", commit.modified), ("removed", commit.removed))
            for path in paths
        ]  # fmt: skip
        commits = [self.shapes.commit(project, commit) for commit in found]
        return Answer({"commits": commits, "diffs": diffs, "compare_timeout": False, "compare_same_ref": start == end})

    def _issue_states(self, call: Call) -> Answer:
        project = self.project(call)
        issue = project.issues.get(int(call.part("issue")))
        if issue is None or not self.may_see_issue(call, project, issue):
            raise not_found()
        return self._states(call, project, "issue", issue)

    def _pull_states(self, call: Call) -> Answer:
        project = self.project(call)
        pull = project.pulls.get(int(call.part("pull")))
        if pull is None:
            raise not_found()
        return self._states(call, project, "merge_request", pull)

    def _states(self, call: Call, project: Project, kind: str, thread: Thread) -> Answer:
        found = [item for item in acts(project, kind, thread.number) if _action(item) in _STATES]
        return self.page(call, found, lambda item: {
            "id": item.id, "user": self.shapes.person(item.payload["user"]["username"]), "created_at": iso(item.at),
            "resource_type": "MergeRequest" if kind == "merge_request" else "Issue", "resource_id": thread.id,
            "state": _STATES[_action(item)],
        })  # fmt: skip

    def system_notes(self, project: Project, on: str, thread: Thread) -> list[Json]:
        """What GitLab itself notes of what people did to a thread, the newest first."""
        kind = "issue" if on == "issue" else "merge_request"
        found = [(item, text) for item in acts(project, kind, thread.number) if (text := noted(item.payload))]
        return [
            {
                "id": _SYSTEM_NOTES_FROM + item.id, "type": None, "body": text, "system": True, "internal": False,
                "author": self.shapes.person(item.payload["user"]["username"]), "created_at": iso(item.at),
                "updated_at": iso(item.at), "noteable_type": NOTEABLES["issue" if on == "issue" else "pull_request"],
                "noteable_id": thread.id, "noteable_iid": thread.number, "project_id": project.id,
                "confidential": False, "resolvable": False, "imported": False, "commands_changes": {},
            }
            for item, text in reversed(found)
        ]  # fmt: skip


def acts(project: Project, kind: str, number: int) -> list[Happened]:
    """What happened to one issue or merge request, oldest first."""
    return [
        item for item in project.history
        if item.payload.get("object_kind") == kind and item.payload["object_attributes"]["iid"] == number
    ]  # fmt: skip


def noted(payload: Json) -> str | None:
    """GitLab's words for an act on a thread; `None`: it notes nothing of it, or in another list."""
    changes, action = payload.get("changes") or {}, payload["object_attributes"].get("action")
    if action in _APPROVALS:
        return _APPROVALS[action]
    if action != "update":
        return None
    if "draft" in changes:
        return f"marked this merge request as **{'draft' if changes['draft']['current'] else 'ready'}**"
    for what, add, remove in (
        ("reviewers", "requested review from", "removed review request for"),
        ("assignees", "assigned to", "unassigned"),
    ):  # fmt: skip
        if what in changes:
            before, after = ([one["username"] for one in changes[what][side]] for side in ("previous", "current"))
            again = [one["username"] for one in changes[what]["current"] if one.get("re_requested")]
            new, gone = [*(n for n in after if n not in before), *again], [n for n in before if n not in after]
            said = [f"{word} {_listed(names)}" for word, names in ((add, new), (remove, gone)) if names]
            return " and ".join(said) or None
    return None


def _listed(logins: list[str]) -> str:
    """``@ann``, ``@ann and @bob``, ``@ann, @bob, and @carl``."""
    names = [f"@{login}" for login in logins]
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])}, and {names[-1]}"


def _action(item: Happened) -> str:
    return str(item.payload["object_attributes"].get("action"))
