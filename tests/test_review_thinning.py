"""Functions of which no check has anything to say are not parsed; whatever is said is the same."""

import ast
import hashlib
import re
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from src.agent import registry, worker
from src.agent.limits import Limits
from src.agent.registry import CHECKS, SPARES
from src.agent.thinning import thin
from tests import reviewed

WANTED = [re.compile("wanted")]


def test_a_function_without_anything_to_look_for_becomes_an_empty_one_and_no_line_moves() -> None:
    text = "import os\n\n\ndef first(\n    a,\n) -> int:\n    return a\n\n\ndef wanted():\n    return 1\n\n\nX = 1\n"

    thinned = thin(text, WANTED)

    assert thinned == "import os\n\n\ndef _(): pass\n\n\n\n\n\ndef wanted():\n    return 1\n\n\nX = 1\n"


def test_methods_are_thinned_within_their_class() -> None:
    text = "class A:\n    x = 1\n\n    async def f(self):\n# margin\n        await self\n\n    def g(self): wanted\n"

    assert thin(text, WANTED) == ("class A:\n    x = 1\n\n    def _(): pass\n\n\n\n    def g(self): wanted\n")


def test_what_stands_above_a_function_counts_as_its_own() -> None:
    text = "def a():\n    return 1\n\n\n@wanted(\n    b=1,\n)\ndef c():\n    return 2\n"

    assert thin(text, WANTED) == "def _(): pass\n\n\n\n@wanted(\n    b=1,\n)\ndef c():\n    return 2\n"


@pytest.mark.parametrize(
    "text",
    [
        'def a():\n    """Say\nsomething.\n    """\n    return 1\n',
        "def a():\n\treturn 1\n",
        "def a():\r\n    return 1\r\n",
        f"def a():\n    return {'[' * 201}{']' * 201}\n",
        "def a():\n" + "".join(f"{' ' * level}if a:\n" for level in range(1, 102)) + " " * 102 + "pass\n",
    ],
    ids=["text at the margin", "tabs", "returns", "brackets", "levels"],
)
def test_what_the_indents_do_not_tell_is_left_as_it_is(text: str) -> None:
    assert thin(text, WANTED) == text


def test_what_the_parser_alone_refuses_is_still_told() -> None:
    deep = f"def a():\n    return {'(' * 201}1{')' * 201}\n"
    lost = "def a():\n    def b():\n        nonlocal c\n    return b\n"
    value = "async def a():\n    yield b\n    return c\n"

    assert [worker.look("src/a.py", text)["hits"][0][0] for text in (deep, lost, value)] == ["syntax-error"] * 3


def test_where_the_indents_deceive_all_of_the_text_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def a(\nb=(1),\nc=86400 * b):\n    return b + 86400\n"
    parsed = _parsed(monkeypatch)

    said = worker.look("src/a.py", text)

    assert parsed[-1] == text
    assert said["parsed"]
    assert [hit[1] for hit in said["hits"]] == [4]


def test_every_check_of_ours_says_what_it_needs() -> None:
    assert [each.rule.name for each in CHECKS if each.near is None] == []
    assert [each.codes for each in SPARES if each.near is None] == []


def test_a_check_that_does_not_say_what_it_needs_sees_every_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CHECKS", [*CHECKS, replace(CHECKS[0], near=None)])
    parsed = _parsed(monkeypatch)

    worker.look("src/a.py", "def a():\n    return 1\n")

    assert parsed == ["def a():\n    return 1\n"]


@pytest.mark.parametrize("comment", ["# so it is\n", "        # so it is\n" * 30, f"# {'so it is ' * 50}\n"])
def test_a_handler_is_found_below_any_comment(comment: str) -> None:
    text = f"def a():\n    try: b()\n    except Exception:\n        {comment.lstrip()}        return\n"

    assert [hit[:2] for hit in worker.look("src/a.py", text)["hits"]] == [["swallowed-exception", 3]]


def test_code_in_a_text_is_no_code() -> None:
    text = "def a():\n    x = '''\ndef b():\n    try: c()\n    except Exception: pass\n'''\n    return x\n"

    assert _said("src/a.py", text, thinned=True) == {"parsed": True, "hits": [], "spared": [], "texts": []}


@pytest.mark.parametrize(
    "text",
    ["except ", "except (a,\n", "except E:\n#", "except E: # ", "for ", "for a in ", "self . ", "self._", "as ", "_"],
)
def test_strangers_texts_are_searched_in_one_go(text: str) -> None:
    """Where each beginning would be followed to the end of the text, this would take hours."""
    patterns = registry.nears(is_test=False)
    assert patterns is not None
    thin("def a():\n    " + text * (Limits().file_bytes // len(text)), patterns)


def _parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is parsed from now on."""
    parsed: list[str] = []
    parse = ast.parse

    def noted(text: str) -> ast.Module:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(ast, "parse", noted)
    return parsed


def _said(path: str, text: str, *, thinned: bool) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        if not thinned:
            patch.setattr(worker, "thin", lambda given, _: given)
        return worker.look(path, text)


@pytest.mark.parametrize(
    "text",
    [
        "def a():\n    while b():\n        c(.1, .2, .10, .100)\n",
        "def a(b):\n    return [c for (\n        d,  # the key's name\n        orderDate,\n    ) in b]\n",
        f"def a(b):\n    return [c for (\n{'        identifier_of_something,' * 20}\n        orderDate,\n    ) in b]\n",
        "def a(b):\n    return [c for c, \\\n        fooBar in b]\n",
        "def a(self):\n    (self).fooBar = 1\n    self.\\\n        barFoo = 2\n",
        "def a():\n    try: b()\n    except (E := ValueError): pass\n",
        "def a():\n    try: b()\n    except c(lambda: ValueError): pass\n",
        "def a(self):\n    \uff53\uff45\uff4c\uff46.fooBar = 1\n",
        'def a():\n    x = \'"""\', """\ndef b(): pass\n"""\n    try: y()\n    except Exception: pass\n# """\n',
        "def a(x):\n    return x & \\\n4095\n",
    ],
    ids=["points", "comment", "long", "backslash", "brackets", "walrus", "lambda", "letters", "quotes", "margin"],
)
def test_odd_ways_to_write_say_the_same(text: str) -> None:
    said = _said("src/a.py", text, thinned=True)

    assert said == _said("src/a.py", text, thinned=False)
    assert said["parsed"]


@pytest.mark.parametrize("file", reviewed.ALL, ids=lambda file: file.name)
def test_fixtures_say_the_same_within_functions(file: Path) -> None:
    marked = reviewed.read(file)
    assert _said(marked.path, marked.text, thinned=True) == _said(marked.path, marked.text, thinned=False)


def test_the_standard_library_says_the_same() -> None:
    files = sorted(
        Path(sysconfig.get_path("stdlib")).glob("*.py"), key=lambda file: hashlib.sha256(file.name.encode()).digest()
    )[:60]
    texts = {file.name: file.read_text("utf-8") for file in files}

    thinned = {name: _said(name, text, thinned=True) for name, text in texts.items()}

    assert thinned == {name: _said(name, text, thinned=False) for name, text in texts.items()}
    assert sum(len(said["hits"]) for said in thinned.values()) > len(files)
