"""A pytest plugin: every call of the bot in the project's own tests is held against Telegram's description of its API.

``TELEGRAM_SPEC=telegram-api.json make test`` runs the tests with it. The run fails where a call is not as described,
and where the sources use a method that no test called.
"""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from src.demo.telegram.server import TelegramServer
from tests.peers.methods_used import methods_used
from tests.peers.telegram_spec import TelegramSpec

ROOT = Path(__file__).parents[2]
_OF_THE_EMULATOR = re.compile(r"test_telegram_emulator\w*|test_emulator_honest")  # they call it wrong on purpose


class Inspector:
    """Counts and judges the calls."""

    def __init__(self, spec: TelegramSpec) -> None:
        self.spec = spec
        self.calls: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        self.test = "outside of a test"
        self.is_wrong_on_purpose = False

    def inspect(self, method: str, form: dict[str, str]) -> None:
        """One call. The test that made it is told nothing: the run fails as a whole."""
        if self.is_wrong_on_purpose:
            return
        self.calls[self.spec.name(method)] += 1
        self.violations.update(f"{self.test}: {method}: {finding}" for finding in self.spec.validate(method, form))

    @property
    def uncalled(self) -> set[str]:
        """What the sources use and no test called."""
        return methods_used(ROOT / "src" / "bot", ROOT / "src" / "webhook") - set(self.calls)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Whose calls come now."""
        self.test = item.nodeid
        self.is_wrong_on_purpose = _OF_THE_EMULATOR.fullmatch(item.path.stem) is not None

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run; the summary says why."""
        if exitstatus == pytest.ExitCode.OK and (self.violations or self.uncalled):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The table."""
        write = terminalreporter.write_line
        terminalreporter.section(self.spec.version)
        for method, count in self.calls.most_common():
            write(f"{method:24}{count:>8}")
        write(f"{'all':24}{self.calls.total():>8}, {self.violations.total()} not as described")
        for violation, count in self.violations.items():
            write(f"{violation} ({count} times)", red=True)
        for method in sorted(self.uncalled):
            write(f"{method}: the sources use it, no test called it", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Let every emulator that is started ask the inspector."""
    inspector = Inspector(TelegramSpec(Path(os.environ["TELEGRAM_SPEC"])))
    config.pluginmanager.register(inspector, "telegram-spec")
    answer = TelegramServer._answer

    async def inspected(
        self: TelegramServer, request: web.Request, token: str, method: str, form: dict[str, str]
    ) -> tuple[web.Response, str | None]:
        if "aiogram" in request.headers.get("User-Agent", ""):  # a bot, and not a test that posts by hand
            inspector.inspect(method, form)
        return await answer(self, request, token, method, form)

    patch = pytest.MonkeyPatch()
    patch.setattr(TelegramServer, "_answer", inspected)
    config.add_cleanup(patch.undo)
