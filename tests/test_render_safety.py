"""Whatever strangers write, a message stays short, whole and literal."""

import re
import unicodedata

import pytest
from aiogram.enums import MessageEntityType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.events import (
    CommentEvent,
    CommentOn,
    Event,
    Mute,
    OpenPage,
    Project,
    PullRequestAction,
    PullRequestEvent,
    Subject,
    SubjectKind,
)
from src.i18n import languages
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import Notification, compose, literal, page_url, render
from src.webhook.render.content import clean, cut, cut_front, isolate, lines, units
from tests.rendering import GITHUB, GITLAB, ISSUE, PR, WEB, abused_events, covered, shared, shown, stretch, visible

# What Telegram's servers look for in the whole text, after TDLib's `find_entities`, as loosely as they do. They then
# leave out whatever touches a link or code that was sent along.
DETECTED = [
    re.compile(r"(?<!\w)@[a-zA-Z0-9_]{2,32}\b"),
    re.compile(r"(?<![\w/<>])/[a-zA-Z0-9_]{1,64}(?:@\w{3,32})?(?![\w/<>])"),
    re.compile(r"(?<![\w\u200c\u00b7])#[\w\u200c\u00b7]*[^\W\d_][\w\u200c\u00b7]*(?!#)"),
    re.compile(r"(?<![\w$])\$(?:1INCH|[A-Z]{1,8})(?![\w$])"),
    re.compile(r"\b(?:tg|ton|tonsite|ftp|https?)://[\w-]+", re.IGNORECASE),
    re.compile(r"[^\s<>\"'«»(){}\[\]`!,;?]+\.[^\W\d_]{2,}"),
    re.compile(r"(?<![\w+.,-])\d[\d -]{11,}\d(?![\w-])"),
]
SILENT = (MessageEntityType.TEXT_LINK, MessageEntityType.CODE)
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2067\ufeff\ud800-\udfff]")
PIECES = [
    *"ab1 \n\t@/#$.:-_<>&{}%!\\\"'`()[]…אشé漢١ß🚀👩🏽🇫🇷",
    *"\x00\x1b\u202e\u2066\u2069\u200b\u200d\u200f\ufeff\u0301\u0489\ufe0f\u3164\ud83d\ude80\U000e0041",
    *("@bob", "/start", "#tag", "$USD", "https://", "t.me/x", "a.sh", "ann@mail.org", "4111111111111111"),
]
ABUSE = st.lists(st.sampled_from(PIECES), max_size=80).map("".join)
ANYTHING = st.one_of(ABUSE, ABUSE.map(lambda text: text * 60), st.text(max_size=80))
URLS = st.sampled_from(
    [f"{WEB}/x", f"{WEB}/{'y' * 2_000}", f"{WEB}/{'z' * 3_000}", "", "http://gitlab/x", "tg://resolve"]
)


def comment(excerpt: str) -> CommentEvent:
    return CommentEvent(**shared(ISSUE, excerpt=excerpt), on=CommentOn.ISSUE, comment_id="1")


def titled(title: str, **more: object) -> Event:
    subject = Subject(kind=SubjectKind.PULL_REQUEST, id="5", number=5, title=title, url=f"{WEB}/5")
    return PullRequestEvent(**shared(subject, **more), action=PullRequestAction.CLOSED)


def rendered(event: Event) -> Notification:
    return render(event, [], language="en", words=GITHUB)


def acted_on(notification: Notification) -> list[str]:
    """What Telegram would turn into something to tap though we did not."""
    text, entities = notification.content.render()
    silent = [(place(text, e.offset), place(text, e.offset + e.length)) for e in entities if e.type in SILENT]
    return [
        match.group()
        for pattern in DETECTED
        for match in pattern.finditer(text)
        if not any(match.start() < end and start < match.end() for start, end in silent)
    ]


def place(text: str, offset: int) -> int:
    """The index in the text of an offset in UTF-16 units."""
    return len(text.encode("utf-16-le")[: offset * 2].decode("utf-16-le"))


def check_message(notification: Notification) -> None:
    text, entities = notification.content.render()
    assert 0 < units(text) <= 4_096
    assert text == text.strip()
    assert not FORBIDDEN.search(text)
    assert text.count("\u2068") == text.count("\u2069")
    assert len(entities) <= 100
    for entity in entities:
        assert entity.offset >= 0
        assert entity.offset + entity.length <= units(text)
        assert stretch(text, entity).strip(), "Telegram drops an entity of white space"
        for outer in entities:
            if outer is not entity and outer.type != MessageEntityType.EXPANDABLE_BLOCKQUOTE:
                apart = entity.offset >= outer.offset + outer.length or outer.offset >= entity.offset + entity.length
                assert apart or entity.type == MessageEntityType.EXPANDABLE_BLOCKQUOTE, "links and code never nest"
        if entity.url is not None:
            assert page_url(entity.url) == entity.url
    assert not acted_on(notification)
    assert all(page_url(button.url) == button.url for button in notification.buttons if isinstance(button, OpenPage))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=ANYTHING, url=URLS, count=st.integers(min_value=0, max_value=30), language=st.sampled_from(languages()))
