"""GitHub's REST API as its documentation describes it: words of refusal, scopes, hooks, redirects."""

from datetime import timedelta
from typing import Any

import pytest

from tests.test_forge_emulators.stage import CHANGE, ROCKET, SECRET, SECRET_PLAN, Stage

HOOKS = "/repos/acme/rocket/hooks"


def config(url: str, **more: str) -> dict[str, Any]:
    return {"config": {"url": url, "content_type": "json", "secret": SECRET, **more}}


async def test_who_am_i(github: Stage) -> None:
    reply = await github.ask("GET", "/user")
    assert (reply.body["login"], reply.body["email"], reply.body["type"]) == ("ann", "ann@example.org", "User")
    assert "repo" in reply.headers["X-OAuth-Scopes"].split(", ")
    assert reply.headers["X-RateLimit-Limit"] == "5000"
    assert reply.headers["X-GitHub-Request-Id"]


async def test_a_bad_token_is_refused_even_for_public_things(github: Stage) -> None:
    reply = await github.ask("GET", "/repos/acme/rocket", "nobody")
    assert (reply.status, reply.body["message"]) == (401, "Bad credentials")
    assert (await github.ask("GET", "/repos/acme/rocket", None)).status == 200


async def test_tokens_end(github: Stage) -> None:
    github.forge.add_token("tok_short", "ann", expires_at=github.clock() + timedelta(hours=1))
    reply = await github.ask("GET", "/user", "short")
    assert reply.headers["GitHub-Authentication-Token-Expiration"] == "2026-05-04 13:00:00 UTC"
    github.clock.move(hours=1)
    assert (await github.ask("GET", "/user", "short")).status == 401
    github.forge.revoke_token("tok_ann")
    assert (await github.ask("GET", "/user")).status == 401


async def test_a_fine_grained_token_shows_no_scopes(github: Stage) -> None:
    github.forge.add_token("github_pat_1", "ann", scopes=[])
    headers = {"Authorization": "token github_pat_1"}
    assert "X-OAuth-Scopes" not in (await github.ask("GET", "/user", None, headers=headers)).headers
    reply = await github.ask("GET", HOOKS, None, headers=headers)
    assert (reply.status, reply.body["message"]) == (403, "Resource not accessible by personal access token")


@pytest.mark.parametrize(("who", "status"), [("ann", 200), ("carl", 200), ("dora", 404), (None, 404)])
async def test_a_private_repository_exists_for_its_members(github: Stage, who: str | None, status: int) -> None:
    assert (await github.ask("GET", f"/repos/{SECRET_PLAN}", who)).status == status


async def test_scopes_matter(github: Stage) -> None:
    github.forge.add_token("tok_none", "ann", scopes=[])
    github.forge.add_token("tok_hooks", "ann", scopes=["admin:repo_hook"])
    assert (await github.ask("GET", f"/repos/{SECRET_PLAN}", "none")).status == 404
    assert [r["full_name"] for r in (await github.ask("GET", "/user/repos", "none")).body] == [ROCKET]
    reply = await github.ask("GET", HOOKS, "none")
    assert reply.status == 404
    assert "admin:repo_hook" in reply.headers["X-Accepted-OAuth-Scopes"].split(", ")
    assert (await github.ask("GET", HOOKS, "hooks")).status == 200
    assert (await github.ask("GET", "/user/emails", "none")).status == 404
    assert (await github.ask("GET", "/orgs/acme/teams/core/members", "none")).status == 404


async def test_my_repositories(github: Stage) -> None:
    github.forge.add_project("ann/toys", members={})
    github.forge.add_project("bob/tools", members={"ann": "read"})
    github.clock.move(minutes=1)
    await github.forge.push(ROCKET, "bob", "main")
    newest = await github.ask("GET", "/user/repos?sort=updated")
    assert newest.body[0]["full_name"] == ROCKET
    assert [r["full_name"] for r in (await github.ask("GET", "/user/repos?affiliation=owner")).body] == ["ann/toys"]
    named = [r["full_name"] for r in (await github.ask("GET", "/user/repos")).body]
    assert named == ["acme/plan", ROCKET, "ann/toys", "bob/tools"]
    private = await github.ask("GET", "/user/repos?visibility=private")
    assert [(r["full_name"], r["permissions"]["admin"]) for r in private.body] == [(SECRET_PLAN, True)]


async def test_hooks_live(github: Stage) -> None:
    made = await github.ask("POST", HOOKS, body=config(github.hook_url) | {"events": ["push", "issues"]})
    assert made.status == 201
    assert made.body["config"] == {
        "url": github.hook_url, "content_type": "json", "insecure_ssl": "0", "secret": "********",
    }  # fmt: skip
    one = f"{HOOKS}/{made.body['id']}"
    changed = await github.ask("PATCH", one, body={"add_events": ["release"], "remove_events": ["push"]})
    assert changed.body["events"] == ["issues", "release"]
    assert [h["id"] for h in (await github.ask("GET", HOOKS)).body] == [made.body["id"]]
    assert (await github.ask("DELETE", one)).status == 204
    assert (await github.ask("GET", one)).status == 404


async def test_a_new_configuration_without_the_secret_takes_it_away(github: Stage) -> None:
    hook_id = await github.listen()
    [hook] = github.forge.hooks(ROCKET)
    await github.ask("PATCH", f"{HOOKS}/{hook_id}/config", body={"content_type": "form"})
    assert (hook.secret, hook.form_encoded) == (SECRET, True)
    await github.ask("PATCH", f"{HOOKS}/{hook_id}", body={"config": {"url": github.hook_url}})
    assert hook.secret is None


