"""`python main.py demo` as a process of its own, which may be stopped and started again on the same folder and port."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from src.config import Settings
from tests.browser.needs import ROOT

_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")
_PATIENCE = 60.0  # seconds: a busy machine


class Demo:
    """One playground. `address` is good while it runs."""

    def __init__(self, folder: Path, *, pace: int = 20) -> None:
        self.folder = folder
        self.port = 0
        self.printed: list[str] = []
        self._pace = pace
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it prints its address; the port stays the same over restarts."""
        ours = {name.upper() for name in Settings.model_fields} | {"GITHUB_TOKEN", "GITLAB_TOKEN"}
        listening = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "main.py", "demo", "--port", str(self.port), "--folder", str(self.folder),
             "--pace", str(self._pace)],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if k not in ours} | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self._process, listening))
        self._reader.start()
        if not listening.wait(_PATIENCE) or self.port == 0:
            self.kill()
            raise AssertionError("the demo did not start:\n" + "".join(self.printed))

    def stop(self) -> int:
        """SIGTERM, and wait for the end; the exit code."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        return self._ended(process)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._ended(self._process)

    def _ended(self, process: subprocess.Popen[str]) -> int:
        code = process.wait(_PATIENCE)
        if self._reader is not None:
            self._reader.join()
        if process.stdout is not None:
            process.stdout.close()
        self._process = self._reader = None
        return code

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the demo does not run"
        return self._process

    def _read(self, process: subprocess.Popen[str], listening: threading.Event) -> None:
        """All that it prints, so that it never waits for us."""
        assert process.stdout is not None
        for line in process.stdout:
            self.printed.append(line)
            if found := _ADDRESS.search(line):
                if self.port == 0:
                    self.port = int(found[1])
                listening.set()
        listening.set()  # it ended
