"""What lies over the chat, and for how long; what its empty state says; how to begin again at the end."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.page import Visitor
from tests.browser.windows import Windows

pytestmark = pytest.mark.usefixtures("ready")


# Words and banner that show for a moment stay.
_NOTHING_GOES_BY_ITSELF = """() => {
  const soon = window.setTimeout;
  window.setTimeout = (work, ms, ...more) => (ms >= 1000 ? 0 : soon(work, ms, ...more));
}"""


def _edges(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["y"], box["y"] + box["height"]


# It stands there for a second only: whether it can be seen is noted as soon as one scrolls.
_NOTE_WHERE_THE_DAY_IS = """() => {
  const log = document.querySelector("#messages").closest("[role=log]") ?? document.querySelector("#messages");
  const day = [...document.querySelectorAll("#messages > [data-day]")].at(-1);
  new MutationObserver((changes, observer) => {
    if (!document.querySelector("[data-scrolling]")) return;
    observer.disconnect();
    requestAnimationFrame(() => {
      const [inner, outer] = [day.getBoundingClientRect(), log.getBoundingClientRect()];
      window.dayWasSeen = inner.height > 0 && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
    });
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["data-scrolling"] });
}"""


def _fill(visitor: Visitor) -> None:
    """More messages than the chat has room for."""
    for _ in range(6):
        before = visitor.messages.count()
        visitor.write("/help")
        expect(visitor.messages).to_have_count(before + 2)


def test_day_stands_over_messages_while_one_scrolls(visit: Windows) -> None:
    ann = visit("ann")
    _fill(ann)
    day = ann.page.locator("#messages > [data-day]").last
    expect(day).not_to_be_in_viewport()
    ann.page.evaluate(_NOTE_WHERE_THE_DAY_IS)
    ann.messages.last.hover()
    ann.page.mouse.wheel(0, -400)
    ann.page.wait_for_function("() => window.dayWasSeen !== undefined")
    assert ann.page.evaluate("window.dayWasSeen")
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
    ann.page.evaluate(_NOTHING_GOES_BY_ITSELF)
    ann.press("Mute this")
    ann.toast("Muted")
    bob.go("general")
    bob.write("Lunch?")
    banner = ann.page.locator("#banner")
    expect(banner).to_contain_text("Lunch?")
    expect(ann.page.locator("#chat-toasts .toast")).to_contain_text("Muted")
    assert _edges(ann.page.locator("#chat-toasts .toast"))[1] <= _edges(banner)[0]
    # A counter takes no room from the words beside it.
    assert ann.page.locator(".chat-role").evaluate_all("all => all.every((one) => one.scrollWidth <= one.clientWidth)")
    banner.click()
    expect(ann.page.locator('[data-chat="general"]')).to_have_attribute("aria-current", "true")
    ann.go("bot")


def test_deleted_before_the_list_is_done_leads_on(visit: Windows) -> None:
    ann = visit("ann")
    ann.go("bot")
    ann.say("/delete_me", "Delete all that I keep of you?")
    used = ann.code()
    ann.press("Delete everything", "Deleted:")
    ann.code(but=used)
    told = ann.messages.filter(has_text="You run this bot now").count()
    guide = ann.tab("guide")
    expect(guide.locator("[data-all-done]")).to_be_visible()
    expect(guide.locator("[data-all]")).to_be_hidden()
    expect(guide.locator("[data-news]")).to_contain_text("Done: Delete my data.")
    guide.locator("[data-again]").click()
    ann.send()
    expect(ann.messages.filter(has_text="You run this bot now")).to_have_count(told + 1)
