"""A local variable by another name, in all the lines of its function that have it."""

import ast
import re

from src.agent.findings import Edit
from src.agent.parsed import Parsed

_LONGEST = 20  # lines that one suggestion may span and still be read
_NAMING = ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """A name as PEP 8 wants it: `fooBar` and `fooBAR` become `foo_bar`."""
    return _WORD.sub("_", name).lower()


def renamed(module: Parsed, line: int, name: str) -> Edit | None:
    """The lines in which a local variable stands, with its new name; `None` where others might know the old one."""
    function = module.function_around(line)
    new = snake_case(name)
    if function is None or not name.isidentifier() or not new.isidentifier() or new == name:
        return None
    nodes = tuple(ast.walk(function))
    uses = [node for node in nodes if isinstance(node, ast.Name) and node.id == name]
    if not uses or not any(isinstance(node.ctx, ast.Store) for node in uses) or _is_known_elsewhere(nodes, name, new):
        return None
    start, end = min(node.lineno for node in uses), max(node.lineno for node in uses)
    if end - start >= _LONGEST:
        return None
    pieces = _pieces(module, nodes, uses, new)
    if pieces is None:
        return None
    lines = {number: module.line(number).encode() for number in range(start, end + 1)}
    for (number, first), (last, text) in sorted(pieces.items(), reverse=True):
        lines[number] = lines[number][:first] + text.encode() + lines[number][last:]
    return Edit(start=start, end=end, lines=tuple(line.decode() for line in lines.values()))


def _pieces(
    module: Parsed, nodes: tuple[ast.AST, ...], uses: list[ast.Name], new: str
) -> dict[tuple[int, int], tuple[int, str]] | None:
    """What stands where instead: by line and first byte, the byte after it and the text. `None`: not to be told."""
    texts: dict[int, ast.JoinedStr] = {}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            for part in ast.walk(node):
                texts.setdefault(id(part), node)  # the outermost one
    pieces: dict[tuple[int, int], tuple[int, str]] = {}
    for use in uses:
        text = texts.get(id(use))
        where: ast.expr = text or use
        said = new if text is None else _in_text(module, text, use.id, new)
        if said is None:
            return None
        pieces[where.lineno, where.col_offset] = (where.end_col_offset or 0, said)
    return pieces


def _is_known_elsewhere(nodes: tuple[ast.AST, ...], name: str, new: str) -> bool:
    """Whether the variable is an argument, not local, or looked for by its name; or the new name is taken."""
    for node in nodes:
        if isinstance(node, ast.arg) and node.arg in (name, new):
            return True
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return True
        if isinstance(node, ast.Name) and node.id in (new, "locals", "vars", "eval", "exec"):
            return True
        if isinstance(node, _NAMING) and node.name in (name, new):
            return True
        if isinstance(node, ast.alias) and (node.asname or node.name) in (name, new):
            return True
        if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name in (name, new):
            return True
        if isinstance(node, ast.MatchMapping) and node.rest in (name, new):
            return True
    return False


def _in_text(module: Parsed, text: ast.JoinedStr, name: str, new: str) -> str | None:
    """An f-string with the new name. Its inner places are unknown before Python 3.12, so words are counted."""
    written = module.segment(text)
    if written is None:
        return None
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    meant = sum(isinstance(part, ast.Name) and part.id == name for part in ast.walk(text))
    shows_its_name = re.search(rf"{re.escape(name)}\s*=\s*[}}!:]", written)
    return None if len(word.findall(written)) != meant or shows_its_name else word.sub(new, written)
