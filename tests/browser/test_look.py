"""Every tab and dialog, wide and narrow, light and dark, in both languages: laid out well and open to everybody."""

from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.browser.conftest import prepared
from tests.browser.demo import Demo
from tests.browser.look import access_faults, layout_faults, picture
from tests.browser.needs import HOME
from tests.browser.page import NARROW, WIDE, Visitor
from tests.browser.windows import Windows

SHOTS = HOME / "screenshots"
SIZES: dict[str, ViewportSize] = {"1280": WIDE, "380": NARROW}
THEMES = {"light": False, "dark": True}


@pytest.fixture(scope="module")
def lived(browser: Browser, demo: Demo, ready: None) -> None:
    """A world in which all tabs have something to show: told, failed, refused, in groups and in private."""
    with prepared(browser, demo) as windows:
        ann = windows("ann")
        ann.go("releases")
        ann.subscribe()
        for name in ("review_team", "pipeline_failed", "pipeline_fixed", "burst", "bad_signature"):
            ann.send_event(name, about="ann")
        ann.go("bot")
        ann.say("/privacy", "What I keep of you")


_FAULTY = """<!doctype html><html lang="en"><title>Faulty</title><main><h1>Faulty</h1>
<button style="position: absolute; left: 10px; top: 100px; width: 90px; height: 50px">One</button>
<button style="position: absolute; left: 80px; top: 110px; width: 90px; height: 50px">Two</button>
<button style="width: 30px; height: 50px; overflow: hidden; white-space: nowrap">Words that do not fit</button>
<button style="height: 20px">Low</button>
<p style="color: #ccc; background: #fff">Pale</p>
<div style="width: 600px">Wide</div><input></main>"""


def test_the_checks_find_what_they_look_for(browser: Browser) -> None:
    page = browser.new_page(viewport=NARROW)
    page.set_content(_FAULTY)
    layout, access = "\n".join(layout_faults(page)), "\n".join(access_faults(page))
    page.close()
    for fault in ("scrolls sideways", '"One" and <button > "Two" overlap', "words cut off", '"Low" is 20 px high'):
        assert fault in layout
    for rule in ("color-contrast", "label"):
        assert rule in access


def all_tabs(visitor: Visitor) -> list[str]:
    """The tabs that can be seen, in their order."""
    ids = visitor.page.locator('#tabs [role="tab"]:visible').evaluate_all("all => all.map((tab) => tab.id)")
    return [str(id_).removeprefix("tab-") for id_ in ids]


def scenes(visitor: Visitor) -> Iterator[str]:
    """Bring one thing after the other to the screen; each one's name."""
    for tab in all_tabs(visitor):
        visitor.tab(tab)
        yield tab
    visitor.tab("forge").locator('[data-project="acme/rocket"]').first.click()
    yield "forge-project"
    expect(visitor.send_event("mention", about="ann")).to_have_attribute("data-tone", "told")
    yield "events-sent"
    visitor.to_chat()
    visitor.page.locator("#commands").click()
    yield "chat-commands"
    visitor.page.keyboard.press("Escape")
    visitor.say("/subscribe", "Where is the project?")
    yield "chat-keyboard"
    visitor.press("GitLab")
    expect(visitor.page.locator("dialog[open]")).to_be_visible()
    yield "chat-alert"
    visitor.dismiss("token")
    visitor.press("Cancel")
    visitor.look_as("eve")
    yield "chat-stranger"


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [*product(["en"], SIZES, THEMES), *product(["ru"], SIZES, ["light"])],  # words have no theme
)
def test_every_tab_and_dialog(visit: Windows, lived: None, language: str, width: str, theme: str) -> None:
    ann = visit("ann", size=SIZES[width], dark=THEMES[theme], language=language)
    faults: list[str] = []
    for name in scenes(ann):
        found = layout_faults(ann.page)
        if language == "en":
            # A theme is nothing but colours.
            found += access_faults(ann.page, only="color-contrast" if THEMES[theme] else "")
        faults += [f"{name}: {fault}" for fault in found]
        picture(ann.page, SHOTS, f"{name}-{width}-{theme}-{language}")
    assert not faults, "\n".join(dict.fromkeys(faults))
