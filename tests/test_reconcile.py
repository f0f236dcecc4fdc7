"""Catching up: what never came is delivered again, once, and who looks after the hook hears of it in one message."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from src.bot.hook_health import memory
from src.database.models import Delivery, Missed
from src.database.repositories import expiry, users
from src.database.repositories.missed import Settled
from src.demo.gitlab import GitLabEmulator
from src.doctor.database import Stored, catching_up
from src.forge import ForgeClient, HookPlace, MissingPermission, RateLimited, RemoteDelivery, Unavailable
from src.forges import FORGE_TYPES
from src.i18n import translator
from src.webhook import reconcile
from src.webhook.inbox import Inbox
from src.webhook.notices import Notice
from tests.hook_stage import ISSUE, OPENED, PATH, Life, living

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
KINDS = ["github", "gitlab"]


# ---------------------------------------------------------------------------------------------------
# Decisions


def attempt(
    number: int, key: str, *, ok: bool = False, repeat: bool = False, kept: bool = True, ago: float | None = None
) -> RemoteDelivery:
    at = None if ago is None else NOON - timedelta(seconds=ago)
    return RemoteDelivery(id=str(number), key=key, succeeded=ok, is_repeat=repeat, can_repeat=kept, at=at)


def test_what_failed_or_was_never_seen_is_missing_oldest_first() -> None:
    listed = [attempt(4, "d"), attempt(3, "c", ok=True), attempt(2, "b", ok=True), attempt(1, "a")]
    assert [(miss.key, miss.attempt) for miss in reconcile.missing(listed, {"b"})] == [
        ("a", "1"),
        ("c", "3"),
        ("d", "4"),
    ]


def test_of_several_attempts_the_newest_that_can_be_repeated_counts() -> None:
    listed = [attempt(3, "a", kept=False), attempt(2, "a"), attempt(1, "a")]
    assert [(miss.key, miss.attempt) for miss in reconcile.missing(listed, ())] == [("a", "2")]


def test_what_cannot_be_repeated_is_missing_all_the_same() -> None:
    assert [miss.attempt for miss in reconcile.missing([attempt(1, "a", kept=False)], ())] == [None]


def test_a_repetition_that_was_accepted_but_known_by_its_body_is_not_asked_for_again() -> None:
    listed = [attempt(2, "a", ok=True, repeat=True), attempt(1, "a", ok=True)]
    assert reconcile.missing(listed, ()) == []


def test_of_copies_one_is_enough_and_none_where_one_is_here() -> None:
    listed = [replace(attempt(n, key), content=text) for n, key, text in ((4, "d", "y"), (3, "c", "x"), (2, "b", "x"))]
    assert [miss.key for miss in reconcile.missing(listed, ())] == ["c", "d"]
    assert [miss.key for miss in reconcile.missing(listed, {"c"})] == ["d"]


def test_the_last_seen_is_one_that_no_slower_one_can_get_before() -> None:
    assert (
        reconcile.last_seen([attempt(3, "c", ago=5), attempt(2, "b", ago=130), attempt(1, "a", ago=200)], NOON) == "2"
    )
    assert reconcile.last_seen([attempt(3, "c"), attempt(2, "b")], NOON) == "3"
    assert reconcile.last_seen([attempt(1, "a", ago=5)], NOON) is None


def test_the_pauses_grow_to_six_hours_and_all_tries_fit_into_a_day() -> None:
    pauses = [reconcile.pause_after(tries) for tries in range(1, reconcile.MOST_TRIES + 1)]
    assert pauses[:3] == [timedelta(minutes=2), timedelta(minutes=4), timedelta(minutes=8)]
    assert pauses[-1] == reconcile.pause_after(500) == timedelta(hours=6)
    assert timedelta(hours=12) < sum(pauses, timedelta()) < timedelta(days=1)


def test_one_message_names_each_project_once_and_counts_the_rest() -> None:
    settled = [
        Settled(id=n, hook_id=n % 10, user_id=1, path=f"acme/part-{n % 10}", state="recovered", settled_at=NOON)
        for n in range(20)
    ]
    notice, params = reconcile.summary(settled)
    assert (notice, params["recovered"], params["lost"]) == (Notice.CAUGHT_UP, 20, 0)
    assert (params["recovered_in"], params["recovered_more"]) == ([f"acme/part-{n}" for n in range(8)], 2)
    assert reconcile.summary([*settled, replace(settled[0], state="lost")])[0] is Notice.MISSED


# ---------------------------------------------------------------------------------------------------
# With a forge, a relay and a clock to move


@pytest.fixture(params=KINDS)
async def life(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path, request.param, one_clock=True) as found:
        yield found


@pytest.fixture
async def gitlab(tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path, "gitlab", one_clock=True) as found:
        yield found


@pytest.fixture
async def github(tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path, "github", one_clock=True) as found:
        yield found


async def refuse(*_: object) -> None:
    raise OSError("no space left on device")


@asynccontextmanager
async def overloaded() -> AsyncIterator[None]:
    """The relay answers 503 to all that comes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Inbox, "put", refuse)
        yield


