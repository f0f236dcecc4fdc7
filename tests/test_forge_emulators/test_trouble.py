"""Outages, records, entity tags, pages, odd requests: what both emulators share."""

import asyncio

import pytest

from src.demo.forge import Role
from src.demo.github import GitHubEmulator
from tests.test_forge_emulators.stage import ROCKET, Stage


async def test_an_outage_lasts_as_long_as_it_was_ordered(stage: Stage) -> None:
    stage.forge.outage("down", times=2)
    assert [(await stage.ask("GET", "/user")).status for _ in range(3)] == [502, 502, 200]
    stage.forge.outage("down")
    assert [(await stage.ask("GET", "/user")).status for _ in range(3)] == [502, 502, 502]
    stage.forge.clear_outages()
    assert (await stage.ask("GET", "/user")).status == 200


async def test_a_page_instead_of_an_answer(stage: Stage) -> None:
    stage.forge.outage("html", times=1)
    reply = await stage.ask("GET", "/user")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


async def test_a_rate_limit_says_until_when(stage: Stage) -> None:
    stage.forge.outage("rate_limited", times=1, seconds=90)
    reply = await stage.ask("GET", "/user")
    reset = str(int(stage.clock().timestamp()) + 91)
    if stage.forge.kind == "github":
        assert (reply.status, reply.headers["X-RateLimit-Remaining"]) == (403, "0")
        assert reply.headers["X-RateLimit-Reset"] == reset
    else:
        assert (reply.status, reply.headers["Retry-After"]) == (429, "91")
        assert reply.headers["RateLimit-Reset"] == reset


async def test_hooks_alone_are_refused(stage: Stage) -> None:
    stage.forge.outage("refuse_hooks")
    assert (await stage.ask("GET", f"{stage.project_path}/hooks")).status == 200
    assert (await stage.ask("POST", f"{stage.project_path}/hooks", body={"url": "http://127.0.0.1/x"})).status == 403


async def test_a_slow_answer_does_not_hold_up_the_end() -> None:
    async with asyncio.timeout(30):
        forge = GitHubEmulator()
        await forge.__aenter__()
        forge.outage("slow", seconds=60)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(forge.url.rpartition(":")[2]))
        writer.write(b"GET /meta HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.05)
        await forge.__aexit__(None, None, None)
        assert b" 503 " in await reader.readline()
        writer.close()


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open() -> None:
    async with GitHubEmulator() as first:
        with pytest.raises(OSError, match="in use"):
            await GitHubEmulator(port=int(first.url.rpartition(":")[2])).__aenter__()


async def test_slow_is_late_but_good(stage: Stage) -> None:
    stage.forge.outage("slow", times=1, seconds=0.05)
    assert (await stage.ask("GET", "/user")).status == 200


async def test_requests_are_recorded_with_what_they_cost(stage: Stage) -> None:
    first = await stage.ask("GET", "/user")
    again = await stage.ask("GET", "/user", headers={"If-None-Match": first.headers["ETag"]})
    await stage.ask("GET", "/user?x=1", None)
    assert (again.status, again.body) == (304, "")
    assert [(r.method, r.path, r.status, r.login, r.query) for r in stage.forge.requests] == [
        ("GET", f"{stage.api_prefix}/user", 200, "ann", ""), ("GET", f"{stage.api_prefix}/user", 304, "ann", ""),
        ("GET", f"{stage.api_prefix}/user", 401, None, "x=1"),
    ]  # fmt: skip


async def test_a_changed_thing_has_another_tag(stage: Stage) -> None:
    number = await stage.forge.open_issue(ROCKET, "bob", "Leak")
    path = f"{stage.project_path}/issues/{number}"
    before = await stage.ask("GET", path)
    await stage.forge.update_issue(ROCKET, "ann", number, title="Big leak")
    after = await stage.ask("GET", path, headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status, after.body["title"]) == (200, "Big leak")


@pytest.mark.parametrize(("page", "links", "count"), [
    (1, {"next", "last"}, 2), (2, {"first", "prev", "next", "last"}, 2), (3, {"first", "prev"}, 1), (9, {"first",
    "prev"}, 0),
])  # fmt: skip
async def test_githubs_pages(github: Stage, page: int, links: set[str], count: int) -> None:
    await many(github)
    reply = await github.ask("GET", f"/repos/acme/rocket/issues?per_page=2&page={page}")
    shown = {part.split('rel="')[1].rstrip('"') for part in reply.headers["Link"].split(", ")}
    assert len(reply.body) == count
    assert shown == links - ({"prev"} if page == 9 else set())
    for part in reply.headers["Link"].split(", "):
        assert (await github.ask("GET", part[1 : part.index(">")])).status == 200


@pytest.mark.parametrize(("page", "following", "count"), [(1, "2", 2), (2, "3", 2), (3, "", 1), (9, "", 0)])
async def test_gitlabs_pages(gitlab: Stage, page: int, following: str, count: int) -> None:
    await many(gitlab)
    reply = await gitlab.ask("GET", f"{gitlab.project_path}/issues?per_page=2&page={page}")
    assert len(reply.body) == count
    assert (reply.headers["X-Next-Page"], reply.headers["X-Total"], reply.headers["X-Total-Pages"]) == (
        following,
        "5",
        "3",
    )
    if following:
        link = next(part for part in reply.headers["Link"].split(", ") if 'rel="next"' in part)
        assert (await gitlab.ask("GET", link[1 : link.index(">")])).headers["X-Page"] == following


async def many(stage: Stage) -> None:
    for number in range(5):
        await stage.forge.open_issue(ROCKET, "bob", f"Leak {number}")


@pytest.mark.parametrize("path", ["/nonsense", "/projects/1/nonsense", "/repos/acme/rocket/nonsense"])
async def test_a_path_that_the_api_lacks(stage: Stage, path: str) -> None:
    assert (await stage.ask("GET", path)).status == 404


async def test_a_broken_body_is_no_crash(stage: Stage) -> None:
    url = f"{stage.forge.url}{stage.api_prefix}{stage.project_path}/issues"
    headers = {"Authorization": "Bearer tok_ann", "Content-Type": "application/json"}
    async with stage.session.post(url, data=b"{not json", headers=headers) as response:
        assert response.status == 400


@pytest.mark.parametrize("role", ["read", "write", "admin", None])
async def test_who_may_manage_hooks(stage: Stage, role: Role | None) -> None:
    stage.forge.set_member(ROCKET, "dora", role)
    status = (await stage.ask("GET", f"{stage.project_path}/hooks", "dora")).status
    refused = 404 if stage.forge.kind == "github" else 403
    assert status == (200 if role == "admin" else refused)


async def test_a_deleted_project_is_gone_with_its_hooks(stage: Stage) -> None:
    await stage.listen()
    stage.forge.delete_project(ROCKET)
    assert (await stage.ask("GET", stage.project_path)).status == 404
    with pytest.raises(KeyError):
        stage.forge.hooks(ROCKET)


async def test_two_of_everything_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="ann"):
        stage.forge.add_user("ann")
    with pytest.raises(ValueError, match=ROCKET):
        stage.forge.add_project(ROCKET)
    with pytest.raises(ValueError, match=ROCKET):
        stage.forge.rename_project("acme/plan", ROCKET)
