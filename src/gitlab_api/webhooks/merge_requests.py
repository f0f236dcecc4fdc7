"""Merge requests: "Merge request events" in GitLab's documentation."""

import re
from collections.abc import Iterator

from src.events import (
    People,
    Project,
    PullRequestAction,
    PullRequestEvent,
    Refs,
    ReviewEvent,
    ReviewState,
    Subject,
    SubjectKind,
    Targets,
)
from src.gitlab_api.webhooks import changes, neutral
from src.gitlab_api.webhooks.hook_tests import hook_test
from src.gitlab_api.webhooks.neutral import Common
from src.gitlab_api.webhooks.payloads import MergeRequestAttributes, MergeRequestPayload
from src.gitlab_api.webhooks.registry import Delivery, Events, Parsers, unknown
from src.gitlab_api.webhooks.wire import Change, User
from src.markdown import excerpt, mentions

parsers = Parsers()

STATES = {
    "open": PullRequestAction.OPENED,
    "reopen": PullRequestAction.REOPENED,
    "close": PullRequestAction.CLOSED,
    "merge": PullRequestAction.MERGED,
}
# One click is one of a pair: ``approved`` where it completes the required approvals, ``approval`` where it does not;
# ``unapproved`` where it breaks them, ``unapproval`` where it does not. The author wants to know of either.
REVIEWS = {
    "approved": ReviewState.APPROVED,
    "approval": ReviewState.APPROVED,
    "unapproved": ReviewState.UNAPPROVED,
    "unapproval": ReviewState.UNAPPROVED,
}
_DRAFT = re.compile(r"\s*(?:\[(?:draft|wip)\]|\(draft\)|(?:draft|wip):)", re.IGNORECASE)


@parsers.parses("merge_request", payload=MergeRequestPayload)
def merge_request(payload: MergeRequestPayload, delivery: Delivery) -> Events:
    """Opened, closed, merged, reopened, reviewed, or updated in one or several ways that matter."""
    attributes = payload.object_attributes
    action = attributes.action
    if action is None:
        project_id = attributes.target_project_id
        return (hook_test(payload, delivery, kind="merge_request", number=attributes.iid, project_id=project_id),)
    if action in STATES:
        return (_state(payload, STATES[action]),)
    if action in REVIEWS:
        # A push may make GitLab take the approvals back; the push itself is told of, and the pusher removed nothing.
        return () if attributes.system else (_review(payload, REVIEWS[action]),)
    if action == "update":
        return tuple(_updates(payload))
    raise unknown("merge_request", action)


def _state(payload: MergeRequestPayload, action: PullRequestAction) -> PullRequestEvent:
    attributes = payload.object_attributes
    common = _common(payload)
    opening = action is PullRequestAction.OPENED
    if opening:
        common["people"] = _people(payload, common["project"], mentioned=mentions(attributes.description))
    return PullRequestEvent(
        **common,
        happening=_happening(payload, common["project"], action, neutral.stamp(attributes.updated_at)),
        action=action,
        draft=_is_draft(attributes),
        excerpt=excerpt(attributes.description) if opening else None,
        aspect="state",
        opening=opening,
    )


def _review(payload: MergeRequestPayload, state: ReviewState) -> ReviewEvent:
    common = _common(payload)
    reviewer = common["actor"]
    who = (reviewer.id or reviewer.login) if reviewer else None
    updated = neutral.stamp(payload.object_attributes.updated_at)
    return ReviewEvent(
        **common, happening=_happening(payload, common["project"], f"review:{state}", who, updated), state=state
    )


