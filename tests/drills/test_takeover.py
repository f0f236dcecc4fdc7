"""A replica dies, and within 30 s, the default, others have taken over all that it had in hand."""

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from src.config import Settings
from tests.drills.ground import LONG
from tests.drills.victims import state_of
from tests.process import Program, post, program, stage
from tests.takeover import take_over

FEW = 4  # messages; of more that wait in one chat a digest would be made
# In the short form each on the one where it says more: PostgreSQL has the replicas, and `test_stopped` the other.
_BOTH = ("sqlite", "postgresql")
_REPLICAS = _BOTH if LONG else ("postgresql",)
_ONE_FILE = _BOTH if LONG else ("sqlite",)
WITHIN = Settings.model_fields["lease_seconds"].default


@pytest.mark.timeout(900)
@pytest.mark.parametrize("each_database_url", _REPLICAS, indirect=True)
async def test_a_dead_ones_work_is_taken_over_within_30_s(each_database_url: str, tmp_path: Path) -> None:
    assert WITHIN == 30
    found = await take_over(tmp_path, each_database_url, WITHIN)
    print(f"\ntaken over: {found}")
    assert max(found.delivery, found.message, found.job) <= WITHIN + 10  # the machine's own; see `test_replicas`


@pytest.mark.timeout(900)
@pytest.mark.parametrize("each_database_url", _ONE_FILE, indirect=True)
async def test_a_sender_that_stood_still_stands_by_when_it_wakes_and_repeats_nothing(
    each_database_url: str, tmp_path: Path
) -> None:
    """SIGSTOP for longer than its lease, as a suspended machine; meanwhile another sends."""
    async with stage(tmp_path, each_database_url) as made:
        made.settings["LEASE_SECONDS"] = "15"  # one that only a stop loses, however busy the machine is
        sends = ("main.py", "run", "--only", "bot,sender")
        async with (
            program(made, *sends, listens=False) as stalled,
            program(made, "main.py", "run", "--only", "webhook,worker") as relay,
        ):
            await stalled.says("is ours")
            async with program(made, *sends, listens=False) as other:
                await other.says("is held by")
                with no_writer(made.database_url):
                    await stand_still(stalled)
                for number in range(FEW):
                    assert await post(relay.port, made, number) == 202
                await other.says("is ours", 60)
                stalled.process.send_signal(signal.SIGCONT)
                await stalled.says("LeaseLost")
                async with asyncio.timeout(60):
                    while len(made.texts()) < FEW:  # noqa: ASYNC110 - another process tells it
                        await asyncio.sleep(0.1)
                for number in range(FEW):
                    assert sum(f"Change number {number}" in text for text in made.texts()) == 1
                await stalled.says("is held by")
                other.process.terminate()
                assert await other.ended() == 0
                assert await post(relay.port, made, FEW) == 202
                await made.carl.private.wait_for(lambda _: len(made.texts()) == FEW + 1, timeout=30)
                for running in (relay, stalled):
                    running.process.terminate()
                    assert await running.ended() == 0
        assert len(made.texts()) == FEW + 1


@contextmanager
def no_writer(url: str) -> Iterator[None]:
    """Nobody is within a transaction that writes: on SQLite, one who stands still in it would hold up all others."""
    where = make_url(url)
    if where.get_backend_name() != "sqlite":
        yield
        return
    with closing(sqlite3.connect(where.database or "", isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def stand_still(running: Program) -> None:
    """Stop it, and wait until it does."""
    running.process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(30):
        while state_of(running.process.pid) != "T":  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)
