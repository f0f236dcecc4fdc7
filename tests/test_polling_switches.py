"""Polling where something else begins or ends: a webhook, a long pause, another choice, a person who leaves."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from src.database.models import Delivery, Hook, Subscription
from src.database.repositories import dead_letters, polls
from src.database.repositories.dead_letters import Kind, Sieve
from src.database.retention import expire
from src.demo.forge import CommitSpec
from src.forge import ProjectRef
from src.forge_http import News
from src.github_api.polling.found import Look
from src.gitlab_api.polling.found import threads
from src.webhook.inbox import compress, decompress
from src.webhook.polling.decide import oldest
from src.webhook.polling.pace import A_MINUTE, Pace
from tests.hook_stage import ISSUE, PATH
from tests.polling_stage import Looks, looking

KINDS = ["github", "gitlab"]
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CHOSEN = (ISSUE, "issue.closed", "comment.issue", "pull_request.opened", "pull_request.updated", "wiki.created")


async def _all(looks: Looks) -> None:
    async with looks.life.database.write() as session:
        await session.execute(update(Subscription).values(scope="all"))


async def _titles(looks: Looks) -> list[str]:
    return [event.subject.title for event in await looks.told()]


# ---------------------------------------------------------------------------------------------------
# From polling to a webhook, and back


@pytest.mark.parametrize("kind", KINDS)
async def test_what_happened_between_the_last_look_and_the_webhook_is_told(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("ann", *CHOSEN)
        await _all(looks)
        await looks.work()
        looks.life.clock.ahead += timedelta(minutes=1)
        await looks.life.forge.open_issue(PATH, "bob", "Just before")
        looks.public_url = looks.life.url
        await looks.life.follow("ann", *CHOSEN)
        await _all(looks)
        await looks.life.forge.open_issue(PATH, "bob", "By webhook")
        await looks.look()
        assert (await looks.poll()).stopped_at is not None
        assert sorted(await _titles(looks)) == ["By webhook", "Just before"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_first_look_begins_where_the_webhook_ended(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        looks.public_url = looks.life.url
        await looks.life.forge.open_issue(PATH, "bob", "Before anybody followed")
        looks.life.clock.ahead += timedelta(hours=1)
        await looks.life.follow("ann", *CHOSEN)
        await _all(looks)
        await looks.life.forge.open_issue(PATH, "bob", "By webhook")
        assert await _titles(looks) == ["By webhook"]
        hook = looks.life.there()
        await looks.life.client("ann").delete_hook(_place(looks), str(hook.id))
        looks.life.clock.ahead += timedelta(hours=1)
        await looks.life.forge.open_issue(PATH, "bob", "Nobody brought it")
        looks.public_url = None  # and nobody can bring anything any more
        await looks.later()
        assert await _titles(looks) == ["By webhook", "Nobody brought it"]
        await looks.look()
        assert await _titles(looks) == ["By webhook", "Nobody brought it"]


def _place(looks: Looks) -> Any:
    project = looks.life.forge.world.project(PATH)  # type: ignore[attr-defined]  # the emulators' own
    return ProjectRef(external_id=str(project.id), path=PATH)


def test_how_far_back_a_look_tells() -> None:
    def hook(**given: object) -> Hook:
        return Hook(**{"origin": "managed", "last_event_at": NOON - timedelta(hours=3), **given})

    long_ago = NOON - timedelta(days=99)
    assert oldest(None, goes_on=False, followed=long_ago, now=NOON) is None
    assert oldest(hook(last_event_at=None), goes_on=False, followed=long_ago, now=NOON) is None
    assert oldest(hook(origin="manual"), goes_on=False, followed=long_ago, now=NOON) is None
    assert oldest(hook(), goes_on=False, followed=long_ago, now=NOON) == NOON - timedelta(hours=3, minutes=5)
    assert oldest(hook(last_event_at=long_ago), goes_on=False, followed=long_ago, now=NOON) == NOON - timedelta(days=1)
    assert oldest(hook(), goes_on=False, followed=NOON - timedelta(hours=1), now=NOON) == NOON - timedelta(hours=1)
    assert oldest(None, goes_on=True, followed=long_ago, now=NOON) == NOON - timedelta(days=7)


def test_a_list_tells_nothing_older_than_that_and_all_younger_where_it_has_no_cursor() -> None:
    items = [("2", NOON, "new"), ("1", NOON - timedelta(hours=2), "old")]
    since = NOON - timedelta(hours=1)
    assert News(None, since=since).take("issues", items) == ["new"]
    seen = News(None)
    seen.take("issues", [("0", NOON - timedelta(days=9), "seen")])
    assert News(seen.after, since=since).take("issues", items) == ["new"]
    assert News(seen.after).take("issues", items) == ["old", "new"]
    assert News(seen.after, since=since).take("releases", items) == []  # a list that is new tells nothing
    begun = News(None, since=since)
    assert begun.take("empty", []) == []
    assert News(begun.after).take("empty", items) == ["new"]


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_month_without_a_look_the_last_week_is_told(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await _all(looks)
        await looks.life.forge.open_issue(PATH, "bob", "At the beginning")
        await looks.work()
        looks.life.clock.ahead += timedelta(days=20)
        await looks.life.forge.open_issue(PATH, "bob", "Ten days ago")
        looks.life.clock.ahead += timedelta(days=10)
        await looks.life.forge.open_issue(PATH, "bob", "Today")
        await looks.look()
        assert await _titles(looks) == ["Today"]


# ---------------------------------------------------------------------------------------------------
# Both ways at once


@pytest.mark.parametrize("kind", KINDS)
async def test_a_look_and_a_webhook_that_are_decided_on_at_the_same_moment_tell_once(tmp_path: Path, kind: str) -> None:
    """Neither sees the other before its commit. Their keys differ: GitLab has no number of an edit, nor the second."""
    async with looking(tmp_path, kind, one_clock=True) as looks:
        forge = looks.life.forge
        await forge.open_issue(PATH, "bob", "Leak")
        await looks.life.follow("ann", "wiki.created", "issue.closed")
        await _all(looks)
        await looks.work()
        await looks.told()
        before = len(await looks.deliveries())
        looks.life.clock.ahead += timedelta(hours=1)
        await forge.close_issue(PATH, "bob", 1)
        await forge.edit_wiki(PATH, "bob", "created", "Manual")
        looks.life.clock.ahead += timedelta(seconds=5)
        await forge.comment(PATH, "carl", "issue", 1, "so?")
        await looks.look()
        await _to_the_second(looks)
        assert len(await looks.deliveries()) == before + 4
        met: list[str] = []

        async def meet(moment: str) -> None:
            """Both are decided on before either is committed."""
            if moment == "decided":
                met.append(moment)
                for _ in range(200):
                    if len(met) % 2 == 0:
                        return
                    await asyncio.sleep(0.01)

        await looks.drain(meet)
        assert sorted(event.names[0] for event in await looks.told()) == ["issue.closed", "wiki.created"]


async def _to_the_second(looks: Looks) -> None:
    """The forge's list rounds what its webhooks tell to the millisecond."""
    async with looks.life.database.write() as session:
        for delivery in await session.scalars(select(Delivery).where(Delivery.event == "Issue Hook")):
            if delivery.key.startswith("poll:"):
                body = orjson.loads(decompress(delivery.body or b""))
                body["object_attributes"]["updated_at"] = body["object_attributes"]["updated_at"][:19] + "Z"
                delivery.body = compress(orjson.dumps(body))


