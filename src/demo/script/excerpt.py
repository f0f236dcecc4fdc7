"""A short part of the transcript for a page such as the README, the same in every run."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from src.demo.script.page import Page
from src.demo.script.scenes import Scene

BEGIN, END = "<!-- transcript -->", "<!-- /transcript -->"
_HOOK_ID = re.compile(r"(/webhook/\w+/)\S+…")
_TIME = re.compile(r"\d+ ms$")
_SHA = re.compile(r"`[0-9a-f]{12}`")


class NoMarks(ValueError):
    """The file does not say where the excerpt belongs."""


def excerpt(page: Page, scenes: Sequence[Scene]) -> str:
    """What was printed of the scenes that are marked for it, with made-up ids and times."""
    stretches = pairwise([*page.steps.values(), page.end_of_steps])
    kept: list[str] = []
    for scene, (begin, end) in zip(scenes, stretches, strict=True):
        if scene.in_excerpt:
            kept += page.lines[begin:end]
    lines = [_SHA.sub("`4c1f0e9ab2d7`", _TIME.sub("4 ms", _HOOK_ID.sub(r"\1q7Zk…", line))) for line in kept]
    return "\n".join(lines).strip("\n")


def write(file: Path, text: str) -> None:
    """Put the excerpt between the marks of a Markdown file; raises NoMarks."""
    head, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise NoMarks(f"{file} has no {BEGIN} with {END} behind it")
    file.write_text(f"{head}{BEGIN}\n```text\n{text}\n```\n{END}{tail}", encoding="utf-8")


def read(file: Path) -> str:
    """The excerpt that stands in a Markdown file; raises NoMarks."""
    found = re.search(rf"{BEGIN}\n```text\n(.*?)\n```\n{END}", file.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise NoMarks(f"{file} has no transcript")
    return found.group(1)
