"""A process of its own that parses strangers' files: what they do to it, it alone dies of.

It reads a JSON list of `[name, path]` from standard input, and writes one line of JSON for each file as soon as it is
done, in that order: whoever reads them knows which file killed it.
"""

import ast
import contextlib
import gc
import json
import os
import re
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from src.agent import all_checks  # noqa: F401 - importing registers them
from src.agent.data_files import look_at_data
from src.agent.module import Module, is_test
from src.agent.registry import Hit, hits, nears, spared
from src.agent.rules import SYNTAX, Rule
from src.agent.thinning import thin

PYTHON = frozenset({".py", ".pyi", ".pyw"})
# What every version of Python refuses. Whatever else ours does not know may be newer than it.
_ALWAYS_WRONG = ("too many nested parentheses", "too many levels of indentation", "inconsistent use of tabs")
# Words without which the engine knows all that the compiler does.
_COMPILED = re.compile("nonlocal|__debug__")
_ASYNC_GENERATOR = {ast.AsyncFunctionDef, ast.Yield, ast.Return}  # which must not return a value
_POLITE = 10  # steps behind the engine, whose findings are read meanwhile, and behind all that has to be answered
_YIELD = re.compile(r"yield\b")


def look(path: str, text: str) -> dict[str, Any]:
    """What there is to say of one file, as JSON has it.

    `hits`, `spared` (codes and lines), `parsed`: whether its tree was looked at, and `texts`: from which line to which
    there are texts of several lines, where it matters.
    """
    if PurePosixPath(path).suffix.lower() not in PYTHON:
        return {"parsed": True, "hits": [_row(SYNTAX.name, hit) for hit in look_at_data(path, text)], "spared": []}
    if "\0" in text:  # the parser does not say where, and the engine takes it in a text or a comment
        line = text.count("\n", 0, text.index("\0")) + 1
        found = Hit(line=line, params={"reason": "source code string cannot contain null bytes"})
        return {"parsed": False, "hits": [_row(SYNTAX.name, found)], "spared": []}
    try:
        tree = _parsed(path, text)
    except SyntaxError as error:
        wrong = error.msg.startswith(_ALWAYS_WRONG)
        found = Hit(line=error.lineno or 1, symbol=error.msg, params={"reason": error.msg})
        return {"parsed": False, "hits": [_row(SYNTAX.name, found)] if wrong else [], "spared": []}
    module = Module(path, text, tree)
    rows = [_row(rule.name, hit) for rule, hit in (*hits(module), *_refused(module))]
    texts = sorted(module.texts()) if _may_silence(text) else []
    return {"parsed": True, "hits": rows, "spared": sorted(set(spared(module))), "texts": texts}


def _parsed(path: str, text: str) -> ast.Module:
    """The tree of a file: without the functions of which there is nothing to say, where the rest parses by itself."""
    patterns = nears(is_test=is_test(path))
    if patterns is None or _may_silence(text) or not unicodedata.is_normalized("NFKC", text):
        return ast.parse(text)  # names may be written in other letters than they are
    compiled = [_COMPILED] + ([_YIELD] if "async" in text else [])
    try:
        return ast.parse(thin(text, (*patterns, *compiled)))
    except (SyntaxError, RecursionError, MemoryError):
        return ast.parse(text)


def _may_silence(text: str) -> bool:
    """Whether there may be a comment that silences, which may stand behind a text of several lines."""
    return "noqa" in text.lower()


def _refused(module: Module) -> Iterator[tuple[Rule, Hit]]:
    """What only the compiler refuses. It makes code that nobody runs; most files have nothing to ask it for."""
    asked = _to_be_compiled(module)
    if not asked:
        return
    try:
        compile(ast.Module(asked, []), "<reviewed>", "exec", dont_inherit=True)
    except SyntaxError as error:
        yield SYNTAX, Hit(line=error.lineno or 1, symbol=error.msg, params={"reason": error.msg})
    except RecursionError:
        return  # the tree was looked at; that is all that can be said


def _to_be_compiled(module: Module) -> list[ast.stmt]:
    """The statements of a module in which there may be such a thing: what is wrong with them is wrong within them."""
    may_generate = module.nodes.keys() >= _ASYNC_GENERATOR
    asked = {node.lineno for node in module.of(ast.AsyncFunctionDef)} if may_generate else set()
    if _COMPILED.search(module.text):
        asked |= {number for number, line in enumerate(module.lines, 1) if _COMPILED.search(line)}
    return [each for each in module.tree.body if not asked.isdisjoint(range(_first(each), (each.end_lineno or 0) + 1))]


def _first(statement: ast.stmt) -> int:
    """The line on which a statement begins: that of its first decorator, if it has one."""
    lines: list[int] = [each.lineno for each in getattr(statement, "decorator_list", ())]
    return min([statement.lineno, *lines])


def _row(rule: str, hit: Hit) -> list[Any]:
    return [rule, hit.line, hit.column, hit.end_line, hit.symbol, hit.params]


def _be_polite() -> None:
    """Give way: where each session has a share of the processors, it is the session that has to."""
    with contextlib.suppress(OSError, AttributeError):  # no system of this kind
        os.nice(_POLITE)
        Path("/proc/self/autogroup").write_text(str(_POLITE))


def main() -> None:
    """Look at all files that standard input names."""
    _be_polite()
    warnings.simplefilter("ignore")  # the parser's own, of strangers' code
    gc.disable()  # trees have no cycles: counting references frees them, and collecting costs a third of the time
    for name, path in json.load(sys.stdin.buffer):
        try:
            said = look(path, Path(name).read_bytes().decode())
        except (RecursionError, MemoryError, ValueError):
            said = {"failed": True}
        sys.stdout.write(json.dumps({"name": name, **said}) + "\n")
        sys.stdout.flush()
