"""GitHub's signature, delivery keys, headers and hook words; and that bad input ends as it should."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from src.forge import BadSignature, UnknownEvent, Unparsable, WebhookCodec
from src.github_api.webhooks import GitHubCodec
from tests.payloads import document, load, names, sign_github

CODEC: WebhookCodec = GitHubCodec()
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "s3cret-for-tests"
BODY = b'{"action":"opened"}'
FIXTURES = names("github")


# --------------------------------------------------------------------------------- signature


def test_the_hooks_secret_verifies() -> None:
    CODEC.verify(sign_github(BODY, SECRET), BODY, [SECRET], NOW)


def test_the_previous_secret_verifies_while_it_is_kept() -> None:
    CODEC.verify(sign_github(BODY, "old"), BODY, [SECRET, "old"], NOW)


def test_the_signature_is_of_the_raw_bytes() -> None:
    with pytest.raises(BadSignature):
        CODEC.verify(sign_github(BODY, SECRET), BODY + b"\n", [SECRET], NOW)


def test_github_documents_this_example() -> None:
    # "Validating webhook deliveries" gives secret, payload and signature to test with.
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    CODEC.verify({"X-Hub-Signature-256": signature}, b"Hello, World!", ["It's a Secret to Everybody"], NOW)


@pytest.mark.parametrize("secrets", [[], [""], ["", "other"]])
def test_no_secret_and_an_empty_one_verify_nothing(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        CODEC.verify(sign_github(BODY, ""), BODY, secrets, NOW)


def test_sha1_alone_is_not_enough() -> None:
    sha1 = hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()
    with pytest.raises(BadSignature):
        CODEC.verify({"X-Hub-Signature": f"sha1={sha1}"}, BODY, [SECRET], NOW)
    with pytest.raises(BadSignature):
        CODEC.verify({"X-Hub-Signature-256": f"sha1={sha1}"}, BODY, [SECRET], NOW)


@pytest.mark.parametrize("garbage", ["", "sha256=", "\xff", "sha256=\xff", "\udcff\ud800", "sha256=" + "é" * 64, "\0"])
def test_garbage_is_a_bad_signature_and_no_error(garbage: str) -> None:
    with pytest.raises(BadSignature):
        CODEC.verify({"X-Hub-Signature-256": garbage}, BODY, [SECRET], NOW)


def test_the_message_of_a_bad_signature_holds_no_secret() -> None:
    with pytest.raises(BadSignature) as raised:
        CODEC.verify(sign_github(BODY, "wrong"), BODY, [SECRET], NOW)
    assert SECRET not in str(raised.value)
    assert hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest() not in str(raised.value)


@given(
    headers=st.dictionaries(st.sampled_from(["X-Hub-Signature-256", "x-hub-signature", "X-Other"]), st.text()),
    surrogates=st.text(st.characters(categories=["Cs"]), max_size=3),
    body=st.binary(),
    secrets=st.lists(st.text(), max_size=3),
)
def test_verifying_raises_nothing_but_bad_signature(
    headers: dict[str, str], surrogates: str, body: bytes, secrets: list[str]
) -> None:
    headers = {name: value + surrogates for name, value in headers.items()}
    with pytest.raises(BadSignature):
        CODEC.verify(headers, body, secrets, NOW)


# --------------------------------------------------------------------------------- keys and headers


def test_the_delivery_is_known_by_its_guid() -> None:
    assert CODEC.delivery_key({"X-GitHub-Delivery": "72d3162e-cc78"}, BODY) == "72d3162e-cc78"
    assert len(CODEC.delivery_key({"X-GitHub-Delivery": "x" * 500}, BODY)) == 128


def test_a_delivery_without_guid_is_known_by_what_it_says() -> None:
    key = CODEC.delivery_key({"X-GitHub-Event": "push"}, BODY)
    assert key.startswith("sha256:")
    assert key == CODEC.delivery_key({"x-github-event": "push"}, BODY)
    assert key != CODEC.delivery_key({"X-GitHub-Event": "issues"}, BODY)
    assert key != CODEC.delivery_key({"X-GitHub-Event": "push"}, BODY + b" ")


def test_a_replay_under_a_new_guid_is_found_out() -> None:
    first = CODEC.replay_key({"X-GitHub-Event": "push", "X-GitHub-Delivery": "1"}, BODY)
    again = CODEC.replay_key({"X-GitHub-Event": "push", "X-GitHub-Delivery": "2"}, BODY)
    assert first is not None
    assert first == again
    assert first != CODEC.replay_key({"X-GitHub-Event": "issues", "X-GitHub-Delivery": "1"}, BODY)


def test_what_is_signed_is_known_by_its_signature() -> None:
    """It was verified, and nobody without the secret makes another one for the same body."""
    signed = {"X-GitHub-Event": "push"} | sign_github(BODY, SECRET)
    key = CODEC.replay_key(signed | {"X-GitHub-Delivery": "1"}, BODY)
    assert key is not None
    assert len(key) == 64
    assert key == CODEC.replay_key(signed | {"X-GitHub-Delivery": "2"}, BODY)
    assert key != CODEC.replay_key(signed | {"X-GitHub-Event": "issues"}, BODY)
    assert key != CODEC.replay_key({"X-GitHub-Event": "push"} | sign_github(BODY + b" ", SECRET), BODY + b" ")


def test_a_ping_may_repeat_itself() -> None:
    assert CODEC.replay_key({"X-GitHub-Event": "ping"}, BODY) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"X-GitHub-Event": "push", "Content-Type": "application/json"},
        {"x-github-event": "push", "content-type": "application/json"},
        {"X-GITHUB-EVENT": " push ", "CONTENT-TYPE": "application/json"},
        CIMultiDict({"X-Github-Event": "push", "Content-type": "application/json"}),
    ],
)
def test_headers_are_found_in_any_case(headers: Mapping[str, str]) -> None:
    assert CODEC.event_header(headers) == "push"
    assert CODEC.kept_headers(headers) == {"x-github-event": "push", "content-type": "application/json"}


def test_kept_headers_hold_no_signature_and_suffice_to_parse() -> None:
    headers, body = load("github/issues__opened")
    headers |= sign_github(body, SECRET) | {"Authorization": "no business of ours"}
    kept = CODEC.kept_headers(headers)
    assert kept.keys() == {"x-github-event", "content-type"}
    assert CODEC.parse(kept, body) == CODEC.parse(headers, body)


def test_a_header_that_is_no_text_does_not_reach_the_log() -> None:
    assert CODEC.event_header({"X-GitHub-Event": "pu\udcffsh\n\0"}) == "pu?sh??"
    assert len(CODEC.event_header({"X-GitHub-Event": "x" * 5_000})) == 100
    assert CODEC.event_header({}) == ""


# --------------------------------------------------------------------------------- bodies


def test_a_form_holds_the_same_payload() -> None:
    headers, body = load("github/issue_comment__created")
    form = urlencode({"payload": body.decode()}).encode()
    for content_type in ("application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"):
        assert CODEC.parse(headers | {"Content-Type": content_type}, form) == CODEC.parse(headers, body)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=utf-8", "nonsense"])
def test_whatever_is_not_called_a_form_is_read_as_json(content_type: str) -> None:
    headers, body = load("github/issues__opened")
    assert CODEC.parse(headers | {"Content-Type": content_type}, body) == CODEC.parse(headers, body)


BAD_BODIES = {
    "nothing": b"",
    "invalid UTF-8": b'{"action": "\xff\xfe"}',
    "NaN": b'{"action": "opened", "number": NaN}',
    "infinity": b'{"action": "opened", "number": -Infinity}',
    "a lone surrogate": rb'{"action": "opened", "x": "\ud800"}',
    "5,000 levels of nesting": b'{"action":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "5,000 levels, unclosed": b'{"a":' * 5_000,
    "an array": b"[]",
    "a string": b'"opened"',
    "a number": b"5",
    "null": b"null",
    "half a payload": BODY[:-3],
    "a form": b"payload=%7B%7D",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_no_json_object_is_unparsable(body: bytes) -> None:
    with pytest.raises(Unparsable):
        CODEC.parse({"X-GitHub-Event": "pull_request"}, body)


@pytest.mark.parametrize(
    "form", [b"", b"other=1", b"payload=%FF", b"payload=\xff", b"payload=[]", b"payload", b"&" * 100, b"payload=%7B"]
)
def test_a_form_without_a_payload_is_unparsable(form: bytes) -> None:
    with pytest.raises(Unparsable):
        CODEC.parse({"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"}, form)


@pytest.mark.parametrize("damage", ["missing", "null", "of another type"])
@pytest.mark.parametrize(
    ("fixture", "field"),
    [
        ("issues__opened", "repository"),
        ("issues__opened", "issue"),
        ("issues__opened", "action"),
        ("pull_request__opened", "pull_request"),
        ("issue_comment__created", "comment"),
        ("push__branch", "after"),
        ("create__tag", "ref_type"),
        ("release__published", "release"),
        ("workflow_run__completed_success", "workflow_run"),
        ("ping__repository", "hook_id"),
    ],
)
def test_what_an_event_cannot_do_without_is_named(fixture: str, field: str, damage: str) -> None:
    payload = document(f"github/{fixture}")
    if damage == "missing":
        del payload[field]
    else:
        payload[field] = None if damage == "null" else ["a secret word"]
    with pytest.raises(Unparsable) as raised:
        CODEC.parse({"X-GitHub-Event": fixture.partition("__")[0]}, orjson.dumps(payload))
    assert str(raised.value).startswith(field)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("fixture", ["pull_request__opened", "issues__opened", "push__branch", "release__published"])
def test_all_that_may_be_null_may_be_null_at_once(fixture: str) -> None:
    needed = {"id", "number", "full_name", "tag_name", "ref", "after", "action"}

    def hollow(value: Any) -> Any:
        return {
            key: hollow(inner) if isinstance(inner, dict) else (inner if key in needed else None)
            for key, inner in value.items()
        }

    (event,) = CODEC.parse(
        {"X-GitHub-Event": fixture.partition("__")[0]}, orjson.dumps(hollow(document(f"github/{fixture}")))
    )
    assert event.subject.title


# --------------------------------------------------------------------------------- any input at all


def ends_well(headers: Mapping[str, str], body: bytes) -> None:
    try:
        found = CODEC.parse(headers, body)
    except (UnknownEvent, Unparsable):
        return
    assert all(event.happening for event in found)


HEADERS = st.sampled_from(sorted({name.partition("/")[2].partition("__")[0] for name in FIXTURES})) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(event=HEADERS, body=st.binary(), content_type=st.sampled_from(["", "application/x-www-form-urlencoded"]))
def test_any_bytes_are_parsed_or_refused(event: str, body: bytes, content_type: str) -> None:
    ends_well({"X-GitHub-Event": event, "Content-Type": content_type}, body)


@given(name=st.sampled_from(FIXTURES), data=st.data())
def test_any_broken_fixture_is_parsed_or_refused(name: str, data: st.DataObject) -> None:
    headers, body = load(name)
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    ends_well(headers, body[:start] + data.draw(st.binary(max_size=8)) + body[end:])


@given(name=st.sampled_from(FIXTURES), data=st.data())
def test_any_value_in_any_place_is_parsed_or_refused(name: str, data: st.DataObject) -> None:
    payload = document(name)
    place: Any = payload
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(place[key], (dict, list)) and place[key]) or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    place[key] = data.draw(JSON)
    try:
        body = orjson.dumps(payload)
    except TypeError:  # an integer beyond 64 bits
        return
    ends_well(load(name)[0], body)


# --------------------------------------------------------------------------------- hooks


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"pull_request.opened", "pull_request.merged"}, {"pull_request"}),
        ({"review.approved"}, {"pull_request_review"}),
        ({"issue.closed"}, {"issues"}),
        ({"comment.issue", "comment.pull_request"}, {"issue_comment"}),
        ({"comment.review"}, {"pull_request_review_comment"}),
        ({"comment.commit"}, {"commit_comment"}),
        ({"comment.edited"}, {"issue_comment", "pull_request_review_comment"}),
        ({"pipeline.failed", "pipeline.fixed"}, {"workflow_run"}),
        ({"push.forced", "documentation.updated"}, {"push"}),
        ({"tag.created"}, {"create"}),
        ({"tag.deleted"}, {"delete"}),
        ({"release.published"}, {"release"}),
        ({"deployment.failed"}, {"deployment_status"}),
        ({"wiki.created"}, {"gollum"}),
        ({"job.failed", "issue.closed"}, {"issues"}),
        (set(), {"push"}),
        ({"job.failed"}, {"push"}),
    ],
)
def test_a_hook_asks_for_exactly_what_is_needed(chosen: set[str], words: set[str]) -> None:
    assert CODEC.hook_events(chosen) == words


def test_a_hook_asks_for_the_events_that_bring_the_chosen_names() -> None:
    for name in FIXTURES:
        headers, body = load(name)
        for event in CODEC.parse(headers, body):
            chosen = set(event.names) & CODEC.names
            if chosen:
                assert headers["X-GitHub-Event"] in CODEC.hook_events(chosen)
