"""Looking after hooks: what is never touched, who is told, and that crashes and company do no harm."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, select, update

from src.database.crypto import SecretBox
from src.database.jobs import JobRunner
from src.database.models import Account, Job, User
from src.database.repositories import hooks, jobs, subscriptions
from src.forge import ForgeClient, HookPlace, HookSpec, MissingPermission, RemoteHook, Unavailable
from src.webhook.manager import CHECK_JOB, HookManager, HookOutcome
from src.webhook.upkeep import SWEEP_JOB, hook_jobs
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


async def test_hooks_follow_a_new_address_of_ours(life: Life) -> None:
    await life.follow("ann", OPENED)
    number, secret = life.there().id, life.there().secret
    new = "https://new.example.org"
    life.manager = HookManager(life.database, life.credentials, public_url=new, clock=life.clock)
    await life.later(minutes=4)
    assert (life.there().id, life.there().secret) == (number, secret)
    assert life.there().url == (await life.row()).address == life.there().url.replace(life.url, new)
    assert life.there().url.startswith(new)


async def test_who_made_a_hook_by_hand_is_told_once_that_our_address_is_another(life: Life) -> None:
    await life.follow("carl", OPENED)
    async with life.database.write() as session:
        await hooks.heard(session, (await life.row()).id, life.clock())
    await life.later(hours=2)
    assert life.told == []
    new = "https://new.example.org"
    life.manager = HookManager(life.database, life.credentials, public_url=new, clock=life.clock)
    await life.later(hours=2)
    await life.later(hours=2)
    assert life.told == [("hook_broken", 1)]
    await life.follow("carl", OPENED)  # which shows the new address
    await life.later(hours=2)
    assert len(life.told) == 1


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


async def test_a_second_hook_that_nobody_may_remove_is_logged_once(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a token of GitHub that has `write:repo_hook`, not `admin:repo_hook`."""
    await life.follow("ann", OPENED)
    client, there = life.client("ann"), life.there()
    ref = (await client.project_by_path(PATH)).ref
    moved = there.url.replace(life.url, "https://old.example.org")
    await client.create_hook(ref, HookSpec(url=moved, events=there.events, secret="of a crash"))

    async def refused(*_: object) -> None:
        raise MissingPermission("no deleting")

    monkeypatch.setattr(type(client), "delete_hook", refused)
    for _ in range(3):
        await life.later(minutes=4)
    assert await life.outcomes() == ["created", "left_behind"]


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


async def others(life: Life, count: int) -> None:
    """Hooks that are there, whatever they are for."""
    project_id, _ = await life.subscribe("ann", OPENED)
    async with life.database.write() as session:
        for number in range(count):
            row = life.manager.ground.new_hook(life.row_of_forge.id, project_id=project_id)
            row.remote_id = str(number)
            await hooks.add(session, row)


async def test_a_forge_that_is_away_is_not_asked_for_each_of_its_hooks(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question takes as long as patience lasts, and the hooks of other forges wait behind it."""
    await others(life, 10)
    asked: list[int] = []
    is_away = True

    async def check(hook_id: int) -> HookOutcome:
        asked.append(hook_id)
        if is_away:
            raise Unavailable("no answer")
        return HookOutcome.SHARED

    monkeypatch.setattr(life.manager, "check", check)
    runner = JobRunner(life.database, hook_jobs(life.manager), owner="tests", clock=life.clock)
    async with life.database.write() as session:
        await jobs.put(session, SWEEP_JOB, "", now=life.clock())
    await runner.run_due()
    assert len(asked) == 3
    life.clock.ahead += timedelta(minutes=1, seconds=1)
    await runner.run_due()
    assert len(asked) == 4
    is_away = False
    life.clock.ahead += timedelta(minutes=1, seconds=1)
    await runner.run_due()
    assert set(asked[4:]) == {hook.id for hook in await life.rows()}


async def test_looks_at_many_hooks_are_spread(life: Life) -> None:
    await others(life, 45)
    async with life.database.write() as session:
        await session.execute(delete(Job))
    job = Job(kind=SWEEP_JOB, key="")
    before = life.clock()
    await hook_jobs(life.manager)[SWEEP_JOB](job)
    async with life.database.read() as session:
        waiting = (await session.scalars(select(Job).where(Job.kind == CHECK_JOB))).all()
    late = Counter(round((job.run_at - before).total_seconds()) for job in waiting)
    assert late == {0: 10, 1: 10, 2: 10, 3: 10, 4: 5}


async def test_a_hook_that_was_looked_at_since_is_not_looked_at_again(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    await life.follow("ann", OPENED)
    asked: list[int] = []

    async def check(hook_id: int) -> HookOutcome:
        asked.append(hook_id)
        return HookOutcome.SHARED

    monkeypatch.setattr(life.manager, "check", check)
    number, handler = (await life.row()).id, hook_jobs(life.manager)[CHECK_JOB]
    for asked_at in (life.clock() - timedelta(minutes=1), life.clock() + timedelta(minutes=1)):
        await handler(Job(kind=CHECK_JOB, key=str(number), created_at=asked_at))
    assert asked == [number]


async def test_a_secret_lost_with_its_key_is_replaced_even_if_the_forge_was_away_at_first(life: Life) -> None:
    await life.follow("ann", ISSUE)
    number = (await life.row()).id
    async with life.database.write() as session:
        (await hooks.get(session, number)).secret = SecretBox([Fernet.generate_key().decode()]).seal("lost")
    life.forge.outage("down", seconds=3_600)
    await life.later(minutes=4)
    life.forge.clear_outages()
    await life.later(minutes=4)
    life.known.clear()  # seconds that count by themselves
    await life.forge.open_issue(PATH, "ann", "Heard at once")
    assert [record.status for record in life.forge.deliveries if record.event != "ping"] == [202]


async def test_a_hook_that_delivers_is_looked_at_less_often(life: Life) -> None:
    """Each question counts against somebody's rate limit, and a delivery says as much."""
    await life.follow("ann", OPENED)
    number = (await life.row()).id
    looks = []
    for _ in range(10):
        life.clock.ahead += timedelta(minutes=4)
        async with life.database.write() as session:
            await hooks.heard(session, number, life.clock() - timedelta(minutes=1))
        before = (await life.row()).checked_at
        await life.work()
        looks.append((await life.row()).checked_at != before)
    assert looks == [False, False, False, True, False, False, False, True, False, False]
    await life.later(minutes=4)  # and nothing came
    assert (await life.row()).checked_at > before  # type: ignore[operator]  # it was looked at
