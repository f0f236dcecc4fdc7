"""Labelled cases: snippets of ours and lines of the standard library, as `tests/labels/README.md` describes them."""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.agent.findings import Finding, Source
from tests.bench.review.corpora import Library

FOLDER = Path(__file__).parents[2] / "labels"
RULES = (
    "syntax-error",
    "bare-except",
    "swallowed-exception",
    "print",
    "line-too-long",
    "naming",
    "magic-number",
    "pep8",
)
_WHOLE = "-"  # in place of a line: the whole file is the case


@dataclass(frozen=True)
class Case:
    """One labelled case.

    Attributes:
        title: where it is, for the reader of a list of misses.
        lines: where the rule must speak, from 1; empty where it must not. Of a syntax error any line will do.
        silent: where it must not speak, if that is not in `lines`; `None`: on every other line of the file.
    """

    rule: str
    title: str
    source: Source
    lines: frozenset[int]
    silent: frozenset[int] | None
    is_ours: bool

    @property
    def must_speak(self) -> bool:
        """Whether something is to be found here."""
        return bool(self.lines)

    def found(self, findings: Sequence[Finding]) -> bool:
        """Whether the rule spoke wherever it must."""
        spoken = self._spoken(findings)
        return bool(spoken) if self.rule == "syntax-error" else self.lines <= spoken

    def is_false(self, findings: Sequence[Finding]) -> bool:
        """Whether the rule spoke where it must not."""
        spoken = self._spoken(findings)
        if self.rule == "syntax-error" and self.lines:
            return False
        wrong = spoken - self.lines
        return bool(wrong if self.silent is None else wrong & self.silent)

    def _spoken(self, findings: Sequence[Finding]) -> set[int]:
        return {each.line for each in findings if each.path == self.source.path and speaks(self.rule, each.rule)}


def speaks(rule: str, found: str) -> bool:
    """Whether a finding's rule is the one of the table. PEP 8 is whatever is called as pycodestyle calls it."""
    return found[:1] in {"E", "W"} and found[1:].isdigit() if rule == "pep8" else found == rule


def snippets(rule: str) -> Iterator[Case]:
    """Our own cases of a rule."""
    text = (FOLDER / f"{rule}.txt").read_text("utf-8")
    for number, block in enumerate(re.split(r"^%% ", text, flags=re.MULTILINE)[1:], 1):
        title, *marked = block.removesuffix("\n").split("\n")
        code = "".join(f"{line[2:]}\n" for line in marked)
        lines = frozenset(place for place, line in enumerate(marked, 1) if line.startswith("> "))
        source = Source(path=f"snippets/{rule}/{number:02}.py", data=code.encode())
        yield Case(rule, f"{rule}.txt: {title}", source, lines, None, is_ours=True)


def references(rule: str, library: Library) -> tuple[list[Case], list[str]]:
    """The library's cases of a rule, without the open ones; and those that this version has no more."""
    cases, gone = [], []
    for row in rows(rule):
        if row[0] == "open":
            continue
        case = _case(rule, row, library)
        if case is None:
            gone.append(" ".join(row[1:4]))
        else:
            cases.append(case)
    return cases, gone


def rows(rule: str) -> Iterator[list[str]]:
    """The rows of a table: verdict, module, scope, hash, which of several; of syntax errors, what to do to the line."""
    for line in (FOLDER / f"{rule}.tsv").read_text("utf-8").split("\n"):
        if line and not line.startswith("#"):
            yield line.split("\t")


def text_of(row: Sequence[str], library: Library) -> str:
    """The stripped line that a row of a table names, for a reader."""
    file = library.file(row[1])
    if file is None or row[3] == _WHOLE:
        return "(the whole file)" if file else "(gone)"
    text = decoded(file.read_bytes())
    line = _line(text, row[2], row[3], int(row[4]))
    return "(gone)" if line is None else text.split("\n")[line - 1].strip()


def _case(rule: str, row: Sequence[str], library: Library) -> Case | None:
    verdict, module, scope, hashed, which, *change = row
    file = library.file(module)
    if file is None:
        return None
    path, data = file.relative_to(library.root).as_posix(), file.read_bytes()
    title = f"{module} {scope} {hashed}"
    line = 1
    if hashed != _WHOLE:
        text = decoded(data)
        found = _line(text, scope, hashed, int(which))
        if found is None:
            return None
        line, title = found, f"{path}:{found}"
        if change and change[0]:
            data = changed(text, line, change[0]).encode()
            path, title = f"changed/{line}/{path}", f"{title} ({change[0]})"
    here = frozenset({line})
    silent = None if hashed == _WHOLE else here
    lines = here if verdict == "yes" else frozenset[int]()
    return Case(rule, title, Source(path=path, data=data), lines, silent, is_ours=False)


def decoded(data: bytes) -> str:
    """A file's text by the encoding that it says."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def changed(text: str, line: int, how: str) -> str:
    """A file's text after one change: ``cut N``, ``append TEXT``, ``indent`` or ``before TEXT``, of the line."""
    lines = text.split("\n")
    verb, _, argument = how.partition(" ")
    match verb:
        case "cut":
            lines[line - 1] = lines[line - 1][: -int(argument)]
        case "append":
            lines[line - 1] += argument
        case "indent":
            lines[line - 1] = f" {lines[line - 1]}"
        case "before":
            lines.insert(line - 1, argument)
        case _:
            raise ValueError(how)
    return "\n".join(lines)


def _line(text: str, scope: str, hashed: str, which: int) -> int | None:
    """The line with this hash in this scope, and none of a scope within."""
    lines = text.split("\n")
    same = [place for place, line in enumerate(lines, 1) if digest(line) == hashed]
    if not same:
        return None
    scopes = list(_scopes(ast.parse(text)))
    same = [place for place in same if _scope(scopes, place) == scope]
    return same[which - 1] if which <= len(same) else None


def digest(line: str) -> str:
    """How a table names a line: the beginning of the SHA-256 of what stands on it between spaces."""
    return hashlib.sha256(line.strip().encode()).hexdigest()[:12]


def _scopes(node: ast.AST, above: str = "") -> Iterator[tuple[int, int, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min(child.lineno, *(each.lineno for each in child.decorator_list), child.lineno)
            yield first, child.end_lineno or first, f"{above}{child.name}"
            yield from _scopes(child, f"{above}{child.name}.")
        else:
            yield from _scopes(child, above)


def _scope(scopes: Sequence[tuple[int, int, str]], line: int) -> str:
    around = [(last - first, name) for first, last, name in scopes if first <= line <= last]
    return min(around, key=lambda each: each[0])[1] if around else "-"
