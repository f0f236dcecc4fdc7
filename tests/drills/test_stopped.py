"""A process stands still (SIGSTOP) for longer than its leases, another takes over, then it goes on: nothing twice."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories import leases
from src.demo.telegram import TelegramEmulator
from tests.drills.ground import LONG, PACE, Ground, lay_out
from tests.drills.load import load
from tests.drills.verdict import Told, in_flight, judge, settled
from tests.drills.victims import Victims, victims
from tests.postgres import OwnServer

ROUNDS = 20 if LONG else 1
# Seconds. The server ends a transaction that stands still after ten, and a lease is renewed at a third of its term:
# a shorter one would be lost by those, too, who only wait behind such a transaction.
_LEASE = 20
_STILL = 1.4 * _LEASE


@pytest.mark.timeout(1800 if LONG else 900)
async def test_stopped_beyond_its_leases_and_continued(postgres: OwnServer, tmp_path: Path) -> None:
    """On PostgreSQL, where there are replicas: on SQLite one that stands still may hold the only lock for writing."""
    unrecorded: Counter[Told] = Counter()
    async with TelegramEmulator(limits=None) as telegram:
        ground = await lay_out(postgres.create(), telegram)
        environment = ground.environment(DRILL_PACE=PACE, LEASE_SECONDS=str(_LEASE))
        async with victims(environment, tmp_path / "one") as one, victims(environment, tmp_path / "two") as two:
            pair = (one, two)
            await one.start()
            await two.start()
            open_ports = {one: one.port, two: two.port}
            async with load(ground, lambda: next(iter(open_ports.values()))) as posted:
                for _ in range(ROUNDS):
                    await asyncio.sleep(1.5)
                    sender = await _sender(ground, pair)
                    del open_ports[sender]
                    sender.signal(signal.SIGSTOP)
                    unrecorded += await in_flight(ground)
                    await asyncio.sleep(_STILL)
                    sender.signal(signal.SIGCONT)
                    await asyncio.sleep(1.0)
                    open_ports[sender] = sender.port
            await settled(ground, 90)
            for victim in pair:
                assert await victim.terminate() == 0, victim.log[-4000:]
                assert victim.starts == 1, "a lost lease ends no process"
        verdict = await judge(ground, posted.changes, unrecorded)
        lost = sum(victim.log.count("(LeaseLost)") for victim in pair)
        print(f"\n{ROUNDS} times still, a lease lost {lost} times: {verdict}; answers {dict(posted.answers)}")
        assert lost >= ROUNDS
        verdict.hold()


async def _sender(ground: Ground, pair: tuple[Victims, Victims]) -> Victims:
    """Who holds the bot's lease; its owner's name holds the process id."""
    database = Database(ground.url)
    try:
        async with asyncio.timeout(30):
            while True:
                async with database.read() as session:
                    holder = await leases.holder(session, f"telegram:{ground.telegram.bot.id}", utc_now())
                for victim in pair:
                    if holder is not None and f":{victim.pid}:" in holder:
                        return victim
                await asyncio.sleep(0.1)
    finally:
        await database.close()
