"""A message as HTML of the page: every word escaped, every link sorted by where it leads."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.demo.playground.links import address, target
from src.demo.playground.views import message_html, preview
from src.demo.telegram import Entity
from src.demo.telegram.html_mode import parse_html
from tests.chat_stage import View, viewed


@pytest.fixture
async def view(tmp_path: Path) -> AsyncIterator[View]:
    async with viewed(tmp_path) as made:
        yield made


def drawn(view: View, source: str) -> str:
    text, entities, _ = parse_html(source)
    return message_html(view.ground, text, entities)


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("<b>a</b> <i>b</i> <u>c</u> <s>d</s> <code>e</code>", "<b>a</b> <i>b</i> <u>c</u> <s>d</s> <code>e</code>"),
        ("<tg-spoiler>x</tg-spoiler>", '<span class="spoiler" data-spoiler><span>x</span></span>'),
        ("<blockquote>x</blockquote>", "<blockquote>x</blockquote>"),
        ("<blockquote expandable>x</blockquote>", "<blockquote data-expandable>x</blockquote>"),
        ("<pre>x &lt; y</pre>", "<pre><code>x &lt; y</code></pre>"),
        (
            '<pre><code class="language-python">x</code></pre>',
            '<pre data-language="python"><code>x</code></pre>',
        ),
        ('<b>&lt;script&gt;"&amp;\'</b>', "<b>&lt;script&gt;&quot;&amp;&#x27;</b>"),
        ('<pre><code class="language-&quot;&gt;&lt;img&gt;">x</code></pre>',
         '<pre data-language="&quot;&gt;&lt;img&gt;"><code>x</code></pre>'),
    ],
)  # fmt: skip
async def test_words_become_html_and_nothing_else_does(view: View, source: str, html: str) -> None:
    assert drawn(view, source) == html


async def test_the_break_beside_a_block_is_no_empty_line(view: View) -> None:
    source = "a\n<blockquote>b</blockquote>\nc\n\n<pre>d</pre>\n<blockquote expandable>e\n</blockquote>"
    assert drawn(view, source) == (
        "a<blockquote>b</blockquote>c\n<pre><code>d</code></pre><blockquote data-expandable>e\n</blockquote>"
    )


def test_a_preview_is_one_line_and_keeps_a_secret() -> None:
    assert preview("a\n b 😀 secret!", (Entity("spoiler", 8, 6), Entity("bold", 0, 1))) == "a b 😀 ▒▒▒▒▒▒!"
    assert len(preview("x" * 500, ())) == 120


async def test_what_crosses_is_closed_and_opened_again(view: View) -> None:
    crossing = (Entity("bold", 0, 2), Entity("italic", 1, 2))
    assert message_html(view.ground, "abc", crossing) == "<b>a<i>b</i></b><i>c</i>"


async def test_a_command_is_a_button_and_a_name_is_coloured(view: View) -> None:
    entities = (Entity("bot_command", 0, 5), Entity("mention", 6, 4))
    assert message_html(view.ground, "/help @ann", entities) == (
        '<button type="button" class="link" data-say="/help">/help</button> <span class="mention">@ann</span>'
    )


async def test_a_link_says_where_it_leads(view: View) -> None:
    link = (Entity("text_link", 0, 1, url='https://example.org/?a="&b=<'),)
    assert message_html(view.ground, "x", link) == (
        '<a href="https://example.org/?a=&quot;&amp;b=&lt;" rel="noopener noreferrer" data-to="outside">x</a>'
    )
    found = (Entity("url", 0, 11),)
    assert 'href="http://example.org/"' in message_html(view.ground, "example.org", found)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "tg://resolve?domain=x", "mailto:a@b.cc",
                                  " javascript:alert(1)", "file:///etc/passwd", "http://[::1",
                                  "http://]@[v1.x"])  # fmt: skip
async def test_other_addresses_are_no_links(view: View, link: str) -> None:
    assert message_html(view.ground, "x", (Entity("text_link", 0, 1, url=link),)) == "x"


def test_an_address_without_a_scheme_gets_one() -> None:
    assert address("example.org/x") == "http://example.org/x"
    assert address("HTTPS://Example.org") == "https://example.org/"


async def test_links_are_sorted_by_where_they_lead(view: View) -> None:
    github, gitlab = view.ground.github.web_url, view.ground.gitlab.web_url
    rocket = {"to": "forge", "kind": "github", "project": "acme/rocket"}
    lander = {"to": "forge", "kind": "gitlab", "project": "acme/lander"}
    expected = {
        "https://t.me/git_assistant_bot?start=AB-1": {"to": "start", "code": "AB-1"},
        "https://t.me/Git_Assistant_Bot?startgroup=AB": {"to": "startgroup", "code": "AB"},
        "https://t.me/git_assistant_bot?startgroup": {"to": "startgroup", "code": ""},
        "https://t.me/git_assistant_bot": {"to": "bot"},
        "https://t.me/other_bot?start=1": {"to": "outside"},
        f"{github}/acme/rocket": rocket,
        f"{github}/acme/rocket/pull/3#issuecomment-1": rocket | {"pull": "3"},
        f"{github}/acme/rocket/issues/4": rocket | {"issue": "4"},
        f"{gitlab}/acme/lander/-/merge_requests/12": lander | {"pull": "12"},
        f"{gitlab}/acme/lander/-/pipelines/7": lander,
        f"{github}/carl": {"to": "forge", "kind": "github", "project": ""},
        f"{github}0/acme/rocket": {"to": "outside"},
        "https://example.org/acme/rocket/pull/3": {"to": "outside"},
    }
    assert {link: target(view.ground, link) for link in expected} == expected


@pytest.mark.parametrize("path", ["//[", "//\u2100/x", "//acme/rocket", "/?//[", "/acme/rocket//[?a#b"])
async def test_a_hostile_address_of_a_forge_does_no_harm(view: View, path: str) -> None:
    link = view.ground.github.web_url + path
    assert target(view.ground, link)["kind"] == "github"
    await view.do("send", "ann", text=f"look: {link}")
    line, *_ = await view.lines("message", 1)
    assert link.partition("//[")[0] in line["message"]["text"]