async def test_a_tag_that_is_moved_a_day_later_is_told_again_though_a_look_told_of_it_before(tmp_path: Path) -> None:
    """GitLab tells no time of a tag."""
    async with looking(tmp_path, "gitlab", one_clock=True) as looks:
        await looks.life.subscribe("ann", "tag.created")
        await _all(looks)
        await looks.work()
        await looks.life.forge.push_tag(PATH, "bob", "latest")
        await looks.look()
        assert len(await looks.told()) == 1
        looks.public_url = looks.life.url
        await looks.life.follow("ann", "tag.created")
        await _all(looks)
        await looks.look()
        looks.life.clock.ahead += timedelta(days=1)
        await looks.life.forge.push(PATH, "bob", "main", [CommitSpec(title="More")])
        await looks.life.forge.push_tag(PATH, "bob", "latest")
        assert len(await looks.told()) == 2


async def test_a_wiki_page_is_not_told_again_when_polling_goes_on_hours_after_a_webhook_told_of_it(
    tmp_path: Path,
) -> None:
    """On GitLab the two ways share no number of an edit."""
    async with looking(tmp_path, "gitlab", one_clock=True) as looks:
        await looks.life.subscribe("ann", "wiki.created")
        await _all(looks)
        await looks.work()
        looks.public_url = looks.life.url
        await looks.life.follow("ann", "wiki.created")
        await _all(looks)
        await looks.look()
        await looks.life.forge.edit_wiki(PATH, "bob", "created", "Manual")
        assert len(await looks.told()) == 1
        looks.public_url = None
        await looks.later(20 * 3600)
        await looks.look()
        assert len(await looks.told()) == 1
        assert ("Wiki Page Hook", "done") in await looks.deliveries()


