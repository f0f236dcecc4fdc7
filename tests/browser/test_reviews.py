"""A review in the Forge tab: discussions on lines with what became of them, the summary, the commit's status."""

import re

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.browser.look import access_faults, layout_faults
from tests.browser.page import NARROW, WIDE, Visitor
from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("ready")
_TITLE = "Read the fuel gauge"


def has_reviews_done(ann: Visitor) -> None:
    """Ann adds them to what she follows."""
    ann.go("bot")
    ann.say("/subscribe", "Where is the project?")
    ann.press("GitHub", "Which")
    ann.press("acme/rocket", "followed here already")
    ann.press("Automatic reviews", "Code reviewed automatically")
    ann.press("All", re.compile("✓ Code reviewed automatically"))
    ann.press("‹ Back", re.compile("✓ Automatic reviews"))
    ann.press("Continue", "under your name")
    ann.press("Confirm", "your choice is stored")


def reviewed(ann: Visitor, size: ViewportSize = WIDE) -> Locator:
    """The pull request that was reviewed last, unfolded."""
    ann.page.set_viewport_size(size)
    ann.tab("forge").locator('[data-project="acme/rocket"] [data-open]').click()
    pull = ann.panel("forge").locator("[data-pull]").filter(has_text=_TITLE).first
    pull.locator("summary").first.click()
    return pull


def test_a_review_stands_on_its_lines_and_after_a_push_what_is_fixed_is_resolved(visit: Windows) -> None:
    ann = visit("ann")
    has_reviews_done(ann)
    result = ann.send_event("code_review", about="ann")
    expect(result).to_have_attribute("data-tone", "told", timeout=30_000)
    ann.sees("3 critical, 5 of style")
    pull = reviewed(ann)
    threads = pull.locator("[data-line-thread]")
    expect(threads).to_have_count(8)
    expect(pull).to_contain_text("Review: critical: 3, style: 5")
    expect(pull.locator("[data-comments]").first).to_contain_text("🤖 Automatic code review")
    with_offer = threads.filter(has_text="print() in the code")
    with_offer.locator("summary").click()
    expect(with_offer.locator('[data-field="offered"]')).to_have_text('    log.info("litres left: %s", litres)')
    expect(ann.send_event("code_review_again", about="ann")).to_have_attribute("data-tone", "told", timeout=30_000)
    ann.sees("1 critical, 3 of style · 4 fixed")
    ann.tab("forge")
    expect(threads).to_have_count(8)
    expect(threads.filter(has_text=re.compile("resolved by ann"))).to_have_count(4)
    expect(pull).to_contain_text("Review: critical: 1, style: 3")


def test_a_discussion_is_resolved_by_hand_and_opened_again(visit: Windows) -> None:
    ann = visit("ann")
    pull = reviewed(ann)
    naming = pull.locator("[data-line-thread]").filter(has_text="fuelLeft").first
    naming.locator("summary").click()
    naming.get_by_role("button", name="Resolve").click()
    expect(naming).to_contain_text("resolved by carl")
    naming.get_by_role("button", name="Open again").click()
    expect(naming).to_contain_text("unresolved")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_review_fits_the_window_and_is_for_everybody(visit: Windows, size: ViewportSize) -> None:
    ann = visit("ann", size=size, tab="forge")
    pull = reviewed(ann, size)
    for thread in pull.locator("[data-line-thread]").all()[:3]:
        thread.locator("summary").click()
    assert layout_faults(ann.page) == []
    assert access_faults(ann.page) == []
