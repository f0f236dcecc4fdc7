"""The examples of bandit, with the numbers of issues that its own tests expect in each."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from src.agent.findings import Level, Source
from tests.bench.review.judged import Count, findings_of

_SWALLOWING = {"try_except_pass.py", "try_except_continue.py"}
_SWALLOWED = frozenset({"bare-except", "swallowed-exception"})
_TYPED = re.compile(r"except\s+(?!Exception\b)[A-Z]")


def expected(sdist: Path) -> dict[str, int]:
    """The issues that bandit's tests want in each example with bandit's own settings. The tests are read, not run."""
    tree = ast.parse((sdist / "tests" / "functional" / "test_functional.py").read_text("utf-8"))
    wanted: dict[str, int] = {}
    for test in ast.walk(tree):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            wanted |= dict(_of_test(test))
    return wanted


def _of_test(test: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    """A test that says `expect = {...}` once and checks examples by it; others set options and say nothing here."""
    tables = [node.value for node in ast.walk(test) if isinstance(node, ast.Assign) and _names(node) == ["expect"]]
    calls = [node for node in ast.walk(test) if isinstance(node, ast.Call) and _called(node) == "check_example"]
    if len(tables) != 1 or any(isinstance(node, ast.With) for node in ast.walk(test)):
        return
    try:
        table = ast.literal_eval(tables[0])
    except ValueError:  # counts that the test computes from the version of Python
        return
    for call in calls:
        if len(call.args) == 2 and not call.keywords and isinstance(call.args[0], ast.Constant):
            yield str(call.args[0].value), sum(table["SEVERITY"].values())


def _names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


async def measure(sdist: Path) -> list[Count]:
    """Two counts: handlers that swallow, line by line; and whether anything is said of security, by example."""
    wanted = expected(sdist)
    sources = [
        Source(path=f"bandit/{name}", data=(sdist / "examples" / name).read_bytes())
        for name in sorted({*wanted, *_SWALLOWING})
        if name.endswith(".py")
    ]
    found, _ = await findings_of(sources)
    handlers, security = Count("bandit: handlers that swallow"), Count("bandit: examples with an issue")
    for source in sources:
        name = source.path.removeprefix("bandit/")
        spoken = found[source.path]
        if name in _SWALLOWING:
            _handlers(handlers, source, {each.line for each in spoken if each.rule in _SWALLOWED})
        if name not in wanted:
            continue
        said = any(each.level is Level.SECURITY or each.rule in _SWALLOWED for each in spoken)
        security.add(name, wanted=wanted[name] > 0, found=said, false=not wanted[name] and said)
    return [handlers, security]


def _handlers(count: Count, source: Source, lines: set[int]) -> None:
    """Each handler is a case: bandit's defaults want those that name nothing or `Exception`, and do nothing."""
    text = source.data.decode().split("\n")
    for node in ast.walk(ast.parse(source.data)):
        if isinstance(node, ast.ExceptHandler):
            nothing = isinstance(node.body[0], ast.Pass | ast.Continue)
            narrow = bool(_TYPED.search(text[node.lineno - 1]))
            # Ours wants a type whatever the handler does.
            wanted, said = node.type is None or (nothing and not narrow), node.lineno in lines
            count.add(f"{source.path}:{node.lineno}", wanted=wanted, found=said, false=said and not wanted)
