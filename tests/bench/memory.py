"""Figure (e): what the whole product keeps in memory at rest and after many deliveries."""

import asyncio

from tests.bench.stage import UNPACED, Product, product
from tests.bench.table import Asked, Figure, figure

SHORT, LONG = 3_000, 100_000
_FIRST = 1_000  # after so many everything was used once: from then on it may not grow
_AT_ONCE = 32
_GROWTH = 1.25  # times


async def _deliver(made: Product, numbers: range) -> None:
    """So many at once, until each was told."""
    waiting = iter(numbers)

    async def client() -> None:
        for number in waiting:
            await made.post(made.request(number))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(_AT_ONCE):
            tasks.create_task(client())
    await made.told(numbers, seconds=3_600)


async def measure(asked: Asked) -> list[Figure]:
    """On SQLite, without the limiter; one run, for memory does not vary from one to the next."""
    count = LONG if asked.long else SHORT
    async with product(f"sqlite+aiosqlite:///{asked.folder / 'memory.db'}", pace=UNPACED) as made:
        rest = made.memory()
        await _deliver(made, range(_FIRST))
        warm = made.memory()
        for start in range(_FIRST, count, 1_000):
            await _deliver(made, range(start, min(start + 1_000, count)))
        after = made.memory()
    note = f"reference: after the first {_FIRST:,}"
    return [
        figure("memory at rest", "MiB", [rest]),
        figure(f"memory after {count:,} deliveries", "MiB", [after], [warm], at_most=_GROWTH, note=note),
    ]
