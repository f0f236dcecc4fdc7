"""Hooks for life: widened, narrowed, repaired, handed on, rotated under traffic, removed; on both forges."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from src.database.repositories import hooks
from src.forge import ForgeClient, HookPlace, HookSpec, RemoteHook
from src.webhook.manager import HookOutcome
from src.webhook.notices import Notice
from tests.hook_stage import ISSUE, OPENED, PATH, WIKI, Life, living


@pytest.fixture(params=["github", "gitlab"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def life(tmp_path: Path, kind: str) -> AsyncIterator[Life]:
    async with living(tmp_path, kind) as found:
        yield found


class Crash(Exception):
    pass


async def crash(*_: object, **__: object) -> None:
    raise Crash


# The named cases


async def test_a_shared_hook_is_widened(life: Life) -> None:
    await life.follow("ann", OPENED)
    await life.subscribe("carl", OPENED, WIKI)  # carl may not change it: ann's token does
    project_id, _ = await life.subscribe("carl", OPENED, WIKI)
    assert await life.manager.settle(project_id) is HookOutcome.WIDENED
    assert life.there().events == life.words(OPENED, WIKI)
    assert await life.manager.settle(project_id) is HookOutcome.SHARED


async def test_a_shared_hook_is_narrowed(life: Life) -> None:
    await life.follow("ann", OPENED)
    await life.follow("carl", OPENED, WIKI)
    number = life.there().id
    await life.leave("carl")
    await life.work()
    assert (life.there().id, life.there().events) == (number, life.words(OPENED))
    assert frozenset((await life.row()).events) == life.words(OPENED)
    assert await life.outcomes() == ["created", "widened", "narrowed"]


async def test_what_somebody_ticked_beside_ours_is_left_alone(life: Life) -> None:
    await life.follow("ann", OPENED)
    beside = {"github": "star", "gitlab": "milestone_events"}[life.kind]
    life.there().events |= {beside}
    await life.later(minutes=4)
    assert life.there().events == life.words(OPENED) | {beside}
    assert await life.outcomes() == ["created"]


@pytest.mark.parametrize("harm", ["deleted", "switched off", "moved", "lost events", "another secret"])
async def test_a_shared_hook_is_repaired(life: Life, harm: str) -> None:
    """Within minutes, with the same address and secret, and nobody is told."""
    await life.follow("ann", OPENED)
    await life.follow("carl", OPENED)
    there, number = life.there(), life.there().id
    url, secret = there.url, there.secret
    match harm:
        case "deleted":
            life.forge.remove_hook(PATH, number)
        case "switched off":
            life.forge.switch_off_hook(PATH, number)
        case "moved":
            life.forge.point_hook(PATH, number, there.url.replace(life.url, "https://old.example.org/bot"))
        case "lost events":
            there.events = frozenset()
        case _:
            there.secret = "changed by hand"
            await life.forge.open_pull_request(PATH, "bob", "Refused")
            assert life.forge.deliveries[-1].status == 401
    await life.later(minutes=4)
    now = life.there()
    assert (now.url, now.secret, now.events) == (url, secret, life.words(OPENED))
    await life.forge.open_pull_request(PATH, "bob", "Arrives")
    assert life.forge.deliveries[-1].status == 202
    assert life.told == []
    row = await life.row()
    assert (row.remote_id, row.last_error) == (str(now.id), None)
    if harm != "deleted":
        outcomes = await life.outcomes()  # what was refused meanwhile is asked for again
        assert [said for said in outcomes if said != "missed"][-1] in ("repaired", "widened")


async def test_a_hook_that_does_not_wake_up_is_made_anew(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    await life.follow("ann", OPENED)
    before, secret = life.there().id, life.there().secret
    life.forge.switch_off_hook(PATH, before)
    client_type = type(life.client("ann"))
    update = client_type.update_hook

    async def stays_off(self: ForgeClient, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        made: RemoteHook = await update(self, place, hook_id, spec)
        life.forge.switch_off_hook(PATH, int(hook_id))
        return RemoteHook(id=made.id, url=made.url, events=made.events, active=False)

    async def unheard(self: ForgeClient, place: HookPlace, hook_id: str) -> None:
        return

    monkeypatch.setattr(client_type, "update_hook", stays_off)
    monkeypatch.setattr(client_type, "test_hook", unheard)
    await life.later(minutes=4)
    assert life.there().id != before
    assert life.there().secret == secret
    await life.forge.open_pull_request(PATH, "bob", "Arrives")
    assert life.forge.deliveries[-1].status == 202


async def test_a_shared_hook_is_handed_on_when_its_token_dies(life: Life) -> None:
    life.forge.set_member(PATH, "bob", "admin")
    await life.follow("ann", OPENED)
    await life.follow("bob", OPENED)
    life.forge.revoke_token("tok_ann")
    life.forge.remove_hook(PATH, life.there().id)
    await life.later(minutes=4)
    assert (await life.row()).account_id == (await life.account("bob")).id
    assert (await life.account("ann")).dead_at is not None
    assert life.there().events == life.words(OPENED)
    assert "handed_on" in await life.outcomes()
    assert Notice.HOOK_LOST not in {notice for notice, _ in life.told}


async def test_a_shared_hook_is_handed_on_when_its_keeper_may_no_longer(life: Life) -> None:
    life.forge.set_member(PATH, "bob", "admin")
    await life.follow("ann", OPENED)
    await life.follow("bob", OPENED)
    number = life.there().id
    life.forge.set_member(PATH, "ann", "read")
    await life.later(minutes=4)
    assert (await life.row()).account_id == (await life.account("bob")).id
    assert life.there().id == number
    assert life.told == []


async def test_a_shared_hook_is_rotated_under_traffic_without_one_401(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forge signs with what it has at each moment, also between its answer and our commit; the relay's memory of
    hooks is warm all the time."""
    await life.follow("ann", ISSUE)
    client_type = type(life.client("ann"))
    update, used, numbers = client_type.update_hook, {life.there().secret}, iter(range(1_000))
    done = asyncio.Event()

    async def happen() -> None:
        await life.forge.open_issue(PATH, "ann", f"Issue {next(numbers)}")

    async def watched(self: ForgeClient, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        await happen()  # signed with the old one, while we wait for the forge
        made: RemoteHook = await update(self, place, hook_id, spec)
        used.add(life.there().secret)
        await happen()  # signed with the new one, before anything of it is stored
        return made

    async def traffic() -> None:
        while not done.is_set():
            await happen()

    monkeypatch.setattr(client_type, "update_hook", watched)
    number = (await life.row()).id
    await happen()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(traffic())
        for _ in range(4):
            assert await life.manager.rotate(number)
            await happen()
            life.clock.ahead += timedelta(minutes=2)
        done.set()
    await happen()
    issues = [record.status for record in life.forge.deliveries if record.event != "ping"]
    assert len(used) == 5
    assert len(issues) > 12
    assert set(issues) == {202}
    assert life.there().secret == life.box.open((await life.row()).secret)
    assert (await life.outcomes()).count("rotated") == 4


async def test_a_naive_rotation_would_be_refused(life: Life) -> None:
    """What the test above is worth: it sees deliveries refused whose secret we were not told of first."""
    await life.follow("ann", ISSUE)
    await life.forge.open_issue(PATH, "ann", "Before")
    there = life.there()
    client = life.client("ann")
    ref = (await client.project_by_path(PATH)).ref
    await client.update_hook(ref, str(there.id), HookSpec(url=there.url, events=there.events, secret="whsec_bmFpdmU="))
    await life.forge.open_issue(PATH, "ann", "After")
    assert [record.status for record in life.forge.deliveries if record.event != "ping"] == [202, 401]


async def test_the_secret_before_a_rotation_is_good_for_a_day_and_no_longer(life: Life) -> None:
    await life.follow("ann", ISSUE)
    await life.forge.open_issue(PATH, "ann", "Late")
    late = life.forge.deliveries[-1]
    assert await life.manager.rotate((await life.row()).id)
    for ahead, status in ((0.0, 202), (23.9, 202), (24.1, 401)):
        life.clock.ahead = timedelta(hours=ahead)
        life.known.clear()  # seconds that count by themselves
        assert await life.post_again(late) == status


async def test_a_rotation_that_dies_half_way_loses_nothing_and_is_finished(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    await life.follow("ann", ISSUE)
    await life.forge.open_issue(PATH, "ann", "Before")
    number, before = (await life.row()).id, life.there().secret
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "connected", crash)
        with pytest.raises(Crash):
            await life.manager.rotate(number)
    assert life.there().secret != before
    await life.forge.open_issue(PATH, "ann", "Between")
    await life.later(minutes=4)
    assert life.there().secret == life.box.open((await life.row()).secret) != before
    assert (await life.row()).next_secret is None
    await life.forge.open_issue(PATH, "ann", "After")
    assert {record.status for record in life.forge.deliveries if record.event != "ping"} == {202}


async def test_secrets_are_rotated_by_age(life: Life) -> None:
    await life.follow("ann", OPENED)
    before = life.there().secret
    await life.later(days=89)
    assert life.there().secret == before
    await life.later(days=2)
    after = life.there().secret
    assert after not in (None, before)
    await life.later(days=80)
    assert life.there().secret == after


async def test_all_secrets_are_rotated_when_an_admin_asks(life: Life) -> None:
    await life.follow("ann", OPENED)
    before = life.there().secret
    assert await life.manager.rotate_all() == 1
    await life.work()
    assert life.there().secret != before


async def test_two_rotations_at_once_are_one(life: Life) -> None:
    """Or what was signed before the first would be refused after the second."""
    await life.follow("ann", OPENED)
    number = (await life.row()).id
    assert await life.manager.rotate(number)
    assert not await life.manager.rotate(number)
    assert await life.outcomes() == ["created", "rotated"]


async def test_a_shared_hook_is_removed_when_the_last_one_leaves(life: Life) -> None:
    await life.follow("ann", OPENED)
    await life.follow("carl", OPENED)
    await life.leave("ann")  # whose token looks after it all the same
    await life.work()
    assert life.there().events == life.words(OPENED)
    await life.leave("carl")
    await life.work()
    assert life.forge.hooks(PATH) == ()
    (row,) = await life.rows()
    assert row.removed_at is not None
    assert row.remote_id is None
    assert (await life.outcomes())[-1] == "removed"


async def test_a_removed_hook_is_tombstoned_for_30_days(life: Life) -> None:
    await life.follow("ann", ISSUE)
    await life.forge.open_issue(PATH, "ann", "Under way")
    late = life.forge.deliveries[-1]
    await life.leave("ann")
    await life.work()
    assert life.forge.hooks(PATH) == ()
    for days, status in ((0, 202), (29, 202), (31, 404)):
        life.clock.ahead = timedelta(days=days)
        life.known.clear()  # seconds that count by themselves
        assert await life.post_again(late) == status


async def test_who_comes_back_gets_a_new_hook_and_only_one(life: Life) -> None:
    first = await life.follow("ann", OPENED)
    await life.leave("ann")
    await life.work()
    second = await life.follow("ann", OPENED)
    assert (second.outcome, second.address == first.address) == (HookOutcome.CREATED, False)
    assert life.there().url == second.address
    await life.later(minutes=10)
    assert life.there().url == second.address
