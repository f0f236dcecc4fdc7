"""`.git-assistant.toml`: every key, every mistake, and what fits a pattern."""

import json
import re
import time
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pytest

from src.agent.findings import Finding, Level
from src.agent.globs import fits
from src.agent.repo_settings import KEYS, MAX_BYTES, MAX_ITEMS, RepoSettings, answers, read

DOCS = Path("docs/reviews.md")
RULES = ("syntax-error", "bare-except", "swallowed-exception", "print", "line-too-long", "naming", "magic-number")
BRACKETS = ("[ab", "a/[b/c]", "[z-a].py", "[]", "[[:alpha:]]", "x[![:alpha:]]", "x[a[:digit:]]")
NO_LIST = "that begins no list of characters; write [[] for the character itself"


def finding(rule: str, level: Level = Level.STYLE) -> Finding:
    return Finding(path="a.py", line=1, rule=rule, level=level, message="m")


def told(settings: RepoSettings) -> list[str]:
    return [mistake.message.format(**mistake.params) for mistake in settings.mistakes]


def test_without_the_file_the_defaults_hold() -> None:
    assert read(None) == RepoSettings() == read(b"")


def test_every_key_is_read() -> None:
    written = b"""
[review]
enabled = false
language = "ru"
drafts = true
bots = true
suggestions = false
second-opinion = false
max-line-length = 100
max-comments = 5
ignore-paths = ["docs/**"]
include-paths = ["vendor/ours/**"]
ignore-rules = ["print", "E7"]
[review.levels]
magic-number = "critical"
S101 = "style"
"""
    settings = read(written, RULES)
    assert not settings.mistakes
    assert set(tomllib.loads(written.decode())["review"]) == set(KEYS)
    assert settings == RepoSettings(
        enabled=False,
        language="ru",
        drafts=True,
        bots=True,
        suggestions=False,
        second_opinion=False,
        max_line_length=100,
        max_comments=5,
        ignore_paths=("docs/**",),
        include_paths=("vendor/ours/**",),
        ignore_rules=("print", "E7"),
        levels={"magic-number": Level.CRITICAL, "S101": Level.STYLE},
    )


def test_every_field_has_a_key_and_every_key_a_row_in_the_docs() -> None:
    assert {field.name.replace("_", "-") for field in fields(RepoSettings)} - {"mistakes"} == set(KEYS)
    rows = re.findall(r"^\| `([a-z-]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert [key for key in rows if key in KEYS] == list(KEYS)


def test_the_example_in_the_docs_holds() -> None:
    examples = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        settings = read(example.encode(), RULES)
        assert told(settings) == []
        assert settings != RepoSettings()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"[review]\nenabled = 1", ["enabled has to be true or false"]),
        (b'[review]\nlanguage = "fr"', ["language has to be one of en, ru"]),
        (b'[review]\nlanguage = ["ru"]', ["language has to be one of en, ru"]),
        (b"[review]\nmax-line-length = true", ["max-line-length has to be a whole number from 40 to 400"]),
        (b"[review]\nmax-comments = 51", ["max-comments has to be a whole number from 0 to 50"]),
        (b"[review]\nignore-path = []", ["there is no key ignore-path; did you mean ignore-paths?"]),
        (b"[review]\nzzz = 1", ["there is no key zzz"]),
        (b'[review]\nignore-paths = "docs"', ["ignore-paths has to be a list of strings"]),
        (b'[review]\nignore-rules = ["printt"]', ["ignore-rules: there is no rule printt"]),
        (b'[review.levels]\nprint = "opinion"', ["levels.print has to be one of critical, security, style"]),
        (b'[review]\nlevels = "style"', ["levels has to be a table"]),
        (b"review = 1", ["review has to be a table"]),
        (b"[[review]]\ndrafts = true", ["review has to be a table"]),
        (b"drafts = true", ["drafts belongs below [review]"]),
        (b"[levels]\nprint = 'style'", ["levels belongs below [review]"]),
        (b"langauge = 'ru'", ["there is no key langauge; did you mean language?"]),
        (b"[review]\nDRAFTS = true", ["there is no key DRAFTS; did you mean drafts?"]),
        (b"x = 1", ["there is no key x"]),
        (b"[agent]\nmodel = 'x'", ["there is no table [agent]"]),
        (
            b"[review.levels]\nopinion = 'critical'",
            ["levels.opinion: a language model's opinion has no other level; ignore-rules can silence it"],
        ),
        (b"\xff\xfe", ["the file is not in UTF-8"]),
        (b"#" * (MAX_BYTES + 1), ["the file is larger than 65536 bytes"]),
        (b"x = " + b"[" * 20_000, ["the file is nested too deeply"]),
        (b"a." * 30_000 + b"a = 1", ["a line of the file has more than 500 dots"]),
    ],
)
def test_what_is_wrong_is_told(written: bytes, said: list[str]) -> None:
    assert told(read(written, RULES)) == said


