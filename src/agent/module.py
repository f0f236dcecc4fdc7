"""A parsed Python file as checks see it: its tree with parents, its lines, its comments."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TypeVar, cast

# What stands before a comment on its line, strings skipped; a string over several lines is not known here.
_COMMENT = re.compile(r"""^(?:[^"'#]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')*#(.*)$""")
# Comments that talk to a tool explain nothing.
_PRAGMA = re.compile(
    r"^[#:!\s]*(?:noqa|nosec|type:|pragma|pylint|fmt:|ruff:|mypy:|pyright:|isort:|-\*-)", re.IGNORECASE
)
_Node = TypeVar("_Node", bound=ast.AST)
_TEST_FOLDERS = frozenset({"test", "tests", "testing", "testsuite"})
# Fields without a node in them; those that are left hold a node, a list of nodes, or nothing.
_PLAIN = frozenset(
    {
        "id",
        "attr",
        "arg",
        "name",
        "asname",
        "module",
        "rest",
        "level",
        "is_async",
        "simple",
        "conversion",
        "lineno",
        "tag",
    }
)
# Fields whose nodes say nothing that a check could ask for.
_DULL = frozenset({"ctx", "op", "ops", "names", "kwd_attrs", "type_ignores", "type_comment", "kind"})


def is_test(path: str) -> bool:
    """Whether a path is a test's by the habits of pytest and unittest."""
    *folders, name = PurePosixPath(path.replace("\\", "/")).parts or ("",)
    if any(folder.lower() in _TEST_FOLDERS for folder in folders):
        return True
    return name == "conftest.py" or name.startswith("test_") or name.endswith(("_test.py", "_tests.py"))


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of each type of node that may have nodes in them."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        is_plain = kind in {ast.Constant, ast.MatchSingleton}  # with a value that is no node
        names = () if is_plain else tuple(name for name in kind._fields if name not in _PLAIN | _DULL)
        self[kind] = names
        return names


_FIELDS = _Fields()


class Module:
    """One file. Lines and columns count from 1, columns in code points."""

    def __init__(self, path: str, text: str, tree: ast.Module) -> None:
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.tree = tree
        self.is_test = is_test(path)
        self.nodes: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        self._parents: dict[ast.AST, ast.AST] = {}
        self._link()

    def parent(self, node: ast.AST) -> ast.AST | None:
        """What `node` is a part of; `None` for the module itself."""
        return self._parents.get(node)

    def of(self, kind: type[_Node]) -> list[_Node]:
        """All nodes of a type: for checks of what there is so much of that a call for each of them takes its time."""
        return cast("list[_Node]", self.nodes.get(kind, []))

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """What `node` is a part of, from the inside out."""
        above = self._parents.get(node)
        while above is not None:
            yield above
            above = self._parents.get(above)

    def column(self, node: ast.expr | ast.stmt | ast.ExceptHandler) -> int:
        """The column of a node: the parser counts bytes."""
        before = self.lines[node.lineno - 1].encode()[: node.col_offset]
        return len(before.decode(errors="replace")) + 1

    def texts(self) -> Iterator[tuple[int, int]]:
        """The first and the last line of each text that has several."""
        for node in (*self.of(ast.Constant), *self.of(ast.JoinedStr)):
            if node.end_lineno is not None and node.end_lineno > node.lineno:
                yield node.lineno, node.end_lineno

    def comment(self, line: int) -> str:
        """The comment that ends a line, where it says something to a reader; else empty."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        found = _COMMENT.match(text) if "#" in text else None
        if found is None or _PRAGMA.match(found[1]):
            return ""
        return found[1].strip("#! \t\r")

    def is_explained(self, line: int) -> bool:
        """Whether a comment stands on the line, or alone on the one above."""
        if self.comment(line):
            return True
        above = self.lines[line - 2].lstrip() if line > 1 else ""
        return above.startswith("#") and bool(self.comment(line - 1))

    def _link(self) -> None:
        """Note each node by its type, with its parent. Half of a worker's own time is spent here."""
        nodes, parents, fields = self.nodes, self._parents, _FIELDS
        nodes[ast.Module].append(self.tree)
        waiting: list[ast.AST] = [self.tree]
        while waiting:
            node = waiting.pop()
            for name in fields[node.__class__]:
                value = getattr(node, name)
                for item in value if value.__class__ is list else (value,):
                    if item is not None:
                        parents[item] = node
                        nodes[item.__class__].append(item)
                        if fields[item.__class__]:
                            waiting.append(item)
