"""GitLab's pushes, pipelines, deployments, releases and wiki: a payload, a call, a sentence."""

from datetime import UTC, datetime
from typing import Any

import pytest

from src.events import (
    DeploymentEvent,
    DocumentationEvent,
    JobEvent,
    Person,
    PipelineEvent,
    PipelineStatus,
    PushEvent,
    ReleaseEvent,
    SubjectKind,
    TagEvent,
    WikiEvent,
)
from tests.gitlab_events import changed, one, only, parse

HEAD = "4f1c2a9b7d3e5f60718293a4b5c6d7e8f9012345"
MAIN = "9e8d7c6b5a49382716059f8e7d6c5b4a39281706"
PROJECT_URL = "https://gitlab.example.com/acme/rocket"


# ----------------------------------------------------------------------------------- pushes and tags


def test_a_push_lists_its_newest_commits_and_counts_all() -> None:
    event = one("push_hook__many_commits", PushEvent)
    assert event.names == ("push.pushed",)
    assert [commit.title for commit in event.commits] == ["Step 18", "Step 19", "Add the second stage"]
    assert event.count == 35
    assert (event.subject.kind, event.subject.id, event.refs.head_sha) == (SubjectKind.BRANCH, "second-stage", HEAD)
    assert event.people.mentioned == ()


def test_whoever_hides_the_address_is_known_by_the_private_one() -> None:
    author = one("push_hook__commits", PushEvent).commits[1].author
    assert author == Person(id="13", login="carl", name="Carl Cook", email="13-carl@users.noreply.gitlab.example.com")


def test_branches_are_made_and_removed() -> None:
    assert one("push_hook__created", PushEvent).names == ("push.created",)
    assert one("push_hook__deleted", PushEvent).names == ("push.deleted",)
    assert one("push_hook__deleted", PushEvent).url == PROJECT_URL


def test_a_branch_keeps_its_whole_name() -> None:
    event = one("push_hook__slash_in_name", PushEvent)
    assert event.subject.id == event.refs.branch == "fix/tank #7"
    assert event.subject.url == f"{PROJECT_URL}/-/tree/fix/tank%20%237"


def test_merge_queue_push_is_ignored() -> None:
    assert parse("push_hook__merge_train") == ()


def test_a_push_to_the_default_branch_with_documentation_is_two_events() -> None:
    pushed, documentation = parse("push_hook__default_branch_with_docs")
    assert pushed.names == ("push.pushed",)
    assert isinstance(documentation, DocumentationEvent)
    blob = f"{PROJECT_URL}/-/blob/{MAIN}"
    assert [(file.title, file.url) for file in documentation.files] == [
        ("NOTES.md", None),
        ("README.md", f"{blob}/README.md"),
        ("docs/tank/index.html", f"{blob}/docs/tank/index.html"),
        ("guide.rst", None),
        ("old/HISTORY.MD", f"{blob}/old/HISTORY.MD"),
    ]
    assert documentation.count == 5


@pytest.mark.parametrize("case", ["default_branch_without_docs", "branch_with_docs"])
def test_no_documentation_elsewhere(case: str) -> None:
    assert [event.kind for event in parse(f"push_hook__{case}")] == ["push"]


def test_at_most_ten_files_are_listed() -> None:
    def add(document: dict[str, Any]) -> None:
        document["commits"][0]["added"] = [f"docs/{number}.txt" for number in range(30)]

    documentation = changed("push_hook__default_branch_with_docs", add)[1]
    assert isinstance(documentation, DocumentationEvent)
    assert (len(documentation.files), documentation.count) == (10, 34)


@pytest.mark.parametrize(("case", "name"), [("created", "created"), ("deleted", "deleted"), ("moved", "created")])
def test_tags_are_made_moved_and_removed(case: str, name: str) -> None:
    event = one(f"tag_push_hook__{case}", TagEvent)
    assert event.names == (f"tag.{name}",)
    assert event.subject.id == ("nightly" if case == "moved" else "v1.0")


def test_a_tag_carries_its_message() -> None:
    assert only("tag_push_hook__created").excerpt == "First flight"


def test_a_push_without_commits_and_kind_comes_from_a_system_hook() -> None:
    event = one("system_hook__push", PushEvent)
    assert (event.names, event.commits, event.count) == (("push.pushed",), (), 2)


# ---------------------------------------------------------------------- pipelines, jobs, deployments


@pytest.mark.parametrize("status", ["running", "success", "failed", "canceled", "skipped"])
def test_statuses_of_a_pipeline(status: str) -> None:
    event = one(f"pipeline_hook__{status}", PipelineEvent)
    assert event.status is PipelineStatus(status)
    assert event.aspect == "status"
    assert (event.subject.kind, event.subject.id) == (SubjectKind.PIPELINE, "801")
    assert not event.child


@pytest.mark.parametrize("case", ["created", "manual"])
def test_a_pipeline_that_waits_is_ignored(case: str) -> None:
    assert parse(f"pipeline_hook__{case}") == ()


