"""The folder that the demo is given: its own, or none."""

import asyncio
from pathlib import Path

import pytest

from src.cli.showing import Alone
from src.demo.playground import Unusable, main
from src.demo.ports import free_port


def files(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def start(folder: Path) -> int:
    """Start there, and stop at once."""
    stop = asyncio.Event()
    stop.set()
    return await main(Alone, port=free_port(), folder=folder, pace=20, stop=stop, out=lambda _: None)


@pytest.mark.parametrize("name", ["secret.key", "demo.db", "notes.txt"])
async def test_files_of_others_are_never_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(Unusable, match="other files are in it; choose a folder that is empty"):
        await start(tmp_path)
    assert files(tmp_path) == {name: "mine"}


async def test_a_folder_of_an_earlier_demo_is_taken_again(tmp_path: Path) -> None:
    assert [await start(tmp_path / "kept") for _ in range(2)] == [0, 0]


async def test_a_folder_in_which_a_demo_got_no_further_than_its_lock_is_taken(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    assert await start(tmp_path) == 0


@pytest.mark.parametrize("name", ["what?x", "a%20b"])
async def test_nothing_is_written_beside_a_folder_of_an_odd_name(tmp_path: Path, name: str) -> None:
    assert await start(tmp_path / name) == 0
    assert names(tmp_path) == {name}
    assert names(tmp_path / name) >= {"demo.db", "secret.key"}
