"""What GitLab's webhooks say, but for those of issues and merge requests: "Webhook events" in its documentation."""

from collections.abc import Sequence
from typing import Any

from src.demo.forge.state import Comment, Deployment, Job, Project, Release, Run
from src.demo.gitlab.shapes.blocks import BlockShapes
from src.demo.gitlab.shapes.rest import diff_refs, pipeline_source
from src.demo.gitlab.shapes.words import NOTEABLES, iso, spoken

Json = dict[str, Any]


class PayloadShapes(BlockShapes):
    """Whole payloads, but for those of issues and merge requests."""

    def note_block(self, project: Project, comment: Comment, action: str) -> Json:
        """``object_attributes`` of a note."""
        target = comment.target
        ids: dict[str, Any] = {"issue": project.issues, "snippet": project.snippets}
        noteable = None if comment.on == "commit" else ids.get(comment.on, project.pulls)[target]
        block = {
            "id": comment.id, "note": comment.body, "description": comment.body, "action": action, "attachment": None,
            "author_id": self.world.user(comment.author).id, "noteable_type": NOTEABLES[comment.on],
            "noteable_id": noteable.id if noteable else None, "commit_id": target if comment.on == "commit" else "",
            "created_at": spoken(comment.created_at), "updated_at": spoken(comment.updated_at),
            "project_id": project.id, "line_code": None, "system": False, "st_diff": None,
            "internal": comment.internal, "type": "DiffNote" if comment.on == "review" else None, "position": None,
            "original_position": None, "change_position": None, "resolved_at": None, "resolved_by_id": None,
            "discussion_id": f"{comment.thread or comment.id:040x}", "url": self.comment_page(project, comment),
        }  # fmt: skip
        if comment.on == "review":
            pull = project.pulls[int(target)]
            block["position"] = block["original_position"] = {
                **diff_refs(pull),
                "old_path": comment.file,
                "new_path": comment.file, "position_type": "text", "old_line": None, "new_line": comment.line,
                "line_range": None,
            }  # fmt: skip
        return block

    def note_subject(self, project: Project, comment: Comment) -> Json:
        """The block of what a note is on."""
        if comment.on == "issue":
            return {"issue": self.issue_block(project, project.issues[int(comment.target)])}
        if comment.on == "commit":
            return {"commit": self.commit_block(project, project.commits[str(comment.target)])}
        if comment.on == "snippet":
            snippet = project.snippets[int(comment.target)]
            return {
                "snippet": {
                    "id": snippet.id, "title": snippet.title, "content": "", "type": "ProjectSnippet",
                    "author_id": self.world.user(snippet.author).id, "project_id": project.id,
                    "file_name": "snippet.txt",
                    "created_at": spoken(snippet.created_at), "updated_at": spoken(snippet.created_at),
                    "visibility_level": 20, "url": self.page(project, f"snippets/{snippet.id}"),
                }
            }  # fmt: skip
        pull = project.pulls[int(comment.target)]
        assignee = {"assignee": self.hook_user(pull.assignees[0])} if pull.assignees else {}
        return {"merge_request": self.merge_request_block(project, pull) | assignee}

    def push(self, project: Project, by: str, ref: str, before: str, after: str, shas: Sequence[str]) -> Json:
        """A push to a branch or of a tag; at most twenty commits are listed."""
        user, kind = self.world.user(by), "tag_push" if ref.startswith("refs/tags/") else "push"
        commits = [project.commits[sha] for sha in shas]
        changed = [{"added": list(c.added), "modified": list(c.modified), "removed": list(c.removed)} for c in commits]
        blocks = [self.commit_block(project, c) | files for c, files in zip(commits, changed, strict=True)]
        return {
            "object_kind": kind, "event_name": kind, "before": before, "after": after, "ref": ref,
            "ref_protected": False,
            "checkout_sha": after if int(after, 16) else None, "message": None, "user_id": user.id,
            "user_name": user.name, "user_username": by, "user_email": "", "user_avatar": self.avatar(by),
            "project_id": project.id, "project": self.hook_project(project), "commits": blocks[-20:],
            "total_commits_count": len(commits), "push_options": {}, "repository": self.code_repository(project),
        }  # fmt: skip

    def pipeline_payload(self, project: Project, run: Run) -> Json:
        """A pipeline with its jobs."""
        ended = None if run.status == "running" else spoken(run.updated_at)
        attributes = {
            "id": run.id, "iid": run.number, "name": run.name, "ref": run.branch, "tag": False, "sha": run.sha,
            "before_sha": "0" * 40, "source": pipeline_source(run), "status": run.status, "detailed_status": run.status,
            "stages": ["test"], "created_at": spoken(run.created_at), "finished_at": ended,
            "duration": 60 if ended else None, "queued_duration": 1, "variables": [], "protected_ref": False,
            "url": self.page(project, f"pipelines/{run.id}"),
        }  # fmt: skip
        payload = {
            "object_kind": "pipeline", "object_attributes": attributes, "merge_request": None,
            "user": self.hook_user(run.starter), "project": self.hook_project(project),
            "commit": self.commit_block(project, project.commits[run.sha]),
            "builds": [self._build(run, job) for job in run.jobs],
        }  # fmt: skip
        if run.pull_request:
            pull = project.pulls[run.pull_request]
            keys = ("id", "iid", "title", "source_branch", "source_project_id", "target_branch", "target_project_id",
                    "state", "merge_status", "detailed_merge_status", "url")  # fmt: skip
            block = self.merge_request_block(project, pull)
            payload["merge_request"] = {key: block[key] for key in keys}
        if run.child:
            payload["source_pipeline"] = {
                "project": {"id": project.id, "web_url": self.home(project), "path_with_namespace": project.path},
                "job_id": 1, "pipeline_id": run.id - 1,
            }  # fmt: skip
        return payload

    def _build(self, run: Run, job: Job) -> Json:
        return {
            "id": job.id, "stage": "test", "name": job.name, "status": job.status, "created_at": spoken(run.created_at),
            "started_at": spoken(run.created_at), "finished_at": spoken(run.updated_at), "duration": 30.0,
            "queued_duration": 1.0, "failure_reason": "script_failure" if job.status == "failed" else None,
            "when": "on_success", "manual": False, "allow_failure": False, "user": self.hook_user(run.starter),
            "runner": None, "artifacts_file": {"filename": None, "size": None}, "environment": None,
        }  # fmt: skip

    def job_payload(self, project: Project, run: Run, job: Job) -> Json:
        """One job; it is still called build."""
        commit, author = project.commits[run.sha], self.world.user(project.commits[run.sha].author)
        return {
            "object_kind": "build", "ref": run.branch, "tag": False, "before_sha": "0" * 40, "sha": run.sha,
            "retries_count": 0, "build_id": job.id, "build_name": job.name, "build_stage": "test",
            "build_status": job.status, "build_created_at": spoken(run.created_at),
            "build_started_at": spoken(run.created_at), "build_finished_at": spoken(run.updated_at),
            "build_created_at_iso": iso(run.created_at), "build_started_at_iso": iso(run.created_at),
            "build_finished_at_iso": iso(run.updated_at), "build_duration": 30.0, "build_queued_duration": 1.0,
            "build_allow_failure": False,
            "build_failure_reason": "script_failure" if job.status == "failed" else "unknown_failure",
            "pipeline_id": run.id, "runner": None, "project_id": project.id, "project_name": project.path.replace("/",
            " / "),
            "user": self.hook_user(run.starter),
            "commit": {
                "id": run.id, "name": run.name, "sha": run.sha, "message": commit.title, "author_name": author.name,
                "author_email": author.email, "author_url": f"{self.web}/{author.login}", "status": run.status,
                "duration": 60, "started_at": spoken(run.created_at), "finished_at": spoken(run.updated_at),
                "started_at_iso": iso(run.created_at), "finished_at_iso": iso(run.updated_at),
            },
            "repository": self.code_repository(project),
            "project": self.hook_project(project), "environment": None, "source_pipeline": None,
        }  # fmt: skip

    def wiki_payload(self, project: Project, by: str, action: str, slug: str, title: str) -> Json:
        """A wiki page."""
        page = self.page(project, f"wikis/{slug}")
        attributes = {
            "slug": slug, "title": title, "format": "markdown", "message": f"{action.capitalize()} {title}",
            "version_id": "0" * 40, "content": "" if action == "delete" else f"# {title}", "url": page,
            "action": action, "diff_url": f"{page}/diff?version_id={'0' * 40}",
        }  # fmt: skip
        wiki = {
            "web_url": self.page(project, "wikis/home"), "git_ssh_url": f"git@127.0.0.1:{project.path}.wiki.git",
            "git_http_url": f"{self.home(project)}.wiki.git", "path_with_namespace": f"{project.path}.wiki",
            "default_branch": "main",
        }  # fmt: skip
        return {
            "object_kind": "wiki_page", "user": self.hook_user(by), "project": self.hook_project(project), "wiki": wiki,
            "object_attributes": attributes,
        }  # fmt: skip

    def release_payload(self, project: Project, release: Release, action: str) -> Json:
        """A release; GitLab does not say who made it."""
        return {
            "id": release.id, "created_at": spoken(release.at), "description": release.body, "name": release.title,
            "released_at": spoken(release.at), "tag": release.tag, "object_kind": "release",
            "project": self.hook_project(project), "url": self.page(project, f"releases/{release.tag}"),
            "action": action, "assets": {"count": 0, "links": [], "sources": []},
            "commit": self.commit_block(project, project.commits[release.sha]),
        }  # fmt: skip

    def deployment_payload(self, project: Project, deployment: Deployment) -> Json:
        """A deployment."""
        commit = project.commits[deployment.sha]
        return {
            "object_kind": "deployment", "status": deployment.status,
            "status_changed_at": deployment.at.strftime("%Y-%m-%d %H:%M:%S +0000"), "deployment_id": deployment.id,
            "deployable_id": deployment.id, "deployable_url": self.page(project, f"jobs/{deployment.id}"),
            "environment": deployment.environment, "environment_tier": "other",
            "environment_slug": deployment.environment,
            "environment_external_url": None, "project": self.hook_project(project), "ref": deployment.branch,
            "short_sha": deployment.sha[:8], "user": self.hook_user(deployment.creator),
            "user_url": f"{self.web}/{deployment.creator}", "commit_url": self.page(project, f"commit/{commit.sha}"),
            "commit_title": commit.title,
        }  # fmt: skip
