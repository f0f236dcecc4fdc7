"""GitHub's pushes, tags, releases, wiki, deployments and workflow runs become the right events."""

from datetime import UTC, datetime

import pytest

from src.events import (
    DeploymentEvent,
    DocumentationEvent,
    Page,
    Person,
    PipelineEvent,
    PushAction,
    PushEvent,
    ReleaseEvent,
    SubjectKind,
    TagEvent,
    WikiEvent,
)
from tests.github_events import one, parse, parse_document
from tests.payloads import document

# --------------------------------------------------------------------------------- pushes


def test_a_push_lists_its_commits_newest_first() -> None:
    event = one("push__branch", PushEvent)
    assert [commit.title for commit in event.commits] == ["Test the longer burn", "Burn longer"]
    assert event.commits[0].author == Person(login="bob", name="Bob", email="bob@acme.example")
    assert event.commits[0].url == f"https://github.com/acme/rocket/commit/{event.commits[0].sha}"
    assert event.count == 2
    assert event.subject.key == "branch:longer-burn"
    assert event.subject.url == "https://github.com/acme/rocket/tree/longer-burn"
    assert event.refs.branch == "longer-burn"
    assert event.refs.head_sha == event.commits[0].sha
    assert event.occurred_at == datetime(2026, 3, 2, 10, 15, tzinfo=UTC)
    assert event.aspect is None


def test_a_push_of_fifty_commits_shows_three_and_counts_all() -> None:
    event = one("push__fifty_commits", PushEvent)
    assert [commit.title for commit in event.commits] == ["Step 50", "Step 49", "Step 48"]
    assert event.count == 50


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("push__forced", PushAction.FORCED),
        ("push__created", PushAction.CREATED),
        ("push__created_without_commits", PushAction.CREATED),
        ("push__deleted", PushAction.DELETED),
    ],
)
def test_what_a_push_did_is_known_without_its_flags(name: str, action: PushAction) -> None:
    assert one(name, PushEvent).action is action
    payload = document(f"github/{name}")
    del payload["created"], payload["deleted"]
    (event,) = parse_document("push", payload)
    assert isinstance(event, PushEvent)
    assert event.action is action


def test_a_deleted_branch_has_no_head() -> None:
    event = one("push__deleted", PushEvent)
    assert event.refs.head_sha is None
    assert event.commits == ()


def test_a_push_without_account_is_the_deploy_keys() -> None:
    payload = document("github/push__branch")
    payload["sender"] = None
    payload["pusher"] = {"name": "launch-key", "email": None}
    (event,) = parse_document("push", payload)
    assert event.actor == Person(name="launch-key")


def test_documentation_lists_what_was_touched_with_pages_for_what_is_left() -> None:
    event = one("push__documentation", DocumentationEvent)
    head = document("github/push__documentation")["after"]
    blob = f"https://github.com/acme/rocket/blob/{head}"
    assert event.files == (
        Page(title="docs/launch list.txt", url=f"{blob}/docs/launch%20list.txt"),
        Page(title="notes/plan.md"),  # written and dropped in one push
        Page(title="README.md", url=f"{blob}/README.md"),
        Page(title="OLD.RST"),
    )
    assert event.count == 4
    assert event.refs.head_sha == head
    assert event.happening != one("push__documentation", PushEvent).happening


def test_documentation_shows_ten_files_and_counts_all() -> None:
    event = one("push__documentation_of_twelve_files", DocumentationEvent)
    assert len(event.files) == 10
    assert event.count == 12


@pytest.mark.parametrize("path", ["src/docs.py", "documents/a.txt", "a.md.txt", "md", "src/docs/a.txt"])
def test_other_files_are_no_documentation(path: str) -> None:
    payload = document("github/push__documentation")
    payload["commits"] = [payload["commits"][0] | {"added": [path], "modified": [], "removed": []}]
    (event,) = parse_document("push", payload)
    assert isinstance(event, PushEvent)


# --------------------------------------------------------------------------------- tags, releases, wiki


def test_a_tag_is_its_own_subject() -> None:
    created, deleted = one("create__tag", TagEvent), one("delete__tag", TagEvent)
    assert created.subject.key == deleted.subject.key == "tag:v1.4.0"
    assert created.url == "https://github.com/acme/rocket/releases/tag/v1.4.0"
    assert deleted.url == "https://github.com/acme/rocket/tags"
    assert created.happening != deleted.happening


def test_a_tag_made_again_is_another_happening() -> None:
    payload = document("github/create__tag")
    payload["repository"]["pushed_at"] = "2026-03-03T00:00:00Z"
    (again,) = parse_document("create", payload)
    assert again.happening != one("create__tag", TagEvent).happening


def test_a_release_is_known_by_its_tag() -> None:
    event = one("release__published", ReleaseEvent)
    assert event.subject.id == "v1.4.0"
    assert event.subject.title == "Moonshot"
    assert event.people.mentioned == ("dora",)
    assert event.excerpt == "To the moon, with thanks to @dora."
    assert event.occurred_at == datetime(2026, 3, 2, 15, 5, tzinfo=UTC)
    assert not event.prerelease


