"""How long an analysis takes, beside bare ruff and beside flake8, on the same thousand files in the same minutes."""

import asyncio
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from src.agent import ruff
from src.agent.findings import Source
from src.agent.limits import Limits
from src.agent.tools import analyze
from tests.bench.review import corpora, syntax_corpus
from tests.bench.review.corpora import Library
from tests.bench.table import Figure, figure, in_turns

FILES = 1000
_PATIENT = Limits(seconds=600, run_seconds=300)  # other people's work on the machine is no time-out of ours


def files(library: Library, number: int = FILES) -> list[Source]:
    """So many files of the library and its tests, each time the same: those with the lowest hashes of their paths."""
    small = [each for each in syntax_corpus.good_files(library) if len(each.data) <= _PATIENT.file_bytes]
    good = [each for each in small if _is_utf8(each)]
    return sorted(good, key=lambda each: hashlib.sha256(each.path.encode()).digest())[:number]


async def measure(library: Library, folder: Path, rounds: int) -> list[Figure]:
    """The two promises of speed. flake8 is slow: it has one turn for each of ours in its own round."""
    sources = files(library)
    flake8 = corpora.flake8()
    for number, source in enumerate(sources):
        (folder / f"{number:04}.py").write_bytes(source.data)
    names = [f"{number:04}.py" for number in range(len(sources))]
    lines = sum(source.data.count(b"\n") for source in sources)

    async def phase() -> float:
        began = time.perf_counter()
        linted = await ruff.lint(folder, names, _PATIENT)
        if linted.failed:
            raise RuntimeError(f"ruff died of {sorted(linted.failed)}")
        return time.perf_counter() - began

    async def bare() -> float:
        return await _timed([*ruff.command([], None)[:-1], "--", "."], folder)

    async def whole() -> float:
        began = time.perf_counter()
        found = await analyze(sources, limits=_PATIENT)
        if found.unread:
            raise RuntimeError(f"not read: {found.unread[:3]}")
        return time.perf_counter() - began

    async def flakes() -> float:
        return await _timed([str(flake8), "--isolated", "--max-line-length", "120", "."], folder)

    engine = await in_turns({"ours": phase, "ruff": bare}, rounds)
    faster, work, seconds = [], [], []
    for _ in range(max(1, rounds // 3)):
        start = worked()
        before, middle = await whole(), worked()
        theirs, end = await flakes(), worked()
        ours = (before + await whole()) / 2  # flake8 takes minutes: what the machine does meanwhile changes
        faster.append(theirs / ours)
        work.append((end - middle) / (middle - start))
        seconds.append(ours)
    note = f"{len(sources)} files, {lines:,} lines"
    return [
        figure("ruff phase beside bare ruff", "s", engine["ours"], engine["ruff"], at_most=2, note=note),
        figure("whole analysis", "s", seconds, note=note),
        figure("flake8 + pep8-naming takes so many times ours", "times", faster, at_least=10),
        figure("and so many times ours of processors' seconds", "times", work),
    ]


def worked() -> float:
    """Seconds of processors until now, of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def _is_utf8(source: Source) -> bool:
    """Whether ruff can read it as it is; the reviews would give it the decoded text."""
    try:
        source.data.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _timed(command: Sequence[str], folder: Path) -> float:
    """Seconds of a program that writes its findings to nobody; it ends with 0 or 1."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.DEVNULL)
    code = await process.wait()
    if code not in {0, 1}:
        raise RuntimeError(f"{command[0]} ended with {code}")
    return time.perf_counter() - began
