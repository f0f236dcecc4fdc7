"""A finding keeps its identity while its line stays, wherever that line goes."""

import pytest

from src.agent.findings import Finding, Level, Source
from src.agent.fingerprints import Fingerprint, identify, marker, read_marker

CODE = b"""import os


def first():
    try:
        os.remove("a")
    except:
        pass


def second():
    try:
        os.remove("b")
    except:
        print("gone")
"""


def bare(line: int, path: str = "a.py") -> Finding:
    return Finding(path=path, line=line, rule="bare-except", level=Level.CRITICAL, message="m")


def named(line: int, symbol: str) -> Finding:
    return Finding(path="a.py", line=line, rule="naming", level=Level.STYLE, message="m", symbol=symbol)


def of(code: bytes, *findings: Finding) -> tuple[Fingerprint, ...]:
    sources = [Source(path=path, data=code) for path in {finding.path for finding in findings}]
    return tuple(known.fingerprint for known in identify(findings, sources))


def test_lines_inserted_above_change_nothing() -> None:
    (before,) = of(CODE, bare(7))
    (after,) = of(b"# a licence\n# of two lines\n" + CODE, bare(9))
    assert after == before


def test_a_file_renamed_keeps_the_identity_of_what_is_in_it() -> None:
    assert of(CODE, bare(7)) == of(CODE, bare(7, path="b/c.py"))


def test_code_indented_anew_keeps_its_identity() -> None:
    deeper = b"class All:\n" + b"".join(b"\t" + line + b"\n" if line else b"\n" for line in CODE.split(b"\n"))
    (before,), (after,) = of(CODE, bare(7)), of(deeper, bare(8))
    assert after == before


def test_line_ends_of_windows_change_nothing() -> None:
    assert of(CODE, bare(7)) == of(CODE.replace(b"\n", b"\r\n"), bare(7))


def test_two_findings_that_look_the_same_are_told_apart_by_what_is_around_them() -> None:
    first, second = of(CODE, bare(7), bare(14))
    assert first.what == second.what
    assert first.likeness(second) == 0
    assert first.likeness(first) == 3


def test_another_rule_or_another_thing_on_the_same_line_is_another_finding() -> None:
    line = b"def fooBar(barBaz):\n"
    one, other = of(line, named(1, "fooBar"), named(1, "barBaz"))
    assert one.what != other.what
    assert of(line, bare(1))[0].what not in {one.what, other.what}


def test_a_name_stays_the_same_finding_when_its_line_changes() -> None:
    (before,), (after,) = of(b"def fooBar(a):\n", named(1, "fooBar")), of(b"def fooBar(a, b=1):\n", named(1, "fooBar"))
    assert before.what == after.what


def test_a_line_that_says_something_else_is_another_finding() -> None:
    (before,), (after,) = of(b"except:\n", bare(1)), of(b"except:  # noqa\n", bare(1))
    assert before.what != after.what


@pytest.mark.parametrize("line", [0, -3, 1, 99])
def test_a_finding_behind_the_end_of_its_file_has_an_identity_as_well(line: int) -> None:
    assert len(of(b"", bare(line))[0].what) == 16


def test_a_file_of_nothing_but_findings_is_read_in_a_blink() -> None:
    code = b"\n" * 100_000 + b"    print(1)\n" * 20_000
    prints = [bare(100_000 + line) for line in range(1, 20_001)]
    assert len(set(of(code, *prints))) < 10


def test_a_marker_is_read_as_it_was_written() -> None:
    (fingerprint,) = of(CODE, bare(7))
    text = marker(fingerprint)
    assert text.startswith("<!--")
    assert text.endswith("-->")
    assert "\n" not in text
    for body in (text, f"**Critical**\n\n{text}", f"x\r\n\r\n{text}\r\n", f"{text}\n\n"):
        assert read_marker(body) == fingerprint


@pytest.mark.parametrize(
    "body",
    [
        "",
        "**Critical**: nothing",
        "{0}\n\nand more",  # quoted, not said
        "```python\n{0}\n```",
        "> {0}",
        " {0}",
        "x {0}",
        "{0} {0}",
        "<!-- git-assistant:review v2 fp=0123456789abcdef near=0123.4567.89ab -->",
        "<!-- git-assistant:review v1 fp=0123456789ABCDEF near=0123.4567.89ab -->",
        "<!-- git-assistant:review v1 fp=0123456789abcde near=0123.4567.89ab -->",
        "<!-- git-assistant:review v1 fp=0123456789abcdef near=0123.4567 -->",
        "<!-- git-assistant:review v1 fp=0123456789abcdef -->",
    ],
)
def test_what_is_not_exactly_a_marker_at_the_end_is_none(body: str) -> None:
    assert read_marker(body.format(marker(of(CODE, bare(7))[0]))) is None
