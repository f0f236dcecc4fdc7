"""Suggestions: what is offered is right, what is not right is not offered. The analysers are the real ones."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from textwrap import dedent

import pytest

from src.agent.findings import Analysis, Edit, Finding, Level, Source, Unread, Why
from src.agent.fixes import applied, mend
from src.agent.parsed import Parsed
from src.agent.renaming import snake_case
from src.agent.tools import analyze

HEAD = """\
import logging

logger = logging.getLogger(__name__)


"""


async def suggested(code: str, rule: str, *, path: str = "app.py") -> str | None:
    """The file with the first suggestion for a rule applied, without `HEAD`; `None` where there is none."""
    source = Source(path=path, data=code.encode())
    analysis = await analyze([source])
    found = [finding for finding in analysis.findings if finding.rule == rule]
    assert found, analysis
    edit = (await mend(found, [source], analyze))[0].edit
    if edit is None:
        return None
    data = applied(source.data, edit)
    assert data is not None
    ast.parse(data)
    return data.decode().removeprefix(HEAD)


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (
            "bare-except",
            """
            def load(path):
                try:
                    return read(path)
                except:
                    logger.warning("cannot read %s", path)
                    return None
            """,
            """
            def load(path):
                try:
                    return read(path)
                except Exception:
                    logger.warning("cannot read %s", path)
                    return None
            """,
        ),
        (
            "bare-except",
            """
            def load(path):
                try:
                    return read(path)
                except:
                    pass
            """,
            """
            def load(path):
                try:
                    return read(path)
                except Exception:
                    logger.exception("load failed")
            """,
        ),
        (
            "swallowed-exception",
            """
            def load(path):
                try:
                    return read(path)
                except Exception:
                    return None
            """,
            """
            def load(path):
                try:
                    return read(path)
                except Exception:
                    logger.exception("load failed")
                    return None
            """,
        ),
        (
            "swallowed-exception",
            """
            def load(paths):
                for path in paths:
                    try:
                        read(path)
                    except (OSError, Exception):
                        continue
            """,
            """
            def load(paths):
                for path in paths:
                    try:
                        read(path)
                    except (OSError, Exception):
                        logger.exception("load failed")
                        continue
            """,
        ),
        (
            "print",
            """
            def greet(name):
                print("Hello", name, "at 100%")
            """,
            """
            def greet(name):
                logger.info("Hello %s at 100%%", name)
            """,
        ),
        (
            "print",
            """
            def greet(name):
                print(f"Hello {name!r}", flush=True)
            """,
            """
            def greet(name):
                logger.info(f"Hello {name!r}")
            """,
        ),
        (
            "print",
            """
            def greet(name):
                print(
                    "It's",
                    name,
                )
            """,
            """
            def greet(name):
                logger.info("It's %s", name)
            """,
        ),
        (
            "magic-number",
            """
            def expire(cache):
                cache.drop_older(86400)
            """,
            """
            def expire(cache):
                cache.drop_older(86400)  # seconds in a day
            """,
        ),
        (
            "magic-number",
            """
            def found(answer):
                return answer.status == 404
            """,
            """
            def found(answer):
                return answer.status == 404  # HTTP 404: Not Found
            """,
        ),
        (
            "naming",
            """
            def total(rows):
                rowCount = len(rows)
                logger.info(f"ä {rowCount} of {rows.rowCount}")
                return {"rowCount": rowCount, "more": max(rowCount, 1)}
            """,
            """
            def total(rows):
                row_count = len(rows)
                logger.info(f"ä {row_count} of {rows.rowCount}")
                return {"rowCount": row_count, "more": max(row_count, 1)}
            """,
        ),
        (
            "line-too-long",
            f"""
            def total(rows):
                return len(rows)  # {"words and " * 11}more
            """,
            f"""
            def total(rows):
                # {"words and " * 11}more
                return len(rows)
            """,
        ),
        (
            "E711",
            """
            def empty(row):
                return row == None
            """,
            None,  # ruff itself calls its edit unsafe
        ),
        (
            "F541",
            """
            def name():
                return f"nobody"
            """,
            """
            def name():
                return "nobody"
            """,
        ),
    ],
)
async def test_what_is_offered_mends_the_finding(rule: str, before: str, after: str | None) -> None:
    expected = None if after is None else dedent(after).lstrip("\n")
    assert await suggested(HEAD + dedent(before).lstrip("\n"), rule) == expected


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        # nothing to log with: a type alone would swallow as before
        ("bare-except", "def load():\n    try:\n        read()\n    except:\n        pass\n"),
        ("print", "def greet():\n    print('hello')\n"),
        # what print did and a log message does not
        ("print", HEAD + "def greet(names):\n    print(*names)\n"),
        ("print", HEAD + "def greet(name):\n    print(name, end='')\n"),
        ("print", HEAD + "def greet(name):\n    print(name)  # for the pipe\n"),
        ("print", HEAD + "def greet(name):\n    return print(name)\n"),
        ("print", HEAD + "def greet(name):\n    print(name); name()\n"),
        # a logger that comes later
        ("print", "print('hello')\n" + HEAD),
        # numbers that nobody can explain from afar
        ("magic-number", "def area(radius):\n    return radius * 3.14159\n"),
        ("magic-number", "def wide(pixels):\n    return pixels > 3600\n"),
        # others may know the name
        ("naming", "def total(rowCount):\n    return rowCount\n"),
        ("naming", "rowCount = 3\n"),
        ("naming", "def total():\n    rowCount = 3\n    return locals(), rowCount\n"),
        ("naming", "def total():\n    rowCount, row_count = 3, 4\n    return rowCount + row_count\n"),
        ("naming", "def total():\n    rowCount = 3\n    return f'{rowCount=}'\n"),
        (
            "naming",
            "def total():\n    rowCount = 3\n\n    def inner(rowCount):\n        return rowCount\n    return inner\n",
        ),
        # the code itself is too long, or the comment is for a tool
        ("line-too-long", "x = [" + "1, " * 60 + "1]\n"),
        ("line-too-long", "x = 1  # pylint: disable=" + "some-rule," * 12 + "other\n"),
        ("line-too-long", 'x = """\n# ' + "words " * 30 + '\n"""\n'),
        ("line-too-long", "# https://example.com/" + "a" * 120 + "\n"),
    ],
)
async def test_what_is_not_surely_right_is_not_offered(rule: str, code: str) -> None:
    assert await suggested(code, rule) is None