def test_a_release_without_name_is_called_by_its_tag() -> None:
    event = one("release__published_prerelease", ReleaseEvent)
    assert event.subject.title == "v1.5.0-rc.1"
    assert event.prerelease
    assert event.excerpt is None


def test_a_removed_release_opens_the_list_of_releases() -> None:
    event = one("release__deleted", ReleaseEvent)
    assert event.url == event.subject.url == "https://github.com/acme/rocket/releases"


def test_two_edits_of_a_release_differ_even_where_no_time_is_told() -> None:
    payload = document("github/release__edited")
    del payload["release"]["updated_at"]
    keys = set()
    for body in ("To the moon.", "To the moon and back."):
        payload["release"]["body"] = body
        keys.add(parse_document("release", payload)[0].happening)
    assert len(keys) == 2


def test_a_wiki_page_is_the_subject_when_it_is_alone() -> None:
    event = one("gollum__edited", WikiEvent)
    assert event.subject.key == "wiki:Home"
    assert event.pages == (Page(title="Home", url="https://github.com/acme/rocket/wiki/Home"),)
    assert event.excerpt == "Names the new crew"


def test_wiki_pages_of_one_action_make_one_event() -> None:
    edited, created = parse("gollum__several_pages")
    assert isinstance(edited, WikiEvent)
    assert isinstance(created, WikiEvent)
    assert [page.title for page in edited.pages] == ["Home", "Crew"]
    assert edited.subject.key == "wiki:wiki"
    assert [page.title for page in created.pages] == ["Fuel"]
    assert edited.happening != created.happening


# --------------------------------------------------------------------------------- deployments


def test_a_deployment_is_its_starters_concern() -> None:
    event = one("deployment_status__failure", DeploymentEvent)
    assert event.subject.kind is SubjectKind.DEPLOYMENT
    assert (event.subject.id, event.subject.title) == ("85001", "production")
    assert event.people.starter is not None
    assert event.people.starter.login == "bob"  # not the robot that deploys for him
    assert event.excerpt == "The pad is wet"
    assert event.url == "https://github.com/acme/rocket/actions/runs/80001/job/90001"
    assert event.refs.branch == "main"
    assert event.aspect == "status"


def test_without_a_workflow_the_creator_started_the_deployment() -> None:
    starter = one("deployment_status__error", DeploymentEvent).people.starter
    assert starter is not None
    assert starter.login == "dora"


def test_pending_queued_and_in_progress_are_one_happening() -> None:
    keys = {
        one(f"deployment_status__{state}", DeploymentEvent).happening for state in ("pending", "queued", "in_progress")
    }
    assert len(keys) == 1


def test_a_commit_that_is_deployed_by_itself_is_no_branch() -> None:
    payload = document("github/deployment_status__success")
    payload["deployment"]["ref"] = payload["deployment"]["sha"]
    (event,) = parse_document("deployment_status", payload)
    assert event.refs.branch is None
    assert event.refs.head_sha == payload["deployment"]["sha"]


def test_an_old_enterprise_server_names_no_action_for_a_deployment() -> None:
    payload = document("github/deployment_status__success")
    del payload["action"]
    (event,) = parse_document("deployment_status", payload)
    assert event.names == ("deployment.success",)


# --------------------------------------------------------------------------------- workflow runs


def test_a_run_knows_who_started_it_and_whose_commit_it_is() -> None:
    event = one("workflow_run__completed_failure", PipelineEvent)
    assert event.subject.key == "pipeline:80002"
    assert (event.subject.title, event.subject.number, event.workflow) == ("Burn longer", 42, "Checks")
    assert event.people.starter is not None
    assert event.people.starter.login == "ann"
    assert event.people.committers == (Person(name="Bob", email="bob@acme.example"),)  # GitHub itself is nobody
    assert event.refs.branch == "longer-burn"
    assert event.refs.pull_request is None
    assert event.duration == 210
    assert event.failed_jobs == ()
    assert event.aspect == "status"
    assert event.happening == "github:501:workflow_run:80002:1:failed"


def test_a_run_that_goes_on_has_no_duration() -> None:
    assert one("workflow_run__in_progress", PipelineEvent).duration is None


def test_who_runs_it_again_is_who_started_it() -> None:
    event = one("workflow_run__completed_second_attempt", PipelineEvent)
    assert event.people.starter is not None
    assert event.people.starter.login == "carl"
    assert event.happening != one("workflow_run__completed_success", PipelineEvent).happening


def test_a_run_for_a_pull_request_names_it() -> None:
    assert one("workflow_run__completed_for_pull_request", PipelineEvent).refs.pull_request == 5


def test_a_run_without_titles_is_called_by_its_number() -> None:
    payload = document("github/workflow_run__completed_success")
    payload["workflow_run"] |= {"display_title": None, "name": None}
    payload["workflow"] = None
    (event,) = parse_document("workflow_run", payload)
    assert isinstance(event, PipelineEvent)
    assert event.subject.title == "#42"
    assert event.workflow is None
