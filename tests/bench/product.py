"""The whole product as a process: ``python -m tests.bench.product [PACE]``, its settings from the environment.

PACE is how fast the clock of Telegram's limits runs; very fast, it is as if there were none.
"""

import asyncio
import dataclasses
import sys

import uvloop

from src.app import run, site_of
from src.config import Settings


async def main(pace: float) -> None:
    """Until it is told to end."""
    settings = Settings()
    site = dataclasses.replace(site_of(settings), pace=pace)
    await run(settings, ready=lambda port: print(f"listening on http://127.0.0.1:{port}", flush=True), site=site)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0))
