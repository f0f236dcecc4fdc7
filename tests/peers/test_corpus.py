"""Every payload that others captured goes through the relay: answered, never an exception, told in full."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from src.forges import FORGE_TYPES
from src.webhook.render import render
from tests.peers.corpus import payloads
from tests.peers.corpus_exceptions import GREETINGS, NO_EVENT, UNKNOWN
from tests.peers.corpus_run import Outcome, Run

PAYLOADS = payloads()
_STATES = ("done", "ignored", "unknown", "quarantined")
_WORDS_COMPARED = 60  # characters of a title; the rest may be cut


def test_all_of_npms_are_there() -> None:
    sources = {payload.source for payload in PAYLOADS.values()}
    assert sources >= {f"octokit {server}" for server in ("api.github.com", *(f"ghes-3{n}" for n in range(1, 6)))}


def test_nothing_is_logged_as_an_error(told: Run) -> None:
    assert told.errors == []


def test_the_table(told: Run, capsys: pytest.CaptureFixture[str]) -> None:
    counts: dict[str, Counter[str]] = {}
    for outcome in told.outcomes.values():
        row = counts.setdefault(outcome.payload.source, Counter())
        row.update(["payloads", outcome.state])
        row["events"] += len(outcome.events)
    total = sum(counts.values(), Counter())
    with capsys.disabled():
        print(f"\n{'':24}{'payloads':>10}{'events':>8}{'ignored':>9}{'unknown':>9}{'quarantined':>13}")
        for source, row in {**counts, "all": total}.items():
            print(
                f"{source:24}{row['payloads']:>10}{row['events']:>8}{row['ignored']:>9}{row['unknown']:>9}"
                f"{row['quarantined']:>13}"
            )
    assert total["payloads"] == sum(total[state] for state in _STATES) == len(PAYLOADS)
    assert total["quarantined"] == 0


@pytest.mark.parametrize("name", PAYLOADS)
def test_it_is_answered_and_dealt_with(told: Run, name: str) -> None:
    outcome = told.outcomes[name]
    assert outcome.status == 202
    assert outcome.state == ("unknown" if name in UNKNOWN else "done" if outcome.events else "ignored"), outcome.error


@pytest.mark.parametrize("name", PAYLOADS)
def test_what_is_promised_becomes_an_event(told: Run, name: str) -> None:
    outcome = told.outcomes[name]
    if outcome.claims.listed:
        assert bool(outcome.events) is (name not in NO_EVENT), outcome.log
    else:
        assert name not in NO_EVENT
    assert {event.kind for event in outcome.events} <= outcome.claims.kinds


@pytest.mark.parametrize("name", PAYLOADS)
def test_every_event_is_told(told: Run, name: str) -> None:
    """To the chat that follows everything; what is confidential to the one in private; a greeting to nobody."""
    outcome = told.outcomes[name]
    assert bool(outcome.told) is (bool(outcome.events) and GREETINGS not in name), outcome.log
    assert {event.project.external_id for event in outcome.events} <= {outcome.claims.external_id}


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("name", PAYLOADS)
def test_the_text_names_project_actor_and_title(told: Run, name: str, language: str) -> None:
    outcome = told.outcomes[name]
    for text in _texts(outcome, language):
        claims = outcome.claims
        assert claims.path is not None
        assert claims.path in text
        assert not claims.actors or any(actor in text for actor in claims.actors), (claims.actors, text)
        assert _plain(claims.title or "")[:_WORDS_COMPARED] in text


def test_every_exception_is_a_payload() -> None:
    """Whether it still holds is judged with the payload."""
    assert {name for name in (*NO_EVENT, *UNKNOWN) if name.split("/")[0] in _sources()} <= set(PAYLOADS)


def _sources() -> set[str]:
    """How the names of this machine's payloads begin."""
    return {name.split("/")[0] for name in PAYLOADS}


def _texts(outcome: Outcome, language: str) -> Iterator[str]:
    told = outcome.told or [(event, []) for event in outcome.events]
    for event, reasons in told:
        words = FORGE_TYPES[outcome.payload.forge]
        yield _plain(render(event, reasons, language=language, words=words).content.render()[0])


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\u2066-\u2069]", "", text).split())
