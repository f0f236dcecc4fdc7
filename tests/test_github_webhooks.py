"""GitHub's payloads become the right events: the whole table, and what all events share."""

from datetime import UTC, datetime
from typing import Any

import pytest

from src import events
from src.events import HookTestEvent, IssueEvent, Person, PullRequestEvent
from src.forge import UnknownEvent
from tests.github_events import CODEC, one, parse, parse_document
from tests.payloads import document, names

# Every fixture and the names of the events it becomes; () is known and ignored.
MEANINGS: dict[str, tuple[str, ...]] = {
    "pull_request__opened": ("pull_request.opened",),
    "pull_request__opened_null_body": ("pull_request.opened",),
    "pull_request__opened_draft": ("pull_request.opened",),
    "pull_request__opened_by_bot": ("pull_request.opened",),
    "pull_request__opened_private": ("pull_request.opened",),
    "pull_request__opened_by_deleted_account": ("pull_request.opened",),
    "pull_request__reopened": ("pull_request.reopened",),
    "pull_request__ready_for_review": ("pull_request.ready",),
    "pull_request__converted_to_draft": ("pull_request.draft",),
    "pull_request__synchronize": ("pull_request.updated",),
    "pull_request__closed_merged": ("pull_request.merged",),
    "pull_request__closed_unmerged": ("pull_request.closed",),
    "pull_request__review_requested_from_person": ("pull_request.review_requested",),
    "pull_request__review_requested_from_team": ("pull_request.review_requested",),
    "pull_request__review_requested_at_opening": ("pull_request.review_requested",),
    "pull_request__review_request_removed": ("pull_request.review_request_removed",),
    "pull_request__review_request_removed_from_team": ("pull_request.review_request_removed",),
    "pull_request__assigned": ("pull_request.assigned",),
    "pull_request__assigned_at_opening": ("pull_request.assigned",),
    "pull_request__unassigned": ("pull_request.unassigned",),
    "pull_request__edited": (),
    "pull_request__labeled_like_an_event": (),
    "pull_request__enqueued": (),
    "pull_request_review__approved": ("review.approved",),
    "pull_request_review__approved_with_text": ("review.approved",),
    "pull_request_review__approved_by_bot": ("review.approved",),
    "pull_request_review__changes_requested": ("review.changes_requested",),
    "pull_request_review__commented": ("review.commented",),
    "pull_request_review__commented_empty": (),
    "pull_request_review__dismissed": ("review.dismissed",),
    "pull_request_review__edited_empty": (),
    "issues__opened": ("issue.opened",),
    "issues__opened_null_body": ("issue.opened",),
    "issues__opened_label_like_an_event": ("issue.opened",),
    "issues__opened_ten_assignees": ("issue.opened",),
    "issues__assigned": ("issue.assigned",),
    "issues__assigned_ten_assignees": ("issue.assigned",),
    "issues__closed": ("issue.closed",),
    "issues__reopened": ("issue.reopened",),
    "issues__unassigned": (),
    "issues__edited": (),
    "issues__labeled": (),
    "issue_comment__created": ("comment.issue",),
    "issue_comment__created_on_pull_request": ("comment.pull_request",),
    "issue_comment__created_by_bot": ("comment.pull_request",),
    "issue_comment__created_only_quotes": ("comment.issue",),
    "issue_comment__edited": ("comment.edited",),
    "issue_comment__edited_new_mention": ("comment.edited",),
    "issue_comment__edited_unchanged": (),
    "issue_comment__edited_without_changes": (),
    "issue_comment__deleted": (),
    "pull_request_review_comment__created": ("comment.review",),
    "pull_request_review_comment__created_reply": ("comment.review",),
    "pull_request_review_comment__created_on_outdated_line": ("comment.review",),
    "pull_request_review_comment__edited": ("comment.edited",),
    "pull_request_review_comment__edited_unchanged": (),
    "pull_request_review_comment__deleted": (),
    "commit_comment__created": ("comment.commit",),
    "commit_comment__created_on_line": ("comment.commit",),
    "gollum__created": ("wiki.created",),
    "gollum__edited": ("wiki.updated",),
    "gollum__several_pages": ("wiki.updated", "wiki.created"),
    "push__branch": ("push.pushed",),
    "push__by_bot": ("push.pushed",),
    "push__fifty_commits": ("push.pushed",),
    "push__forced": ("push.forced",),
    "push__created": ("push.created",),
    "push__created_without_commits": ("push.created",),
    "push__deleted": ("push.deleted",),
    "push__documentation": ("push.pushed", "documentation.updated"),
    "push__documentation_of_twelve_files": ("push.pushed", "documentation.updated"),
    "push__documentation_elsewhere": ("push.pushed",),
    "push__merge_queue": (),
    "push__tag": (),
    "create__tag": ("tag.created",),
    "create__branch": (),
    "delete__tag": ("tag.deleted",),
    "delete__branch": (),
    "release__published": ("release.published",),
    "release__published_prerelease": ("release.published",),
    "release__edited": ("release.updated",),
    "release__edited_draft": (),
    "release__deleted": ("release.deleted",),
    "release__created": (),
    "release__released": (),
    "deployment_status__pending": ("deployment.running",),
    "deployment_status__queued": ("deployment.running",),
    "deployment_status__in_progress": ("deployment.running",),
    "deployment_status__success": ("deployment.success",),
    "deployment_status__failure": ("deployment.failed",),
    "deployment_status__error": ("deployment.failed",),
    "deployment_status__inactive": (),
    "deployment_status__waiting": (),
    "workflow_run__requested": (),
    "workflow_run__in_progress": ("pipeline.running",),
    "workflow_run__completed_success": ("pipeline.success",),
    "workflow_run__completed_failure": ("pipeline.failed",),
    "workflow_run__completed_cancelled": ("pipeline.canceled",),
    "workflow_run__completed_skipped": ("pipeline.skipped",),
    "workflow_run__completed_timed_out": ("pipeline.timed_out",),
    "workflow_run__completed_action_required": ("pipeline.action_required",),
    "workflow_run__completed_neutral": ("pipeline.neutral",),
    "workflow_run__completed_stale": ("pipeline.stale",),
    "workflow_run__completed_startup_failure": ("pipeline.startup_failure",),
    "workflow_run__completed_without_conclusion": (),
    "workflow_run__completed_second_attempt": ("pipeline.success",),
    "workflow_run__completed_for_pull_request": ("pipeline.failed",),
    "ping__repository": ("hook.test",),
    "ping__organization": (),
    "star__created": (),
    "check_run__completed": (),
}


