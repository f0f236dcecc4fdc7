"""GitLab's merge requests, issues and comments: a payload, a call, a sentence."""

from datetime import UTC, datetime
from typing import Any

import pytest

from src.events import (
    CommentEvent,
    CommentOn,
    HookTestEvent,
    IssueAction,
    IssueEvent,
    Person,
    PullRequestAction,
    PullRequestEvent,
    ReviewEvent,
    SubjectKind,
)
from tests import payloads
from tests.gitlab_events import CODEC, changed, logins, one, only, parse

HEAD = "4f1c2a9b7d3e5f60718293a4b5c6d7e8f9012345"
PROJECT_URL = "https://gitlab.example.com/acme/rocket"


# ------------------------------------------------------------------------------------ merge requests


def test_an_opened_merge_request_tells_all_that_a_reader_needs() -> None:
    event = one("merge_request_hook__open", PullRequestEvent)
    assert event.action is PullRequestAction.OPENED
    assert (event.subject.kind, event.subject.id, event.subject.number) == (SubjectKind.PULL_REQUEST, "5", 5)
    assert event.subject.title == "Add the second stage"
    assert event.subject.url == f"{PROJECT_URL}/-/merge_requests/5"
    assert event.actor == Person(
        id="12", login="bob", name="Bob Baker", email="bob@example.com", url="https://gitlab.example.com/bob"
    )
    assert event.people.author == event.actor
    assert (event.refs.branch, event.refs.target_branch, event.refs.head_sha) == ("second-stage", "main", HEAD)
    assert event.labels == ("bug",)
    assert event.project.default_branch == "main"
    assert (event.aspect, event.opening) == ("state", True)
    assert event.object_updated_at == event.occurred_at == datetime(2024, 3, 4, 10, tzinfo=UTC)


def test_a_description_mentions_people_outside_code_and_quotes_only() -> None:
    event = one("merge_request_hook__open", PullRequestEvent)
    assert event.people.mentioned == ("carl",)
    assert event.excerpt == "The rocket needs a second stage.\n@carl please look at the @dora decorator."


def test_reviewer_set_at_opening_is_in_the_opening_event() -> None:
    event = one("merge_request_hook__open_with_reviewer", PullRequestEvent)
    assert event.opening
    assert logins(event.people.reviewers) == ["carl"]
    assert logins(event.people.assignees) == ["bob", "dora"]


def test_ten_assignees_are_all_told_of() -> None:
    assert len(one("merge_request_hook__open_ten_assignees", PullRequestEvent).people.assignees) == 10
    assert len(one("issue_hook__open_ten_assignees", IssueEvent).people.assignees) == 10


def test_assignees_and_reviewers_without_names_are_known_by_id() -> None:
    def nameless(document: dict[str, Any]) -> None:
        del document["assignees"], document["reviewers"]

    (event,) = changed("merge_request_hook__open_with_reviewer", nameless)
    assert [person.id for person in event.people.assignees] == ["12", "14"]
    assert logins(event.people.assignees) == ["bob", None]  # bob did it, so the payload names him
    assert event.people.reviewers == (Person(id="13"),)


def test_an_author_who_did_not_act_is_known_by_id() -> None:
    assert one("merge_request_hook__merge", PullRequestEvent).people.author == Person(id="12")


def test_a_null_description_is_no_excerpt() -> None:
    for case in ("merge_request_hook__open_null_description", "issue_hook__open_null_description"):
        event = only(case)
        assert event.excerpt is None
        assert event.people.mentioned == ()


def test_label_named_like_an_event_is_a_label() -> None:
    assert one("merge_request_hook__open_label_like_an_event", PullRequestEvent).labels == ("tag_push", "merge_request")
    assert one("issue_hook__open_label_like_an_event", IssueEvent).labels == ("tag_push",)


def test_bot_as_actor() -> None:
    event = one("merge_request_hook__open_by_project_bot", PullRequestEvent)
    assert event.actor is not None
    assert event.actor.is_bot
    assert event.people.author == event.actor