async def fail(life: Life, count: int, title: str = "Leak") -> None:
    """So many issues are opened while the relay takes nothing."""
    async with overloaded():
        for number in range(count):
            await life.forge.open_issue(PATH, "bob", f"{title} {number}")


async def settle(life: Life, minutes: int) -> None:
    """Time passes in small steps, and what the forge sends meanwhile arrives."""
    for _ in range(minutes):
        await life.later(minutes=1)
        await life.forge.delivered()
    await life.work()


async def stored(life: Life) -> Counter[str]:
    """How often each delivery is here, by key."""
    async with life.database.read() as session:
        return Counter(await session.scalars(select(Delivery.key).where(Delivery.event.in_(("issues", "Issue Hook")))))


async def rows(life: Life) -> list[Missed]:
    async with life.database.read() as session:
        return list(await session.scalars(select(Missed).order_by(Missed.id)))


def failed_keys(life: Life) -> set[str]:
    codec = FORGE_TYPES[life.kind].codec
    return {codec.delivery_key(d.headers, d.body) for d in life.forge.deliveries if d.status == 503}


def asked(life: Life, *ends: str) -> int:
    """How many requests ended so."""
    return sum(1 for request in life.forge.requests if request.path.endswith(ends))


async def test_what_failed_is_delivered_again_and_its_owner_told_once(life: Life) -> None:
    await life.follow("ann", ISSUE)
    await life.follow("carl", ISSUE)
    await fail(life, 3)
    await settle(life, 12)
    assert set(await stored(life)) == failed_keys(life)
    assert [told for told, _ in life.told] == [Notice.CAUGHT_UP]
    (params,) = life.said
    assert (params["recovered"], params["recovered_in"], params["lost"], params["gap"]) == (3, [PATH], 0, 0)
    ann = await life.user_id("ann")
    async with life.database.read() as session:
        chat = await users.private_chat(session, ann)
    assert chat is not None
    assert life.told[0][1] == chat.id
    assert await rows(life) == []
    assert (await life.outcomes())[-2:] == ["missed", "caught_up"]


async def test_nobody_is_told_when_nothing_was_missed(life: Life) -> None:
    await life.follow("ann", ISSUE)
    for number in range(3):
        await life.forge.open_issue(PATH, "bob", f"Leak {number}")
    await settle(life, 12)
    assert (life.told, await rows(life), asked(life, "attempts", "resend")) == ([], [], 0)
    assert await life.outcomes() == ["created"]


async def test_a_delivery_that_the_forge_calls_accepted_but_that_is_not_here_comes_again(life: Life) -> None:
    """As after a backup was restored."""
    await life.follow("ann", ISSUE)
    await life.forge.open_issue(PATH, "bob", "Leak")
    before = await stored(life)
    async with life.database.write() as session:
        for delivery in await session.scalars(select(Delivery)):
            await session.delete(delivery)
    await settle(life, 12)
    assert await stored(life) == before
    assert [told for told, _ in life.told] == [Notice.CAUGHT_UP]


async def test_a_look_stops_at_the_last_seen_and_goes_on_from_there(life: Life) -> None:
    await life.follow("ann", ISSUE)
    for number in range(3):
        await life.forge.open_issue(PATH, "bob", f"Leak {number}")
    await settle(life, 8)
    row = await life.row()
    assert (row.seen_delivery, row.seen_of) == (str(life.forge.deliveries[-1].number), row.remote_id)
    before = asked(life, "deliveries", "events")
    await life.later(minutes=5)
    assert asked(life, "deliveries", "events") == before + 1
    await fail(life, 1, "Later")
    await settle(life, 8)
    assert len(await stored(life)) == 4
    assert life.said[0]["recovered"] == 1


async def test_gitlab_is_asked_for_five_a_minute_and_never_limits_us(gitlab: Life) -> None:
    await gitlab.follow("ann", ISSUE)
    assert isinstance(gitlab.forge, GitLabEmulator)
    gitlab.forge.switches_off = False
    await fail(gitlab, 12)
    await settle(gitlab, 2)
    assert len(await stored(gitlab)) in (5, 10)
    await settle(gitlab, 14)
    assert set(await stored(gitlab)) == failed_keys(gitlab)
    assert asked(gitlab, "resend") == 12
    assert [request for request in gitlab.forge.requests if request.status == 429] == []
    assert [params["recovered"] for params in gitlab.said] == [12]


