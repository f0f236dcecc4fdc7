"""``python -m tests.bench [NAME ...] [--long] [--rounds N]``: all figures, or some modules' (`make bench`)."""

import argparse
import asyncio
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from tests.bench.table import FILE, ROUNDS, Asked, Figure, table, write

MODULES = ("ingest", "streams", "fanout", "cost", "latency", "memory", "workers")  # in this order


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="tests.bench", description="Measures the relay.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
    parser.add_argument("--long", action="store_true", help="a million rows, more rounds where that tells more")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="the median of so many runs (default: %(default)s)")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(MODULES)):
        parser.error(f"no such module: {', '.join(unknown)}")
    figures: list[Figure] = []
    for name in asked.names or MODULES:
        began = time.monotonic()
        found = _measured(name, long=asked.long, rounds=asked.rounds)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        figures.extend(found)
        write(found)
    print(table(figures))
    print(f"written to {os.path.relpath(FILE)}")
    return 0 if all(each.kept for each in figures) else 1


def _measured(name: str, *, long: bool, rounds: int) -> list[Figure]:
    """What one module finds, in an event loop and a folder of its own."""
    module = importlib.import_module(f"tests.bench.{name}")
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found: list[Figure] = runner.run(module.measure(Asked(Path(folder), long=long, rounds=rounds)))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