@pytest.mark.parametrize(
    ("username", "is_bot"),
    [
        ("project_42_bot", True),
        ("project_42_bot1", True),
        ("group_7_bot_0a9f", True),
        ("service_account_group_7_0a9f", True),
        ("ghost", True),
        ("alert-bot", True),
        ("support-bot", True),
        ("GitLab-Security-Bot", True),
        ("project_manager", False),
        ("robot", False),
        ("group_bot_fan", False),
    ],
)
def test_bots_are_known_by_their_user_names(username: str, is_bot: bool) -> None:
    (event,) = changed("issue_hook__close", lambda document: document["user"].update(username=username))
    assert event.actor is not None
    assert event.actor.is_bot is is_bot


@pytest.mark.parametrize(
    ("case", "action"),
    [
        ("open", PullRequestAction.OPENED),
        ("reopen", PullRequestAction.REOPENED),
        ("close", PullRequestAction.CLOSED),
        ("merge", PullRequestAction.MERGED),
    ],
)
def test_states_of_a_merge_request(case: str, action: PullRequestAction) -> None:
    event = one(f"merge_request_hook__{case}", PullRequestEvent)
    assert event.action is action
    assert event.aspect == "state"
    assert event.opening is (case == "open")


def test_gitlab_update_with_oldrev_means_new_commits() -> None:
    event = one("merge_request_hook__update_oldrev", PullRequestEvent)
    assert event.action is PullRequestAction.UPDATED
    assert event.aspect == "commits"
    assert HEAD in event.happening


@pytest.mark.parametrize("case", ["update_labels_only", "update_nothing", "update_review_submitted"])
def test_other_updates_of_a_merge_request_are_ignored(case: str) -> None:
    assert parse(f"merge_request_hook__{case}") == ()


def test_one_update_may_tell_several_things() -> None:
    events = parse("merge_request_hook__update_reviewers_assignees_and_oldrev")
    told = [
        (event.action, logins(event.targets.people), event.aspect)
        for event in events
        if isinstance(event, PullRequestEvent)
    ]
    assert told == [
        (PullRequestAction.UPDATED, [], "commits"),
        (PullRequestAction.REVIEW_REQUESTED, ["carl"], None),
        (PullRequestAction.REVIEW_REQUEST_REMOVED, ["ann"], None),
        (PullRequestAction.ASSIGNED, ["dora"], None),
        (PullRequestAction.UNASSIGNED, ["bob"], None),
    ]


def test_a_review_that_is_asked_for_again_is_requested_from_that_reviewer_alone() -> None:
    event = one("merge_request_hook__update_re_requested", PullRequestEvent)
    assert event.action is PullRequestAction.REVIEW_REQUESTED
    assert logins(event.targets.people) == ["carl"]
    assert logins(event.people.reviewers) == ["carl", "dora"]


@pytest.mark.parametrize(
    ("case", "action", "draft"),
    [
        ("update_ready", PullRequestAction.READY, False),
        ("update_ready_by_title", PullRequestAction.READY, False),
        ("update_draft", PullRequestAction.DRAFT, True),
    ],
)
def test_draft_to_ready_and_back(case: str, action: PullRequestAction, draft: bool) -> None:
    event = one(f"merge_request_hook__{case}", PullRequestEvent)
    assert (event.action, event.draft, event.aspect) == (action, draft, "draft")


def test_a_new_title_that_stays_a_draft_is_no_event() -> None:
    def retitled(document: dict[str, Any]) -> None:
        document["changes"]["title"] = {"previous": "Draft: Add", "current": "WIP: Add more"}
        del document["changes"]["draft"]

    assert changed("merge_request_hook__update_draft", retitled) == ()


def test_a_draft_may_be_opened() -> None:
    assert one("merge_request_hook__open_draft", PullRequestEvent).draft


def test_approved_and_approval_are_one_click_told_alike() -> None:
    complete, partial = only("merge_request_hook__approved"), only("merge_request_hook__approval")
    assert isinstance(complete, ReviewEvent)
    assert complete.names == partial.names == ("review.approved",)
    assert complete.actor is not None
    assert complete.actor.login == "carl"
    assert complete.happening == partial.happening  # should GitLab ever send both for one click