def _updates(payload: MergeRequestPayload) -> Iterator[PullRequestEvent]:
    attributes = payload.object_attributes
    changed = payload.changes or {}
    updated = neutral.stamp(attributes.updated_at)
    if attributes.oldrev:
        head = attributes.last_commit.id if attributes.last_commit else None
        yield _update(payload, PullRequestAction.UPDATED, head or updated, aspect="commits")
    draft = _draft_change(changed)
    if draft is not None:
        action = PullRequestAction.DRAFT if draft else PullRequestAction.READY
        yield _update(payload, action, updated, aspect="draft")
    asked = changes.unique((*changes.added(changed, "reviewers"), *changes.asked_again(changed, payload.reviewers)))
    for action, users in (
        (PullRequestAction.REVIEW_REQUESTED, asked),
        (PullRequestAction.REVIEW_REQUEST_REMOVED, changes.removed(changed, "reviewers")),
        (PullRequestAction.ASSIGNED, changes.added(changed, "assignees")),
        (PullRequestAction.UNASSIGNED, changes.removed(changed, "assignees")),
    ):
        if users:
            yield _update(payload, action, updated, users=users)


def _update(
    payload: MergeRequestPayload,
    action: PullRequestAction,
    version: str | None,
    *,
    users: tuple[User, ...] = (),
    aspect: str | None = None,
) -> PullRequestEvent:
    common = _common(payload)
    targets = neutral.people(users, common["project"])
    whom = "+".join(sorted(one.id or one.login or "" for one in targets))
    return PullRequestEvent(
        **common,
        happening=_happening(payload, common["project"], action, version, *([whom] if whom else [])),
        action=action,
        targets=Targets(people=targets),
        draft=_is_draft(payload.object_attributes),
        aspect=aspect,
    )


def _common(payload: MergeRequestPayload) -> Common:
    attributes = payload.object_attributes
    home = neutral.project(payload, external_id=attributes.target_project_id, target=attributes.target)
    updated = neutral.moment(attributes.updated_at)
    return Common(
        project=home,
        subject=subject(attributes, home),
        actor=neutral.person(payload.user, home),
        people=_people(payload, home),
        refs=refs(attributes),
        labels=neutral.labels(payload.labels, attributes.labels),
        confidential=False,
        occurred_at=updated,
        object_updated_at=updated,
    )


def subject(attributes: MergeRequestAttributes, home: Project, url: str | None = None) -> Subject:
    """The merge request; `url` is where the payload has its address if not in the attributes."""
    number = attributes.iid
    return Subject(
        kind=SubjectKind.PULL_REQUEST,
        id=str(number),
        number=number,
        title=neutral.title(attributes.title, f"!{number}"),
        url=neutral.address(attributes.url or url) or neutral.page(home, "merge_requests", str(number)),
    )


def refs(attributes: MergeRequestAttributes) -> Refs:
    """Its branches and its head."""
    return Refs(
        branch=attributes.source_branch,
        target_branch=attributes.target_branch,
        head_sha=attributes.last_commit.id if attributes.last_commit else None,
    )


def _people(payload: MergeRequestPayload, home: Project, mentioned: tuple[str, ...] = ()) -> People:
    attributes = payload.object_attributes
    assignees = neutral.people(payload.assignees, home)
    reviewers = neutral.people(payload.reviewers, home)
    known = (neutral.person(payload.user, home), *assignees, *reviewers)
    return People(
        author=neutral.by_id(attributes.author_id, known),
        assignees=assignees or neutral.by_ids(attributes.assignee_ids, known),
        reviewers=reviewers or neutral.by_ids(attributes.reviewer_ids, known),
        mentioned=mentioned,
    )


def _draft_change(changed: dict[str, Change]) -> bool | None:
    """Whether it became a draft; `None` where that did not change. Before GitLab 13.2 the title alone tells it."""
    if "draft" in changed:
        return bool(changed["draft"].current)
    title = changed.get("title", Change())
    before, after = (
        isinstance(text, str) and _DRAFT.match(text) is not None for text in (title.previous, title.current)
    )
    return after if before != after else None


def _is_draft(attributes: MergeRequestAttributes) -> bool:
    return bool(attributes.draft or attributes.work_in_progress or _DRAFT.match(attributes.title or ""))


def _happening(payload: MergeRequestPayload, home: Project, *parts: str | None) -> str:
    return neutral.happening("merge_request", home, payload.object_attributes.iid, *parts)
