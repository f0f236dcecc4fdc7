"""The windows that a test opens: how each is set, what may not have happened in any, what is kept of a failure."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Playwright, ViewportSize

from tests.browser.needs import HOME
from tests.browser.page import PATIENCE, WIDE, Visitor

_FAILURES = HOME / "failures"
_QUIET = (
    "--no-sandbox",  # root, as in a container, may not have one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def launch(playwright: Playwright, executable: str) -> Browser:
    """A Chromium that asks nobody but this machine."""
    return playwright.chromium.launch(executable_path=executable, args=list(_QUIET))


class Windows:
    """Opens windows on one playground and looks after them."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._address = address
        self._open: list[Visitor] = []

    def __call__(
        self, name: str = "ann", *, size: ViewportSize = WIDE, dark: bool = False, language: str = "en", tab: str = "",
        address: str = "",
    ) -> Visitor:  # fmt: skip
        """The page in a browser of its own, as this person sees it. `address`: by another way than directly."""
        context = self._browser.new_context(
            viewport=size, color_scheme="dark" if dark else "light", locale="en-GB", timezone_id="UTC",
            reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        context.set_default_timeout(PATIENCE)
        self._open.append(Visitor(context, address or self._address, name))
        return self._open[-1].open(language=language, tab=tab)

    def check(self) -> None:
        """No error on any console, no request to anywhere but this machine, no line of the stream missed."""
        wrong = [f"{one.name}: on the console: {line}" for one in self._open for line in one.watch.errors()]
        wrong += [f"{one.name}: asked elsewhere: {url}" for one in self._open for url in one.watch.strangers()]
        wrong += [f"{one.name}: {one.stream()[1]} lines missed" for one in self._open if one.stream()[1]]
        assert not wrong, "\n".join(wrong)

    def keep(self, test: str) -> None:
        """A picture and the console of each window, below build/browser/failures."""
        _FAILURES.mkdir(parents=True, exist_ok=True)
        for number, visitor in enumerate(self._open):
            place = _FAILURES / f"{re.sub(r'[^A-Za-z0-9]+', '-', test)}-{number}-{visitor.name}"
            visitor.page.screenshot(path=place.with_suffix(".png"))
            Path(place.with_suffix(".txt")).write_text("\n".join(visitor.watch.console), encoding="utf-8")

    def close(self) -> None:
        """All of them."""
        for visitor in self._open:
            visitor.context.close()
