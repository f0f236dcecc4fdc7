"""Short ways from a fixture of GitLab's to its events."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from src.events import Event, Person
from src.gitlab_api.webhooks import GitLabCodec
from tests.payloads import document, load

CODEC = GitLabCodec()
E = TypeVar("E", bound=Event)


def parse(case: str) -> tuple[Event, ...]:
    """All events of a fixture."""
    return CODEC.parse(*load(f"gitlab/{case}"))


def only(case: str) -> Event:
    """The event of a fixture that has but one."""
    (event,) = parse(case)
    return event


def one(case: str, kind: type[E]) -> E:
    """The one event of this class in a fixture."""
    (event,) = (event for event in parse(case) if isinstance(event, kind))
    return event


def changed(case: str, change: Callable[[dict[str, Any]], object]) -> tuple[Event, ...]:
    """All events of a fixture that a test has changed."""
    payload = document(f"gitlab/{case}")
    change(payload)
    return CODEC.parse(load(f"gitlab/{case}")[0], orjson.dumps(payload))


def logins(people: tuple[Person, ...]) -> list[str | None]:
    """Their logins, in their order."""
    return [person.login for person in people]
