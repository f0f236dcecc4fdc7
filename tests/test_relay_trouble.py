"""Forges that are down, slow or stingy, tokens that died, workers that were overtaken: nothing is lost or leaked."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select, text, update

from src.database.models import Account, Delivery, utc_now
from src.database.repositories import deliveries
from src.events import ALL_NAMES, Person
from src.forge import RateLimited, Unauthorized, Unavailable
from tests.payloads import document
from tests.relay import Relay, running_relay

PRIVATE = "github/pull_request__opened_private"


@pytest.fixture
async def relay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path) as running:
        yield running
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture
async def hook(relay: Relay) -> str:
    return await relay.add_hook(await relay.add_project(private=True, external_id="502", path="acme/vault"))


async def again(relay: Relay) -> None:
    """Let the pause before the next try be over."""
    async with relay.database.write() as session:
        await session.execute(text("UPDATE deliveries SET not_before = received_at"))
    relay.wake()
    await relay.settle()


async def test_no_text_leaves_while_access_cannot_be_checked_and_none_is_lost(relay: Relay, hook: str) -> None:
    carl = await relay.follow("carl", 1, scope="all")
    relay.forge.trouble = Unavailable("down")
    await relay.deliver(hook, PRIVATE)
    assert await relay.told(carl) == []
    relay.forge.trouble = None
    await again(relay)
    assert len(await relay.told(carl)) == 1
    assert [delivery.state for delivery in await relay.deliveries()] == ["done"]


async def test_one_persons_rate_limit_holds_nobody_else(relay: Relay, hook: str) -> None:
    carl = await relay.follow("carl", 1, scope="all")
    dora = await relay.follow("dora", 1, scope="all")
    relay.forge.trouble_of["token-of-carl"] = RateLimited("too many", utc_now() + timedelta(hours=1))
    await relay.deliver(hook, PRIVATE)
    assert len(await relay.told(dora)) == 1
    assert await relay.told(carl) == []
    relay.forge.trouble_of.clear()
    await again(relay)
    assert len(await relay.told(carl)) == len(await relay.told(dora)) == 1


async def test_who_stays_unchecked_for_a_day_is_left_out_and_the_log_says_so(relay: Relay, hook: str) -> None:
    carl = await relay.follow("carl", 1, scope="all")
    relay.forge.trouble = Unavailable("down")
    await relay.deliver(hook, PRIVATE)
    for _ in range(10):
        await again(relay)
    assert [delivery.state for delivery in await relay.deliveries()] == ["new"]  # still asking
    async with relay.database.write() as session:
        await session.execute(update(Delivery).values(received_at=utc_now() - timedelta(days=1)))
    await again(relay)
    assert await relay.told(carl) == []
    last = (await relay.log())[-1]
    assert (last.kind, last.outcome) == ("webhook_error", "done")
    assert "access of 1 could not be checked" in last.message


async def test_a_revoked_token_is_marked_and_reads_nothing(relay: Relay, hook: str) -> None:
    carl = await relay.follow("carl", 1, scope="all")
    relay.forge.trouble_of["token-of-carl"] = Unauthorized("bad credentials")
    await relay.deliver(hook, PRIVATE)
    assert await relay.told(carl) == []
    async with relay.database.read() as session:
        assert (await session.scalars(select(Account))).one().dead_at is not None


async def test_a_public_projects_news_needs_no_question(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    carl = await relay.follow("carl", 1, scope="all")
    relay.forge.trouble = Unavailable("down")
    await relay.deliver(hook, "github/pull_request__opened")
    assert len(await relay.told(carl)) == 1
    assert "can_read" not in relay.forge.calls


async def test_a_project_made_private_is_asked_for_from_then_on(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project(external_id="502", path="acme/vault"))
    carl = await relay.follow("carl", 1, scope="all")
    relay.forge.no_access.add("token-of-carl")
    await relay.deliver(hook, PRIVATE)
    assert await relay.told(carl) == []


async def test_access_is_asked_for_once_in_fifteen_minutes(relay: Relay, hook: str) -> None:
    await relay.follow("carl", 1, scope="all")
    for action in ("opened", "closed", "reopened"):
        await relay.deliver(hook, PRIVATE, body=_private(action))
    assert relay.forge.calls.count("can_read") == 1


async def test_a_renamed_project_is_followed_by_its_id(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project(path="acme/old-name"))
    carl = await relay.follow("carl", 1)
    await relay.deliver(hook, "github/pull_request__opened")
    assert len(await relay.told(carl)) == 1
    async with relay.database.read() as session:
        assert (await session.execute(text("SELECT path FROM projects"))).scalar_one() == "acme/rocket"


async def test_levels_and_pauses(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    silent, off, paused, over = [
        await relay.follow("dora", 1, names=ALL_NAMES, scope="all", group=-1000 - n) for n in range(4)
    ]
    await relay.change_subscription(silent, levels={"pull_requests": "silent"})
    await relay.change_subscription(off, levels={"pull_requests": "off"})
    await relay.change_subscription(paused, paused_until=utc_now() + timedelta(hours=1))
    await relay.change_subscription(over, paused_until=utc_now() - timedelta(hours=1))
    await relay.deliver(hook, "github/pull_request__opened")
    assert [told.level for told in await relay.told(silent)] == ["silent"]
    assert await relay.told(off) == await relay.told(paused) == []
    assert [told.level for told in await relay.told(over)] == ["on"]


async def test_a_push_with_documentation_is_one_message(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    everything = await relay.follow("dora", 1, names=ALL_NAMES, scope="all", group=-1001)
    pushes = await relay.follow("dora", 1, names={"push.pushed"}, scope="all", group=-1002)
    await relay.deliver(hook, "github/push__documentation")
    assert [told.name for told in await relay.told(everything)] == ["documentation.updated"]
    assert [told.name for told in await relay.told(pushes)] == ["push.pushed"]


async def test_who_takes_part_in_the_thread(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    eve, gus = [await relay.follow("carl", 1, external_id=i, group=g) for i, g in (("105", -1), ("107", -2))]
    relay.forge.participants = (Person(id="105", login="eve"),)
    await relay.deliver(hook, "github/issue_comment__created")
    assert [told.name for told in await relay.told(eve)] == ["comment.issue"]
    assert await relay.told(gus) == []


async def test_nobody_follows_is_logged_and_done(relay: Relay) -> None:
    hook = await relay.add_hook(None)
    assert await relay.deliver(hook, "github/pull_request__opened") == 202
    assert (await relay.log())[-1].message == "pull_request: nobody follows this project"


async def test_a_delivery_whose_worker_died_is_taken_over(relay: Relay, hook: str) -> None:
    carl = await relay.follow("carl", 1, scope="all")
    entered, leave = asyncio.Event(), asyncio.Event()

    async def wait(_: str) -> None:
        entered.set()
        await leave.wait()

    relay.forge.before = wait
    await relay.deliver(hook, PRIVATE, settle=False)
    await entered.wait()
    async with relay.database.write() as session:  # as if this worker had been away for longer than its lease
        await session.execute(text("UPDATE deliveries SET lease_until = received_at"))
        (taken,) = await deliveries.claim(session, owner="another", now=utc_now(), lease=timedelta(seconds=30), limit=1)
    leave.set()
    await asyncio.sleep(0.05)
    assert await relay.told(carl) == []  # what the overtaken worker found out was not written
    async with relay.database.write() as session:
        assert await deliveries.release(session, taken, now=utc_now())
    relay.wake()
    await relay.settle()
    assert len(await relay.told(carl)) == 1


async def test_a_renewed_token_is_asked_anew(relay: Relay, hook: str) -> None:
    carl = await relay.follow("carl", 1, scope="all")
    relay.forge.trouble_of["token-of-carl"] = Unauthorized("expired")
    await relay.deliver(hook, PRIVATE)
    relay.forge.trouble_of.clear()
    await relay.follow("carl", 1, scope="all")  # with a token that was checked just now
    await relay.deliver(hook, PRIVATE, body=_private("closed"))
    assert [told.name for told in await relay.told(carl)] == ["pull_request.closed"]


async def test_a_text_with_thousands_of_names_asks_no_thousand_questions(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project("gitlab", private=True), "gitlab")
    dora = await relay.follow("dora", 1, kind="gitlab")
    payload = document("gitlab/note_hook__merge_request")
    payload["object_attributes"]["note"] = "@dora " + " ".join(f"@name{number}" for number in range(2_000))
    await relay.deliver(hook, "gitlab/note_hook__merge_request", body=orjson.dumps(payload))
    assert len(await relay.told(dora)) == 1
    assert len([call for call in relay.forge.calls if call.startswith("team_members")]) <= 20


async def test_a_forge_that_hangs_is_left_alone_and_holds_no_hook_for_long(tmp_path: Path) -> None:
    async with running_relay(tmp_path, patience=0.05, pause=60) as relay:
        hook = await relay.add_hook(await relay.add_project(private=True, external_id="502", path="acme/vault"))
        carl = await relay.follow("carl", 1, scope="all")

        async def hang(_: str) -> None:
            await asyncio.sleep(3600)

        relay.forge.before = hang
        await relay.deliver(hook, PRIVATE)
        await relay.deliver(hook, PRIVATE, body=_private("closed"))
        assert len(relay.forge.calls) == 1  # the second delivery did not even ask
        assert await relay.told(carl) == []


async def test_extras_are_done_without_when_they_are_not_to_be_had(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    ann = await relay.follow("ann", 1)
    relay.forge.trouble = Unavailable("down")
    await relay.deliver(hook, "github/workflow_run__completed_failure")
    assert await relay.told(ann) == []
    for _ in range(8):
        await again(relay)
    assert [told.name for told in await relay.told(ann)] == ["pipeline.failed"]


async def test_a_branch_deleted_twice_is_told_twice(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    team = await relay.follow("dora", 1, names=ALL_NAMES, scope="all", group=-1001)
    for moment in (1_772_440_000, 1_772_450_000):
        payload = document("github/push__deleted")
        payload["repository"]["pushed_at"] = moment
        await relay.deliver(hook, "github/push__deleted", body=orjson.dumps(payload))
    assert [told.name for told in await relay.told(team)] == ["push.deleted", "push.deleted"]


async def test_what_nobody_was_told_of_overtakes_nothing(relay: Relay) -> None:
    hook = await relay.add_hook(await relay.add_project())
    team = await relay.follow("dora", 1, names={"pull_request.opened"}, scope="all", group=-1001)
    await relay.deliver(hook, "github/pull_request__closed_unmerged")
    await relay.deliver(hook, "github/pull_request__opened")
    assert [told.name for told in await relay.told(team)] == ["pull_request.opened"]


async def test_stored_headers_and_logs_hold_no_secret(relay: Relay, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hook = await relay.add_hook(await relay.add_project("gitlab"), "gitlab")
    await relay.deliver(hook, "gitlab/merge_request_hook__open")
    async with relay.database.read() as session:
        (delivery,) = (await session.scalars(select(Delivery))).all()
    assert "whsec" not in str(delivery.headers)
    assert "whsec" not in caplog.text


async def test_a_follower_whose_account_is_gone_hears_of_public_projects_only(relay: Relay, hook: str) -> None:
    public = await relay.add_hook(await relay.add_project())
    team = await relay.follow("dora", 1, scope="all", group=-1001)
    other = await relay.follow("dora", 2, scope="all", group=-1002)
    for chat in (team, other):
        await relay.change_subscription(chat, account_id=None)
    await relay.deliver(hook, PRIVATE)
    await relay.deliver(public, "github/pull_request__opened")
    assert await relay.told(team) == []
    assert len(await relay.told(other)) == 1


def _private(action: str) -> bytes:
    return orjson.dumps(document(PRIVATE) | {"action": action})
