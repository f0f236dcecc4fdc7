"""`make screenshots`: the pictures of the README, from a run that shows the same each time."""

import sys
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import BrowserContext, ViewportSize, expect, sync_playwright

from tests.browser.demo import Demo
from tests.browser.needs import ROOT, chromium
from tests.browser.page import NARROW, PATIENCE, Visitor
from tests.browser.windows import Windows, launch

IMAGES = ROOT / "docs" / "images"
MOST = 300_000  # bytes of a picture: it is cloned with everything else
_SIZE: ViewportSize = {"width": 1280, "height": 860}
# What the clock makes different each time.
_STILL = """() => {
  for (const time of document.querySelectorAll("time")) if (time.textContent) time.textContent = "12:00";
  for (const took of document.querySelectorAll('[data-field="ms"]')) if (took.textContent) took.textContent = "4 ms";
}"""
_COMPARE = """async (pictures) => {
  const [one, other] = await Promise.all(pictures.map(async (picture) => {
    const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  }));
  if (one.width !== other.width || one.height !== other.height) return false;
  let different = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    if ([0, 1, 2].some((colour) => one.data[at + colour] !== other.data[at + colour])) different += 1;
  }
  return different < 100;
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
            ann = windows("ann", size=_SIZE)
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
    ann.panel("events").evaluate("panel => panel.scrollTo(0, 0)")


def _take(visitor: Visitor, name: str) -> None:
    visitor.page.evaluate("document.activeElement.blur()")
    expect(visitor.page.locator(".toast")).to_have_count(0)
    visitor.page.evaluate(_STILL)
    visitor.page.locator("#messages").evaluate("log => log.scrollTo(0, log.scrollHeight)")
    fresh = visitor.page.screenshot()
    assert len(fresh) < MOST, f"{name} has {len(fresh)} bytes"
    file = IMAGES / name
    if file.exists() and _looks_the_same(visitor.context, file.read_bytes(), fresh):
        print(f"docs/images/{name} is as it was")
        return
    file.write_bytes(fresh)
    print(f"docs/images/{name}: {len(fresh):,} bytes")


def _looks_the_same(context: BrowserContext, *pictures: bytes) -> bool:
    """Whether nobody sees a difference: a rounded corner is not drawn the same each time."""
    page = context.new_page()  # an empty one, which has no policy against this
    try:
        return bool(page.evaluate(_COMPARE, [b64encode(picture).decode() for picture in pictures]))
    finally:
        page.close()


if __name__ == "__main__":
    sys.exit(main())
