"""How much of the relay's rate is left while pages watch it (`make bench`).

One process serves the relay and the streams, as the demo does, and logs `LINES` lines a second; a second one delivers
signed webhooks, a third one reads all streams and checks every number. Rounds with and without streams and lines
take turns, so that a machine that is busy with something else is so for both. Exit code 1: a promise is broken.
"""

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop
from aiohttp import web
from aiohttp.test_utils import TestServer

from src.web.feed import Feed
from src.web.log_lines import FeedHandler
from src.web.stream import EventStream
from tests.bench.stream_peers import STREAMS, Process, Seen, another
from tests.relay import running_relay

LINES = 2_000  # a second
PAIRS = 7  # of rounds
LEAST = 0.9
MOST_FRAMES = 10
_PACE = 0.01
_MIB = 1024 * 1024


async def write_lines(feed: Feed, stop: asyncio.Event) -> None:
    """`LINES` a second through `logging`, as the program logs them."""
    logger = logging.getLogger("bench.lines")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handler = FeedHandler(feed)
    logger.addHandler(handler)
    started = time.perf_counter()
    written = 0
    while not stop.is_set():
        due = int((time.perf_counter() - started) * LINES)
        for number in range(written, due):
            logger.info("stored delivery %s of hook %s in %s ms", number, "h4f1c2", number % 90)
        written = due
        await asyncio.sleep(_PACE)
    logger.removeHandler(handler)


@dataclass(frozen=True)
class Round:
    """One measurement."""

    rate: float
    seen: Seen | None = None
    written: int = 0
    seconds: float = 0
    unsent: int = 0  # bytes waiting for readers, at most
    grown: float = 0  # MiB of this process


async def without(folder: Path, deliverer: Process) -> Round:
    """The relay alone."""
    async with running_relay(folder, work=False, remember=5) as relay:
        address = await relay.add_hook(await relay.add_project())
        return Round((await deliverer.ask(port=relay.client.port, path=address))["rate"])


async def with_streams(folder: Path, deliverer: Process, reading: Process) -> Round:
    """The relay beside a feed that is written to, and pages that read it."""
    feed = Feed(folder / "feed")
    feed.open()
    stream = EventStream(feed)
    app = web.Application()
    app.add_routes(stream.routes())
    quiet, stop = asyncio.Event(), asyncio.Event()
    async with running_relay(folder, work=False, remember=5) as relay, TestServer(app) as server:
        address = await relay.add_hook(await relay.add_project())
        await reading.ask(port=server.port)
        before = memory()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stream.run(stop))
            started = time.perf_counter()
            writing = tasks.create_task(write_lines(feed, quiet))
            peak = tasks.create_task(peaks(stream, quiet))
            rate = (await deliverer.ask(port=relay.client.port, path=address))["rate"]
            seconds = time.perf_counter() - started
            quiet.set()
            await writing
            await all_sent(stream)
            stop.set()
        seen = Seen(**await reading.ask())
        unsent, most = await peak
        feed.close()
        return Round(rate, seen, feed.last, seconds, unsent, most - before)


async def all_sent(stream: EventStream) -> None:
    while True:
        if not stream.behind:
            return
        await asyncio.sleep(_PACE)


async def peaks(stream: EventStream, stop: asyncio.Event) -> tuple[int, float]:
    """The most bytes that waited for readers, and the most MiB that this process had."""
    unsent, most = 0, 0.0
    while not stop.is_set():
        unsent, most = max(unsent, stream.unsent), max(most, memory())
        await asyncio.sleep(0.05)
    return unsent, most


def memory() -> float:
    """MiB of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096 / _MIB


async def measure(folder: Path) -> bool:
    """Rounds in turn; whether they show what was promised."""
    alone: list[Round] = []
    watched: list[Round] = []
    async with another("deliver") as deliverer, another("read") as reading:
        for number in range(2 * PAIRS):
            room = folder / str(number)
            room.mkdir()
            if "abba"[number % 4] == "a":  # whatever drifts does so for both
                alone.append(await without(room, deliverer))
            else:
                watched.append(await with_streams(room, deliverer, reading))
    return told(alone, watched)


def told(alone: list[Round], watched: list[Round]) -> bool:
    """Print the figures; whether they are what was promised."""
    ratios = sorted(one.rate / other.rate for one, other in zip(watched, alone, strict=True))
    ratio = statistics.median(ratios)
    seen = [one.seen for one in watched if one.seen is not None]
    frames = max(one.frames for one in seen)
    missing = sum(one.gaps + one.short for one in seen) + sum(
        abs(one.written * STREAMS - one.seen.lines) for one in watched if one.seen is not None
    )
    pace = sum(one.written for one in watched) / sum(one.seconds for one in watched)
    print(
        f"streams: relay alone {statistics.median(one.rate for one in alone):.0f}/s, with {STREAMS} streams of "
        f"{pace:.0f} lines/s {statistics.median(one.rate for one in watched):.0f}/s, ratio {ratio:.2f} "
        f"(rounds {', '.join(f'{one:.2f}' for one in ratios)}; at least {LEAST})\n"
        f"streams: {sum(one.lines for one in seen)} lines read, {missing} missing or out of order; "
        f"at most {frames} frames in any second of a stream (at most {MOST_FRAMES}); "
        f"shown after {statistics.median(one.delay for one in seen) * 1000:.0f} ms; "
        f"at most {max(one.unsent for one in watched) / 1024:.0f} KiB waited for readers, "
        f"memory grew by {max(one.grown for one in watched):.1f} MiB"
    )
    return ratio >= LEAST and not missing and frames <= MOST_FRAMES


def main() -> int:
    """Run in a folder that is removed afterwards; 1 where the promise is broken."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return 0 if runner.run(measure(Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main())
