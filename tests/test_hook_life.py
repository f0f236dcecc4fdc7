"""Hooks for life: widened, narrowed, repaired, handed on, rotated under traffic, removed; on both forges."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from src.database.models import Account, User
from src.database.repositories import hooks, subscriptions
from src.forge import ForgeClient, HookPlace, HookSpec, MissingPermission, NotFound, Rejected, RemoteHook
from src.webhook.manager import HookManager, HookOutcome, ManualReason
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
        assert (await life.outcomes())[-1] in ("repaired", "widened")


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


# What must not happen


async def test_a_hook_that_is_not_ours_is_never_touched(life: Life) -> None:
    client = life.client("ann")
    ref = (await client.project_by_path(PATH)).ref
    spec = HookSpec(url="https://ci.example.org/hook", events=life.words(OPENED), secret="theirs")
    theirs = await client.create_hook(ref, spec)
    await life.follow("ann", OPENED)
    await life.leave("ann")
    await life.work()
    assert [(hook.url, hook.secret) for hook in life.forge.hooks(PATH)] == [(theirs.url, "theirs")]


async def test_a_hook_that_was_given_to_somebody_else_is_left_to_them(life: Life) -> None:
    """It bears our number, but points elsewhere by now."""
    await life.follow("ann", OPENED)
    number = life.there().id
    life.forge.point_hook(PATH, number, "https://ci.example.org/hook")
    await life.later(minutes=4)
    assert sorted(hook.url.startswith(life.url) for hook in life.forge.hooks(PATH)) == [False, True]
    await life.leave("ann")
    await life.work()
    assert [hook.url for hook in life.forge.hooks(PATH)] == ["https://ci.example.org/hook"]


async def test_nobody_may_any_more_is_told_once_and_again_only_after_it_was_well(life: Life) -> None:
    await life.follow("ann", OPENED)
    await life.follow("carl", OPENED)
    life.forge.set_member(PATH, "ann", "read")
    for _ in range(3):
        await life.later(minutes=4)
    assert sorted(life.told) == [("hook_lost", 1), ("hook_lost", 2)]
    assert (await life.row()).told_at is not None
    life.forge.set_member(PATH, "ann", "admin")
    await life.later(minutes=4)
    row = await life.row()
    assert (row.told_at, row.last_error, len(life.told)) == (None, None, 2)
    life.forge.set_member(PATH, "ann", "read")
    await life.later(minutes=4)
    assert len(life.told) == 4


async def test_whose_token_died_is_not_told_of_the_hook_too(life: Life) -> None:
    """A dead token is said with the command that mends it; the others hear of the hook."""
    await life.follow("ann", OPENED)
    await life.follow("carl", OPENED)
    life.forge.revoke_token("tok_ann")
    await life.later(minutes=4)
    await life.later(minutes=4)
    assert [chat for notice, chat in life.told if notice == "hook_lost"] == [2]


async def test_a_project_that_was_deleted_is_told_once(life: Life) -> None:
    await life.follow("ann", OPENED)
    life.forge.delete_project(PATH)
    for _ in range(3):
        await life.later(minutes=4)
    assert life.told == [("hook_lost", 1)]
    await life.leave("ann")
    await life.later(minutes=4)
    assert life.told == [("hook_lost", 1)]
    assert [hook for hook in await life.rows() if hook.removed_at is None] == []


async def test_a_renamed_project_keeps_its_hook(life: Life) -> None:
    await life.follow("ann", OPENED)
    number = life.there().id
    life.forge.rename_project(PATH, "acme/booster")
    await life.later(minutes=4)
    (there,) = life.forge.hooks("acme/booster")
    assert there.id == number
    assert life.told == []


@pytest.mark.parametrize("trouble", ["down", "rate_limited", "html"])
async def test_a_forge_that_is_away_changes_nothing_and_tells_nobody(life: Life, trouble: str) -> None:
    await life.follow("ann", OPENED)
    life.forge.remove_hook(PATH, life.there().id)
    life.forge.outage(trouble, seconds=3_600)  # type: ignore[arg-type]  # one of the words
    await life.later(minutes=4)
    assert life.told == []
    assert (await life.account("ann")).dead_at is None
    if trouble == "rate_limited":
        return  # whose end is the forge's to say
    life.forge.clear_outages()
    await life.later(hours=1, minutes=5)
    assert life.there().events == life.words(OPENED)


async def test_a_forge_that_refuses_the_repair_is_told_once(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    await life.follow("ann", OPENED)
    life.forge.remove_hook(PATH, life.there().id)
    manager = HookManager(life.database, life.credentials, public_url="ftp://nowhere", clock=life.clock)
    life.manager = manager
    await life.later(minutes=4)
    await life.later(minutes=4)
    assert life.told == [("hook_broken", 1)]
    assert "refused" in ((await life.row()).last_error or "")


async def test_without_an_address_of_ours_nothing_is_checked_but_what_is_left_goes(life: Life) -> None:
    await life.follow("ann", OPENED)
    number = life.there().id
    life.manager = HookManager(life.database, life.credentials, public_url=None, clock=life.clock)
    life.forge.switch_off_hook(PATH, number)
    await life.later(minutes=4)
    assert life.told == []
    await life.leave("ann")
    await life.work()
    assert life.forge.hooks(PATH) == ()


async def test_a_paused_subscription_keeps_the_hook(life: Life) -> None:
    await life.follow("ann", OPENED)
    async with life.database.write() as session:
        (item,) = await subscriptions.of_chat(session, 1)
        item.subscription.paused_until = subscriptions.FOREVER
    await life.later(minutes=4)
    assert life.there().events == life.words(OPENED)


async def test_an_account_that_is_gone_leaves_the_hook_to_the_others(life: Life) -> None:
    life.forge.set_member(PATH, "bob", "admin")
    await life.follow("ann", OPENED)
    await life.follow("bob", WIKI)
    async with life.database.write() as session:
        await session.execute(delete(Account).where(Account.login == "ann"))
    life.forge.remove_hook(PATH, life.there().id)
    await life.later(minutes=4)
    assert life.there().events == life.words(OPENED, WIKI)  # ann's subscription is still there
    assert (await life.row()).account_id == (await life.account("bob")).id


async def test_the_hook_of_the_environment_is_never_touched(life: Life) -> None:
    await life.follow("ann", OPENED)
    async with life.database.write() as session:
        row = life.manager.ground.new_hook(life.row_of_forge.id)
        row.origin = "environment"
        number = (await hooks.add(session, row)).id
    assert await life.manager.check(number) is HookOutcome.NOTHING
    assert await life.manager.rotate(number) is False
    await life.leave("ann")
    await life.later(days=91)
    assert [hook.id for hook in await life.rows() if hook.removed_at is None] == [number]


# Crashes, and two at once


async def test_a_crash_after_the_forge_made_it_makes_no_second_one(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id, account_id = await life.subscribe("ann", OPENED)
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "connected", crash)
        with pytest.raises(Crash):
            await life.manager.ensure(project_id, account_id)
    number = life.there().id
    await life.later(minutes=4)
    assert (await life.row()).remote_id == str(life.there().id) == str(number)


async def test_a_crash_after_the_forge_removed_it_is_finished(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    await life.follow("ann", OPENED)
    await life.leave("ann")
    with monkeypatch.context() as patch:
        patch.setattr(hooks, "tombstone", crash)
        await life.work()
    assert life.forge.hooks(PATH) == ()
    assert (await life.row()).removed_at is None
    await life.later(minutes=4)
    assert [hook.removed_at is not None for hook in await life.rows()] == [True]


async def test_a_subscription_whose_hook_was_never_asked_for_gets_it_soon(life: Life) -> None:
    """The process died between storing the subscription and asking for the hook."""
    await life.subscribe("ann", OPENED)
    await life.later(minutes=4)
    assert life.there().events == life.words(OPENED)


async def test_two_processes_at_once_make_one_hook(life: Life) -> None:
    life.forge.set_member(PATH, "bob", "admin")
    other = HookManager(life.database, life.credentials, public_url=life.url, clock=life.clock)
    one, two = await life.subscribe("ann", OPENED), await life.subscribe("bob", WIKI)
    states = await asyncio.gather(life.manager.ensure(*one), other.ensure(*two), other.settle(one[0]))
    assert HookOutcome.CREATED in {state if isinstance(state, HookOutcome) else state.outcome for state in states}
    assert life.there().events == life.words(OPENED, WIKI)
    assert len(await life.rows()) == 1


async def test_a_second_hook_at_our_address_is_cleared_away(life: Life) -> None:
    """Left by a process that was held up for longer than anybody waits."""
    await life.follow("ann", OPENED)
    client, there = life.client("ann"), life.there()
    ref = (await client.project_by_path(PATH)).ref
    moved = there.url.replace(life.url, "https://old.example.org")
    await client.create_hook(ref, HookSpec(url=moved, events=there.events, secret="of a crash"))
    await life.later(minutes=4)
    assert (life.there().id, life.there().url) == (there.id, there.url)


async def test_a_token_that_may_look_but_not_change_hands_on(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.forge.set_member(PATH, "bob", "admin")
    await life.follow("ann", OPENED)
    await life.follow("bob", OPENED)
    ann = (await life.account("ann")).id
    client_type = type(life.client("ann"))
    update, open_client = client_type.update_hook, life.credentials.client
    may_not: set[int] = set()

    def client(forge: object, account: Account) -> ForgeClient:
        found = open_client(forge, account)  # type: ignore[arg-type]  # handed through
        if account.id == ann:
            may_not.add(id(found))
            kept.append(found)
        return found

    async def refused(self: ForgeClient, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        if id(self) in may_not:
            raise MissingPermission("read only")
        changed: RemoteHook = await update(self, place, hook_id, spec)
        return changed

    kept: list[ForgeClient] = []
    monkeypatch.setattr(life.credentials, "client", client)
    monkeypatch.setattr(client_type, "update_hook", refused)
    await life.later(minutes=4)
    assert (await life.row()).account_id == ann  # nothing had to be changed
    life.there().events = frozenset()
    await life.later(minutes=4)
    assert life.there().events == life.words(OPENED)
    assert (await life.row()).account_id == (await life.account("bob")).id
    assert life.told == []


async def test_a_rotation_that_nobody_may_do_changes_nothing(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    await life.follow("ann", ISSUE)
    row, secret = await life.row(), life.there().secret

    async def refused(self: ForgeClient, place: HookPlace, hook_id: str, spec: HookSpec) -> RemoteHook:
        raise MissingPermission("read only")

    monkeypatch.setattr(type(life.client("ann")), "update_hook", refused)
    assert await life.manager.rotate(row.id) is False
    await life.later(minutes=4)
    after = await life.row()
    assert (life.there().secret, life.box.open(after.secret), after.next_secret) == (secret, secret, None)
    assert (life.told, await life.outcomes()) == ([], ["created", "not_rotated"])


async def test_a_removal_waits_for_a_token_that_works(life: Life) -> None:
    await life.follow("ann", OPENED)
    life.forge.revoke_token("tok_ann")
    await life.leave("ann")
    await life.work()
    assert len(life.forge.hooks(PATH)) == 1
    life.clock.ahead += timedelta(minutes=4)
    life.forge.add_token("tok_ann", "ann")
    await life.subscribe("ann")
    await life.leave("ann")
    await life.work()
    assert life.forge.hooks(PATH) == ()
    assert [row.remote_id for row in await life.rows() if row.removed_at is not None] == [None]


async def test_who_may_no_longer_use_the_bot_looks_after_nothing(life: Life) -> None:
    life.forge.set_member(PATH, "bob", "admin")
    await life.follow("ann", OPENED)
    await life.follow("bob", OPENED)
    async with life.database.write() as session:
        await session.execute(update(User).where(User.name == "ann").values(barred_at=life.clock()))
    await life.later(minutes=4)
    assert (await life.row()).account_id == (await life.account("bob")).id
    life.forge.set_member(PATH, "bob", "read")
    await life.later(minutes=4)
    assert life.told == [("hook_lost", 2)]


async def test_a_job_for_what_is_forgotten_is_done(life: Life) -> None:
    assert await life.manager.settle(99) is HookOutcome.NOTHING
    assert await life.manager.check(99) is HookOutcome.NOTHING
    assert await life.manager.rotate(99) is False


async def test_a_removal_that_nobody_may_do_is_tried_again(life: Life) -> None:
    await life.follow("ann", OPENED)
    life.forge.set_member(PATH, "ann", "read")
    await life.leave("ann")
    await life.work()
    (row,) = await life.rows()
    assert row.removed_at is not None
    assert len(life.forge.hooks(PATH)) == 1
    life.forge.set_member(PATH, "ann", "admin")
    await life.later(hours=2)
    assert life.forge.hooks(PATH) == ()
    assert (await life.rows())[0].remote_id is None


async def test_what_a_removal_left_goes_when_somebody_comes_back(life: Life) -> None:
    await life.follow("ann", OPENED)
    life.forge.set_member(PATH, "ann", "read")
    await life.leave("ann")
    await life.work()
    life.forge.set_member(PATH, "ann", "admin")
    state = await life.follow("ann", OPENED)
    assert life.there().url == state.address


# By hand


async def test_each_who_may_not_gets_an_address_and_secret_of_their_own(life: Life) -> None:
    life.forge.set_member(PATH, "bob", "read")
    one, two = await life.follow("carl", OPENED), await life.follow("bob", OPENED)
    assert {one.why, two.why} == {ManualReason.NO_RIGHT}
    assert one.secret != two.secret
    assert one.address != two.address
    again = await life.follow("carl", OPENED)
    assert (again.address, again.secret) == (one.address, one.secret)
    await life.later(minutes=4)
    assert (life.told, life.forge.hooks(PATH)) == ([], ())


async def test_who_may_by_now_gets_a_hook_without_asking(life: Life) -> None:
    await life.follow("carl", OPENED)
    life.forge.set_member(PATH, "carl", "admin")
    await life.later(hours=2)
    assert life.there().events == life.words(OPENED)
    assert (await life.row()).origin == "managed"


async def test_what_was_made_by_hand_is_not_removed_but_no_longer_heard(life: Life) -> None:
    state = await life.follow("carl", ISSUE)
    client = life.client("ann")
    ref = (await client.project_by_path(PATH)).ref
    await client.create_hook(ref, HookSpec(url=state.address, events=life.words(ISSUE), secret=state.secret))
    await life.forge.open_issue(PATH, "ann", "Arrives")
    assert life.forge.deliveries[-1].status == 202
    await life.leave("carl")
    await life.work()
    assert life.there().url == state.address
    assert [hook.removed_at is not None for hook in await life.rows()] == [True]
    back = await life.follow("carl", ISSUE)
    assert (back.address, back.secret) == (state.address, state.secret)


# The test event


async def test_a_test_event_proves_each_leg(life: Life) -> None:
    project_id, account_id = await life.subscribe("ann", ISSUE)
    await life.forge.open_issue(PATH, "bob", "Something to send")
    await life.manager.ensure(project_id, account_id)
    life.clock.ahead += timedelta(seconds=1)
    since = await life.manager.send_test(project_id, account_id)
    await life.forge.delivered()
    progress = await life.manager.test_progress(project_id, since)
    assert (progress.accepted, progress.arrived, progress.told, progress.error) == (True, True, False, None)
    await life.end_deliveries("done")
    assert (await life.manager.test_progress(project_id, since)).told


async def test_a_test_event_that_cannot_be_understood_says_so(life: Life) -> None:
    project_id, account_id = await life.subscribe("ann", ISSUE)
    await life.forge.open_issue(PATH, "bob", "Something to send")
    await life.manager.ensure(project_id, account_id)
    life.clock.ahead += timedelta(seconds=1)
    since = await life.manager.send_test(project_id, account_id)
    await life.forge.delivered()
    await life.end_deliveries("quarantined", "not what its headers promise")
    progress = await life.manager.test_progress(project_id, since)
    assert (progress.arrived, progress.told, progress.error) == (True, False, "not what its headers promise")


async def test_a_test_event_that_never_arrives_is_seen(life: Life) -> None:
    project_id, account_id = await life.subscribe("ann", ISSUE)
    await life.forge.open_issue(PATH, "bob", "Something to send")
    await life.manager.ensure(project_id, account_id)
    life.forge.point_hook(PATH, life.there().id, "http://127.0.0.1:9/nobody-listens")
    life.clock.ahead += timedelta(seconds=1)
    since = life.clock()
    if life.kind == "gitlab":  # which tries before it answers
        with pytest.raises(Rejected, match="failed"):
            await life.manager.send_test(project_id, account_id)
    else:
        since = await life.manager.send_test(project_id, account_id)
    await life.forge.delivered()
    progress = await life.manager.test_progress(project_id, since)
    assert (progress.accepted, progress.arrived, progress.told) == (True, False, False)


async def test_a_test_event_needs_a_hook_of_ours(life: Life) -> None:
    project_id, account_id = await life.subscribe("carl", OPENED)
    await life.manager.ensure(project_id, account_id)
    with pytest.raises(NotFound):
        await life.manager.send_test(project_id, account_id)


# Somebody leaves


async def test_who_leaves_takes_along_the_hook_that_nobody_else_needs(life: Life) -> None:
    await life.follow("ann", OPENED)
    assert await life.manager.release_for(await life.user_id("ann")) == ()
    assert life.forge.hooks(PATH) == ()
    await life.work()  # a look that comes before the subscriptions are deleted does not make it again
    assert life.forge.hooks(PATH) == ()


async def test_who_leaves_hands_on_what_others_need(life: Life) -> None:
    life.forge.set_member(PATH, "bob", "admin")
    await life.follow("ann", OPENED)
    await life.follow("bob", OPENED)
    number = life.there().id
    assert await life.manager.release_for(await life.user_id("ann")) == ()
    assert life.there().id == number
    assert (await life.row()).account_id == (await life.account("bob")).id


async def test_who_leaves_is_told_what_could_not_be_removed(life: Life) -> None:
    await life.follow("ann", OPENED)
    life.forge.revoke_token("tok_ann")
    (left,) = await life.manager.release_for(await life.user_id("ann"))
    assert left.path == PATH
    assert left.page is not None
    assert left.page.startswith("http")
    assert PATH in left.page
    assert "tok_" not in repr(left)
    assert len(life.forge.hooks(PATH)) == 1
    (row,) = await life.rows()
    assert row.removed_at is not None


async def test_who_leaves_while_the_forge_is_down_is_told_so(life: Life) -> None:
    await life.follow("ann", OPENED)
    life.forge.outage("down", seconds=60)
    (left,) = await life.manager.release_for(await life.user_id("ann"))
    assert left.path == PATH
