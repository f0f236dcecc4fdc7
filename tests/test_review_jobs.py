"""The life of a review: asked for, begun, abandoned, taken up again, ended; whatever happens, nothing is said twice."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from src.agent import posting, tools
from src.agent.findings import Analysis, Source
from src.agent.limits import Limits
from src.agent.review import Draft, Place, Reviewer
from src.database.models import Review
from src.database.repositories import projects, reviews
from src.forge import Remark, Unavailable
from tests.hook_stage import OPENED, PATH
from tests.review_stage import BAD, CHOSEN, GOOD, Reviews, reviewing

ACCEPTED = 202
BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])


async def project_id(stage: Reviews) -> int:
    async with stage.life.database.write() as session:
        remote = await stage.life.client("ann").project_by_path(PATH)
        return (await projects.ensure(session, stage.life.row_of_forge.id, remote)).id


async def ask(stage: Reviews, number: int, login: str) -> Review:
    """Somebody asks in their private chat."""
    owner, project = await stage.life.user_id(login), await project_id(stage)
    async with stage.life.database.write() as session:
        return await reviews.ask(
            session, project_id=project, number=number, trigger="chat", user_id=owner, chat_id=None,
            now=stage.life.clock(),
        )  # fmt: skip


@BOTH
async def test_many_pushes_at_once_are_one_review_of_the_newest_head(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": GOOD})
        for _ in range(3):
            await stage.push(number, {"src/wait.py": BAD})
        await stage.settle()
        assert await stage.states() == [("done", None)]
        assert (await stage.rows())[0].head_sha == await stage.head(number)


@BOTH
async def test_a_head_that_moved_meanwhile_abandons_the_review_for_the_newer_one(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        pushes = iter([{"src/wait.py": GOOD}])

        async def analyze(
            sources: Sequence[Source], *, limits: Limits | None = None, target: str | None = None
        ) -> Analysis:
            found = await tools.analyze(sources, limits=limits, target=target)
            for files in pushes:
                await stage.push(number, files)
            return found

        stage.reviewer = Reviewer(analyze=analyze)
        await stage.settle()
        assert stage.threads(number) == []  # of the older head nothing was said
        stage.life.clock.ahead += timedelta(seconds=2)
        await stage.settle()
        assert stage.threads(number) == []
        assert [row.head_sha for row in await stage.rows() if row.state == "done"] == [await stage.head(number)]
        assert (await stage.status(number) or ("",))[0] == "success"


@BOTH
async def test_a_review_that_broke_off_half_said_is_finished_and_repeats_nothing(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        summarise, failures = posting._summarise, iter([asyncio.CancelledError(), Unavailable("down")])

        async def breaks_off(place: Place, draft: Draft) -> Remark | None:
            for failure in failures:
                raise failure
            return await summarise(place, draft)

        monkeypatch.setattr(posting, "_summarise", breaks_off)
        with pytest.raises(asyncio.CancelledError):
            await stage.settle()  # the process is stopped when the threads stand
        said = stage.threads(number)
        assert said
        await stage.settle()  # another one takes over, and the forge goes down at the same point
        stage.life.clock.ahead += timedelta(minutes=2)
        await stage.settle()
        assert stage.threads(number) == said
        assert len(await stage.summaries(number)) == 1
        assert await stage.states() == [("done", None)]


@BOTH
async def test_two_hooks_that_tell_of_one_push_ask_for_one_review(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.open({"src/wait.py": BAD})
        await stage.settle()
        await stage.hook_by_hand()
        repeated = stage.deliveries[-1]
        (by_hand,) = [hook for hook in stage.life.forge.hooks(PATH) if hook.url.endswith(f"/webhook/{kind}")]
        signed = stage.life.forge.signatures(by_hand, "another-id", repeated.body)
        headers = {**repeated.headers, **signed}
        assert await stage.life.post_again(replace(repeated, url=by_hand.url, headers=headers)) == ACCEPTED
        await stage.settle()
        assert await stage.states() == [("done", None)]


@BOTH
async def test_what_a_person_asks_for_is_said_by_that_person_and_never_doubles_what_another_said(
    tmp_path: Path, kind: str
) -> None:
    """Nor months later, when the review of that time has been forgotten."""
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.life.follow("bob", OPENED)
        number = await stage.open({"src/wait.py": BAD}, draft=True)
        await stage.settle()
        review = await ask(stage, number, "bob")
        await stage.work()
        said = stage.threads(number)
        assert {note.author for note in stage.life.forge.comments_on_lines(PATH, number)} == {"bob"}
        await stage.life.forge.set_draft(PATH, "bob", number, False)
        assert review.id in [row.id for row in await stage.rows() if row.state == "done"]
        async with stage.life.database.write() as session:
            await session.execute(delete(Review))
        await stage.push(number, {"src/other.py": GOOD})
        await stage.settle()
        assert stage.threads(number) == said
        assert len(await stage.summaries(number)) == 1
        assert await stage.states() == [("done", None)]


@BOTH
async def test_who_asked_in_a_chat_is_not_told_there_again(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.life.follow("carl", *CHOSEN)
        stage.life.forge.add_files(PATH, {".git-assistant.toml": b"[review]\nbots = false\n"})
        number = await stage.open({"src/wait.py": BAD}, draft=True)
        await stage.settle()
        async with stage.life.database.write() as session:
            chat = await stage.private_chat(session, "ann")
            await reviews.ask(
                session, project_id=await stage.project_id(session), number=number, trigger="chat",
                user_id=await stage.user(session, "ann"), chat_id=chat, now=stage.life.clock(),
            )  # fmt: skip
        await stage.work()
        assert await stage.chats_told() == ["carl"]


@BOTH
async def test_a_dead_token_ends_the_review_and_the_log_and_the_followers_hear_of_it(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        stage.life.forge.revoke_token("tok_ann")
        await stage.settle()
        assert await stage.states() == [("failed", "no_account")]
        assert await stage.logged() == [("webhook_error", "review_failed")]
        assert stage.threads(number) == []


@BOTH
async def test_a_forge_that_is_away_is_waited_for_and_an_hour_later_the_review_has_failed(
    tmp_path: Path, kind: str
) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.open({"src/wait.py": BAD})
        stage.life.forge.outage("down")
        await stage.settle()
        assert await stage.states() == [("waiting", None)]
        stage.life.clock.ahead += timedelta(minutes=61)
        await stage.work()
        assert await stage.states() == [("failed", "unavailable")]


@BOTH
async def test_a_fault_of_ours_is_tried_again_and_then_said(tmp_path: Path, kind: str) -> None:
    async def broken(sources: Sequence[Source], *, limits: Limits | None = None, target: str | None = None) -> Analysis:
        raise ZeroDivisionError(f"{len(sources)} {limits} {target}")

    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        stage.reviewer = Reviewer(analyze=broken)
        for _ in range(3):
            await stage.settle()
            stage.life.clock.ahead += timedelta(minutes=1)
        assert await stage.states() == [("failed", "internal")]
        assert await stage.status(number) is None


@BOTH
async def test_what_was_found_by_looking_is_never_said_with_the_token_of_the_settings(
    tmp_path: Path, kind: str
) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        project = await project_id(stage)
        async with stage.life.database.write() as session:
            await reviews.ask(session, project_id=project, number=number, trigger="poll", now=stage.life.clock())
        await stage.work()
        assert {note.author for note in stage.life.forge.comments_on_lines(PATH, number)} == {"ann"}


@BOTH
async def test_a_closed_pull_request_is_not_reviewed(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        await stage.life.forge.close(PATH, "bob", number)
        await stage.settle()
        assert await stage.states() == [("skipped", "closed")]
        assert stage.threads(number) == []


@BOTH
async def test_no_refused_comment_is_lost(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        place = await stage.place()
        draft = await stage.reviewer.draft(place, number, by_hand=False)
        wrong = replace(draft.comments[0], line=9_999)
        said = await posting.post(place, replace(draft, comments=(wrong, *draft.comments[1:])))
        assert [each.comment for each in said.refused] == [wrong]
        assert len(stage.threads(number)) == len(draft.comments) - 1
        (summary,) = await stage.summaries(number)
        assert draft.report.findings[0].path in summary.body
