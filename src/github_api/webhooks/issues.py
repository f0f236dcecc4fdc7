"""Issues."""

from datetime import datetime

from src.events import IssueAction, IssueEvent, Targets
from src.github_api.webhooks import neutral
from src.github_api.webhooks import payloads as wire
from src.github_api.webhooks.registry import Events, Parsers
from src.markdown import excerpt, mentions

parsers = Parsers()

_ACTIONS = {
    "opened": IssueAction.OPENED,
    "closed": IssueAction.CLOSED,
    "reopened": IssueAction.REOPENED,
    "assigned": IssueAction.ASSIGNED,
}
_IGNORED = (
    "deleted", "demilestoned", "edited", "field_added", "field_removed", "labeled", "locked", "milestoned", "pinned",
    "transferred", "typed", "unassigned", "unlabeled", "unlocked", "unpinned", "untyped",
)  # fmt: skip


@parsers.parses("issues", wire.IssueDelivery, tells=_ACTIONS, ignores=_IGNORED)
def issues(payload: wire.IssueDelivery) -> Events:
    """An issue changed. GitHub sends one delivery for each person who is assigned."""
    repository, issue = payload.repository, payload.issue
    action = _ACTIONS[payload.action]
    opened, assigned = action is IssueAction.OPENED, action is IssueAction.ASSIGNED
    named = neutral.targets([payload.assignee]) if assigned else Targets()
    when = _moment(issue, action)
    particulars = () if opened else (*(one.id or one.login for one in named.people), when)
    event = IssueEvent(
        action=action,
        targets=named,
        project=neutral.project(repository),
        subject=neutral.issue_subject(issue),
        happening=neutral.happening(repository, "issue", issue.number, action, *particulars),
        actor=neutral.person(payload.sender),
        people=neutral.issue_people(issue, mentions(issue.body) if opened else ()),
        labels=neutral.labels(issue.labels),
        excerpt=excerpt(issue.body) if opened else None,
        url=issue.html_url,
        aspect=None if assigned else "state",
        opening=opened or (assigned and neutral.belongs_to_the_making(issue.created_at, issue.updated_at)),
        occurred_at=when,
        object_updated_at=issue.updated_at,
    )
    return (event,)


def _moment(issue: wire.Issue, action: IssueAction) -> datetime | None:
    exact = {IssueAction.OPENED: issue.created_at, IssueAction.CLOSED: issue.closed_at}
    return exact.get(action) or issue.updated_at
