"""Hostile code: nothing of it is executed, none of its settings is read, and only the bad file is lost."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from src.agent import workspace
from src.agent.findings import Analysis, Finding, Source, Why
from src.agent.limits import Limits
from src.agent.processes import environment, run
from src.agent.tools import analyze

GOOD = b"def work():\n    localName = 1\n    return localName\n"
NESTED = [b"x = " + each * 10_000 for each in (b"[", b"(", b"-", b"1+", b"not ", b"a.", b"lambda: ")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where analyses make their folders; nothing may be left in it."""
    monkeypatch.setattr(workspace, "MEMORY", tmp_path)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def names_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


async def analysed(files: dict[str, bytes], limits: Limits | None = None) -> Analysis:
    return await analyze([Source(path=path, data=data) for path, data in files.items()], limits=limits)


def of(result: Analysis, path: str) -> list[Finding]:
    return [each for each in result.findings if each.path == path]


def unread(result: Analysis) -> dict[str, Why]:
    return {each.path: each.why for each in result.unread}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("bad", NESTED, ids=lambda bad: bad[4:12].decode())
async def test_of_a_batch_that_dies_only_the_bad_file_is_lost(bad: bytes) -> None:
    files = {f"src/good{number}.py": GOOD for number in range(6)}

    result = await analysed({"src/a.py": bad, **files, "src/z.py": bad + b"\n"})

    for path in files:
        assert [each.rule for each in of(result, path)] == ["naming"]
    for path in ("src/a.py", "src/z.py"):
        told = {each.rule for each in of(result, path)}
        assert unread(result).get(path) is Why.CRASHED or "syntax-error" in told
    assert set(unread(result)) <= {"src/a.py", "src/z.py"}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("suffix", ["json", "yaml", "toml"])
async def test_nested_data_loses_itself_alone(suffix: str) -> None:
    opening = b"a = " if suffix == "toml" else b""
    began = time.monotonic()

    result = await analysed({f"a.{suffix}": opening + b"[" * 100_000, f"b.{suffix}": b"[1,,", "c.json": b"{}"})

    assert unread(result) == {f"a.{suffix}": Why.CRASHED}
    assert [each.rule for each in of(result, f"b.{suffix}")] == ["syntax-error"]
    assert time.monotonic() - began < Limits().run_seconds


@pytest.mark.usefixtures("folder")
async def test_aliases_of_aliases_and_tags_build_nothing() -> None:
    laughs = b"a: &a [x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 9)) for letter in range(98, 122)
    )
    tag = b"a: !!python/object/apply:os.abort []\n"

    assert await analysed({"a.yaml": laughs, "b.yaml": tag}) == Analysis()


@pytest.mark.usefixtures("folder")
async def test_a_line_of_three_megabytes_is_too_large_and_is_said() -> None:
    result = await analysed({"src/a.py": b"x = '" + b"a" * 3_000_000 + b"'\n", "src/good.py": GOOD})

    assert unread(result) == {"src/a.py": Why.TOO_LARGE}
    assert [each.rule for each in of(result, "src/good.py")] == ["naming"]


@pytest.mark.usefixtures("folder")
async def test_a_line_as_long_as_a_file_may_be_is_one_finding() -> None:
    result = await analysed({"src/a.py": b"x = '" + b"a" * 500_000 + b"'\n"})

    assert [(each.rule, each.line) for each in result.findings] == [("line-too-long", 1)]


@pytest.mark.usefixtures("folder")
async def test_bytes_that_are_no_text_are_named_with_their_line() -> None:
    result = await analysed({"src/a.py": b"x = 1\ny = '\xff'\n", "a.json": b'\n"\xff"', "src/good.py": GOOD})

    assert unread(result) == {"src/a.py": Why.UNREADABLE, "a.json": Why.UNREADABLE}
    assert [(each.path, each.rule, each.line) for each in result.findings if each.path != "src/good.py"] == [
        ("a.json", "syntax-error", 2),
        ("src/a.py", "syntax-error", 2),
    ]
    assert of(result, "src/good.py")


