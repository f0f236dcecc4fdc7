"""What the forges do now and then that the emulators do not: odd, old and missing fields."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from src.events import Person, Subject, SubjectKind
from src.forge import ForgeClient, HookSpec, ProjectRef, Rejected
from tests.forge_http.scripted_forge import REF, SPEC, TOKEN, Reply, ScriptedForge


@pytest.fixture
async def github() -> AsyncIterator[ScriptedForge]:
    async with ScriptedForge("github") as server:
        yield server


@pytest.fixture
async def gitlab() -> AsyncIterator[ScriptedForge]:
    async with ScriptedForge("gitlab") as server:
        yield server


@pytest.fixture
def hub(github: ScriptedForge, session: aiohttp.ClientSession) -> ForgeClient:
    return github.connector(session).client(github.url, TOKEN)


@pytest.fixture
def lab(gitlab: ScriptedForge, session: aiohttp.ClientSession) -> ForgeClient:
    return gitlab.connector(session).client(gitlab.url, TOKEN)


NO = Reply(status=404, json={"message": "404 Not Found"})
ANN_HUB = {"id": 1, "login": "ann", "html_url": "https://forge.example/ann", "type": "User"}
ANN_LAB: dict[str, Any] = {"id": 1, "username": "ann", "name": "Ann"}


# Who am I


async def test_a_fine_grained_github_token_has_unknown_scopes_and_an_end(
    github: ScriptedForge, hub: ForgeClient
) -> None:
    end = {"GitHub-Authentication-Token-Expiration": "2027-01-31 12:00:00 UTC"}
    github.will(Reply(json=ANN_HUB, headers=end), Reply(status=403, json={"message": "Resource not accessible"}))
    me = await hub.whoami()
    assert (me.scopes, me.missing, me.emails) == (None, (), ())
    assert me.expires_at == datetime(2027, 1, 31, 12, tzinfo=UTC)


async def test_only_verified_github_addresses_count(github: ScriptedForge, hub: ForgeClient) -> None:
    emails = [{"email": "Ann@Example.org", "verified": True}, {"email": "bob@example.org", "verified": False}]
    github.will(Reply(json=ANN_HUB, headers={"X-OAuth-Scopes": "repo"}), Reply(json=emails))
    me = await hub.whoami()
    assert me.emails == ("ann@example.org",)
    assert me.missing == ("notifications",)


async def test_a_gitlab_without_token_record_has_unknown_scopes(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    gitlab.will(Reply(json=ANN_LAB), NO, NO)
    me = await lab.whoami()
    assert (me.scopes, me.missing, me.expires_at, me.emails) == (None, (), None, ())


async def test_only_confirmed_gitlab_addresses_count(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    me = {**ANN_LAB, "email": "ann@example.org", "commit_email": "ann@work.example", "confirmed_at": "2026-01-01"}
    more = [{"email": "a@example.org", "confirmed_at": "2026-01-01"}, {"email": "bob@example.org"}]
    gitlab.will(Reply(json=me), Reply(json={"scopes": ["api"], "expires_at": "2027-01-31"}), Reply(json=more))
    found = await lab.whoami()
    assert found.emails == ("ann@example.org", "ann@work.example", "a@example.org")
    assert found.expires_at == datetime(2027, 1, 31, tzinfo=UTC)
    gitlab.will(Reply(json={**me, "confirmed_at": None}), NO, NO)
    assert (await lab.whoami()).emails == ()


# Projects and hooks


@pytest.mark.parametrize(
    ("visibility", "private"), [("public", False), ("internal", True), ("private", True), (None, True)]
)
async def test_internal_counts_as_private(
    gitlab: ScriptedForge, lab: ForgeClient, visibility: str | None, private: bool
) -> None:
    gitlab.will(Reply(json={**gitlab.rocket.json, "visibility": visibility}))
    assert (await lab.project("7")).private is private


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        (None, None),
        ({"project_access": None, "group_access": None}, None),
        ({"project_access": {"access_level": 30}, "group_access": {"access_level": 40}}, True),
        ({"project_access": {"access_level": 30}, "group_access": None}, False),
        ({"project_access": None, "group_access": {"access_level": 50}}, True),
    ],
)
async def test_a_gitlab_maintainer_may_manage_hooks(
    gitlab: ScriptedForge, lab: ForgeClient, permissions: object, expected: bool | None
) -> None:
    gitlab.will(Reply(json={**gitlab.rocket.json, "permissions": permissions}))
    assert (await lab.project("7")).can_manage_hooks is expected


async def test_gitlab_pages_stay_on_our_address_whatever_its_links_say(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    link = {"Link": '<http://internal.example/api/v4/projects/7/hooks?page=2>; rel="next"', "X-Next-Page": "2"}
    second = {"id": 4, "url": "https://other.example", "push_events": False, "alert_status": "disabled"}
    gitlab.will(Reply(json=[gitlab.hook.json], headers=link), Reply(json=[second], headers={"X-Next-Page": ""}))
    first, last = await lab.hooks(REF)
    assert (first.id, first.events, first.active) == ("3", frozenset({"push_events"}), True)
    assert (last.id, last.events, last.active) == ("4", frozenset(), False)
    assert gitlab.seen[1].path == "/api/v4/projects/7/hooks?per_page=100&page=2"


async def test_a_gitlab_without_page_numbers_is_followed_by_its_links(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    link = {"Link": f'<{gitlab.url}/api/v4/projects/7/hooks?cursor=x>; rel="next"'}
    gitlab.will(Reply(json=[gitlab.hook.json], headers=link), Reply(json=[]))
    assert len(await lab.hooks(REF)) == 1
    assert gitlab.seen[1].path.endswith("?cursor=x")


async def test_a_path_with_slashes_is_one_segment(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    gitlab.will(gitlab.rocket)
    await lab.project_by_path("acme/deep/ro ck#et?")
    assert gitlab.seen[0].path == "/api/v4/projects/acme%2Fdeep%2Fro%20ck%23et%3F"


async def test_every_gitlab_event_is_set_one_way_or_the_other(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    spec = HookSpec(url="http://relay.example/x", events=frozenset({"wiki_page_events", "new_events"}), secret="s" * 20)
    gitlab.will(gitlab.hook)
    await lab.create_hook(REF, spec)
    sent = gitlab.posts[0].json()
    assert {name for name, on in sent.items() if on is True} == {"wiki_page_events", "new_events"}
    assert sent["push_events"] is False
    assert sent["enable_ssl_verification"] is False
    assert sent["token"] == "s" * 20


async def test_a_gitlab_hook_is_tried_with_the_next_event_if_the_project_lacks_one(
    gitlab: ScriptedForge, lab: ForgeClient
) -> None:
    hook = Reply(json={"id": 3, "url": SPEC.url, "issues_events": True, "pipeline_events": True})
    lacks = Reply(status=422, json={"message": "Ensure the project has issues."})
    gitlab.will(hook, lacks, Reply(status=201, json={"message": "201 Created"}))
    await lab.test_hook(REF, "3")
    assert [seen.path.rpartition("/")[2] for seen in gitlab.posts] == ["issues_events", "pipeline_events"]
    gitlab.will(hook, lacks)
    with pytest.raises(Rejected, match="Ensure the project has issues"):
        await lab.test_hook(REF, "3")


async def test_a_failed_test_delivery_is_not_made_again(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    hook = Reply(json={"id": 3, "url": SPEC.url, "issues_events": True, "pipeline_events": True})
    gitlab.will(hook, Reply(status=422, json={"message": "Hook execution failed: 502"}))
    with pytest.raises(Rejected, match="502"):
        await lab.test_hook(REF, "3")
    assert len(gitlab.posts) == 1


async def test_a_redirect_of_a_renamed_github_repository_needs_no_id(github: ScriptedForge, hub: ForgeClient) -> None:
    pull = {"number": 5, "title": "New valve", "state": "open"}
    github.will(Reply(status=301, headers={"Location": "/repositories/7/pulls/5"}), Reply(json=pull))
    assert (await hub.pull_request(REF, 5)).title == "New valve"


async def test_a_path_that_is_gone_is_looked_up_by_the_id_once(github: ScriptedForge, hub: ForgeClient) -> None:
    moved = Reply(json={**github.rocket.json, "full_name": "acme/probe"})
    github.will(NO, moved, Reply(json={"number": 5, "title": "New valve", "state": "open"}))
    assert (await hub.pull_request(REF, 5)).number == 5
    assert [seen.path for seen in github.seen] == [
        "/repos/acme/rocket/pulls/5", "/repositories/7", "/repos/acme/probe/pulls/5",
    ]  # fmt: skip


# Threads, pipelines, commits


async def test_deleted_accounts_take_no_part(github: ScriptedForge, hub: ForgeClient) -> None:
    issue = {"number": 5, "title": "It leaks", "state": "open", "user": None}
    github.will(Reply(json=issue), Reply(json=[{"user": None}, {"user": ANN_HUB}, {"user": ANN_HUB}]))
    found = await hub.participants(REF, Subject(kind=SubjectKind.ISSUE, id="5", title=""))
    assert [person.login for person in found] == ["ann"]


async def test_an_old_gitlab_shows_its_changes(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    old = {"old_path": "a", "new_path": "a", "diff": "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n"}
    binary = {"old_path": "b", "new_path": "b", "new_file": True, "diff": "Binary files /dev/null and b/b differ\n"}
    large = {"old_path": "c", "new_path": "d", "renamed_file": True, "diff": "", "too_large": True}
    gitlab.will(NO, Reply(json={"changes": [old, binary, large]}))
    files = await lab.diff(REF, 5)
    assert [(file.path, file.status, file.patch) for file in files] == [
        ("a", "modified", "@@ -1 +1 @@\n-x\n+y\n"),
        ("b", "added", None),
        ("d", "renamed", None),
    ]


async def test_jobs_that_timed_out_failed_on_github(github: ScriptedForge, hub: ForgeClient) -> None:
    jobs = [{"name": word, "conclusion": word} for word in ("failure", "timed_out", "cancelled", "success", "skipped")]
    github.will(Reply(json={"id": 9, "status": "in_progress", "conclusion": None}), Reply(json={"jobs": jobs}))
    found = await hub.pipeline(REF, "9")
    assert (found.status, found.failed_jobs) == ("in_progress", ("failure", "timed_out"))


async def test_jobs_that_may_fail_did_not_on_gitlab(gitlab: ScriptedForge, lab: ForgeClient) -> None:
    jobs = [{"name": "unit", "allow_failure": False}, {"name": "nightly", "allow_failure": True}]
    gitlab.will(Reply(json={"id": 9, "status": "failed"}), Reply(json=jobs))
    assert (await lab.pipeline(REF, "9")).failed_jobs == ("unit",)
    assert "scope%5B%5D=failed" in gitlab.seen[1].path or "scope[]=failed" in gitlab.seen[1].path


async def test_the_committer_of_the_website_wrote_nothing(github: ScriptedForge, hub: ForgeClient) -> None:
    git = {
        "author": {"name": "Carl", "email": "Carl@Example.org"},
        "committer": {"name": "GitHub", "email": "noreply@github.com"},
    }
    web_flow = {**ANN_HUB, "id": 19864447, "login": "web-flow"}
    github.will(Reply(json={"commit": git, "author": None, "committer": web_flow}))
    assert await hub.commit_authors(REF, "f" * 40) == (Person(name="Carl", email="carl@example.org"),)


async def test_odd_addresses_ask_nothing(
    github: ScriptedForge, gitlab: ScriptedForge, hub: ForgeClient, lab: ForgeClient
) -> None:
    odd = Subject(kind=SubjectKind.ISSUE, id="x/../y", title="")
    ref = ProjectRef(external_id="..", path="acme/..")
    for client in (hub, lab):
        assert not await client.can_read(ref, odd)
        assert not await client.can_read(ref)
    assert github.seen + gitlab.seen == []
