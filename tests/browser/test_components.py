"""What every page is made of, where its parts meet: dialogs, toasts, tabs, and many pages at once."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("demo")
_MORE_THAN_CONNECTIONS = 7  # a browser has six to one server


def look(page: Page, *, away: bool) -> None:
    """What the browser tells a page whose tab is left, or is seen again."""
    page.evaluate(
        "away => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => away });"
        "document.dispatchEvent(new Event('visibilitychange')); }",
        away,
    )


def test_pages_that_nobody_sees_leave_the_connections_to_the_one_that_is_seen(visit: Windows) -> None:
    ann = visit("ann")
    others = [ann.context.new_page() for _ in range(_MORE_THAN_CONNECTIONS)]
    for other in others:
        other.goto(f"{ann.address}/?as=bob")
        expect(other.locator("#state")).to_have_attribute("data-state", "live")
        look(other, away=True)
    ann.say("/start while Bob looks elsewhere", "while Bob looks elsewhere")
    newest = ann.stream()[0]
    assert others[0].evaluate("window.__feed.last") < newest
    look(others[0], away=False)
    others[0].wait_for_function("newest => window.__feed.last >= newest", arg=newest)
    assert others[0].evaluate("window.__feed.gaps") == 0


def test_second_alert_takes_the_place_of_the_first_and_can_be_answered(visit: Windows) -> None:
    page = visit("ann").page
    page.evaluate(
        "import('/static/web/dialog.js').then(({ alertDialog }) => {"
        "window.answered = []; for (const text of ['one', 'two'])"
        "alertDialog(text).then(() => window.answered.push(text)); })"
    )
    dialog = page.locator("dialog[open]")
    expect(dialog).to_contain_text("two")
    page.wait_for_function("window.answered.join() === 'one'")
    dialog.locator("[data-close]").click()
    expect(dialog).to_have_count(0)
    page.wait_for_function("window.answered.join() === 'one,two'")


def test_toast_waits_for_the_dialog_that_would_hide_it(visit: Windows) -> None:
    page = visit("ann").page
    page.evaluate(
        "Promise.all([import('/static/web/dialog.js'), import('/static/web/toast.js')])"
        ".then(([{ alertDialog }, { toast }]) => { alertDialog('Read this.'); toast('It is done.'); })"
    )
    expect(page.locator("dialog[open]")).to_be_visible()
    expect(page.locator("#toasts")).to_be_empty()
    page.keyboard.press("Escape")
    expect(page.locator("#toasts")).to_contain_text("It is done.")


def test_address_of_a_tab_that_a_wide_page_lacks_changes_nothing(visit: Windows) -> None:
    ann = visit("ann", tab="log")
    expect(ann.panel("log")).to_be_visible()
    ann.page.evaluate("location.hash = '#tab=chat'")
    ann.page.evaluate("new Promise((done) => setTimeout(done))")
    expect(ann.panel("log")).to_be_visible()
    ann.page.evaluate("location.hash = '#tab=calls'")
    expect(ann.panel("calls")).to_be_visible()