def test_what_is_no_toml_is_told_with_its_place() -> None:
    settings = read(b"[review]\nenabled = yes")
    assert told(settings)[0].startswith("the file is not TOML: ")
    assert "line 2" in told(settings)[0]


def test_a_number_of_five_thousand_digits_is_a_mistake_and_no_crash() -> None:
    assert len(read(b"x = " + b"9" * 5_000).mistakes) == 1


def test_a_wrong_value_leaves_the_others_in_force() -> None:
    settings = read(b'[review]\nlanguage = "xx"\ndrafts = true\nignore-paths = ["a", 7, "b"]', RULES)
    assert settings.drafts
    assert settings.language == "en"
    assert settings.ignore_paths == ("a", "b")
    assert len(settings.mistakes) == 2


def test_the_first_two_hundred_entries_of_a_long_list_hold() -> None:
    names = ", ".join(f'"f{number}"' for number in range(MAX_ITEMS + 50))
    settings = read(f"[review]\nignore-paths = [{names}]".encode())
    assert len(settings.ignore_paths) == MAX_ITEMS
    assert told(settings) == ["ignore-paths has more than 200 entries; the first ones hold"]


def test_of_a_long_table_of_levels_the_first_two_hundred_hold_and_it_is_told() -> None:
    levels = "\n".join(f'E{number} = "style"' for number in range(MAX_ITEMS + 50))
    settings = read(f"[review.levels]\n{levels}".encode())
    assert len(settings.levels) == MAX_ITEMS
    assert told(settings) == ["levels has more than 200 entries; the first ones hold"]


@pytest.mark.parametrize(
    ("table", "named", "near"),
    [
        ("[reviews]", "[reviews]", "[review]"),
        ("[Review]", "[Review]", "[review]"),
        ("[REVIEW]", "[REVIEW]", "[review]"),
        ("[[reviews]]", "[reviews]", "[review]"),
        ("[code-review]", "[code-review]", "[review]"),
        ("[git-assistant]", "[git-assistant]", "[review]"),
        ("[tool.git-assistant]", "[tool.git-assistant]", "[review]"),
        ("[tool.git-assistant.review]", "[tool.git-assistant.review]", "[review]"),
        ("[tool.git_assistant.review.levels]", "[tool.git_assistant.review]", "[review]"),
        ("[level]", "[level]", "[review.levels]"),
        ('["review.levels"]', '["review.levels"]', "[review.levels]"),
    ],
)
def test_a_misplaced_table_is_told_and_the_right_one_holds(table: str, named: str, near: str) -> None:
    settings = read(f'{table}\nlanguage = "en"\n[review]\nlanguage = "ru"\n'.encode())
    assert told(settings) == [f"there is no table {named}; did you mean {near}?"]
    assert settings.language == "ru"


