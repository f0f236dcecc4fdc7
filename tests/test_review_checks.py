"""What the analysers find: each fixture says in its lines which rule has to speak there, and no other line may."""

from collections import Counter
from pathlib import Path

import pytest

from src.agent.findings import Analysis, Finding, Level, Source, Why
from src.agent.limits import Limits
from src.agent.rules import RULES
from src.agent.tools import analyze, reads, ruff_target
from tests import reviewed


async def analysed(text: str | bytes, path: str = "src/some.py", target: str | None = None) -> Analysis:
    data = text if isinstance(text, bytes) else text.encode()
    return await analyze([Source(path=path, data=data)], target=target)


async def found(text: str | bytes, path: str = "src/some.py", target: str | None = None) -> list[Finding]:
    result = await analysed(text, path, target)
    assert result.unread == ()
    return list(result.findings)


@pytest.mark.parametrize("file", reviewed.ALL, ids=lambda file: file.name)
async def test_a_rule_speaks_on_the_marked_lines_and_nowhere_else(file: Path) -> None:
    marked = reviewed.read(file)

    result = await analyze([Source(path=marked.path, data=marked.text.encode())])

    about = marked.rules | {file.name.partition("__")[0]}
    told = Counter((each.line, each.rule) for each in result.findings if each.rule in about)
    assert told == marked.expected
    assert result.unread == ()


def test_every_rule_of_ours_has_a_fixture() -> None:
    assert {rule.name for rule in RULES} <= {file.name.partition("__")[0] for file in reviewed.ALL}


async def test_a_finding_says_all_that_is_said_of_it() -> None:
    [number] = [each for each in await found("def work(a):\n    return a * 86400\n") if each.rule == "magic-number"]

    assert (number.path, number.line, number.column, number.symbol) == ("src/some.py", 2, 16, "86400")
    assert number.message.format(**number.params) == "The number 86400 does not say what it means"
    assert number.level is Level.STYLE
    assert not number.whole_file


async def test_the_messages_of_all_rules_can_be_filled_in() -> None:
    sources = [
        Source(path=marked.path, data=marked.text.encode())
        for marked in map(reviewed.read, reviewed.ALL)
        if marked.path.endswith(".py")
    ]

    told = (await analyze(sources)).findings

    ours = [each for each in told if each.rule in {rule.name for rule in RULES}]
    assert {each.rule for each in ours} == {rule.name for rule in RULES}
    for each in ours:
        assert "{" not in each.message.format(**each.params)
        assert "{" not in each.advice.format(**each.params)


async def test_a_bare_except_that_swallows_is_one_finding_with_its_unused_name() -> None:
    code = "try:\n    work = 1\nexcept Exception as error:\n    pass\n"

    assert [each.rule for each in await found(code)] == ["swallowed-exception"]


async def test_levels_are_those_of_the_specification() -> None:
    code = 'import os\ntry:\n    os.remove("a")\nexcept:\n    print(eval("a"))\n'

    assert {each.rule: each.level for each in await found(code)} == {
        "bare-except": Level.CRITICAL,
        "print": Level.STYLE,
        "S307": Level.SECURITY,
    }


async def test_of_a_file_that_cannot_be_parsed_the_first_error_is_told_and_its_long_lines() -> None:
    code = "x = (1,\ny = = 2\n" + "# " + "z" * 130 + "\nlocalName = print(1)\n"

    told = await found(code)

    assert [each.rule for each in told] == ["syntax-error", "line-too-long"]
    assert told[0].whole_file
    assert told[0].level is Level.CRITICAL


