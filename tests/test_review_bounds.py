"""What a review takes is bounded whatever a file is made of, and it ends; what broke that, case by case."""

import asyncio
import encodings
import gc
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop

from src.agent import posting, reading
from src.agent.findings import Finding, Level, Source, Why
from src.agent.fixes import mend
from src.agent.limits import Limits
from src.agent.parsed import Parsed
from src.agent.review import Draft, Place
from src.agent.tools import analyze, without_collecting
from src.database.models import Project
from src.database.repositories import erasure, reviews
from src.forge import HeadMoved, MissingPermission, Remark
from tests.review_stage import BAD, CHOSEN, GOOD, reviewing
from tests.test_review_jobs import BOTH, ask, project_id


async def test_ten_thousand_mistakes_on_one_line_do_not_keep_it_ten_thousand_times() -> None:
    result = await analyze([Source(path="table.py", data=b"x = [" + b"1," * 10_000 + b"]\n")])

    assert result.findings
    assert [each for each in result.findings if each.edit] == []


@pytest.mark.parametrize("code", [b"a = 37\n", b"f(x=1 ,y=2)\n"], ids=["ours", "the engine's"])
async def test_findings_are_capped_before_they_are_put_together(code: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Finding] = []
    build: Callable[..., None] = Finding.__init__

    def counted(self: Finding, **values: object) -> None:
        made.append(self)
        build(self, **values)

    monkeypatch.setattr(Finding, "__init__", counted)
    data = code * 500 + b"try:\n    a = b\nexcept:\n    a = c\neval(a)\n"
    result = await analyze([Source(path="a.py", data=data)], limits=Limits(findings_per_file=10))

    assert {"bare-except", "S307"} <= {each.rule for each in result.findings}
    assert [each.why for each in result.unread] == [Why.TOO_MANY]
    assert len(made) < 100


async def test_findings_of_all_files_are_capped_and_the_gravest_are_not_lost() -> None:
    data = b"a = 37\n" * 20 + b"try:\n    a = b\nexcept:\n    a = c\n"
    result = await analyze([Source(path=f"f{n}.py", data=data) for n in range(5)], limits=Limits(findings=30))

    assert sum(each.rule == "bare-except" for each in result.findings) == 5
    assert {each.why for each in result.unread} == {Why.TOO_MANY}


async def test_more_bytes_than_a_review_takes_are_named() -> None:
    result = await analyze(
        [Source(path=f"f{n}.py", data=b"x = 1\n" * 100) for n in range(3)], limits=Limits(bytes_in_all=1300)
    )

    assert [(each.path, each.why) for each in result.unread] == [("f2.py", Why.TOO_MANY)]


async def test_texts_of_several_lines_are_not_looked_through_for_each_finding() -> None:
    began = time.monotonic()
    await analyze([Source(path="a.py", data=b"# noqa: E999\n" + b'"""\n""";a=37\n' * 30_000)])

    assert time.monotonic() - began < 20  # was a minute


@pytest.mark.parametrize("shape", ["one line", "many lines"])
async def test_proposals_do_not_stop_the_process_for_minutes(shape: str) -> None:
    end = "" if shape == "one line" else "\n"
    text = "import logging\n" + f"'';{end}" * 20_000 + "\nx = '" + "#" * (40_000 if not end else 1_500) + "'  # y\n"
    finding = Finding(path="a.py", line=text.count("\n"), rule="line-too-long", level=Level.STYLE, message="")
    began = time.monotonic()
    await mend([finding], [Source(path="a.py", data=text.encode())], analyze)

    assert time.monotonic() - began < 20  # was two minutes, and nothing else was served meanwhile


def test_a_comment_is_found_behind_strings_with_hashes_in_them() -> None:
    module = Parsed.of('a = "#я" + f"{b}#" + "#"  # ж\nb = """#\n#""" # c\nd = "#"\n'.encode())

    assert module is not None
    assert [module.comment_at(line) for line in (1, 2, 3, 4)] == [module.line(1).index("# ж"), None, 5, None]


