"""Texts, entities, links and drawings of the emulator: pure rules, one sentence each."""

import pytest

from src.demo.telegram.autolinks import found, with_found
from src.demo.telegram.entities import Entity, from_json, part, tidy, units
from src.demo.telegram.errors import Refusal, bad_request
from src.demo.telegram.html_mode import parse_html
from src.demo.telegram.keyboards import Button
from src.demo.telegram.limits import Limiter, Limits
from src.demo.telegram.links import WrongLink, checked_link, link_user_id
from src.demo.telegram.transcript import columns, transcript
from src.demo.telegram.views import Message


def kinds(entities: tuple[Entity, ...] | list[Entity]) -> list[tuple[str, int, int]]:
    return [(entity.type, entity.offset, entity.length) for entity in entities]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("<b>a</b><strong>b</strong>", "ab", [("bold", 0, 1), ("bold", 1, 1)]),
        ("<i>a</i><em>b</em>", "ab", [("italic", 0, 1), ("italic", 1, 1)]),
        ("<u>a</u><ins>b</ins>", "ab", [("underline", 0, 1), ("underline", 1, 1)]),
        ("<s>a</s><strike>b</strike><DEL>c</del>", "abc", [("strikethrough", n, 1) for n in range(3)]),
        ('<tg-spoiler>a</tg-spoiler><span class="tg-spoiler">b</span>', "ab", [("spoiler", 0, 1), ("spoiler", 1, 1)]),
        ("<code>a</code><pre>b</pre>", "ab", [("code", 0, 1), ("pre", 1, 1)]),
        ('<pre><code class="language-py">a</code></pre>', "a", [("pre", 0, 1)]),
        ('<code class="language-py"><pre>a</pre></code>', "a", [("pre", 0, 1)]),
        ("<blockquote>a</blockquote><blockquote expandable>b</blockquote>", "ab",
         [("blockquote", 0, 1), ("expandable_blockquote", 1, 1)]),
        ("<a href='https://example.com?a=1&amp;b=2'>a</a>", "a", [("text_link", 0, 1)]),
        ('<a href="tg://user?id=7">a</a>', "a", [("text_mention", 0, 1)]),
        ("<a href=Example.com>a</a>", "a", [("text_link", 0, 1)]),
        ("<a>example.com</a>", "example.com", [("text_link", 0, 11)]),
        ('<tg-emoji emoji-id="5">😀</tg-emoji>', "😀", [("custom_emoji", 0, 2)]),
        ('<tg-time unix="1700000000">now</tg-time>', "now", [("date_time", 0, 3)]),
        ("<b></b>a", "a", []),
        ("😀<b>a<i>b</i></b>", "😀ab", [("bold", 2, 2), ("italic", 3, 1)]),
        ("&lt;&gt;&amp;&quot;&#65;&#x42;&nbsp;& &#0;", '<>&"AB&nbsp;& &#0;', []),
    ],
)  # fmt: skip
def test_html_that_telegram_reads(source: str, text: str, entities: list[tuple[str, int, int]]) -> None:
    read, made, _ = parse_html(source)
    assert (read, kinds(made)) == (text, entities)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("é<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("é</b>", "Unexpected end tag at byte offset 2"),
        ("<br>", 'Unsupported start tag "br" at byte offset 0'),
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("<b>x</i></b>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b", "Unclosed start tag at byte offset 0"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ('<a href="x>y', "Unclosed start tag at byte offset 0"),
        ("<a href", 'Unclosed start tag "a" at byte offset 0'),
        ("<a href =", 'Unclosed start tag "a" at byte offset 0'),
        ("<a href=tg://user>y</a>", "Unexpected end of name token at byte offset 8"),
        ('<a "x">y</a>', 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<tg-emoji emoji-id="x">y</tg-emoji>', "Invalid custom emoji identifier specified"),
        ('<tg-time unix="x">y</tg-time>', "Invalid date-time specified"),
    ],
)
def test_html_that_telegram_refuses(source: str, error: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_html(source)
    assert caught.value.description == f"Bad Request: can't parse entities: {error}"


def test_a_wrong_address_in_html_loses_the_link_silently() -> None:
    text, entities, dropped = parse_html('<a href="http://localhost:1/x">x</a>')
    assert (text, entities) == ("x", ())
    assert dropped == ("text_link: URL 'http://localhost:1/x' is invalid: Wrong HTTP URL",)


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://Example.COM", "https://example.com/"),
        ("example.com/a?b#c", "http://example.com/a?b#c"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://me@example.com/x", "https://me@example.com/x"),
        ("tg://resolve?domain=x", "tg://resolve?domain=x"),
    ],
)
def test_addresses_that_telegram_opens(link: str, kept: str) -> None:
    assert checked_link(link) == kept


@pytest.mark.parametrize("link", ["", "x", "http://localhost/x", "http://", "http://a.b:port/", "ftp://a.b", "a b.c"])
def test_addresses_that_telegram_refuses(link: str) -> None:
    with pytest.raises(WrongLink):
        checked_link(link)


def test_links_to_people() -> None:
    assert link_user_id("tg://user?id=7100000001") == 7100000001
    assert link_user_id("tg://resolve?domain=ann") is None


def test_entities_from_json() -> None:
    raw = """[
        {"type": "bold", "offset": 0, "length": 1}, {"type": "url", "offset": 0, "length": 1},
        {"type": "text_link", "offset": 0, "length": 1, "url": "https://a.b"},
        {"type": "text_link", "offset": 0, "length": 1, "url": "tg://user?id=7"},
        {"type": "text_mention", "offset": 0, "length": 1, "user": {"id": 7}},
        {"type": "pre", "offset": 0, "length": 1, "language": "py"},
        {"type": "custom_emoji", "offset": 0, "length": 2, "custom_emoji_id": "5"},
        {"type": "date_time", "offset": 0, "length": 2, "unix_time": 1}
    ]"""
    read = from_json(raw)
    assert [e.type for e in read] == [
        "bold", "text_link", "text_mention", "text_mention", "pre", "custom_emoji", "date_time",
    ]  # fmt: skip
    assert (read[1].url, read[2].user_id, read[4].language) == ("https://a.b/", 7, "py")


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ("nonsense", "can't parse entities JSON object"),
        ("[1]", "can't parse MessageEntity: expected an Object"),
        ('[{"offset": 0, "length": 1}]', "can't parse MessageEntity: Type is not specified"),
        ('[{"type": "bold", "length": 1}]', 'can\'t parse MessageEntity: Can\'t find field "offset"'),
        ('[{"type": "bold", "offset": 0, "length": "1"}]', 'can\'t parse MessageEntity: Can\'t find field "length"'),
        ('[{"type": "loud", "offset": 0, "length": 1}]', "can't parse MessageEntity: Unsupported type specified"),
        ('[{"type": "text_link", "offset": 0, "length": 1}]', 'can\'t parse MessageEntity: Can\'t find field "url"'),
        ('[{"type": "text_link", "offset": 0, "length": 1, "url": "http://localhost"}]',
         "entity URL 'http://localhost' is invalid: Wrong HTTP URL"),
        ('[{"type": "text_mention", "offset": 0, "length": 1}]',
         'can\'t parse MessageEntity: Can\'t find field "user"'),
        ('[{"type": "custom_emoji", "offset": 0, "length": 1}]', "invalid custom emoji identifier specified"),
        ('[{"type": "date_time", "offset": 0, "length": 1}]',
         'can\'t parse MessageEntity: Can\'t find field "unix_time"'),
    ],
)  # fmt: skip
def test_entities_that_telegram_refuses_to_read(raw: str, error: str) -> None:
    with pytest.raises(Refusal) as caught:
        from_json(raw)
    assert caught.value.description == f"Bad Request: {error}"


