"""What people do on GitHub beside issues and pull requests: pushes, runs, the wiki, releases, deployments."""

from collections.abc import Sequence
from typing import Any

from src.demo.forge.history import refresh
from src.demo.forge.protocol import Unsupported, WikiWord
from src.demo.forge.records import Change, CommitSpec, Files
from src.demo.forge.state import NO_COMMIT, Project
from src.demo.github.shapes import DEPLOYMENT_STATES
from src.demo.github.website import Threads

Json = dict[str, Any]


class Website(Threads):
    """All of the website."""

    def push_payload(
        self,
        project: Project,
        by: str,
        ref: str,
        before: str,
        after: str,
        *,
        shas: Sequence[str] = (),
        forced: bool = False,
    ) -> Json:
        """The body of a ``push`` webhook for a branch or a tag."""
        page = self.shapes.repo_page(project)
        head = project.commits.get(after)
        created, deleted = before == NO_COMMIT, after == NO_COMMIT
        name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        return {
            "ref": ref, "before": before, "after": after, "created": created, "deleted": deleted, "forced": forced,
            "base_ref": None,
            "compare": f"{page}/compare/{name if created or deleted else f'{before[:12]}...{after[:12]}'}",
            "commits": [self.shapes.pushed_commit(project, project.commits[sha]) for sha in shas],
            "head_commit": self.shapes.pushed_commit(project, head) if head else None,
            "pusher": {"name": by, "email": self.world.user(by).email}, **self.frame(project, by),
            "repository": self.shapes.pushed_repo(project),
        }  # fmt: skip

    def tell_push(
        self,
        project: Project,
        by: str,
        ref: str,
        before: str,
        after: str,
        *,
        shas: Sequence[str] = (),
        forced: bool = False,
    ) -> None:
        """Queue a ``push`` webhook."""
        payload = self.push_payload(project, by, ref, before, after, shas=shas, forced=forced)
        self.announce(project, "push", payload)

    def tell_ref(self, project: Project, by: str, event: str, kind: str, name: str) -> None:
        """Queue a ``create`` or ``delete`` webhook."""
        payload: Json = {"ref": name, "ref_type": kind, "pusher_type": "user"}
        if event == "create":
            payload |= {"description": None, "master_branch": project.default_branch}
        self.tell(project, event, by, payload)

    def queue_push(
        self, project: Project, by: str, branch: str, commits: Sequence[CommitSpec], *, forced: bool = False
    ) -> str:
        """Add commits to a branch and queue what GitHub tells of it. Returns the new head."""
        before = project.branches.get(branch, NO_COMMIT)
        made = self.world.commit(project, by, branch, commits, anew=forced)
        after = project.branches[branch]
        shas = [commit.sha for commit in made]
        self.tell_push(project, by, f"refs/heads/{branch}", before, after, shas=shas, forced=forced)
        if before == NO_COMMIT:
            self.tell_ref(project, by, "create", "branch", branch)
        return after

    async def push(
        self, path: str, by: str, branch: str, commits: Sequence[CommitSpec] = (), *, forced: bool = False
    ) -> str:
        """``push``, for a new branch also ``create``; ``synchronize`` for pull requests from the branch."""
        project = self.world.project(path)
        before = project.branches.get(branch, NO_COMMIT)
        after = self.queue_push(project, by, branch, commits, forced=forced)
        self._follow(project, by, branch, before)
        await self.delivered()
        return after

    def _follow(self, project: Project, by: str, branch: str, before: str) -> None:
        """``synchronize`` for pull requests from a branch that was pushed to."""
        after = project.branches[branch]
        for pull in [p for p in project.pulls.values() if p.source == branch and p.state == "open"]:
            pull.head_sha = after
            refresh(project, pull)
            self.world.touch(project, pull)
            self.tell_pull(project, pull, by, "synchronize", before=before, after=after)

    async def push_to_pull_request(
        self, path: str, by: str, number: int, *, title: str = "More work", changes: Sequence[Change] = (),
        files: Files | None = None,
    ) -> str:  # fmt: skip
        """``push`` and ``synchronize``; a push to a fork is told to the fork's own hooks, of which it has none."""
        project, pull = self.world.pull(path, number)
        modified = tuple(change.path for change in changes)
        pull.changes += [change for change in changes if change.path not in {c.path for c in pull.changes}]
        spec = CommitSpec(title=title, modified=modified, files=files or {})
        if pull.fork is None:
            return await self.push(path, by, pull.source, [spec])
        before = pull.head_sha
        self.world.commit(project, by, pull.source, [spec])
        self._follow(project, by, pull.source, before)
        await self.delivered()
        return pull.head_sha

    async def merge(self, path: str, by: str, number: int) -> None:
        """``closed`` with ``merged`` true, then the ``push`` to the target branch."""
        project, pull = self.world.pull(path, number)
        before, after = self.world.merge(project, pull, by)
        self.tell_pull(project, pull, by, "closed")
        self.tell_push(project, by, f"refs/heads/{pull.target}", before, after, shas=[after])
        await self.delivered()

    async def delete_branch(self, path: str, by: str, branch: str) -> None:
        """``push`` with ``deleted``, and ``delete``."""
        project = self.world.project(path)
        self.tell_push(project, by, f"refs/heads/{branch}", project.branches.pop(branch), NO_COMMIT)
        self.tell_ref(project, by, "delete", "branch", branch)
        await self.delivered()

    async def push_tag(self, path: str, by: str, tag: str) -> None:
        """``push`` of the tag, and ``create``."""
        project = self.world.project(path)
        project.tags[tag] = project.head
        self.world.touch(project)
        self.tell_push(project, by, f"refs/tags/{tag}", NO_COMMIT, project.head)
        self.tell_ref(project, by, "create", "tag", tag)
        await self.delivered()

    async def delete_tag(self, path: str, by: str, tag: str) -> None:
        """``push`` with ``deleted``, and ``delete``."""
        project = self.world.project(path)
        self.tell_push(project, by, f"refs/tags/{tag}", project.tags.pop(tag), NO_COMMIT)
        self.tell_ref(project, by, "delete", "tag", tag)
        await self.delivered()

    async def run_pipeline(
        self, path: str, by: str, branch: str, status: str, *, failed_jobs: Sequence[str] = (),
        pull_request: int | None = None, name: str = "CI", child: bool = False,
    ) -> str:  # fmt: skip
        """``workflow_job`` for each failed job, then ``workflow_run``."""
        if child:
            raise Unsupported("GitHub has no child pipelines")
        project = self.world.project(path)
        run = self.world.run(
            project, by, branch, status, failed_jobs=failed_jobs, pull_request=pull_request, name=name, child=False
        )
        for job in [job for job in run.jobs if job.status == "failed" and job.name in failed_jobs]:
            shape = self.shapes.job(project, run, job)
            self.tell(project, "workflow_job", by, {"action": "completed", "workflow_job": shape})
        shape = self.shapes.run(project, run)
        workflow = self.shapes.workflow(project, run)
        payload = {"action": shape["status"], "workflow_run": shape, "workflow": workflow}
        self.tell(project, "workflow_run", by, payload)
        await self.delivered()
        return str(run.id)

    async def edit_wiki(self, path: str, by: str, action: WikiWord, title: str) -> None:
        """``gollum`` with one page; GitHub never tells of a deleted one."""
        if action == "deleted":
            raise Unsupported("GitHub does not tell of deleted wiki pages")
        project = self.world.project(path)
        slug = title.replace(" ", "-")
        project.wiki[slug] = title
        page = {
            "page_name": slug, "title": title, "summary": None,
            "action": "created" if action == "created" else "edited", "sha": self.world.new_sha(),
            "html_url": f"{self.shapes.repo_page(project)}/wiki/{slug}",
        }  # fmt: skip
        self.tell(project, "gollum", by, {"pages": [page]})
        await self.delivered()

    async def publish_release(
        self, path: str, by: str, tag: str, *, title: str | None = None, body: str = "", prerelease: bool = False
    ) -> None:
        """``created``, ``published`` and ``released`` (or ``prereleased``), as GitHub sends all three."""
        project = self.world.project(path)
        release = self.world.release(project, by, tag, title or tag, body, prerelease)
        for action in ("created", "published", "prereleased" if prerelease else "released"):
            self.tell(project, "release", by, {"action": action, "release": self.shapes.release(project, release)})
        await self.delivered()

    async def deploy(self, path: str, by: str, environment: str, status: str) -> str:
        """``deployment`` and ``deployment_status``."""
        if status not in DEPLOYMENT_STATES:
            raise Unsupported(f"GitHub has no deployment state for {status}")
        project = self.world.project(path)
        deployment = self.world.deploy(project, by, environment, status)
        shape = self.shapes.deployment(project, deployment)
        more = {"workflow": None, "workflow_run": None, "deployment": shape}
        self.tell(project, "deployment", by, {"action": "created", **more})
        told = self.shapes.deployment_status(project, deployment)
        self.tell(project, "deployment_status", by, {"action": "created", **more, "deployment_status": told})
        await self.delivered()
        return str(deployment.id)
