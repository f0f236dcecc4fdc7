"""A clone without Chromium: everything else works, and the browser tests say what to do."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.browser.needs import ROOT, Missing, chromium


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_chromium_of_the_path_is_found(tmp_path: Path) -> None:
    found = program(tmp_path, "chromium-browser")
    assert chromium({"PATH": str(tmp_path)}) == str(found)


def test_one_that_is_named_is_taken_first(tmp_path: Path) -> None:
    program(tmp_path, "chromium")
    named = program(tmp_path, "mine")
    assert chromium({"PATH": str(tmp_path), "CHROMIUM": str(named)}) == str(named)


def test_a_wrong_name_is_said(tmp_path: Path) -> None:
    program(tmp_path, "chromium")
    with pytest.raises(Missing, match="CHROMIUM names /nowhere"):
        chromium({"PATH": str(tmp_path), "CHROMIUM": "/nowhere"})


@pytest.mark.parametrize("command", [("-m", "tests.browser.needs"), ("-m", "pytest", "-q", "tests/browser")])
async def test_a_clone_without_chromium_is_told_how_to_get_it(tmp_path: Path, command: tuple[str, ...]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env={"PATH": str(tmp_path)}, stderr=asyncio.subprocess.STDOUT,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode not in (0, None), said.decode()
    assert "apt-get install chromium" in said.decode()
    assert "CHROMIUM=" in said.decode()
    assert "skipped" not in said.decode()