def test_any_content_makes_a_message_that_telegram_takes(text: str, url: str, count: int, language: str) -> None:
    reasons = [ReasonVia(reason=reason, via=via) for reason in Reason for via in (text, f"{text}/core")]
    for event in abused_events(text, url, count):
        check_message(render(event, reasons, language=language, words=GITLAB))


@settings(max_examples=200, deadline=None)
@given(text=ANYTHING, limit=st.integers(min_value=1, max_value=90))
def test_a_cut_fits_and_parts_no_character(text: str, limit: int) -> None:
    cleaned = clean(text)
    for short in (cut(cleaned, limit), cut_front(cleaned, limit)):
        assert units(short) <= limit
        kept = short.strip("…")
        assert kept in cleaned
        kept.encode()
    after = cleaned[len(cut(cleaned, limit).removesuffix("…")) :].lstrip(" ")
    if units(cleaned) > limit and after:
        assert unicodedata.category(after[0]) not in ("Mn", "Me", "Mc")


@settings(max_examples=200, deadline=None)
@given(text=ANYTHING)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_html_is_shown_literally() -> None:
    notification = rendered(
        titled("<b>Fix</b> & <script>alert(1)</script>", excerpt="<a href='tg://x'>x</a> {0} {actor}")
    )
    text = visible(notification)
    assert "<b>Fix</b> & <script>" in text
    assert text.endswith("<a href='tg://x'>x</a> {0} {actor}")
    assert not covered(notification, MessageEntityType.BOLD)


def test_titles_are_one_line_without_control_characters() -> None:
    assert shown(titled("Fix\r\nthe\t\x00pump\x1b[31m\u2028now")).split("\n")[0].endswith("PR #5 Fix the pump[31m now")


def test_lone_surrogates_are_replaced() -> None:
    assert "Fix \ufffd now" in shown(titled("Fix \ud83d now"))


@pytest.mark.parametrize("title", ["", " ", "\u200b", "\x00", "\u3164", "\u202e"])
def test_a_title_of_nothing_leaves_the_number(title: str) -> None:
    assert shown(titled(title)).split("\n")[0] == "⚫ acme/rocket · PR #5"


def test_a_title_of_2000_characters_is_cut() -> None:
    first = shown(titled("pump " * 400)).split("\n")[0]
    assert first.endswith("pump…")
    assert units(first) < 250


def test_60_kilobytes_of_description_become_two_lines() -> None:
    text = shown(comment("It leaks.\n\n" + "Drip & drop.\n" * 5_000))
    _, _, first, second = text.split("\n")
    assert first == "It leaks."
    assert second.startswith("Drip & drop. Drip & drop.")
    assert second.endswith("…")
    assert units(first) + units(second) <= 300


def test_the_excerpt_is_an_expandable_quote() -> None:
    notification = rendered(comment("One\n\nTwo\nThree"))
    assert covered(notification, MessageEntityType.EXPANDABLE_BLOCKQUOTE) == ["One\nTwo Three"]
    assert not covered(rendered(comment(" \n\u200b")), MessageEntityType.EXPANDABLE_BLOCKQUOTE)


def test_right_to_left_text_is_fenced_off() -> None:
    assert "PR #5 \u2068תקן את המשאבה\u2069\nann closed" in shown(titled("תקן את המשאבה"))
    assert "\u2068" not in shown(titled("Fix the pump"))


def test_bidirectional_controls_are_removed() -> None:
    assert "PR #5 gpj.exe\n" in shown(titled("\u202egpj.exe\u2069\u2066\u200f"))


def test_zero_width_characters_are_removed() -> None:
    assert clean("a\u200bd\u2060m\ufeffi\u00adn") == "admin"
    assert clean("a\u200d\u200d\u200db\u200d") == "a\u200db"
    assert clean("x" + "\u0301" * 50) == "x\u0301\u0301\u0301\u0301"


def test_emoji_stay_whole() -> None:
    family, flag, thumb = "👩‍👩‍👧", "🇫🇷", "👍🏽"
    assert clean(family + flag + thumb) == family + flag + thumb
    assert cut("ab" + family, 8) == "ab…"
    assert cut("ab" + family, 10) == "ab" + family
    assert cut(flag + flag, 7) == flag + "…"
    assert cut("a" + thumb, 4) == "a…"
    assert cut("e\u0301" * 3, 4) == "e\u0301…"
    assert cut_front("ab" + flag, 4) == "…"
    assert cut_front("a" + flag, 6) == "a" + flag