@pytest.mark.parametrize(("body", "message"), [
    ({"config": {"url": "relay.example"}}, "url is missing a scheme"),
    ({"config": {"url": "http://127.0.0.1/a"}, "events": ["nonsense"]}, "Invalid events: nonsense"),
    ({"config": {"url": "http://127.0.0.1/a"}, "name": "irc"}, "'name' must be 'web'"),
])  # fmt: skip
async def test_a_hook_that_cannot_be(github: Stage, body: dict[str, Any], message: str) -> None:
    reply = await github.ask("POST", HOOKS, body=body)
    assert (reply.status, reply.body["message"]) == (422, "Validation Failed")
    assert reply.body["errors"][0]["message"] == message


async def test_the_same_address_twice_is_refused(github: Stage) -> None:
    await github.listen()
    reply = await github.ask("POST", HOOKS, body=config(github.hook_url))
    assert reply.body["errors"][0]["message"] == "Hook already exists on this repository"


async def test_twenty_hooks_an_event_and_no_more(github: Stage) -> None:
    for number in range(20):
        assert (await github.ask("POST", HOOKS, body=config(f"http://127.0.0.1:9/{number}"))).status == 201
    assert (await github.ask("POST", HOOKS, body=config("http://127.0.0.1:9/20"))).status == 422
    other = config("http://127.0.0.1:9/20") | {"events": ["issues"]}
    assert (await github.ask("POST", HOOKS, body=other)).status == 201


async def test_an_old_name_leads_to_the_new_one(github: Stage) -> None:
    await github.forge.open_issue(ROCKET, "bob", "Leak")
    github.forge.rename_project(ROCKET, "acme/engine")
    reply = await github.ask("GET", "/repos/acme/rocket/issues/1?x=1")
    assert (reply.status, reply.body["message"]) == (301, "Moved Permanently")
    followed = await github.ask("GET", reply.headers["Location"])
    assert (followed.status, followed.body["title"]) == (200, "Leak")
    assert (await github.ask("POST", "/repos/acme/rocket/issues", body={"title": "x"})).status == 307
    github.forge.set_private("acme/engine", True)
    assert (await github.ask("GET", "/repos/acme/rocket", "dora")).status == 404


async def test_a_pull_request_over_http(github: Stage) -> None:
    await github.forge.push(ROCKET, "bob", "topic")
    pulls = "/repos/acme/rocket/pulls"
    body = {"title": "Add engine", "head": "topic", "base": "main"}
    assert (await github.ask("POST", pulls, "carl", body=body)).status == 403
    made = await github.ask("POST", pulls, "bob", body=body)
    assert (made.status, made.body["number"], made.body["head"]["ref"]) == (201, 1, "topic")
    assert (await github.ask("POST", pulls, "bob", body=body)).status == 422
    asked = {"reviewers": ["ann"], "team_reviewers": ["core"]}
    requested = await github.ask("POST", f"{pulls}/1/requested_reviewers", "bob", body=asked)
    assert [t["slug"] for t in requested.body["requested_teams"]] == ["core"]
    own = await github.ask("POST", f"{pulls}/1/reviews", "bob", body={"event": "APPROVE"})
    assert own.status == 422
    review = await github.ask("POST", f"{pulls}/1/reviews", "ann", body={"event": "APPROVE", "body": "Go"})
    assert review.body["state"] == "APPROVED"
    assert (await github.ask("GET", f"{pulls}/1")).body["requested_reviewers"] == []
    merged = await github.ask("PUT", f"{pulls}/1/merge", "bob", body={})
    assert merged.body["merged"] is True
    assert (await github.ask("PUT", f"{pulls}/1/merge", "bob", body={})).status == 405
    assert (await github.ask("GET", f"{pulls}/1")).body["merged_by"]["login"] == "bob"


async def test_a_pull_request_is_an_issue_too(github: Stage) -> None:
    number = await github.forge.open_pull_request(ROCKET, "bob", "Add engine", changes=[CHANGE])
    reply = await github.ask("GET", f"/repos/acme/rocket/issues/{number}")
    assert reply.body["pull_request"]["url"].endswith(f"/pulls/{number}")
    files = await github.ask("GET", f"/repos/acme/rocket/pulls/{number}/files")
    assert [(f["filename"], f["status"]) for f in files.body] == [("engine.py", "added")]


async def test_an_archived_repository_is_read_only(github: Stage) -> None:
    github.forge.set_archived(ROCKET, True)
    reply = await github.ask("POST", "/repos/acme/rocket/issues", body={"title": "Leak"})
    assert (reply.status, reply.body["message"]) == (403, "Repository was archived so is read-only.")


async def test_a_team_is_seen_by_its_organisation(github: Stage) -> None:
    members = await github.ask("GET", "/orgs/acme/teams/core/members")
    assert [m["login"] for m in members.body] == ["bob", "carl"]
    assert (await github.ask("GET", "/orgs/acme/teams/core/members", "dora")).status == 404


async def test_what_is_unchanged_costs_nothing(github: Stage) -> None:
    first = await github.ask("GET", "/user")
    again = await github.ask("GET", "/user", headers={"If-None-Match": first.headers["ETag"]})
    assert first.headers["X-RateLimit-Used"] == again.headers["X-RateLimit-Used"] == "1"
    limit = await github.ask("GET", "/rate_limit")
    assert limit.body["resources"]["core"]["used"] == 1
