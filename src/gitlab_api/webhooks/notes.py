"""Comments: "Comment events" in GitLab's documentation."""

from src.events import CommentEvent, CommentOn, People, Project, Refs, Subject, SubjectKind
from src.forge import Unparsable
from src.gitlab_api.webhooks import issues, merge_requests, neutral
from src.gitlab_api.webhooks.payloads import NoteAttributes, NotePayload
from src.gitlab_api.webhooks.registry import Delivery, Events, Parsers, told
from src.markdown import excerpt, first_line, is_marked, mentions

parsers = Parsers()

_TARGETS = {
    "MergeRequest": CommentOn.PULL_REQUEST,
    "Issue": CommentOn.ISSUE,
    "WorkItem": CommentOn.ISSUE,
    "Commit": CommentOn.COMMIT,
    "Snippet": CommentOn.SNIPPET,
    "ProjectSnippet": CommentOn.SNIPPET,
    "PersonalSnippet": CommentOn.SNIPPET,
}
_OTHER_TARGETS = frozenset(
    {"AbuseReport", "AlertManagement::Alert", "DesignManagement::Design", "Epic", "Vulnerability", "WikiPage::Meta"}
)
_EDITED = {"create": False, "update": True}


@parsers.parses("note", payload=NotePayload)
def note(payload: NotePayload, delivery: Delivery) -> Events:
    """A comment was written or edited. What GitLab notes by itself (``system``) is told of as the event that it is."""
    written = payload.object_attributes
    if written.system:
        return ()
    on = told("note", written.noteable_type, _TARGETS, _OTHER_TARGETS)
    # Before GitLab 16.11 there is no action, for edits were not sent.
    edited = bool(told("note", written.action or "create", _EDITED, frozenset()))
    if on is None:
        return ()
    if on is CommentOn.PULL_REQUEST and (written.type == "DiffNote" or (written.type is None and written.line_code)):
        on = CommentOn.REVIEW
    return (_comment(payload, on, edited=edited, confidential=_confidential(payload, delivery)),)


def _comment(payload: NotePayload, on: CommentOn, *, edited: bool, confidential: bool) -> CommentEvent:
    written = payload.object_attributes
    home = neutral.project(payload, external_id=written.project_id)
    updated = neutral.moment(written.updated_at)
    file, line = _place(written)
    return CommentEvent(
        project=home,
        subject=_subject(payload, on, home),
        happening=_happening(payload, home, edited=edited),
        actor=neutral.person(payload.user, home),
        people=_people(payload, on, home),
        refs=_refs(payload, on),
        labels=_labels(payload),
        confidential=confidential,
        excerpt=excerpt(written.note),
        url=neutral.address(written.url),
        occurred_at=updated if edited else neutral.moment(written.created_at),
        object_updated_at=updated,
        on=on,
        comment_id=written.id,
        discussion_id=written.discussion_id,
        edited=edited,
        marked=is_marked(written.note),
        file=file,
        line=line,
    )


def _place(written: NoteAttributes) -> tuple[str | None, int | None]:
    """File and line in the diff; a line that was removed has its old number alone."""
    place = written.position or written.st_diff
    if place is None:
        return None, None
    return place.new_path or place.old_path, place.old_line if place.new_line is None else place.new_line


def _subject(payload: NotePayload, on: CommentOn, home: Project) -> Subject:
    """What was commented on. Raises `Unparsable` where the payload lacks it."""
    written = payload.object_attributes
    page = written.url.partition("#")[0] if written.url else None
    if on in (CommentOn.PULL_REQUEST, CommentOn.REVIEW) and payload.merge_request:
        return merge_requests.subject(payload.merge_request, home, page)
    if on is CommentOn.ISSUE and payload.issue:
        return issues.subject(payload.issue, home, page)
    if on is CommentOn.COMMIT and payload.commit and payload.commit.id:
        commit, sha = payload.commit, payload.commit.id
        return Subject(
            kind=SubjectKind.COMMIT,
            id=sha,
            title=neutral.title(commit.title or first_line(commit.message), sha[:8]),
            url=neutral.address(commit.url or page),
        )
    if on is CommentOn.SNIPPET and payload.snippet:
        snippet = payload.snippet
        return Subject(
            kind=SubjectKind.SNIPPET,
            id=snippet.id,
            title=neutral.title(snippet.title, snippet.file_name or f"${snippet.id}"),
            url=neutral.address(snippet.url or page),
        )
    raise Unparsable(f"note: no {on}")


def _people(payload: NotePayload, on: CommentOn, home: Project) -> People:
    mentioned = mentions(payload.object_attributes.note)
    actor = neutral.person(payload.user, home)
    if payload.merge_request and on in (CommentOn.PULL_REQUEST, CommentOn.REVIEW):
        target = payload.merge_request
        known = (actor, neutral.person(target.assignee, home))
        return People(
            author=neutral.by_id(target.author_id, known),
            assignees=neutral.by_ids(target.assignee_ids, known),
            reviewers=neutral.by_ids(target.reviewer_ids, known),
            mentioned=mentioned,
        )
    if payload.issue and on is CommentOn.ISSUE:
        return People(
            author=neutral.by_id(payload.issue.author_id, (actor,)),
            assignees=neutral.by_ids(payload.issue.assignee_ids, (actor,)),
            mentioned=mentioned,
        )
    author = neutral.by_id(payload.snippet.author_id, (actor,)) if payload.snippet else None
    wrote = neutral.committer(payload.commit.author) if payload.commit else None
    return People(author=author, mentioned=mentioned, committers=(wrote,) if wrote else ())


def _refs(payload: NotePayload, on: CommentOn) -> Refs:
    if payload.merge_request and on in (CommentOn.PULL_REQUEST, CommentOn.REVIEW):
        return merge_requests.refs(payload.merge_request)
    return Refs(head_sha=payload.commit.id if payload.commit and on is CommentOn.COMMIT else None)


def _labels(payload: NotePayload) -> tuple[str, ...]:
    target = payload.merge_request or payload.issue
    return neutral.labels(target.labels) if target else ()


def _confidential(payload: NotePayload, delivery: Delivery) -> bool:
    """Internal notes, and all notes on confidential issues."""
    written = payload.object_attributes
    return bool(
        written.internal
        or written.confidential
        or (payload.issue and payload.issue.confidential)
        or payload.says_confidential
        or delivery.confidential
    )


def _happening(payload: NotePayload, home: Project, *, edited: bool) -> str:
    written = payload.object_attributes
    edit = ("edited", neutral.stamp(written.updated_at)) if edited else ()
    return neutral.happening("note", home, written.id, *edit)