def test_entities_that_are_no_list_are_ignored() -> None:
    assert from_json("{}") == ()


@pytest.mark.parametrize(
    ("offset", "length", "error"),
    [
        (1, 1, "entity begins in a middle of a UTF-16 symbol at byte offset 4"),
        (0, 1, "entity beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 4"),
        (3, 1, "entity begins after the end of the text at UTF-16 offset 3"),
        (2, 2, "entity beginning at UTF-16 offset 2 ends after the end of the text at UTF-16 offset 4"),
        (-1, 1, "receive an entity with incorrect offset -1"),
        (0, -1, "receive an entity with incorrect length -1"),
    ],
)
def test_entities_outside_the_text_or_within_a_symbol(offset: int, length: int, error: str) -> None:
    with pytest.raises(Refusal) as caught:
        tidy("😀x", [Entity("bold", offset, length)])
    assert caught.value.description == f"Bad Request: {error}"


@pytest.mark.parametrize(
    ("given", "kept", "dropped"),
    [
        ([("text_link", 0, 9), ("code", 2, 2)], [("text_link", 0, 9)], ["code inside text_link"]),
        ([("pre", 0, 9), ("text_link", 2, 2)], [("pre", 0, 9)], ["text_link inside pre"]),
        ([("bold", 0, 9), ("code", 2, 2)], [("bold", 0, 2), ("code", 2, 2), ("bold", 4, 5)], ["bold over code"]),
        ([("blockquote", 0, 9), ("blockquote", 2, 2)], [("blockquote", 0, 9)], ["blockquote inside blockquote"]),
        ([("blockquote", 0, 9), ("code", 2, 2)], [("blockquote", 0, 9), ("code", 2, 2)], []),
        ([("blockquote", 0, 5), ("code", 3, 4)], [("blockquote", 0, 5)], ["code across the edge of a quote"]),
        ([("blockquote", 0, 5), ("bold", 3, 4)], [("blockquote", 0, 5), ("bold", 3, 2), ("bold", 5, 2)], []),
        ([("bold", 0, 3), ("bold", 2, 3)], [("bold", 0, 5)], []),
        ([("bold", 0, 5), ("italic", 3, 5)], [("bold", 0, 5), ("italic", 3, 5)], []),
        ([("bold", 3, 0)], [], []),
    ],
)
def test_what_may_stand_in_what(
    given: list[tuple[str, int, int]], kept: list[tuple[str, int, int]], dropped: list[str]
) -> None:
    text = tidy("abcdefghi", [Entity(*entity) for entity in given])
    assert (kinds(text.entities), list(text.dropped)) == (kept, dropped)


