"""Who the token belongs to, and its projects: paged, searched, renamed, deleted, made private."""

from datetime import UTC, datetime, timedelta

import pytest

from src.demo.forge import CommitSpec
from src.forge import (
    NotFound,
    Unauthorized,
)
from tests.conformance.cast import Forge


async def test_a_good_token_tells_whose_it_is(forge: Forge) -> None:
    me = await forge.client("ann").whoami()
    assert (me.login, me.name, me.emails) == ("ann", "Ann", ("ann@example.org",))
    assert me.id
    assert me.scopes
    assert me.missing == ()
    assert me.expires_at is None


async def test_the_end_of_a_token_is_told(forge: Forge) -> None:
    end = (datetime.now(UTC) + timedelta(days=40)).replace(microsecond=0)
    forge.emulator.add_token("tok_ending", "bob", expires_at=end)
    found = (await forge.connector.client(forge.emulator.url, "tok_ending").whoami()).expires_at
    assert found is not None
    assert found.tzinfo is not None
    assert found.date() == end.date()


async def test_missing_scopes_are_named(forge: Forge) -> None:
    weak = {"github": ["public_repo"], "gitlab": ["read_user"]}[forge.kind]
    missing = {"github": ("repo", "notifications"), "gitlab": ("api", "write_repository")}[forge.kind]
    forge.emulator.add_token("tok_weak", "bob", scopes=weak)
    me = await forge.connector.client(forge.emulator.url, "tok_weak").whoami()
    assert (me.login, me.scopes, me.missing) == ("bob", frozenset(weak), missing)


@pytest.mark.parametrize("token", [None, "wrong", "tok_old", "tok_revoked"])
async def test_a_bad_token_is_unauthorized(forge: Forge, token: str | None) -> None:
    forge.emulator.add_token("tok_old", "ann", expires_at=datetime.now(UTC) - timedelta(days=1))
    forge.emulator.add_token("tok_revoked", "ann")
    forge.emulator.revoke_token("tok_revoked")
    with pytest.raises(Unauthorized):
        await forge.connector.client(forge.emulator.url, token).whoami()


async def test_a_token_revoked_later_is_noticed_despite_the_cache(forge: Forge) -> None:
    client = forge.client("bob")
    await client.whoami()
    forge.emulator.revoke_token("tok_bob")
    with pytest.raises(Unauthorized):
        await client.whoami()


# Projects


async def test_projects_come_in_pages(forge: Forge) -> None:
    for number in range(6):
        forge.add_project(f"acme/part-{number}")
    client, paths = forge.client(), []
    for page, size, more in ((1, 3, True), (2, 3, True), (3, 1, False)):
        found = await client.projects(page=page, per_page=3)
        assert (found.page, len(found.projects), found.has_next) == (page, size, more)
        paths += [project.path for project in found.projects]
    assert sorted(paths) == sorted(["acme/rocket", *(f"acme/part-{number}" for number in range(6))])
    beyond = await client.projects(page=4, per_page=3)
    assert (beyond.projects, beyond.has_next) == ((), False)


@pytest.mark.usefixtures("small_pages")
async def test_projects_are_searched_by_a_part_of_the_name(forge: Forge) -> None:
    for name in ("Rover", "lander", "rocket-docs", "orbiter", "old-rocket"):
        forge.add_project(f"acme/{name}")
    client = forge.client()
    first = await client.projects(search="ROCKET", per_page=2)
    second = await client.projects(search="ROCKET", page=2, per_page=2)
    assert (first.has_next, second.has_next) == (True, False)
    found = sorted(project.path for project in first.projects + second.projects)
    assert found == ["acme/old-rocket", "acme/rocket", "acme/rocket-docs"]
    assert (await client.projects(search="nothing like it")).projects == ()
    assert [project.path for project in (await client.projects(search="rov")).projects] == ["acme/Rover"]


async def test_only_ones_own_projects_are_listed(forge: Forge) -> None:
    forge.add_project("acme/open", private=False)
    assert (await forge.client("dora").projects()).projects == ()
    assert [project.path for project in (await forge.client("carl").projects()).projects] == ["acme/rocket"]


