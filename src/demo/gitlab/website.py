"""What people do on GitLab with issues and merge requests, and the webhooks that follow: "Webhook events"."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.demo.forge.protocol import CommentTarget, Unsupported
from src.demo.forge.records import Change, Files
from src.demo.forge.server import Server
from src.demo.forge.state import Comment, Issue, Project, PullRequest, Thread
from src.demo.gitlab.shapes import PayloadShapes, spoken
from src.demo.gitlab.shapes.words import STATE_IDS
from src.demo.gitlab.versions import note_version

Json = dict[str, Any]
Changes = dict[str, Json]
DRAFT = "Draft: "


def change(previous: object, current: object) -> Json:
    """One entry of ``changes``."""
    return {"previous": previous, "current": current}


class Threads(Server):
    """Issues, merge requests and the talk on them. Every method ends when its webhooks are delivered."""

    shapes: PayloadShapes

    def _touched(self, project: Project, thread: Thread) -> Changes:
        """Note that a thread changed just now."""
        before = thread.updated_at
        self.world.touch(project, thread)
        return {"updated_at": change(spoken(before), spoken(thread.updated_at))}

    def _set_state(self, project: Project, thread: Thread, state: str) -> Changes:
        before = thread.state
        changes = self._touched(project, thread)
        self.world.set_state(project, thread, state)
        return changes | {"state_id": change(STATE_IDS[before], STATE_IDS[state])}

    def _people(self, logins: Sequence[str]) -> list[Json]:
        return [self.shapes.hook_user(login) for login in logins]

    # Issues

    def issue_payload(
        self, project: Project, issue: Issue, by: str, action: str | None, changes: Mapping[str, Json]
    ) -> Json:
        """The body of an issue's webhook; a test delivery has no action."""
        people = self._people(issue.assignees)
        attributes = self.shapes.issue_block(project, issue) | ({"action": action} if action else {})
        payload = {
            "object_kind": "issue", "event_type": "confidential_issue" if issue.confidential else "issue",
            "user": self.shapes.hook_user(by), "project": self.shapes.hook_project(project),
            "object_attributes": attributes, "labels": self.shapes.hook_labels(project, issue.labels),
            "changes": dict(changes), "repository": self.shapes.repository(project),
        }  # fmt: skip
        return payload | ({"assignees": people, "assignee": people[0]} if people else {})

    def tell_issue(
        self, project: Project, issue: Issue, by: str, action: str, changes: Mapping[str, Json] | None = None
    ) -> None:
        """Queue an issue's webhook."""
        header = "Confidential Issue Hook" if issue.confidential else "Issue Hook"
        self.announce(project, header, self.issue_payload(project, issue, by, action, changes or {}))

    async def open_issue(
        self, path: str, by: str, title: str, *, body: str = "", assignees: Sequence[str] = (),
        labels: Sequence[str] = (), confidential: bool = False,
    ) -> int:  # fmt: skip
        """``open``, the assignees in it."""
        project = self.world.project(path)
        issue = self.world.open_issue(project, by, title, body, assignees, labels)
        issue.confidential = confidential
        self.tell_issue(project, issue, by, "open")
        await self.delivered()
        return issue.number

    async def update_issue(
        self, path: str, by: str, number: int, *, title: str | None = None, body: str | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """``update`` with what changed."""
        project, issue = self.world.issue(path, number)
        changes = self._touched(project, issue)
        if title is not None and title != issue.title:
            changes["title"], issue.title = change(issue.title, title), title
        if body is not None and body != issue.body:
            changes["description"], issue.body = change(issue.body, body), body
        if labels is not None and list(labels) != issue.labels:
            before, issue.labels = self.shapes.hook_labels(project, issue.labels), list(labels)
            changes["labels"] = change(before, self.shapes.hook_labels(project, issue.labels))
        self.tell_issue(project, issue, by, "update", changes)
        await self.delivered()

    async def assign_issue(self, path: str, by: str, number: int, assignees: Sequence[str]) -> None:
        """``update`` with the assignees before and after."""
        project, issue = self.world.issue(path, number)
        before, issue.assignees = issue.assignees, [self.world.user(login).login for login in assignees]
        changes = self._touched(project, issue)
        changes["assignees"] = change(self._people(before), self._people(issue.assignees))
        self.tell_issue(project, issue, by, "update", changes)
        await self.delivered()

    async def close_issue(self, path: str, by: str, number: int) -> None:
        """``close``."""
        project, issue = self.world.issue(path, number)
        self.tell_issue(project, issue, by, "close", self._set_state(project, issue, "closed"))
        await self.delivered()

    async def reopen_issue(self, path: str, by: str, number: int) -> None:
        """``reopen``."""
        project, issue = self.world.issue(path, number)
        self.tell_issue(project, issue, by, "reopen", self._set_state(project, issue, "open"))
        await self.delivered()

    # Notes

    def _is_confidential(self, project: Project, comment: Comment) -> bool:
        return comment.internal or (comment.on == "issue" and project.issues[int(comment.target)].confidential)

    def note_payload(self, project: Project, comment: Comment, by: str, action: str) -> Json:
        """The body of a note's webhook."""
        return {
            "object_kind": "note", "event_type": "confidential_note" if self._is_confidential(project,
            comment) else "note",
            "user": self.shapes.hook_user(by), "project_id": project.id, "project": self.shapes.hook_project(project),
            "object_attributes": self.shapes.note_block(project, comment, action),
            "repository": self.shapes.repository(project), **self.shapes.note_subject(project, comment),
        }  # fmt: skip

    def tell_note(self, project: Project, comment: Comment, by: str, action: str) -> None:
        """Queue a note's webhook."""
        header = "Confidential Note Hook" if self._is_confidential(project, comment) else "Note Hook"
        self.announce(project, header, self.note_payload(project, comment, by, action))

    async def comment(
        self, path: str, by: str, on: CommentTarget, number: int | str, body: str, *,
        internal: bool = False, file: str | None = None, line: int | None = None,
    ) -> str:  # fmt: skip
        """A note with the action ``create``. A snippet is made at the first note on it."""
        project = self.world.project(path)
        if on == "snippet" and int(number) not in project.snippets:
            self.world.snippet(project, by, int(number))
        if on == "review":
            file, line = file or "README.md", line or 1
        comment = self.world.comment(project, by, on, number, body, internal=internal, file=file, line=line)
        self.tell_note(project, comment, by, "create")
        await self.delivered()
        return str(comment.id)

    async def edit_comment(self, path: str, by: str, comment_id: str, body: str) -> None:
        """A note with the action ``update``."""
        project = self.world.project(path)
        comment = project.comments[int(comment_id)]
        comment.body, comment.updated_at = body, self.world.now()
        self.tell_note(project, comment, by, "update")
        await self.delivered()

    async def reply(self, path: str, by: str, comment_id: str, body: str) -> str:
        """A note with the action ``create`` in the same discussion."""
        project = self.world.project(path)
        asked = project.comments[int(comment_id)]
        thread = project.line_threads[asked.thread or 0]
        comment = self.world.comment(
            project, by, "review", asked.target, body, file=asked.file, line=asked.line, thread=thread
        )
        self.tell_note(project, comment, by, "create")
        await self.delivered()
        return str(comment.id)

    async def resolve_thread(self, path: str, by: str, comment_id: str, *, resolved: bool = True) -> None:
        """GitLab tells no webhook of it."""
        project = self.world.project(path)
        thread = project.line_threads[project.comments[int(comment_id)].thread or 0]
        thread.resolved_by = self.world.user(by).login if resolved else None
        self.world.touch(project, project.pulls[thread.pull])
        await self.delivered()

    # Merge requests

    def pull_payload(
        self, project: Project, pull: PullRequest, by: str, action: str | None, changes: Mapping[str, Json], *,
        oldrev: str | None = None, re_requested: Sequence[str] = (),
    ) -> Json:  # fmt: skip
        """The body of a merge request's webhook; a test delivery has no action."""
        attributes = self.shapes.merge_request_block(project, pull)
        attributes |= ({"action": action} if action else {}) | ({"oldrev": oldrev} if oldrev else {})
        payload = {
            "object_kind": "merge_request", "event_type": "merge_request", "user": self.shapes.hook_user(by),
            "project": self.shapes.hook_project(project), "repository": self.shapes.repository(project),
            "object_attributes": attributes, "labels": self.shapes.hook_labels(project, pull.labels),
            "changes": dict(changes),
        }  # fmt: skip
        if pull.assignees:
            payload["assignees"] = self._people(pull.assignees)
        if pull.reviewers:
            payload["reviewers"] = self.shapes.reviewers(pull, re_requested)
        return payload

    def tell_pull(
        self, project: Project, pull: PullRequest, by: str, action: str, changes: Mapping[str, Json] | None = None, *,
        oldrev: str | None = None, re_requested: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Queue a merge request's webhook."""
        payload = self.pull_payload(project, pull, by, action, changes or {}, oldrev=oldrev, re_requested=re_requested)
        self.announce(project, "Merge Request Hook", payload)

    async def open_pull_request(
        self, path: str, by: str, title: str, *, body: str = "", source: str = "topic", target: str = "main",
        reviewers: Sequence[str] = (), teams: Sequence[str] = (), assignees: Sequence[str] = (),
        labels: Sequence[str] = (), draft: bool = False, changes: Sequence[Change] = (),
        files: Files | None = None, fork: str | None = None,
    ) -> int:  # fmt: skip
        """``open``, reviewers and assignees in it. A draft is one by its title."""
        if teams:
            raise Unsupported("GitLab asks people for reviews, not groups")
        project = self.world.project(path)
        title = DRAFT + title if draft and not title.startswith(DRAFT) else title
        pull = self.world.open_pull(
            project, by, title, body=body, source=source, target=target, draft=title.startswith(DRAFT),
            reviewers=reviewers, teams=(), assignees=assignees, labels=labels, changes=changes, files=files, fork=fork,
        )  # fmt: skip
        note_version(self.world, project, pull)
        self.tell_pull(project, pull, by, "open", {"merge_status": change("preparing", "unchecked")})
        await self.delivered()
        return pull.number

    async def set_reviewers(
        self, path: str, by: str, number: int, reviewers: Sequence[str], *, again: Sequence[str] = ()
    ) -> None:
        """``update`` with the reviewers before and after; `again` are asked once more."""
        project, pull = self.world.pull(path, number)
        before = self.shapes.reviewers(pull)
        pull.reviewers = [self.world.user(login).login for login in reviewers]
        for login in again:
            pull.verdicts[login] = "unreviewed"
        changes = self._touched(project, pull)
        changes["reviewers"] = change(before, self.shapes.reviewers(pull, again))
        self.tell_pull(project, pull, by, "update", changes, re_requested=again)
        await self.delivered()

    async def request_review(
        self, path: str, by: str, number: int, reviewers: Sequence[str] = (), *, teams: Sequence[str] = ()
    ) -> None:
        """``update`` with the reviewers before and after; someone who is one already is asked again."""
        if teams:
            raise Unsupported("GitLab asks people for reviews, not groups")
        _, pull = self.world.pull(path, number)
        again = [login for login in reviewers if login in pull.reviewers]
        both = [*pull.reviewers, *(login for login in reviewers if login not in again)]
        await self.set_reviewers(path, by, number, both, again=again)

    async def remove_review_request(
        self, path: str, by: str, number: int, reviewers: Sequence[str] = (), *, teams: Sequence[str] = ()
    ) -> None:
        """``update`` with the reviewers before and after."""
        if teams:
            raise Unsupported("GitLab asks people for reviews, not groups")
        _, pull = self.world.pull(path, number)
        await self.set_reviewers(path, by, number, [login for login in pull.reviewers if login not in reviewers])

    async def assign_pull_request(self, path: str, by: str, number: int, assignees: Sequence[str]) -> None:
        """``update`` with the assignees before and after."""
        project, pull = self.world.pull(path, number)
        before, pull.assignees = pull.assignees, [self.world.user(login).login for login in assignees]
        changes = self._touched(project, pull)
        changes["assignees"] = change(self._people(before), self._people(pull.assignees))
        self.tell_pull(project, pull, by, "update", changes)
        await self.delivered()

    async def set_draft(self, path: str, by: str, number: int, draft: bool) -> None:
        """``update`` with the title and the draft flag before and after."""
        project, pull = self.world.pull(path, number)
        title = pull.title.removeprefix(DRAFT)
        title = DRAFT + title if draft else title
        changes = self._touched(project, pull)
        changes |= {"title": change(pull.title, title), "draft": change(pull.draft, draft)}
        pull.title, pull.draft = title, draft
        self.tell_pull(project, pull, by, "update", changes)
        await self.delivered()

    async def close(self, path: str, by: str, number: int) -> None:
        """``close``."""
        project, pull = self.world.pull(path, number)
        self.tell_pull(project, pull, by, "close", self._set_state(project, pull, "closed"))
        await self.delivered()

    async def reopen(self, path: str, by: str, number: int) -> None:
        """``reopen``."""
        project, pull = self.world.pull(path, number)
        self.tell_pull(project, pull, by, "reopen", self._set_state(project, pull, "open"))
        await self.delivered()
