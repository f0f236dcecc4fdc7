"""Short ways from a fixture of GitHub's to its events."""

from typing import Any, TypeVar

import orjson

from src.events import Event
from src.github_api.webhooks import GitHubCodec
from tests.payloads import load

CODEC = GitHubCodec()
E = TypeVar("E", bound=Event)


def parse(name: str) -> tuple[Event, ...]:
    """All events of a fixture."""
    return CODEC.parse(*load(f"github/{name}"))


def one(name: str, kind: type[E]) -> E:
    """The one event of this class in a fixture."""
    (event,) = (event for event in parse(name) if isinstance(event, kind))
    return event


def parse_document(event: str, payload: dict[str, Any]) -> tuple[Event, ...]:
    """All events of a payload that a test has changed."""
    return CODEC.parse({"x-github-event": event}, orjson.dumps(payload))
