"""Pull requests, issues, and what is written on them."""

from pydantic import Field

from src.github_api.webhooks.payloads.base import Delivery, Label, Many, Moment, Team, Text, Title, Url, User, Wire


class Ref(Wire):
    """One end of a pull request."""

    ref: Text | None = None
    sha: Text | None = None


class PullRequest(Wire):
    """A pull request; in the deliveries about reviews it is the shorter form."""

    number: int | None = None  # GitHub always sends it; `number` of the delivery and the address say it too
    title: Title | None = None
    body: Text | None = None
    html_url: Url = None
    user: User | None = None
    assignees: Many[User] = ()
    requested_reviewers: Many[User] = ()
    requested_teams: Many[Team] = ()
    labels: Many[Label] = ()
    head: Ref | None = None
    base: Ref | None = None
    draft: bool | None = None
    merged: bool | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    closed_at: Moment | None = None
    merged_at: Moment | None = None


class PullRequestDelivery(Delivery):
    """`pull_request`."""

    action: str
    number: int | None = None
    pull_request: PullRequest
    assignee: User | None = None
    requested_reviewer: User | None = None
    requested_team: Team | None = None
    before: Text | None = None


class Review(Wire):
    """A submitted review."""

    id: int
    user: User | None = None
    body: Text | None = None
    state: str
    html_url: Url = None
    submitted_at: Moment | None = None


class ReviewDelivery(Delivery):
    """`pull_request_review`."""

    action: str
    number: int | None = None
    pull_request: PullRequest
    review: Review


class PullRequestLink(Wire):
    """There where an issue is a pull request."""

    html_url: Url = None


class Issue(Wire):
    """An issue, or a pull request seen as one."""

    number: int
    title: Title | None = None
    body: Text | None = None
    html_url: Url = None
    user: User | None = None
    assignees: Many[User] = ()
    labels: Many[Label] = ()
    pull_request: PullRequestLink | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    closed_at: Moment | None = None


class IssueDelivery(Delivery):
    """`issues`."""

    action: str
    issue: Issue
    assignee: User | None = None


class Comment(Wire):
    """A comment on an issue, a pull request, a line of its diff, or a commit."""

    id: int
    body: Text | None = None
    html_url: Url = None
    in_reply_to_id: int | None = None
    path: Text | None = None
    line: int | None = None
    original_line: int | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None


class OldBody(Wire):
    """The text before an edit."""

    text: Text | None = Field(None, alias="from")


class CommentChanges(Wire):
    """What an edit changed."""

    body: OldBody | None = None


class CommentDelivery(Delivery):
    """What the deliveries about comments share."""

    action: str
    comment: Comment
    changes: CommentChanges | None = None


class IssueCommentDelivery(CommentDelivery):
    """`issue_comment`."""

    issue: Issue


class CommitComment(Comment):
    """A comment on a commit. On a line of a diff `commit_id` is there too, and not needed."""

    commit_id: Text


class CommitCommentDelivery(CommentDelivery):
    """`commit_comment`."""

    comment: CommitComment


class ReviewCommentDelivery(CommentDelivery):
    """`pull_request_review_comment`."""

    number: int | None = None
    pull_request: PullRequest
