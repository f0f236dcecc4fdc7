"""Hooks and their people: those who make one by hand, who try it out, and who leave."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from src.forge import HookSpec, NotFound, Rejected
from src.webhook.manager import ManualReason
from tests.hook_stage import ISSUE, OPENED, PATH, Life, living


@pytest.fixture(params=["github", "gitlab"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def life(tmp_path: Path, kind: str) -> AsyncIterator[Life]:
    async with living(tmp_path, kind) as found:
        yield found


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
