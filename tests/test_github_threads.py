"""GitHub's pull requests, reviews, issues and comments become the right events."""

from datetime import UTC, datetime

import pytest

from src import events
from src.events import CommentEvent, CommentOn, IssueEvent, Person, PullRequestEvent, ReviewEvent, SubjectKind, Team
from tests.github_events import one, parse, parse_document
from tests.payloads import document


def ids(people: tuple[Person, ...]) -> list[str | None]:
    return [person.login for person in people]


# --------------------------------------------------------------------------------- pull requests


def test_an_opened_pull_request_brings_all_that_is_known() -> None:
    event = one("pull_request__opened", PullRequestEvent)
    assert event.subject == events.Subject(
        kind=SubjectKind.PULL_REQUEST,
        id="5",
        title="Burn the second stage longer",
        number=5,
        url="https://github.com/acme/rocket/pull/5",
    )
    assert (event.refs.branch, event.refs.target_branch) == ("longer-burn", "main")
    assert event.refs.head_sha == document("github/pull_request__opened")["pull_request"]["head"]["sha"]
    assert event.labels == ("engine",)
    assert event.people.author == Person(id="101", login="ann", url="https://github.com/ann")
    assert event.excerpt is not None
    assert event.excerpt.startswith("The second stage now burns longer.")
    assert event.occurred_at == event.object_updated_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert event.happening == "github:501:pull_request:5:opened"


def test_quotes_code_and_addresses_in_a_description_mention_nobody() -> None:
    assert one("pull_request__opened", PullRequestEvent).people.mentioned == ("carl",)


@pytest.mark.parametrize("name", ["pull_request__reopened", "pull_request__closed_merged", "pull_request__assigned"])
def test_an_old_description_mentions_nobody_again(name: str) -> None:
    event = one(name, PullRequestEvent)
    assert event.people.mentioned == ()
    assert event.excerpt is None


def test_a_null_body_is_no_excerpt() -> None:
    event = one("pull_request__opened_null_body", PullRequestEvent)
    assert event.excerpt is None
    assert event.people.mentioned == ()


def test_a_pull_request_of_a_deleted_account_has_no_author() -> None:
    assert one("pull_request__opened_by_deleted_account", PullRequestEvent).people.author is None


def test_a_draft_says_so() -> None:
    assert one("pull_request__opened_draft", PullRequestEvent).draft
    assert not one("pull_request__ready_for_review", PullRequestEvent).draft


@pytest.mark.parametrize(
    ("name", "aspect"),
    [
        ("opened", "state"),
        ("reopened", "state"),
        ("closed_merged", "state"),
        ("closed_unmerged", "state"),
        ("ready_for_review", "draft"),
        ("converted_to_draft", "draft"),
        ("synchronize", "commits"),
        ("assigned", None),
        ("review_requested_from_person", None),
    ],
)
def test_what_can_go_stale_names_its_aspect(name: str, aspect: str | None) -> None:
    assert one(f"pull_request__{name}", PullRequestEvent).aspect == aspect


def test_merging_is_told_at_the_moment_of_the_merge() -> None:
    event = one("pull_request__closed_merged", PullRequestEvent)
    assert event.occurred_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert event.object_updated_at == datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
    assert event.happening == "github:501:pull_request:5:merged"


def test_merged_is_known_without_the_flag() -> None:
    payload = document("github/pull_request__closed_merged")
    del payload["pull_request"]["merged"]
    assert parse_document("pull_request", payload)[0].names == ("pull_request.merged",)


def test_new_commits_are_told_apart_by_where_they_start_and_end() -> None:
    payload = document("github/pull_request__synchronize")
    (event,) = parse_document("pull_request", payload)
    assert event.refs.head_sha == payload["after"]
    assert event.happening.endswith(f":updated:{payload['before']}:{payload['after']}")


def test_a_review_request_speaks_to_the_person() -> None:
    event = one("pull_request__review_requested_from_person", PullRequestEvent)
    assert ids(event.targets.people) == ["carl"]
    assert event.targets.teams == ()
    assert ids(event.people.reviewers) == ["bob", "carl"]
    assert event.addressed == event.targets
    assert not event.opening


