"""What nobody looked at is never told as found in order: files that call themselves generated, a model that is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from src.agent.comments import status, summary
from src.agent.fingerprints import marker, read_marker
from src.agent.left_out import LeftOut
from src.agent.report import Report
from src.agent.review import Reviewer
from src.forge import StatusState
from tests.review_stage import BAD, CHOSEN, GOOD, Reviews, reviewing
from tests.test_review_jobs import BOTH
from tests.test_review_opinion import chat, model, says
from tests.test_review_threads import known

MADE = b"# generated, do not edit\n" + BAD


# ---------------------------------------------------------------------------------------------------
# What is left out on the word of the pull request


@asynccontextmanager
async def followed(folder: Path, kind: str) -> AsyncIterator[Reviews]:
    """Ann has turned reviews on."""
    async with reviewing(folder, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        yield stage


async def said(stage: Reviews, number: int) -> tuple[str, str]:
    """State and words of the status on the head."""
    found = await stage.status(number)
    assert found is not None
    return found


@BOTH
async def test_a_file_that_calls_itself_generated_makes_nothing_green(tmp_path: Path, kind: str) -> None:
    async with followed(tmp_path, kind) as stage:
        number = await stage.open({"src/made.py": MADE, "notes.md": b"# Notes\n"})
        await stage.settle()
        state, words = await said(stage, number)
        assert (state, words) == ("error" if kind == "github" else "failure", "Nothing was analysed; left out: 1")
        (remark,) = await stage.summaries(number)
        assert "`src/made.py`" in remark.body
        assert "✅" not in remark.body
        (event,) = await stage.told()
        assert event.unread == 1


@BOTH
async def test_beside_what_was_analysed_it_is_counted_and_named(tmp_path: Path, kind: str) -> None:
    async with followed(tmp_path, kind) as stage:
        number = await stage.open({"src/dist/made.py": BAD, "src/more.py": GOOD, "poetry.lock": b"x\n"})
        await stage.settle()
        assert await said(stage, number) == ("success", "No problems found; left out: 2")
        (remark,) = await stage.summaries(number)
        assert "- [`src/dist/made.py`](" in remark.body
        assert "No problems found in 1 file." in remark.body
        assert "poetry.lock" not in remark.body


@BOTH
async def test_what_the_repository_brings_back_is_analysed(tmp_path: Path, kind: str) -> None:
    async with followed(tmp_path, kind) as stage:
        stage.life.forge.add_files(
            "acme/rocket", {".git-assistant.toml": b'[review]\ninclude-paths = ["src/made.py"]\n'}
        )
        number = await stage.open({"src/made.py": MADE})
        await stage.settle()
        assert stage.threads(number)


@BOTH
async def test_lock_files_other_peoples_code_and_pictures_are_nothing_to_analyse(tmp_path: Path, kind: str) -> None:
    async with followed(tmp_path, kind) as stage:
        files = {"poetry.lock": b"x\n", "vendor/six.py": BAD, "logo.png": b"\x89PNG\0", "web/dist/app.js": b"x\n"}
        number = await stage.open(files)
        await stage.settle()
        assert await said(stage, number) == ("success", "Nothing to analyse; left out: 4")
        assert await stage.summaries(number) == []


@BOTH
@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("src/nul.py", BAD + b"\0\n"),
        ("src/wide.py", GOOD.decode().encode("utf-16")),
        ("src/nul.json", b'{"a": "\0"}\n'),
    ],
)
async def test_code_that_the_forge_takes_for_binary_makes_nothing_green(
    tmp_path: Path, kind: str, path: str, data: bytes
) -> None:
    async with followed(tmp_path, kind) as stage:
        number = await stage.open({path: data, "src/more.py": GOOD})
        await stage.settle()
        state, words = await said(stage, number)
        assert (state, words) == (
            "error" if kind == "github" else "failure",
            "No problems found; not analysed: 1",
        )
        (remark,) = await stage.summaries(number)
        assert f"- `{path}`" in remark.body
        assert "binary" in remark.body
        assert "✅" not in remark.body


@BOTH
async def test_a_nul_that_the_forge_did_not_see_is_the_syntax_error_that_it_is(tmp_path: Path, kind: str) -> None:
    async with followed(tmp_path, kind) as stage:
        number = await stage.open({"src/late.py": b"X = 1\n" * 2_000 + b"Y = '\0'\n"})
        await stage.settle()
        assert await said(stage, number) == ("failure", "critical: 1")
        assert [(path, line) for path, line, _ in stage.threads(number)] == [("src/late.py", 2_001)]


@BOTH
async def test_mistakes_of_the_settings_file_are_in_the_summary(tmp_path: Path, kind: str) -> None:
    written = b'[reviews]\ndrafts = true\n[review]\nlanguage = "en"\nignore-paths = ["docs\\\\**", "*.txt"]\n'
    async with followed(tmp_path, kind) as stage:
        stage.life.forge.add_files("acme/rocket", {".git-assistant.toml": written})
        number = await stage.open({"src/more.py": BAD, "a.txt": b"x\n"})
        await stage.settle()
        (remark,) = await stage.summaries(number)
        assert "there is no table `[reviews]`; did you mean `[review]`?" in remark.body
        assert "`docs\\**` has a backslash, which fits nothing; did you mean `docs/**`?" in remark.body
        assert "ignored by the repository: 1" in remark.body


@pytest.mark.parametrize("why", [LeftOut.GENERATED, LeftOut.MINIFIED])
def test_the_name_of_what_is_left_out_is_a_strangers_word(why: LeftOut) -> None:
    report = Report(head_sha="0" * 40, files=0, findings=(), left_out={"@all.py": why}, claimed=("@all.py",))
    assert status(report, "ru") == (StatusState.ERROR, "Ничего не проанализировано; пропущено: 1")
    assert "- `@all.py`" in summary(report, "en")


# ---------------------------------------------------------------------------------------------------
# A model's opinions


class Talk:
    """What a model answers, and how often it was asked."""

    def __init__(self) -> None:
        self.answer: str | None = None
        self.asked = 0

    async def handle(self, _request: web.Request) -> web.StreamResponse:
        self.asked += 1
        return web.Response(status=503) if self.answer is None else chat(self.answer)

    def says(self, message: str) -> None:
        self.answer = says({"path": "src/more.py", "line": 6, "message": message})


@asynccontextmanager
async def talking(folder: Path, kind: str) -> AsyncIterator[tuple[Reviews, Talk]]:
    talk = Talk()
    async with followed(folder, kind) as stage, model(talk.handle) as second:
        stage.reviewer = Reviewer(opinion=second)
        yield stage, talk


@BOTH
async def test_an_opinion_in_other_words_is_the_same_opinion(tmp_path: Path, kind: str) -> None:
    async with talking(tmp_path, kind) as (stage, talk):
        talk.says("It may not be so.")
        number = await stage.open({"src/more.py": GOOD})
        await stage.settle()
        threads = stage.threads(number)
        assert ["It may not be so." in body for _, _, body in threads] == [True]
        talk.says("Perhaps it is otherwise.")
        await stage.push(number, {"src/other.py": GOOD})
        await stage.settle()
        assert stage.threads(number, is_open=True) == threads
        assert stage.threads(number) == threads


@BOTH
async def test_opinions_stand_while_the_model_is_away_and_the_summary_says_so(tmp_path: Path, kind: str) -> None:
    async with talking(tmp_path, kind) as (stage, talk):
        talk.says("It may not be so.")
        number = await stage.open({"src/more.py": GOOD})
        await stage.settle()
        talk.answer = None
        await stage.push(number, {"src/other.py": BAD})
        await stage.settle()
        assert any("It may not be so." in body for _, _, body in stage.threads(number, is_open=True))
        (remark,) = await stage.summaries(number)
        assert "second opinion was not to be had" in remark.body
        talk.answer = says()
        await stage.push(number, {"src/other.py": GOOD})
        await stage.settle()
        assert stage.threads(number, is_open=True) == []
        (remark,) = await stage.summaries(number)
        assert "second opinion was not to be had" not in remark.body


@BOTH
async def test_an_opinion_on_a_file_that_there_is_no_room_for_stands(tmp_path: Path, kind: str) -> None:
    async with talking(tmp_path, kind) as (stage, talk):
        talk.says("It may not be so.")
        number = await stage.open({"src/more.py": GOOD})
        await stage.settle()
        threads = stage.threads(number, is_open=True)
        assert len(threads) == 1
        talk.answer = says()
        await stage.push(number, {"src/more.py": GOOD + b"\n\n# one more line\n" * 5_000, "src/other.py": GOOD})
        await stage.settle()
        assert talk.asked == 2
        assert stage.threads(number, is_open=True) == threads
        await stage.push(number, {"src/more.py": GOOD + b"# short again\n"})
        await stage.settle()
        assert stage.threads(number, is_open=True) == []


@BOTH
async def test_a_clean_pull_request_hears_nothing_of_a_model_that_is_away(tmp_path: Path, kind: str) -> None:
    async with talking(tmp_path, kind) as (stage, talk):
        number = await stage.open({"src/more.py": GOOD})
        await stage.settle()
        assert talk.asked == 1
        assert (await said(stage, number))[0] == "success"
        assert await stage.summaries(number) == []


@BOTH
async def test_who_ignores_opinions_gets_none_and_shows_no_code(tmp_path: Path, kind: str) -> None:
    async with talking(tmp_path, kind) as (stage, talk):
        talk.says("It may not be so.")
        stage.life.forge.add_files("acme/rocket", {".git-assistant.toml": b'[review]\nignore-rules = ["opinion"]\n'})
        number = await stage.open({"src/more.py": GOOD})
        await stage.settle()
        assert stage.threads(number) == []
        assert talk.asked == 0


def test_a_marker_says_whose_the_words_are() -> None:
    written = [read_marker(marker(each.fingerprint)) for each in known()]
    assert [each.is_opinion for each in written if each is not None] == [False, False, False]
