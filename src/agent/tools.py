"""The analysers of a review, by kind of file: Python code, and data files. Nothing of what they read is executed."""

import asyncio
import gc
import re
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import ContextDecorator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from src.agent.encodings import Unreadable, plain_text, python_text
from src.agent.findings import Analysis, Finding, Source, Unread, Why
from src.agent.limits import Limits
from src.agent.python_file import PythonFile
from src.agent.ruff import Diagnostic, Linted, lint
from src.agent.rules import SYNTAX
from src.agent.workers import look_at
from src.agent.workspace import Kept, workspace

_VERSION = re.compile(r"(<=?|!=|)\s*(?:py)?3\.?(\d+)(?:\.[\d*]+)?")
_OLDEST, _NEWEST = 7, 15  # what the engine knows as targets


class Analyser(Protocol):
    """Looks at files of one kind, all of a review at once."""

    def __call__(self, sources: Sequence[Source], limits: Limits, target: str | None) -> Coroutine[Any, Any, Analysis]:
        """The findings in `sources`; raises nothing for what is in them: that is in `Analysis.unread`."""


ANALYSERS: dict[str, Analyser] = {}  # by suffix, lower case, with its dot


def analyser(*suffixes: str) -> Callable[[Analyser], Analyser]:
    """Register an analyser for the files whose path ends in one of `suffixes`."""

    def register(analyse: Analyser) -> Analyser:
        ANALYSERS.update(dict.fromkeys(suffixes, analyse))
        return analyse

    return register


def reads(path: str) -> bool:
    """Whether there is an analyser for a file of this name. Where the name is a template, so is the file."""
    return _suffix(path) in ANALYSERS and "{{" not in path


async def analyze(sources: Sequence[Source], *, limits: Limits | None = None, target: str | None = None) -> Analysis:
    """Look at some files. Files for which there is no analyser say nothing: they are no part of the result.

    `target`: the project's `requires-python` (">=3.11"), of the base branch, or a version ("3.11"); without it the
    newest syntax is right. Never raises for what is in the files.
    """
    limits = limits or Limits()
    unread: list[Unread] = []
    lots: dict[int, tuple[Analyser, list[Source]]] = {}
    known = [source for source in sources if reads(source.path)]
    room = limits.bytes_in_all
    for number, source in enumerate(known):
        if number >= limits.files:
            unread.append(Unread(path=source.path, why=Why.TOO_MANY, detail=f"{limits.files} files at most"))
        elif len(source.data) > limits.file_bytes:
            unread.append(Unread(path=source.path, why=Why.TOO_LARGE, detail=f"{len(source.data)} bytes"))
        elif len(source.data) > room:
            unread.append(Unread(path=source.path, why=Why.TOO_MANY, detail=f"{limits.bytes_in_all} bytes in all"))
        else:
            room -= len(source.data)
            chosen = ANALYSERS[_suffix(source.path)]
            lots.setdefault(id(chosen), (chosen, []))[1].append(source)
    # A group, not `gather`: where a review is cancelled it is left only when all of them have cleaned up.
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(chosen(lot, limits, target)) for chosen, lot in lots.values()]
    results = [each.result() for each in started]
    unread += (each for result in results for each in result.unread)
    findings = _capped([each for result in results for each in result.findings], limits, unread)
    return Analysis(findings=findings, unread=tuple(sorted(unread, key=lambda each: (each.path, each.why))))


def ruff_target(requires: str | None) -> str | None:
    """The engine's word for the oldest version that a `requires-python` admits: ">=3.9,<4" is "py39"."""
    minors = [int(found[2]) for found in _VERSION.finditer(requires or "") if not found[1]]
    return f"py3{min(max(min(minors), _OLDEST), _NEWEST)}" if minors else None


def _suffix(path: str) -> str:
    return PurePosixPath(path.replace("\\", "/")).suffix.lower()


def _capped(found: Iterable[Finding], limits: Limits, unread: list[Unread]) -> tuple[Finding, ...]:
    """In order of path and line, the gravest first where there are too many in one file."""
    by_path: dict[str, list[Finding]] = {}
    for each in found:
        by_path.setdefault(each.path, []).append(each)
    kept: list[Finding] = []
    for path in sorted(by_path):
        lot = by_path[path]
        most = limits.findings_per_file
        if len(lot) > most:
            order = {"critical": 0, "security": 1}
            lot = sorted(lot, key=lambda each: order.get(each.level, 2))[:most]
            if not any(each.path == path and each.why is Why.TOO_MANY for each in unread):
                unread.append(Unread(path=path, why=Why.TOO_MANY, detail=f"{most} findings kept"))
        kept += sorted(lot, key=lambda each: (each.line, each.column))
    return tuple(kept)


