"""What people do on the website arrives signed and means, to the real codecs, what they did."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from src.demo.forge import CommitSpec, ForgeEmulator, Unsupported
from src.demo.gitlab import GitLabEmulator
from src.events import CommentEvent, IssueEvent, JobEvent, PipelineEvent, PullRequestEvent, PushEvent
from tests.test_forge_emulators.stage import CHANGE, ROCKET, Stage

Act = Callable[[Stage], Awaitable[object]]
OnThread = Callable[[ForgeEmulator, int], Awaitable[object]]


async def opened(forge: ForgeEmulator, **how: Any) -> int:
    return await forge.open_pull_request(ROCKET, "bob", "Add engine", body="@ann look", changes=[CHANGE], **how)


def on_pull(act: OnThread, **how: Any) -> Act:
    """Act on bob's pull request that is there already."""

    async def prepared(stage: Stage) -> None:
        number = await opened(stage.forge, **how)
        stage.forget()
        await act(stage.forge, number)

    return prepared


def on_issue(act: OnThread) -> Act:
    """Act on bob's issue that is there already."""

    async def prepared(stage: Stage) -> None:
        number = await stage.forge.open_issue(ROCKET, "bob", "Rocket leaks")
        stage.forget()
        await act(stage.forge, number)

    return prepared


async def approve_then(forge: ForgeEmulator, number: int, by: str, state: str) -> None:
    await forge.review(ROCKET, "ann", number, "approved")
    await forge.review(ROCKET, by, number, state)


async def edit(forge: ForgeEmulator, number: int) -> None:
    comment = await forge.comment(ROCKET, "ann", "issue", number, "Where?")
    await forge.edit_comment(ROCKET, "ann", comment, "Where exactly?")


async def close_and_reopen(forge: ForgeEmulator, number: int) -> None:
    await forge.close(ROCKET, "ann", number)
    await forge.reopen(ROCKET, "ann", number)


async def close_and_reopen_issue(forge: ForgeEmulator, number: int) -> None:
    await forge.close_issue(ROCKET, "ann", number)
    await forge.reopen_issue(ROCKET, "ann", number)


async def come_and_go(stage: Stage) -> None:
    forge = stage.forge
    await forge.push(ROCKET, "bob", "feature", [CommitSpec(title="Try")])
    await forge.delete_branch(ROCKET, "bob", "feature")
    await forge.push_tag(ROCKET, "bob", "v1")
    await forge.delete_tag(ROCKET, "bob", "v1")


def commit(title: str, *files: str) -> list[CommitSpec]:
    return [CommitSpec(title=title, modified=files)]