# ---------------------------------------------------------------------------------------------------
# No history


async def test_a_choice_of_issues_tells_nothing_old_of_them_where_merge_requests_were_followed_before(
    tmp_path: Path,
) -> None:
    async with looking(tmp_path, "gitlab", one_clock=True) as looks:
        await looks.life.subscribe("carl", "pull_request.opened")
        await _all(looks)
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "Old")
        for text in ("one", "two"):
            await looks.life.forge.comment(PATH, "bob", "issue", 1, text)
        await looks.life.forge.close_issue(PATH, "bob", 1)
        await looks.life.subscribe("carl", "pull_request.opened", "comment.issue", "issue.closed")
        await _all(looks)
        await looks.look()
        assert await looks.told() == []
        await looks.life.forge.comment(PATH, "bob", "issue", 1, "three")
        await looks.look()
        assert [event.excerpt for event in await looks.told()] == ["three"]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_pushed_while_nobody_wanted_to_know_is_not_told_later(tmp_path: Path, kind: str) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.forge.open_pull_request(PATH, "bob", "Warp", source="warp")
        await looks.life.subscribe("carl", "pull_request.updated")
        await _all(looks)
        await looks.work()
        await looks.life.subscribe("carl", ISSUE)
        await looks.look()
        await looks.life.forge.push(PATH, "bob", "warp", [CommitSpec(title="More")])
        await looks.life.subscribe("carl", ISSUE, "pull_request.updated")
        await _all(looks)
        await looks.look()
        await looks.look()
        assert await looks.told() == []


@pytest.mark.parametrize(
    ("note", "added", "removed"),
    [
        ("requested review from @ann", ["ann"], []),
        ("assigned to @ann, @bob, and @c.d and unassigned @dora", ["ann", "bob", "c.d"], ["dora"]),
        ("removed review request for @ann and @bob", [], ["ann", "bob"]),
        ("changed title from **Old** to **assigned to @ann**", [], []),
        ("marked the checklist item **requested review from @ann** as completed", [], []),
        ("mentioned in issue #3", [], []),
    ],
)
def test_only_the_whole_of_a_note_of_gitlab_asks_or_assigns(note: str, added: list[str], removed: list[str]) -> None:
    assert threads.asked(note, "added") == added
    assert threads.asked(note, "removed") == removed


def test_what_a_transferred_issue_became_elsewhere_is_not_taken_for_one_of_the_repository() -> None:
    look = Look(
        repository={"html_url": "https://github.com/acme/rocket"}, words=frozenset(), names=frozenset(), lists={},
        news=News(None),
    )  # fmt: skip
    look.add_issue(5, {"number": 2, "html_url": "https://github.com/acme/secret/issues/2"})
    look.add_issue(5, {"number": 5, "html_url": "https://github.com/acme/secret/issues/5"})
    look.add_issue(6, {"number": 6, "html_url": "https://github.com/acme/rocket/issues/6"})
    assert list(look.issues) == [6]


# ---------------------------------------------------------------------------------------------------
# Rate limits


