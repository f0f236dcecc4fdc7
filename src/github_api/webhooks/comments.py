"""Comments on issues, pull requests, lines of their diffs, and commits."""

from src.events import CommentEvent, CommentOn, People, Refs, Subject, SubjectKind
from src.github_api.webhooks import neutral
from src.github_api.webhooks import payloads as wire
from src.github_api.webhooks.registry import Events, Parsers
from src.markdown import excerpt, is_marked

parsers = Parsers()

_TOLD = ("created", "edited")


@parsers.parses("issue_comment", wire.IssueCommentDelivery, tells=_TOLD, ignores=("deleted", "pinned", "unpinned"))
def issue_comment(payload: wire.IssueCommentDelivery) -> Events:
    """A comment in the thread of an issue or, where the issue says so, of a pull request."""
    issue = payload.issue
    return _comment(
        payload,
        on=CommentOn.ISSUE if issue.pull_request is None else CommentOn.PULL_REQUEST,
        subject=neutral.issue_subject(issue),
        people=neutral.issue_people(issue, _mentioned(payload)),
        labels=neutral.labels(issue.labels),
    )


@parsers.parses("pull_request_review_comment", wire.ReviewCommentDelivery, tells=_TOLD, ignores=("deleted",))
def pull_request_review_comment(payload: wire.ReviewCommentDelivery) -> Events:
    """A comment on a line of a pull request's diff. All answers name the first comment of their thread."""
    pull, comment = payload.pull_request, payload.comment
    return _comment(
        payload,
        on=CommentOn.REVIEW,
        subject=neutral.pull_request_subject(pull, neutral.pull_request_number(pull, payload.number)),
        people=neutral.pull_request_people(payload.repository, pull, _mentioned(payload)),
        refs=neutral.pull_request_refs(pull),
        labels=neutral.labels(pull.labels),
        discussion_id=str(comment.id if comment.in_reply_to_id is None else comment.in_reply_to_id),
    )


@parsers.parses("commit_comment", wire.CommitCommentDelivery, tells=("created",))
def commit_comment(payload: wire.CommitCommentDelivery) -> Events:
    """A comment on a commit, or on a line of it. The payload does not tell the commit's message."""
    sha = payload.comment.commit_id
    return _comment(
        payload,
        on=CommentOn.COMMIT,
        subject=Subject(
            kind=SubjectKind.COMMIT, id=sha, title=sha[:7], url=neutral.page(payload.repository, "commit", sha)
        ),
        people=People(mentioned=_mentioned(payload)),
        refs=Refs(head_sha=sha),
    )


def _comment(
    payload: wire.CommentDelivery,
    *,
    on: CommentOn,
    subject: Subject,
    people: People,
    refs: Refs | None = None,
    labels: tuple[str, ...] = (),
    discussion_id: str | None = None,
) -> Events:
    """The event, unless an edit left the words as they were."""
    comment = payload.comment
    edited = payload.action == "edited"
    old = _old_text(payload)
    if edited and (old is None or old == (comment.body or "")):
        return ()
    particulars = ("edited", comment.updated_at) if edited else ()
    event = CommentEvent(
        on=on,
        comment_id=str(comment.id),
        discussion_id=discussion_id,
        edited=edited,
        marked=is_marked(comment.body),
        file=comment.path or None,
        line=comment.original_line if comment.line is None else comment.line,
        project=neutral.project(payload.repository),
        subject=subject,
        happening=neutral.happening(payload.repository, "comment", on, comment.id, *particulars),
        actor=neutral.person(payload.sender),
        people=people,
        refs=refs or Refs(),
        labels=labels,
        excerpt=excerpt(comment.body),
        url=comment.html_url or subject.url,
        occurred_at=comment.updated_at if edited else comment.created_at,
        object_updated_at=comment.updated_at,
    )
    return (event,)


def _mentioned(payload: wire.CommentDelivery) -> tuple[str, ...]:
    return neutral.new_mentions(payload.comment.body, _old_text(payload))


def _old_text(payload: wire.CommentDelivery) -> str | None:
    if payload.changes is None or payload.changes.body is None:
        return None
    return payload.changes.body.text
