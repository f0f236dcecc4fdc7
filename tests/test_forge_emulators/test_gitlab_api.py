"""GitLab's REST API as its documentation describes it: words of refusal, scopes, roles, hooks, confidential things."""

from datetime import timedelta
from typing import Any

import pytest

from tests.test_forge_emulators.stage import CHANGE, ROCKET, SECRET, SECRET_PLAN, Stage

HOOKS = "/projects/acme%2Frocket/hooks"
PLAN = "/projects/acme%2Fplan"


async def test_every_way_to_hand_over_a_token(gitlab: Stage) -> None:
    for headers in ({"PRIVATE-TOKEN": "tok_ann"}, {"Authorization": "Bearer tok_ann"}):
        assert (await gitlab.ask("GET", "/user", None, headers=headers)).body["username"] == "ann"
    assert (await gitlab.ask("GET", "/user?private_token=tok_ann", None)).body["username"] == "ann"


async def test_a_bad_token_and_none(gitlab: Stage) -> None:
    for who in ("nobody", None):
        reply = await gitlab.ask("GET", "/user", who)
        assert (reply.status, reply.body) == (401, {"message": "401 Unauthorized"})


async def test_tokens_end(gitlab: Stage) -> None:
    gitlab.forge.add_token("tok_short", "ann", expires_at=gitlab.clock() + timedelta(hours=1))
    shown = await gitlab.ask("GET", "/personal_access_tokens/self", "short")
    assert (shown.body["expires_at"], shown.body["active"]) == ("2026-05-04", True)
    gitlab.clock.move(hours=1)
    assert (await gitlab.ask("GET", "/user", "short")).body["error"] == "invalid_token"
    gitlab.forge.revoke_token("tok_ann")
    assert (await gitlab.ask("GET", "/user")).status == 401


async def test_scopes_matter(gitlab: Stage) -> None:
    gitlab.forge.add_token("tok_reads", "ann", scopes=["read_api"])
    gitlab.forge.add_token("tok_user", "ann", scopes=["read_user"])
    assert (await gitlab.ask("GET", HOOKS, "reads")).status == 200
    reply = await gitlab.ask("POST", HOOKS, "reads", body={"url": "http://127.0.0.1/x"})
    assert (reply.status, reply.body["error"], reply.body["scope"]) == (403, "insufficient_scope", "api")
    assert (await gitlab.ask("GET", "/user", "user")).status == 200
    assert (await gitlab.ask("GET", "/projects", "user")).status == 403
    shown = await gitlab.ask("GET", "/personal_access_tokens/self", "user")
    assert shown.body["scopes"] == ["read_user"]


@pytest.mark.parametrize(("who", "status"), [("ann", 200), ("carl", 200), ("dora", 404), (None, 404)])
async def test_a_private_project_exists_for_its_members(gitlab: Stage, who: str | None, status: int) -> None:
    reply = await gitlab.ask("GET", PLAN, who)
    assert reply.status == status
    if status == 404:
        assert reply.body == {"message": "404 Project Not Found"}


async def test_projects_are_filtered_and_ordered(gitlab: Stage) -> None:
    gitlab.forge.add_project("dora/rocketry", members={})
    gitlab.clock.move(minutes=1)
    await gitlab.forge.push(ROCKET, "bob", "main")
    mine = await gitlab.ask("GET", "/projects?membership=true&order_by=last_activity_at")
    assert [p["path_with_namespace"] for p in mine.body] == [ROCKET, SECRET_PLAN]
    assert mine.body[0]["permissions"]["project_access"]["access_level"] == 40
    found = await gitlab.ask("GET", "/projects?search=rocket&order_by=path&sort=asc")
    assert [p["path_with_namespace"] for p in found.body] == [ROCKET, "dora/rocketry"]
    simple = await gitlab.ask("GET", "/projects?membership=1&simple=1")
    assert "permissions" not in simple.body[0]


async def test_a_new_hook_listens_for_pushes_unless_told_not_to(gitlab: Stage) -> None:
    made = await gitlab.ask("POST", HOOKS, body={"url": "http://127.0.0.1:9/a", "issues_events": True})
    assert (made.status, made.body["push_events"], made.body["issues_events"]) == (201, True, True)
    assert made.body["alert_status"] == "executable"
    assert not {"token", "signing_token"} & made.body.keys()


async def test_hooks_live(gitlab: Stage) -> None:
    hook_id = await gitlab.listen("issues_events")
    one = f"{HOOKS}/{hook_id}"
    changed = await gitlab.ask("PUT", one, body={"url": gitlab.hook_url, "note_events": True})
    assert (changed.body["issues_events"], changed.body["note_events"]) == (True, True)
    assert gitlab.forge.hooks(ROCKET)[0].secret == SECRET
    await gitlab.ask("PUT", one, body={"url": "http://127.0.0.1:9/b"})
    assert gitlab.forge.hooks(ROCKET)[0].secret is None  # it belonged to the old address
    assert (await gitlab.ask("DELETE", one)).status == 204
    assert (await gitlab.ask("GET", one)).status == 404


@pytest.mark.parametrize(("body", "status", "error"), [
    ({}, 400, "url is missing"), ({"url": "relay.example"}, 422, "Invalid url given"),
])  # fmt: skip
async def test_a_hook_that_cannot_be(gitlab: Stage, body: dict[str, Any], status: int, error: str) -> None:
    reply = await gitlab.ask("POST", HOOKS, body=body)
    assert (reply.status, reply.body) == (status, {"error": error})