@pytest.mark.parametrize(("name", "meaning"), MEANINGS.items(), ids=MEANINGS)
def test_each_fixture_means_what_the_table_says(name: str, meaning: tuple[str, ...]) -> None:
    assert tuple(event.names[0] for event in parse(name)) == meaning


def test_the_table_names_every_fixture() -> None:
    assert set(names("github")) == {f"github/{name}" for name in MEANINGS}


def test_every_name_that_the_codec_promises_is_delivered_by_a_fixture() -> None:
    delivered = {name for meaning in MEANINGS.values() for name in meaning}
    # Whether a success mends a failure is found out later, by webhook.enrich; reviews of code are made by ourselves.
    assert delivered - {"hook.test"} == CODEC.names - {"pipeline.fixed", "code_review.done", "code_review.failed"}
    assert CODEC.names <= events.ALL_NAMES


def test_every_event_survives_the_database() -> None:
    for name in MEANINGS:
        for event in parse(name):
            assert events.load(events.dump(event)) == event


# Fixtures that show one happening in several forms.
ONE_HAPPENING: list[set[str]] = [
    {
        "pull_request_review__approved",
        "pull_request_review__approved_with_text",
        "pull_request_review__approved_by_bot",
    },
    {"issue_comment__edited", "issue_comment__edited_new_mention"},
    {"deployment_status__pending", "deployment_status__queued", "deployment_status__in_progress"},
]


def test_different_happenings_have_different_keys() -> None:
    told: dict[str, set[str]] = {}
    for name in MEANINGS:
        for event in parse(name):
            assert 0 < len(event.happening) <= 200
            told.setdefault(event.happening, set()).add(name)
    shared = [fixtures for fixtures in told.values() if len(fixtures) > 1]
    assert sorted(shared, key=min) == sorted(ONE_HAPPENING, key=min)


# --------------------------------------------------------------------------------- the fields that all share


def test_the_frame_names_project_and_actor() -> None:
    event = one("issues__opened", IssueEvent)
    assert event.project == events.Project(
        forge="github",
        external_id="501",
        path="acme/rocket",
        url="https://github.com/acme/rocket",
        private=False,
        default_branch="main",
    )
    assert event.actor == Person(id="101", login="ann", url="https://github.com/ann")


def test_a_private_project_is_marked() -> None:
    assert one("pull_request__opened_private", PullRequestEvent).project.private is True


