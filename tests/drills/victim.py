"""The program, killed with SIGKILL the first time that it passes the point named by CRASH_AT; ROLES: some of them."""

import asyncio
import dataclasses
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from src import logs
from src.app import ROLES, run, site_of
from src.config import load_settings


async def strike(point: str) -> None:
    """Die here, as a machine does that loses its power: nothing is flushed, nobody is told."""
    if point == os.environ["CRASH_AT"]:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    settings = load_settings()
    logs.set_up(settings.log_format)
    roles = frozenset(os.environ["ROLES"].split(",")) if "ROLES" in os.environ else ROLES
    asyncio.run(run(settings, roles, site=dataclasses.replace(site_of(settings), checkpoint=strike)))
