"""What a hook was sent, and sending it again."""

import pytest

from src.demo.forge import DeliveryRecord
from src.demo.gitlab import GitLabEmulator
from src.forge import (
    GroupRef,
    HookPlace,
    MissingPermission,
    NotFound,
    NothingToTest,
    RateLimited,
    Rejected,
    RemoteHook,
    Unsupported,
)
from src.forges import FORGE_TYPES
from tests.conformance.cast import Forge, Receiver

ROCKET = "acme/rocket"


@pytest.fixture(params=["of a project", "of a group"])
def place(request: pytest.FixtureRequest, forge: Forge) -> HookPlace:
    if request.param == "of a project":
        return forge.rocket
    forge.emulator.add_group("acme", owners=["ann"])
    return GroupRef(path="acme")


async def listening(forge: Forge, receiver: Receiver, place: HookPlace) -> RemoteHook:
    made = await forge.client().create_hook(place, forge.spec(receiver.url, *forge.hook_events))
    await forge.emulator.delivered()  # GitHub's ping, which is left out everywhere
    return made


def sent(forge: Forge) -> list[DeliveryRecord]:
    """What really left the forge, pings left out, the newest first."""
    return [delivery for delivery in forge.emulator.deliveries if delivery.event != "ping"][::-1]


def key_of(forge: Forge, delivery: DeliveryRecord) -> str:
    return FORGE_TYPES[forge.kind].codec.delivery_key(delivery.headers, delivery.body)


async def test_deliveries_are_listed_with_how_they_ended(forge: Forge, receiver: Receiver, place: HookPlace) -> None:
    client, hook = forge.client(), await listening(forge, receiver, place)
    assert await client.deliveries(place, hook.id) == ()
    await forge.emulator.open_issue(ROCKET, "bob", "Arrives")
    receiver.status = 503
    await forge.emulator.open_issue(ROCKET, "bob", "Does not")
    found = await client.deliveries(place, hook.id)
    assert [(one.key, one.succeeded) for one in found] == [
        (key_of(forge, delivery), delivery.status == 202) for delivery in sent(forge)
    ]
    assert [one.succeeded for one in found] == [False, True]
    assert all(one.can_repeat and not one.is_repeat for one in found)
    assert [one.content is not None for one in found] == [forge.kind == "gitlab"] * 2
    assert len({one.content for one in found}) == (2 if forge.kind == "gitlab" else 1)
    assert [one.at is not None and one.at.tzinfo is not None for one in found] == [forge.kind == "github"] * 2


async def test_only_what_came_after_one_is_listed(forge: Forge, receiver: Receiver, place: HookPlace) -> None:
    client, hook = forge.client(), await listening(forge, receiver, place)
    for number in range(4):
        await forge.emulator.open_issue(ROCKET, "bob", f"Leak {number}")
    newest, second, *_ = await client.deliveries(place, hook.id)
    assert await client.deliveries(place, hook.id, second.id) == (newest,)
    assert await client.deliveries(place, hook.id, newest.id) == ()


@pytest.mark.usefixtures("small_pages")
async def test_all_pages_are_read_until_the_last_seen(forge: Forge, receiver: Receiver) -> None:
    client, hook = forge.client(), await listening(forge, receiver, forge.rocket)
    for number in range(43):
        await forge.emulator.open_issue(ROCKET, "bob", f"Leak {number}")
    found = await client.deliveries(forge.rocket, hook.id)
    assert [one.key for one in found] == [key_of(forge, delivery) for delivery in sent(forge)]
    before = len(forge.emulator.requests)
    assert len(await client.deliveries(forge.rocket, hook.id, found[1].id)) == 1
    assert len([r for r in forge.emulator.requests[before:] if r.path.endswith(("deliveries", "events"))]) == 1


