"""Issues and pull requests as GitHub shows them."""

from typing import Any

from src.demo.forge.protocol import CommentTarget
from src.demo.forge.state import Project, PullRequest, Team, Thread
from src.demo.github.shapes.accounts import AccountShapes
from src.demo.github.shapes.words import node_id, reactions, stamp

Json = dict[str, Any]

_ONLY_IN_FULL = frozenset({
    "merged", "mergeable", "rebaseable", "mergeable_state", "merged_by", "comments", "review_comments",
    "maintainer_can_modify", "commits", "additions", "deletions", "changed_files",
})  # fmt: skip


class ThreadShapes(AccountShapes):
    """Issues and pull requests."""

    def association(self, project: Project, login: str) -> str:
        """What the author of a text is to the project."""
        if login == project.owner:
            return "OWNER"
        return "MEMBER" if login in project.members else "NONE"

    def labels(self, project: Project, names: list[str]) -> list[Json]:
        """Labels of a thread."""
        return [
            {
                "id": self.world.label_id(name), "node_id": node_id("Label", self.world.label_id(name)),
                "url": f"{self.repo_url(project)}/labels/{name}", "name": name, "color": "ededed", "default": False,
                "description": None,
            }
            for name in names
        ]  # fmt: skip

    def _thread(self, project: Project, thread: Thread) -> Json:
        """What an issue and a pull request have in common."""
        assignees = [self.user(login) for login in thread.assignees]
        return {
            "number": thread.number, "title": thread.title, "user": self.user(thread.author),
            "state": "open" if thread.state == "open" else "closed", "locked": False, "assignees": assignees,
            "assignee": assignees[0] if assignees else None, "labels": self.labels(project, thread.labels),
            "milestone": None, "created_at": stamp(thread.created_at), "updated_at": stamp(thread.updated_at),
            "closed_at": stamp(thread.closed_at), "author_association": self.association(project, thread.author),
            "active_lock_reason": None, "body": thread.body or None,
        }  # fmt: skip

    def issue(self, project: Project, thread: Thread) -> Json:
        """An issue; a pull request shows itself as one too, with the key ``pull_request``."""
        url = f"{self.repo_url(project)}/issues/{thread.number}"
        is_pull = isinstance(thread, PullRequest)
        page = f"{self.repo_page(project)}/{'pull' if is_pull else 'issues'}/{thread.number}"
        on: CommentTarget = "pull_request" if is_pull else "issue"
        shape = self._thread(project, thread) | {
            "url": url, "repository_url": self.repo_url(project), "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments", "events_url": f"{url}/events", "html_url": page, "id": thread.id,
            "node_id": node_id("Issue", thread.id), "comments": len(project.comments_on(on, thread.number)),
            "reactions": reactions(url), "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None, "state_reason": "completed" if thread.state == "closed" else None,
        }  # fmt: skip
        if isinstance(thread, PullRequest):
            pull_url = f"{self.repo_url(project)}/pulls/{thread.number}"
            shape["draft"] = thread.draft
            shape["pull_request"] = {
                "url": pull_url, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch",
                "merged_at": stamp(thread.merged_at),
            }  # fmt: skip
        return shape

    def branch(self, project: Project, name: str, sha: str) -> Json:
        """One side of a pull request."""
        return {
            "label": f"{project.owner}:{name}", "ref": name, "sha": sha, "user": self.user(project.owner),
            "repo": self.repo(project),
        }  # fmt: skip

    def head(self, project: Project, pull: PullRequest) -> Json:
        """The side that brings the changes, which may be in a fork."""
        where = self.world.project(pull.fork) if pull.fork else project
        name = pull.source.partition(":")[2] if pull.fork else pull.source
        return self.branch(where, name, pull.head_sha)

    def pull(self, project: Project, pull: PullRequest) -> Json:
        """A pull request in full."""
        url, page = f"{self.repo_url(project)}/pulls/{pull.number}", f"{self.repo_page(project)}/pull/{pull.number}"
        issue_url = f"{self.repo_url(project)}/issues/{pull.number}"
        statuses = f"{self.repo_url(project)}/statuses/{pull.head_sha}"
        links = {"self": url, "html": page, "issue": issue_url, "comments": f"{issue_url}/comments",
                 "review_comments": f"{url}/comments",
                 "review_comment": f"{self.repo_url(project)}/pulls/comments{{/number}}",
                 "commits": f"{url}/commits", "statuses": statuses}  # fmt: skip
        return self._thread(project, pull) | {
            "url": url, "id": pull.id, "node_id": node_id("PullRequest", pull.id), "html_url": page,
            "diff_url": f"{page}.diff", "patch_url": f"{page}.patch", "issue_url": issue_url,
            "commits_url": links["commits"], "review_comments_url": links["review_comments"],
            "review_comment_url": links["review_comment"], "comments_url": links["comments"], "statuses_url": statuses,
            "requested_reviewers": [self.user(login) for login in pull.reviewers],
            "requested_teams": [self.team(self.world.teams[path]) for path in pull.teams],
            "head": self.head(project, pull),
            "base": self.branch(project, pull.target, pull.base_sha),
            "_links": {name: {"href": link} for name, link in links.items()}, "auto_merge": None, "draft": pull.draft,
            "merged_at": stamp(pull.merged_at), "merge_commit_sha": pull.merge_sha, "merged": pull.state == "merged",
            "mergeable": None if pull.state != "open" else True, "rebaseable": None, "mergeable_state": "unknown",
            "merged_by": self.user(pull.merged_by) if pull.merged_by else None,
            "comments": len(project.comments_on("pull_request", pull.number)),
            "review_comments": len(project.comments_on("review", pull.number)), "maintainer_can_modify": False,
            "commits": 1, "additions": sum(change.additions for change in pull.changes),
            "deletions": sum(change.deletions for change in pull.changes),
            "changed_files": len(pull.changes),
        }  # fmt: skip

    def pull_in_short(self, project: Project, pull: PullRequest) -> Json:
        """A pull request as lists and the webhooks of reviews show it: they do not even say whether it is merged."""
        return {key: value for key, value in self.pull(project, pull).items() if key not in _ONLY_IN_FULL}

    def team(self, team: Team) -> Json:
        """A team."""
        org, _, slug = team.path.partition("/")
        org_id = self.world.users[org].id if org in self.world.users else 0
        url = f"{self.api}/organizations/{org_id}/team/{team.id}"
        return {
            "name": slug.capitalize(), "id": team.id, "node_id": node_id("Team", team.id), "slug": slug,
            "description": None, "privacy": "closed", "notification_setting": "notifications_enabled", "url": url,
            "html_url": f"{self.web}/orgs/{org}/teams/{slug}", "members_url": f"{url}/members{{/member}}",
            "repositories_url": f"{url}/repos", "permission": "pull", "parent": None,
        }  # fmt: skip
