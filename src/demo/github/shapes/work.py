"""Commits, runs, jobs, releases and deployments as GitHub shows them."""

from typing import Any

from src.demo.forge.records import Change, CommitStatus
from src.demo.forge.state import Commit, Deployment, Job, Project, PullRequest, Release, Run
from src.demo.github.shapes.talk import TalkShapes
from src.demo.github.shapes.words import DEPLOYMENT_STATES, node_id, run_state, stamp

Json = dict[str, Any]


class WorkShapes(TalkShapes):
    """Commits, runs, jobs, releases, deployments."""

    def commit(self, project: Project, commit: Commit) -> Json:
        """A commit as the REST API shows it."""
        url = f"{self.repo_url(project)}/commits/{commit.sha}"
        who = self.signature(commit)
        changed = [("added", commit.added), ("modified", commit.modified), ("removed", commit.removed)]
        return {
            "sha": commit.sha, "node_id": node_id("Commit", int(commit.sha[:8], 16)), "url": url,
            "html_url": f"{self.repo_page(project)}/commit/{commit.sha}", "comments_url": f"{url}/comments",
            "commit": {
                "author": who, "committer": who, "message": commit.title, "comment_count": 0,
                "tree": {"sha": commit.sha, "url": f"{self.repo_url(project)}/git/trees/{commit.sha}"},
                "url": f"{self.repo_url(project)}/git/commits/{commit.sha}",
                "verification": {"verified": False, "reason": "unsigned", "signature": None, "payload": None},
            },
            "author": self.user(commit.author), "committer": self.user(commit.author),
            "parents": [{"sha": sha, "url": f"{self.repo_url(project)}/commits/{sha}"} for sha in commit.parents],
            "stats": {"total": 1, "additions": 1, "deletions": 0},
            "files": [self.file(project, path, status, commit.sha) for status, paths in changed for path in paths],
        }  # fmt: skip

    def signature(self, commit: Commit) -> Json:
        """Author or committer of a commit as git has them."""
        user = self.world.user(commit.author)
        return {"name": user.name, "email": user.email, "date": stamp(commit.at)}

    def file(self, project: Project, path: str, status: str, sha: str) -> Json:
        """A changed file (``diff-entry``)."""
        page = self.repo_page(project)
        return {
            "sha": sha, "filename": path, "status": status, "additions": 1, "deletions": 1, "changes": 2,
            "blob_url": f"{page}/blob/{sha}/{path}", "raw_url": f"{page}/raw/{sha}/{path}",
            "contents_url": f"{self.repo_url(project)}/contents/{path}?ref={sha}",
        }  # fmt: skip

    def changed_file(self, project: Project, change: Change, sha: str, blob_sha: str, *, told: bool) -> Json:
        """A file of a pull request. One that is not `told` comes like one in which nothing changed."""
        added, gone = (change.additions, change.deletions) if told else (0, 0)
        shape = self.file(project, change.path, change.status, sha) | {
            "sha": blob_sha, "additions": added, "deletions": gone, "changes": added + gone,
        }  # fmt: skip
        if told and change.patch is not None:
            shape["patch"] = change.patch.removesuffix("\n")
        return shape | ({"previous_filename": change.old_path} if change.old_path else {})

    def status(self, project: Project, status: CommitStatus) -> Json:
        """How a commit stands in one context."""
        return {
            "url": f"{self.repo_url(project)}/statuses/{status.sha}", "id": status.id,
            "node_id": node_id("StatusContext", status.id), "avatar_url": self.user(status.author)["avatar_url"],
            "state": status.state, "description": status.description, "target_url": status.url,
            "context": status.context, "created_at": stamp(status.at), "updated_at": stamp(status.at),
            "creator": self.user(status.author),
        }  # fmt: skip

    def pushed_commit(self, project: Project, commit: Commit) -> Json:
        """A commit as a push delivers it."""
        who = self.signature(commit)
        person = {"name": who["name"], "email": who["email"], "username": commit.author}
        return {
            "id": commit.sha, "tree_id": commit.sha, "distinct": True, "message": commit.title,
            "timestamp": commit.at.isoformat(timespec="seconds"),
            "url": f"{self.repo_page(project)}/commit/{commit.sha}", "author": person, "committer": person,
            "added": list(commit.added), "removed": list(commit.removed), "modified": list(commit.modified),
        }  # fmt: skip

    def run(self, project: Project, run: Run) -> Json:
        """A workflow run."""
        url = f"{self.repo_url(project)}/actions/runs/{run.id}"
        commit = project.commits[run.sha]
        who = self.signature(commit)
        status, conclusion = run_state(run.status)
        pulls = [project.pulls[run.pull_request]] if run.pull_request else []
        workflow = self.workflow(project, run)
        return {
            "id": run.id, "name": run.name, "node_id": node_id("WorkflowRun", run.id), "head_branch": run.branch,
            "head_sha": run.sha, "path": workflow["path"], "display_title": commit.title, "run_number": run.number,
            "event": "pull_request" if pulls else "push", "status": status, "conclusion": conclusion,
            "workflow_id": workflow["id"], "check_suite_id": run.id + 1,
            "check_suite_node_id": node_id("CheckSuite", run.id),
            "url": url, "html_url": f"{self.repo_page(project)}/actions/runs/{run.id}",
            "pull_requests": [self._run_pull(project, pull) for pull in pulls], "created_at": stamp(run.created_at),
            "updated_at": stamp(run.updated_at), "actor": self.user(run.starter), "run_attempt": 1,
            "referenced_workflows": [], "run_started_at": stamp(run.created_at),
            "triggering_actor": self.user(run.starter), "jobs_url": f"{url}/jobs", "logs_url": f"{url}/logs",
            "check_suite_url": f"{self.repo_url(project)}/check-suites/{run.id + 1}",
            "artifacts_url": f"{url}/artifacts", "cancel_url": f"{url}/cancel", "rerun_url": f"{url}/rerun",
            "previous_attempt_url": None,
            "workflow_url": workflow["url"],
            "head_commit": {
                "id": commit.sha, "tree_id": commit.sha, "message": commit.title, "timestamp": who["date"],
                "author": {"name": who["name"], "email": who["email"]},
                "committer": {"name": who["name"], "email": who["email"]},
            },
            "repository": self.minimal_repo(project), "head_repository": self.minimal_repo(project),
        }  # fmt: skip

    def workflow(self, project: Project, run: Run) -> Json:
        """The workflow that a run belongs to."""
        slug = run.name.lower().replace(" ", "-")
        workflow_id = self.world.label_id(f"workflow {run.name}")
        return {
            "id": workflow_id, "node_id": node_id("Workflow", workflow_id), "name": run.name,
            "path": f".github/workflows/{slug}.yml", "state": "active", "created_at": stamp(project.created_at),
            "updated_at": stamp(project.created_at), "url": f"{self.repo_url(project)}/actions/workflows/{workflow_id}",
            "html_url": f"{self.repo_page(project)}/blob/main/.github/workflows/{slug}.yml",
            "badge_url": f"{self.repo_page(project)}/workflows/{slug}/badge.svg",
        }  # fmt: skip

    def _run_pull(self, project: Project, pull: PullRequest) -> Json:
        repo = {"id": project.id, "url": self.repo_url(project), "name": project.name}
        return {
            "url": f"{self.repo_url(project)}/pulls/{pull.number}", "id": pull.id, "number": pull.number,
            "head": {"ref": pull.source, "sha": pull.head_sha, "repo": repo},
            "base": {"ref": pull.target, "sha": pull.base_sha, "repo": repo},
        }  # fmt: skip

    def job(self, project: Project, run: Run, job: Job) -> Json:
        """One job of a run."""
        url = f"{self.repo_url(project)}/actions/jobs/{job.id}"
        status, conclusion = run_state(job.status)
        ended = stamp(run.updated_at) if status == "completed" else None
        return {
            "id": job.id, "run_id": run.id, "workflow_name": run.name, "head_branch": run.branch,
            "run_url": f"{self.repo_url(project)}/actions/runs/{run.id}", "run_attempt": 1,
            "node_id": node_id("CheckRun", job.id), "head_sha": run.sha, "url": url,
            "html_url": f"{self.repo_page(project)}/actions/runs/{run.id}/job/{job.id}", "status": status,
            "conclusion": conclusion, "created_at": stamp(run.created_at), "started_at": stamp(run.created_at),
            "completed_at": ended, "name": job.name,
            "steps": [{"name": job.name, "status": status, "conclusion": conclusion, "number": 1,
                       "started_at": stamp(run.created_at), "completed_at": ended}],
            "check_run_url": f"{self.repo_url(project)}/check-runs/{job.id}", "labels": ["ubuntu-latest"],
            "runner_id": 1, "runner_name": "Runner 1", "runner_group_id": 2, "runner_group_name": "Default",
        }  # fmt: skip

    def release(self, project: Project, release: Release) -> Json:
        """A release."""
        url = f"{self.repo_url(project)}/releases/{release.id}"
        archive = f"{self.repo_url(project)}/%s/refs/tags/{release.tag}"
        return {
            "url": url, "assets_url": f"{url}/assets", "upload_url": f"{url}/assets{{?name,label}}",
            "html_url": f"{self.repo_page(project)}/releases/tag/{release.tag}", "id": release.id,
            "author": self.user(release.author), "node_id": node_id("Release", release.id), "tag_name": release.tag,
            "target_commitish": project.default_branch, "name": release.title, "draft": False, "immutable": False,
            "prerelease": release.prerelease, "created_at": stamp(release.at), "updated_at": stamp(release.at),
            "published_at": stamp(release.at), "assets": [], "tarball_url": archive % "tarball",
            "zipball_url": archive % "zipball", "body": release.body,
        }  # fmt: skip

    def deployment(self, project: Project, deployment: Deployment) -> Json:
        """A deployment."""
        url = f"{self.repo_url(project)}/deployments/{deployment.id}"
        return {
            "url": url, "id": deployment.id, "node_id": node_id("Deployment", deployment.id), "task": "deploy",
            "original_environment": deployment.environment, "environment": deployment.environment, "description": None,
            "created_at": stamp(deployment.at), "updated_at": stamp(deployment.at), "statuses_url": f"{url}/statuses",
            "repository_url": self.repo_url(project), "creator": self.user(deployment.creator), "sha": deployment.sha,
            "ref": deployment.branch, "payload": {}, "transient_environment": False, "production_environment": False,
            "performed_via_github_app": None,
        }  # fmt: skip

    def deployment_status(self, project: Project, deployment: Deployment) -> Json:
        """How a deployment stands."""
        url = f"{self.repo_url(project)}/deployments/{deployment.id}"
        return {
            "url": f"{url}/statuses/1", "id": deployment.id + 1, "node_id": node_id("DeploymentStatus", deployment.id),
            "state": DEPLOYMENT_STATES[deployment.status], "creator": self.user(deployment.creator), "description": "",
            "environment": deployment.environment, "target_url": "", "created_at": stamp(deployment.at),
            "updated_at": stamp(deployment.at), "deployment_url": url, "repository_url": self.repo_url(project),
            "environment_url": "", "log_url": "", "performed_via_github_app": None,
        }  # fmt: skip
