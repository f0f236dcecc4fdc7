"""CPython's own tests of syntax: the examples of ``test_syntax.py``, and all of its tests that are good Python."""

import ast
import doctest
import warnings
from collections.abc import Iterator

from src.agent.findings import Source
from tests.bench.review.corpora import Library
from tests.bench.review.judged import Count, findings_of

_TARGET = "3.11"  # whose tests they are: newer versions accept what older ones refuse
_ERRORS = ("SyntaxError", "IndentationError", "TabError")


def examples(library: Library) -> Iterator[tuple[Source, bool]]:
    """The doctests of ``test_syntax.py``, and whether Python must refuse each. They are parsed and never run."""
    tree = ast.parse((library.root / "test" / "test_syntax.py").read_bytes())
    parser = doctest.DocTestParser()
    number = 0
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        for example in parser.get_examples(ast.get_docstring(node, clean=False) or ""):
            number += 1
            source = Source(path=f"test_syntax/{number:03}_line_{example.lineno + 1}.py", data=example.source.encode())
            yield source, (example.exc_msg or "").startswith(_ERRORS)


def good_files(library: Library) -> list[Source]:
    """The library and its tests, as far as the interpreter that runs this can compile them."""
    found = []
    for file in sorted(library.root.rglob("*.py")):
        data = file.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                compile(data, file.name, "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                continue
        found.append(Source(path=file.relative_to(library.root).as_posix(), data=data))
    return found


async def measure(library: Library) -> tuple[Count, Count, list[str]]:
    """The examples, the good files, and which of these were not read at all."""
    cases = list(examples(library))
    found, _ = await findings_of((source for source, _ in cases), target=_TARGET)
    small = Count("CPython: test_syntax.py")
    for source, bad in cases:
        said = any(each.rule == "syntax-error" for each in found[source.path])
        small.add(f"{source.path}: {source.data.decode()[:60]!r}", wanted=bad, found=said, false=said and not bad)
    files = good_files(library)
    found, analysis = await findings_of(files, target=_TARGET)
    whole = Count("CPython: library and tests, good files")
    for source in files:
        said = any(each.rule == "syntax-error" for each in found[source.path])
        whole.add(source.path, wanted=False, found=False, false=said)
    unread = [f"{each.path} ({each.why} {each.detail})" for each in analysis.unread]
    return small, whole, unread
