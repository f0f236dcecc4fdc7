"""Issues and other work items: "Work item events" in GitLab's documentation."""

from collections.abc import Iterator

from src.events import IssueAction, IssueEvent, People, Project, Refs, Subject, SubjectKind, Targets
from src.gitlab_api.webhooks import changes, neutral
from src.gitlab_api.webhooks.hook_tests import hook_test
from src.gitlab_api.webhooks.neutral import Common
from src.gitlab_api.webhooks.payloads import IssueAttributes, IssuePayload
from src.gitlab_api.webhooks.registry import Delivery, Events, Parsers, unknown
from src.gitlab_api.webhooks.wire import Change, User
from src.markdown import excerpt, mentions

parsers = Parsers()

STATES = {"open": IssueAction.OPENED, "close": IssueAction.CLOSED, "reopen": IssueAction.REOPENED}
# What changes by itself, by a drag on a board or by a booked hour: nobody is told of it alone.
_NOISE = frozenset({
    "assignee", "assignee_id", "assignee_ids", "assignees", "created_at", "human_time_change", "human_time_estimate",
    "human_total_time_spent", "id", "iid", "last_edited_at", "last_edited_by_id", "lock_version", "position",
    "relative_position", "state_id", "time_change", "time_estimate", "total_time_spent", "updated_at", "updated_by_id",
})  # fmt: skip


@parsers.parses("issue", "work_item", payload=IssuePayload)
def issue(payload: IssuePayload, delivery: Delivery) -> Events:
    """Opened, closed, reopened, or updated: assigned, changed otherwise, or both."""
    attributes = payload.object_attributes
    action = attributes.action
    if action is None:
        project_id = attributes.project_id
        return (hook_test(payload, delivery, kind="issue", number=attributes.iid, project_id=project_id),)
    common = _common(payload, delivery)
    if action in STATES:
        return (_state(payload, common, STATES[action]),)
    if action == "update":
        return tuple(_updates(payload, common))
    raise unknown("issue", action)


def subject(attributes: IssueAttributes, home: Project, url: str | None = None) -> Subject:
    """The issue; `url` is where the payload has its address if not in the attributes."""
    number = attributes.iid
    return Subject(
        kind=SubjectKind.ISSUE,
        id=str(number),
        number=number,
        title=neutral.title(attributes.title, f"#{number}"),
        url=neutral.address(attributes.url or url) or neutral.page(home, "issues", str(number)),
    )


def _state(payload: IssuePayload, common: Common, action: IssueAction) -> IssueEvent:
    description = payload.object_attributes.description
    opening = action is IssueAction.OPENED
    if opening:
        common["people"] = _people(payload, common["project"], mentioned=mentions(description))
    return IssueEvent(
        **common,
        happening=_happening(payload, common, action),
        action=action,
        excerpt=excerpt(description) if opening else None,
        aspect="state",
        opening=opening,
    )


def _updates(payload: IssuePayload, common: Common) -> Iterator[IssueEvent]:
    changed = payload.changes or {}
    assigned = changes.added(changed, "assignees")
    if assigned:
        yield _assigned(payload, common, assigned)
    told = {key: change for key, change in changed.items() if key not in _NOISE}
    unassigned = bool(changes.removed(changed, "assignees")) and not assigned
    if told or unassigned or payload.changes is None:  # before GitLab 10 there are no changes to look at
        yield _updated(payload, common, told, unassigned=unassigned)


def _assigned(payload: IssuePayload, common: Common, users: tuple[User, ...]) -> IssueEvent:
    targets = neutral.people(users, common["project"])
    whom = "+".join(sorted(one.id or one.login or "" for one in targets))
    return IssueEvent(
        **common,
        happening=_happening(payload, common, IssueAction.ASSIGNED, whom),
        action=IssueAction.ASSIGNED,
        targets=Targets(people=targets),
    )


def _updated(payload: IssuePayload, common: Common, told: dict[str, Change], *, unassigned: bool) -> IssueEvent:
    """A new description may mention people: only those whom the old one did not."""
    description = told.get("description", Change())
    before, after = (
        mentions(text) if isinstance(text, str) else () for text in (description.previous, description.current)
    )
    known = {name.casefold() for name in before}
    fresh = tuple(name for name in after if name.casefold() not in known)
    # Labels may change without a new time stamp, so what changed is a part of the key.
    what = neutral.digest([unassigned, {key: [change.previous, change.current] for key, change in told.items()}])
    common = common.copy()
    common["people"] = _people(payload, common["project"], mentioned=fresh)
    return IssueEvent(
        **common,
        happening=_happening(payload, common, IssueAction.UPDATED, what),
        action=IssueAction.UPDATED,
        excerpt=excerpt(payload.object_attributes.description) if "description" in told else None,
    )


def _common(payload: IssuePayload, delivery: Delivery) -> Common:
    attributes = payload.object_attributes
    home = neutral.project(payload, external_id=attributes.project_id)
    updated = neutral.moment(attributes.updated_at)
    return Common(
        project=home,
        subject=subject(attributes, home),
        actor=neutral.person(payload.user, home),
        people=_people(payload, home),
        refs=Refs(),
        labels=neutral.labels(payload.labels, attributes.labels),
        confidential=bool(attributes.confidential) or delivery.confidential or payload.says_confidential,
        occurred_at=updated,
        object_updated_at=updated,
    )


def _people(payload: IssuePayload, home: Project, mentioned: tuple[str, ...] = ()) -> People:
    attributes = payload.object_attributes
    assignees = neutral.people(payload.assignees, home)
    known = (neutral.person(payload.user, home), *assignees)
    return People(
        author=neutral.by_id(attributes.author_id, known),
        assignees=assignees or neutral.by_ids(attributes.assignee_ids, known),
        mentioned=mentioned,
    )


def _happening(payload: IssuePayload, common: Common, *parts: str | None) -> str:
    attributes = payload.object_attributes
    return neutral.happening("issue", common["project"], attributes.iid, *parts, neutral.stamp(attributes.updated_at))
