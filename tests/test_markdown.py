"""Whom a text mentions, and what of it is quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.markdown import EXCERPT_LENGTH, excerpt, first_line, mentions


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@ann, look", ("ann",)),
        ("thanks @ann.", ("ann",)),
        ("(@ann) and @bob/@carl", ("ann", "bob")),
        ("@acme/guidance-crew please", ("acme/guidance-crew",)),
        ("@group/sub/team please", ("group/sub/team",)),
        ("**@ann** _@bob_ ~~@carl~~", ("ann", "bob", "carl")),
        ("- @ann\n- @bob", ("ann", "bob")),
        ("| who | what |\n|---|---|\n| @ann | burn |", ("ann",)),
        ("# For @ann", ("ann",)),
        ("[@ann](https://example.com)", ("ann",)),
        ("@first.last and @under_score", ("first.last", "under_score")),
        ("@dependabot rebase", ("dependabot",)),
        ("привет, @ann!", ("ann",)),
    ],
)
def test_a_mention_is_found(text: str, found: tuple[str, ...]) -> None:
    assert mentions(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "`@ann`",
        "``code with ` and @ann``",
        "```\n@ann\n```",
        "~~~python\n@ann\ndef f(): ...\n~~~",
        "text\n\n    @ann in an indented block",
        "> @ann wrote this",
        "> quoted\n> > @ann deeper\n\nmine",
        "> - a list in a quote with @ann",
        "<!-- @ann -->",
        "a <span title='@ann'>b</span>",
        "<div>\n@ann\n</div>",
        "ann@example.com",
        "write to crew+launch@acme.example",
        "see https://example.com/@ann",
        "![@ann](https://example.com/a.png)",
        "@",
        "@ ann",
        "@-ann",
        "@@ann",
        "",
        None,
    ],
)
def test_code_quotes_html_and_addresses_mention_nobody(text: str | None) -> None:
    assert mentions(text) == ()


def test_everybody_is_mentioned_once_in_order_and_as_first_written() -> None:
    assert mentions("@Bob, @ann and @bob and @BOB") == ("Bob", "ann")


def test_a_mention_beside_code_and_quote_counts() -> None:
    assert mentions("> @ann said so\n\n@bob, is `@carl` right?\n\n```\n@dora\n```") == ("bob",)


def test_an_excerpt_is_plain_text() -> None:
    text = "# Title\n\nSome **bold** and `code`,\nsecond line.\n\n> a quote\n\n<b>html</b>\n\n```\ncall(1)\n```"
    assert excerpt(text) == "Title\nSome bold and code, second line.\nhtml\ncall(1)"


@pytest.mark.parametrize("text", [None, "", "  \n\n ", "> only a quote", "<!-- only a comment -->", "---"])
def test_where_nothing_is_left_there_is_no_excerpt(text: str | None) -> None:
    assert excerpt(text) is None


def test_a_long_text_is_cut_with_a_mark() -> None:
    cut = excerpt("word " * 12_000)
    assert cut is not None
    assert len(cut) <= EXCERPT_LENGTH
    assert cut.endswith("…")
    assert excerpt("a" * 100, length=10) == "a" * 9 + "…"
    assert excerpt("a" * 10, length=10) == "a" * 10


def test_a_first_line_is_a_commits_title() -> None:
    assert first_line("Burn longer\n\nFor eight seconds.") == "Burn longer"
    assert first_line("\r\n  Burn longer \r\nmore") == "Burn longer"
    assert first_line(None) == ""


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["[", "> ", "`", "*a ", "- " * 40 + "\n", "<a ", "![a](", "@a/", "|a|\n|-|\n"])
def test_a_hostile_text_is_read_in_time(piece: str) -> None:
    mentions(piece * (300_000 // len(piece)))


@given(st.text(st.sampled_from("@ann`>*_-[]()<!#|~ \n/.\\é"), max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    assert all(name and not name.startswith("@") for name in mentions(text))
    plain = excerpt(text)
    assert plain is None or (plain.strip() and len(plain) <= EXCERPT_LENGTH)
