"""What people do on GitHub, and the webhooks that follow: "Webhook events and payloads" in its documentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.demo.forge.protocol import CommentTarget, Unsupported
from src.demo.forge.records import Change, Files
from src.demo.forge.server import Server
from src.demo.forge.state import Comment, Issue, LineThread, Project, PullRequest, Review
from src.demo.github.shapes import WorkShapes
from src.demo.github.shapes.words import node_id

Json = dict[str, Any]
_STATES = {"approved", "changes_requested", "commented"}


class Threads(Server):
    """Issues, pull requests and the talk on them. Every method ends when its webhooks are delivered."""

    shapes: WorkShapes

    def tell(self, project: Project, event: str, by: str, payload: Mapping[str, Any]) -> None:
        """Queue a webhook with what every payload has: repository, organisation, sender."""
        self.announce(project, event, {**payload, **self.frame(project, by)})

    def frame(self, project: Project, by: str) -> Json:
        """The blocks that every payload has."""
        organization = self.shapes.organization(project)
        return {
            "repository": self.shapes.repo(project), **({"organization": organization} if organization else {}),
            "sender": self.shapes.user(by),
        }  # fmt: skip

    # Issues

    def tell_issue(self, project: Project, issue: Issue, by: str, action: str, **more: object) -> None:
        """Queue an ``issues`` webhook."""
        self.tell(project, "issues", by, {"action": action, "issue": self.shapes.issue(project, issue), **more})

    async def open_issue(
        self, path: str, by: str, title: str, *, body: str = "", assignees: Sequence[str] = (),
        labels: Sequence[str] = (), confidential: bool = False,
    ) -> int:  # fmt: skip
        """``opened``, then ``labeled`` and ``assigned`` for each."""
        if confidential:
            raise Unsupported("GitHub has no confidential issues")
        project = self.world.project(path)
        issue = self.world.open_issue(project, by, title, body, assignees, labels)
        self.tell_issue(project, issue, by, "opened")
        for label in self.shapes.labels(project, issue.labels):
            self.tell_issue(project, issue, by, "labeled", label=label)
        for login in issue.assignees:
            self.tell_issue(project, issue, by, "assigned", assignee=self.shapes.user(login))
        await self.delivered()
        return issue.number

    async def update_issue(
        self, path: str, by: str, number: int, *, title: str | None = None, body: str | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """``edited`` with what was before; ``labeled`` and ``unlabeled`` for each label."""
        project, issue = self.world.issue(path, number)
        changes: Json = {}
        if title is not None and title != issue.title:
            changes["title"], issue.title = {"from": issue.title}, title
        if body is not None and body != issue.body:
            changes["body"], issue.body = {"from": issue.body}, body
        self.world.touch(project, issue)
        if changes:
            self.tell_issue(project, issue, by, "edited", changes=changes)
        if labels is not None:
            before, issue.labels = issue.labels, list(labels)
            for label in self.shapes.labels(project, [name for name in issue.labels if name not in before]):
                self.tell_issue(project, issue, by, "labeled", label=label)
            for label in self.shapes.labels(project, [name for name in before if name not in issue.labels]):
                self.tell_issue(project, issue, by, "unlabeled", label=label)
        await self.delivered()

    async def assign_issue(self, path: str, by: str, number: int, assignees: Sequence[str]) -> None:
        """``assigned`` and ``unassigned``, one for each person."""
        project, issue = self.world.issue(path, number)
        before, issue.assignees = issue.assignees, [self.world.user(login).login for login in assignees]
        self.world.touch(project, issue)
        for login in [login for login in issue.assignees if login not in before]:
            self.tell_issue(project, issue, by, "assigned", assignee=self.shapes.user(login))
        for login in [login for login in before if login not in issue.assignees]:
            self.tell_issue(project, issue, by, "unassigned", assignee=self.shapes.user(login))
        await self.delivered()

    async def close_issue(self, path: str, by: str, number: int) -> None:
        """``closed``."""
        await self._set_issue_state(path, by, number, "closed", "closed")

    async def reopen_issue(self, path: str, by: str, number: int) -> None:
        """``reopened``."""
        await self._set_issue_state(path, by, number, "open", "reopened")

    async def _set_issue_state(self, path: str, by: str, number: int, state: str, action: str) -> None:
        project, issue = self.world.issue(path, number)
        self.world.set_state(project, issue, state)
        self.tell_issue(project, issue, by, action)
        await self.delivered()

    # Comments

    async def comment(
        self, path: str, by: str, on: CommentTarget, number: int | str, body: str, *,
        internal: bool = False, file: str | None = None, line: int | None = None,
    ) -> str:  # fmt: skip
        """``issue_comment`` (a pull request's too), ``pull_request_review_comment`` or ``commit_comment``."""
        if internal or on == "snippet":
            raise Unsupported("GitHub has neither internal comments nor snippets")
        project = self.world.project(path)
        review: Review | None = None
        if on == "review":
            # A comment on a line is a review of its own: GitHub tells of both.
            review = self.world.review(project, by, project.pulls[int(number)], "commented", "")
            file, line = file or "README.md", line or 1
        review_id = review.id if review else None
        comment = self.world.comment(project, by, on, number, body, file=file, line=line, review_id=review_id)
        self.tell_comment(project, comment, by, "created")
        if review is not None:
            self.tell_review(project, project.pulls[int(number)], review, by, "submitted")
        await self.delivered()
        return str(comment.id)

    async def reply(self, path: str, by: str, comment_id: str, body: str) -> str:
        """``pull_request_review_comment``; an answer is a review of its own, too."""
        project = self.world.project(path)
        first = project.comments[int(comment_id)]
        thread, pull = project.line_threads[first.thread or 0], project.pulls[int(first.target)]
        review = self.world.review(project, by, pull, "commented", "")
        comment = self.world.comment(
            project, by, "review", pull.number, body, file=thread.file, line=thread.line, review_id=review.id,
            thread=thread,
        )  # fmt: skip
        self.tell_comment(project, comment, by, "created")
        self.tell_review(project, pull, review, by, "submitted")
        await self.delivered()
        return str(comment.id)

    async def resolve_thread(self, path: str, by: str, comment_id: str, *, resolved: bool = True) -> None:
        """``pull_request_review_thread`` with ``resolved`` or ``unresolved``."""
        project = self.world.project(path)
        thread = project.line_threads[project.comments[int(comment_id)].thread or 0]
        self.set_resolved(project, thread, by, resolved=resolved)
        await self.delivered()

    def set_resolved(self, project: Project, thread: LineThread, by: str, *, resolved: bool) -> None:
        """Mark a thread and queue its webhook, unless it is so already."""
        if resolved == (thread.resolved_by is not None):
            return
        thread.resolved_by = self.world.user(by).login if resolved else None
        comments = [self.shapes.comment(project, comment) for comment in project.comments_in(thread)]
        short = self.shapes.pull_in_short(project, project.pulls[thread.pull])
        shape = {"comments": comments, "node_id": node_id("PullRequestReviewThread", thread.id)}
        payload = {"action": "resolved" if resolved else "unresolved", "pull_request": short, "thread": shape}
        self.tell(project, "pull_request_review_thread", by, payload)

    async def edit_comment(self, path: str, by: str, comment_id: str, body: str) -> None:
        """``edited`` with the text before."""
        project = self.world.project(path)
        comment = project.comments[int(comment_id)]
        before, comment.body = comment.body, body
        comment.updated_at = self.world.now()
        self.tell_comment(project, comment, by, "edited", changes={"body": {"from": before}})
        await self.delivered()

    def tell_comment(self, project: Project, comment: Comment, by: str, action: str, **more: object) -> None:
        """Queue the webhook of a comment, which depends on what it is on."""
        payload: Json = {"action": action, "comment": self.shapes.comment(project, comment), **more}
        if comment.on == "review":
            pull = self.shapes.pull_in_short(project, project.pulls[int(comment.target)])
            self.tell(project, "pull_request_review_comment", by, {**payload, "pull_request": pull})
        elif comment.on == "commit":
            if action == "created":  # GitHub never tells of an edited commit comment
                self.tell(project, "commit_comment", by, payload)
        else:
            thread = self.world.thread(project, comment.on, int(comment.target))
            self.tell(project, "issue_comment", by, {**payload, "issue": self.shapes.issue(project, thread)})

    # Pull requests

    def tell_pull(self, project: Project, pull: PullRequest, by: str, action: str, **more: object) -> None:
        """Queue a ``pull_request`` webhook."""
        shape = self.shapes.pull(project, pull)
        payload = {"action": action, "number": pull.number, "pull_request": shape, **more}
        self.tell(project, "pull_request", by, payload)

    async def open_pull_request(
        self, path: str, by: str, title: str, *, body: str = "", source: str = "topic", target: str = "main",
        reviewers: Sequence[str] = (), teams: Sequence[str] = (), assignees: Sequence[str] = (),
        labels: Sequence[str] = (), draft: bool = False, changes: Sequence[Change] = (),
        files: Files | None = None, fork: str | None = None,
    ) -> int:  # fmt: skip
        """``opened``, then ``labeled``, ``assigned`` and ``review_requested`` for each."""
        project = self.world.project(path)
        pull = self.world.open_pull(
            project, by, title, body=body, source=source, target=target, draft=draft, reviewers=reviewers, teams=teams,
            assignees=assignees, labels=labels, changes=changes, files=files, fork=fork,
        )  # fmt: skip
        self.tell_pull(project, pull, by, "opened")
        for label in self.shapes.labels(project, pull.labels):
            self.tell_pull(project, pull, by, "labeled", label=label)
        for login in pull.assignees:
            self.tell_pull(project, pull, by, "assigned", assignee=self.shapes.user(login))
        self._tell_requests(project, pull, by, "review_requested", pull.reviewers, pull.teams)
        await self.delivered()
        return pull.number

    def _tell_requests(
        self, project: Project, pull: PullRequest, by: str, action: str, logins: Sequence[str], teams: Sequence[str]
    ) -> None:
        for login in logins:
            self.tell_pull(project, pull, by, action, requested_reviewer=self.shapes.user(login))
        for path in teams:
            self.tell_pull(project, pull, by, action, requested_team=self.shapes.team(self.world.teams[path]))

    async def request_review(
        self, path: str, by: str, number: int, reviewers: Sequence[str] = (), *, teams: Sequence[str] = ()
    ) -> None:
        """``review_requested``, one for each person and team."""
        project, pull = self.world.pull(path, number)
        logins = [self.world.user(r).login for r in reviewers if r not in pull.reviewers]
        asked = [self.world.teams[t].path for t in teams if t not in pull.teams]
        pull.reviewers += logins
        pull.teams += asked
        self.world.touch(project, pull)
        self._tell_requests(project, pull, by, "review_requested", logins, asked)
        await self.delivered()

    async def remove_review_request(
        self, path: str, by: str, number: int, reviewers: Sequence[str] = (), *, teams: Sequence[str] = ()
    ) -> None:
        """``review_request_removed``, one for each person and team."""
        project, pull = self.world.pull(path, number)
        logins = [login for login in reviewers if login in pull.reviewers]
        asked = [team for team in teams if team in pull.teams]
        pull.reviewers = [login for login in pull.reviewers if login not in logins]
        pull.teams = [team for team in pull.teams if team not in asked]
        self.world.touch(project, pull)
        self._tell_requests(project, pull, by, "review_request_removed", logins, asked)
        await self.delivered()

    async def assign_pull_request(self, path: str, by: str, number: int, assignees: Sequence[str]) -> None:
        """``assigned`` and ``unassigned``, one for each person."""
        project, pull = self.world.pull(path, number)
        before, pull.assignees = pull.assignees, [self.world.user(login).login for login in assignees]
        self.world.touch(project, pull)
        for login in [login for login in pull.assignees if login not in before]:
            self.tell_pull(project, pull, by, "assigned", assignee=self.shapes.user(login))
        for login in [login for login in before if login not in pull.assignees]:
            self.tell_pull(project, pull, by, "unassigned", assignee=self.shapes.user(login))
        await self.delivered()

    async def set_draft(self, path: str, by: str, number: int, draft: bool) -> None:
        """``converted_to_draft`` or ``ready_for_review``."""
        project, pull = self.world.pull(path, number)
        pull.draft = draft
        self.world.touch(project, pull)
        self.tell_pull(project, pull, by, "converted_to_draft" if draft else "ready_for_review")
        await self.delivered()

    async def close(self, path: str, by: str, number: int) -> None:
        """``closed`` with ``merged`` false."""
        project, pull = self.world.pull(path, number)
        self.world.set_state(project, pull, "closed")
        self.tell_pull(project, pull, by, "closed")
        await self.delivered()

    async def reopen(self, path: str, by: str, number: int) -> None:
        """``reopened``."""
        project, pull = self.world.pull(path, number)
        self.world.set_state(project, pull, "open")
        self.tell_pull(project, pull, by, "reopened")
        await self.delivered()

    # Reviews

    def tell_review(self, project: Project, pull: PullRequest, review: Review, by: str, action: str) -> None:
        """Queue a ``pull_request_review`` webhook."""
        shape, short = self.shapes.review(project, pull, review), self.shapes.pull_in_short(project, pull)
        self.tell(project, "pull_request_review", by, {"action": action, "review": shape, "pull_request": short})

    async def review(self, path: str, by: str, number: int, state: str, *, body: str = "") -> None:
        """``submitted``, or ``dismissed`` for the last review that said yes or no."""
        project, pull = self.world.pull(path, number)
        if state == "dismissed":
            last = next(r for r in reversed(pull.reviews) if r.state in ("approved", "changes_requested"))
            last.state = "dismissed"
            self.tell_review(project, pull, last, by, "dismissed")
        elif state in _STATES:
            if state != "commented":
                pull.reviewers = [login for login in pull.reviewers if login != by]
            review = self.world.review(project, by, pull, state, body)
            self.tell_review(project, pull, review, by, "submitted")
        else:
            raise Unsupported(f"GitHub has no review {state}")
        await self.delivered()