def test_a_team_review_request_speaks_to_the_team() -> None:
    event = one("pull_request__review_requested_from_team", PullRequestEvent)
    crew = Team(path="acme/guidance-crew", id="6001", name="Guidance Crew")
    assert event.targets == events.Targets(teams=(crew,))
    assert event.people.reviewer_teams == (crew,)


def test_a_removed_review_request_speaks_to_whom_it_was_taken_from() -> None:
    assert ids(one("pull_request__review_request_removed", PullRequestEvent).targets.people) == ["carl"]
    teams = one("pull_request__review_request_removed_from_team", PullRequestEvent).targets.teams
    assert [team.path for team in teams] == ["acme/guidance-crew"]


@pytest.mark.parametrize(
    ("name", "opening"),
    [
        ("pull_request__opened", True),
        ("pull_request__review_requested_at_opening", True),
        ("pull_request__assigned_at_opening", True),
        ("issues__opened", True),
        ("issues__assigned_ten_assignees", True),
        ("pull_request__review_requested_from_person", False),
        ("pull_request__assigned", False),
        ("pull_request__reopened", False),
        ("pull_request__review_request_removed", False),
        ("issues__assigned", False),
        ("issues__closed", False),
    ],
)
def test_reviewer_set_at_opening_belongs_to_the_opening(name: str, opening: bool) -> None:
    (event,) = parse(name)
    assert event.opening is opening


def test_assigned_and_unassigned_speak_to_the_person() -> None:
    assert ids(one("pull_request__assigned", PullRequestEvent).targets.people) == ["dora"]
    assert ids(one("pull_request__assigned", PullRequestEvent).people.assignees) == ["dora"]
    unassigned = one("pull_request__unassigned", PullRequestEvent)
    assert ids(unassigned.targets.people) == ["dora"]
    assert unassigned.people.assignees == ()


def test_assigning_two_people_is_two_happenings() -> None:
    payload = document("github/pull_request__assigned")
    first = parse_document("pull_request", payload)[0].happening
    payload["assignee"] = {"login": "carl", "id": 103}
    assert parse_document("pull_request", payload)[0].happening != first


@pytest.mark.parametrize("where", ["number of the delivery", "address"])
def test_a_pull_request_without_number_is_known_by_the(where: str) -> None:
    payload = document("github/pull_request__opened")
    del payload["pull_request"]["number"]
    if where == "address":
        del payload["number"]
    assert parse_document("pull_request", payload)[0].subject.number == 5


# --------------------------------------------------------------------------------- reviews


def test_a_review_is_the_reviewers_act_on_the_pull_request() -> None:
    event = one("pull_request_review__changes_requested", ReviewEvent)
    assert event.actor is not None
    assert event.actor.login == "bob"
    assert event.subject.key == "pull_request:5"
    assert event.people.author is not None
    assert event.people.author.login == "ann"
    assert event.people.mentioned == ()  # the name stands in code
    assert event.excerpt == "The nozzle is too narrow, @eve agrees."
    assert event.url == "https://github.com/acme/rocket/pull/5#pullrequestreview-40001"
    assert event.happening == "github:501:review:40001:changes_requested"


def test_a_review_mentions_in_its_text() -> None:
    assert one("pull_request_review__approved_with_text", ReviewEvent).people.mentioned == ("dora",)
    assert one("pull_request_review__approved", ReviewEvent).excerpt is None


def test_a_dismissed_review_says_nothing_anew() -> None:
    event = one("pull_request_review__dismissed", ReviewEvent)
    assert event.actor is not None
    assert event.actor.login == "ann"
    assert event.excerpt is None
    assert event.people.mentioned == ()
    assert "bob" in ids(event.people.reviewers)  # whose review it was


def test_a_review_state_in_capitals_is_understood() -> None:
    payload = document("github/pull_request_review__approved")
    payload["review"]["state"] = "APPROVED"
    assert parse_document("pull_request_review", payload)[0].names == ("review.approved",)


