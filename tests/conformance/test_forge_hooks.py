"""Hooks: made, widened, moved, tried and removed, by those who may."""

import pytest

from src.forge import (
    MissingPermission,
    NotFound,
    Rejected,
)
from tests.conformance.cast import SECRET, Forge, Receiver


async def test_a_hook_is_made_with_exactly_what_it_needs(forge: Forge) -> None:
    client, spec = forge.client(), forge.spec()
    made = await client.create_hook(forge.rocket, spec)
    assert (made.url, made.events, made.active) == (spec.url, spec.events, True)
    (there,) = forge.emulator.hooks("acme/rocket")
    assert (str(there.id), there.events, there.secret) == (made.id, spec.events, SECRET)
    assert not there.form_encoded
    assert there.verify_tls
    assert await client.hooks(forge.rocket) == (made,)


async def test_a_hook_is_widened_and_keeps_its_secret(forge: Forge) -> None:
    client = forge.client()
    made = await client.create_hook(forge.rocket, forge.spec())
    wider = forge.spec(made.url, *forge.hook_events, secret=None)
    assert (await client.update_hook(forge.rocket, made.id, wider)).events == frozenset(forge.hook_events)
    narrow = forge.spec(made.url, forge.hook_events[1], secret=None)
    assert (await client.update_hook(forge.rocket, made.id, narrow)).events == {forge.hook_events[1]}
    (there,) = forge.emulator.hooks("acme/rocket")
    assert (there.secret, there.form_encoded) == (SECRET, False)


async def test_a_hook_moves_with_a_new_secret(forge: Forge) -> None:
    client = forge.client()
    made = await client.create_hook(forge.rocket, forge.spec())
    moved = forge.spec("https://relay.example/webhook/2", secret="another-secret-98765")
    assert (await client.update_hook(forge.rocket, made.id, moved)).url == moved.url
    (there,) = forge.emulator.hooks("acme/rocket")
    assert (there.url, there.secret) == (moved.url, "another-secret-98765")


async def test_a_move_never_loses_the_secret(forge: Forge) -> None:
    client = forge.client()
    made = await client.create_hook(forge.rocket, forge.spec())
    moved = forge.spec("https://relay.example/webhook/2", secret=None)
    if forge.kind == "gitlab":  # which would forget it
        with pytest.raises(Rejected, match="secret"):
            await client.update_hook(forge.rocket, made.id, moved)
    else:
        assert (await client.update_hook(forge.rocket, made.id, moved)).url == moved.url
    (there,) = forge.emulator.hooks("acme/rocket")
    assert there.secret == SECRET


@pytest.mark.usefixtures("small_pages")
async def test_all_pages_of_hooks_are_read(forge: Forge) -> None:
    client = forge.client()
    urls = {f"https://relay.example/webhook/{number}" for number in range(7)}
    for url in urls:
        await client.create_hook(forge.rocket, forge.spec(url))
    assert {hook.url for hook in await client.hooks(forge.rocket)} == urls


async def test_a_removed_hook_is_gone(forge: Forge) -> None:
    client = forge.client()
    made = await client.create_hook(forge.rocket, forge.spec())
    await client.delete_hook(forge.rocket, made.id)
    assert forge.emulator.hooks("acme/rocket") == ()
    with pytest.raises(NotFound):
        await client.delete_hook(forge.rocket, made.id)
    with pytest.raises(NotFound):
        await client.update_hook(forge.rocket, made.id, forge.spec())


async def test_a_hook_can_be_tried(forge: Forge, receiver: Receiver) -> None:
    client = forge.client()
    made = await client.create_hook(forge.rocket, forge.spec(receiver.url, *forge.hook_events))
    if forge.kind == "github":
        assert await receiver.next() == "ping"  # sent by itself when a hook is made
    await client.test_hook(forge.rocket, made.id)
    assert await receiver.next() == {"github": "ping", "gitlab": "Push Hook"}[forge.kind]
    with pytest.raises(NotFound):
        await client.test_hook(forge.rocket, "987654")


async def test_no_hook_is_made_without_a_secret(forge: Forge) -> None:
    with pytest.raises(Rejected, match="secret"):
        await forge.client().create_hook(forge.rocket, forge.spec(secret=None))
    assert forge.emulator.requests == []


async def test_an_address_that_the_forge_refuses_is_rejected_with_its_words(forge: Forge) -> None:
    with pytest.raises(Rejected, match=r"(?i)url"):
        await forge.client().create_hook(forge.rocket, forge.spec("ftp://relay.example/x"))


@pytest.mark.parametrize("login", ["bob", "carl"])
async def test_without_the_right_to_manage_hooks_none_is_made(forge: Forge, login: str) -> None:
    client = forge.client(login)
    says_no = {"github": NotFound, "gitlab": MissingPermission}[forge.kind]
    with pytest.raises(says_no):
        await client.hooks(forge.rocket)
    with pytest.raises(says_no):
        await client.create_hook(forge.rocket, forge.spec())
    assert forge.emulator.hooks("acme/rocket") == ()


async def test_a_stranger_makes_no_hooks(forge: Forge) -> None:
    with pytest.raises(NotFound):
        await forge.client("dora").create_hook(forge.rocket, forge.spec())


async def test_a_token_without_the_scope_makes_no_hooks(forge: Forge) -> None:
    weak = {"github": ["notifications"], "gitlab": ["read_api"]}[forge.kind]
    forge.emulator.add_token("tok_weak", "ann", scopes=weak)
    client = forge.connector.client(forge.emulator.url, "tok_weak")
    with pytest.raises((MissingPermission, NotFound)):
        await client.create_hook(forge.rocket, forge.spec())
    assert forge.emulator.hooks("acme/rocket") == ()


async def test_an_organisation_that_forbids_hooks_is_a_missing_permission(forge: Forge) -> None:
    forge.emulator.outage("refuse_hooks")
    with pytest.raises(MissingPermission):
        await forge.client().create_hook(forge.rocket, forge.spec())