def test_each_table_among_tables_is_told() -> None:
    settings = read(b"[tool.ruff]\nline-length = 88\n[tool.git-assistant.review]\ndrafts = true\n")
    assert told(settings) == [
        "there is no table [tool.ruff]",
        "there is no table [tool.git-assistant.review]; did you mean [review]?",
    ]
    assert not settings.drafts


def test_thousands_of_strange_tables_take_no_time_and_are_told_in_part() -> None:
    many = "".join(f"[t{number}]\n" for number in range(7_000)).encode()
    deep = b"[" + b".".join(b"a" for _ in range(400)) + b"]\nx = 1\n"
    long = b"[" + b"reviews" * 9_000 + b"]\n"
    assert max(map(len, (many, deep, long))) < MAX_BYTES
    began = time.process_time()
    assert len(read(many).mistakes) == MAX_ITEMS
    assert told(read(deep)) == ["there is no table [a.a.a.a]"]
    assert len(told(read(long))[0]) < 300
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    "both",
    [
        'ignore-paths = ["a"]\nignore_paths = ["b"]',
        'ignore_paths = ["b"]\nignore-paths = ["a"]',
    ],
)
def test_of_two_spellings_of_a_key_the_one_with_hyphens_is_used_and_it_is_told(both: str) -> None:
    settings = read(f"[review]\n{both}".encode())
    assert settings.ignore_paths == ("a",)
    assert told(settings) == ["ignore_paths is the same key as ignore-paths, and ignore-paths is used"]


def test_one_spelling_with_underscores_is_as_good() -> None:
    assert read(b"[review]\nmax_line_length = 100") == RepoSettings(max_line_length=100)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "ignore-paths: an empty pattern fits nothing"),
        ("  ", "ignore-paths: an empty pattern fits nothing"),
        ("/", "ignore-paths: / names nothing; ** fits everything"),
        ("./", "ignore-paths: ./ names nothing; ** fits everything"),
        ("!a", "ignore-paths: !a begins with !: there is no negation"),
        ("docs\\**", "ignore-paths: docs\\** has a backslash, which fits nothing; did you mean docs/**?"),
        (
            "pages/\\[id\\].js",
            "ignore-paths: pages/\\[id\\].js has a backslash, which fits nothing; did you mean pages/[[]id].js?",
        ),
        ("{a,b}.py", "ignore-paths: {a,b}.py: braces mean nothing; write an entry for each: a.py, b.py"),
        ("x/{a,b/c}/*", "ignore-paths: x/{a,b/c}/*: braces mean nothing; write an entry for each: x/a/*, x/b/c/*"),
        ("../a", "ignore-paths: ../a fits nothing: paths begin at the root of the repository"),
        ("a\nb", "ignore-paths: a\nb is several lines; each pattern has to be an entry of its own"),
        ("x" * 201, f"ignore-paths: {'x' * 200} is longer than 200 characters"),
        *((pattern, f"ignore-paths: {pattern} has a [ {NO_LIST}") for pattern in BRACKETS),
    ],
)
def test_a_pattern_that_can_fit_nothing_is_told_and_the_others_hold(pattern: str, said: str) -> None:
    settings = read(f"[review]\nignore-paths = [{json.dumps(pattern)}, 'b']".encode())
    assert told(settings) == [said]
    assert settings.ignore_paths == ("b",)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("./docs", "docs/a.md"),
        (" docs/ ", "docs/a.md"),
        ("[ab].py", "a.py"),
        ("{{cookiecutter.slug}}/x.py", "{{cookiecutter.slug}}/x.py"),
        ("{a}", "{a}"),
        ("[{]a,b}", "{a,b}"),
        ("pages/[[]id].js", "pages/[id].js"),
    ],
)
def test_a_pattern_as_people_write_it_fits_and_nothing_is_told(pattern: str, path: str) -> None:
    settings = read(f"[review]\nignore-paths = [{json.dumps(pattern)}]".encode())
    assert settings.mistakes == ()
    assert settings.ignores_path(path)