async def test_windows_line_ends_stay() -> None:
    code = HEAD + "def greet(name):\n    print(name)\n"
    after = await suggested(code.replace("\n", "\r\n"), "print")
    assert after is not None
    assert after.endswith('    logger.info("%s", name)\r\n')
    assert after.count("\n") == after.count("\r\n")


def of(path: str = "app.py", line: int = 1, edit: Edit | None = None, rule: str = "F401") -> Finding:
    return Finding(path=path, line=line, rule=rule, level=Level.STYLE, message="m", edit=edit)


class Looked:
    """An analyser that finds `BAD` in lines, as one rule, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def __call__(self, sources: Sequence[Source]) -> Analysis:
        self.asked.append([source.path for source in sources])
        found = [
            Finding(path=source.path, line=number, rule=word.lower(), level=Level.STYLE, message="m")
            for source in sources
            for number, line in enumerate(source.data.decode().split("\n"), 1)
            for word in ("BAD", "WORSE")
            if word in line
        ]
        return Analysis(findings=tuple(found))


SOURCE = Source(path="a/app.py", data=b"BAD\nBAD\nfine\n")


async def fate(edit: Edit, source: Source = SOURCE) -> Edit | None:
    return (await mend([of(source.path, edit=edit, rule="bad")], [source], Looked()))[0].edit


async def test_an_edit_of_the_engine_is_kept_where_it_mends() -> None:
    edit = Edit(start=1, end=1, lines=("good",))
    assert await fate(edit) == edit


@pytest.mark.parametrize(
    "edit",
    [
        Edit(start=1, end=1, lines=("still BAD",)),
        Edit(start=1, end=1, lines=("WORSE",)),
        Edit(start=1, end=1, lines=("BAD",)),  # changes nothing
        Edit(start=3, end=3, lines=("better",)),  # elsewhere
        Edit(start=4, end=4, lines=("good",)),  # no such line
        Edit(start=0, end=1, lines=("good",)),
        Edit(start=2, end=1, lines=("good",)),
        Edit(start=1, end=1, lines=("x",) * 41),
    ],
)
async def test_an_edit_that_does_not_mend_or_brings_another_problem_is_dropped(edit: Edit) -> None:
    assert await fate(edit) is None


async def test_an_edit_of_what_could_not_be_read_again_is_dropped() -> None:
    edit = Edit(start=1, end=1, lines=("x = " + "[" * 10_000,))
    source = Source(path="a.py", data=b"import os\n")
    assert (await mend([of("a.py", edit=edit)], [source], analyze))[0].edit is None


async def test_all_is_looked_at_in_one_call_and_under_names_of_its_own() -> None:
    looked = Looked()
    edit = Edit(start=1, end=1, lines=("good",))
    findings = [of("a/app.py", edit=edit, rule="bad"), of("b/app.py", edit=edit, rule="bad"), of("b/app.py")]
    sources = [SOURCE, Source(path="b/app.py", data=SOURCE.data)]
    mended = await mend(findings, sources, looked)
    assert [finding.edit for finding in mended] == [edit, edit, None]
    assert looked.asked == [["0/a/app.py", "0/b/app.py", "1/a/app.py", "2/b/app.py"]]


async def test_what_was_said_of_the_untouched_files_is_not_asked_again() -> None:
    looked = Looked()
    before = await looked([SOURCE])
    edits = [Edit(start=1, end=1, lines=("good",)), Edit(start=2, end=2, lines=("WORSE",))]
    mended = await mend([of("a/app.py", edit=e, rule="bad") for e in edits], [SOURCE], looked, before=before)
    assert [finding.edit for finding in mended] == [edits[0], None]
    assert looked.asked[1:] == [["1/a/app.py", "2/a/app.py"]]


@pytest.mark.parametrize(("why", "kept"), [(Why.NEWER, True), (Why.CRASHED, False), (Why.TIMED_OUT, False)])
async def test_a_file_that_the_engine_alone_read_is_mended_and_one_that_nobody_read_is_not(
    why: Why, kept: bool
) -> None:
    looked = Looked()
    before = replace(await looked([SOURCE]), unread=(Unread(path=SOURCE.path, why=why),))
    edit = Edit(start=1, end=1, lines=("good",))
    (mended,) = await mend([of(SOURCE.path, edit=edit, rule="bad")], [SOURCE], looked, before=before)
    assert mended.edit == (edit if kept else None)


async def test_nothing_to_try_asks_nobody() -> None:
    looked = Looked()
    assert await mend([of(), of(path="gone.py", edit=Edit(start=1, end=1, lines=()))], [SOURCE], looked) == (
        of(),
        of(path="gone.py"),
    )
    assert looked.asked == []


async def test_only_so_many_findings_are_tried() -> None:
    edit = Edit(start=1, end=1, lines=("good",))
    mended = await mend([of("a/app.py", edit=edit, rule="bad")] * 5, [SOURCE], Looked(), limit=2)
    assert [finding.edit for finding in mended] == [edit, edit, None, None, None]


@pytest.mark.parametrize(
    ("data", "edit", "after"),
    [
        (b"a\nb\n", Edit(start=1, end=1, lines=()), b"b\n"),
        (b"a\nb\n", Edit(start=2, end=2, lines=("c", "d")), b"a\nc\nd\n"),
        (b"a\nb", Edit(start=2, end=2, lines=("c",)), b"a\nc"),
        (b"a\r\nb\r\n", Edit(start=1, end=1, lines=("c", "d")), b"c\r\nd\r\nb\r\n"),
        (b"\xef\xbb\xbfa\nb\n", Edit(start=1, end=1, lines=("c",)), b"\xef\xbb\xbfc\nb\n"),
        (b"a\x0cb\nc\n", Edit(start=2, end=2, lines=("d",)), b"a\x0cb\nd\n"),  # a form feed ends no line
        (b"a\n", Edit(start=2, end=2, lines=("b",)), None),
        (b"", Edit(start=1, end=1, lines=("b",)), None),
    ],
)
def test_an_edit_is_applied_as_a_forge_does_it(data: bytes, edit: Edit, after: bytes | None) -> None:
    assert applied(data, edit) == after


@pytest.mark.parametrize(
    ("name", "snake"),
    [("fooBar", "foo_bar"), ("HTTPServer", "http_server"), ("parseXML", "parse_xml"), ("aB1cD", "a_b1c_d")],
)
def test_a_name_in_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 10_000,
        "x = " + "-" * 50_000 + "1",
        "x = " + "1+" * 50_000 + "1",
        "if a:\n pass\n" + "elif a:\n pass\n" * 10_000,
        "a" + "()" * 50_000,
        "x = 1\0",
        "x = 1\ry = 2\n",
        "# " + "x" * 200_000,
    ],
)
def test_what_nobody_wrote_is_not_parsed_and_hurts_nothing(text: str) -> None:
    assert Parsed.of(text.encode()) is None