def test_unapproved_and_unapproval_are_told_alike() -> None:
    names = {only(f"merge_request_hook__{case}").names for case in ("unapproved", "unapproval")}
    assert names == {("review.unapproved",)}


def test_approvals_that_a_push_took_back_are_not_the_pushers_doing() -> None:
    assert parse("merge_request_hook__unapproved_by_system") == ()


@pytest.mark.parametrize(
    ("case", "about"), [("merge_request_hook__test_button", "merge_request"), ("issue_hook__test_button", "issue")]
)
def test_button_test_is_a_payload_without_an_action(case: str, about: str) -> None:
    event = only(case)
    assert isinstance(event, HookTestEvent)
    assert (event.about, event.automatic) == (about, False)
    assert (event.subject.kind, event.subject.id) == (SubjectKind.HOOK, "hook")
    assert event.names == ("hook.test",)


def test_button_pressed_twice_is_two_happenings() -> None:
    headers, body = payloads.load("gitlab/issue_hook__test_button")
    first, second = (CODEC.parse(headers | {"X-Gitlab-Event-UUID": uuid}, body)[0] for uuid in ("a", "b"))
    assert first.happening != second.happening


# -------------------------------------------------------------------------------------------- issues


@pytest.mark.parametrize(
    ("case", "action", "aspect"),
    [
        ("open", IssueAction.OPENED, "state"),
        ("open_task", IssueAction.OPENED, "state"),
        ("close", IssueAction.CLOSED, "state"),
        ("reopen", IssueAction.REOPENED, "state"),
        ("update_labels_only", IssueAction.UPDATED, None),
        ("update_unassigned", IssueAction.UPDATED, None),
        ("update_assigned", IssueAction.ASSIGNED, None),
    ],
)
def test_what_happens_to_an_issue(case: str, action: IssueAction, aspect: str | None) -> None:
    event = one(f"issue_hook__{case}", IssueEvent)
    assert (event.action, event.aspect) == (action, aspect)
    assert event.opening is (action is IssueAction.OPENED)
    assert (event.subject.kind, event.subject.id, event.subject.number) == (SubjectKind.ISSUE, "7", 7)
    assert not event.confidential


def test_an_opened_issue_names_author_assignees_and_mentioned() -> None:
    event = one("issue_hook__open", IssueEvent)
    assert event.people.author is not None
    assert event.people.author.login == "ann"
    assert logins(event.people.assignees) == ["dora"]
    assert event.people.mentioned == ("bob",)
    assert event.excerpt == "The tank leaks at high pressure.\n@bob can you check?"


def test_only_the_added_assignees_are_addressed() -> None:
    event = one("issue_hook__update_assigned", IssueEvent)
    assert logins(event.targets.people) == ["carl"]
    assert logins(event.people.assignees) == ["dora", "carl"]


def test_an_issue_may_be_assigned_and_changed_at_once() -> None:
    names = [event.names for event in parse("issue_hook__update_assigned_and_title")]
    assert names == [("issue.assigned",), ("issue.updated",)]


@pytest.mark.parametrize("case", ["update_position_only", "update_time_only", "epic_of_a_group"])
def test_what_nobody_wants_to_know_of_an_issue_is_ignored(case: str) -> None:
    assert parse(f"issue_hook__{case}") == ()


def test_a_new_description_mentions_those_whom_the_old_one_did_not() -> None:
    assert one("issue_hook__update_description", IssueEvent).people.mentioned == ("carl",)


def test_an_update_that_does_not_say_what_changed_is_told() -> None:
    (event,) = changed("issue_hook__update_labels_only", lambda document: document.pop("changes"))
    assert event.names == ("issue.updated",)


@pytest.mark.parametrize("case", ["open", "update_assigned"])
def test_confidential_issues_are_chosen_by_themselves(case: str) -> None:
    event = one(f"confidential_issue_hook__{case}", IssueEvent)
    assert event.confidential
    assert event.requires == ("issue.confidential",)


