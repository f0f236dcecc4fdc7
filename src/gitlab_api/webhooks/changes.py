"""What the ``changes`` of a merge request or an issue say, as GitLab's "Webhook events" describes them."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import TypeAdapter

from src.gitlab_api.webhooks.wire import Change, Many, User

Changes = Mapping[str, Change]
T = TypeVar("T")
_USERS: TypeAdapter[tuple[User, ...]] = TypeAdapter(Many[User])


def added(changes: Changes, key: str) -> tuple[User, ...]:
    """The people who were put on a list. Raises `ValidationError` where it is no list of people."""
    return _difference(changes, key, "previous", "current")


def removed(changes: Changes, key: str) -> tuple[User, ...]:
    """The people who were taken off a list. Raises `ValidationError` where it is no list of people."""
    return _difference(changes, key, "current", "previous")


def asked_again(changes: Changes, reviewers: Iterable[User]) -> tuple[User, ...]:
    """The reviewers who were asked for another review; they stay on the list, and ``re_requested`` marks them."""
    change = changes.get("reviewers", Change())
    return unique(user for user in (*_USERS.validate_python(change.current), *reviewers) if user.re_requested)


def unique(users: Iterable[User]) -> tuple[User, ...]:
    """Each person once, first come first."""
    found: dict[str | None, User] = {}
    for user in users:
        found.setdefault(_identity(user), user)
    return tuple(found.values())


def _difference(changes: Changes, key: str, before: str, after: str) -> tuple[User, ...]:
    change = changes.get(key, Change())
    old = {_identity(user) for user in _USERS.validate_python(getattr(change, before))}
    return tuple(user for user in _USERS.validate_python(getattr(change, after)) if _identity(user) not in old)


def _identity(user: User) -> str | None:
    return user.id or user.username or user.name
