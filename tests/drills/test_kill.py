"""The program under the load of 32 clients, killed at random or asked to stop: what was acknowledged is told."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from src.demo.telegram import TelegramEmulator
from tests.drills.ground import CALM, LEASE, LONG, PACE, Ground, lay_out
from tests.drills.load import load
from tests.drills.verdict import Told, check_file, in_flight, judge, settled
from tests.drills.victims import Victims, victims

KILLS = 200 if LONG else 6
STOPS = 20 if LONG else 2
SEED = 5
_LONGEST = 1.5 * LEASE  # a life: half of them end before the dead one's lease does, so before the sender has begun


@pytest.mark.timeout(5400 if LONG else 900)
async def test_killed_at_random_under_32_clients(database: str, tmp_path: Path) -> None:
    moments = random.Random(SEED)  # noqa: S311 - moments, not secrets
    unrecorded: Counter[Told] = Counter()
    async with TelegramEmulator(limits=None) as telegram:
        ground = await lay_out(database, telegram)
        async with victims(ground.environment(DRILL_PACE=PACE), tmp_path / "log") as victim:
            await victim.start()
            async with load(ground, lambda: victim.port) as posted:
                for _ in range(KILLS):
                    await asyncio.sleep(moments.uniform(0.02, _LONGEST))
                    await victim.kill()
                    unrecorded += await in_flight(ground)
                    await victim.start()
            await _end(ground, victim)
        verdict = await judge(ground, posted.changes, unrecorded)
        print(f"\n{KILLS} kills: {verdict}; answers {dict(posted.answers)}")
        verdict.hold()
        check_file(database)


@pytest.mark.timeout(1200 if LONG else 900)
async def test_sigterm_repeats_nothing(database: str, tmp_path: Path) -> None:
    moments = random.Random(SEED)  # noqa: S311 - moments, not secrets
    async with TelegramEmulator(limits=None) as telegram:
        ground = await lay_out(database, telegram)
        async with victims(ground.environment(DRILL_PACE=PACE, LEASE_SECONDS=CALM), tmp_path / "log") as victim:
            await victim.start()
            async with load(ground, lambda: victim.port) as posted:
                for _ in range(STOPS):
                    await asyncio.sleep(moments.uniform(0.5, 2.0))
                    assert await victim.terminate() == 0, victim.log[-4000:]
                    assert not await in_flight(ground)
                    await victim.start()
            await _end(ground, victim)
        verdict = await judge(ground, posted.changes, Counter())
        print(f"\n{STOPS} clean stops: {verdict}; answers {dict(posted.answers)}")
        verdict.hold()
        assert not verdict.repeats


async def _end(ground: Ground, victim: Victims) -> None:
    """All that was acknowledged is told; then the program stops as it should."""
    await settled(ground, 90)
    assert await victim.terminate() == 0, victim.log[-4000:]
