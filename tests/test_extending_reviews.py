"""The page that shows how to add a check: what it shows runs, and does what it says."""

import re
import runpy
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from src.agent import all_checks, registry, tools
from src.agent.findings import Level, Source
from src.agent.python_file import PythonFile
from src.agent.worker import look
from tests import reviewed

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending-reviews.md").read_text()
CHECK, ANALYSER = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[FIXTURE] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Runs an example; the registries forget it afterwards."""
    monkeypatch.setattr(registry, "CHECKS", list(registry.CHECKS))
    monkeypatch.setattr(tools, "ANALYSERS", dict(tools.ANALYSERS))

    def run(code: str) -> None:
        file = tmp_path / "example.py"
        file.write_text(code)
        runpy.run_path(str(file))

    return run


def test_the_check_of_the_page_finds_what_its_fixture_marks(example: Callable[[str], None]) -> None:
    example(CHECK)
    shown = reviewed.marked("src/some.py", FIXTURE)

    said = look(shown.path, shown.text)
    told = PythonFile(path=shown.path, text=shown.text, line_length=120).findings(said)

    assert Counter((each.line, each.rule) for each in told) == shown.expected
    assert [each.message.format(**each.params) for each in told] == [
        "`datetime.now()` means another moment on every machine"
    ]


async def test_the_analyser_of_the_page_looks_at_its_files(example: Callable[[str], None]) -> None:
    example(ANALYSER)

    result = await tools.analyze([Source(path="a.sql", data=b"-- all\nSELECT * FROM things;\n")])

    assert [(each.path, each.line, each.rule, each.level) for each in result.findings] == [
        ("a.sql", 2, "select-all", Level.STYLE)
    ]


def test_the_files_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`((?:src|tests)/[\w/.-]+\.\w+)`", PAGE)) - {
        "tests/fixtures/reviews/naive-now__calls.py.txt"  # the example's own
    }

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_module_with_a_check_is_named() -> None:
    modules = {
        path.stem
        for path in (ROOT / "src" / "agent").glob("*.py")
        if re.search(r"^@(check|spare)\(", path.read_text(), re.MULTILINE)
    }

    assert modules == {module.__name__.rpartition(".")[2] for module in all_checks.MODULES}
