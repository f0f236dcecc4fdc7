"""`python -m tests.walk`: walk everything and print what was seen; `--invariants N` tries N random lives instead."""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from src.i18n import languages
from tests.walk.cast import Role, Spot
from tests.walk.life import LENGTH, try_lives
from tests.walk.play import walk_all
from tests.walk.report import screens, summary
from tests.walk.walker import Report

_CORES = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.walk", description=__doc__)
    parser.add_argument("--language", choices=languages(), default="en", help="the people's language")
    parser.add_argument("--screens", action="store_true", help="print every screen with its buttons")
    parser.add_argument("--spot", type=Spot, action="append", help="walk only here: private, group, topic")
    parser.add_argument("--role", type=Role, action="append", help="walk only as: admin, member, newcomer, stranger")
    parser.add_argument("--command", action="append", default=[], help="only this command, without the slash")
    parser.add_argument("--invariants", type=int, metavar="N", help=f"try N random lives of {LENGTH} deeds instead")
    return parser.parse_args()


def _walk(who: tuple[Role, Spot], language: str, commands: Sequence[str]) -> Report:
    role, spot = who
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(walk_all(Path(folder), language, spots=[spot], roles=[role], commands=commands))


def main() -> int:
    """The exit code: 0 where nothing is wrong."""
    given = _arguments()
    began = time.monotonic()
    if given.invariants is not None:
        try_lives(given.invariants)
        print(f"{given.invariants} lives of {LENGTH} deeds in {time.monotonic() - began:.0f} s: the invariants hold")
        return 0
    walk = partial(_walk, language=given.language, commands=given.command)
    everybody = list(itertools.product(given.role or Role, given.spot or Spot))  # the longest walks first
    report = Report()
    with ProcessPoolExecutor(_CORES) as pool:
        for found in pool.map(walk, everybody):
            report.add(found)
    if given.screens:
        print("\n".join(screens(report)))
    print("\n".join(summary(report, given.language)))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
