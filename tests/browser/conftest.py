"""The browser, a playground for each module, and what holds in every test: no error, nobody asked but this machine."""

from collections.abc import Generator, Iterator

import pytest

from tests.browser.demo import Demo
from tests.browser.needs import Missing, chromium

try:
    CHROMIUM = chromium()
    from playwright.sync_api import Browser, expect, sync_playwright

    from tests.browser.windows import PATIENCE, Windows, launch
except (Missing, ModuleNotFoundError) as missing:
    pytest.exit(f"{missing}\nRun the browser tests by `make test-browser`.", returncode=2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a busy machine takes its time."""
    for item in items:
        item.add_marker(pytest.mark.timeout(180))


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
        if request.node.report_call.failed:
            windows.keep(request.node.name)
        windows.check()
    finally:
        windows.close()


@pytest.fixture(scope="module")
def ready(browser: Browser, demo: Demo) -> None:
    """Ann runs the bot, Bob is in; both gave their tokens and follow acme/rocket in private."""
    windows = Windows(browser, demo.address)
    try:
        ann, bob = windows("ann"), windows("bob")
        ann.pair()
        ann.hand_on(ann.invite())
        bob.enter()
        for visitor in (ann, bob):
            visitor.give_token()
            visitor.subscribe()
        windows.check()
    except BaseException:
        windows.keep("ready")
        raise
    finally:
        windows.close()
