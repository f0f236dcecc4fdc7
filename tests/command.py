"""`python main.py ...` as an operator runs it."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from src import cli
from src.config import Settings

MAIN = Path(__file__).parent.parent / "main.py"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


async def run(folder: Path, *arguments: str, **settings: str) -> Ran:
    """`python main.py ...` in a folder, with these settings alone."""
    ours = {name.upper() for name in Settings.model_fields} | {"GITHUB_TOKEN", "GITLAB_TOKEN"}
    environment: Mapping[str, str] = {k: v for k, v in os.environ.items() if k not in ours} | settings
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(MAIN), *arguments, cwd=folder, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


class Operator:
    """The same within the test's own process: quicker, and its parts can be replaced.

    What is a mistake of ours goes up as it does in the program.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.folder = folder

    async def __call__(self, *arguments: str, **settings: str) -> Ran:
        """`python main.py ...` in the folder, with these settings alone."""
        with self._monkeypatch.context() as patch:
            for name in Settings.model_fields:
                patch.delenv(name.upper(), raising=False)
            for name, value in settings.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            patch.setattr(sys, "excepthook", sys.excepthook)  # main sets it: put it back
            self._capsys.readouterr()
            code = await asyncio.to_thread(_main, arguments)
        said = self._capsys.readouterr()
        return Ran(code, said.out, said.err)


def _main(arguments: Sequence[str]) -> int:
    try:
        return cli.main(arguments)
    except SystemExit as ended:  # of argparse
        return int(ended.code or 0)
