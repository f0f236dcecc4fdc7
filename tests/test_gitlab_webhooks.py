"""GitLab's payloads: what holds for all of them, and what is odd."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest

from src.events import CommentEvent, Event, ReleaseEvent, dump, load
from src.forge import UnknownEvent, Unparsable
from tests import payloads
from tests.gitlab_events import CODEC, changed, only

PROJECT_URL = "https://gitlab.example.com/acme/rocket"
IGNORED = {
    "deployment_hook__created",
    "emoji_hook__award",
    "feature_flag_hook__turned_on",
    "issue_hook__epic_of_a_group",
    "issue_hook__update_position_only",
    "issue_hook__update_time_only",
    "job_hook__failed_but_allowed",
    "job_hook__running",
    "member_hook__added",
    "merge_request_hook__unapproved_by_system",
    "merge_request_hook__update_labels_only",
    "merge_request_hook__update_nothing",
    "merge_request_hook__update_review_submitted",
    "milestone_hook__create",
    "note_hook__design",
    "note_hook__merge_request_system",
    "pipeline_hook__created",
    "pipeline_hook__manual",
    "project_hook__created",
    "push_hook__merge_train",
    "resource_access_token_hook__expiring",
    "subgroup_hook__created",
    "system_hook__repository_update",
    "system_hook__user_create",
    "vulnerability_hook__confirmed",
}


# ------------------------------------------------------------------------ what holds for all of them


def test_every_name_that_can_be_chosen_has_a_fixture_and_no_other_is_delivered() -> None:
    delivered: set[str] = set()
    for name in payloads.names("gitlab"):
        for event in CODEC.parse(*payloads.load(name)):
            delivered |= {*event.names, *event.requires}
    # That a success fixes a failure is found out later, reviews of code are made by ourselves; the other two are what
    # an event requires.
    assert delivered | {"pipeline.fixed", "code_review.done", "code_review.failed"} == CODEC.names | {"hook.test"}
    assert {"pipeline.child", "issue.confidential"} <= delivered


@pytest.mark.parametrize("name", payloads.names("gitlab"))
def test_a_fixture_is_read_whole(name: str) -> None:
    events = CODEC.parse(*payloads.load(name))
    assert bool(events) is (name.removeprefix("gitlab/") not in IGNORED)
    for event in events:
        assert event.project.forge == "gitlab"
        assert (event.project.external_id, event.project.path) == ("42", "acme/rocket")
        assert event.project.url == PROJECT_URL
        assert event.project.private is True
        assert event.subject.title
        assert event.actor or isinstance(event, ReleaseEvent)  # GitLab does not say who released
        assert len(event.happening) <= 200
        assert load(dump(event)) == event


def test_events_of_one_delivery_have_happenings_of_their_own() -> None:
    for name in payloads.names("gitlab"):
        happenings = [event.happening for event in CODEC.parse(*payloads.load(name))]
        assert len(set(happenings)) == len(happenings), name


@pytest.mark.parametrize(
    ("project_hook", "group_hook"),
    [
        ("merge_request_hook__merge", "merge_request_hook__merge_from_group_hook"),
        ("pipeline_hook__failed", "pipeline_hook__failed_from_group_hook"),
        ("merge_request_hook__merge", "system_hook__merge_request"),
        ("tag_push_hook__created", "system_hook__tag_push"),
    ],
)
def test_hooks_of_project_group_and_instance_tell_of_one_happening(project_hook: str, group_hook: str) -> None:
    assert only(project_hook).happening == only(group_hook).happening


@pytest.mark.parametrize(
    ("one_case", "other_case"),
    [
        ("merge_request_hook__close", "merge_request_hook__merge"),
        ("merge_request_hook__approved", "merge_request_hook__unapproved"),
        ("issue_hook__update_labels_only", "issue_hook__update_unassigned"),
        ("note_hook__merge_request", "note_hook__merge_request_edited"),
        ("pipeline_hook__failed", "pipeline_hook__success"),
        ("pipeline_hook__failed", "pipeline_hook__failed_again"),
        ("push_hook__created", "push_hook__deleted"),
        ("tag_push_hook__created", "tag_push_hook__deleted"),
        ("release_hook__create", "release_hook__update"),
        ("wiki_page_hook__create", "wiki_page_hook__update"),
        ("deployment_hook__running", "deployment_hook__success"),
    ],
)
def test_different_happenings_have_different_keys(one_case: str, other_case: str) -> None:
    assert only(one_case).happening != only(other_case).happening


def test_labels_changed_twice_within_one_time_stamp_are_two_happenings() -> None:
    def urgent(document: dict[str, Any]) -> None:
        document["changes"]["labels"]["current"][0]["title"] = "urgent"

    (other,) = changed("issue_hook__update_labels_only", urgent)
    assert other.happening != only("issue_hook__update_labels_only").happening


# --------------------------------------------------------------------------------------- what is odd


def test_an_address_that_is_not_public_is_absent() -> None:
    event = only("issue_hook__open")
    assert event.actor is not None
    assert event.actor.email is None


def test_an_id_may_be_null() -> None:
    (event,) = changed("issue_hook__close", lambda document: document["user"].update(id=None))
    assert event.actor is not None
    assert (event.actor.id, event.actor.login) == (None, "bob")


@pytest.mark.parametrize(("level", "private"), [(0, True), (10, True), (20, False), (None, None)])
def test_only_public_is_not_private(level: int | None, private: bool | None) -> None:
    (event,) = changed("issue_hook__close", lambda document: document["project"].update(visibility_level=level))
    assert event.project.private is private


def test_old_payloads_name_their_project_elsewhere() -> None:
    def before_gitlab_13(document: dict[str, Any]) -> None:
        del document["project"]

    (event,) = changed("job_hook__failed", before_gitlab_13)
    assert (event.project.external_id, event.project.path, event.project.url) == ("42", "acme/rocket", PROJECT_URL)
    (event,) = changed("wiki_page_hook__create", lambda document: document["project"].pop("id"))
    assert event.project.external_id == event.project.path == "acme/rocket"


def test_titles_are_cut_and_free_of_nul() -> None:
    title = "\0stage" + "x" * 5_000
    (event,) = changed("merge_request_hook__open", lambda document: document["object_attributes"].update(title=title))
    assert len(event.subject.title) == 2_000
    assert event.subject.title.startswith("stagex")


def test_a_long_happening_ends_in_a_hash() -> None:
    def branch(end: str) -> Event:
        name = "refs/heads/" + "x" * 400 + end
        return changed("push_hook__created", lambda document: document.update(ref=name))[0]

    first, second = branch("a"), branch("b")
    assert len(first.happening) <= 200
    assert first.happening != second.happening


def test_addresses_that_no_browser_should_open_are_left_out() -> None:
    (event,) = changed(
        "note_hook__issue", lambda document: document["object_attributes"].update(url="javascript:alert(1)#note_9001")
    )
    assert isinstance(event, CommentEvent)
    assert event.url is None


@pytest.mark.parametrize(
    ("case", "change", "name"),
    [
        (
            "merge_request_hook__merge",
            lambda d: d["object_attributes"].update(action="teleport"),
            "merge_request.teleport",
        ),
        ("issue_hook__open", lambda d: d["object_attributes"].update(action="teleport"), "issue.teleport"),
        ("pipeline_hook__failed", lambda d: d["object_attributes"].update(status="melted"), "pipeline.melted"),
        ("job_hook__failed", lambda d: d.update(build_status="melted"), "build.melted"),
        ("deployment_hook__failed", lambda d: d.update(status="melted"), "deployment.melted"),
        ("release_hook__create", lambda d: d.update(action="teleport"), "release.teleport"),
        ("note_hook__issue", lambda d: d["object_attributes"].update(noteable_type="Dream"), "note.Dream"),
        ("note_hook__issue", lambda d: d["object_attributes"].update(action="destroy"), "note.destroy"),
        ("emoji_hook__award", lambda d: d.update(object_kind="horoscope"), "horoscope"),
        ("emoji_hook__award", lambda d: d.update(object_kind="a\nb c"), "a?b?c"),
    ],
)
def test_words_never_heard_of_are_unknown_and_loud(
    case: str, change: Callable[[dict[str, Any]], object], name: str
) -> None:
    with pytest.raises(UnknownEvent) as unknown:
        changed(case, change)
    assert unknown.value.name == name


def test_the_header_stands_in_for_a_missing_kind() -> None:
    (event,) = changed("merge_request_hook__merge", lambda document: document.pop("object_kind"))
    assert event.names == ("pull_request.merged",)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, Unparsable),
        ({"X-Gitlab-Event": "Horoscope Hook"}, UnknownEvent),
        ({"X-Gitlab-Event": "Note Hook"}, Unparsable),
    ],
)
def test_an_empty_object_is_unknown_or_unparsable(headers: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        CODEC.parse(headers, b"{}")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON, at character 0"),
        (b"\xff\xfe", "not JSON, at character 0"),
        (b'{"object_kind": NaN}', "not JSON, at character 16"),
        (b'{"object_kind": "\\ud800"}', "not JSON"),
        (b'{"user": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"7", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"object_kind": "issue"}', "object_attributes: missing"),
        (b'{"object_kind": "issue", "object_attributes": {"iid": "secret"}}', "object_attributes.iid: int_parsing"),
        (b'{"object_kind": "issue", "object_attributes": {"iid": 7, "action": "open"}}', "project: missing"),
        (b'{"object_kind": "pipeline", "object_attributes": {"id": 7}}', "pipeline: no action, status or type"),
        (
            (
                b'{"object_kind": "note", "project": {"path_with_namespace": "a/b"},'
                b'"object_attributes": {"id": 7, "noteable_type": "Issue"}}'
            ),
            "note: no issue",
        ),
    ],
)
def test_bad_bodies_are_unparsable_and_the_reason_shows_nothing_of_them(body: bytes, reason: str) -> None:
    with pytest.raises(Unparsable) as unparsable:
        CODEC.parse({}, body)
    assert str(unparsable.value).startswith(reason)
    assert "secret" not in str(unparsable.value)
    assert unparsable.value.__cause__ is None


@pytest.mark.parametrize("name", payloads.names("gitlab"))
def test_every_field_may_be_missing_or_null(name: str) -> None:
    headers, _ = payloads.load(name)
    for path in paths(payloads.document(name)):
        for null in (True, False):
            document = payloads.document(name)
            drop(document, path, null=null)
            with suppress(Unparsable, UnknownEvent):
                events = CODEC.parse(headers, orjson.dumps(document))
                assert all(event.subject.title and event.project.path for event in events), path


def paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every value, of lists to the first alone."""
    below: list[tuple[str | int, ...]] = [path] if path else []
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value[:1]))
    return below + [found for key, item in items for found in paths(item, (*path, key))]


def drop(document: Any, path: tuple[str | int, ...], *, null: bool) -> None:
    """Take one value away, or make it null."""
    for key in path[:-1]:
        document = document[key]
    if null:
        document[path[-1]] = None
    else:
        del document[path[-1]]