def test_paths_lose_their_beginning() -> None:
    project = Project(forge="gitlab", external_id="1", path="group/" * 30 + "rocket")
    path = shown(titled("x", project=project)).split(" · ")[0]
    assert path.endswith("/rocket")
    assert units(path) <= 102


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("thanks @bob, and @acme/core.", ["@bob", "@acme/core"]),
        ("run /start or /stop@pump_bot now", ["/start", "/stop@pump_bot"]),
        ("it is #urgent, see #12", ["#urgent"]),
        ("costs $USD 5", ["$USD"]),
        ("mail ann@pumps.org please", ["ann@pumps.org"]),
        ("see README.md. And setup.py!", ["README.md", "setup.py"]),
        ("join t.me/evil now", ["t.me/evil"]),
        ("open tg://resolve?domain=x now", ["tg://resolve?domain=x"]),
        ("see http://localhost/@bob now", ["http://localhost/@bob"]),
        ("card 4111 1111 1111 1111 ok", ["4111 1111 1111 1111"]),
        ("v1.2.3, 3.12, e.g. 12:30, #5, 50 %, a/b, x_y, 2026-11-21", []),
    ],
)
def test_what_telegram_would_act_on_is_code(text: str, tokens: list[str]) -> None:
    notification = rendered(comment(text))
    assert covered(notification, MessageEntityType.CODE) == tokens
    assert visible(notification).endswith(text)


def test_an_address_in_an_excerpt_leads_where_it_says() -> None:
    content = literal("see https://example.com/a_(b)?c=@bob#d, (https://example.com/e).")
    _, entities = content.render()
    assert [entity.url for entity in entities] == ["https://example.com/a_(b)?c=@bob#d", "https://example.com/e"]


def test_an_address_that_was_cut_leads_nowhere() -> None:
    notification = rendered(comment("x" * 279 + " https://example.com/some/long/path"))
    assert visible(notification).endswith(" https://example.com…")
    assert not [link for link in covered(notification, MessageEntityType.TEXT_LINK) if link.startswith("https")]


def test_names_that_look_like_addresses_are_code() -> None:
    project = Project(forge="gitlab", external_id="1", path="acme/pump.io")
    assert "acme/pump.io" in covered(rendered(titled("x", project=project)), MessageEntityType.CODE)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "tg://resolve?domain=x",
        "ftp://git.example.com/x",
        "//git.example.com/x",
        "https://",
        "https:///x",
        "https://gitlab/x",
        "https://./x",
        "https://ann:secret@git.example.com/x",
        "https://git.example.com:port/x",
        "https://[::1/x",
        "https://git.example.com/a b",
        "https://git.example.com/\x00",
        "https://git.example.com/\n",
        "https://git.example.com/" + "x" * 2_048,
    ],
)
def test_what_is_no_page_is_neither_link_nor_button(url: str | None) -> None:
    subject = Subject(kind=SubjectKind.PULL_REQUEST, id="5", number=5, title="Fix the pump", url=url)
    project = Project(forge="github", external_id="1", path="acme/rocket", url=url)
    event = PullRequestEvent(
        **{**shared(subject), "project": project, "actor": None, "url": url}, action=PullRequestAction.CLOSED
    )
    notification = rendered(event)
    assert page_url(url) is None
    assert visible(notification).startswith("⚫ acme/rocket · PR #5 Fix the pump\n")
    assert notification.content.render()[1] == []
    assert [type(button) for button in notification.buttons] == [Mute]


@pytest.mark.parametrize(
    "url", [f"{WEB}/a", "http://127.0.0.1:8080/a/b", "https://[2001:db8::1]/a", "https://git.example.com/вики"]
)
def test_pages(url: str) -> None:
    assert page_url(url) == url


def test_the_button_falls_back_to_the_subjects_page() -> None:
    event = PullRequestEvent(**shared(PR, url="javascript:1"), action=PullRequestAction.CLOSED)
    assert [button.url for button in rendered(event).buttons if isinstance(button, OpenPage)] == [PR.url]


def test_lines_run_on_in_the_last() -> None:
    assert lines("a\n\n b \nc\r\nd", 2) == ["a", "b c d"]
    assert lines(None, 2) == []


def test_isolating_leaves_left_to_right_text_alone() -> None:
    assert (isolate("Fix 1"), isolate("شغّل")) == ("Fix 1", "\u2068شغّل\u2069")


def test_a_sentence_that_names_an_unknown_value_fails_loudly() -> None:
    with pytest.raises(KeyError):
        compose("{actor} did {what}", actor="ann")
