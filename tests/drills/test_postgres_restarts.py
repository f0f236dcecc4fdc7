"""PostgreSQL goes away and comes back under load: the process stays, and what was acknowledged is told."""

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from src.demo.telegram import TelegramEmulator
from tests.drills.ground import CALM, LONG, PACE, lay_out
from tests.drills.load import load
from tests.drills.verdict import Told, in_flight, judge, settled
from tests.drills.victims import victims
from tests.postgres import OwnServer

RESTARTS = 24 if LONG else 3
PAUSE = (5.0, 40.0) if LONG else (1.5, 4.0)  # seconds
SEED = 5
_LEASE = 15
_AWAY = 1.3 * _LEASE  # seconds


@pytest.mark.timeout(2400 if LONG else 900)
async def test_postgresql_restarted_under_load(postgres: OwnServer, tmp_path: Path) -> None:
    """By turns in order, as an administrator does it, and at once, as a crash does."""
    moments = random.Random(SEED)  # noqa: S311 - moments, not secrets
    unrecorded: Counter[Told] = Counter()
    async with TelegramEmulator(limits=None) as telegram:
        ground = await lay_out(postgres.create(), telegram)
        async with victims(ground.environment(DRILL_PACE=PACE, LEASE_SECONDS=CALM), tmp_path / "log") as victim:
            await victim.start()
            async with load(ground, lambda: victim.port) as posted:
                for number in range(RESTARTS):
                    await asyncio.sleep(moments.uniform(*PAUSE))
                    await asyncio.to_thread(postgres.kill if number % 2 else postgres.stop)
                    await asyncio.to_thread(postgres.start)
                    unrecorded += await in_flight(ground)
            await settled(ground, 90)
            assert victim.lives(), victim.log[-4000:]
            assert await victim.terminate() == 0, victim.log[-4000:]
            assert victim.starts == 1
        verdict = await judge(ground, posted.changes, unrecorded)
        print(f"\n{RESTARTS} restarts of PostgreSQL: {verdict}; answers {dict(posted.answers)}")
        verdict.hold()


@pytest.mark.timeout(900)
async def test_postgresql_away_for_longer_than_the_leases(postgres: OwnServer, tmp_path: Path) -> None:
    """Bot and sender lose their lease and take it again; the relay answers meanwhile, and no process ends."""
    async with TelegramEmulator(limits=None) as telegram:
        ground = await lay_out(postgres.create(), telegram)
        environment = ground.environment(DRILL_PACE=PACE, LEASE_SECONDS=str(_LEASE))
        async with victims(environment, tmp_path / "log") as victim:
            await victim.start()
            async with load(ground, lambda: victim.port) as posted:
                await asyncio.sleep(3)
                await asyncio.to_thread(postgres.stop)
                posted.ahead += 1  # where all had run ahead as far as they may, nobody would ask while it is away
                await asyncio.sleep(_AWAY)
                before = posted.answers["202"]
                victim.signal(signal.SIGSTOP)  # it must not tidy up what was under way before that is read
                await asyncio.to_thread(postgres.start)
                unrecorded = await in_flight(ground)
                victim.signal(signal.SIGCONT)
                await asyncio.sleep(3)
            await settled(ground, 90)
            assert await victim.terminate() == 0, victim.log[-4000:]
            assert victim.starts == 1
        verdict = await judge(ground, posted.changes, unrecorded)
        print(f"\nPostgreSQL away for {_AWAY:.0f} s: {verdict}; answers {dict(posted.answers)}")
        verdict.hold()
        assert "(LeaseLost)" in victim.log
        assert posted.answers["503"]
        assert posted.answers["202"] > before
