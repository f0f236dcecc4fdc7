"""Has workers look at files: several at once, and anew without the file that one died of."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

import src
from src.agent.findings import Level, Why
from src.agent.limits import Limits
from src.agent.processes import lines, run
from src.agent.rules import RULES

_ROOT = Path(src.__path__[0]).parent
# `-I` keeps the environment, the folder and the user's packages out; only our own package is let in.
_START = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from src.agent.worker import main; main()"
_ENOUGH_FOR_TWO = 64 * 1024  # bytes: under it a second process costs more than it brings
_MOST = 4
_GRAVE = frozenset({rule.name for rule in RULES if rule.level is Level.CRITICAL})
_ALWAYS = 1  # of each file: that of its syntax


@dataclass(slots=True)
class Looked:
    """What the workers said of each file, by its name in the folder, and of which they said nothing."""

    said: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: dict[str, Why] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)  # files of which they said more than is kept
    kept: int = 0  # findings

    def keep(self, said: dict[str, Any], limits: Limits) -> None:
        """Keep what they said of a file as far as there is room, the gravest first."""
        most = max(min(limits.findings_per_file, limits.findings - self.kept), 0)
        if len(said["hits"]) > most:
            said["hits"] = sorted(said["hits"], key=lambda hit: hit[0] not in _GRAVE)[: max(most, _ALWAYS)]
            self.cut.add(said["name"])
        self.kept += len(said["hits"])
        self.said[said["name"]] = said


async def look_at(folder: Path, files: Mapping[str, tuple[str, int]], limits: Limits) -> Looked:
    """Have every file of `folder` looked at. `files`: name to the forge's path and the size in bytes."""
    result = Looked()
    ends = time.monotonic() + limits.seconds
    shares = _shares(files)
    async with asyncio.TaskGroup() as tasks:
        for share in shares:
            tasks.create_task(_share(folder, [(name, files[name][0]) for name in share], limits, ends, result))
    return result


def _shares(files: Mapping[str, tuple[str, int]]) -> list[list[str]]:
    """The files in as many lots of like size as there are processors for, the largest first."""
    total = sum(size for _, size in files.values())
    number = min(os.cpu_count() or 1, _MOST, max(len(files), 1)) if total > _ENOUGH_FOR_TWO else 1
    lots: list[list[str]] = [[] for _ in range(number)]
    weights = [0] * number
    for name in sorted(files, key=lambda name: -files[name][1]):
        lightest = weights.index(min(weights))
        lots[lightest].append(name)
        weights[lightest] += files[name][1]
    return [lot for lot in lots if lot]


async def _share(folder: Path, files: Sequence[tuple[str, str]], limits: Limits, ends: float, result: Looked) -> None:
    """Look at some files with one process at a time; the file that it was at when it died is the bad one."""
    left = list(files)
    while left:
        seconds = ends - time.monotonic()
        if seconds <= 0:
            result.failed |= dict.fromkeys((name for name, _ in left), Why.TIMED_OUT)
            return
        program = [sys.executable, "-I", "-c", _START]
        ran = await run(program, folder, limits, seconds=seconds, silence=limits.run_seconds, given=orjson.dumps(left))
        left = left[_take(result, ran.output, limits) :]
        if left:
            name, _ = left.pop(0)
            result.failed[name] = Why.TIMED_OUT if ran.timed_out else Why.CRASHED


def _take(result: Looked, output: bytearray, limits: Limits) -> int:
    """Note what a worker said; the number of files it was done with."""
    number = 0
    for number, line in enumerate(lines(output), 1):  # noqa: B007 - it is what is returned
        said = orjson.loads(line)
        if said.get("failed"):
            result.failed[said["name"]] = Why.CRASHED
        else:
            result.keep(said, limits)
    return number