def test_entities_behind_the_first_hundred_are_ignored() -> None:
    text = tidy("ab" * 101, [Entity("bold", 2 * n, 1) for n in range(101)])
    assert len(text.entities) == 100
    assert text.dropped == ("1 entities behind the first 100",)


def test_white_space_and_control_characters() -> None:
    text = tidy(" \n a\x00b\r\u2028c\t \n", [Entity("bold", 3, 6), Entity("italic", 7, 1)])
    assert (text.text, kinds(text.entities)) == ("a bc", [("bold", 0, 4)])


def test_white_space_in_front_stays_where_an_entity_begins_in_it() -> None:
    assert tidy("  a", [Entity("code", 0, 3)]).text == "  a"


@pytest.mark.parametrize(("text", "error"), [(" \n", "text must be non-empty"), ("a\ud800", "encoded in UTF-8")])
def test_texts_that_are_none(text: str, error: str) -> None:
    with pytest.raises(Refusal, match=error):
        tidy(text, [])


def test_telegram_finds_links_in_plain_text() -> None:
    text = "README.md, https://a.b/c?d=1). /help@x_bot @ann_b #bug #12 a@b.com a/b 1.2.3 http://127.0.0.1:80/x é@y/z"
    assert [(e.type, part(text, e)) for e in found(text)] == [
        ("url", "README.md"),
        ("url", "https://a.b/c?d=1"),
        ("bot_command", "/help@x_bot"),
        ("mention", "@ann_b"),
        ("hashtag", "#bug"),
        ("email", "a@b.com"),
        ("url", "http://127.0.0.1:80/x"),
    ]


def test_telegram_finds_nothing_inside_links_and_code() -> None:
    text = "see main.py and @ann"
    own = [Entity("code", 4, 7), Entity("bold", 0, 20)]
    assert kinds(with_found(text, own)) == [("bold", 0, 20), ("code", 4, 7), ("mention", 16, 4)]


def test_offsets_count_utf16_units() -> None:
    assert (units("a😀é"), part("😀 @ann", found("😀 @ann")[0])) == (4, "@ann")


def message(text: str = "x", entities: tuple[Entity, ...] = (), **changes: object) -> Message:
    fields: dict[str, object] = {
        "id": 1, "chat_id": 1, "topic_id": None, "sender": "Ann", "from_bot": False, "text": text,
        "entities": entities, "keyboard": (), "sent_at": 0.0, "edited": False, "deleted": False, "silent": False,
        "pinned": False, "reply_to": None, "service": False, "reactions": (), "revision": 1, **changes,
    }  # fmt: skip
    return Message(**fields)  # type: ignore[arg-type]  # the defaults above have the right types


