"""The browser, a playground for each module, and what holds in every test: no error, nobody asked but this machine."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from tests.browser.demo import Demo
from tests.browser.needs import Missing, chromium

try:
    CHROMIUM = chromium()
    from playwright.sync_api import Browser, expect, sync_playwright

    from tests.browser.page import PATIENCE
    from tests.browser.windows import Windows, launch
except (Missing, ModuleNotFoundError) as missing:
    pytest.exit(f"{missing}\nRun the browser tests by `make test-browser`.", returncode=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a busy machine takes its time."""
    for item in items:
        item.add_marker(pytest.mark.timeout(600))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what became of a test for its fixtures."""
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = launch(playwright, CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A playground of this module's own."""
    running = Demo(tmp_path_factory.mktemp("playground"))
    running.start()
    yield running
    assert running.stop() == 0, "".join(running.printed)


@pytest.fixture
def visit(browser: Browser, demo: Demo, request: pytest.FixtureRequest) -> Iterator[Windows]:
    """Opens the page as a person: `visit("ann")`. At the end nothing may have gone wrong in any window."""
    windows = Windows(browser, demo.address)
    try:
        yield windows
        try:
            windows.check()
        except AssertionError:
            windows.keep(request.node.name)
            raise
        if request.node.report_call.failed:
            windows.keep(request.node.name)
    finally:
        windows.close()


@pytest.fixture(scope="module")
def ready(browser: Browser, demo: Demo) -> None:
    """Ann runs the bot, gave her token and follows acme/rocket in private."""
    with prepared(browser, demo) as windows:
        ann = windows("ann")
        ann.pair()
        ann.give_token()
        ann.subscribe()


@pytest.fixture(scope="module")
def team(browser: Browser, demo: Demo, ready: None) -> None:
    """Bob is in, too, and follows what Ann follows."""
    with prepared(browser, demo) as windows:
        ann, bob = windows("ann"), windows("bob")
        ann.hand_on(ann.invite())
        bob.enter()
        bob.give_token()
        bob.subscribe()


@contextmanager
def prepared(browser: Browser, demo: Demo) -> Iterator[Windows]:
    """Windows in which something is prepared for the tests of a module; kept when that fails."""
    windows = Windows(browser, demo.address)
    try:
        yield windows
        windows.check()
    except BaseException:
        windows.keep("prepared")
        raise
    finally:
        windows.close()