def test_a_failed_pipeline_names_its_failed_jobs_and_whom_it_concerns() -> None:
    event = one("pipeline_hook__failed", PipelineEvent)
    assert event.failed_jobs == ("unit tests", "lint")  # "experimental" may fail
    assert event.workflow == event.subject.title == "Nightly checks"
    assert event.people.starter is not None
    assert event.people.starter.login == "bob"
    assert event.people.committers == (Person(name="Dora Dean", email="dora@example.com"),)
    assert (event.refs.branch, event.refs.head_sha, event.duration) == ("second-stage", HEAD, 231)


def test_a_pipeline_without_a_name_is_called_after_its_commit() -> None:
    event = one("pipeline_hook__success", PipelineEvent)
    assert (event.workflow, event.subject.title) == (None, "Add the second stage")


def test_a_retried_pipeline_is_newer_than_its_first_run() -> None:
    first, second = one("pipeline_hook__failed", PipelineEvent), one("pipeline_hook__failed_again", PipelineEvent)
    assert first.object_updated_at is not None
    assert second.object_updated_at is not None
    assert first.object_updated_at < second.object_updated_at


def test_child_pipelines_are_off_unless_chosen() -> None:
    event = one("pipeline_hook__child", PipelineEvent)
    assert event.child
    assert event.requires == ("pipeline.child",)


def test_a_pipeline_of_a_merge_request_knows_it() -> None:
    refs = one("pipeline_hook__merge_request", PipelineEvent).refs
    assert (refs.pull_request, refs.branch, refs.target_branch) == (5, "second-stage", "main")


def test_a_tag_is_no_branch() -> None:
    assert one("pipeline_hook__tag", PipelineEvent).refs.branch is None


def test_a_failed_job_is_told_unless_it_may_fail() -> None:
    event = one("job_hook__failed", JobEvent)
    assert (event.subject.id, event.subject.title, event.stage) == ("902", "unit tests", "test")
    assert event.failure_reason == "script_failure"
    assert event.subject.url == f"{PROJECT_URL}/-/jobs/902"
    assert event.people.committers == (Person(name="Dora Dean", email="dora@example.com"),)
    assert parse("job_hook__failed_but_allowed") == ()
    assert parse("job_hook__running") == ()


def test_a_job_of_a_merge_request_knows_it() -> None:
    refs = only("job_hook__failed_of_merge_request").refs
    assert (refs.pull_request, refs.branch) == (5, None)


@pytest.mark.parametrize("status", ["running", "success", "failed", "canceled"])
def test_statuses_of_a_deployment(status: str) -> None:
    event = one(f"deployment_hook__{status}", DeploymentEvent)
    assert event.names == (f"deployment.{status}",)
    assert (event.subject.id, event.subject.title, event.refs.head_sha) == ("61", "production", MAIN)
    assert event.aspect == "status"


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-04 13:04:00 +0100",
        "2024-03-04 12:04:00 UTC",
        "2024-03-04T12:04:00Z",
        "2024-03-04T13:04:00.000+01:00",
    ],
)
def test_times_are_read_in_each_of_gitlabs_formats(text: str) -> None:
    (event,) = changed("deployment_hook__success", lambda document: document.update(status_changed_at=text))
    assert event.occurred_at == datetime(2024, 3, 4, 12, 4, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "2015-04-08T21: 00:25-07:00", "0001-01-01 00:00:00 +1400", ""])
def test_a_time_that_cannot_be_read_is_absent(text: str) -> None:
    (event,) = changed("deployment_hook__success", lambda document: document.update(status_changed_at=text))
    assert event.occurred_at is None


# --------------------------------------------------------------------------------- releases and wiki


@pytest.mark.parametrize(
    ("case", "name", "excerpt"),
    [
        ("create", "release.published", "Flies higher.\nThanks to @dora!"),
        ("update", "release.updated", "Flies higher and lands."),
        ("delete", "release.deleted", None),
    ],
)
def test_releases(case: str, name: str, excerpt: str | None) -> None:
    event = one(f"release_hook__{case}", ReleaseEvent)
    assert event.names == (name,)
    assert (event.subject.id, event.subject.title, event.excerpt) == ("v1.0", "Rocket 1.0", excerpt)
    assert not event.prerelease


@pytest.mark.parametrize(
    ("case", "name", "excerpt", "url"),
    [
        ("create", "wiki.created", "Launch list\nCheck the tank first.", f"{PROJECT_URL}/-/wikis/ops/launch-list"),
        ("update", "wiki.updated", "The tank comes first", f"{PROJECT_URL}/-/wikis/ops/launch-list"),
        ("delete", "wiki.deleted", None, None),
    ],
)
def test_wiki_pages(case: str, name: str, excerpt: str | None, url: str | None) -> None:
    event = one(f"wiki_page_hook__{case}", WikiEvent)
    assert (event.names, event.excerpt) == ((name,), excerpt)
    assert (event.subject.id, event.subject.title) == ("ops/launch-list", "Launch list")
    assert [(page.title, page.url) for page in event.pages] == [("Launch list", url)]