def test_a_payload_that_does_not_say_is_neither_private_nor_public() -> None:
    payload = document("github/issues__opened")
    del payload["repository"]["private"]
    (event,) = parse_document("issues", payload)
    assert event.project.private is None


@pytest.mark.parametrize("name", ["pull_request__opened_by_bot", "issue_comment__created_by_bot", "push__by_bot"])
def test_a_bot_as_actor_is_known_as_one(name: str) -> None:
    (event,) = parse(name)
    assert event.actor is not None
    assert event.actor.is_bot


def test_a_bot_is_known_by_its_login_alone() -> None:
    payload = document("github/issues__opened")
    payload["sender"] = {"login": "renovate[bot]", "id": 7, "type": "User"}
    (event,) = parse_document("issues", payload)
    assert event.actor is not None
    assert event.actor.is_bot


def test_a_project_hook_and_an_organisation_hook_tell_of_one_happening() -> None:
    for name in MEANINGS:
        payload = document(f"github/{name}")
        event = name.partition("__")[0]
        if event == "ping":
            continue
        payload.pop("organization", None)
        payload["enterprise"] = {"id": 1, "slug": "acme-inc"}
        assert [e.happening for e in parse_document(event, payload)] == [e.happening for e in parse(name)]


def test_a_long_happening_is_cut_without_losing_what_sets_it_apart() -> None:
    keys = set()
    for last in "ab":
        payload = document("github/create__tag")
        payload["ref"] = "v" * 240 + last
        (event,) = parse_document("create", payload)
        assert len(event.happening) == 200
        keys.add(event.happening)
    assert len(keys) == 2


def test_moments_are_aware_and_in_utc() -> None:
    payload = document("github/issues__opened")
    payload["issue"]["created_at"] = "2026-03-02T10:00:00+02:00"
    (event,) = parse_document("issues", payload)
    assert event.occurred_at == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert event.occurred_at.tzinfo is UTC


def test_a_title_of_any_length_and_content_is_kept_within_bounds() -> None:
    payload = document("github/issues__opened")
    payload["issue"]["title"] = "A\0B\u202e\u0007" + "x" * 60_000
    payload["issue"]["body"] = "long " * 12_000
    (event,) = parse_document("issues", payload)
    assert event.subject.title.startswith("AB\u202e\u0007x")
    assert len(event.subject.title) == 2_000
    assert event.excerpt is not None
    assert len(event.excerpt) <= 600


def test_an_address_that_no_browser_should_open_is_left_out() -> None:
    payload = document("github/issues__opened")
    payload["issue"]["html_url"] = "javascript:alert(1)"
    (event,) = parse_document("issues", payload)
    assert event.url is None
    assert event.subject.url is None


# --------------------------------------------------------------------------------- ping and the unheard-of


def test_a_ping_tells_nobody() -> None:
    event = one("ping__repository", HookTestEvent)
    assert event.automatic
    assert event.about == "ping"
    assert event.subject.key == "hook:95001"


@pytest.mark.parametrize(
    ("header", "payload", "name"),
    [
        ("", {}, ""),
        ("teleport", {"action": "created"}, "teleport"),
        ("pull_request", {"action": "vaporised"}, "pull_request.vaporised"),
        ("issue_comment", {"action": "Sung\nout loud" + "!" * 100}, "issue_comment.Sung?out?loud" + "?" * 51),
    ],
)
def test_what_was_never_heard_of_is_unknown(header: str, payload: dict[str, str], name: str) -> None:
    with pytest.raises(UnknownEvent) as raised:
        parse_document(header, payload)
    assert raised.value.name == name


@pytest.mark.parametrize(
    ("fixture", "path", "name"),
    [
        ("pull_request_review__approved", ("review", "state"), "pull_request_review.submitted.adored"),
        ("workflow_run__completed_success", ("workflow_run", "conclusion"), "workflow_run.completed.adored"),
        ("deployment_status__success", ("deployment_status", "state"), "deployment_status.created.adored"),
        ("gollum__created", ("pages", 0, "action"), "gollum.adored"),
    ],
)
def test_a_state_that_was_never_heard_of_is_unknown(fixture: str, path: tuple[str | int, ...], name: str) -> None:
    payload = document(f"github/{fixture}")
    place: Any = payload
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "adored"
    with pytest.raises(UnknownEvent) as raised:
        parse_document(fixture.partition("__")[0], payload)
    assert raised.value.name == name
