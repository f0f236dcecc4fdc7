"""The blocks that GitLab's webhooks share: people, projects, issues, merge requests, commits."""

from collections.abc import Sequence
from typing import Any

from src.demo.forge.state import Commit, Issue, Project, PullRequest, Thread
from src.demo.gitlab.shapes.rest import RestShapes
from src.demo.gitlab.shapes.words import HIDDEN_EMAIL, STATE_IDS, spoken, state

Json = dict[str, Any]


class BlockShapes(RestShapes):
    """The blocks of people, projects, issues and merge requests."""

    def hook_user(self, login: str) -> Json:
        """Somebody."""
        user = self.world.user(login)
        return {
            "id": user.id, "name": user.name, "username": login, "avatar_url": self.avatar(login),
            "email": HIDDEN_EMAIL,
        }  # fmt: skip

    def reviewers(self, pull: PullRequest, re_requested: Sequence[str] = ()) -> list[Json]:
        """The reviewers and how each stands."""
        return [
            self.hook_user(login)
            | {"state": pull.verdicts.get(login, "unreviewed"), "re_requested": login in re_requested}
            for login in pull.reviewers
        ]

    def hook_project(self, project: Project) -> Json:
        """The project."""
        home = self.home(project)
        ssh = f"git@127.0.0.1:{project.path}.git"
        return {
            "id": project.id, "name": project.name, "description": "", "web_url": home, "avatar_url": None,
            "git_ssh_url": ssh, "git_http_url": f"{home}.git", "namespace": project.owner,
            "visibility_level": 0 if project.private else 20, "path_with_namespace": project.path,
            "default_branch": project.default_branch, "ci_config_path": "", "homepage": home, "url": ssh,
            "ssh_url": ssh, "http_url": f"{home}.git",
        }  # fmt: skip

    def repository(self, project: Project) -> Json:
        """The project in the older form."""
        return {
            "name": project.name, "url": f"git@127.0.0.1:{project.path}.git", "description": "",
            "homepage": self.home(project),
        }  # fmt: skip

    def code_repository(self, project: Project) -> Json:
        """The same in pushes and jobs, with where to clone it from."""
        return self.repository(project) | {
            "git_http_url": f"{self.home(project)}.git", "git_ssh_url": f"git@127.0.0.1:{project.path}.git",
            "visibility_level": 0 if project.private else 20,
        }  # fmt: skip

    def hook_labels(self, project: Project, names: Sequence[str]) -> list[Json]:
        """Labels."""
        return [
            {
                "id": self.world.label_id(name), "title": name, "color": "#ededed", "project_id": project.id,
                "created_at": spoken(project.created_at), "updated_at": spoken(project.created_at), "template": False,
                "description": "", "type": "ProjectLabel", "group_id": None,
            }
            for name in names
        ]  # fmt: skip

    def _thread_block(self, project: Project, thread: Thread) -> Json:
        ids = [self.world.user(login).id for login in thread.assignees]
        return {
            "id": thread.id, "iid": thread.number, "title": thread.title, "description": thread.body,
            "author_id": self.world.user(thread.author).id, "assignee_ids": ids, "assignee_id": ids[0] if ids else None,
            "created_at": spoken(thread.created_at), "updated_at": spoken(thread.updated_at), "last_edited_at": None,
            "last_edited_by_id": None, "updated_by_id": None, "milestone_id": None, "state_id": STATE_IDS[thread.state],
            "state": state(thread), "time_estimate": 0, "total_time_spent": 0, "human_total_time_spent": None,
            "human_time_estimate": None, "labels": self.hook_labels(project, thread.labels),
            "url": self.thread_page(project, thread),
        }  # fmt: skip

    def issue_block(self, project: Project, issue: Issue) -> Json:
        """``object_attributes`` of an issue, and the block ``issue`` of a note."""
        return self._thread_block(project, issue) | {
            "project_id": project.id, "confidential": issue.confidential, "discussion_locked": None, "due_date": None,
            "moved_to_id": None, "duplicated_to_id": None, "relative_position": 0, "closed_at": spoken(issue.closed_at),
            "weight": None, "health_status": None, "severity": "unknown", "type": "Issue",
        }  # fmt: skip

    def merge_request_block(self, project: Project, pull: PullRequest) -> Json:
        """``object_attributes`` of a merge request, and the block ``merge_request`` of a note."""
        block = self.hook_project(project)
        return self._thread_block(project, pull) | {
            "target_branch": pull.target, "target_project_id": project.id, **self.source(project, pull),
            "source": self.hook_project(self.world.project(pull.fork)) if pull.fork else block, "target": block,
            "draft": pull.draft,
            "work_in_progress": pull.draft, "merge_status": "can_be_merged", "merge_commit_sha": pull.merge_sha,
            "detailed_merge_status": "mergeable", "merge_error": None, "merge_params": {},
            "merge_when_pipeline_succeeds": False, "merge_user_id": None, "head_pipeline_id": None,
            "reviewer_ids": [self.world.user(login).id for login in pull.reviewers], "first_contribution": False,
            "blocking_discussions_resolved": True, "prepared_at": spoken(pull.created_at),
            "last_commit": self.commit_block(project, project.commits[pull.head_sha]), "system": False,
        }  # fmt: skip

    def commit_block(self, project: Project, commit: Commit) -> Json:
        """A commit, its author by name and e-mail."""
        user = self.world.user(commit.author)
        return {
            "id": commit.sha, "message": commit.title + "\n", "title": commit.title,
            "timestamp": commit.at.isoformat(timespec="seconds"), "url": self.page(project, f"commit/{commit.sha}"),
            "author": {"name": user.name, "email": user.email},
        }  # fmt: skip