@pytest.mark.parametrize(
    ("rule", "name", "fit"),
    [
        ("print", "print", True),
        ("print", "p", False),
        ("E711", "E711", True),
        ("E711", "E7", True),
        ("E711", "E", True),
        ("SIM105", "S", False),
        ("S105", "S", True),
        ("E711", "E72", False),
        ("naming", "N", False),
    ],
)
def test_a_name_stands_for_its_rules(rule: str, name: str, fit: bool) -> None:
    assert answers(rule, name) is fit


def test_ignored_rules_go_and_levels_are_set() -> None:
    settings = read(
        b'[review]\nignore-rules = ["print"]\n[review.levels]\nS = "style"\nS602 = "critical"\nnaming = "security"\n',
        RULES,
    )
    found: Sequence[Finding] = settings.applied(
        [finding("print"), finding("S101", Level.SECURITY), finding("S602", Level.SECURITY), finding("naming")]
    )
    assert [(one.rule, one.level) for one in found] == [
        ("S101", Level.STYLE),
        ("S602", Level.CRITICAL),
        ("naming", Level.SECURITY),
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "fit"),
    [
        ("*.py", "a.py", True),
        ("*.py", "deep/er/a.py", True),
        ("docs", "docs/a/b.md", True),
        ("docs/", "src/docs/b.md", True),
        ("/docs", "src/docs/b.md", False),
        ("/docs", "docs/b.md", True),
        ("docs/**", "docs/a/b.md", True),
        ("docs/**", "docs", False),
        ("docs/*", "docs/a/b.md", True),  # it fits the folder a
        ("docs/*.md", "docs/a/b.md", False),
        ("docs/*.md", "docs/b.md", True),
        ("**/migrations/*.py", "app/db/migrations/1.py", True),
        ("**/migrations/*.py", "migrations/1.py", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/y/c", False),
        ("a/**/**/b", "a/b", True),
        ("test_?.py", "test_1.py", True),
        ("test_?.py", "test_12.py", False),
        ("*a*b*c", "xxaxxbxxc", True),
        ("*a*b*c", "xxaxxcxxb", False),
        ("src", "source/a.py", False),
        ("a.c", "abc", False),
        ("./docs", "docs/b.md", True),
        ("./docs", "src/docs/b.md", False),
        ("docs/./a.md", "docs/a.md", True),
        ("[ab].py", "a.py", True),
        ("[ab].py", "src/b.py", True),
        ("[ab].py", "c.py", False),
        ("[ab].py", "[ab].py", False),
        ("[a-c]*", "bxx", True),
        ("[a-c]*", "dxx", False),
        ("[!a-c]", "d", True),
        ("[^a-c]", "b", False),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        ("x[*]", "x*", True),
        ("x[*]", "xy", False),
        ("*[0-9].py", "a1b2.py", True),
        ("*[0-9].py", "a1b.py", False),
        ("a/[!x]", "a/x/y", False),
        ("[ab", "[ab", True),
    ],
)
def test_a_pattern_fits_paths(pattern: str, path: str, fit: bool) -> None:
    assert fits(path, pattern) is fit


@pytest.mark.parametrize("pattern", ["{" + "[^^]" * 49, "{" + "[ab]," * 39, "{" * 200, "[" * 200])
def test_no_pattern_takes_long_to_be_refused(pattern: str) -> None:
    """Where each bracket could be read in two ways, this would take for ever."""
    read(b'[review]\nignore-paths = ["%s"]' % pattern.encode())


def test_no_pattern_takes_long() -> None:
    began = time.process_time()
    assert not fits("a" * 4_000, "*a" * 99 + "*b")
    assert not fits("a" * 4_000, "*[ab]" * 39 + "*b")
    assert not fits("/".join("a" * 1_000), "/".join(["**", "a"] * 40) + "/b")
    assert time.process_time() - began < 20
