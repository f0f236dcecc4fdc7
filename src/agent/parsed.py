"""A Python file as proposals look at it: its lines and its tree, parsed without anything being run."""

import ast
import re
import warnings
from dataclasses import dataclass
from functools import cached_property

from src.agent.spans import Spans

MOST_BYTES = 200_000  # a file that a person reads; the parser takes some 50 ms for as much
_LONGEST_LINE = 2_000  # characters: what is looked for on a line is looked for once for each thing that stands there
_DEEPEST = 100  # brackets within brackets
_BRACKETS = re.compile(r"[][(){}]")


@dataclass(frozen=True)
class Parsed:
    """A file that parses. Lines are without their ends, and counted as the forges count them."""

    lines: tuple[str, ...]
    tree: ast.Module

    @classmethod
    def of(cls, data: bytes) -> "Parsed | None":
        """`None` where it is not UTF-8, does not parse, or is no file that a person would write."""
        if len(data) > MOST_BYTES:
            return None
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            return None
        lines = tuple(text.split("\n"))
        if "\r" in text or "\f" in text or max(map(len, lines)) > _LONGEST_LINE or _depth(text) > _DEEPEST:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of invalid escapes: whoever wrote them is told otherwise
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        return cls(lines=lines, tree=tree)

    def line(self, number: int) -> str:
        """A line by its number from 1; empty where there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def indent(self, number: int) -> str:
        """What a line begins with."""
        line = self.line(number)
        return line[: len(line) - len(line.lstrip())]

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the tree, outer ones first."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def logger(self) -> tuple[str, int] | None:
        """What to call for a log message, and the line from which on it is there: a logger, or else the module."""
        imported = None
        for node in self.tree.body:
            if isinstance(node, ast.Import) and any(name.name == "logging" and not name.asname for name in node.names):
                imported = imported or ("logging", node.lineno)
            if isinstance(node, ast.Assign) and (name := _logger_made(node)):
                return name, node.lineno
        return imported

    def comment_at(self, number: int) -> int | None:
        """Where on a line its comment begins, in characters; `None`: it has none."""
        line = self.line(number).encode()
        at = line.find(b"#")
        while at >= 0:
            end = self._strings.end((number, at))
            if end is None:
                return len(line[:at].decode())
            at = line.find(b"#", end[1]) if end[0] == number else -1
        return None

    def in_string(self, number: int, offset: int) -> bool:
        """Whether a place (line from 1, bytes from 0) is inside a string."""
        return self._strings.end((number, offset)) is not None

    @cached_property
    def _strings(self) -> Spans[tuple[int, int]]:
        """Where strings start and end: line from 1, bytes from 0."""
        return Spans(
            ((node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or 0))
            for node in self.nodes
            if isinstance(node, ast.JoinedStr)
            or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
        )

    def segment(self, node: ast.expr | ast.stmt) -> str | None:
        """What a node is written as; `None` where it takes several lines."""
        if node.end_lineno != node.lineno:
            return None
        return self.line(node.lineno).encode()[node.col_offset : node.end_col_offset].decode()

    def function_around(self, number: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function that a line is in."""
        around = None
        for node in self.nodes:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.lineno <= number <= (node.end_lineno or node.lineno):
                around = node
        return around


def _logger_made(node: ast.Assign) -> str | None:
    """The name in `name = logging.getLogger(...)`."""
    target, value = node.targets[0], node.value
    if len(node.targets) > 1 or not isinstance(target, ast.Name) or not isinstance(value, ast.Call):
        return None
    called = getattr(value.func, "attr", getattr(value.func, "id", ""))
    return target.id if called == "getLogger" else None


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[({" else -1
        deepest = max(deepest, depth)
    return deepest
