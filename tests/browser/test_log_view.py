"""The log view by itself, with more lines than a page can hold: a page of this test's own, which no server has."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from src.web.pages import STYLESHEET, Pages

STATIC = Path(__file__).parents[2] / "src" / "web" / "static"
ADDRESS = "http://127.0.0.1"
TEMPLATE = """
{% extends "layout.html" %}
{% import "components.html" as ui with context %}
{% block body_class %}h-dvh flex flex-col{% endblock %}
{% block main_class %}flex-1 min-h-0 flex flex-col{% endblock %}
{% block main %}{{ ui.log_view("log", "Log") }}{% endblock %}
{% block scripts %}<script type="module" src="/page.js"></script>{% endblock %}
"""
# Lines 1 to 700 were there before the page; `push` brings the next ones.
SCRIPT = """
import { mountLog } from "/static/web/log.js";
const levels = ["DEBUG", "INFO", "WARNING", "ERROR"];
const line = (seq) => ({ seq, at: seq / 10, level: levels[seq % 4], logger: "relay", text: `line ${seq} <b>` });
const lines = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, place) => line(from + place));
let next = 701;
let take, lose;
const stream = { on: (_, handler) => { take = handler; }, onLost: (handler) => { lose = handler; } };
const fetchLines = async (before, limit) => lines(Math.max(1, before - limit), before);
mountLog(document.getElementById("log"), { stream, kind: "log", before: next, fetchLines });
window.push = (count) => { take(lines(next, next + count)); next += count; };
window.say = (text) => { take([{ ...line(next), text }]); next += 1; };
window.lose = (count) => lose(count);
"""


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    (tmp_path / "log.html").write_text(TEMPLATE)
    html = Pages([tmp_path]).text("log.html", "en")

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ADDRESS)
        if path == "/":
            route.fulfill(body=html, content_type="text/html")
        elif path == "/page.js":
            route.fulfill(body=SCRIPT, content_type="text/javascript")
        else:
            file = STYLESHEET if path == "/static/app.css" else STATIC / path.removeprefix("/static/web/")
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])

    context = browser.new_context(viewport={"width": 900, "height": 500})
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**", answer)
    page.goto(f"{ADDRESS}/")
    expect(page.locator("[data-count]")).to_have_text("500 of 500 lines")
    yield page
    context.close()
    assert errors == []


def drawn(page: Page) -> list[int]:
    """The numbers of the lines in the document, from top to bottom."""
    found: list[int] = page.evaluate(
        "[...document.querySelectorAll('[data-lines] > [data-seq]')].map((line) => +line.dataset.seq)"
    )
    return found


def from_end(page: Page) -> float:
    """How many pixels are hidden below."""
    box = page.locator("[data-lines]")
    hidden: float = box.evaluate("(box) => box.scrollHeight - box.scrollTop - box.clientHeight")
    return hidden


def push(page: Page, count: int) -> None:
    page.evaluate(f"push({count})")


def scroll(page: Page, top: int) -> None:
    page.evaluate(f"document.querySelector('[data-lines]').scrollTop = {top}")


def test_newest_lines_are_followed_and_no_more_than_2000_are_drawn(page: Page) -> None:
    assert drawn(page) == list(range(201, 701))
    for _ in range(50):
        push(page, 500)
    assert drawn(page) == list(range(23_701, 25_701))
    assert from_end(page) < 2
    expect(page.locator("[data-count]")).to_have_text("2000 of 20000 lines")


def test_whoever_reads_older_lines_is_left_where_they_are_until_they_come_back(page: Page) -> None:
    scroll(page, 100)
    expect(page.locator("[data-follow]")).not_to_be_checked()
    push(page, 3000)
    assert page.evaluate("document.querySelector('[data-lines]').scrollTop") == 100
    assert drawn(page) == list(range(201, 701)), "the rest waits"
    page.get_by_role("button", name="New: 3000").click()
    assert drawn(page) == list(range(1701, 3701))
    expect(page.locator("[data-follow]")).to_be_checked()
    assert from_end(page) < 2


def test_following_that_was_switched_off_stays_off(page: Page) -> None:
    page.locator("[data-follow]").uncheck()
    scroll(page, 0)
    scroll(page, 1_000_000)
    push(page, 5)
    expect(page.get_by_role("button", name="New: 5")).to_be_visible()
    expect(page.locator("[data-follow]")).not_to_be_checked()


def test_older_lines_are_loaded_until_the_log_begins_and_what_is_read_stays_in_place(page: Page) -> None:
    scroll(page, 0)
    first = page.locator("[data-seq='201']")
    before = first.bounding_box()
    page.get_by_role("button", name="Load older lines").click()
    expect(page.get_by_text("The log begins here.")).to_be_attached()
    expect(page.get_by_role("button", name="Load older lines")).to_be_hidden()
    assert drawn(page) == list(range(1, 701))
    after = first.bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 40, "the button above went"


def test_lines_older_than_the_drawn_ones_come_back_from_memory(page: Page) -> None:
    push(page, 4000)
    assert drawn(page)[0] == 2701
    page.get_by_role("button", name="Load older lines").click()
    assert drawn(page) == list(range(2201, 4201))
    push(page, 1)
    assert drawn(page)[-1] == 4200, "newer ones wait below"
    page.get_by_role("button", name="New:").click()
    assert drawn(page) == list(range(2702, 4702))


def test_what_came_during_a_pause_is_counted_and_shown_afterwards(page: Page) -> None:
    page.get_by_role("button", name="Pause").click()
    push(page, 12)
    assert drawn(page)[-1] == 700
    expect(page.get_by_role("button", name="New: 12")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    assert drawn(page)[-1] == 712
    expect(page.get_by_role("button", name="New:")).to_be_hidden()
    assert from_end(page) < 2


def test_level_text_and_pattern_narrow_the_lines(page: Page) -> None:
    page.get_by_label("Level").select_option("WARNING")
    assert {seq % 4 for seq in drawn(page)} == {2, 3}
    search = page.get_by_label("Search")
    search.fill("LINE 69")
    assert drawn(page) == [690, 691, 694, 695, 698, 699]
    expect(page.locator("mark").first).to_have_text("line 69")
    search.fill("/line 6.[89] /")
    expect(page.locator("[data-count]")).to_have_text("10 of 500 lines")
    assert drawn(page) == [618, 619, 638, 639, 658, 659, 678, 679, 698, 699]
    push(page, 8)
    assert drawn(page)[-1] == 699
    search.fill("<b>")
    expect(page.locator("[data-count]")).to_have_text("254 of 508 lines")
    assert drawn(page)[-1] == 707


def test_pattern_that_is_none_is_told_and_changes_nothing(page: Page) -> None:
    search = page.get_by_label("Search")
    search.fill("/(/")
    expect(search).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-news]")).to_have_text("This is no pattern that can be searched for.")
    assert len(drawn(page)) == 500
    page.get_by_label("Level").select_option("ERROR")
    assert {seq % 4 for seq in drawn(page)} == {3}, "the level holds all the same"
    page.get_by_label("Level").select_option("DEBUG")
    search.fill("/(/ is text without its end")
    expect(search).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-count]")).to_have_text("Nothing fits.")


SLOW = "This pattern takes too long. Write it in a simpler way."


def test_pattern_that_takes_for_ever_is_told_and_the_page_goes_on(page: Page) -> None:
    page.evaluate("say('x'.repeat(200))")
    search = page.get_by_label("Search")
    search.fill("/(x+x+)+y/")
    page.evaluate("say('while it is tried')")
    expect(page.locator("[data-news]")).to_have_text(SLOW)
    expect(search).to_have_attribute("aria-invalid", "true")
    assert drawn(page) == list(range(201, 703)), "what was searched by before holds"
    search.fill("/line 69\\d/")
    expect(page.locator("[data-count]")).to_have_text("10 of 502 lines")
    expect(page.locator("[data-news]")).to_be_empty()


def test_pattern_that_takes_for_ever_on_a_later_line_is_dropped(page: Page) -> None:
    search = page.get_by_label("Search")
    search.fill("/(x+x+)+y|line 69/")
    expect(page.locator("[data-count]")).to_have_text("10 of 500 lines")
    page.evaluate("say('x'.repeat(200))")
    expect(page.locator("[data-news]")).to_have_text(SLOW)
    assert drawn(page) == list(range(201, 702))


def test_no_more_than_100_places_of_a_line_are_marked(page: Page) -> None:
    page.evaluate("say('x'.repeat(8000))")
    page.get_by_label("Search").fill("x")
    expect(page.locator("mark")).to_have_count(100)
    expect(page.locator("[data-seq='701'] [data-field='text']")).to_have_text("x" * 8000)


def test_whoever_presses_a_button_of_the_log_keeps_the_focus(page: Page) -> None:
    older = page.locator("[data-older]")
    page.evaluate("push(4000)")
    older.press("Enter")
    expect(page.locator("[data-seq='2201']")).to_be_attached()
    expect(older).to_be_focused()
    with page.expect_download():
        page.locator("[data-download]").press("Enter")
    expect(page.locator("[data-download]")).to_be_focused()
    newest = page.get_by_role("button", name="New:")
    page.evaluate("push(1)")
    newest.press("Enter")
    expect(newest).to_be_hidden()
    expect(page.locator("[data-lines]")).to_be_focused()


def test_lines_that_are_lost_are_told(page: Page) -> None:
    page.evaluate("lose(7)")
    page.evaluate("lose(3)")
    expect(page.locator("[data-news]")).to_have_text("Lines that are no longer kept: 10")