# What is done, and what it means on GitHub and on GitLab; None: the forge has no such thing.
HAPPENINGS: dict[str, tuple[Act, str | None, str | None]] = {
    "opened": (lambda s: opened(s.forge), "pull_request.opened", "pull_request.opened"),
    "opened with people": (
        lambda s: opened(s.forge, reviewers=["ann"], assignees=["carl"], labels=["staging"]),
        "pull_request.opened pull_request.assigned pull_request.review_requested", "pull_request.opened"),
    "opened with a team": (
        lambda s: opened(s.forge, teams=["acme/core"]), "pull_request.opened pull_request.review_requested", None),
    "review requested": (
        on_pull(lambda f, n: f.request_review(ROCKET, "bob", n, ["ann"])),
        "pull_request.review_requested", "pull_request.review_requested"),
    "team review requested": (
        on_pull(lambda f, n: f.request_review(ROCKET, "bob", n, teams=["acme/core"])),
        "pull_request.review_requested", None),
    "review request removed": (
        on_pull(lambda f, n: f.remove_review_request(ROCKET, "bob", n, ["ann"]), reviewers=["ann"]),
        "pull_request.review_request_removed", "pull_request.review_request_removed"),
    "assigned": (
        on_pull(lambda f, n: f.assign_pull_request(ROCKET, "bob", n, ["ann"])),
        "pull_request.assigned", "pull_request.assigned"),
    "unassigned": (
        on_pull(lambda f, n: f.assign_pull_request(ROCKET, "bob", n, []), assignees=["ann"]),
        "pull_request.unassigned", "pull_request.unassigned"),
    "new commits": (
        on_pull(lambda f, n: f.push_to_pull_request(ROCKET, "bob", n)),
        "push.pushed pull_request.updated", "push.pushed pull_request.updated"),
    "draft": (
        on_pull(lambda f, n: f.set_draft(ROCKET, "bob", n, True)), "pull_request.draft", "pull_request.draft"),
    "ready": (
        on_pull(lambda f, n: f.set_draft(ROCKET, "bob", n, False), draft=True),
        "pull_request.ready", "pull_request.ready"),
    "approved": (on_pull(lambda f, n: f.review(ROCKET, "ann", n, "approved")), "review.approved", "review.approved"),
    "unapproved": (
        on_pull(lambda f, n: approve_then(f, n, "ann", "unapproved")), None, "review.approved review.unapproved"),
    "dismissed": (
        on_pull(lambda f, n: approve_then(f, n, "bob", "dismissed")), "review.approved review.dismissed", None),
    "reviewed": (
        on_pull(lambda f, n: f.review(ROCKET, "ann", n, "commented", body="Hm")),
        "review.commented", "comment.pull_request"),
    "merged": (
        on_pull(lambda f, n: f.merge(ROCKET, "ann", n)),
        "pull_request.merged push.pushed", "pull_request.merged push.pushed"),
    "closed, reopened": (
        on_pull(close_and_reopen),
        "pull_request.closed pull_request.reopened", "pull_request.closed pull_request.reopened"),
    "comment on a pull request": (
        on_pull(lambda f, n: f.comment(ROCKET, "ann", "pull_request", n, "@bob why?")),
        "comment.pull_request", "comment.pull_request"),
    "comment on a line": (
        on_pull(lambda f, n: f.comment(ROCKET, "ann", "review", n, "Why?", file="engine.py", line=1)),
        "comment.review", "comment.review"),
    "comment on an issue": (
        on_issue(lambda f, n: f.comment(ROCKET, "ann", "issue", n, "Where?")), "comment.issue", "comment.issue"),
    "comment edited": (on_issue(edit), "comment.issue comment.edited", "comment.issue comment.edited"),
    "internal comment": (
        on_issue(lambda f, n: f.comment(ROCKET, "ann", "issue", n, "Sh", internal=True)), None, "comment.issue"),
    "comment on a snippet": (lambda s: s.forge.comment(ROCKET, "ann", "snippet", 7, "Neat"), None, "comment.snippet"),
    "issue opened": (
        lambda s: s.forge.open_issue(ROCKET, "bob", "Leak", assignees=["ann"], labels=["bug"]),
        "issue.opened issue.assigned", "issue.opened"),
    "confidential issue": (lambda s: s.forge.open_issue(ROCKET, "bob", "Leak", confidential=True), None,
    "issue.opened"),
    "issue updated": (on_issue(lambda f, n: f.update_issue(ROCKET, "ann", n, title="Big leak")), "", "issue.updated"),
    "issue assigned": (
        on_issue(lambda f, n: f.assign_issue(ROCKET, "ann", n, ["carl"])), "issue.assigned", "issue.assigned"),
    "issue closed, reopened": (
        on_issue(close_and_reopen_issue), "issue.closed issue.reopened", "issue.closed issue.reopened"),
    "push": (lambda s: s.forge.push(ROCKET, "bob", "main", commit("Fix", "engine.py")), "push.pushed", "push.pushed"),
    "push of documentation": (
        lambda s: s.forge.push(ROCKET, "bob", "main", commit("Tell", "docs/engine.md")),
        "push.pushed documentation.updated", "push.pushed documentation.updated"),
    "forced push": (
        lambda s: s.forge.push(ROCKET, "bob", "main", commit("Anew", "engine.py"), forced=True), "push.forced",
        "push.pushed"),
    "branch and tag come and go": (
        come_and_go,
        "push.created push.deleted tag.created tag.deleted", "push.created push.deleted tag.created tag.deleted"),
    "release": (
        lambda s: s.forge.publish_release(ROCKET, "bob", "v1", body="New"), "release.published",
        "tag.created release.published"),
    "running": (lambda s: s.forge.run_pipeline(ROCKET, "bob", "main", "running"), "pipeline.running",
    "pipeline.running"),
    "success": (lambda s: s.forge.run_pipeline(ROCKET, "bob", "main", "success"), "pipeline.success",
    "pipeline.success"),
    "failed": (
        lambda s: s.forge.run_pipeline(ROCKET, "bob", "main", "failed", failed_jobs=["unit"]),
        "pipeline.failed", "job.failed pipeline.failed"),
    "canceled": (lambda s: s.forge.run_pipeline(ROCKET, "bob", "main", "canceled"), "pipeline.canceled",
    "pipeline.canceled"),
    "timed out": (lambda s: s.forge.run_pipeline(ROCKET, "bob", "main", "timed_out"), "pipeline.timed_out", None),
    "child pipeline": (
        lambda s: s.forge.run_pipeline(ROCKET, "bob", "main", "failed", child=True), None, "pipeline.failed"),
    "wiki created": (lambda s: s.forge.edit_wiki(ROCKET, "bob", "created", "Home page"), "wiki.created",
    "wiki.created"),
    "wiki updated": (lambda s: s.forge.edit_wiki(ROCKET, "bob", "updated", "Home page"), "wiki.updated",
    "wiki.updated"),
    "wiki deleted": (lambda s: s.forge.edit_wiki(ROCKET, "bob", "deleted", "Home page"), None, "wiki.deleted"),
    "deployed": (lambda s: s.forge.deploy(ROCKET, "bob", "production", "success"), "deployment.success",
    "deployment.success"),
    "not deployed": (lambda s: s.forge.deploy(ROCKET, "bob", "production", "failed"), "deployment.failed",
    "deployment.failed"),
    "deployment canceled": (
        lambda s: s.forge.deploy(ROCKET, "bob", "production", "canceled"), None, "deployment.canceled"),
}  # fmt: skip


