"""The disk is full, or the database locked for long: 503, nothing half-written, and then it goes on by itself."""

import asyncio
import random
import resource
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from src.demo.telegram import TelegramEmulator
from tests.drills.ground import CALM, LONG, PACE, lay_out
from tests.drills.load import AHEAD, load
from tests.drills.verdict import Told, check_file, in_flight, judge, settled
from tests.drills.victims import Victims, victims

TIMES = 10 if LONG else 1
SEED = 5
_FULL = 4.0  # seconds
_LOCKED = 11.0  # seconds: longer than SQLite waits for a lock, and than a forge waits for an answer

Trouble = Callable[[str, Victims, random.Random], AbstractAsyncContextManager[None]]


@pytest.mark.timeout(1200 if LONG else 900)
async def test_disk_full(tmp_path: Path) -> None:
    """The kernel refuses to let files grow, in the middle of a transaction's pages as it happens."""
    await _through(f"sqlite+aiosqlite:///{tmp_path / 'drill.db'}", tmp_path, _full)


@pytest.mark.timeout(1200 if LONG else 900)
async def test_database_locked_for_longer_than_anybody_waits(database: str, tmp_path: Path) -> None:
    await _through(database, tmp_path, _locked)


async def _through(database: str, folder: Path, trouble: Trouble) -> None:
    chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
    unrecorded: Counter[Told] = Counter()
    async with TelegramEmulator(limits=None) as telegram:
        ground = await lay_out(database, telegram)
        async with victims(ground.environment(DRILL_PACE=PACE, LEASE_SECONDS=CALM), folder / "log") as victim:
            await victim.start()
            async with load(ground, lambda: victim.port, patience=20) as posted:
                for _ in range(TIMES):
                    await asyncio.sleep(2)
                    async with trouble(database, victim, chance):
                        posted.ahead += 1  # see `Load`: else nobody might ask while it lasts
                        unrecorded += await in_flight(ground)
                        before = posted.answers["202"]
                    posted.ahead = AHEAD
                    await asyncio.sleep(1)
            await settled(ground, 90)
            assert victim.lives(), victim.log[-4000:]
            assert await victim.terminate() == 0, victim.log[-4000:]
        verdict = await judge(ground, posted.changes, unrecorded)
        print(f"\n{TIMES} times {trouble.__name__.strip('_')}: {verdict}; answers {dict(posted.answers)}")
        verdict.hold()
        check_file(database)
        assert posted.answers["503"]
        assert posted.answers["202"] > before
        assert set(posted.answers) <= {"202", "503", "late"}


@asynccontextmanager
async def _full(database: str, victim: Victims, chance: random.Random) -> AsyncIterator[None]:
    limit = chance.randrange(40_000, max(_log_size(database), 50_000))
    resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    yield
    await asyncio.sleep(_FULL)
    resource.prlimit(victim.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _log_size(database: str) -> int:
    return Path(f"{make_url(database).database}-wal").stat().st_size


@asynccontextmanager
async def _locked(database: str, victim: Victims, chance: random.Random) -> AsyncIterator[None]:
    del victim, chance
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(url.database or "", isolation_level=None, timeout=10)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            await asyncio.sleep(_LOCKED)
            connection.execute("ROLLBACK")
        return
    other = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE deliveries IN EXCLUSIVE MODE")
            yield
            await asyncio.sleep(_LOCKED)
    finally:
        await other.close()
