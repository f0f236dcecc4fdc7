"""What a review says on the forge: its form, its limits, and that strangers' words do nothing there."""

import re
from collections.abc import Mapping

import pytest
from markdown_it import MarkdownIt

from src.agent.comment_texts import COUNTS, LEFT_OUT, LEVELS, UNREAD
from src.agent.comments import (
    MOST,
    SHOWN,
    SUMMARY_MARKER,
    Suggestions,
    counts,
    inline,
    is_summary,
    review_body,
    status,
    summary,
)
from src.agent.findings import Edit, Finding, Level, Unread, Why
from src.agent.left_out import LeftOut
from src.agent.quoting import LONGEST, address, code, sentence
from src.agent.repo_settings import Mistake
from src.agent.report import Report
from src.forge import StatusState
from src.forges import FORGE_TYPES
from src.i18n import languages
from src.markdown import mentions

MARKDOWN = MarkdownIt("commonmark", {"html": True})
SHA = "0123456789abcdef0123456789abcdef01234567"


def finding(
    message: str = "Something",
    *,
    path: str = "app.py",
    line: int = 1,
    rule: str = "print",
    level: Level = Level.STYLE,
    advice: str = "",
    params: Mapping[str, str] | None = None,
    edit: Edit | None = None,
    url: str | None = None,
    symbol: str = "",
) -> Finding:
    return Finding(
        path=path,
        line=line,
        rule=rule,
        level=level,
        message=message,
        advice=advice,
        params=params or {},
        edit=edit,
        url=url,
        symbol=symbol,
    )


def report(*findings: Finding, **more: object) -> Report:
    return Report(**{"head_sha": SHA, "files": 3, "findings": findings, **more})  # type: ignore[arg-type]


def shown(markdown: str) -> str:
    """What a reader sees of the prose, code left out: where a forge looks for mentions, references and addresses."""
    return "\n".join(
        child.content
        for token in MARKDOWN.parse(markdown)
        for child in token.children or []
        if child.type in ("text", "html_inline")
    )


SPEC = (
    finding(
        "Необработанное исключение - используйте конкретный тип исключения",
        line=15,
        rule="bare-except",
        level=Level.CRITICAL,
        advice="Замените на except SpecificException: или except Exception as e:",
    ),
    finding("Использование print() в коде", line=23, advice="Используйте logging вместо print()"),
)


def test_the_russian_summary_has_the_form_of_the_specification() -> None:
    text = summary(report(*SPEC), "ru")
    assert text.startswith(
        """\
🤖 **Автоматический анализ кода**

🔍 **Найденные проблемы:**

📄 `app.py`

1. **Критическая ошибка** (строка 15): Необработанное исключение - используйте конкретный тип исключения
   💡 **Рекомендация**: Замените на except SpecificException: или except Exception as e:

2. **Стиль кода** (строка 23): Использование print() в коде
   💡 **Рекомендация**: Используйте logging вместо print()

💡 Рекомендую исправить найденные проблемы перед мержем.
"""
    )


def test_the_english_summary_has_the_same_form() -> None:
    text = summary(
        report(finding("`{name}()` in the code", line=23, advice="Use `logging`.", params={"name": "print"})), "en"
    )
    assert "1. **Code style** (line 23): `print()` in the code\n   💡 **Recommendation**: Use `logging`." in text
    assert text.splitlines()[-1] == SUMMARY_MARKER


def test_lines_end_on_gitlab_too() -> None:
    assert "исключения  \n   💡 **Рекомендация**" in summary(report(*SPEC), "ru", Suggestions.OFFSETS)


def test_the_worst_comes_first_and_the_numbers_go_on_over_files() -> None:
    text = summary(
        report(
            finding("a style", path="a.py", line=1),
            finding("b style", path="b.py", line=1),
            finding("b worse", path="b.py", line=9, level=Level.CRITICAL),
            finding("c risk", path="c.py", line=2, level=Level.SECURITY),
        ),
        "en",
    )
    assert re.findall(r"^(?:📄 `(\S+)`|\d+\. .*: (.*))$", text, re.MULTILINE) == [
        ("b.py", ""),
        ("", "b worse"),
        ("", "b style"),
        ("c.py", ""),
        ("", "c risk"),
        ("a.py", ""),
        ("", "a style"),
    ]
    assert re.findall(r"^(\d+)\. ", text, re.MULTILINE) == ["1", "2", "3", "4"]


