"""Starts the program within milliseconds: everything is imported once, each start is a fork.

Reads ``go`` from standard input and prints what happens: ``started PID``, ``listening PORT``, ``ended CODE``. The
drill kills by the PID. What the program logs goes to standard error.
"""

import asyncio
import ctypes
import dataclasses
import gc
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

import aiosqlite
import asyncpg
import uvloop

from src import logs
from src.app import run, site_of
from src.bot import access, bot, fsm_storage, limiter, notices, profile
from src.config import load_settings
from src.webhook import notifier

# Imported where they are needed, but not each time anew.
LOADED = (aiosqlite, asyncpg, access, bot, fsm_storage, limiter, notices, profile, notifier)
_PDEATHSIG = 1  # prctl.h


def say(words: str) -> None:
    """One line to the drill, whole even where two processes speak."""
    os.write(1, f"{words}\n".encode())


def die_with_the_parent() -> None:
    """Nothing stays behind when a drill is killed itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)


def play() -> NoReturn:
    """The program, from its settings to its end."""
    code = 1
    try:
        die_with_the_parent()
        settings = load_settings()
        logs.set_up(settings.log_format, level=int(os.environ.get("DRILL_LOG_LEVEL", "30")))
        site = dataclasses.replace(site_of(settings), pace=float(os.environ.get("DRILL_PACE", "1")))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, site=site, ready=lambda port: say(f"listening {port}")))
        code = 0
    except BaseException:  # noqa: BLE001 - the parent's code must not run on in the child, whatever it was
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Start one after the other until standard input ends."""
    die_with_the_parent()
    gc.freeze()  # what is imported stays shared
    say("ready")
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            play()
        say(f"started {pid}")
        _, status = os.waitpid(pid, 0)
        say(f"ended {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
