"""All of it without a mouse, and with what a screen reader is told."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.page import Visitor
from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("ready")
_MANY = 80  # presses of Tab after which something is not reachable


def tab_to(visitor: Visitor, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab until this has the focus."""
    for _ in range(_MANY):
        visitor.page.keyboard.press(key)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by {key}")


def test_chat_by_keyboard_alone(visit: Windows) -> None:
    ann = visit("ann")
    keys = ann.page.keyboard
    tab_to(ann, ann.page.locator("#composer"))
    keys.type("/subscribe")
    keys.press("Enter")
    dialog = ann.sees("Where is the project?")
    tab_to(ann, dialog.locator("[data-press]").filter(has_text="GitHub"), "Shift+Tab")
    keys.press("Enter")
    changed = ann.sees("Which GitHub project?")
    tab_to(ann, changed.locator("[data-press]").filter(has_text="Cancel"))
    keys.press("Space")
    expect(changed.locator("[data-press]")).to_have_count(0)


def test_tabs_by_arrows(visit: Windows) -> None:
    ann = visit("ann")
    tabs = ann.page.locator('#tabs [role="tab"]:visible')
    ann.tab("guide")
    for index in range(1, tabs.count()):
        ann.page.keyboard.press("ArrowRight")
        current = tabs.nth(index)
        expect(current).to_be_focused()
        expect(current).to_have_attribute("aria-selected", "true")
        expect(ann.page.locator(f"#{current.get_attribute('aria-controls')}")).to_be_visible()
    ann.page.keyboard.press("Home")
    expect(tabs.first).to_be_focused()
    ann.page.keyboard.press("ArrowLeft")
    expect(tabs.last).to_be_focused()


def test_viewers_and_events_by_keyboard(visit: Windows) -> None:
    ann = visit("ann")
    tab_to(ann, ann.page.locator('[data-viewer="ann"]'))
    ann.page.keyboard.press("ArrowRight")
    expect(ann.page.locator('[data-viewer="bob"]')).to_have_attribute("aria-checked", "true")
    ann.page.keyboard.press("ArrowLeft")
    expect(ann.page.locator('[data-viewer="ann"]')).to_have_attribute("aria-checked", "true")
    ann.tab("events")
    tab_to(ann, ann.page.locator('[data-happening="mention"] [data-send]'))
    ann.page.keyboard.press("Enter")
    ann.sees("@ann which tank")


def test_alert_takes_the_focus_and_escape_gives_it_back(visit: Windows) -> None:
    ann = visit("ann")
    button = ann.say("/subscribe", "Where is the project?").locator("[data-press]").filter(has_text="GitLab")
    button.focus()
    ann.page.keyboard.press("Enter")
    alert = ann.page.locator("dialog[open]")
    expect(alert).to_be_visible()
    expect(alert.locator(":focus")).to_have_count(1)
    ann.page.keyboard.press("Escape")
    expect(alert).to_be_hidden()
    expect(button).to_be_focused()
    ann.press("Cancel")


def test_skip_link_leads_to_the_content(visit: Windows) -> None:
    ann = visit("ann")
    ann.page.keyboard.press("Tab")
    skip = ann.page.locator("a[href^='#']:focus")
    expect(skip).to_be_visible()
    ann.page.keyboard.press("Enter")
    assert ann.page.evaluate("document.activeElement.localName") != "body"


def test_news_is_announced(visit: Windows) -> None:
    ann = visit("ann")
    expect(ann.page.locator("#messages")).to_have_attribute("role", "log")
    for region in ("#toasts", "#state"):
        expect(ann.page.locator(region)).to_have_attribute("role", "status")
    expect(ann.page.locator("#composer")).to_have_accessible_name(re.compile(r"\w"))
    expect(ann.page.locator("#send")).to_have_accessible_name(re.compile(r"\w"))