@pytest.mark.parametrize("what", HAPPENINGS)
async def test_a_happening_arrives_as_what_it_is(stage: Stage, what: str) -> None:
    act, on_github, on_gitlab = HAPPENINGS[what]
    expected = on_github if stage.forge.kind == "github" else on_gitlab
    await stage.listen()
    if expected is None:
        with pytest.raises(Unsupported):
            await act(stage)
    else:
        await act(stage)
        assert stage.names == expected.split()
        assert {delivery.status for delivery in stage.forge.deliveries} == {202}


async def test_a_comment_on_a_commit_names_it(stage: Stage) -> None:
    await stage.listen()
    sha = await stage.forge.push(ROCKET, "bob", "main", commit("Fix", "engine.py"))
    stage.forget()
    await stage.forge.comment(ROCKET, "ann", "commit", sha, "Nice")
    [event] = stage.events
    assert isinstance(event, CommentEvent)
    assert (event.names, event.subject.id, event.excerpt) == (("comment.commit",), sha, "Nice")


async def test_a_pull_request_says_whom_it_concerns(stage: Stage) -> None:
    await stage.listen()
    number = await opened(stage.forge, reviewers=["ann"], assignees=["carl"], labels=["urgent"])
    event = stage.events[0]
    assert isinstance(event, PullRequestEvent)
    assert event.actor is not None
    assert event.actor.login == "bob"
    assert [p.login for p in event.people.assignees] == ["carl"]
    assert [p.login for p in event.people.reviewers] == ["ann"]
    assert event.people.mentioned == ("ann",)
    assert event.labels == ("urgent",)
    assert (event.subject.number, event.subject.title) == (number, "Add engine")
    assert (event.refs.branch, event.refs.target_branch) == ("topic", "main")
    assert event.project.path == ROCKET
    assert (event.subject.url or "").startswith(f"{stage.forge.web_url}/{ROCKET}/")
    assert event.object_updated_at == stage.clock()


