"""The defects of other relays, each as a test: one payload, who is told, and why."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from src.events import ALL_NAMES, DEFAULT_NAMES, IssueEvent, Person, PullRequestEvent, ReviewEvent
from tests.payloads import document
from tests.relay import Relay, running_relay


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path) as running:
        yield running


async def test_reviewer_set_at_opening_on_gitlab(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    carl = await relay.follow("carl", project, kind="gitlab")
    await relay.deliver(hook, "gitlab/merge_request_hook__open_with_reviewer")
    (told,) = await relay.told(carl)
    assert told.name == "pull_request.opened"
    assert "review_requested" in told.reasons


async def test_reviewer_set_at_opening_on_github_is_told_once_of_two_deliveries(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    bob, carl = await relay.follow("bob", project), await relay.follow("carl", project)
    opened = document("github/pull_request__review_requested_at_opening")
    requested = orjson.dumps(opened)
    opened |= {"action": "opened"}
    opened.pop("requested_reviewer")
    await relay.deliver(hook, "github/pull_request__opened", body=orjson.dumps(opened))
    await relay.deliver(hook, "github/pull_request__review_requested_at_opening", body=requested)
    assert [told.reasons for told in await relay.told(bob)] == [("review_requested",)]
    assert [told.reasons for told in await relay.told(carl)] == [("mentioned",)]


async def test_reviewer_set_at_opening_reaches_who_chose_review_requests_only(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    carl = await relay.follow("carl", project, kind="gitlab", names={"pull_request.review_requested"})
    dora = await relay.follow("dora", project, kind="gitlab", names={"pull_request.review_requested"})
    await relay.deliver(hook, "gitlab/merge_request_hook__open_with_reviewer")
    assert [told.reasons for told in await relay.told(carl)] == [("review_requested",)]
    assert await relay.told(dora) == []


async def test_team_review_request(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    carl, dora = await relay.follow("carl", project), await relay.follow("dora", project)
    event = document("github/pull_request__review_requested_from_team")
    path = f"{event['organization']['login']}/{event['requested_team']['slug']}"
    relay.forge.teams[path] = (Person(id="104", login="dora"),)
    await relay.deliver(hook, "github/pull_request__review_requested_from_team")
    (told,) = await relay.told(dora)
    assert told.reasons == ("review_requested",)
    assert await relay.told(carl) == []


@pytest.mark.parametrize("takes_part", [True, False])
async def test_a_teams_request_gives_way_when_the_pull_request_is_done(relay: Relay, takes_part: bool) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    dora = await relay.follow("dora", project)
    payload = document("github/pull_request__closed_merged")
    payload["pull_request"]["requested_teams"] = document("github/pull_request__review_requested_from_team")[
        "pull_request"
    ]["requested_teams"]
    (team,) = payload["pull_request"]["requested_teams"]
    relay.forge.teams[f"{payload['organization']['login']}/{team['slug']}"] = (Person(id="104", login="dora"),)
    relay.forge.participants = (Person(id="104", login="dora"),) if takes_part else ()
    await relay.deliver(hook, "github/pull_request__closed_merged", body=orjson.dumps(payload))
    (told,) = await relay.told(dora)
    assert told.reasons == (("participant",) if takes_part else ("review_requested",))


async def test_mentioned_and_assigned_makes_one_message(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    carl = await relay.follow("carl", project)
    payload = document("github/issues__opened")
    payload["issue"] |= {
        "body": "@carl, it hangs",
        "assignees": [{"login": "carl", "id": 103, "type": "User"}],
        "updated_at": payload["issue"]["created_at"],
    }
    await relay.deliver(hook, "github/issues__opened", body=orjson.dumps(payload))
    assigned = payload | {"action": "assigned", "assignee": payload["issue"]["assignees"][0]}
    await relay.deliver(hook, "github/issues__assigned", body=orjson.dumps(assigned))
    (told,) = await relay.told(carl)
    assert set(told.reasons) == {"mentioned", "assigned"}


async def test_own_action_is_never_told_in_private_but_in_a_group(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    ann = await relay.follow("ann", project, names=ALL_NAMES, scope="all")
    team = await relay.follow("ann", project, scope="all", group=-1001)
    await relay.deliver(hook, "github/pull_request__opened")  # by ann
    assert await relay.told(ann) == []
    # ... and the group is not told that it is "you, the author".
    assert [(told.name, told.reasons) for told in await relay.told(team)] == [("pull_request.opened", ("chosen",))]


async def test_own_pipeline_is_told_for_it_has_no_doer(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    ann = await relay.follow("ann", project)
    relay.forge.failed_jobs = ("build", "test (3.12)")
    await relay.deliver(hook, "github/workflow_run__completed_failure")
    (told,) = await relay.told(ann)
    assert told.name == "pipeline.failed"
    assert told.event.kind == "pipeline"
    assert told.event.failed_jobs == ("build", "test (3.12)")


async def test_unchanged_comment_edit(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    chats = [await relay.follow(login, project, names=ALL_NAMES) for login in ("ann", "bob", "carl", "dora")]
    for name in ("issue_comment__edited_unchanged", "pull_request_review_comment__edited_unchanged"):
        assert await relay.deliver(hook, f"github/{name}") == 202
    assert [await relay.told(chat) for chat in chats] == [[], [], [], []]
    assert {entry.outcome for entry in await relay.log()} == {"ignored"}


async def test_changed_comment_edit_tells_those_newly_mentioned(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    bob, carl, dora = [await relay.follow(login, project) for login in ("bob", "carl", "dora")]
    await relay.deliver(hook, "github/issue_comment__edited_new_mention")
    assert [(told.name, told.reasons) for told in await relay.told(carl)] == [("comment.edited", ("mentioned",))]
    assert await relay.told(dora) == await relay.told(bob) == []  # dora was named before, bob wrote it


async def test_empty_review_edit(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    ann = await relay.follow("ann", project, names=ALL_NAMES, scope="all")
    assert await relay.deliver(hook, "github/pull_request_review__edited_empty") == 202
    assert await relay.deliver(hook, "github/pull_request_review__commented_empty") == 202
    assert await relay.told(ann) == []


async def test_merge_queue_push(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    team = await relay.follow("dora", project, names=ALL_NAMES, scope="all", group=-1001)
    assert await relay.deliver(hook, "github/push__merge_queue") == 202
    assert await relay.told(team) == []


async def test_gitlab_update_with_oldrev_is_new_commits(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    team = await relay.follow("dora", project, kind="gitlab", names=ALL_NAMES, scope="all", group=-1001)
    await relay.deliver(hook, "gitlab/merge_request_hook__update_oldrev")
    await relay.deliver(hook, "gitlab/merge_request_hook__update_labels_only")
    assert [told.name for told in await relay.told(team)] == ["pull_request.updated"]


async def test_approval_against_approved(relay: Relay) -> None:
    """Either word is one click: whichever GitLab sends, the author hears of one approval."""
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    team = await relay.follow("dora", project, kind="gitlab", names=ALL_NAMES, scope="all", group=-1001)
    await relay.deliver(hook, "gitlab/merge_request_hook__approval")
    same_click = document("gitlab/merge_request_hook__approval")
    same_click["object_attributes"]["action"] = "approved"
    await relay.deliver(hook, "gitlab/merge_request_hook__approved", body=orjson.dumps(same_click))
    (told,) = await relay.told(team)
    assert isinstance(told.event, ReviewEvent)
    assert told.name == "review.approved"


async def test_the_test_button_tells_whose_hook_it_is(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    bob = await relay.follow("bob", project, kind="gitlab")
    team = await relay.follow("bob", project, kind="gitlab", scope="all", group=-1001)
    await relay.deliver(hook, "gitlab/merge_request_hook__test_button")
    assert [(told.name, told.reasons) for told in await relay.told(bob)] == [("hook.test", ("hook_owner",))]
    assert await relay.told(team) == []


async def test_the_ping_of_a_new_hook_tells_nobody(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    ann = await relay.follow("ann", project, names=ALL_NAMES, scope="all")
    assert await relay.deliver(hook, "github/ping__repository") == 202
    assert await relay.told(ann) == []


async def test_same_delivery_twice(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    carl = await relay.follow("carl", project)
    for _ in range(3):
        assert await relay.deliver(hook, "github/pull_request__opened", key="the-same") == 202
    assert len(await relay.told(carl)) == 1
    assert len(await relay.deliveries()) == 1


async def test_a_replay_under_a_new_id_is_told_once(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    carl = await relay.follow("carl", project)
    for key in ("one", "two"):
        assert await relay.deliver(hook, "github/pull_request__opened", key=key) == 202
    assert len(await relay.told(carl)) == 1


async def test_same_happening_from_two_hooks(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    own, of_the_group = await relay.add_hook(project, "gitlab"), await relay.add_hook(None, "gitlab")
    team = await relay.follow("dora", project, kind="gitlab", names=ALL_NAMES, scope="all", group=-1001)
    await relay.deliver(own, "gitlab/merge_request_hook__merge")
    await relay.deliver(of_the_group, "gitlab/merge_request_hook__merge_from_group_hook")
    assert [told.name for told in await relay.told(team)] == ["pull_request.merged"]
    assert "told by another delivery" in (await relay.log())[-1].message


async def test_closed_arrives_before_opened(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    team = await relay.follow("dora", project, names=ALL_NAMES, scope="all", group=-1001)
    closed, opened = document("github/pull_request__closed_unmerged"), document("github/pull_request__opened")
    assert closed["pull_request"]["number"] == opened["pull_request"]["number"]
    assert closed["pull_request"]["updated_at"] > opened["pull_request"]["updated_at"]
    await relay.deliver(hook, "github/pull_request__closed_unmerged")
    await relay.deliver(hook, "github/pull_request__opened")
    assert [told.name for told in await relay.told(team)] == ["pull_request.closed"]
    assert "overtaken by something newer" in (await relay.log())[-1].message


async def test_confidential_never_without_access_and_never_to_a_group(relay: Relay) -> None:
    project = await relay.add_project("gitlab", private=True)
    hook = await relay.add_hook(project, "gitlab")
    names = DEFAULT_NAMES | {"issue.confidential"}
    ann = await relay.follow("ann", project, kind="gitlab", names=names, scope="all")
    carl = await relay.follow("carl", project, kind="gitlab", names=names, scope="all")
    dora = await relay.follow("dora", project, kind="gitlab", names=names - {"issue.confidential"}, scope="all")
    team = await relay.follow("ann", project, kind="gitlab", names=names, scope="all", group=-1001)
    relay.forge.no_confidential.add("token-of-carl")
    for fixture in (
        "confidential_issue_hook__open",
        "confidential_note_hook__confidential_issue",
        "confidential_note_hook__internal_on_merge_request",
    ):
        await relay.deliver(hook, f"gitlab/{fixture}")
    seen = {told.event.kind for told in await relay.told(ann)}
    assert seen <= {"issue", "comment"}
    assert seen
    assert await relay.told(carl) == await relay.told(dora) == await relay.told(team) == []


async def test_access_lost_since(relay: Relay) -> None:
    project = await relay.add_project(private=True, external_id="502", path="acme/vault")
    hook = await relay.add_hook(project)
    carl = await relay.follow("carl", project, scope="all")
    relay.forge.no_access.add("token-of-carl")
    await relay.deliver(hook, "github/pull_request__opened_private")
    assert await relay.told(carl) == []
    assert "1 without access" in (await relay.log())[-1].message


async def test_label_named_like_an_event(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    team = await relay.follow("dora", project, names={"tag.created", "push.pushed"}, scope="all", group=-1001)
    await relay.deliver(hook, "github/pull_request__labeled_like_an_event")
    await relay.deliver(hook, "github/issues__opened_label_like_an_event")
    assert await relay.told(team) == []


async def test_bot_as_actor(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    team = await relay.follow("dora", project, names=ALL_NAMES, scope="all", group=-1001)
    ann = await relay.follow("ann", project)
    await relay.deliver(hook, "github/pull_request__opened_by_bot")
    await relay.deliver(hook, "github/issue_comment__created_by_bot")
    opened, comment = await relay.told(team)
    assert isinstance(opened.event, PullRequestEvent)
    assert opened.event.actor is not None
    assert opened.event.actor.is_bot
    assert comment.name == "comment.pull_request"
    assert [told.reasons for told in await relay.told(ann)] == [("author",)]  # the bot wrote on ann's pull request


async def test_ten_assignees_are_each_told_once(relay: Relay) -> None:
    project = await relay.add_project()
    hook = await relay.add_hook(project)
    payload = document("github/issues__opened_ten_assignees")
    (carl,) = [await relay.follow("carl", project, external_id=str(payload["issue"]["assignees"][3]["id"]))]
    await relay.deliver(hook, "github/issues__opened_ten_assignees")
    (told,) = await relay.told(carl)
    assert isinstance(told.event, IssueEvent)
    assert told.reasons == ("assigned",)
