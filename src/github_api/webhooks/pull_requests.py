"""Pull requests and their reviews."""

from dataclasses import replace
from datetime import datetime

from src.events import PullRequestAction, PullRequestEvent, ReviewEvent, ReviewState, Targets
from src.github_api.webhooks import neutral
from src.github_api.webhooks import payloads as wire
from src.github_api.webhooks.registry import Events, Parsers, unknown
from src.markdown import excerpt, is_marked, mentions

parsers = Parsers()

_ACTIONS = {
    "opened": PullRequestAction.OPENED,
    "reopened": PullRequestAction.REOPENED,
    "ready_for_review": PullRequestAction.READY,
    "converted_to_draft": PullRequestAction.DRAFT,
    "synchronize": PullRequestAction.UPDATED,
    "closed": PullRequestAction.CLOSED,  # or merged: the payload says which
    "review_requested": PullRequestAction.REVIEW_REQUESTED,
    "review_request_removed": PullRequestAction.REVIEW_REQUEST_REMOVED,
    "assigned": PullRequestAction.ASSIGNED,
    "unassigned": PullRequestAction.UNASSIGNED,
}
_IGNORED = (
    "auto_merge_disabled", "auto_merge_enabled", "demilestoned", "dequeued", "edited", "enqueued", "labeled",
    "locked", "milestoned", "unlabeled", "unlocked",
)  # fmt: skip
_ASPECTS = {
    PullRequestAction.OPENED: "state",
    PullRequestAction.REOPENED: "state",
    PullRequestAction.MERGED: "state",
    PullRequestAction.CLOSED: "state",
    PullRequestAction.READY: "draft",
    PullRequestAction.DRAFT: "draft",
    PullRequestAction.UPDATED: "commits",
}
_REVIEW_STATES = {
    "approved": ReviewState.APPROVED,
    "changes_requested": ReviewState.CHANGES_REQUESTED,
    "commented": ReviewState.COMMENTED,
}


@parsers.parses("pull_request", wire.PullRequestDelivery, tells=_ACTIONS, ignores=_IGNORED)
def pull_request(payload: wire.PullRequestDelivery) -> Events:
    """A pull request changed. GitHub sends one delivery for each person or team that is asked or assigned."""
    repository, pull = payload.repository, payload.pull_request
    number = neutral.pull_request_number(pull, payload.number)
    action = _ACTIONS[payload.action]
    if action is PullRequestAction.CLOSED and (pull.merged or pull.merged_at is not None):
        action = PullRequestAction.MERGED
    opened = action is PullRequestAction.OPENED
    named = _targets(payload, action)
    event = PullRequestEvent(
        action=action,
        targets=named,
        draft=bool(pull.draft),
        project=neutral.project(repository),
        subject=neutral.pull_request_subject(pull, number),
        happening=neutral.happening(repository, "pull_request", number, action, *_particulars(payload, action, named)),
        actor=neutral.person(payload.sender),
        people=neutral.pull_request_people(repository, pull, mentions(pull.body) if opened else ()),
        refs=neutral.pull_request_refs(pull),
        labels=neutral.labels(pull.labels),
        excerpt=excerpt(pull.body) if opened else None,
        url=pull.html_url,
        aspect=_ASPECTS.get(action),
        opening=opened or _made_with_it(action, pull),
        occurred_at=_moment(pull, action),
        object_updated_at=pull.updated_at,
    )
    return (event,)


@parsers.parses("pull_request_review", wire.ReviewDelivery, tells=("submitted", "dismissed"), ignores=("edited",))
def pull_request_review(payload: wire.ReviewDelivery) -> Events:
    """Somebody reviewed, or a review was dismissed.

    A review without a text that only comments is no event: its comments arrive by themselves. GitHub also sends
    an empty ``edited`` behind some submissions.
    """
    repository, pull, review = payload.repository, payload.pull_request, payload.review
    dismissed = payload.action == "dismissed"
    # An emulator in wide use writes the states in capitals, as the REST API does.
    state = ReviewState.DISMISSED if dismissed else _REVIEW_STATES.get(review.state.lower())
    if state is None:
        raise unknown("pull_request_review", payload.action, review.state)
    if state is ReviewState.COMMENTED and not (review.body or "").strip():
        return ()
    number = neutral.pull_request_number(pull, payload.number)
    people = neutral.pull_request_people(repository, pull, () if dismissed else mentions(review.body))
    if dismissed:  # it concerns whose review it was
        people = replace(people, reviewers=neutral.persons((*pull.requested_reviewers, review.user)))
    event = ReviewEvent(
        state=state,
        project=neutral.project(repository),
        subject=neutral.pull_request_subject(pull, number),
        happening=neutral.happening(repository, "review", review.id, state),
        actor=neutral.person(payload.sender),
        people=people,
        refs=neutral.pull_request_refs(pull),
        labels=neutral.labels(pull.labels),
        excerpt=None if dismissed else excerpt(review.body),
        marked=not dismissed and is_marked(review.body),
        url=review.html_url or pull.html_url,
        occurred_at=pull.updated_at if dismissed else review.submitted_at,
        object_updated_at=pull.updated_at if dismissed else review.submitted_at,
    )
    return (event,)


def _targets(payload: wire.PullRequestDelivery, action: PullRequestAction) -> Targets:
    if action in (PullRequestAction.ASSIGNED, PullRequestAction.UNASSIGNED):
        return neutral.targets([payload.assignee])
    if action in (PullRequestAction.REVIEW_REQUESTED, PullRequestAction.REVIEW_REQUEST_REMOVED):
        return neutral.targets([payload.requested_reviewer], [neutral.team(payload.repository, payload.requested_team)])
    return Targets()


def _particulars(payload: wire.PullRequestDelivery, action: PullRequestAction, named: Targets) -> tuple[object, ...]:
    """What tells two happenings of one action apart. Opening and merging happen once."""
    pull = payload.pull_request
    if action in (PullRequestAction.OPENED, PullRequestAction.MERGED):
        return ()
    if action is PullRequestAction.UPDATED:
        return (payload.before, pull.head and pull.head.sha)
    who = [one.id or one.login for one in named.people] + [one.path for one in named.teams]
    return (*who, _moment(pull, action))


def _moment(pull: wire.PullRequest, action: PullRequestAction) -> datetime | None:
    exact = {
        PullRequestAction.OPENED: pull.created_at,
        PullRequestAction.MERGED: pull.merged_at,
        PullRequestAction.CLOSED: pull.closed_at,
    }
    return exact.get(action) or pull.updated_at


def _made_with_it(action: PullRequestAction, pull: wire.PullRequest) -> bool:
    asks = action in (PullRequestAction.ASSIGNED, PullRequestAction.REVIEW_REQUESTED)
    return asks and neutral.belongs_to_the_making(pull.created_at, pull.updated_at)