async def test_an_old_path_redirects_reads_alone(gitlab: Stage) -> None:
    gitlab.forge.rename_project(ROCKET, "acme/engine")
    reply = await gitlab.ask("GET", "/projects/acme%2Frocket/issues?state=opened")
    assert reply.status == 301
    assert reply.headers["Location"].startswith(f"{gitlab.forge.url}/api/v4/projects/")
    assert (await gitlab.ask("GET", reply.headers["Location"])).status == 200
    assert (await gitlab.ask("POST", HOOKS, body={"url": "http://127.0.0.1:9/a"})).status == 405


@pytest.mark.parametrize(("who", "status"), [("ann", 200), ("bob", 200), ("carl", 404), ("dora", 200), (None, 404)])
async def test_who_sees_a_confidential_issue(gitlab: Stage, who: str | None, status: int) -> None:
    number = await gitlab.forge.open_issue(ROCKET, "ann", "Leak", confidential=True, assignees=["dora"])
    assert (await gitlab.ask("GET", f"/projects/acme%2Frocket/issues/{number}", who)).status == status
    listed = await gitlab.ask("GET", "/projects/acme%2Frocket/issues", who)
    assert len(listed.body) == (1 if status == 200 else 0)


async def test_internal_notes_are_for_those_who_may_write(gitlab: Stage) -> None:
    number = await gitlab.forge.open_issue(ROCKET, "ann", "Leak")
    notes = f"/projects/acme%2Frocket/issues/{number}/notes"
    assert (await gitlab.ask("POST", notes, "dora", body={"body": "Sh", "internal": True})).status == 403
    made = await gitlab.ask("POST", notes, "bob", body={"body": "Sh", "internal": True})
    assert (made.status, made.body["internal"]) == (201, True)
    assert (await gitlab.ask("GET", f"{notes}/{made.body['id']}", "carl")).status == 404
    assert [n["body"] for n in (await gitlab.ask("GET", notes, "bob")).body] == ["Sh"]


async def test_issues_and_merge_requests_are_counted_apart(gitlab: Stage) -> None:
    assert await gitlab.forge.open_issue(ROCKET, "bob", "Leak") == 1
    assert await gitlab.forge.open_pull_request(ROCKET, "bob", "Add engine") == 1


async def test_a_merge_request_over_http(gitlab: Stage) -> None:
    await gitlab.forge.push(ROCKET, "bob", "topic")
    requests = "/projects/acme%2Frocket/merge_requests"
    people = await gitlab.ask("GET", "/users?username=ann")
    body = {
        "title": "Draft: Add engine", "source_branch": "topic", "target_branch": "main",
        "reviewer_ids": [people.body[0]["id"]], "labels": "urgent,engine",
    }  # fmt: skip
    assert (await gitlab.ask("POST", requests, "carl", body=body)).status == 403
    made = await gitlab.ask("POST", requests, "bob", body=body)
    assert (made.status, made.body["draft"], made.body["labels"]) == (201, True, ["urgent", "engine"])
    assert [r["username"] for r in made.body["reviewers"]] == ["ann"]
    assert (await gitlab.ask("POST", requests, "bob", body=body)).status == 409
    assert (await gitlab.ask("PUT", f"{requests}/1/merge", "ann", body={})).status == 405
    await gitlab.forge.set_draft(ROCKET, "bob", 1, False)
    merged = await gitlab.ask("PUT", f"{requests}/1/merge", "ann", body={})
    assert (merged.body["state"], merged.body["merge_user"]["username"]) == ("merged", "ann")


async def test_diffs_and_participants(gitlab: Stage) -> None:
    number = await gitlab.forge.open_pull_request(ROCKET, "bob", "Add engine", changes=[CHANGE], reviewers=["ann"])
    await gitlab.forge.comment(ROCKET, "dora", "pull_request", number, "Nice")
    request = f"/projects/acme%2Frocket/merge_requests/{number}"
    [file] = (await gitlab.ask("GET", f"{request}/diffs")).body
    assert (file["new_path"], file["new_file"], file["diff"]) == ("engine.py", True, CHANGE.patch)
    assert (await gitlab.ask("GET", f"{request}/changes")).body["changes"] == [file]
    people = await gitlab.ask("GET", f"{request}/participants")
    assert [p["username"] for p in people.body] == ["bob", "ann", "dora"]


async def test_members_come_from_above_too(gitlab: Stage) -> None:
    gitlab.forge.add_team("acme", ["ann"])
    group = "/groups/acme%2Fcore/members"
    assert [m["username"] for m in (await gitlab.ask("GET", group)).body] == ["bob", "carl"]
    assert [m["username"] for m in (await gitlab.ask("GET", f"{group}/all")).body] == ["bob", "carl", "ann"]
    assert (await gitlab.ask("GET", "/groups/nothing")).body == {"message": "404 Group Not Found"}


async def test_failed_jobs_can_be_asked_for(gitlab: Stage) -> None:
    run = await gitlab.forge.run_pipeline(ROCKET, "bob", "main", "failed", failed_jobs=["unit", "lint"])
    jobs = await gitlab.ask("GET", f"/projects/acme%2Frocket/pipelines/{run}/jobs?scope[]=failed")
    assert sorted(job["name"] for job in jobs.body) == ["lint", "unit"]