def test_threads_that_put_findings_together_leave_the_collector_on() -> None:
    """Who comes in while another is inside does not take it for a process that never collects."""
    inside, leave = threading.Event(), threading.Event()

    @without_collecting
    def first() -> None:
        inside.set()
        leave.wait()

    @without_collecting
    def second() -> bool:
        leave.set()
        thread.join()
        return gc.isenabled()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()

    assert not second()
    assert gc.isenabled()


def test_the_loop_that_the_program_runs_on_can_analyse() -> None:
    sources = [Source(path="a.py", data=b"print(1)\n"), Source(path="b.json", data=b"{")]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(analyze(sources))

    assert [(each.path, each.rule) for each in result.findings] == [("a.py", "print"), ("b.json", "syntax-error")]


async def test_names_of_encodings_are_not_remembered_for_ever() -> None:
    before = set(encodings._cache)
    result = await analyze([Source(path="a.py", data=b"# coding: x" + b"y" * 100_000 + b"\n")])

    assert [each.why for each in result.unread] == [Why.UNREADABLE]
    assert all(len(name) < 100 for name in set(encodings._cache) - before)


@BOTH
async def test_what_is_read_of_one_pull_request_is_bounded(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 0)
    monkeypatch.setattr(reading, "_AT_ONCE", 2)
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        number = await stage.open({f"src/f{n}.py": GOOD for n in range(5)})
        draft = await stage.reviewer.draft(await stage.place(), number, by_hand=True)

        assert draft.report.files == 2
        assert [(each.path, each.why) for each in draft.report.unread] == [
            (f"src/f{n}.py", Why.TOO_MANY) for n in (2, 3, 4)
        ]


@BOTH
async def test_a_head_that_the_forge_never_settles_ends_the_review(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def moved(_place: Place, _draft: Draft) -> Remark | None:
        raise HeadMoved("never the same")

    monkeypatch.setattr(posting, "_summarise", moved)
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.open({"src/wait.py": BAD})
        await stage.settle()
        assert await stage.states() == [("waiting", None)]
        stage.life.clock.ahead += timedelta(minutes=61)
        await stage.work()
        assert await stage.states() == [("failed", "unavailable")]


@BOTH
async def test_what_one_account_began_to_say_the_next_one_does_not_repeat(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    summarise, refusals = posting._summarise, iter([MissingPermission("may not")])

    async def once(place: Place, draft: Draft) -> Remark | None:
        for refusal in refusals:
            raise refusal
        return await summarise(place, draft)

    monkeypatch.setattr(posting, "_summarise", once)
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.life.follow("carl", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        said = [body for _, _, body in stage.threads(number)]
        assert said
        assert len(set(said)) == len(said)
        assert await stage.states() == [("done", None)]


@BOTH
async def test_a_commit_that_comes_back_is_reviewed_again(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        project, first = await project_id(stage), await stage.head(number)
        async with stage.life.database.read() as session:
            assert await reviews.is_known(session, project, number, first)
        stage.life.clock.ahead += timedelta(seconds=2)
        await stage.push(number, {"src/wait.py": GOOD})
        await stage.settle()
        async with stage.life.database.read() as session:
            assert await reviews.is_known(session, project, number, await stage.head(number))
            assert not await reviews.is_known(session, project, number, first)  # pushed back by force


@BOTH
async def test_who_asked_for_a_review_and_follows_nothing_is_forgotten_with_it(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.subscribe("ann", *CHOSEN)  # for an account
        await stage.life.leave("ann")
        number = await stage.open({"src/wait.py": BAD}, draft=True)
        await ask(stage, number, "ann")
        await stage.work()
        assert await stage.states() == [("done", None)]
        async with stage.life.database.write() as session:
            user = await stage.user(session, "ann")
            await erasure.forget_person(session, user, stage.life.clock())
        assert await stage.rows() == []
        async with stage.life.database.read() as session:
            project = await session.get_one(Project, 1)
            assert project.path == "(deleted)"
        assert await stage.told() == []
