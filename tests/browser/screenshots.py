"""`make screenshots`: the pictures of the README, from a run that shows the same each time."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import expect, sync_playwright

from tests.browser.demo import Demo
from tests.browser.needs import ROOT, chromium
from tests.browser.page import NARROW, Visitor
from tests.browser.windows import PATIENCE, Windows, launch

IMAGES = ROOT / "docs" / "images"
MOST = 300_000  # bytes of a picture: it is cloned with everything else
# What the clock makes different each time.
_STILL = """() => {
  for (const time of document.querySelectorAll("time")) if (time.textContent) time.textContent = "12:00";
  for (const took of document.querySelectorAll('[data-field="ms"]')) if (took.textContent) took.textContent = "4 ms";
}"""


def main() -> int:
    """Play the scenes and write the pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        demo = Demo(Path(folder))
        browser = launch(playwright, chromium())
        expect.set_options(timeout=PATIENCE)
        try:
            demo.start()
            windows = Windows(browser, demo.address)
            ann = windows("ann")
            _play(ann)
            _take(ann, "playground.png")
            narrow = windows("ann", size=NARROW, tab="chat")
            narrow.sees("Fixed: passes again")
            _take(narrow, "playground-narrow.png")
            windows.close()
        finally:
            browser.close()
            demo.kill()
    return 0


def _play(ann: Visitor) -> None:
    ann.pair()
    ann.give_token()
    ann.subscribe()
    for event, told in (
        ("review_person", "review requested"),
        ("pipeline_failed", "❌"),
        ("pipeline_fixed", "Fixed: passes again"),
    ):
        expect(ann.send_event(event, about="ann")).to_have_attribute("data-tone", "told")
        ann.sees(told)
    ann.page.locator('[data-happening="review_person"]').scroll_into_view_if_needed()


def _take(visitor: Visitor, name: str) -> None:
    visitor.page.evaluate("document.activeElement.blur()")
    expect(visitor.page.locator(".toast")).to_have_count(0)
    visitor.page.evaluate(_STILL)
    visitor.page.screenshot(path=IMAGES / name)
    size = (IMAGES / name).stat().st_size
    assert size < MOST, f"{name} has {size} bytes"
    print(f"docs/images/{name}: {size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