@pytest.mark.parametrize(
    "code",
    [
        "if 1:\n        x = 1\n\ty = 2\n",
        "x = " + "(" * 250 + ")" * 250 + "\n",
        "".join(" " * depth + "if 1:\n" for depth in range(110)) + " " * 110 + "pass\n",
        "x = 1\0\n",
        "def f():\n    nonlocal x\n",
        "x = 1\nfrom __future__ import annotations\n",
        "def f(a, a):\n    pass\n",
        "await x\n",
        "print 'two'\n",
    ],
    ids=["tabs", "parentheses", "indents", "nul", "nonlocal", "future", "twice", "await", "python 2"],
)
async def test_what_python_refuses_is_a_syntax_error(code: str) -> None:
    assert [each.rule for each in await found(code) if each.rule == "syntax-error"] == ["syntax-error"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"x = 1\ny = '\0'\n", 2),
        (b"x = 1\n" * 3_000 + b"# \0\n", 3_001),
        ("x = 1\n".encode("utf-16"), 1),
        (b"\xfe\xff" + "x = 1\n".encode("utf-16-be"), 1),
        ("x = 1\n".encode("utf-16-le"), 1),
    ],
    ids=["in a text", "far down", "UTF-16", "UTF-16, the other way round", "UTF-16 without a mark"],
)
async def test_nul_and_utf_16_are_what_python_refuses(data: bytes, line: int) -> None:
    result = await analysed(data)

    assert [(each.rule, each.line, each.level) for each in result.findings] == [("syntax-error", line, Level.CRITICAL)]
    assert Why.NEWER not in [each.why for each in result.unread]


async def test_newer_syntax_than_ours_is_right_and_the_reader_is_told_who_did_not_look() -> None:
    result = await analysed("def first[T](things: list[T]) -> T:\n    return things[30]\n")

    assert result.findings == ()
    assert [(each.path, each.why) for each in result.unread] == [("src/some.py", Why.NEWER)]


async def test_newer_syntax_with_nothing_to_look_for_is_read_by_all_who_had_to() -> None:
    assert await found("def first[T](things: list[T]) -> T:\n    return things[0]\n") == []


async def test_syntax_newer_than_what_the_project_requires_is_an_error() -> None:
    code = "match 1:\n    case _:\n        pass\n"

    assert [each.rule for each in await found(code, target=">=3.9")] == ["syntax-error"]
    assert await found(code, target=">=3.10") == []


@pytest.mark.parametrize(
    ("requires", "target"),
    [
        (">=3.11", "py311"),
        (">=3.9,<4", "py39"),
        ("~=3.10.2", "py310"),
        ("py312", "py312"),
        ("3.13", "py313"),
        (">=3.8,!=3.9.1,<3.12", "py38"),
        (">=3.2", "py37"),
        ("<3.13", None),
        ("", None),
        (None, None),
        ("x", None),
    ],
)
def test_the_oldest_version_that_a_project_admits(requires: str | None, target: str | None) -> None:
    assert ruff_target(requires) == target


async def test_numbers_and_made_up_passwords_of_tests_are_left_alone() -> None:
    code = 'def test_it():\n    password = "abc"\n    return password * 17 == 42\n'

    assert await found(code, "tests/test_it.py") == []
    assert {each.rule for each in await found(code)} == {"magic-number", "S105"}


async def test_what_a_package_imports_for_others_is_used() -> None:
    assert await found("from src.some import thing\n", "src/__init__.py") == []


async def test_a_main_module_prints() -> None:
    assert await found('print("hello")\n', "src/__main__.py") == []


async def test_a_declared_encoding_is_read() -> None:
    code = "# -*- coding: cp1251 -*-\nимя = 'Привет'\n".encode("cp1251")

    assert await found(code) == []


async def test_lines_and_columns_are_those_of_git() -> None:
    code = "a = 'x\x0cy\u2028z\x85'\r\nb = 'ж' * a + 77\r\n"

    assert [(each.rule, each.line, each.column) for each in await found(code)] == [("magic-number", 2, 15)]