def test_the_same_style_in_one_file_is_told_once() -> None:
    same = [finding("Too long", line=line, rule="E225") for line in (9, 4, 7)]
    worse = [finding("Bad", line=line, rule="bare-except", level=Level.CRITICAL) for line in (1, 2)]
    text = summary(report(*same, *worse), "en")
    assert "3. **Code style** (lines 4, 7, 9): Too long" in text
    assert text.count("**Critical error**") == 2


def test_lines_and_files_are_linked() -> None:
    text = summary(
        report(finding(path="a b)(.py", line=7), link=lambda path, line: f"https://forge/{path}#L{line or 0}"), "en"
    )
    assert "([line 7](https://forge/a%20b%29%28.py#L7))" in text
    assert "📄 [`a b)(.py`](https://forge/a%20b%29%28.py#L0)" in text


def test_paths_of_thousands_of_bytes_leave_room_for_what_is_found_elsewhere() -> None:
    long = [f"{number}/" + "ж" * 2_000 + f"/end{number}.py" for number in range(8)]
    found = [finding("Grave", path=path, level=Level.CRITICAL) for path in long]
    found += [finding(path="short.py", line=line, message=f"Word {line}") for line in range(1, 20)]

    def link(path: str, line: int | None) -> str:
        return f"https://x.example/{path}#L{line or 0}"

    said = summary(report(*found, unread=(Unread(path=long[0], why=Why.TOO_LARGE),), link=link), "en")

    assert len(said) < 10_000
    assert all(f"жж/end{number}.py`" in said for number in range(8))
    assert said.count("/end0.py`") == 2
    assert "](https://x.example/short.py#L19)" in said
    assert "Word 19" in said


def test_more_than_thirty_are_folded() -> None:
    text = summary(report(*(finding(f"number {n}", line=n) for n in range(1, SHOWN + 6))), "en")
    before, fold, after = text.partition("<details>\n<summary>5 more</summary>")
    assert fold
    assert before.count("**Code style**") == SHOWN
    assert after.count("**Code style**") == 5
    assert after.count("</details>") == 1
    assert re.findall(r"^(\d+)\. ", text, re.MULTILINE) == [str(n) for n in range(1, SHOWN + 6)]


@pytest.mark.parametrize("number", [200, 1_000, 5_000])
def test_what_has_no_room_is_counted_and_nothing_is_lost(number: int) -> None:
    findings = [finding(f"number {n} " + "word " * 30, line=n, advice="advice " * 20) for n in range(number)]
    unread = Unread(path="huge.py", why=Why.TOO_LARGE)
    text = summary(report(*findings, unread=(unread,)), "en")
    assert len(text) <= MOST
    told = text.count("**Code style**")
    left = re.search(r"^and (\d+) more$", text, re.MULTILINE)
    assert left
    assert told + int(left.group(1)) == number
    assert told > 100
    assert "`huge.py`: too large" in text
    assert is_summary(text)


def test_a_summary_of_nothing_but_long_lists_has_room_too() -> None:
    unread = tuple(Unread(path="x" * 400 + str(n), why=Why.CRASHED, detail="d" * 300) for n in range(3_000))
    mistakes = tuple(Mistake(message="{key}", params={"key": "k" * 400}) for _ in range(500))
    text = summary(report(*(finding(f"n {n}") for n in range(500)), unread=unread, mistakes=mistakes), "ru")
    assert len(text) <= MOST
    assert "и ещё 2980" in text


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("why", Why)
def test_what_was_not_analysed_is_said_and_is_never_all_right(language: str, why: Why) -> None:
    text = summary(report(unread=(Unread(path="a.py", why=why, detail="3 of 4"), Unread(path="", why=why))), language)
    assert "✅" not in text
    assert "⚠️" in text
    assert "`a.py`: " in text
    assert "(3 of 4)" in text