def test_an_issue_is_confidential_by_any_of_the_three_signs() -> None:
    headers, body = payloads.load("gitlab/issue_hook__open")
    assert CODEC.parse(headers | {"X-Gitlab-Event": "Confidential Issue Hook"}, body)[0].confidential
    assert changed("issue_hook__open", lambda d: d["object_attributes"].update(confidential=True))[0].confidential
    assert changed("issue_hook__open", lambda d: d.update(event_type="confidential_issue"))[0].confidential


# ------------------------------------------------------------------------------------------ comments


@pytest.mark.parametrize(
    ("case", "on", "kind", "identity"),
    [
        ("merge_request", CommentOn.PULL_REQUEST, SubjectKind.PULL_REQUEST, "5"),
        ("merge_request_diff", CommentOn.REVIEW, SubjectKind.PULL_REQUEST, "5"),
        ("issue", CommentOn.ISSUE, SubjectKind.ISSUE, "7"),
        ("issue_without_action", CommentOn.ISSUE, SubjectKind.ISSUE, "7"),
        ("commit", CommentOn.COMMIT, SubjectKind.COMMIT, HEAD),
        ("snippet", CommentOn.SNIPPET, SubjectKind.SNIPPET, "31"),
    ],
)
def test_comments_by_what_they_are_on(case: str, on: CommentOn, kind: SubjectKind, identity: str) -> None:
    event = one(f"note_hook__{case}", CommentEvent)
    assert (event.on, event.subject.kind, event.subject.id) == (on, kind, identity)
    assert event.comment_id == "9001"
    assert event.discussion_id == "6f2d1c0b9a8e7d6c5b4a39281706f5e4d3c2b1a0"
    assert event.url is not None
    assert event.url.endswith("#note_9001")
    assert not event.edited
    assert event.aspect is None


def test_a_comment_on_a_merge_request_knows_whom_the_merge_request_concerns() -> None:
    event = one("note_hook__merge_request", CommentEvent)
    assert event.people.author == Person(id="12")
    assert event.people.assignees == (Person(id="14"),)
    assert logins(event.people.reviewers) == ["carl"]
    assert event.people.mentioned == ("ann",)
    assert event.labels == ("bug",)
    assert event.excerpt == "Looks good, @ann."


def test_a_comment_on_the_diff_stands_at_its_line() -> None:
    added, removed = (
        one("note_hook__merge_request_diff", CommentEvent),
        one("note_hook__merge_request_diff_removed_line", CommentEvent),
    )
    assert (added.file, added.line) == ("src/stage.py", 17)
    assert (removed.file, removed.line) == ("src/stage.py", 4)


def test_a_comment_on_a_commit_names_who_wrote_it() -> None:
    event = one("note_hook__commit", CommentEvent)
    assert event.subject.title == "Add the second stage"
    assert event.people.committers == (Person(name="Bob Baker", email="bob@example.com"),)


def test_an_edited_comment_is_told_as_such() -> None:
    event = one("note_hook__merge_request_edited", CommentEvent)
    assert event.names == ("comment.edited",)
    assert event.people.mentioned == ("ann", "dora")
    assert event.occurred_at == datetime(2024, 3, 4, 12, 20, tzinfo=UTC)


def test_system_notes_and_designs_are_ignored() -> None:
    assert parse("note_hook__merge_request_system") == ()
    assert parse("note_hook__design") == ()


@pytest.mark.parametrize("case", ["confidential_issue", "internal_on_merge_request"])
def test_confidential_never_without_its_mark(case: str) -> None:
    event = one(f"confidential_note_hook__{case}", CommentEvent)
    assert event.confidential
    assert event.requires == ("issue.confidential",)


def test_an_internal_note_is_confidential_whatever_the_header_says() -> None:
    _, body = payloads.load("gitlab/confidential_note_hook__internal_on_merge_request")
    (event,) = CODEC.parse({"X-Gitlab-Event": "Note Hook"}, body.replace(b"confidential_note", b"note"))
    assert event.confidential
