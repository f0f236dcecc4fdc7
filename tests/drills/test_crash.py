"""``kill -9`` between the 202 and Telegram's answer, then a restart: everything arrives, doubled only where it must."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.drills.ground import CALM
from tests.process import Stage, post, program, stage

NUMBERS = (11, 12, 13)

# In the order in which a delivery passes them: leased by a worker; decided but not written; messages stand in the
# outbox; marked as being sent; answered by Telegram, which we have not written down.
POINTS = ("taken", "decided", "committed", "before_request", "answered")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(point: str, tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        async with program(made, "tests/drills/victim.py", CRASH_AT=point) as victim:
            unanswered = [n for n in NUMBERS if await post(victim.port, made, n) != 202]
            assert await victim.ended() == -signal.SIGKILL
        before = len(made.texts())
        async with program(made, LEASE_SECONDS=CALM) as survivor:
            for number in unanswered:  # never acknowledged: the forge's to send again
                assert await post(survivor.port, made, number) == 202
            await _all_told(made)
            survivor.process.send_signal(signal.SIGTERM)
            assert await survivor.ended() == 0
        told = Counter(number for text in made.texts() for number in NUMBERS if f"Change number {number}" in text)
        repeats = sum(told.values()) - len(NUMBERS)
        print(f"{point}: {before} told before the kill, {sum(told.values())} in all, {repeats} repeated")
        assert set(told) == set(NUMBERS)
        assert repeats == (1 if point == "answered" else 0)


async def _all_told(made: Stage) -> None:
    async with asyncio.timeout(40):
        while True:
            texts = "\n".join(made.texts())
            if all(f"Change number {number}" in texts for number in NUMBERS):
                break
            await asyncio.sleep(0.1)
    await asyncio.sleep(1.5)  # a repeat, if there were one, would come now