@pytest.mark.parametrize("why", set(Why) - {Why.NEWER})
def test_the_status_of_what_was_not_analysed_is_no_success(why: Why) -> None:
    unread = (Unread(path="a.py", why=why),)
    assert status(report(unread=unread), "en") == (StatusState.ERROR, "No problems found; not analysed: 1")
    assert status(report(finding(), unread=unread), "en")[0] is StatusState.ERROR
    assert status(report(finding(level=Level.CRITICAL), unread=unread), "en")[0] is StatusState.FAILURE


@pytest.mark.parametrize(
    ("findings", "state", "words"),
    [
        ((), StatusState.SUCCESS, "No problems found"),
        ((finding(), finding()), StatusState.SUCCESS, "style: 2"),
        ((finding(level=Level.OPINION),), StatusState.SUCCESS, "opinions: 1"),
        ((finding(level=Level.SECURITY), finding()), StatusState.FAILURE, "security: 1, style: 1"),
        ((finding(level=Level.CRITICAL),), StatusState.FAILURE, "critical: 1"),
    ],
)
def test_the_status_counts(findings: tuple[Finding, ...], state: StatusState, words: str) -> None:
    assert status(report(*findings), "en") == (state, words)


def test_a_file_that_only_some_checks_saw_is_told_beside_the_counts() -> None:
    unread = (Unread(path="a.py", why=Why.NEWER),)
    assert status(report(unread=unread), "en") == (StatusState.SUCCESS, "No problems found; analysed in part: 1")


@pytest.mark.parametrize("language", languages())
def test_a_status_fits(language: str) -> None:
    every = tuple(finding(level=level) for level in Level for _ in range(1_234))
    unread = tuple(Unread(path=str(n), why=why) for n, why in enumerate(list(Why) * 300))
    assert len(status(report(*every, unread=unread), language)[1]) < 140


def test_a_clean_review_says_how_many_files_it_saw() -> None:
    text = summary(report(), "en")
    assert "✅ No problems found in 3 files." in text
    assert "I recommend" not in text


def test_what_is_beside_the_findings_is_said() -> None:
    text = summary(
        report(
            finding("It may divide by zero", level=Level.OPINION, rule="opinion"),
            left_out={"a.lock": LeftOut.LOCK, "b.lock": LeftOut.LOCK, "v/x.py": LeftOut.VENDORED},
            mistakes=(Mistake(message="there is no key {key}", params={"key": "@all"}),),
            resolved=4,
            left_alone=2,
            model="some/model-1",
        ),
        "en",
    )
    assert "Left out on purpose: other people's code: 1, lock files: 2." in text
    assert "there is no key `@all`" in text
    assert "Fixed since the last review: 4." in text
    assert "people resolved or answered it: 2." in text
    assert "language model `some/model-1`: it may be wrong." in text
    assert f"Commit `{SHA[:12]}`" in text


def test_only_the_last_line_makes_a_summary() -> None:
    assert is_summary(summary(report(), "ru"))
    assert is_summary(f"a\r\n{SUMMARY_MARKER}\r\n")
    assert not is_summary(f"> {SUMMARY_MARKER}")
    assert not is_summary(f"{SUMMARY_MARKER}\nand I say more")
    assert not is_summary("")


def test_every_table_of_texts_is_total() -> None:
    assert (set(LEVELS), set(COUNTS), set(UNREAD), set(LEFT_OUT)) == (set(Level), set(Level), set(Why), set(LeftOut))


def test_counts_come_worst_first() -> None:
    found = counts([finding(), finding(level=Level.CRITICAL), finding()])
    assert list(found.items()) == [(Level.CRITICAL, 1), (Level.STYLE, 2)]


def test_the_words_above_the_comments() -> None:
    assert review_body(1, "en").startswith(
        "🤖 1 comment on the code; the summary is a comment of its own.\n\n<!-- git-"
    )
    assert review_body(3, "en").startswith("🤖 3 comments ")


# Inline comments.

EDIT = Edit(start=4, end=6, lines=("    except Exception:", "        raise"))


