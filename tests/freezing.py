"""Tests on a machine that stands still now and then: ``pytest -p tests.freezing`` (make test-freezing).

At random moments this process and all that it started are stopped for FREEZE seconds (7) and go on, as happens where
processors are short or a disk holds everybody up: clocks and time limits run on meanwhile. What fails so is judged by
the machine's pace. FREEZE_SEED chooses other moments.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_BETWEEN = (2.0, 14.0)  # seconds


def pytest_configure(config: pytest.Config) -> None:
    """Start who freezes us."""
    config.pluginmanager.register(_Frozen(), "frozen")


class _Frozen:
    def __init__(self) -> None:
        self._freezer = subprocess.Popen(
            [sys.executable, __file__, str(os.getpid())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, close_fds=True,
        )  # fmt: skip

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._say(item.nodeid)
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        told, _ = self._freezer.communicate()
        tests = [line for line in told.splitlines() if line]
        terminalreporter.write_line(f"stood still {len(tests)} times, in {len(set(tests))} tests")

    def _say(self, words: str) -> None:
        assert self._freezer.stdin is not None
        self._freezer.stdin.write(f"{words}\n")
        self._freezer.stdin.flush()


def _freeze_now_and_then(whom: int) -> None:
    """Until nobody tells us of tests any more; then prints during which it froze."""
    seconds = float(os.environ.get("FREEZE", "7"))
    dice = random.Random(os.environ.get("FREEZE_SEED", "1"))  # noqa: S311 - no secret hangs on it
    running, over = [""], threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            running[0] = line.strip()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    frozen: list[str] = []
    while not over.wait(dice.uniform(*_BETWEEN)):
        if not running[0]:  # they are still collected
            continue
        stopped: list[int] = []
        try:
            for pid in _tree(whom):
                stopped.append(pid)
                _send(pid, signal.SIGSTOP)
            frozen.append(running[0])
            time.sleep(seconds)
        finally:
            for pid in reversed(stopped):
                _send(pid, signal.SIGCONT)
    print(*frozen, sep="\n")


def _tree(root: int) -> list[int]:
    """A process and all below it, but for ourselves and for what is stopped or ended already."""
    states: dict[int, str] = {}
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        states[int(folder.name)] = state
        children.setdefault(int(parent), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found.extend(child for child in children.get(pid, ()) if child != os.getpid())
    return [pid for pid in found if states.get(pid, "Z") not in "TZ"]


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # it ended meanwhile, or became somebody else's


if __name__ == "__main__":
    _freeze_now_and_then(int(sys.argv[1]))
