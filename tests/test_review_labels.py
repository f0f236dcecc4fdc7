"""The labelled cases of `make bench-review`: enough of each rule, and the snippets found as they are labelled."""

from pathlib import Path

import pytest

from src.agent.findings import Finding, Level, Source
from tests.bench.review import labels, report
from tests.bench.review.corpora import Library
from tests.bench.review.judged import Count, findings_of, judge
from tests.bench.review.labels import Case, changed, references, snippets

RULES = pytest.mark.parametrize("rule", labels.RULES)


@RULES
def test_every_rule_has_forty_cases_and_half_of_them_are_not_ours(rule: str) -> None:
    verdicts = [row[0] for row in labels.rows(rule)]
    assert set(verdicts) <= {"yes", "no", "open"}
    theirs, ours = len(verdicts) - verdicts.count("open"), len(list(snippets(rule)))
    assert min(theirs, ours) >= 20
    assert min(verdicts.count("yes"), verdicts.count("no")) >= 20


@RULES
async def test_what_a_careful_reviewer_says_of_our_snippets_is_said(rule: str) -> None:
    cases = list(snippets(rule))
    found, _ = await findings_of(case.source for case in cases)
    count = judge(rule, cases, found)
    assert count.missed == []
    assert count.alarms == []


def test_python_refuses_what_is_labelled_as_a_syntax_error() -> None:
    """Newer grammar is labelled as none, and an older Python may refuse it: that is not asked here."""
    for case in snippets("syntax-error"):
        if case.must_speak:
            with pytest.raises(SyntaxError):
                compile(case.source.data, case.title, "exec", dont_inherit=True)


def test_what_is_labelled_as_too_long_is() -> None:
    for case in snippets("line-too-long"):
        lines = case.source.data.decode().removesuffix("\n").split("\n")
        assert {number for number, line in enumerate(lines, 1) if len(line) > 120} == case.lines, case.title


def finding(path: str, line: int, rule: str) -> Finding:
    return Finding(path=path, line=line, rule=rule, level=Level.STYLE, message="")


def test_a_miss_and_a_false_alarm_are_counted_and_named() -> None:
    source = Source(path="a.py", data=b"print(1)\n\nprint(2)\n")
    wanted = Case("print", "wanted", source, frozenset({1, 3}), None, is_ours=True)
    clean = Case("print", "clean", source, frozenset(), frozenset({2}), is_ours=False)
    half = [finding("a.py", 1, "print"), finding("a.py", 3, "E711")]
    count = judge("print", [wanted, clean], {"a.py": half})
    assert (count.cases, count.wanted, count.found, count.false) == (2, 1, 0, 0)
    assert count.missed == ["wanted"]
    count = judge("print", [wanted, clean], {"a.py": [finding("a.py", line, "print") for line in (1, 2, 3)]})
    assert (count.recall, count.false) == (1.0, 2)
    assert count.alarms == ["wanted", "clean"]
    assert count.others == 1


def test_a_reference_leads_to_the_line_of_its_scope_and_nowhere_in_a_library_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "FOLDER", tmp_path)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text("x = 1\n\ndef f():\n    x = 1\n    y = 2\n    x = 1\n")
    digest = labels.digest("x = 1")
    table = "".join(
        f"{verdict}\tpackage.module\t{scope}\t{digest}\t{which}\n"
        for verdict, scope, which in (("yes", "f", 2), ("no", "-", 1), ("open", "f", 1), ("yes", "g", 1))
    )
    (tmp_path / "print.tsv").write_text(f"# Columns\n{table}")
    cases, gone = references("print", Library(tmp_path, "1"))
    assert [(case.title, sorted(case.lines), sorted(case.silent or ())) for case in cases] == [
        ("package/module.py:6", [6], [6]),
        ("package/module.py:1", [], [1]),
    ]
    assert gone == [f"package.module g {digest}"]


@pytest.mark.parametrize(
    ("how", "text"),
    [("cut 1", "a\nb\nc\n"), ("append )", "a\nb:)\nc\n"), ("indent", "a\n b:\nc\n"), ("before x y", "a\nx y\nb:\nc\n")],
)
def test_a_line_is_broken_as_the_table_says(how: str, text: str) -> None:
    assert changed("a\nb:\nc\n", 2, how) == text


def test_the_table_says_which_promise_is_broken(tmp_path: Path) -> None:
    good, bad, other = Count("good"), Count("bad"), Count("other")
    good.add("one", wanted=True, found=True)
    bad.add("two", wanted=True, found=False)
    lines = report.table([good, bad, other], {"good": True, "bad": False}).split("\n")
    assert [line.split()[-1] for line in lines[1:]] == ["kept", "BROKEN", "0.000"]
    assert report.mistakes([good, bad, other]) == "bad: missed: two"
    file = tmp_path / "build" / "bench-review.json"
    report.write({"corpus": "1"}, [good, bad], [], file)
    report.write({}, [good], [], file)
    assert '"recall": 0.0' in file.read_text()
    assert '"corpus": "1"' in file.read_text()
