"""Figure (b): from the POST of a delivery to the call of the Bot API, the whole product in a process of its own.

With the limiter on, at rates that Telegram bears; without it, at more. The reference is a POST that nothing is done
with, at the same rate. The Bot API is the bench's own, which does nothing but note when a message came.
"""

import asyncio
import itertools
import statistics
import time

from tests.bench.stage import UNPACED, Product, at_rate, product
from tests.bench.table import Asked, Figure, figure, in_turns

PACED = {1: 4, 20: 60}  # deliveries in one run, by how many a second
FREE = {50: 100, 500: 500}
_MOST = 100.0  # milliseconds, of the slowest hundredth at 20 a second


class Runs:
    """One rate: the latencies of all its runs."""

    def __init__(self, made: Product, rate: int, count: int, numbers: "itertools.count[int]") -> None:
        self.made, self.rate, self.count, self.numbers = made, rate, count, numbers
        self.p50: list[float] = []

    async def ours(self) -> float:
        """The slowest hundredth."""
        first = next(self.numbers) * 10_000 + self.rate  # not the chats that were told something just now
        times = await at_rate(self.made, self.rate, range(first, first + self.count))
        self.p50.append(statistics.median(times))
        return _p99(times)

    async def bare(self) -> float:
        """As `ours`."""
        _, body, _ = self.made.request(1)
        times: list[float] = []

        async def one() -> None:
            began = time.perf_counter()
            async with self.made.session.post(f"{self.made.telegram.url}/bare", data=body) as answer:
                await answer.read()
            times.append((time.perf_counter() - began) * 1e3)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self.count, 100)):
                await asyncio.sleep(1 / max(self.rate, 20))
                tasks.create_task(one())
        return _p99(sorted(times))


def _p99(times: list[float]) -> float:
    return times[min(len(times) - 1, int(len(times) * 0.99))]


async def measure(asked: Asked) -> list[Figure]:
    """Four rates, two products; on SQLite."""
    numbers = itertools.count(1)
    found = []
    for name, pace, rates in (("limiter on", 1.0, PACED), ("limiter off", UNPACED, FREE)):
        url = f"sqlite+aiosqlite:///{asked.folder / f'latency{pace:.0f}.db'}"
        async with product(url, pace=pace) as made:
            for rate, count in rates.items():
                runs = Runs(made, rate, count * (5 if asked.long else 1), numbers)
                times = await in_turns({"ours": runs.ours, "bare": runs.bare}, asked.rounds)
                found.append(_figure(f"POST to Bot API, p99 at {rate}/s, {name}", runs, times))
    return found


def _figure(name: str, runs: Runs, times: dict[str, list[float]]) -> Figure:
    made = figure(name, "ms", times["ours"], times["bare"], note=f"p50 {statistics.median(runs.p50):.1f} ms")
    if runs.rate != 20:
        return made
    promise = f"under {_MOST:g} ms"
    return Figure(
        made.name, made.value, made.unit, made.reference, made.ratio, promise, kept=made.value < _MOST, note=made.note
    )