def test_a_text_as_html_and_as_markdown() -> None:
    source = (
        '<b>bold <i>both</i></b> <a href="https://a.b/?c&amp;d">link</a> <code>&lt;x&gt;</code>\n'
        '<blockquote expandable>one\n<u>two</u></blockquote><pre><code class="language-py">x = 1</code></pre>'
        "<tg-spoiler>s</tg-spoiler><s>t</s>"
    )
    text, entities, _ = parse_html(source)
    shown = message(text, entities)
    assert shown.html == source
    assert shown.markdown == (
        "**bold _both_** [link](https://a.b/?c&d) `<x>`\n> one\n> __two__\n```py\nx = 1\n```||s||~~t~~"
    )
    assert shown.links == ("https://a.b/?c&d",)


def test_marks_that_cross_are_closed_and_reopened() -> None:
    shown = message("abc", (Entity("bold", 0, 2), Entity("italic", 1, 2)))
    assert shown.html == "<b>a<i>b</i></b><i>c</i>"


def test_mentions_emoji_and_times_as_html() -> None:
    source = (
        '<a href="tg://user?id=7">a</a><tg-emoji emoji-id="5">😀</tg-emoji><tg-time unix="1">now</tg-time><pre>x</pre>'
    )
    text, entities, _ = parse_html(source)
    assert message(text, entities).html == source


def test_a_transcript_of_a_narrow_window() -> None:
    quote, title = "one two three four five six", "PR #5 was merged by carl in acme/rocket"
    text = f"{title}\n{quote}\nend"
    quoted = (Entity("expandable_blockquote", units(title) + 1, units(quote)),)
    keyboard = ((Button("Open", url="https://a.b"), Button("Mute", data="m")), (Button("A long label", data="l"),))
    messages = [
        message("Ann joined", service=True),
        message("/start", id=2),
        message("gone", id=3, deleted=True),
        message(text, quoted, id=4, sender="Bot", edited=True, silent=True, pinned=True, keyboard=keyboard, reply_to=2,
                reactions=("👍",)),
        message("see?", id=5, reply_to=3),
        message("x = 1", (Entity("pre", 0, 5),), id=6),
    ]  # fmt: skip
    assert transcript("Ann", messages, width=22) == (
        "── Ann ───────────────\n"
        "\n"
        "    · Ann joined ·\n"
        "\n"
        "Ann\n"
        "  /start\n"
        "\n"
        "Bot · edited · 🔕 · 📌\n"
        "  ↩ /start\n"
        "  PR #5 was merged by\n"
        "  carl in acme/rocket\n"
        "  │ one two three four\n"
        "  │ five six\n"
        "  end\n"
        "  👍\n"
        "  [ Open ↗ ] [ Mute ]\n"
        "  [ A long label ]\n"
        "\n"
        "Ann\n"
        "  ↩ (deleted)\n"
        "  see?\n"
        "\n"
        "Ann\n"
        "  ┆ x = 1"
    )


def test_an_expandable_quote_shows_three_lines_until_it_is_opened() -> None:
    text = "a\nb\nc\nd"
    shown = [message(text, (Entity("expandable_blockquote", 0, 7),))]
    assert transcript("Ann", shown).endswith("  │ a\n  │ b\n  │ c\n  │ ⌄")
    assert transcript("Ann", shown, expand=True).endswith("  │ c\n  │ d")


def test_long_words_are_cut_and_wide_characters_counted() -> None:
    assert columns("a日😀e\u0301") == 6
    assert transcript("Ann", [message("日" * 6)], width=12).endswith("  日日日日日\n  日")


@pytest.mark.parametrize(
    ("sentence", "description"),
    [("Chat not found", "Bad Request: chat not found"), ("TOPIC_CLOSED", "Bad Request: TOPIC_CLOSED")],
)
def test_sentences_begin_in_lower_case_and_constants_stay(sentence: str, description: str) -> None:
    refusal = bad_request(sentence)
    assert refusal.body() == {"ok": False, "error_code": 400, "description": description}


def test_a_bucket_fills_with_time() -> None:
    limiter = Limiter(Limits(chat_burst=2))
    assert [limiter.take(7, 0.0) for _ in range(3)] == [0, 0, 1]
    assert limiter.take(7, 0.5) == 1
    assert limiter.take(7, 1.0) == 0
    assert limiter.take(8, 1.0) == 0
