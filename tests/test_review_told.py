"""Who speaks where several asked for one review, and which reviews are news to those who follow."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from src.agent import tools
from src.agent.findings import Analysis, Source
from src.agent.limits import Limits
from src.agent.review import Analyze, Reviewer
from src.database.database import Database
from src.database.models import Forge, Project, Review, StoredEvent
from src.database.repositories import jobs, reviews
from src.demo.forge.protocol import Outage
from src.events import CodeReviewOutcome
from src.forge import MissingPermission, Rejected
from src.webhook.reviewing.outcome import TELL_JOB
from tests.databases import make_tables
from tests.hook_stage import OPENED, PATH
from tests.review_stage import BAD, BETTER, CHOSEN, GOOD, Reviews, reviewing
from tests.test_review_jobs import BOTH, ask

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def database(each_database_url: str) -> AsyncIterator[Database]:
    opened = Database(each_database_url)
    await make_tables(opened)
    yield opened
    await opened.close()


def authors(stage: Reviews, number: int) -> set[str]:
    return {note.author for note in stage.life.forge.comments_on_lines(PATH, number)}


# ---------------------------------------------------------------------------------------------------
# Who speaks


@BOTH
@pytest.mark.parametrize(("own_token", "speaker"), [(True, "robot"), (False, "ann")])
async def test_who_asks_while_a_push_waits_for_its_review_does_not_speak_for_it(
    tmp_path: Path, kind: str, own_token: bool, speaker: str
) -> None:
    async with reviewing(tmp_path, kind, own_token=own_token) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.life.follow("bob", OPENED)
        number = await stage.open({"src/wait.py": BAD})
        await ask(stage, number, "bob")
        await stage.settle()
        assert [(row.trigger, row.state) for row in await stage.rows()] == [("chat", "done"), ("webhook", "done")]
        assert authors(stage, number) == {speaker}


@BOTH
async def test_who_asks_is_served_with_their_own_account_where_nobody_else_can(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.life.follow("bob", OPENED)
        number = await stage.open({"src/wait.py": BAD})
        await ask(stage, number, "bob")
        stage.life.forge.revoke_token("tok_ann")
        await stage.settle()
        assert [(row.trigger, row.state, row.error) for row in await stage.rows()] == [
            ("chat", "done", None),
            ("webhook", "failed", "no_account"),
        ]
        assert authors(stage, number) == {"bob"}


# ---------------------------------------------------------------------------------------------------
# What is news


async def broken(sources: Sequence[Source], *, limits: Limits | None = None, target: str | None = None) -> Analysis:
    raise ZeroDivisionError(f"{len(sources)} {limits} {target}")


async def forbidden(sources: Sequence[Source], *, limits: Limits | None = None, target: str | None = None) -> Analysis:
    raise MissingPermission(f"{len(sources)} {limits} {target}")


async def rejected(sources: Sequence[Source], *, limits: Limits | None = None, target: str | None = None) -> Analysis:
    raise Rejected(f"{len(sources)} {limits} {target}")


async def stored(stage: Reviews) -> int:
    """How many events of reviews are kept."""
    async with stage.life.database.read() as session:
        query = select(StoredEvent.id).where(StoredEvent.name.startswith("code_review."))
        return len((await session.scalars(query)).all())


@BOTH
async def test_only_what_is_news_is_told(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)

        async def heard(*, after: int) -> list[tuple[int, int, int]]:
            """Problems, threads begun and threads resolved, by the news that are told of after so many."""
            stage.life.clock.ahead += timedelta(seconds=5)
            await stage.settle()
            return [(event.found, event.posted, event.resolved) for event in (await stage.told())[after:]]

        number = await stage.open({"src/wait.py": GOOD})
        assert await heard(after=0) == [(0, 0, 0)]  # the first one is
        await stage.push(number, {"src/other.py": GOOD})
        assert await heard(after=1) == []
        assert [row.state for row in await stage.rows()] == ["done", "done"]
        assert await stored(stage) == 1
        await stage.push(number, {"src/wait.py": BAD})
        ((found, posted, _),) = await heard(after=1)
        assert found == posted > 1
        await stage.push(number, {"src/other.py": b'"""A module."""\n'})
        assert await heard(after=2) == []
        await stage.push(number, {"src/wait.py": BETTER})
        assert [resolved for _, _, resolved in await heard(after=2)] == [1]
        await stage.push(number, {"src/other.py": b"# generated, do not edit\n", "src/wait.py": b"x = '\xff'\n"})
        assert len(await heard(after=3)) == 1  # something could not be read
        stage.reviewer = Reviewer(analyze=broken)
        for sent in (GOOD, BAD):
            await stage.push(number, {"src/more.py": sent})
            for _ in range(3):
                await stage.settle()
                stage.life.clock.ahead += timedelta(minutes=1)
            assert [row.state for row in await stage.rows()][-1] == "failed"
            assert len(await heard(after=4)) == 1  # the first time
        assert len(await stage.logged()) == 8  # the log has them all


@BOTH
async def test_a_failure_is_told_again_for_another_reason_and_for_the_same_one_after_a_success(
    tmp_path: Path, kind: str
) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": GOOD})

        async def heard(answer: Analyze, *, push: bool = True) -> list[str | None]:
            """The reasons of all failures that were told, after one more review."""
            stage.reviewer = Reviewer(analyze=answer)
            stage.life.clock.ahead += timedelta(seconds=5)
            if push:
                await stage.push(number, {"src/wait.py": GOOD + b"\n" * int(stage.life.clock.ahead.total_seconds())})
            else:
                await ask(stage, number, "ann")
            await stage.settle()
            return [event.reason for event in await stage.told() if event.outcome is CodeReviewOutcome.FAILED]

        assert await heard(forbidden) == ["forbidden"]
        assert await heard(forbidden) == ["forbidden"]
        assert await heard(rejected) == ["forbidden", "rejected"]
        assert await heard(forbidden) == ["forbidden", "rejected"]  # both are known by now
        assert await heard(tools.analyze) == ["forbidden", "rejected"]
        assert await heard(rejected) == ["forbidden", "rejected", "rejected"]
        assert await heard(forbidden, push=False) == ["forbidden", "rejected", "rejected", "forbidden"]  # of one commit
        assert [row.state for row in await stage.rows()] == ["failed"] * 4 + ["done"] + ["failed"] * 2


@BOTH
async def test_another_one_of_the_same_kind_is_news(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": GOOD + b"x = 86401\n"})
        await stage.settle()
        stage.life.clock.ahead += timedelta(seconds=5)
        await stage.push(number, {"src/wait.py": GOOD + b"y = 7654\n"})
        await stage.settle()
        first, second = await stage.told()
        assert first.found == second.found > 0
        assert second.resolved > 0


async def review_of_somebody_in(stage: Reviews, number: int, login: str) -> None:
    """Somebody asks in their private chat, where a message of their own tells how it goes."""
    async with stage.life.database.write() as session:
        await reviews.ask(
            session, project_id=await stage.project_id(session), number=number, trigger="chat", now=stage.life.clock(),
            user_id=await stage.user(session, login), chat_id=await stage.private_chat(session, login),
        )  # fmt: skip


async def waits(stage: Reviews) -> int:
    """How many news wait for a check of access."""
    async with stage.life.database.read() as session:
        return len(await jobs.waiting(session, TELL_JOB))


@BOTH
async def test_whose_access_cannot_be_checked_yet_is_told_later_and_the_others_at_once(
    tmp_path: Path, kind: str
) -> None:
    async with reviewing(tmp_path, kind, own_token=True, one_clock=True) as stage:
        for login in ("ann", "bob", "carl"):
            await stage.life.follow(login, *CHOSEN)
        number = await stage.open({"src/wait.py": GOOD})

        await review_of_somebody_in(stage, number, "carl")
        await fail(stage, "html", times=1)  # the answer to one of the questions of access
        first = await stage.chats_told()
        assert len(first) == 1
        assert await waits(stage) == 1
        stage.life.clock.ahead += timedelta(seconds=1)
        await stage.work()
        assert (await stage.chats_told(), await waits(stage)) == (first, 1)
        stage.life.clock.ahead += timedelta(seconds=15)
        await stage.work()
        told = await stage.chats_told()
        assert told[: len(first)] == first
        assert await waits(stage) == 0
        assert sorted(told) == ["ann", "bob"]  # each once; carl's own message says it
        assert (await waits(stage), await stored(stage)) == (0, 1)


@BOTH
async def test_who_may_not_read_it_any_more_when_that_can_be_checked_is_never_told(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind, own_token=True, one_clock=True) as stage:
        for login in ("ann", "bob"):
            await stage.life.follow(login, *CHOSEN)
        await stage.open({"src/wait.py": GOOD})
        await fail(stage, "down")
        assert (await stage.chats_told(), await waits(stage)) == ([], 1)
        stage.life.forge.clear_outages()
        stage.life.forge.set_member(PATH, "bob", None)
        stage.life.clock.ahead += timedelta(minutes=1)
        await stage.work()
        assert (await stage.chats_told(), await waits(stage)) == (["ann"], 0)


async def test_what_cannot_be_checked_for_a_day_is_told_nobody(tmp_path: Path) -> None:
    async with reviewing(tmp_path, "github", own_token=True, one_clock=True) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.open({"src/wait.py": GOOD})
        await fail(stage, "down")
        for hours in (23, 2):
            assert await waits(stage) == 1
            stage.life.clock.ahead += timedelta(hours=hours)
            await stage.work()
        stage.life.forge.clear_outages()
        assert (await stage.chats_told(), await waits(stage)) == ([], 0)


async def fail(stage: Reviews, outage: Outage, *, times: int | None = None) -> None:
    """A review fails for a fault of ours, and the forge has a bad day when that is to be told."""
    left = [True, True, False]

    async def analyze(
        sources: Sequence[Source], *, limits: Limits | None = None, target: str | None = None
    ) -> Analysis:
        if not left.pop(0):
            stage.life.forge.outage(outage, times=times)
        return await broken(sources, limits=limits, target=target)

    stage.reviewer = Reviewer(analyze=analyze)
    await stage.settle()
    while left:
        stage.life.clock.ahead += timedelta(minutes=1)
        await stage.settle()
    assert {state for state, _ in await stage.states()} == {"failed"}


async def test_the_last_review_that_ended_is_the_newest_done_or_failed_of_the_same_pull_request(
    database: Database,
) -> None:
    async with database.write() as session:
        forge = Forge(kind="github", base_url="https://api.github.com")
        session.add(forge)
        await session.flush()
        project = Project(forge_id=forge.id, external_id="1", path="acme/rocket", url="https://x.example", private=True)
        session.add(project)
        await session.flush()

        def row(state: str, minutes: int | None, number: int = 1) -> Review:
            ended = None if minutes is None else NOW + timedelta(minutes=minutes)
            found = Review(
                project_id=project.id, number=number, state=state, trigger="webhook", counts={"style": 1}, worst=[],
                created_at=NOW, finished_at=ended,
            )  # fmt: skip
            session.add(found)
            return found

        newest, older, same = row("failed", 5), row("done", 3), row("done", 5)
        row("skipped", 7), row("overtaken", 8), row("running", None), row("done", 9, number=2)
        await session.flush()

        async def last(*without: Review) -> Review | None:
            return await reviews.last_ended(session, project.id, 1, without=[each.id for each in without])

        assert await last() is same
        assert await last(same) is newest
        assert await last(same, newest) is older
        assert await last(same, newest, older) is None