@analyser(".py", ".pyi", ".pyw")
async def _analyze_python_code(sources: Sequence[Source], limits: Limits, target: str | None) -> Analysis:
    """Python: ruff and our own checks side by side, each in processes of their own, put together file by file."""
    texts, findings, unread = await asyncio.to_thread(_texts, sources, python_text)
    suffixes = {path: ".pyi" if _suffix(path) == ".pyi" else ".py" for path in texts}
    async with workspace(texts, suffixes) as (folder, kept):
        names = {each.name: (each.path, each.size) for each in kept}
        async with asyncio.TaskGroup() as tasks:
            engine = tasks.create_task(_lint(folder, kept, limits, target))
            ours = tasks.create_task(look_at(folder, names, limits))
    (linted, files), looked = engine.result(), ours.result()
    for each in kept:
        said = looked.said.get(each.name, {})
        if why := linted.failed.get(each.name) or looked.failed.get(each.name):
            unread.append(Unread(path=each.path, why=why))
        elif not (said["parsed"] or said["hits"] or files[each.name].is_refused):
            unread.append(Unread(path=each.path, why=Why.NEWER))
        if each.name in linted.cut | looked.cut:
            unread.append(Unread(path=each.path, why=Why.TOO_MANY, detail=f"{limits.findings_per_file} findings kept"))
    findings += await asyncio.to_thread(_put_together, files, looked.said)
    return Analysis(findings=tuple(findings), unread=tuple(unread))


async def _lint(
    folder: Path, kept: Sequence[Kept], limits: Limits, target: str | None
) -> tuple[Linted, dict[str, PythonFile]]:
    """What ruff says, and the files by name with it: made while our checks still look at them."""
    linted = await lint(folder, [each.name for each in kept], limits, target=ruff_target(target))
    # In a thread: of a thousand files it takes a second, in which this process has others to serve.
    return linted, await asyncio.to_thread(_files, kept, linted, limits)


class _WithoutCollecting(ContextDecorator):
    """Tens of thousands of findings would set off collections of all that the process has, and have no cycles.

    Several threads may be at it: the last one out lets it collect again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            gc.disable()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                gc.enable()


without_collecting = _WithoutCollecting()


@without_collecting
def _files(kept: Sequence[Kept], linted: Linted, limits: Limits) -> dict[str, PythonFile]:
    by_name = {each.name: each for each in kept}

    def made(name: str, diagnostics: Iterable[Diagnostic]) -> PythonFile:
        each = by_name[name]
        return PythonFile(path=each.path, text=each.text, line_length=limits.line_length, diagnostics=diagnostics)

    files = {name: made(name, diagnostics) for name, diagnostics in linted.by_file(limits)}
    return {name: files.get(name) or made(name, ()) for name in by_name}


@without_collecting
def _put_together(files: Mapping[str, PythonFile], said: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    return [found for name, file in files.items() for found in file.findings(said.get(name, {}))]


@analyser(".json", ".toml", ".yaml", ".yml")
async def _analyze_data_file(sources: Sequence[Source], limits: Limits, target: str | None) -> Analysis:  # noqa: ARG001
    """JSON, TOML and YAML: whether their parsers can read them."""
    texts, findings, unread = await asyncio.to_thread(_texts, sources, plain_text)
    async with workspace(texts, {path: _suffix(path) for path in texts}) as (folder, kept):
        looked = await look_at(folder, {each.name: (each.path, each.size) for each in kept}, limits)
    for each in kept:
        for _, line, column, _, _, params in looked.said.get(each.name, {}).get("hits", ()):
            findings.append(_syntax_error(each.path, line, column, params["reason"]))
        if why := looked.failed.get(each.name):
            unread.append(Unread(path=each.path, why=why))
    return Analysis(findings=tuple(findings), unread=tuple(unread))


def _texts(
    sources: Sequence[Source], read: Callable[[bytes], str]
) -> tuple[dict[str, str], list[Finding], list[Unread]]:
    """The files that can be read, by path; what is to be said of those that cannot."""
    texts: dict[str, str] = {}
    findings: list[Finding] = []
    unread: list[Unread] = []
    for source in sources:
        try:
            texts[source.path] = read(source.data)
        except Unreadable as error:
            unread.append(Unread(path=source.path, why=Why.UNREADABLE, detail=error.reason))
            if error.line is not None:
                findings.append(_syntax_error(source.path, error.line, 1, error.reason))
    return texts, findings, unread


def _syntax_error(path: str, line: int, column: int, reason: str) -> Finding:
    return Finding(
        path=path,
        line=line,
        rule=SYNTAX.name,
        level=SYNTAX.level,
        message=SYNTAX.message,
        params={"reason": reason},
        advice=SYNTAX.advice,
        column=column,
        symbol=SYNTAX.name,
        whole_file=True,
    )
