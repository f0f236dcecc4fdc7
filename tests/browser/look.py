"""How a page looks, examined by script: its layout, and what axe-core says about who cannot use it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.needs import AXE, HERE

_LAYOUT = (HERE / "layout.js").read_text(encoding="utf-8")
_AXE = AXE.read_text(encoding="utf-8")
_GRAVE = ("serious", "critical")


def layout_faults(page: Page) -> list[str]:
    """Sideways scroll, controls that overlap or leave the window, words cut off, targets too low for a finger."""
    narrow = page.viewport_size is not None and page.viewport_size["width"] < 500
    return [str(fault) for fault in page.evaluate(_LAYOUT, narrow)]


def access_faults(page: Page, *, only: str = "") -> list[str]:
    """The serious and critical faults of all that is on the page now, and where. `only`: one rule of axe's."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(_AXE)  # not by a <script>, which the page's policy forbids
    options = {"resultTypes": ["violations"]} | ({"runOnly": [only]} if only else {})
    found: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
    ]


def picture(page: Page, folder: Path, name: str) -> None:
    """What the window shows."""
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