async def test_a_run_says_who_and_what(stage: Stage) -> None:
    await stage.listen()
    number = await opened(stage.forge)
    stage.forget()
    await stage.forge.run_pipeline(ROCKET, "ann", "topic", "failed", failed_jobs=["unit", "lint"], pull_request=number)
    run = stage.events[-1]
    assert isinstance(run, PipelineEvent)
    assert run.people.starter is not None
    assert run.people.starter.login == "ann"
    assert (run.refs.branch, run.refs.pull_request) == ("topic", number)
    if stage.forge.kind == "gitlab":  # GitHub names the failed jobs in its API only
        assert run.failed_jobs == ("unit", "lint")
        assert [e.subject.title for e in stage.events if isinstance(e, JobEvent)] == ["unit", "lint"]


async def test_a_long_push_lists_what_the_forge_lists(stage: Stage) -> None:
    await stage.listen()
    await stage.forge.push(ROCKET, "bob", "main", [CommitSpec(title=f"Step {n}") for n in range(50)])
    [event] = [e for e in stage.events if isinstance(e, PushEvent)]
    assert event.count == 50
    assert len(stage.bodies[0]["commits"]) == (50 if stage.forge.kind == "github" else 20)


async def test_one_approval_of_two_is_no_approved(gitlab: Stage) -> None:
    assert isinstance(gitlab.forge, GitLabEmulator)
    gitlab.forge.set_approvals_required(ROCKET, 2)
    await gitlab.listen()
    number = await opened(gitlab.forge)
    gitlab.forget()
    await gitlab.forge.review(ROCKET, "ann", number, "approved")
    await gitlab.forge.review(ROCKET, "carl", number, "approved")
    assert [d.action for d in gitlab.forge.deliveries] == ["approval", "approved"]


async def test_whoever_requests_changes_is_a_reviewer_whose_state_says_so(gitlab: Stage) -> None:
    await gitlab.listen()
    number = await opened(gitlab.forge)
    await gitlab.forge.review(ROCKET, "ann", number, "changes_requested")
    change = gitlab.bodies[-1]["changes"]["reviewers"]
    assert [r["state"] for r in change["previous"]] == ["unreviewed"]
    assert [(r["username"], r["state"]) for r in change["current"]] == [("ann", "requested_changes")]


async def test_a_reviewer_who_is_asked_again_is_marked(gitlab: Stage) -> None:
    await gitlab.listen()
    number = await opened(gitlab.forge, reviewers=["ann", "carl"])
    await gitlab.forge.request_review(ROCKET, "bob", number, ["ann"])
    assert [(r["username"], r["re_requested"]) for r in gitlab.bodies[-1]["reviewers"]] == [
        ("ann", True),
        ("carl", False),
    ]


async def test_confidential_issues_go_by_their_own_switch(gitlab: Stage) -> None:
    await gitlab.listen("issues_events", "note_events")
    number = await gitlab.forge.open_issue(ROCKET, "bob", "Leak", confidential=True)
    await gitlab.forge.comment(ROCKET, "ann", "issue", number, "Sh")
    assert gitlab.forge.deliveries == []
    gitlab.forge.hooks(ROCKET)[0].events = frozenset({"confidential_issues_events", "confidential_note_events"})
    await gitlab.forge.close_issue(ROCKET, "ann", number)
    await gitlab.forge.comment(ROCKET, "ann", "issue", number, "Done")
    assert all(isinstance(e, IssueEvent | CommentEvent) and e.confidential for e in gitlab.events)
    assert [d.event for d in gitlab.forge.deliveries] == ["Confidential Issue Hook", "Confidential Note Hook"]


async def test_an_unknown_name_is_an_error(stage: Stage) -> None:
    with pytest.raises(KeyError, match="nobody"):
        await stage.forge.open_issue(ROCKET, "nobody", "Leak")
    with pytest.raises(KeyError, match="acme/nothing"):
        await stage.forge.push("acme/nothing", "ann", "main")