async def test_the_last_active_project_comes_first(forge: Forge) -> None:
    forge.add_project("acme/fresh")
    await forge.emulator.push("acme/rocket", "bob", "main", [CommitSpec(title="Fix the valve")])
    assert (await forge.client().projects()).projects[0].path == "acme/rocket"


async def test_a_project_is_found_by_id_and_by_path(forge: Forge) -> None:
    client = forge.client()
    by_id = await client.project(forge.rocket.external_id)
    assert by_id == await client.project_by_path("acme/rocket")
    assert by_id.ref == forge.rocket
    assert by_id.private is True
    assert by_id.archived is False
    assert by_id.default_branch == "main"
    assert by_id.url.endswith("/acme/rocket")


async def test_who_may_manage_hooks_is_told(forge: Forge) -> None:
    may = [(await forge.client(login).project_by_path("acme/rocket")).can_manage_hooks for login in ("ann", "bob")]
    assert may == [True, False]


@pytest.mark.parametrize("path", ["acme/nothing", "nobody/rocket", "rocket", "", "acme/../user", ".."])
async def test_a_path_that_leads_nowhere_is_not_found(forge: Forge, path: str) -> None:
    with pytest.raises(NotFound):
        await forge.client().project_by_path(path)


async def test_a_public_project_needs_no_token(forge: Forge) -> None:
    ref = forge.add_project("acme/open", private=False)
    assert (await forge.stranger().project(ref.external_id)).path == "acme/open"
    assert (await forge.client("dora").project(ref.external_id)).private is False


# Renamed, deleted, made private


async def test_a_renamed_project_is_followed(forge: Forge) -> None:
    client, old = forge.client(), forge.rocket
    number = await forge.emulator.open_pull_request("acme/rocket", "bob", "New valve")
    hook = await client.create_hook(old, forge.spec())
    forge.emulator.rename_project("acme/rocket", "acme/probe")
    assert (await client.project(old.external_id)).path == "acme/probe"
    assert (await client.project_by_path("acme/rocket")).external_id == old.external_id
    assert (await client.pull_request(old, number)).title == "New valve"
    assert (await client.diff(old, number)) == ()
    assert [found.id for found in await client.hooks(old)] == [hook.id]
    assert await client.can_read(old)
    await client.delete_hook(old, hook.id)
    assert forge.emulator.hooks("acme/probe") == ()


async def test_a_path_that_belongs_to_another_project_now_is_not_taken_for_the_old(forge: Forge) -> None:
    old = forge.rocket
    forge.emulator.rename_project("acme/rocket", "acme/probe")
    forge.add_project("acme/rocket", private=False)
    await forge.client().create_hook(old, forge.spec())
    assert len(forge.emulator.hooks("acme/probe")) == 1
    assert forge.emulator.hooks("acme/rocket") == ()
    assert not await forge.client("dora").can_read(old)


async def test_a_deleted_project_is_not_found(forge: Forge) -> None:
    client, ref = forge.client(), forge.rocket
    forge.emulator.delete_project("acme/rocket")
    for call in (client.project(ref.external_id), client.hooks(ref), client.issue(ref, 1), client.diff(ref, 1)):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(NotFound):
        await client.create_hook(ref, forge.spec())
    assert not await client.can_read(ref)


async def test_a_project_made_private_is_gone_for_others(forge: Forge) -> None:
    ref = forge.add_project("acme/open", private=False)
    dora = forge.client("dora")
    assert await dora.can_read(ref)
    forge.emulator.set_private("acme/open", True)
    assert not await dora.can_read(ref)
    with pytest.raises(NotFound):
        await dora.project(ref.external_id)
    assert await forge.client("ann").can_read(ref)


async def test_a_member_who_leaves_reads_no_more(forge: Forge) -> None:
    carl = forge.client("carl")
    assert await carl.can_read(forge.rocket)
    forge.emulator.set_member("acme/rocket", "carl", None)
    assert not await carl.can_read(forge.rocket)
