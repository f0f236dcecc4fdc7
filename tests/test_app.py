"""The whole program as a process: it drains on SIGTERM, comes down as a whole, loads what its roles need."""

import asyncio
import json
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession
from sqlalchemy import update

from src.app import run
from src.config import Settings
from src.database import migrate
from src.database.database import Database
from src.database.engines import BUSY_SECONDS
from src.database.models import Lease, utc_now
from tests.process import ROOT, post, program, stage


async def test_sigterm_drains_and_exits_0_and_a_restart_repeats_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        async with program(made) as first:
            answers = await asyncio.gather(*(post(first.port, made, number) for number in range(11, 17)))
            assert answers == [202] * 6
            first.process.send_signal(signal.SIGTERM)
            assert await first.ended() == 0
        async with program(made) as second:
            await made.carl.private.wait_for(lambda _: len(made.texts()) >= 6, timeout=30)
            await asyncio.sleep(0.5)  # a repeat would come now
            second.process.send_signal(signal.SIGINT)
            assert await second.ended() == 0
        titles = [line for text in made.texts() for line in text.split("\n") if "Change number" in line]
        assert len(titles) == 6
        assert "Traceback" not in first.log + second.log
        assert made.telegram.server.violations == []


async def test_a_part_that_crashes_brings_the_whole_down_with_its_traceback(tmp_path: Path) -> None:
    async with stage(tmp_path) as made, program(made) as running:
        wrong = "42:another-token-that-nobody-knows"
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
        async with program(made, TELEGRAM_BOT_TOKEN=wrong) as refused:
            assert await refused.ended() == 1
        assert "Traceback" in refused.log
        assert "Unauthorized" in refused.log
        assert "another-token" not in refused.log


async def test_a_database_that_is_locked_at_the_start_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "locked.db"
    settings = Settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{file}", port=0)
    stop, upgrade = asyncio.Event(), migrate.upgrade
    with closing(sqlite3.connect(file, isolation_level=None)) as other:

        async def upgraded_and_locked(database: Database) -> None:
            await upgrade(database)
            other.execute("BEGIN IMMEDIATE")  # another process is quicker
            asyncio.get_running_loop().call_later(BUSY_SECONDS + 1, other.execute, "ROLLBACK")

        monkeypatch.setattr(migrate, "upgrade", upgraded_and_locked)
        await run(settings, frozenset({"webhook"}), ready=lambda _port: stop.set(), stop=stop, signals=False)
    assert stop.is_set()


async def test_ready_says_what_each_part_waits_for(tmp_path: Path) -> None:
    async with stage(tmp_path) as made, program(made) as running, ClientSession() as http:
        url = f"http://127.0.0.1:{running.port}/readyz"
        async with asyncio.timeout(60):
            while True:
                async with http.get(url) as response:
                    parts = (await response.json())["parts"]
                    if response.status == 200:
                        break
                    assert response.status == 503
                await asyncio.sleep(0.05)
        assert parts == {"webhook": "ok", "telegram": "ok", "database": "ok", "migrations": "ok"}
        # The lease is with the first: the second one says so and waits.
        async with program(made) as second, http.get(f"http://127.0.0.1:{second.port}/readyz") as response:
            assert response.status == 503
            assert "another process" in (await response.json())["parts"]["telegram"]


async def test_relay_and_worker_never_load_aiogram(tmp_path: Path) -> None:
    script = (
        "import asyncio, json, sys\n"
        "from src.config import load_settings\n"
        "from src.app import run\n"
        "async def main():\n"
        "    stop = asyncio.Event()\n"
        "    await run(load_settings(), frozenset({'webhook', 'worker'}), ready=lambda port: stop.set(), stop=stop)\n"
        "asyncio.run(main())\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    async with stage(tmp_path) as made:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, cwd=ROOT, env=made.environment(), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    assert process.returncode == 0
    modules = json.loads(output.decode().splitlines()[-1])
    assert "src.webhook.pipeline" in modules
    assert [name for name in modules if name.split(".")[0] == "aiogram"] == []


async def test_who_loses_the_bots_lease_stands_by_for_it_and_the_other_parts_go_on(tmp_path: Path) -> None:
    async with stage(tmp_path) as made, program(made) as running:
        await running.says("is ours")
        assert await post(running.port, made, 1) == 202
        await made.carl.private.wait_for(lambda _: len(made.texts()) == 1)
        await _rob(made.database_url, timedelta(hours=1))
        await running.says("LeaseLost")
        assert await post(running.port, made, 2) == 202
        await running.says("is held by another")
        assert len(made.texts()) == 1, "what is another's to send is not sent"
        await _rob(made.database_url, timedelta(0))  # the other one is gone
        await made.carl.private.wait_for(lambda _: len(made.texts()) == 2, timeout=30)
        await made.carl.send("/start")  # and the bot answers as before
        await made.carl.private.wait_for(lambda _: len(made.texts()) == 3, timeout=30)
        running.process.terminate()
        assert await running.ended() == 0
        assert "Traceback" not in running.log


async def _rob(url: str, term: timedelta) -> None:
    """Another process takes the bot's lease, as it may when ours could not be renewed in time."""
    database = Database(url)
    try:
        async with database.write() as session:
            values = {"owner": "another", "fence": Lease.fence + 1, "until": utc_now() + term}
            await session.execute(update(Lease).where(Lease.name.startswith("telegram:")).values(values))
    finally:
        await database.close()
