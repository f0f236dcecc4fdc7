"""How much of the relay's rate is left while pages watch it.

One process serves the relay and the streams, as the demo does, and logs `LINES` lines a second; a second one delivers
signed webhooks, a third one reads all streams and checks every number. The first has one core, the others another one.
Rounds with and without streams and lines take turns, so that a machine that is busy with something else is so for both.
"""

import asyncio
import logging
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from src.web.feed import Feed
from src.web.log_lines import FeedHandler
from src.web.stream import EventStream
from tests.bench.servers import held
from tests.bench.stream_peers import STREAMS, Process, Seen, another
from tests.bench.table import Asked, Figure, figure
from tests.relay import running_relay

LINES = 2_000  # a second
LONG = 3  # times as many rounds
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


async def measure(asked: Asked) -> list[Figure]:
    """Rounds in turn, and what they show."""
    alone: list[Round] = []
    watched: list[Round] = []
    async with AsyncExitStack() as stack:
        with held(-1):  # who delivers and who reads would have machines of their own
            deliverer = await stack.enter_async_context(another("deliver"))
            reading = await stack.enter_async_context(another("read"))
        stack.enter_context(held(0))
        for number in range(2 * asked.rounds * (LONG if asked.long else 1)):
            room = asked.folder / str(number)
            room.mkdir()
            if "abba"[number % 4] == "a":  # whatever drifts does so for both
                alone.append(await without(room, deliverer))
            else:
                watched.append(await with_streams(room, deliverer, reading))
    return figures(alone, watched)


def figures(alone: list[Round], watched: list[Round]) -> list[Figure]:
    """The rate that is left; how many lines any reader lacked; how often a page is told."""
    seen = [one.seen for one in watched if one.seen is not None]
    missing = sum(one.gaps + one.short for one in seen) + sum(
        abs(one.written * STREAMS - one.seen.lines) for one in watched if one.seen is not None
    )
    pace = sum(one.written for one in watched) / sum(one.seconds for one in watched)
    return [
        figure(
            "streams.rate",
            "deliveries/s",
            [one.rate for one in watched],
            [one.rate for one in alone],
            at_least=LEAST,
            note=f"{STREAMS} streams of {pace:.0f} lines/s, shown after {_delay(seen):.0f} ms",
        ),
        figure("streams.missing", "lines", [missing], at_most=0, note=f"of {sum(one.lines for one in seen)}"),
        figure("streams.frames", "a second", [max(one.frames for one in seen)], at_most=MOST_FRAMES),
        figure(
            "streams.memory",
            "MiB",
            [max(one.grown for one in watched)],
            note=f"at most {max(one.unsent for one in watched) / 1024:.0f} KiB waited for readers",
        ),
    ]


def _delay(seen: list[Seen]) -> float:
    return statistics.median(one.delay for one in seen) * 1000