@pytest.mark.parametrize(
    ("before", "start", "end", "after"),
    [
        ("import os\nimport re\n\nre.compile('a')\n", 1, 1, ()),
        ("x = 1\ny = x is not None\nz = not y in (x,)\n", 3, 3, ("z = y not in (x,)",)),
        ("def a():\n    pass\ndef b():\n    pass\n", 3, 3, ("", "", "def b():")),
        ("x = 1  \r\ny = 2\r\n", 1, 1, ("x = 1",)),
        ("x = f'жж'\n", 1, 1, ("x = 'жж'",)),
        ("x = 1\n\n\n\n\ny = 2\n", 4, 5, ()),
    ],
    ids=["deleted", "changed", "inserted", "carriage returns", "code points", "blank lines"],
)
async def test_a_safe_fix_becomes_whole_lines(before: str, start: int, end: int, after: tuple[str, ...]) -> None:
    [edit] = [each.edit for each in await found(before) if each.edit]

    assert (edit.start, edit.end, edit.lines) == (start, end, after)


async def test_a_missing_newline_at_the_end_has_no_whole_lines() -> None:
    [told] = await found("x = 1")

    assert (told.rule, told.edit) == ("W292", None)


async def test_files_of_other_kinds_say_nothing() -> None:
    assert await analysed("int main() {", "src/main.c") == Analysis()
    assert not reads("src/main.c")
    assert reads("src/Main.PY")
    assert reads("deploy/app.yml")


async def test_the_length_of_lines_is_a_setting() -> None:
    source = Source(path="a.py", data=b"x = 'aaaaaaaaaaaaaaaaaaaaaa'\n")

    result = await analyze([source], limits=Limits(line_length=20))

    assert [(each.rule, each.params) for each in result.findings] == [
        ("line-too-long", {"length": "28", "limit": "20"})
    ]


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("a.json", '{"a": 1,\n "b": }', 2),
        ("a.toml", 'a = 1\nb = \nc = "x"\n', 2),
        ("a.yaml", "a: b\n c: d\n", 2),
        ("a.yml", "a:\n\t- b\n", 2),
    ],
)
async def test_data_that_cannot_be_read_is_a_syntax_error(path: str, text: str, line: int) -> None:
    [told] = await found(text, path)

    assert (told.rule, told.level, told.line, told.whole_file) == ("syntax-error", Level.CRITICAL, line, True)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.json", "\ufeff" + '{"a": ' + "1" * 5000 + "}"),
        (".vscode/settings.json", "// why\n{}"),
        ("tsconfig.build.json", "// why\n{}"),
        ("a.yaml", "a: !custom [1, 2]\n---\nb: *c\n"),
        ("templates/a.yaml", "{{- if .Values.on }}\na: b\n{{- end }}\n"),
        ("a.toml", "a = " + "1" * 5000 + "\n"),
    ],
)
async def test_data_that_is_right_or_not_yet_what_it_will_be_says_nothing(path: str, text: str) -> None:
    assert await found(text, path) == []


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("# noqa", {"S307"}),
        ("#NOQA", {"S307"}),
        ("# noqa: E711", {"S307", "magic-number"}),
        ("# noqa: E7,PLR2004", {"S307"}),
        ("# noqa:S307 magic-number", {"E711"}),
        ("# noqa: S", {"S307"}),
        ("# noqa: S307 - PLR2004 is another thing", {"E711", "magic-number"}),
        ("# noqa because the forge says so", {"S307"}),
        ("# noqa is not meant", {"S307"}),
        ("# noqaS", {"S307", "E711", "magic-number"}),
        ("# type: ignore # noqa: E711", {"S307", "magic-number"}),
    ],
)
async def test_a_comment_silences_what_it_names(comment: str, told: set[str]) -> None:
    code = f"def work(a):\n    return eval(a) == None or a * 77  {comment}\n"

    assert {each.rule for each in await found(code)} == told


async def test_a_comment_behind_a_text_of_several_lines_silences_all_of_them() -> None:
    code = 'x = """\n' + "z" * 130 + '\n"""  # noqa: E501\ny = """\n' + "z" * 130 + '\n"""\n'

    assert [(each.rule, each.line) for each in await found(code)] == [("line-too-long", 5)]


async def test_a_template_of_a_file_is_no_file_yet() -> None:
    assert await analysed("class {{ name }}: pass\n", "{{cookiecutter.name}}/a.py") == Analysis()
