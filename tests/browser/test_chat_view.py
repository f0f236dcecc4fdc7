"""What lies over the chat, and for how long; what its empty state says; how to begin again at the end."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.page import Visitor
from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("ready")


def _edges(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


def _fill(visitor: Visitor) -> None:
    """More messages than the chat has room for."""
    for _ in range(6):
        visitor.say("/help", "/subscribe")


def test_day_stands_over_messages_while_one_scrolls(visit: Windows) -> None:
    ann = visit("ann")
    _fill(ann)
    day = ann.page.locator("#messages > [data-day]").last
    expect(day).not_to_be_in_viewport()
    ann.messages.last.hover()
    ann.page.mouse.wheel(0, -400)
    expect(day).to_be_in_viewport()
    expect(day).not_to_be_in_viewport()


def test_about_is_in_the_persons_language(visit: Windows) -> None:
    eve = visit("eve")
    about = eve.page.locator("#messages [data-about]")
    expect(about).to_contain_text("I tell you what happens")
    eve.page.locator("#telegram-language").select_option("ru")
    expect(about).to_contain_text("Рассказываю")
    eve.page.locator("#telegram-language").select_option("en")
    expect(about).to_contain_text("I tell you what happens")


def test_banner_and_answer_do_not_cover_each_other(visit: Windows) -> None:
    ann, bob = visit("ann", language="ru"), visit("bob")
    ann.send_event("mention")
    ann.press("Mute…", "Back")
    ann.press("Mute this")
    ann.toast("Muted")
    bob.go("general")
    bob.write("Lunch?")
    banner = ann.page.locator("#banner")
    expect(banner).to_contain_text("Lunch?")
    assert _edges(ann.page.locator("#chat-toasts"))[1] <= _edges(banner)[0]
    # A counter takes no room from the words beside it.
    assert ann.page.locator(".chat-role").evaluate_all("all => all.every((one) => one.scrollWidth <= one.clientWidth)")
    banner.click()
    expect(ann.page.locator('[data-chat="general"]')).to_have_attribute("aria-current", "true")
    ann.go("bot")


def test_deleted_before_the_list_is_done_leads_on(visit: Windows) -> None:
    ann = visit("ann")
    ann.go("bot")
    ann.say("/delete_me", "Delete all that I keep of you?")
    ann.press("Delete everything", "Deleted:")
    guide = ann.tab("guide")
    expect(guide.locator("[data-all-done]")).to_be_visible()
    expect(guide.locator("[data-all]")).to_be_hidden()
    expect(guide.locator("[data-news]")).to_contain_text("Done: Delete my data.")
    guide.locator("[data-again]").click()
    ann.send()
    ann.sees("You run this bot now")