def test_a_suggestion_on_github_covers_the_lines_of_the_comment() -> None:
    body = inline(finding(edit=EDIT), Suggestions.LINES, "en", line=6, start_line=4)
    assert "\n\n```suggestion\n    except Exception:\n        raise\n```\n\n" in body
    for line, start in ((6, None), (5, 4), (6, 3), (4, None)):
        assert "suggestion" not in inline(finding(edit=EDIT), Suggestions.LINES, "en", line=line, start_line=start)


def test_a_suggestion_of_one_line_on_github() -> None:
    edit = Edit(start=4, end=4, lines=())
    assert "```suggestion\n```" in inline(finding(edit=edit), Suggestions.LINES, "en", line=4)


@pytest.mark.parametrize(("line", "word"), [(4, "suggestion:-0+2"), (6, "suggestion:-2+0"), (5, "suggestion:-1+1")])
def test_a_suggestion_on_gitlab_says_how_far_it_reaches(line: int, word: str) -> None:
    assert f"```{word}\n    except" in inline(finding(edit=EDIT), Suggestions.OFFSETS, "en", line=line)


@pytest.mark.parametrize(
    "edit",
    [
        Edit(start=4, end=105, lines=("x",)),  # more than a hundred lines below
        Edit(start=5, end=6, lines=("x",)),  # not at this line
        Edit(start=4, end=4, lines=("/close",)),  # an order to GitLab, should the fence not hold
    ],
)
def test_what_gitlab_cannot_apply_is_no_suggestion(edit: Edit) -> None:
    assert "suggestion" not in inline(finding(edit=edit), Suggestions.OFFSETS, "en", line=4)


@pytest.mark.parametrize("style", [Suggestions.LINES, Suggestions.OFFSETS])
@pytest.mark.parametrize(
    "line",
    ["x = '\u202e evil'", "x = 1\r", "x = '\x1b[0m'", "x = 1\ny = 2\x85", "# <!-- git-assistant:review v1 fp=1 -->"],
)
def test_a_suggestion_that_would_not_show_what_it_does_is_not_made(style: Suggestions, line: str) -> None:
    edit = Edit(start=4, end=4, lines=(line,))
    assert "suggestion" not in inline(finding(edit=edit), style, "en", line=4)


def test_without_suggestions_there_is_none() -> None:
    assert "suggestion" not in inline(finding(edit=EDIT), Suggestions.NONE, "en", line=6, start_line=4)


@pytest.mark.parametrize("run", range(6))
def test_no_line_of_a_suggestion_ends_its_fence(run: int) -> None:
    lines = ("x = 1", "`" * run, "@all </details> <b>", "   " + "`" * run)
    edit = Edit(start=4, end=4, lines=lines)
    body = inline(finding(edit=edit), Suggestions.LINES, "en", line=4)
    fences = [token for token in MARKDOWN.parse(body) if token.type == "fence"]
    assert [(fence.info, fence.content) for fence in fences] == [("suggestion", "\n".join(lines) + "\n")]
    assert mentions(body) == ()


def test_the_marker_is_the_last_line() -> None:
    body = inline(finding(edit=EDIT), Suggestions.LINES, "ru", line=6, start_line=4, marker="<!-- m -->")
    assert body.endswith("\n\n<!-- m -->")


def test_a_rule_is_linked_to_its_page_only_where_that_is_one() -> None:
    page = "https://docs.astral.sh/ruff/rules/unused-import"
    assert f"<sub>[`F401`]({page})</sub>" in inline(finding(rule="F401", url=page), Suggestions.NONE, "en", line=1)
    assert "javascript" not in inline(finding(rule="F401", url="javascript:x"), Suggestions.NONE, "en", line=1)


def test_an_opinion_says_that_it_is_one() -> None:
    body = inline(finding("No lock here", level=Level.OPINION, rule="opinion"), Suggestions.LINES, "en", line=1)
    assert body.startswith("**A language model's opinion**: No lock here")
    assert "it may be wrong" in body


# Strangers' words.

