"""Our events say what go-scm says of the same payloads, or the difference has a reason."""

from collections.abc import Iterator
from fnmatch import fnmatch

import pytest

from src.events import DocumentationEvent, HookTestEvent
from tests.peers.corpus import payloads
from tests.peers.corpus_exceptions import DIFFERENCES
from tests.peers.corpus_run import Run
from tests.peers.golden import compare

GOLDEN = [name for name, payload in payloads().items() if payload.golden is not None]


@pytest.mark.parametrize("name", GOLDEN)
def test_its_fields_are_go_scms(told: Run, name: str) -> None:
    different = {field: (golden, ours) for field, golden, ours in _different(told, name)}
    explained = {field for pattern, field in DIFFERENCES if fnmatch(name, f"go-scm/{pattern}")}
    assert {field: pair for field, pair in different.items() if field not in explained} == {}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_every_difference_is_still_there(told: Run, difference: tuple[str, str]) -> None:
    pattern, field = difference
    names = [name for name in GOLDEN if fnmatch(name, f"go-scm/{pattern}")]
    assert any(field == found for name in names for found, _, _ in _different(told, name))


def _different(told: Run, name: str) -> Iterator[tuple[str, object, object]]:
    """Field, go-scm's value and ours; what is empty on both sides is no difference."""
    outcome = told.outcomes[name]
    for event in outcome.events:
        if isinstance(event, DocumentationEvent | HookTestEvent):  # go-scm knows neither
            continue
        for field, (golden, ours) in compare(outcome.payload, event).items():
            if (golden or None) != (ours or None):
                yield field, golden, ours
