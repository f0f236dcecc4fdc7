"""Two ways, one act: what the webhook and the look tell of with times that differ a little.

Most happenings have the same key either way. Where a key holds a moment that a list shows another way than the
webhook did, or an id that it does not show at all, what is told is compared instead.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Hook
from src.database.repositories import polls
from src.events import (
    Event,
    IssueAction,
    IssueEvent,
    PullRequestAction,
    PullRequestEvent,
    PushEvent,
    ReleaseEvent,
    ReviewEvent,
    TagEvent,
    Targets,
    WikiEvent,
    load,
)

_WINDOW = timedelta(days=2)  # in which both ways tell of one act
_CLOCKS = timedelta(seconds=30)  # by which the times of one act may differ
_UNTIMED = timedelta(minutes=15)  # by which the two ways may tell of what one of them knows no time of
_ONCE = frozenset({PullRequestAction.OPENED, PullRequestAction.MERGED})


async def is_told(session: AsyncSession, project_id: int, hook: Hook, event: Event, now: datetime) -> bool:
    """Whether the other way told of the same act under another key."""
    if not _may_differ(event):
        return False
    found = await polls.told_otherwise(
        session, project_id, hook, name=event.names[0], subject_key=event.subject.key[:320], since=now - _WINDOW
    )
    return any(
        is_same_act(event, other := load(stored.body), apart=_apart(event, now, other, stored.created_at))
        for stored in found
        if stored.happening_key != f"{project_id}:{event.happening}"[:256]
    )


def _apart(event: Event, told_at: datetime, other: Event, other_told_at: datetime) -> timedelta:
    """How long one happened before the other; where an event does not say when, it was told soon after."""
    return abs((event.occurred_at or told_at) - (other.occurred_at or other_told_at))


def _may_differ(event: Event) -> bool:
    """Comments, pipelines and the documentation have keys without a moment."""
    return isinstance(
        event, PullRequestEvent | IssueEvent | ReviewEvent | PushEvent | TagEvent | WikiEvent | ReleaseEvent
    )


def is_same_act(event: Event, other: Event, *, apart: timedelta) -> bool:
    """Whether two events of one name and subject tell of one act; `apart`: how long one was before the other."""
    match event, other:
        case PullRequestEvent(), PullRequestEvent():
            if event.action in _ONCE:
                return True
            if event.action is PullRequestAction.UPDATED:
                return event.refs.head_sha == other.refs.head_sha
            return _same_people(event.targets, other.targets) and _close(event, other)
        case IssueEvent(), IssueEvent():
            if event.action is IssueAction.OPENED:
                return True
            return _same_people(event.targets, other.targets) and _close(event, other)
        case ReviewEvent(), ReviewEvent():
            return event.actor == other.actor and _close(event, other)
        case PushEvent(), PushEvent():
            return event.refs.head_sha == other.refs.head_sha and _near(event, other, apart)
        case TagEvent(), TagEvent():
            is_timed = event.occurred_at is not None and other.occurred_at is not None
            return _near(event, other, apart) if is_timed else event.refs.head_sha == other.refs.head_sha
        case WikiEvent(), WikiEvent():
            titles = [{page.title for page in one.pages} for one in (event, other)]
            return titles[0] == titles[1] and apart < _UNTIMED
        case ReleaseEvent(), ReleaseEvent():
            return _near(event, other, apart)
        case _:
            return False


def _same_people(one: Targets, other: Targets) -> bool:
    return _names(one) == _names(other)


def _names(targets: Targets) -> frozenset[str]:
    people = {(person.login or person.id or "").casefold() for person in targets.people}
    return frozenset(people | {team.path.casefold() for team in targets.teams})


def _close(one: Event, other: Event) -> bool:
    first, second = one.object_updated_at or one.occurred_at, other.object_updated_at or other.occurred_at
    return first is not None and second is not None and abs(first - second) <= _CLOCKS


def _near(one: Event, other: Event, apart: timedelta) -> bool:
    """As `_close`, of those that one way tells no time of."""
    return apart <= (_UNTIMED if one.occurred_at is None or other.occurred_at is None else _CLOCKS)
