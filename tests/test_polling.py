"""Looking at projects that no webhook tells of: once each, as often as is fair, and by whoever may."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from src.bot.poll_texts import polled
from src.database.models import Hook, Job, Poll, Subscription
from src.database.repositories import polls
from src.forge_http import News
from src.forges import FORGE_TYPES
from src.github_api.polled_names import WORDS
from src.github_api.polling.found import SOURCES
from src.i18n import translator
from src.webhook.polling.decide import Need, after_failure, in_turn, need, next_seconds, pause
from tests.hook_stage import ISSUE, PATH
from tests.polling_stage import Looks, looking

KINDS = ["github", "gitlab"]
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CHOSEN = (ISSUE, "issue.reopened", "issue.closed", "push.pushed", "wiki.created", "pull_request.review_requested",
          "comment.issue", "pull_request.opened")  # fmt: skip


# ---------------------------------------------------------------------------------------------------
# Decisions


def hook(**given: object) -> Hook:
    return Hook(**{"origin": "managed", "remote_id": "7", "last_error": None, "last_event_at": None, **given})


@pytest.mark.parametrize(
    ("there", "public_url", "expected"),
    [
        (None, "https://bot.example.org", Need.FULLY),
        (hook(), "https://bot.example.org", Need.NONE),
        (hook(), None, Need.FULLY),  # its deliveries do not arrive
        (hook(remote_id=None), "https://bot.example.org", Need.FULLY),
        (hook(last_error="nobody may"), "https://bot.example.org", Need.FULLY),
        (hook(origin="manual"), None, Need.FULLY),
        (hook(origin="manual", last_event_at=NOON - timedelta(hours=2)), None, Need.SELDOM),
        (hook(origin="manual", last_event_at=NOON - timedelta(days=2)), None, Need.FULLY),
    ],
)
def test_polled_is_what_no_webhook_tells_of(there: Hook | None, public_url: str | None, expected: Need) -> None:
    assert need(there, public_url=public_url, now=NOON) is expected


def test_a_quiet_project_is_looked_at_ever_more_rarely_and_a_busy_one_every_half_minute() -> None:
    seconds = 60
    for _ in range(20):
        seconds = next_seconds(seconds, found=0, is_seldom=False)
    assert seconds == 600
    for _ in range(20):
        seconds = next_seconds(seconds, found=3, is_seldom=False)
    assert seconds == 30
    assert next_seconds(30, found=3, is_seldom=True) == 600


def test_looks_are_slowed_by_rate_limits_and_by_what_the_forge_asks_for() -> None:
    assert pause(60, room=None, asked=None) == timedelta(seconds=60)
    assert pause(60, room=0.8, asked=None) == timedelta(seconds=60)
    assert pause(60, room=0.125, asked=None) == timedelta(seconds=150)
    assert pause(60, room=0.0, asked=None) == timedelta(seconds=240)
    assert pause(30, room=0.9, asked=60) == timedelta(seconds=60)  # X-Poll-Interval
    assert after_failure(60) == 120
    assert after_failure(500) == 600


def test_each_project_begins_with_another_token_and_stays_with_it() -> None:
    assert [in_turn(["a", "b", "c"], number)[0] for number in (3, 4, 5, 6)] == ["a", "b", "c", "a"]
    assert in_turn([], 3) == []


def test_a_list_tells_what_is_new_though_it_is_out_of_order() -> None:
    def at(minutes: int) -> datetime:
        return NOON + timedelta(minutes=minutes)

    first = News(None)
    assert first.take("issues", [("2", at(2), "b"), ("1", at(0), "a")]) == []
    second = News(first.after)
    # 3 was made before 2 and shows later; 0 is older than anything that may be late
    assert second.take("issues", [("4", at(4), "d"), ("3", at(1), "c"), ("2", at(2), "b"), ("0", at(-60), "z")]) == [
        "c",
        "d",
    ]
    assert News(second.after).take("issues", [("4", at(4), "d"), ("3", at(1), "c")]) == []


def test_a_list_that_was_empty_at_the_first_look_tells_all_that_comes() -> None:
    first = News(None)
    assert first.take("issues", []) == []
    assert News(first.after).take("issues", [("1", NOON - timedelta(days=9), "a")]) == ["a"]


def test_what_looks_find_on_github_is_what_is_said_of_it() -> None:
    assert frozenset[str]().union(*SOURCES.values()) == WORDS


@pytest.mark.parametrize("kind", KINDS)
def test_looks_find_no_event_that_a_webhook_could_not_bring(kind: str) -> None:
    forge = FORGE_TYPES[kind]
    assert forge.polled_names < forge.codec.names
    must = {"pull_request.review_requested", "comment.issue", "pipeline.failed", "pipeline.fixed", "release.published",
            "documentation.updated", "wiki.created", "issue.assigned", "pull_request.merged"}  # fmt: skip
    assert must <= forge.polled_names


# ---------------------------------------------------------------------------------------------------
# Looks


@pytest.mark.parametrize("kind", KINDS)
async def test_the_first_look_tells_nobody_the_history_and_the_next_what_is_new(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        forge = looks.life.forge
        await forge.open_issue(PATH, "bob", "Old", body="@carl")
        await forge.comment(PATH, "bob", "issue", 1, "@carl")
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        assert await looks.told() == []
        await forge.open_issue(PATH, "bob", "New", body="@carl look")
        await looks.later()
        assert [event.subject.title for event in await looks.told()] == ["New"]
        assert await looks.outcomes() == ["polled"]
        assert forge.hooks(PATH) == ()
        assert looks.woken  # the worker needs not look by itself


@pytest.mark.parametrize("kind", KINDS)
async def test_each_happening_is_told_once_even_where_a_webhook_delivers_it_too(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        forge = looks.life.forge
        await forge.open_issue(PATH, "bob", "Leak")
        await forge.close_issue(PATH, "bob", 1)
        await looks.life.follow("ann", *CHOSEN)
        await _all(looks)
        await looks.work()  # with no address that it knows of, it looks although there is a webhook
        looks.life.clock.ahead += timedelta(hours=1)
        await forge.reopen_issue(PATH, "bob", 1)
        looks.life.clock.ahead += timedelta(seconds=7)  # something else changes the issue before the look
        await forge.comment(PATH, "carl", "issue", 1, "@ann?")
        await forge.edit_wiki(PATH, "bob", "created", "Manual")
        await forge.open_pull_request(PATH, "bob", "Warp", source="warp")
        looks.life.clock.ahead += timedelta(minutes=2)  # not along with the making
        await forge.request_review(PATH, "bob", 1 if kind == "gitlab" else 2, ["ann"])
        if kind == "gitlab":
            await looks.told()  # the webhooks first; else both at once
        await looks.look()
        names = [event.names[0] for event in await looks.told()]
        assert sorted(names) == sorted(set(names))
        assert {"issue.reopened", "comment.issue", "wiki.created", "pull_request.review_requested"} <= set(names)
        found = await looks.deliveries()
        assert len(found) > len(names)  # both ways told of them


async def test_what_has_not_changed_costs_nothing_of_the_rate_limit(tmp_path: Path) -> None:
    async with looking(tmp_path, "github", one_clock=True) as looks:
        await looks.life.forge.open_issue(PATH, "bob", "Old")
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        await looks.look()
        before, used = len(looks.asked()), _used(looks)
        await looks.look()
        asked = [(path, status) for path, status in looks.asked(before) if path != "/notifications"]
        assert len(asked) >= 6
        assert {status for _, status in asked} == {304}
        assert _used(looks) == used


@pytest.mark.parametrize("kind", KINDS)
async def test_a_rate_limit_is_waited_for_and_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "Meanwhile", body="@carl")
        looks.life.forge.outage("rate_limited", times=1, seconds=1)
        await looks.look()
        assert (await looks.poll()).error == "the forge limits how often I may ask"
        (due,) = await _due(looks)
        assert due > looks.life.clock()
        asked = len(looks.asked())
        await looks.work()
        assert looks.asked(asked) == []  # going on asking is what gets clients banned
        await asyncio.sleep(2.5)  # the limit ends by the forge's clock
        await looks.look()
        assert [event.subject.title for event in await looks.told()] == ["Meanwhile"]
        assert (await looks.poll()).error is None


@pytest.mark.parametrize("kind", KINDS)
async def test_an_outage_is_said_and_nothing_is_lost(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "Meanwhile", body="@carl")
        looks.life.forge.outage("down")
        await looks.look()
        poll = await looks.poll()
        assert poll.error is not None
        said = polled(poll, translator("en"), looks.life.clock()).render()[0]
        assert said.startswith("⚠ I cannot look at it: ")
        looks.life.forge.clear_outages()
        await looks.later(700)
        assert [event.subject.title for event in await looks.told()] == ["Meanwhile"]
        assert await looks.outcomes() == ["polled", "poll_failed", "polled"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_renamed_project_is_followed(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        looks.life.forge.rename_project(PATH, "acme/starship")
        await looks.life.forge.open_issue("acme/starship", "bob", "After", body="@carl")
        await looks.look()
        (event,) = await looks.told()
        assert event.project.path == "acme/starship"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_one_token_sees_is_told_only_to_those_whose_own_token_reads_the_project(
    tmp_path: Path, kind: str
) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("ann", *CHOSEN)
        await looks.life.subscribe("carl", *CHOSEN)
        await _all(looks)
        await looks.work()
        looks.life.forge.set_member(PATH, "carl", None)
        await looks.life.forge.open_issue(PATH, "bob", "Secret plan")
        await looks.look()
        assert [event.subject.title for event in await looks.told()] == ["Secret plan"]  # ann's, and no second


@pytest.mark.parametrize("kind", KINDS)
async def test_a_revoked_token_is_told_to_its_owner_and_another_one_looks(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        project_id, _ = await looks.life.subscribe("ann", *CHOSEN)
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        first = in_turn(["ann", "carl"], project_id)[0]
        other = "carl" if first == "ann" else "ann"
        looks.life.forge.revoke_token(f"tok_{first}")
        await looks.life.forge.open_issue(PATH, "bob", "Meanwhile", body=f"@{other}")
        await looks.look()
        assert (await looks.life.account(first)).dead_at is not None
        assert [event.subject.title for event in await looks.told()] == ["Meanwhile"]
        await looks.life.work()
        assert [notice for notice, _ in looks.life.told] == ["token_dead"]
        looks.life.forge.revoke_token(f"tok_{other}")
        await looks.look()
        assert (await looks.poll()).error == "no token that I have reads this project"


@pytest.mark.parametrize("kind", KINDS)
async def test_two_replicas_look_once(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "Once", body="@carl")
        looks.life.clock.ahead += timedelta(seconds=61)
        before = len(looks.asked())
        await asyncio.gather(*(looks.work(looks.polling(), owner=name) for name in ("one", "two")))
        asked = [path for path, _ in looks.asked(before) if path.endswith("/issues")]
        assert len(asked) == 1
        assert [event.subject.title for event in await looks.told()] == ["Once"]


@pytest.mark.parametrize("kind", KINDS)
async def test_of_two_looks_at_once_one_is_kept(tmp_path: Path, kind: str) -> None:
    """As where a lease ran out while its holder still asked the forge."""
    async with looking(tmp_path, kind, one_clock=True) as looks:
        project_id, _ = await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "Once", body="@carl")
        await asyncio.gather(*(looks.polling().look(project_id) for _ in range(3)))
        assert [event.subject.title for event in await looks.told()] == ["Once"]
        assert (await looks.poll()).version in (2, 3, 4)
        assert len(await looks.deliveries()) == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_crash_between_asking_and_storing_loses_nothing(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        project_id, _ = await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "Kept", body="@carl")
        with monkeypatch.context() as patched:
            whole = polls.looked

            async def dies(*given: object, **named: object) -> bool:
                await whole(*given, **named)  # type: ignore[arg-type]  # passed on as it came
                raise KeyboardInterrupt

            patched.setattr(polls, "looked", dies)
            with pytest.raises(KeyboardInterrupt):
                await looks.polling().look(project_id)
        assert await looks.deliveries() == []
        await looks.look()
        assert [event.subject.title for event in await looks.told()] == ["Kept"]


@pytest.mark.parametrize("kind", KINDS)
async def test_polling_stops_when_a_webhook_works_and_goes_on_when_it_does_not(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("ann", *CHOSEN)
        await _all(looks)
        await looks.work()
        looks.public_url = looks.life.url
        await looks.life.follow("ann", *CHOSEN)
        await _all(looks)
        await looks.look()
        assert (await looks.poll()).stopped_at is not None
        assert await looks.outcomes() == ["polled", "poll_stopped"]
        await looks.life.forge.open_issue(PATH, "bob", "By webhook")
        assert [event.subject.title for event in await looks.told()] == ["By webhook"]
        looks.public_url = None
        await looks.later(120)
        assert (await looks.poll()).stopped_at is None
        await looks.life.forge.open_issue(PATH, "bob", "By both")
        await looks.later(120)
        assert [event.subject.title for event in await looks.told()] == ["By webhook", "By both"]


async def test_a_notification_brings_the_look_forward(tmp_path: Path) -> None:
    async with looking(tmp_path, "github", one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        for _ in range(12):
            await looks.later(700)  # a quiet project: the next look is ten minutes away
        assert (await looks.poll()).seconds == 600
        await looks.life.forge.open_issue(PATH, "bob", "Soon", body="@carl")
        await looks.later(65)
        assert [event.subject.title for event in await looks.told()] == ["Soon"]


async def test_a_new_kind_of_event_tells_no_history_either(tmp_path: Path) -> None:
    async with looking(tmp_path, "github", one_clock=True) as looks:
        await looks.life.subscribe("carl", ISSUE)
        await looks.work()
        await looks.life.forge.publish_release(PATH, "ann", "v1")
        await looks.life.subscribe("carl", ISSUE, "release.published")
        await looks.look()
        await looks.life.forge.publish_release(PATH, "ann", "v2")
        await looks.look()
        assert [event.subject.id for event in await looks.told()] == ["v2"]


async def test_what_nobody_follows_any_more_is_not_looked_at(tmp_path: Path) -> None:
    async with looking(tmp_path, "github", one_clock=True) as looks:
        await looks.life.subscribe("carl", ISSUE)
        await looks.work()
        await looks.life.leave("carl")
        await looks.later(120)
        poll = await looks.poll()
        assert poll.stopped_at is not None
        assert poll.state is None  # nor is it remembered who was seen there
        before = len(looks.asked())
        await looks.later(1200)
        assert looks.asked(before) == []


def test_how_a_look_stands_fits_on_a_phone_in_both_languages() -> None:
    poll = Poll(seconds=60, looked_at=NOON, error=None)
    assert polled(poll, translator("en"), NOON).render()[0] == "👁 looked at every minute, last just now"
    assert "заглядываю раз в 1 минуту" in polled(poll, translator("ru"), NOON).render()[0]
    assert (
        "not looked at yet" in polled(Poll(seconds=60, looked_at=None, error=None), translator("en"), NOON).render()[0]
    )


async def _all(looks: Looks) -> None:
    """Everything is told, whoever it concerns."""
    async with looks.life.database.write() as session:
        await session.execute(update(Subscription).values(scope="all"))


async def _due(looks: Looks) -> list[datetime]:
    async with looks.life.database.read() as session:
        return list(await session.scalars(select(Job.run_at).where(Job.kind == "poll")))


def _used(looks: Looks) -> int:
    used: int = looks.life.forge.used["carl"]  # type: ignore[attr-defined]  # the emulator's own
    return used