async def test_a_gitlab_hook_that_was_switched_off_is_tested_until_it_is_on_again(gitlab: Life) -> None:
    await gitlab.follow("ann", ISSUE)
    number = gitlab.there().id
    await fail(gitlab, 4)
    gitlab.forge.switch_off_hook(PATH, number)  # and so on, up to the fortieth
    await gitlab.forge.open_issue(PATH, "bob", "Never tried")
    async with overloaded():
        await settle(gitlab, 20)
    assert len(await rows(gitlab)) == 5  # what failed, and of all tests one
    assert (gitlab.there().id, gitlab.there().alert_status) == (number, "disabled")
    tests = [r for r in gitlab.forge.requests if "/test/" in r.path]
    assert len(tests) >= 2
    assert {r.status for r in tests} <= {201, 422}
    row = await gitlab.row()
    assert "disabled" in (row.last_error or "")
    await settle(gitlab, 15)
    assert (gitlab.there().id, gitlab.there().alert_status) == (number, "executable")
    assert failed_keys(gitlab) & set(await stored(gitlab))
    await settle(gitlab, 20)
    assert [told for told, _ in gitlab.told] == [Notice.MISSED]
    (params,) = gitlab.said
    assert (params["lost"], params["gap"], params["gap_in"]) == (0, 1, [PATH])
    assert params["recovered"] == 5


async def test_what_cannot_be_recovered_is_told_too_and_only_once(gitlab: Life) -> None:
    """GitLab repeats nothing to another address than it was sent to."""
    await gitlab.follow("ann", ISSUE)
    await fail(gitlab, 2)
    there = gitlab.there()
    gitlab.forge.point_hook(PATH, there.id, there.url + "/")
    await gitlab.work()
    await settle(gitlab, 30)
    assert [told for told, _ in gitlab.told] == [Notice.MISSED]
    assert (gitlab.said[0]["lost"], gitlab.said[0]["lost_in"]) == (2, [PATH])
    assert {row.state for row in await rows(gitlab)} == {"lost"}
    assert all(row.told_at is not None for row in await rows(gitlab))
    async with gitlab.database.write() as session:
        await expiry.missed(session, gitlab.clock() + timedelta(days=31))
    assert await rows(gitlab) == []


async def test_one_that_never_arrives_is_given_up_after_most_of_a_day(github: Life) -> None:
    await github.follow("ann", ISSUE)
    async with overloaded():
        await github.forge.open_issue(PATH, "bob", "Leak")
        for _ in range(36):
            await github.later(hours=1)
            await github.forge.delivered()
    assert asked(github, "attempts") == reconcile.MOST_TRIES
    assert [told for told, _ in github.told] == [Notice.MISSED]
    assert github.said[0]["lost"] == 1
    await settle(github, 30)
    assert (len(github.told), asked(github, "attempts")) == (1, reconcile.MOST_TRIES)


async def test_the_hooks_of_a_person_are_told_of_in_one_message(life: Life) -> None:
    if isinstance(life.forge, GitLabEmulator):
        life.forge.switches_off = False
    for path in ("acme/lander", "acme/rover"):
        life.forge.add_project(path, private=True, members={"ann": "admin"})
        await life.follow("ann", ISSUE, path=path)
    async with overloaded():
        for path in ("acme/lander", "acme/rover", "acme/lander"):
            await life.forge.open_issue(path, "ann", "Leak")
    await settle(life, 12)
    (params,) = life.said
    assert (params["recovered"], params["recovered_in"]) == (3, ["acme/lander", "acme/rover"])


async def test_the_hook_of_a_group_catches_up_as_well(life: Life) -> None:
    life.forge.add_group("acme", owners=["ann"])
    project_id, account_id = await life.subscribe("ann", ISSUE)
    await life.manager.unite(project_id, account_id)
    await fail(life, 3)
    await settle(life, 12)
    assert set(await stored(life)) == failed_keys(life)
    assert [params["recovered_in"] for params in life.said] == [["acme"]]


async def test_a_forge_that_is_away_changes_nothing_and_is_asked_later(life: Life) -> None:
    await life.follow("ann", ISSUE)
    await fail(life, 2)
    life.forge.outage("down", times=None)
    await settle(life, 6)
    assert (await rows(life), (await life.row()).caught_up_at, life.told) == ([], None, [])
    life.forge.clear_outages()
    await settle(life, 12)
    assert set(await stored(life)) == failed_keys(life)
    assert [params["recovered"] for params in life.said] == [2]


