"""The demo script: it ends well, it fails when anybody is told too much or too little, it leaves nothing behind."""

import asyncio
import logging
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from src.cli.showing import Alone
from src.config import Settings
from src.demo.script import INTERRUPTED, SCENES, Scene, main
from src.demo.script.excerpt import NoMarks, read, write
from src.demo.script.findings import findings_of
from src.demo.script.scenes import Words
from src.demo.script.stage import ROCKET, Exchange, Stage, Told
from src.demo.script.waiting import WORDS, is_answer
from src.demo.telegram import Message, TelegramEmulator
from src.i18n import translator
from tests.emulated_bot import bot_on

ROOT = Path(__file__).parent.parent


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Ours without any setting, with the folder for temporary files."""
    ours = {name.upper() for name in Settings.model_fields} | {"GITHUB_TOKEN", "GITLAB_TOKEN"}
    return {k: v for k, v in os.environ.items() if k not in ours} | {"TMPDIR": str(folder)} | settings


async def start(folder: Path, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "main.py"), "demo-script", *arguments, cwd=folder,
        env=environment(folder, **settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def left_in(folder: Path) -> list[str]:
    return [left.name for left in folder.iterdir()]


async def test_it_ends_well_and_the_readme_shows_what_it_prints(tmp_path: Path) -> None:
    readme = shutil.copy(ROOT / "README.md", tmp_path)
    settings = {"DATABASE_URL": "nonsense", "GITHUB_API_URLS": "x", "LEASE_SECONDS": "-1"}  # somebody's own: not ours
    process = await start(tmp_path, "--transcript", "README.md", **settings)
    out, err = (stream.decode() for stream in await process.communicate())
    assert (process.returncode, err) == (0, "")
    assert out.lstrip().startswith("══ DEMO")
    assert all(len(line) <= 80 for line in out.splitlines())
    assert read(Path(readme)) == read(ROOT / "README.md"), "run `python main.py demo-script --transcript README.md`"
    assert left_in(tmp_path) == ["README.md"]


def test_all_words_that_a_forge_takes_its_time_are_known() -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "bot").glob("*.py"))
    assert set(re.findall(r't\("([^"]*takes its time…)"\)', said)) == set(WORDS)


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("word", WORDS)
async def test_nobody_who_walks_stops_at_the_word_that_a_forge_takes_its_time(word: str, language: str) -> None:
    said = translator(language)(word)
    assert (said == word) is (language == "en"), "the bot says this no longer"
    async with TelegramEmulator() as telegram:
        reader = telegram.person("Reader", started=True)
        async with bot_on(telegram) as bot:
            for text in (said.format(forge="GitLab"), "Which GitLab project?"):
                await bot.send_message(reader.id, text)
        assert [is_answer(message, language) for message in reader.private.messages()[-2:]] == [False, True]


async def test_a_real_token_is_refused(tmp_path: Path) -> None:
    process = await start(tmp_path, TELEGRAM_BOT_TOKEN="123456:a-real-one")
    out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert err.startswith(b"TELEGRAM_BOT_TOKEN: ")


async def test_ctrl_c_stops_it_and_leaves_nothing(tmp_path: Path) -> None:
    process = await start(tmp_path)
    assert process.stdout is not None
    await process.stdout.readuntil(b"/start")
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, err) == (INTERRUPTED, b"")
    assert b"Stopped" in out
    assert left_in(tmp_path) == []


async def _log_an_error(stage: Stage) -> None:
    await stage.github.comment(ROCKET, "ann", "pull_request", 1, "Nobody is asked.")
    logging.getLogger("src.webhook").error("something is broken")


async def _send_what_telegram_refuses(stage: Stage) -> None:
    form = {"chat_id": str(stage.people["ann"].id), "text": ""}
    async with stage.http.post(f"{stage.tg.url}/bot{stage.tg.token}/sendMessage", data=form) as response:
        assert response.status == 400


async def test_whatever_goes_otherwise_than_it_has_to_makes_it_fail() -> None:
    opened, mentioned, stranger = SCENES[0], SCENES[1], SCENES[-1]
    planted = (
        replace(opened, title="one too many", told={"bob": opened.told["bob"]}),
        replace(mentioned, title="one missing", told={**mentioned.told, "bob": (("which tank",),)}),
        replace(stranger, title="another status", status=202),
        replace(stranger, title="no webhook", act=_send_what_telegram_refuses),
        replace(mentioned, title="an error", act=_log_an_error, told={}),
    )
    lines: list[str] = []
    assert await main(Alone, scenes=planted, out=lines.append) == 1
    found = [line.removeprefix("✗ ") for line in lines if line.startswith("✗ ")]
    assert found[0].startswith("1. one too many: Carl was told too much: ")
    assert found[1] == "2. one missing: Bob was told too little: a message with “which tank” is missing"
    assert found[2].startswith("3. another status: /webhook/github/")
    assert found[2].endswith(" was answered 401, not 202")
    assert found[3] == "4. no webhook: no webhook was sent at all"
    assert "sendMessage was refused: Bad Request: message text is empty" in found
    assert "ERROR src.webhook: something is broken" in found


def message(text: str) -> Message:
    return Message(
        id=1, chat_id=1, topic_id=None, sender="Git Assistant", from_bot=True, text=text, entities=(), keyboard=(),
        sent_at=0, edited=False, deleted=False, silent=False, pinned=False, reply_to=None, service=False, reactions=(),
        revision=1,
    )  # fmt: skip


def judged(due: Mapping[str, tuple[Words, ...]], **messages: str) -> list[str]:
    async def act(_: Stage) -> None:
        return

    exchange = Exchange(path="/webhook/x", event="push", action=None, status=202, seconds=0)
    told = Told(exchanges=(exchange,), messages={name: (message(text),) for name, text in messages.items()})
    scene = Scene(title="", act=act, told=due, because="")
    return list(findings_of(scene, told, {"ann": "Ann", "bob": "Bob", "team": "Rocket team"}))


def test_everybody_told_what_is_due_is_right() -> None:
    assert judged({"ann": (("gauge", "mentioned"),)}, ann="gauge\nYou: mentioned") == []
    assert judged({}) == []


def test_other_words_are_a_finding() -> None:
    found = judged({"ann": (("gauge", "assigned"),)}, ann="gauge\nYou: mentioned")
    assert found == ["Ann was told something else: “assigned” is not in: gauge"]


def test_the_wrong_person_is_two_findings() -> None:
    assert judged({"ann": (("gauge",),)}, bob="gauge") == [
        "Ann was told too little: a message with “gauge” is missing",
        "Bob was told too much: gauge",
    ]


@pytest.mark.parametrize("reason", ["You: author", "Why: your PR"])
def test_a_group_addressed_as_one_person_is_a_finding(reason: str) -> None:
    assert judged({"team": (("gauge",),)}, team="gauge") == []
    found = judged({"team": (("gauge",),)}, team=f"gauge\n{reason}")
    assert found == ["Rocket team is a group and was addressed as one person: gauge"]


async def test_an_excerpt_that_has_no_place_is_a_failure(tmp_path: Path) -> None:
    lines: list[str] = []
    assert await main(Alone, scenes=(), transcript=tmp_path / "nowhere.md", out=lines.append) == 1
    assert lines[-1].startswith("The excerpt was not written: ")


def test_an_excerpt_goes_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- transcript -->\nold\n<!-- /transcript -->\nb\n")
    write(page, "new")
    assert page.read_text() == "a\n<!-- transcript -->\n```text\nnew\n```\n<!-- /transcript -->\nb\n"
    assert read(page) == "new"
    page.write_text("no marks")
    with pytest.raises(NoMarks, match="has no <!-- transcript -->"):
        write(page, "new")
