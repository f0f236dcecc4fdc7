"""The map of the specifications: no empty row, and every test that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAP = (ROOT / "docs" / "spec-map.md").read_text()
ROWS = [line for line in MAP.splitlines() if line.startswith("|") and not re.match(r"\| (fact|---) ", line)]
NAMED = sorted(set(re.findall(r"`(tests/[^`]+\.py::[^`]+)`", MAP)))
COMMANDS = (
    "/start /help /status /subscribe /unsubscribe /list_subscriptions /set_gitlab_token /set_github_token "
    "/notifications /cancel"
)
ELSEWHERE = re.compile(r"issue \d+ \w|later issue: \w|not built: \w")


@cache
def functions(file: Path) -> frozenset[str]:
    """The names of all functions of a file, without importing it."""
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_is_named_exists(name: str) -> None:
    path, _, function = name.partition("::")
    file = ROOT / path
    assert file.is_file(), f"{path} does not exist"
    assert function.startswith("test_")
    assert function in functions(file), f"{path} has no {function}"


@pytest.mark.parametrize("row", ROWS)
def test_every_fact_is_shown_somewhere_or_says_why_not(row: str) -> None:
    found = cells(row)
    assert len(found) == 2, "a row has two cells"
    fact, where = found
    assert fact
    assert re.search(r"`tests/[^`]+\.py::test_[^`]+`", where) or ELSEWHERE.search(where), where


def test_no_fact_stands_twice_within_its_specification() -> None:
    for section in re.split(r"(?m)^## ", MAP)[1:]:
        facts = [cells(line)[0] for line in section.splitlines() if line in ROWS]
        assert len(facts) == len(set(facts))


@pytest.mark.parametrize("number", ["000", "001", "002", "003"])
def test_every_specification_has_its_section(number: str) -> None:
    section = re.search(rf"(?ms)^## {number}: .*?(?=^## |\Z)", MAP)
    assert section is not None
    assert len([line for line in section[0].splitlines() if line in ROWS]) >= 20


@pytest.mark.parametrize("command", COMMANDS.split())
def test_every_command_of_the_bot_is_on_the_map(command: str) -> None:
    assert any(f"`{command}`" in cells(row)[0] for row in ROWS)


def test_peers_and_drills_alone_do_not_count_as_shown() -> None:
    """What stands on the map is shown by `make test`, for everybody."""
    assert not [name for name in NAMED if name.startswith(("tests/peers/", "tests/drills/"))]