@pytest.mark.parametrize("name", ["rot13", "zlib_codec", "punycode", "idna", "unicode_escape", "utf-7", "no-such"])
async def test_an_encoding_that_is_a_trap_is_not_decoded(name: str) -> None:
    result = await analysed({"src/a.py": f"# -*- coding: {name} -*-\nx = 1\n".encode()})

    assert unread(result) == {"src/a.py": Why.UNREADABLE}


async def test_line_ends_that_nobody_counts_alike_are_not_guessed_at() -> None:
    result = await analysed({"src/a.py": b"x = 1\rimport os\ny = 2\n"})

    assert unread(result) == {"src/a.py": Why.UNREADABLE}
    assert result.findings == ()


@pytest.mark.usefixtures("folder")
async def test_paths_are_never_names_of_files_of_ours(tmp_path: Path) -> None:
    paths = [
        f"{'../' * 20}{tmp_path}/a.py",
        f"{tmp_path}/b.py",
        "-o.py",
        "a\nb.py",
        "--config=x.py",
        "..\\c.py",
        "*.py",
    ]

    result = await analysed(dict.fromkeys(paths, GOOD))

    assert [each.path for each in result.findings] == sorted(paths)
    assert result.unread == ()


@pytest.mark.usefixtures("folder")
async def test_nothing_is_executed_and_no_settings_of_theirs_are_read(tmp_path: Path) -> None:
    touch = f"open({str(tmp_path / 'executed')!r}, 'w')"
    files = {
        "src/a.py": f"import sitecustomize\n{touch}\nlocalName = 1\n",
        "sitecustomize.py": f"{touch}\n",
        "conftest.py": f"{touch}\n",
        "ast.py": f"{touch}\n",
        ".pylintrc.py": "x = 1\n",
        "pyproject.toml": '[tool.ruff]\nexclude = ["*"]\ncache-dir = "/tmp/executed"\n',
        "ruff.toml": 'exclude = ["*"]\n',
        ".pylintrc": f"[MASTER]\ninit-hook={touch}\n",
        ".flake8": "[flake8:local-plugins]\npaths=.\n",
        ".ignore": "*\n",
    }

    result = await analysed({path: text.encode() for path, text in files.items()})

    assert "naming" in {each.rule for each in of(result, "src/a.py")}
    assert not (tmp_path / "executed").exists()
    assert result.unread == ()


async def test_settings_around_the_folder_and_in_the_environment_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ruff.toml").write_text('exclude = ["*"]\n')
    (tmp_path / ".ignore").write_text("*\n")
    (tmp_path / "json.py").write_text("raise SystemExit\n")
    monkeypatch.setattr(workspace, "MEMORY", tmp_path)
    monkeypatch.setenv("RUFF_OUTPUT_FORMAT", "full")
    monkeypatch.setenv("RUFF_NO_CACHE", "nonsense")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "json.py"))

    result = await analysed({"a.py": b"localName = 1\nother = 77 * localName\n"})

    assert [each.rule for each in result.findings] == ["naming", "magic-number"]


@pytest.mark.parametrize("memory", ["missing", "full"])
async def test_without_room_in_memory_files_stand_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if memory == "missing":
        monkeypatch.setattr(workspace, "MEMORY", tmp_path / "none")
    else:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))

    async with workspace.workspace({"a.py": "1"}, {"a.py": ".py"}) as (folder, kept):
        assert folder.parent == tmp_path
        assert [(folder / each.name).read_text() for each in kept] == ["1"]

    assert names_in(tmp_path) == set()


async def test_what_killed_processes_left_in_memory_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "MEMORY", tmp_path)
    old, new, others = (tmp_path / name for name in ("git-assistant-review-old", "git-assistant-review-new", "others"))
    for each in (old, new, others):
        each.mkdir()
        (each / "f00000.py").write_text("1")
    for each in (old, others):
        os.utime(each, (0, 0))

    async with workspace.workspace({"a.py": "1"}, {"a.py": ".py"}) as (folder, _):
        assert names_in(tmp_path) == {new.name, others.name, folder.name}


