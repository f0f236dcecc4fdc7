"""Replicas as processes of their own: some die with work in hand, others take it over, and it is timed."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories import jobs
from tests.process import ROOT, Program, Stage, post, program, stage

# A process that does one kind of job: with HANG it never ends it.
_BAKER = """
import asyncio, sys
from datetime import timedelta
from src.database.database import Database
from src.database.jobs import JobRunner

async def bake(job):
    print("begun", flush=True)
    if sys.argv[3] == "HANG":
        await asyncio.Event().wait()

async def main():
    runner = JobRunner(
        Database(sys.argv[1]), {"bake": bake}, owner=sys.argv[3], lease=timedelta(seconds=0.9 * float(sys.argv[2]))
    )
    await runner.run(asyncio.Event())

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Takeover:
    """Seconds from a ``kill -9`` until somebody else had done what the dead one had in hand."""

    delivery: float  # until its message stood in the outbox
    message: float  # until a person read it: with the bot's lease
    job: float  # until it was begun again

    def __str__(self) -> str:
        named = {"a delivery": self.delivery, "a message": self.message, "a job": self.job}
        return ", ".join(f"{what} after {seconds:.1f} s" for what, seconds in named.items())


async def take_over(folder: Path, url: str, lease: int) -> Takeover:
    """Kill a replica with a delivery, the sender with a message, and a worker with a job in hand."""
    async with stage(folder, url) as made, AsyncExitStack() as closing:
        made.settings["LEASE_SECONDS"] = str(lease)
        baking = await closing.enter_async_context(_Job(made.database_url, lease))
        sender = await closing.enter_async_context(_victim(made, "bot,sender", "before_request"))
        await sender.says("is ours", 90)
        standby = await closing.enter_async_context(
            program(made, "main.py", "run", "--only", "bot,sender", listens=False)
        )
        await standby.says("is held by", 90)
        victim = await closing.enter_async_context(_victim(made, "webhook,worker", "taken", listens=True))
        answered = await post(victim.port, made, 11)
        killed = await _gone(victim)
        # Only now, so that the victim is the one that takes it; it is up long before the dead one's lease ends.
        survivor = await closing.enter_async_context(program(made, "main.py", "run", "--only", "webhook,worker"))
        assert answered in (202, None)
        if answered is None:  # it died before it could say so, and the forge sends it again
            assert await post(survivor.port, made, 11) == 202
        queued = await _queued(made.database_url, lease)
        sender_killed = await _gone(sender)
        told = await _told(made, "Change number 11", lease)
        job = await baking.taken_over()
        assert await post(survivor.port, made, 12) == 202, "it goes on"
        await _told(made, "Change number 12", lease)
        for number in (11, 12):
            assert sum(f"Change number {number}" in text for text in made.texts()) == 1, "once"
        for process in (survivor, standby):
            process.process.terminate()
            assert await process.ended() == 0
        return Takeover(queued - killed, told - sender_killed, job)


def _victim(made: Stage, roles: str, point: str, *, listens: bool = False):  # type: ignore[no-untyped-def] # program's
    return program(made, "tests/drills/victim.py", listens=listens, ROLES=roles, CRASH_AT=point)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _gone(victim: Program) -> float:
    code = await victim.ended()
    assert code == -signal.SIGKILL, f"it ended by itself with {code}:\n{victim.log}"
    return _now()


async def _queued(url: str, lease: int) -> float:
    database = Database(url)
    try:
        async with asyncio.timeout(lease + 20):
            while True:
                async with database.read() as session:
                    if await session.scalar(text("SELECT count(*) FROM messages")):
                        return _now()
                await asyncio.sleep(0.05)
    finally:
        await database.close()


async def _told(made: Stage, words: str, lease: int) -> float:
    async with asyncio.timeout(lease + 20):
        while not any(words in text for text in made.texts()):  # noqa: ASYNC110 - another process tells it
            await asyncio.sleep(0.05)
    return _now()


class _Job:
    """A worker that dies over a job, and one that is there to take it over."""

    def __init__(self, url: str, lease: int) -> None:
        self._url = url
        self._lease = lease
        self._killed = 0.0
        self._begun_again: asyncio.Task[float] | None = None
        self._workers: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> "_Job":
        database = Database(self._url)
        try:
            async with database.write() as session:
                await jobs.put(session, "bake", "bread", now=utc_now())
        finally:
            await database.close()
        dying = await self._start("HANG")
        assert await self._line(dying) == b"begun\n"
        heir = await self._start("heir")
        await asyncio.sleep(self._lease / 2)  # in the midst of it, and renewed by then
        dying.kill()
        self._killed = _now()
        self._begun_again = asyncio.get_running_loop().create_task(self._taken(heir))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._begun_again is not None:
            self._begun_again.cancel()
            await asyncio.wait([self._begun_again])
        for worker in self._workers:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()

    async def taken_over(self) -> float:
        assert self._begun_again is not None
        async with asyncio.timeout(self._lease + 20):
            return await self._begun_again

    async def _taken(self, heir: asyncio.subprocess.Process) -> float:
        assert await self._line(heir) == b"begun\n"
        return _now() - self._killed

    async def _start(self, owner: str) -> asyncio.subprocess.Process:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _BAKER, self._url, str(self._lease), owner, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        self._workers.append(worker)
        return worker

    async def _line(self, worker: asyncio.subprocess.Process) -> bytes:
        assert worker.stdout is not None
        return await worker.stdout.readline()