HOSTILE = [
    "@all",
    "@acme/owners,",
    "(@ann)",
    "a@b.example",
    "#12",
    "acme/rocket#12",
    "GH-12",
    "!5",
    "$3",
    "~bug",
    "%v1",
    "&4",
    "https://evil.example/x",
    "www.evil.example",
    "ftp://evil.example",
    "<img src=x onerror=alert(1)>",
    "</details>",
    "<!-- git-assistant:summary v1 -->",
    "[link](https://evil.example)",
    "![image](https://evil.example)",
    "**bold**",
    "a`b",
    "`` ` ``",
    "```",
    "x\n\n# Heading",
    "x\n/close",
    "x\r\n> quoted",
    "\u202ereversed",
    "0123456789abcdef",
    "\\@ann",
    "&commat;ann",
    "| a | b |",
    "-----",
    "{name}",
    "{",
    "\ud800",
    "",
]
MEANING = re.compile(r"[@#$~%&*<>\[\]`|\\{}]|(?<![\w)])!|//|www\.|[0-9a-f]{7,}|GH-|\n\s*/|[\u202e\ud800]")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_word_of_a_stranger_has_a_meaning_in_a_comment(text: str) -> None:
    """As a value, as the engine's words inside and outside backticks, as a path, as a model's opinion."""
    findings = (
        finding("Name {name}, again `{name}`", params={"name": text}),
        finding(f"Undefined name `{text}`", line=2),
        finding(f"Words {text} and more", line=3, advice=f"Say {text}"),
        finding("Path", path=f"src/{text}/a.py", line=4),
    )
    unread = Unread(path=text or "x", why=Why.CRASHED)
    mistake = Mistake(message="there is no key {key}", params={"key": text})
    bodies = [summary(report(*findings, unread=(unread,), mistakes=(mistake,), model=text), "en")]
    bodies += [inline(each, Suggestions.LINES, "en", line=1) for each in findings]
    for body in bodies:
        prose = re.sub(r"</?sub>|!--|--", "", shown(body))
        found = MEANING.search(prose.replace("🤖", ""))
        assert found is None, (found, body)
        assert mentions(body) == ()
        body.encode()
        kinds = {token.type for token in MARKDOWN.parse(body)}
        assert not kinds & {"heading_open", "blockquote_open", "hr", "fence", "code_block"}
    assert [line for line in bodies[0].splitlines() if line.strip() == SUMMARY_MARKER] == [SUMMARY_MARKER]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_a_code_span_shows_the_text_and_holds(text: str) -> None:
    (token,) = (token for token in MARKDOWN.parse(f"x {code(text)} y") if token.type == "inline")
    assert [child.type for child in token.children or []] == ["text", "code_inline", "text"]


@pytest.mark.parametrize(
    ("message", "params", "markdown"),
    [
        ("`os` imported but unused", {}, "`os` imported but unused"),
        ("Use `{name}` here", {"name": "x`y"}, "Use ``x`y`` here"),
        ("The line is {length} long", {"length": "130"}, "The line is 130 long"),
        ("Wants snake_case, not @x", {}, "Wants `snake_case,` not `@x`"),
        ("a `b`@c d", {}, "a `b@c` d"),
        ("Dictionary key literal `{x}` repeated", {}, "Dictionary key literal `{x}` repeated"),
        ("Expected {name}", {"other": "1"}, "Expected `{name}`"),
        ("One ` alone", {}, "One `` ` `` alone"),
    ],
)
def test_a_sentence_keeps_its_prose(message: str, params: dict[str, str], markdown: str) -> None:
    assert sentence(message, params) == markdown


def test_a_long_sentence_is_cut() -> None:
    assert len(sentence("word " * 1_000, {})) <= LONGEST


def test_nothing_ends_the_destination_of_a_link() -> None:
    assert not set(address("https://f/a b)(<>\\`\n[x]")) & set(" ()<>\\`\n[]")


def test_each_forge_says_how_it_takes_suggestions() -> None:
    assert {kind: Suggestions(forge.suggestions) for kind, forge in FORGE_TYPES.items()} == {
        "github": Suggestions.LINES,
        "gitlab": Suggestions.OFFSETS,
    }
