"""What people do on GitLab beside that: reviews, pushes, pipelines, the wiki, releases, deployments."""

from collections.abc import Sequence
from typing import Any

from src.demo.forge.history import refresh
from src.demo.forge.protocol import Unsupported, WikiWord
from src.demo.forge.records import Change, CommitSpec, Files
from src.demo.forge.state import NO_COMMIT, Project, PullRequest
from src.demo.gitlab.shapes import DEPLOYMENT_STATUSES, PIPELINE_STATUSES
from src.demo.gitlab.versions import note_version
from src.demo.gitlab.website import Threads, change

Json = dict[str, Any]
WIKI_ACTIONS: dict[WikiWord, str] = {"created": "create", "updated": "update", "deleted": "delete"}


class Website(Threads):
    """All of the website."""

    def set_approvals_required(self, path: str, count: int) -> None:
        """How many approvals a merge request needs; below that each is told of as ``approval``, not ``approved``."""
        self.world.project(path).approvals_required = count

    async def review(self, path: str, by: str, number: int, state: str, *, body: str = "") -> None:
        """An approval taken or given, changes requested (``update`` with the reviewer's state), or a note."""
        project, pull = self.world.pull(path, number)
        if state == "dismissed":
            raise Unsupported("GitLab cannot dismiss a review")
        if body or state == "commented":
            await self.comment(path, by, "pull_request", number, body or "Looked at it.")
        if state in ("approved", "unapproved"):
            self._approve(project, pull, by, state)
        elif state == "changes_requested":
            await self._request_changes(project, pull, by)
        elif state != "commented":
            raise Unsupported(f"GitLab has no review {state}")
        await self.delivered()

    def _approve(self, project: Project, pull: PullRequest, by: str, state: str) -> None:
        needed = max(1, project.approvals_required)
        was_approved = len(pull.approvers) >= needed
        pull.approvers = [login for login in pull.approvers if login != by]
        if state == "approved":
            pull.approvers.append(self.world.user(by).login)
        pull.verdicts[by] = state
        self.world.touch(project, pull)
        whole = len(pull.approvers) >= needed if state == "approved" else was_approved
        words = {"approved": ("approval", "approved"), "unapproved": ("unapproval", "unapproved")}
        self.tell_pull(project, pull, by, words[state][whole])

    async def _request_changes(self, project: Project, pull: PullRequest, by: str) -> None:
        """Only reviewers can request changes, so whoever is none becomes one first."""
        if by not in pull.reviewers:
            await self.request_review(project.path, by, pull.number, [by])
        before = self.shapes.reviewers(pull)
        pull.approvers = [login for login in pull.approvers if login != by]
        pull.verdicts[by] = "requested_changes"
        self.world.touch(project, pull)
        self.tell_pull(project, pull, by, "update", {"reviewers": change(before, self.shapes.reviewers(pull))})

    def tell_push(self, project: Project, by: str, ref: str, before: str, after: str, shas: Sequence[str] = ()) -> None:
        """Queue the webhook of a push to a branch or of a tag."""
        header = "Tag Push Hook" if ref.startswith("refs/tags/") else "Push Hook"
        self.announce(project, header, self.shapes.push(project, by, ref, before, after, shas))

    async def push(
        self, path: str, by: str, branch: str, commits: Sequence[CommitSpec] = (), *, forced: bool = False
    ) -> str:
        """A push, and ``update`` with ``oldrev`` for merge requests from it. It does not say that one was forced."""
        project = self.world.project(path)
        before = project.branches.get(branch, NO_COMMIT)
        made = self.world.commit(project, by, branch, commits, anew=forced)
        after = project.branches[branch]
        self.tell_push(project, by, f"refs/heads/{branch}", before, after, [commit.sha for commit in made])
        self._follow(project, by, branch, before)
        await self.delivered()
        return after

    def _follow(self, project: Project, by: str, branch: str, before: str) -> None:
        """``update`` for merge requests from a branch that was pushed to."""
        for pull in [p for p in project.pulls.values() if p.source == branch and p.state == "open"]:
            pull.head_sha = project.branches[branch]
            refresh(project, pull)
            changes = self._touched(project, pull)
            note_version(self.world, project, pull)
            self.tell_pull(project, pull, by, "update", changes, oldrev=before)

    async def push_to_pull_request(
        self, path: str, by: str, number: int, *, title: str = "More work", changes: Sequence[Change] = (),
        files: Files | None = None,
    ) -> str:  # fmt: skip
        """A push, and ``update`` with ``oldrev``; a push to a fork is told to the fork's own hooks: there are none."""
        project, pull = self.world.pull(path, number)
        modified = tuple(c.path for c in changes)
        pull.changes += [c for c in changes if c.path not in {known.path for known in pull.changes}]
        spec = CommitSpec(title=title, modified=modified, files=files or {})
        if pull.fork is None:
            return await self.push(path, by, pull.source, [spec])
        before = pull.head_sha
        self.world.commit(project, by, pull.source, [spec])
        self._follow(project, by, pull.source, before)
        await self.delivered()
        return pull.head_sha

    async def merge(self, path: str, by: str, number: int) -> None:
        """``merge``, then the push to the target branch."""
        project, pull = self.world.pull(path, number)
        before, after = self.world.merge(project, pull, by)
        self.tell_pull(project, pull, by, "merge", {"state_id": change(1, 3)})
        self.tell_push(project, by, f"refs/heads/{pull.target}", before, after, [after])
        await self.delivered()

    async def delete_branch(self, path: str, by: str, branch: str) -> None:
        """A push to nothing."""
        project = self.world.project(path)
        self.tell_push(project, by, f"refs/heads/{branch}", project.branches.pop(branch), NO_COMMIT)
        await self.delivered()

    async def push_tag(self, path: str, by: str, tag: str) -> None:
        """A tag push."""
        project = self.world.project(path)
        project.tags[tag] = project.head
        self.tell_push(project, by, f"refs/tags/{tag}", NO_COMMIT, project.head, [project.head])
        await self.delivered()

    async def delete_tag(self, path: str, by: str, tag: str) -> None:
        """A tag push to nothing."""
        project = self.world.project(path)
        self.tell_push(project, by, f"refs/tags/{tag}", project.tags.pop(tag), NO_COMMIT)
        await self.delivered()

    async def run_pipeline(
        self, path: str, by: str, branch: str, status: str, *, failed_jobs: Sequence[str] = (),
        pull_request: int | None = None, name: str = "CI", child: bool = False,
    ) -> str:  # fmt: skip
        """A job's webhook for each failed job, then the pipeline's."""
        if status not in PIPELINE_STATUSES:
            raise Unsupported(f"GitLab has no pipeline status {status}")
        project = self.world.project(path)
        run = self.world.run(
            project, by, branch, status, failed_jobs=failed_jobs, pull_request=pull_request, name=name, child=child
        )
        for job in [job for job in run.jobs if job.name in failed_jobs]:
            self.announce(project, "Job Hook", self.shapes.job_payload(project, run, job))
        self.announce(project, "Pipeline Hook", self.shapes.pipeline_payload(project, run))
        await self.delivered()
        return str(run.id)

    async def edit_wiki(self, path: str, by: str, action: WikiWord, title: str) -> None:
        """``create``, ``update`` or ``delete`` of a page."""
        project = self.world.project(path)
        slug = title.replace(" ", "-")
        if action == "deleted":
            project.wiki.pop(slug, None)
        else:
            project.wiki[slug] = title
        payload = self.shapes.wiki_payload(project, by, WIKI_ACTIONS[action], slug, title)
        self.announce(project, "Wiki Page Hook", payload)
        await self.delivered()

    async def publish_release(
        self, path: str, by: str, tag: str, *, title: str | None = None, body: str = "", prerelease: bool = False
    ) -> None:
        """``create`` of a release; GitLab has no mark for one that comes before its time."""
        project = self.world.project(path)
        is_new_tag = tag not in project.tags
        release = self.world.release(project, by, tag, title or tag, body, prerelease)
        if is_new_tag:
            self.tell_push(project, by, f"refs/tags/{tag}", NO_COMMIT, release.sha, [release.sha])
        self.announce(project, "Release Hook", self.shapes.release_payload(project, release, "create"))
        await self.delivered()

    async def deploy(self, path: str, by: str, environment: str, status: str) -> str:
        """A deployment's webhook."""
        if status not in DEPLOYMENT_STATUSES:
            raise Unsupported(f"GitLab has no deployment status {status}")
        project = self.world.project(path)
        deployment = self.world.deploy(project, by, environment, status)
        self.announce(project, "Deployment Hook", self.shapes.deployment_payload(project, deployment))
        await self.delivered()
        return str(deployment.id)