# --------------------------------------------------------------------------------- issues


def test_an_issue_brings_author_labels_and_mentions() -> None:
    event = one("issues__opened", IssueEvent)
    assert event.subject.key == "issue:12"
    assert event.people.mentioned == ("bob",)
    assert event.labels == ("bug",)
    assert event.aspect == "state"
    assert not event.confidential


def test_a_label_named_like_an_event_is_a_label() -> None:
    event = one("issues__opened_label_like_an_event", IssueEvent)
    assert event.labels == ("tag.created", "staging")
    assert event.names == ("issue.opened",)


def test_ten_assignees_are_ten_people_and_one_is_spoken_to() -> None:
    assert len(one("issues__opened_ten_assignees", IssueEvent).people.assignees) == 10
    event = one("issues__assigned_ten_assignees", IssueEvent)
    assert ids(event.targets.people) == ["juno"]
    assert event.aspect is None


def test_closing_is_told_at_its_own_moment() -> None:
    assert one("issues__closed", IssueEvent).occurred_at == datetime(2026, 3, 2, 13, tzinfo=UTC)


# --------------------------------------------------------------------------------- comments


def test_a_comment_on_a_pull_request_comes_as_an_issue_comment() -> None:
    event = one("issue_comment__created_on_pull_request", CommentEvent)
    assert event.on is CommentOn.PULL_REQUEST
    assert event.subject.key == "pull_request:5"
    assert event.subject.url == "https://github.com/acme/rocket/pull/5"
    assert event.url == "https://github.com/acme/rocket/pull/5#issuecomment-50002"
    assert event.people.mentioned == ("ann",)  # not whom the description mentions
    assert event.people.author is not None
    assert event.people.author.login == "ann"


def test_a_comment_on_an_issue() -> None:
    event = one("issue_comment__created", CommentEvent)
    assert event.on is CommentOn.ISSUE
    assert event.comment_id == "50001"
    assert event.excerpt == "Same here, with the cold weather. @dora, any idea?"
    assert ids(event.people.assignees) == ["carl"]
    assert event.labels == ("bug",)
    assert event.aspect is None


def test_a_comment_that_only_quotes_mentions_nobody() -> None:
    event = one("issue_comment__created_only_quotes", CommentEvent)
    assert event.people.mentioned == ()
    assert event.excerpt is not None
    assert "carl" not in event.excerpt


def test_an_edit_mentions_only_whom_the_old_text_lacked() -> None:
    event = one("issue_comment__edited_new_mention", CommentEvent)
    assert event.edited
    assert event.people.mentioned == ("carl",)
    assert event.names == ("comment.edited",)


def test_two_edits_of_one_comment_are_two_happenings() -> None:
    payload = document("github/issue_comment__edited")
    first = parse_document("issue_comment", payload)[0].happening
    payload["comment"]["updated_at"] = "2026-03-02T10:21:00Z"
    assert parse_document("issue_comment", payload)[0].happening != first


def test_a_review_comment_knows_its_line_and_thread() -> None:
    event = one("pull_request_review_comment__created", CommentEvent)
    assert event.on is CommentOn.REVIEW
    assert (event.file, event.line) == ("stages/second.py", 17)
    assert event.discussion_id == event.comment_id == "60001"
    reply = one("pull_request_review_comment__created_reply", CommentEvent)
    assert (reply.comment_id, reply.discussion_id) == ("60002", "60001")
    assert one("pull_request_review_comment__created_on_outdated_line", CommentEvent).line == 17


def test_a_commit_comment_is_about_the_commit() -> None:
    event = one("commit_comment__created", CommentEvent)
    sha = document("github/commit_comment__created")["comment"]["commit_id"]
    assert event.subject == events.Subject(
        kind=SubjectKind.COMMIT, id=sha, title=sha[:7], url=f"https://github.com/acme/rocket/commit/{sha}"
    )
    assert event.refs.head_sha == sha
    assert event.people.mentioned == ("carl",)
    on_line = one("commit_comment__created_on_line", CommentEvent)
    assert (on_line.file, on_line.line) == ("countdown.py", 3)
