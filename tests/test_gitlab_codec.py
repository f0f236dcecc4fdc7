"""GitLab's token, signature, delivery keys, headers and hook words; and that bad input ends as it should."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from src.events import ALL_NAMES
from src.forge import BadSignature, UnknownEvent, Unparsable, WebhookCodec
from src.gitlab_api.webhooks import GitLabCodec
from tests.payloads import document, load, names

CODEC: WebhookCodec = GitLabCodec()
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "s3cret-for-tests"
KEY = b"thirty-two bytes of a signing k."
SIGNING = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"object_kind":"push"}'
FIXTURES = names("gitlab")


def signed(
    body: bytes = BODY, *, key: bytes = KEY, identity: str = "msg-1", at: datetime = NOW, also: str = ""
) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    timestamp = str(int(at.timestamp()))
    mac = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{also}v1,{base64.b64encode(mac).decode()}",
    }


def refuse(headers: Mapping[str, str], body: bytes = BODY, secrets: list[str] | None = None) -> str:
    with pytest.raises(BadSignature) as refused:
        CODEC.verify(headers, body, [SECRET, SIGNING] if secrets is None else secrets, NOW)
    return str(refused.value)


# -------------------------------------------------------------------------------------- token


def test_the_hooks_secret_token_verifies() -> None:
    CODEC.verify({"X-Gitlab-Token": SECRET}, BODY, [SECRET], NOW)


def test_the_previous_token_verifies_while_it_is_kept() -> None:
    CODEC.verify({"x-gitlab-token": "old"}, BODY, [SECRET, "old"], NOW)


def test_headers_are_found_in_any_mapping() -> None:
    CODEC.verify(CIMultiDict({"x-GITLAB-token": SECRET}), BODY, [SECRET], NOW)
    CODEC.verify({"X-GITLAB-TOKEN": SECRET}, BODY, [SECRET], NOW)


def test_a_token_may_have_other_letters() -> None:
    CODEC.verify({"X-Gitlab-Token": "тайна"}, BODY, ["тайна"], NOW)


@pytest.mark.parametrize("token", ["", "other", SECRET + "x", SECRET[:-1], "тайна", "\udcff\udcfe", "\ud800"])
def test_another_token_is_refused(token: str) -> None:
    refuse({"X-Gitlab-Token": token})


@pytest.mark.parametrize("secrets", [[], [""], ["", "other"]])
def test_no_secret_and_an_empty_one_verify_nothing(secrets: list[str]) -> None:
    for headers in ({}, {"X-Gitlab-Token": ""}, {"X-Gitlab-Token": SECRET}, signed(key=b"x")):
        refuse(headers, secrets=secrets)


def test_the_refusal_says_what_is_wrong_and_no_secret() -> None:
    assert refuse({}) == "X-Gitlab-Token is missing"
    assert refuse({"X-Gitlab-Token": "guess"}) == "X-Gitlab-Token is another secret"
    assert "five minutes" in refuse(signed(key=b"x"))


# ---------------------------------------------------------------------------------- signature


def test_the_signing_token_verifies() -> None:
    CODEC.verify(signed(), BODY, [SECRET, SIGNING], NOW)


def test_the_standard_gives_this_example() -> None:
    # The specification of Standard Webhooks, "Signature scheme".
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    now = datetime.fromtimestamp(1614265330, UTC)
    CODEC.verify(headers, b'{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], now)


def test_one_signature_of_several_is_enough() -> None:
    other = base64.b64encode(b"x" * 32).decode()
    CODEC.verify(signed(also=f"v1,{other} v2,{other} "), BODY, [SIGNING], NOW)


def test_the_signature_is_of_the_raw_bytes_and_of_the_id() -> None:
    refuse(signed(), BODY + b"\n")
    refuse(signed() | {"webhook-id": "msg-2"})
    refuse(signed() | {"webhook-timestamp": str(int(NOW.timestamp()) + 1)})


@pytest.mark.parametrize(("minutes", "good"), [(0, True), (5, True), (-5, True), (6, False), (-6, False)])
def test_a_signature_holds_for_five_minutes_both_ways(minutes: int, good: bool) -> None:
    headers = signed(at=NOW + timedelta(minutes=minutes))
    if good:
        CODEC.verify(headers, BODY, [SIGNING], NOW)
    else:
        refuse(headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-timestamp": "noon"},
        {"webhook-timestamp": "-1772452800"},
        {"webhook-timestamp": "١٧٧٢٤٥٢٨٠٠"},
        {"webhook-timestamp": "9" * 5_000},
        {"webhook-timestamp": ""},
        {"webhook-id": ""},
        {"webhook-id": "\ud800"},
        {"webhook-signature": "v1,no base64!"},
        {"webhook-signature": "v1,тайна"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v2,AAAA"},
    ],
)
def test_malformed_signatures_are_refused(change: dict[str, str]) -> None:
    refuse(signed() | change)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!", "whsec_тайна", base64.b64encode(KEY).decode()])
def test_only_a_whole_signing_token_signs(secret: str) -> None:
    refuse(signed(), secrets=[secret])
    refuse(signed(key=b""), secrets=[secret])


headers_of_any_kind = st.dictionaries(
    st.sampled_from(
        ["X-Gitlab-Token", "webhook-id", "webhook-timestamp", "webhook-signature", "Idempotency-Key", "X-Gitlab-Event"]
    ),
    st.one_of(st.text(st.characters()), st.integers().map(str), st.just(signed()["webhook-signature"])),
)


@given(headers=headers_of_any_kind, body=st.binary(), secrets=st.lists(st.text(st.characters()), max_size=3))
def test_verify_raises_nothing_but_bad_signature(headers: dict[str, str], body: bytes, secrets: list[str]) -> None:
    try:
        CODEC.verify(headers, body, [*secrets, SIGNING], NOW)
    except BadSignature:
        return
    assert headers.get("X-Gitlab-Token", "").strip() in secrets


# -------------------------------------------------------------------------------- keys, headers


def test_a_delivery_is_known_by_its_idempotency_key() -> None:
    headers = {"Idempotency-Key": "key-1", "webhook-id": "id-1", "X-Gitlab-Event-UUID": "shared"}
    assert CODEC.delivery_key(headers, BODY) == "key-1"
    assert CODEC.delivery_key({"webhook-id": "id-1"}, BODY) == "id-1"


def test_a_signed_delivery_is_known_by_the_id_that_is_signed() -> None:
    assert CODEC.delivery_key(signed() | {"Idempotency-Key": "forged"}, BODY) == "msg-1"


def test_without_an_id_hook_event_and_body_are_the_key() -> None:
    headers = {"X-Gitlab-Webhook-UUID": "hook-1", "X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "one"}
    key = CODEC.delivery_key(headers, BODY)
    assert key.startswith("sha256:")
    assert CODEC.delivery_key(headers | {"X-Gitlab-Event-UUID": "two"}, BODY) == key
    assert CODEC.delivery_key(headers | {"X-Gitlab-Webhook-UUID": "hook-2"}, BODY) != key
    assert CODEC.delivery_key(headers | {"X-Gitlab-Event": "System Hook"}, BODY) != key
    assert CODEC.delivery_key(headers, BODY + b" ") != key


@given(headers=headers_of_any_kind, body=st.binary())
def test_a_delivery_key_is_short_and_printable(headers: dict[str, str], body: bytes) -> None:
    key = CODEC.delivery_key(headers, body)
    assert 0 < len(key) <= 128
    assert key.isascii()
    assert key.isprintable()
    assert CODEC.delivery_key(headers, body) == key


def test_long_keys_stay_apart() -> None:
    first, second = (CODEC.delivery_key({"Idempotency-Key": "x" * 200 + end}, BODY) for end in "ab")
    assert first != second


def test_a_replay_needs_no_key_of_its_own() -> None:
    assert CODEC.replay_key(signed(), BODY) is None


def test_the_event_header_is_for_logs() -> None:
    assert CODEC.event_header(CIMultiDict({"x-gitlab-event": "Note Hook"})) == "Note Hook"
    assert CODEC.event_header({}) == ""
    assert CODEC.event_header({"X-Gitlab-Event": "Note\nHook" + "x" * 500}).startswith("Note?Hookx")
    assert len(CODEC.event_header({"X-Gitlab-Event": "x" * 500})) == 100


def test_kept_headers_hold_no_secret() -> None:
    headers = signed() | {
        "X-Gitlab-Token": SECRET,
        "X-Gitlab-Event": "Note Hook",
        "X-Gitlab-Instance": "https://gitlab.example.com",
        "X-Gitlab-Event-UUID": "one",
        "Cookie": "session",
    }
    assert CODEC.kept_headers(headers) == {
        "x-gitlab-event": "Note Hook",
        "x-gitlab-instance": "https://gitlab.example.com",
        "x-gitlab-event-uuid": "one",
    }


@pytest.mark.parametrize("name", FIXTURES)
def test_kept_headers_are_enough_to_parse(name: str) -> None:
    headers, body = load(name)
    assert CODEC.parse(CODEC.kept_headers(headers), body) == CODEC.parse(headers, body)


# ----------------------------------------------------------------------------------- hook words


def test_names_are_in_the_catalogue() -> None:
    assert CODEC.names <= ALL_NAMES


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (set(), set()),
        ({"pull_request.opened"}, {"merge_requests_events"}),
        ({"review.approved", "pull_request.merged"}, {"merge_requests_events"}),
        ({"code_review.failed"}, {"merge_requests_events"}),
        ({"code_review.done"}, {"merge_requests_events"}),
        ({"comment.issue", "comment.edited"}, {"note_events"}),
        ({"issue.opened"}, {"issues_events"}),
        ({"issue.opened", "issue.confidential"}, {"issues_events", "confidential_issues_events"}),
        (
            {"comment.issue", "issue.confidential"},
            {"note_events", "confidential_issues_events", "confidential_note_events"},
        ),
        ({"pipeline.failed", "pipeline.fixed", "pipeline.child"}, {"pipeline_events"}),
        ({"job.failed"}, {"job_events"}),
        ({"deployment.failed"}, {"deployment_events"}),
        ({"push.pushed"}, {"push_events"}),
        ({"documentation.updated"}, {"push_events"}),
        ({"tag.created", "release.published"}, {"tag_push_events", "releases_events"}),
        ({"wiki.created"}, {"wiki_page_events"}),
        ({"push.forced", "pipeline.timed_out", "review.commented", "nonsense"}, set()),
    ],
)
def test_a_hook_asks_for_no_more_than_was_chosen(chosen: set[str], words: set[str]) -> None:
    assert CODEC.hook_events(chosen) == words


def test_every_name_needs_some_word() -> None:
    assert all(CODEC.hook_events({name}) for name in CODEC.names)


# ------------------------------------------------------------------------------------ bad input

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
words = st.sampled_from(
    ["", "open", "update", "success", "Issue", "Epic", "DiffNote", "2024-01-01 10:00:00 UTC", "http://["]
)


def survives(headers: Mapping[str, str], body: bytes) -> None:
    """Parse, and see that nothing but the two errors of the seam comes out, with words for a log line."""
    try:
        told = [event.happening for event in CODEC.parse(headers, body)]
    except (UnknownEvent, Unparsable) as error:
        told = [str(error)]
    assert all(len(words) <= 200 for words in told)


@given(headers=headers_of_any_kind, body=st.binary())
def test_arbitrary_bytes_are_survived(headers: dict[str, str], body: bytes) -> None:
    survives(headers, body)


@given(headers=headers_of_any_kind, value=json_values)
def test_arbitrary_json_is_survived(headers: dict[str, str], value: object) -> None:
    survives(headers, json.dumps(value).encode())


@given(data=st.data())
def test_fixtures_changed_at_random_are_survived(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(FIXTURES))
    payload: dict[str, Any] = document(name)
    for _ in range(data.draw(st.integers(1, 4))):
        place: Any = payload
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and data.draw(st.booleans()):
                place = place[key]
                continue
            place[key] = data.draw(json_values | words)
            break
    survives(load(name)[0], json.dumps(payload).encode())


@given(data=st.data())
def test_fixtures_cut_or_overwritten_are_survived(data: st.DataObject) -> None:
    headers, body = load(data.draw(st.sampled_from(FIXTURES)))
    at = data.draw(st.integers(0, len(body)))
    survives(headers, body[:at] + data.draw(st.binary(max_size=4)) + body[at + data.draw(st.integers(0, 50)) :])
