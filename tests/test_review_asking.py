"""Asking for a review in words: the exact sentences, references and links; and all that is none of these."""

import pytest

from src.agent.asking import Ask, KnownForge, candidates, named, parse
from src.forges import FORGE_TYPES

GITHUB = KnownForge.of(FORGE_TYPES["github"], "https://api.github.com")
ENTERPRISE = KnownForge.of(FORGE_TYPES["github"], "https://code.example.org/api/v3")
GITLAB = KnownForge.of(FORGE_TYPES["gitlab"], "https://gitlab.com")
BELOW = KnownForge.of(FORGE_TYPES["gitlab"], "https://git.example.org/lab")
KNOWN = (GITHUB, ENTERPRISE, GITLAB, BELOW)
ROCKET = Ask(path="acme/rocket", number=123)


@pytest.mark.parametrize(
    "text",
    [
        "анализ кода acme/rocket 123",
        "Анализ  кода acme/rocket 123",
        "review acme/rocket 123",
        " Review acme/rocket 123\n",
        "review acme/rocket #123",
    ],
)
def test_the_sentences_of_both_languages_name_a_project_and_a_number(text: str) -> None:
    assert parse(text, KNOWN) == ROCKET


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("acme/rocket#123", "github", "acme/rocket"),
        ("review acme/rocket#123", "github", "acme/rocket"),
        ("group/sub/project!123", "gitlab", "group/sub/project"),
        ("анализ кода group/sub/project!123", "gitlab", "group/sub/project"),
    ],
)
def test_a_reference_says_which_kind_of_forge(text: str, kind: str, path: str) -> None:
    assert parse(text, KNOWN) == Ask(path=path, number=123, kind=kind)


@pytest.mark.parametrize(
    ("text", "forge", "path"),
    [
        ("https://github.com/acme/rocket/pull/123", GITHUB, "acme/rocket"),
        ("https://GitHub.com/acme/rocket/pull/123/files#diff-1", GITHUB, "acme/rocket"),
        ("review https://github.com/acme/rocket/pull/123?w=1", GITHUB, "acme/rocket"),
        ("https://code.example.org/acme/rocket/pull/123", ENTERPRISE, "acme/rocket"),
        ("https://gitlab.com/group/sub/project/-/merge_requests/123", GITLAB, "group/sub/project"),
        ("https://gitlab.com/group/project/merge_requests/123/diffs", GITLAB, "group/project"),
        ("http://git.example.org/lab/group/project/-/merge_requests/123", BELOW, "group/project"),
    ],
)
def test_a_link_says_which_forge(text: str, forge: KnownForge, path: str) -> None:
    assert parse(text, KNOWN) == Ask(path=path, number=123, kind=forge.kind, base_url=forge.base_url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "review",
        "review please acme/rocket 123",
        "please review acme/rocket 123",
        "acme/rocket 123",
        "review rocket 123",
        "review acme/rocket 0",
        "review acme/rocket 12345678901",
        "review acme/../rocket 123",
        "review acme/rocket 123 and merge it",
        "анализ acme/rocket 123",
        "https://github.com/acme/rocket/issues/123",
        "https://github.com.evil.example/acme/rocket/pull/123",
        "https://elsewhere.example.org/acme/rocket/pull/123",
        "look: https://github.com/acme/rocket/pull/123",
        "javascript://github.com/acme/rocket/pull/123",
        "review " + "a/" * 2_000 + "b 1",
    ],
)
def test_nothing_else_is_taken_for_it(text: str) -> None:
    assert parse(text, KNOWN) is None


def test_behind_a_command_the_word_is_not_needed() -> None:
    assert named("acme/rocket 123", KNOWN) == ROCKET
    assert named("group/project!5", KNOWN) == Ask(path="group/project", number=5, kind="gitlab")


def test_what_says_no_forge_may_be_on_any_and_what_does_on_that_alone() -> None:
    assert list(candidates(ROCKET, KNOWN)) == list(KNOWN)
    assert list(candidates(Ask(path="a/b", number=1, kind="gitlab"), KNOWN)) == [GITLAB, BELOW]
    assert list(candidates(Ask(path="a/b", number=1, kind="github", base_url=ENTERPRISE.base_url), KNOWN)) == [
        ENTERPRISE
    ]
