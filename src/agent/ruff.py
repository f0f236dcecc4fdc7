"""Runs ruff over files with names of ours: one process, and file by file only where one of them kills it."""

import logging
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
from ruff import find_ruff_bin

from src.agent.findings import Level, Why
from src.agent.limits import Limits
from src.agent.processes import Ran, lines, run
from src.agent.ruff_rules import IGNORE, SELECT
from src.agent.rules import BY_CODE

logger = logging.getLogger(__name__)

Diagnostic = Mapping[str, Any]  # one object of ruff's own JSON


@dataclass(slots=True)
class Linted:
    """What ruff said, run by run, and of which files (by their names in the folder) nothing because it died.

    Attributes:
        failed, cut: complete when all of `by_file` was taken. `cut`: files of which it said more than is kept.
    """

    outputs: list[bytearray] = field(default_factory=list)  # one JSON object to a line, file after file
    failed: dict[str, Why] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    _kept: Counter[tuple[str, bool]] = field(default_factory=Counter)  # by file ("": all), and whether they are grave

    def by_file(self, limits: Limits) -> Iterator[tuple[str, list[Diagnostic]]]:
        """What it said of each file: read one file at a time, for all of it at once takes six times its size."""
        for output in self.outputs:
            said = (orjson.loads(line) for line in lines(output))
            for filename, lot in groupby(said, key=lambda diagnostic: str(diagnostic["filename"])):
                name = filename.rpartition(os.sep)[2]
                yield name, [diagnostic for diagnostic in lot if self._is_kept(name, diagnostic, limits)]

    def _is_kept(self, name: str, diagnostic: Diagnostic, limits: Limits) -> bool:
        """Whether there is room for it: half a megabyte of a file may have a hundred thousand of them."""
        code = diagnostic["code"] or ""
        if code == "E902":  # it could not even be read, which of a file of ours means that it is gone
            self.failed[name] = Why.CRASHED
            return False
        rule = BY_CODE.get(code)
        grave = diagnostic["name"] == "invalid-syntax" or code.startswith("S")
        grave = grave or (rule is not None and rule.level is Level.CRITICAL)
        if self._kept[name, grave] >= limits.findings_per_file or self._kept["", grave] >= limits.findings:
            self.cut.add(name)
            return False
        self._kept[name, grave] += 1
        self._kept["", grave] += 1
        return True


@cache
def _binary() -> str:
    return str(find_ruff_bin())


def command(names: Sequence[str], target: str | None) -> list[str]:
    """The command line: no configuration but ours, no cache, only these files, no comment that silences.

    What `# noqa` silences is decided by `suppressions`, for it never holds for critical findings.
    `target`: a version as ruff writes it, "py311"; without one ruff takes the newest syntax.
    """
    switches = ["--isolated", "--no-cache", "--no-respect-gitignore", "--no-fix", "--ignore-noqa", "--quiet"]
    settings = ["--preview", "--config", "lint.explicit-preview-rules=true"]
    rules = ["--select", ",".join(SELECT), "--ignore", ",".join(IGNORE)]
    version = ["--target-version", target] if target else []
    return [_binary(), "check", *switches, "--output-format", "json-lines", *settings, *rules, *version, "--", *names]


async def lint(folder: Path, names: Collection[str], limits: Limits, *, target: str | None = None) -> Linted:
    """Run ruff over files of `folder`. A batch that dies is halved until the bad files stand alone."""
    result = Linted()
    ends = time.monotonic() + limits.seconds
    waiting = [sorted(names)] if names else []
    while waiting:
        batch = waiting.pop()
        left = ends - time.monotonic()
        if left <= 0:
            result.failed |= dict.fromkeys(batch, Why.TIMED_OUT)
            continue
        ran = await run(command(batch, target), folder, limits, seconds=min(left, limits.run_seconds))
        if ran.code in {0, 1}:
            result.outputs.append(ran.output)
        elif len(batch) == 1:
            result.failed[batch[0]] = _why(ran)
        else:
            logger.info("ruff ended with %s on %d files: tried again in halves", ran.code, len(batch))
            waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
    return result


def _why(ran: Ran) -> Why:
    if ran.too_much:
        return Why.TOO_MANY
    return Why.TIMED_OUT if ran.timed_out else Why.CRASHED
