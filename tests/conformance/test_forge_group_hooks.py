"""Hooks of groups and organisations, made by their owners; and hooks that were switched off."""

import pytest

from src.forge import GroupRef, MissingPermission, NotFound, Rejected
from tests.conformance.cast import SECRET, Forge, Receiver

ACME = GroupRef(path="acme")


@pytest.fixture
def owned(forge: Forge) -> Forge:
    """A forge on which ann owns the group."""
    forge.emulator.add_group("acme", ["ann"])
    return forge


async def test_an_owner_gives_a_group_a_hook(owned: Forge) -> None:
    client, spec = owned.client(), owned.spec()
    made = await client.create_hook(ACME, spec)
    assert (made.url, made.events, made.active, made.trouble) == (spec.url, spec.events, True, None)
    (there,) = owned.emulator.hooks("acme")
    assert (str(there.id), there.events, there.secret) == (made.id, spec.events, SECRET)
    assert await client.hooks(ACME) == (made,)
    assert await client.hooks(GroupRef(path="ACME")) == (made,)
    assert owned.emulator.hooks("acme/rocket") == ()


async def test_a_group_hook_is_widened_moved_and_removed(owned: Forge) -> None:
    client = owned.client()
    made = await client.create_hook(ACME, owned.spec())
    wider = owned.spec(made.url, *owned.hook_events, secret=None)
    assert (await client.update_hook(ACME, made.id, wider)).events == frozenset(owned.hook_events)
    assert owned.emulator.hooks("acme")[0].secret == SECRET
    moved = owned.spec("https://relay.example/webhook/2", secret="another-secret-98765")
    assert (await client.update_hook(ACME, made.id, moved)).url == moved.url
    await client.delete_hook(ACME, made.id)
    assert owned.emulator.hooks("acme") == ()
    with pytest.raises(NotFound):
        await client.delete_hook(ACME, made.id)


@pytest.mark.usefixtures("small_pages")
async def test_all_pages_of_group_hooks_are_read(owned: Forge) -> None:
    client = owned.client()
    urls = {f"https://relay.example/webhook/{number}" for number in range(5)}
    for url in urls:
        await client.create_hook(ACME, owned.spec(url))
    assert {hook.url for hook in await client.hooks(ACME)} == urls


async def test_one_hook_tells_of_every_project_of_the_group(owned: Forge, receiver: Receiver) -> None:
    owned.add_project("acme/lander")
    owned.add_project("other/boat")
    await owned.client().create_hook(ACME, owned.spec(receiver.url, owned.hook_events[1]))
    if owned.kind == "github":
        assert await receiver.next() == "ping"
    for path in ("other/boat", "acme/rocket", "acme/lander"):
        await owned.emulator.open_issue(path, "ann", f"leak in {path}")
    assert len([d for d in owned.emulator.deliveries if d.event != "ping"]) == 2
    assert await receiver.next() == await receiver.next() == {"github": "issues", "gitlab": "Issue Hook"}[owned.kind]


async def test_a_group_hook_can_be_tried(owned: Forge, receiver: Receiver) -> None:
    client = owned.client()
    made = await client.create_hook(ACME, owned.spec(receiver.url, *owned.hook_events))
    if owned.kind == "github":
        assert await receiver.next() == "ping"
    await client.test_hook(ACME, made.id)
    assert await receiver.next() == {"github": "ping", "gitlab": "Push Hook"}[owned.kind]


@pytest.mark.parametrize("login", ["bob", "dora"])
async def test_who_does_not_own_the_group_gives_it_no_hook(owned: Forge, login: str) -> None:
    says_no = {"github": NotFound, "gitlab": MissingPermission}[owned.kind]
    with pytest.raises(says_no):
        await owned.client(login).hooks(ACME)
    with pytest.raises(says_no):
        await owned.client(login).create_hook(ACME, owned.spec())
    assert owned.emulator.hooks("acme") == ()


async def test_a_group_that_is_none_has_no_hooks(owned: Forge) -> None:
    for path in ("ann", "nobody", "acme/rocket"):
        with pytest.raises(NotFound):
            await owned.client().hooks(GroupRef(path=path))


async def test_a_token_without_the_scope_gives_a_group_no_hook(owned: Forge) -> None:
    weak = {"github": ["repo", "admin:repo_hook", "admin:org"], "gitlab": ["read_api"]}[owned.kind]
    owned.emulator.add_token("tok_weak", "ann", scopes=weak)
    client = owned.connector.client(owned.emulator.url, "tok_weak")
    with pytest.raises((MissingPermission, NotFound)):
        await client.create_hook(ACME, owned.spec())
    assert owned.emulator.hooks("acme") == ()


async def test_no_group_hook_is_made_without_a_secret(owned: Forge) -> None:
    with pytest.raises(Rejected, match="secret"):
        await owned.client().create_hook(ACME, owned.spec(secret=None))
    assert owned.emulator.requests == []


@pytest.mark.parametrize("path", ["acme", "acme/rocket"])
async def test_a_hook_that_was_switched_off_is_seen_and_switched_on(
    owned: Forge, receiver: Receiver, path: str
) -> None:
    client, place = owned.client(), ACME if path == "acme" else owned.rocket
    spec = owned.spec(receiver.url, *owned.hook_events)
    made = await client.create_hook(place, spec)
    owned.emulator.switch_off_hook(path, int(made.id))
    (there,) = await client.hooks(place)
    assert not there.active
    assert (there.trouble is not None) == (owned.kind == "gitlab")
    await client.update_hook(place, made.id, spec)
    await client.test_hook(place, made.id)
    (again,) = await client.hooks(place)
    assert (again.active, again.trouble) == (True, None)


@pytest.mark.parametrize("path", ["acme", "acme/rocket"])
async def test_a_hook_can_be_tried_where_nothing_of_its_events_happened(
    owned: Forge, receiver: Receiver, path: str
) -> None:
    client, place = owned.client(), ACME if path == "acme" else owned.rocket
    made = await client.create_hook(place, owned.spec(receiver.url, *owned.hook_events[:2]))
    if owned.kind == "github":
        assert await receiver.next() == "ping"
    await client.test_hook(place, made.id)
    assert await receiver.next() == {"github": "ping", "gitlab": "Push Hook"}[owned.kind]


async def test_a_hook_that_still_fails_says_so(owned: Forge) -> None:
    client, nowhere = owned.client(), "http://127.0.0.1:9/webhook"
    spec = owned.spec(nowhere, *owned.hook_events)
    made = await client.create_hook(owned.rocket, spec)
    owned.emulator.switch_off_hook("acme/rocket", int(made.id))
    again = await client.update_hook(owned.rocket, made.id, spec)
    assert again.active == (owned.kind == "github")  # GitHub does what it is told
    if owned.kind == "gitlab":
        with pytest.raises(Rejected):
            await client.test_hook(owned.rocket, made.id)
    (there,) = await client.hooks(owned.rocket)
    assert there.trouble