@pytest.mark.parametrize("is_limited", [True, False])
async def test_a_limit_or_an_outage_in_the_middle_postpones_the_rest(
    life: Life, monkeypatch: pytest.MonkeyPatch, is_limited: bool
) -> None:
    await life.follow("ann", ISSUE)
    await fail(life, 3)
    client_type = type(life.client("ann"))
    redeliver, calls, moments = client_type.redeliver, Counter[str](), list[datetime]()

    async def at_times(self: ForgeClient, place: HookPlace, hook_id: str, delivery_id: str) -> None:
        calls[delivery_id] += 1
        if sum(calls.values()) == 2:
            moments.append(life.clock())
            raise RateLimited("not now", life.clock() + timedelta(minutes=3)) if is_limited else Unavailable("away")
        moments.append(life.clock())
        await redeliver(self, place, hook_id, delivery_id)

    monkeypatch.setattr(client_type, "redeliver", at_times)
    await settle(life, 14)
    assert sorted(calls.values()) == [1, 1, 2]
    assert moments[2] - moments[1] >= timedelta(minutes=3 if is_limited else 1)
    assert [params["recovered"] for params in life.said] == [3]


async def test_an_old_forge_is_not_caught_up_with_and_that_is_said(life: Life) -> None:
    life.forge.keeps_log = False
    await life.follow("ann", ISSUE)
    await fail(life, 1)
    await settle(life, 20)
    row = await life.row()
    assert (row.uncaught, life.told) == ("unsupported", [])
    assert (await life.outcomes()).count("not_caught_up") == 1
    assert asked(life, "deliveries", "events") == 1  # and some hours later again
    title = FORGE_TYPES[life.kind].title
    assert f"this version of {title} cannot" in (memory(row, title, translator("en")) or "")
    (finding,) = catching_up(Stored(hooks=(row,)))
    assert (finding.check, finding.level) == ("catching up", "warn")
    life.forge.keeps_log = True
    await life.later(hours=7)
    await settle(life, 6)
    assert (await life.row()).uncaught is None
    assert set(await stored(life)) == failed_keys(life)
    assert (memory(await life.row(), title, translator("en")), catching_up(Stored(hooks=(await life.row(),)))) == (
        None,
        [],
    )


async def test_a_token_that_may_look_but_not_repeat_loses_and_that_is_said(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    await life.follow("ann", ISSUE)
    await fail(life, 2)

    async def forbidden(*_: object) -> None:
        raise MissingPermission("The token needs these permissions: repository_hooks=write.")

    monkeypatch.setattr(type(life.client("ann")), "redeliver", forbidden)
    await settle(life, 12)
    row = await life.row()
    assert row.uncaught == "forbidden"
    assert "no token" in (memory(row, "", translator("en")) or "")
    assert [(told, params["lost"]) for (told, _), params in zip(life.told, life.said, strict=True)] == [
        (Notice.MISSED, 2)
    ]


async def test_what_a_deleted_hook_had_not_delivered_is_lost(github: Life) -> None:
    await github.follow("ann", ISSUE)
    async with overloaded():
        await github.forge.open_issue(PATH, "bob", "Leak")
        await settle(github, 5)
        github.forge.remove_hook(PATH, github.there().id)
    await settle(github, 12)
    assert [params["lost"] for params in github.said] == [1]
    assert (await github.row()).seen_of == str(github.there().id)


async def test_a_hook_that_points_to_a_former_address_is_moved_first(life: Life) -> None:
    await life.follow("ann", ISSUE)
    await fail(life, 1)
    number = (await life.row()).id
    life.manager.ground.public_url = "https://new.example.org"
    assert await reconcile.CatchingUp(life.manager.ground).look(number) is None
    assert (asked(life, "deliveries", "events"), await rows(life)) == (0, [])
    life.manager.ground.public_url = life.url
    assert await reconcile.CatchingUp(life.manager.ground).look(number) is not None
    assert [row.tries for row in await rows(life)] == [1]


async def test_hooks_that_are_not_ours_are_left_alone(life: Life) -> None:
    project_id, account_id = await life.subscribe("bob", OPENED)  # who may not make a hook
    await life.manager.ensure(project_id, account_id)
    await settle(life, 6)
    assert asked(life, "deliveries", "events") == 0
    assert {row.caught_up_at for row in await life.rows()} <= {None}