def test_a_thousand_projects_on_one_token_are_asked_about_evenly_and_leave_it_room() -> None:
    pace, now = Pace(), NOON
    asked, looks, waits = 0, 0, 0
    left, reset = 5000, NOON + timedelta(hours=1)
    while now < reset:  # nothing is cached: each question counts
        until = pace.until(1, now)
        if until is None:
            asked, looks, left = asked + 10, looks + 1, left - 10
            pace.asked(1, 10, now)
            pace.left(1, left / 5000, reset, now)
        else:
            waits += 1
            now = until
    assert 4500 <= asked <= 4520
    assert waits > 100
    assert pace.until(1, now) is None
    assert pace.until(2, NOON) is None  # another token
    assert A_MINUTE < 900


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_with_almost_nothing_left_is_let_be_and_another_one_looks(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        polling = looks.polling()
        monkeypatch.setattr(looks, "polling", lambda: polling)
        project_id, account_id = await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        now = looks.life.clock()
        polling._pace.left(account_id, 0.05, now + timedelta(minutes=40), now)
        before = len(looks.asked())
        due = await polling.look(project_id)
        assert due == now + timedelta(minutes=40)
        assert looks.asked(before) == []
        assert (await looks.poll()).error is None  # nothing is wrong
        await looks.life.subscribe("ann", *CHOSEN)
        await polling.look(project_id)
        assert looks.asked(before) != []


# ---------------------------------------------------------------------------------------------------
# Notifications


async def test_notifications_of_one_second_bring_forward_the_looks_at_all_their_projects(tmp_path: Path) -> None:
    async with looking(tmp_path, "github", one_clock=True) as looks:
        forge = looks.life.forge
        forge.add_project("acme/second", members={"carl": "admin", "bob": "admin"})
        for path in (PATH, "acme/second"):
            await looks.life.subscribe("carl", *CHOSEN, path=path)
        first = await looks.life.client("carl").notified(None)
        for path in (PATH, "acme/second"):
            await forge.open_issue(path, "bob", "Same second", body="@carl")
        found = await looks.life.client("carl").notified(first.mark)
        assert len(found.projects) == 2


async def test_how_far_notifications_were_seen_is_known_after_a_restart(tmp_path: Path) -> None:
    async with looking(tmp_path, "github", one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        for _ in range(12):
            await looks.later(700)
        assert (await looks.poll()).seconds == 600
        await looks.life.forge.open_issue(PATH, "bob", "Soon", body="@carl")
        looks.handlers.clear()  # another process
        await looks.later(65)
        assert await _titles(looks) == ["Soon"]


# ---------------------------------------------------------------------------------------------------
# People who leave


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_kept_of_what_nobody_follows_though_polling_had_stopped_or_is_off(
    tmp_path: Path, kind: str
) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await looks.work()
        assert (await looks.poll()).state is not None
        async with looks.life.database.write() as session:
            await polls.stop(session, (await looks.poll()).project_id, looks.life.clock())
        await looks.life.leave("carl")
        await expire(looks.life.database, looks.life.clock())
        poll = await looks.poll()
        assert poll.state is None
        assert poll.stopped_at is not None
        async with looks.life.database.read() as session:
            (row,) = await session.scalars(select(Hook).where(Hook.origin == "poll"))
        assert row.removed_at is not None


# ---------------------------------------------------------------------------------------------------
# As of any delivery


@pytest.mark.parametrize(("kind", "below"), [("github", "/api/v3"), ("gitlab", "/gitlab")])
async def test_a_forge_in_a_sub_path_is_looked_at_page_by_page(tmp_path: Path, kind: str, below: str) -> None:
    async with looking(tmp_path, kind, one_clock=True, below=below) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await _all(looks)
        await looks.work()
        for number in range(105):  # more than a page
            await looks.life.forge.open_issue(PATH, "bob", f"Leak {number}")
        await looks.look()
        assert len(await looks.deliveries()) == 105


@pytest.mark.parametrize("kind", KINDS)
async def test_a_polled_delivery_that_ended_as_a_dead_letter_is_told_when_it_is_tried_again(
    tmp_path: Path, kind: str
) -> None:
    async with looking(tmp_path, kind, one_clock=True) as looks:
        await looks.life.subscribe("carl", *CHOSEN)
        await _all(looks)
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "Dead")
        await looks.look()
        await looks.life.end_deliveries("failed", "gone wrong")
        assert await _titles(looks) == []
        async with looks.life.database.write() as session:
            found = await dead_letters.page(session, Sieve(Kind.DELIVERY), now=looks.life.clock())
            now = looks.life.clock()
            assert await dead_letters.retry(session, Kind.DELIVERY, [one.id for one in found], now) == 1
        assert await _titles(looks) == ["Dead"]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_row_of_polling_confuses_nobody_who_looks_after_webhooks(tmp_path: Path, kind: str) -> None:
    """Neither is it moved, mended, asked about, nor is its project thought to have a webhook."""
    async with looking(tmp_path, kind, one_clock=True) as looks:
        looks.public_url = looks.life.url
        await looks.life.subscribe("carl", *CHOSEN)  # who may make none
        await looks.work()
        await looks.life.forge.open_issue(PATH, "bob", "One", body="@carl")
        await looks.look()
        (before,) = [row for row in await looks.life.rows() if row.origin == "poll"]
        for _ in range(4):
            await looks.life.later(hours=7)
        (after,) = [row for row in await looks.life.rows() if row.origin == "poll"]
        assert (after.remote_id, after.account_id, after.checked_at, after.told_at, after.uncaught) == (None,) * 5
        assert after.id == before.id
        assert (await looks.poll()).stopped_at is None
