"""Hooks of organisations and groups, and hooks that somebody or something switched off, as the forges have them."""

from collections.abc import AsyncIterator

import pytest

from src.demo.forge.records import Hook
from tests.test_forge_emulators.stage import CODECS, ROCKET, SECRET, SECRET_PLAN, Stage, staged

ELSEWHERE = "other/boat"


@pytest.fixture(params=["github", "gitlab"])
async def owned(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """A forge with a group of ann's, and a project outside of it."""
    async with staged(request.param) as stage:
        stage.forge.add_group("acme", ["ann"])
        stage.forge.add_project(ELSEWHERE, members={"ann": "admin"})
        yield stage


def hooks_of(stage: Stage) -> str:
    return "/groups/acme/hooks" if stage.forge.kind == "gitlab" else "/orgs/acme/hooks"


def wanted(stage: Stage, *events: str) -> dict[str, object]:
    """What making a hook takes; without events those of issues."""
    if stage.forge.kind == "github":
        config = {"url": stage.hook_url, "content_type": "json", "secret": SECRET}
        return {"name": "web", "events": list(events or ["issues"]), "config": config}
    chosen = events or ("issues_events", "confidential_issues_events")
    return {"url": stage.hook_url, "token": SECRET, "push_events": False, **dict.fromkeys(chosen, True)}


async def listen(stage: Stage, *events: str) -> Hook:
    """Give the group a hook, and forget its ping."""
    reply = await stage.ask("POST", hooks_of(stage), body=wanted(stage, *events))
    assert reply.status == 201, reply.body
    await stage.forge.delivered()
    stage.forget()
    return stage.forge.hooks("acme")[0]


async def test_a_group_hook_tells_of_the_group_and_of_nothing_else(owned: Stage) -> None:
    await listen(owned)
    for path in (ROCKET, ELSEWHERE, SECRET_PLAN):
        await owned.forge.open_issue(path, "ann", "Leak")
    assert [event.project.path for event in owned.events] == [ROCKET, SECRET_PLAN]
    if owned.forge.kind == "github":
        assert owned.forge.deliveries[0].headers["X-GitHub-Hook-Installation-Target-Type"] == "organization"


async def test_a_hook_of_a_group_above_tells_of_its_subgroups() -> None:
    async with staged("gitlab") as stage:
        stage.forge.add_group("acme", ["ann"])
        stage.forge.add_group("acme/deep", ["ann"])
        stage.forge.add_project("acme/deep/sea", members={"ann": "admin"})
        await listen(stage)
        await stage.forge.open_issue("acme/deep/sea", "ann", "Leak")
        assert [event.project.path for event in stage.events] == ["acme/deep/sea"]


async def test_a_ping_of_an_organisation_names_no_repository(github: Stage) -> None:
    github.forge.add_group("acme", ["ann"])
    await github.ask("POST", "/orgs/acme/hooks", body=wanted(github))
    await github.forge.delivered()
    (ping,) = github.bodies
    assert ("repository" in ping, ping["organization"]["login"], ping["hook"]["type"]) == (
        False, "acme", "Organization",
    )  # fmt: skip
    assert github.events == []


async def test_a_delivery_of_a_group_hook_is_sent_again(owned: Stage) -> None:
    await listen(owned)
    await owned.forge.open_issue(ROCKET, "bob", "Leak")
    first = owned.forge.deliveries[0]
    second = await owned.forge.redeliver(first)
    codec = CODECS[owned.forge.kind]
    assert (second.status, second.body) == (202, first.body)
    assert codec.delivery_key(first.headers, first.body) == codec.delivery_key(second.headers, second.body)


async def test_only_owners_see_the_hooks_of_a_group(owned: Stage) -> None:
    await listen(owned)
    says_no = {"github": 404, "gitlab": 403}[owned.forge.kind]
    assert (await owned.ask("GET", hooks_of(owned), "bob")).status == says_no
    owned.forge.set_owner("acme", "bob", True)
    assert len((await owned.ask("GET", hooks_of(owned), "bob")).body) == 1
    owned.forge.set_owner("acme", "bob", False)
    assert (await owned.ask("DELETE", f"{hooks_of(owned)}/1001", "bob")).status == says_no


async def test_an_organisations_hooks_take_a_scope_of_their_own(github: Stage) -> None:
    github.forge.add_group("acme", ["ann"])
    for scopes, status in ((["repo", "admin:org"], 404), (["admin:org_hook"], 200)):
        github.forge.add_token("tok_narrow", "ann", scopes=scopes)
        reply = await github.ask("GET", "/orgs/acme/hooks", "narrow")
        assert reply.status == status
        assert status == 200 or reply.headers["X-Accepted-OAuth-Scopes"] == "admin:org_hook"


async def test_a_hook_that_is_switched_off_gets_nothing(owned: Stage) -> None:
    hook = await listen(owned)
    owned.forge.switch_off_hook("acme", hook.id)
    await owned.forge.open_issue(ROCKET, "bob", "Unheard")
    assert owned.forge.deliveries == []
    (shown,) = (await owned.ask("GET", hooks_of(owned))).body
    if owned.forge.kind == "github":
        assert shown["active"] is False
    else:
        assert (shown["alert_status"], "project_id" in shown) == ("disabled", False)


async def test_a_successful_test_switches_a_hook_on_again(gitlab: Stage) -> None:
    gitlab.forge.add_group("acme", ["ann"])
    hook = await listen(gitlab)
    await gitlab.forge.open_issue(ROCKET, "bob", "Something to show")
    gitlab.forge.switch_off_hook("acme", hook.id)
    gitlab.answer = 500
    test = f"/groups/acme/hooks/{hook.id}/test/issues_events"
    assert (await gitlab.ask("POST", test)).status == 422
    assert (await gitlab.ask("GET", "/groups/acme/hooks")).body[0]["alert_status"] == "disabled"
    gitlab.answer = 202
    assert (await gitlab.ask("POST", test)).status == 201
    assert (await gitlab.ask("GET", "/groups/acme/hooks")).body[0]["alert_status"] == "executable"


async def test_a_hook_deleted_by_hand_is_gone(owned: Stage) -> None:
    hook = await listen(owned)
    owned.forge.remove_hook("acme", hook.id)
    assert (await owned.ask("GET", hooks_of(owned))).body == []
    await owned.forge.open_issue(ROCKET, "bob", "Unheard")
    assert owned.forge.deliveries == []


async def test_github_says_how_the_last_delivery_ended(github: Stage) -> None:
    await github.listen("issues")
    github.answer = 503
    await github.forge.open_issue(ROCKET, "bob", "Leak")
    (shown,) = (await github.ask("GET", f"{github.project_path}/hooks")).body
    assert shown["last_response"]["code"] == 503
    assert "503" in shown["last_response"]["message"]