async def test_a_failed_one_is_sent_again_under_its_key(forge: Forge, receiver: Receiver, place: HookPlace) -> None:
    client, hook = forge.client(), await listening(forge, receiver, place)
    receiver.status = 503
    await forge.emulator.open_issue(ROCKET, "bob", "Leak")
    (failed,) = await client.deliveries(place, hook.id)
    receiver.status = 202
    await client.redeliver(place, hook.id, failed.id)
    await forge.emulator.delivered()
    again, before = sent(forge)
    assert (again.redelivery, again.status, again.body) == (True, 202, before.body)
    found = await client.deliveries(place, hook.id, failed.id)
    assert [(one.key, one.succeeded, one.is_repeat) for one in found] == [(failed.key, True, forge.kind == "github")]


async def test_what_is_not_there_is_not_found(forge: Forge, receiver: Receiver, place: HookPlace) -> None:
    client, hook = forge.client(), await listening(forge, receiver, place)
    with pytest.raises(NotFound):
        await client.redeliver(place, hook.id, "987654")
    with pytest.raises(NotFound):
        await client.deliveries(place, "987654")
    with pytest.raises(NotFound):
        await client.redeliver(place, "987654", "1")


async def test_who_may_not_manage_hooks_may_not_ask(forge: Forge, receiver: Receiver, place: HookPlace) -> None:
    hook = await listening(forge, receiver, place)
    await forge.emulator.open_issue(ROCKET, "bob", "Leak")
    (one,) = await forge.client().deliveries(place, hook.id)
    says_no = {"github": NotFound, "gitlab": MissingPermission}[forge.kind]
    with pytest.raises(says_no):
        await forge.client("bob").deliveries(place, hook.id)
    with pytest.raises(says_no):
        await forge.client("bob").redeliver(place, hook.id, one.id)


async def test_an_old_forge_keeps_no_list(forge: Forge, receiver: Receiver, place: HookPlace) -> None:
    client, hook = forge.client(), await listening(forge, receiver, place)
    forge.emulator.keeps_log = False
    with pytest.raises(Unsupported, match=r"takes .*\d"):
        await client.deliveries(place, hook.id)


# GitLab's own


@pytest.fixture
async def heard(gitlab: Forge, receiver: Receiver) -> RemoteHook:
    hook = await listening(gitlab, receiver, gitlab.rocket)
    receiver.status = 503
    await gitlab.emulator.open_issue(ROCKET, "bob", "Leak")
    return hook


async def test_what_was_sent_elsewhere_cannot_be_repeated(gitlab: Forge, heard: RemoteHook) -> None:
    (one,) = await gitlab.client().deliveries(gitlab.rocket, heard.id)
    gitlab.emulator.point_hook(ROCKET, int(heard.id), "http://127.0.0.1:9/webhook")
    (same,) = await gitlab.client().deliveries(gitlab.rocket, heard.id)
    assert (one.can_repeat, same.can_repeat) == (True, False)
    with pytest.raises(Rejected, match="URL has changed"):
        await gitlab.client().redeliver(gitlab.rocket, heard.id, one.id)


async def test_a_hook_that_is_switched_off_repeats_nothing(gitlab: Forge, heard: RemoteHook) -> None:
    (one,) = await gitlab.client().deliveries(gitlab.rocket, heard.id)
    gitlab.emulator.switch_off_hook(ROCKET, int(heard.id))
    with pytest.raises(Rejected, match="disabled"):
        await gitlab.client().redeliver(gitlab.rocket, heard.id, one.id)


async def test_five_a_minute_and_no_more(gitlab: Forge, receiver: Receiver, heard: RemoteHook) -> None:
    receiver.status = 202
    (one,) = await gitlab.client().deliveries(gitlab.rocket, heard.id)
    for _ in range(FORGE_TYPES["gitlab"].redeliveries_a_minute):
        await gitlab.client().redeliver(gitlab.rocket, heard.id, one.id)
    with pytest.raises(RateLimited):
        await gitlab.client().redeliver(gitlab.rocket, heard.id, one.id)


async def test_an_empty_project_has_nothing_to_test_with(
    gitlab: Forge, heard: RemoteHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(gitlab.emulator, GitLabEmulator)
    monkeypatch.setattr(gitlab.emulator, "_push_sample", lambda *_: None)
    monkeypatch.setattr(gitlab.emulator, "_issue_sample", lambda *_, **__: None)
    with pytest.raises(NothingToTest):
        await gitlab.client().test_hook(gitlab.rocket, heard.id)