async def test_a_program_over_strangers_files_knows_none_of_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:secret")

    ran = await run(["env"], tmp_path, Limits(), seconds=10)

    names = {line.partition(b"=")[0].decode() for line in ran.output.splitlines()}
    assert names <= {*environment(tmp_path), "PWD", "SHLVL", "_", "OLDPWD"}
    assert b"secret" not in ran.output


async def test_comments_silence_neither_critical_findings_nor_whole_files() -> None:
    code = b"# ruff: noqa\n# flake8: noqa\ntry:\n    import a\nexcept:  # noqa: E722\n    localName = eval('1')\n"

    assert [each.rule for each in (await analysed({"a.py": code})).findings] == ["bare-except", "S307"]


@pytest.mark.usefixtures("folder")
async def test_memory_is_capped() -> None:
    limits = Limits(memory_bytes=400 * 1024 * 1024, run_seconds=50)  # not its time
    dense = b"x = [" + b"a," * 200_000 + b"]\n"

    result = await analysed({"src/a.py": b"1+" * 250_000, "src/b.py": dense, "src/good.py": GOOD}, limits)

    assert of(result, "src/good.py")
    assert unread(result)["src/a.py"] is Why.CRASHED


@pytest.mark.usefixtures("folder")
async def test_output_is_capped_and_the_talkative_file_is_named() -> None:
    talkative = b"if a==None :pass\n" * 20_000
    limits = Limits(output_bytes=1024 * 1024)

    result = await analysed({"src/a.py": talkative, "src/good.py": GOOD}, limits)

    assert unread(result) == {"src/a.py": Why.TOO_MANY}
    assert [each.rule for each in of(result, "src/good.py")] == ["naming"]


@pytest.mark.usefixtures("folder")
async def test_of_too_many_findings_in_a_file_the_gravest_are_kept() -> None:
    code = b"localName = 1\n" * 300 + b"try:\n    a = 1\nexcept:\n    a = 2\n"

    result = await analysed({"src/a.py": code}, Limits(findings_per_file=10))

    assert unread(result) == {"src/a.py": Why.TOO_MANY}
    assert len(result.findings) == 10
    assert "bare-except" in {each.rule for each in result.findings}


@pytest.mark.usefixtures("folder")
async def test_time_is_capped_for_all_of_it() -> None:
    result = await analysed({"src/a.py": GOOD, "a.json": b"{}"}, Limits(seconds=0.0))

    assert unread(result) == {"src/a.py": Why.TIMED_OUT, "a.json": Why.TIMED_OUT}


async def test_a_program_that_says_nothing_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()

    ran = await run(["sleep", "30"], tmp_path, Limits(), seconds=20, silence=0.2)

    assert ran.timed_out
    assert time.monotonic() - began < 10


async def test_what_a_program_may_compute_is_what_its_time_allows_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker looks at many files in one go: each has `run_seconds`, and all of them the whole of the time."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)

    ran = await run(["sh", "-c", "ulimit -t"], tmp_path, Limits(run_seconds=1.0), seconds=60, silence=1.0)

    assert int(ran.output) == 61


async def test_a_cancelled_review_leaves_no_program_and_no_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def noted(*program: str, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*program, **options))
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    asking = asyncio.ensure_future(analysed({"src/a.py": GOOD * 5000}))  # noqa: TID251 - cancelled right here
    while len(started) < 2:  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0)
    assert len(os.listdir(folder)) == 1  # noqa: PTH208 - of one folder of ours

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert all(each.returncode is not None for each in started)


@pytest.mark.usefixtures("folder")
async def test_more_files_than_a_review_takes_are_named() -> None:
    files = {f"src/f{number}.py": b"x = 1\n" for number in range(3005)}

    result = await analysed(files)

    assert result.findings == ()
    assert [each.why for each in result.unread] == [Why.TOO_MANY] * 5


@pytest.mark.usefixtures("folder")
async def test_nothing_to_look_at_starts_nothing() -> None:
    assert await analyze([]) == Analysis()
    assert await analysed({"a.py": b"", "b.json": b"{}", "c.toml": b"", "d.yaml": b""}) == Analysis()
