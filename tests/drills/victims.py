"""The program as a process that is killed and started again, many times."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_SECONDS = 60  # a start on a machine that has much else to do


class Victims:
    """Starts of the program, one at a time. `port` is `None` while nobody listens."""

    def __init__(self, server: asyncio.subprocess.Process, log: Path) -> None:
        self._server = server
        self._log = log
        self.pid = 0
        self.port: int | None = None
        self.running = False
        self.starts = 0

    async def start(self) -> None:
        """Fork one and wait until it listens."""
        assert self._server.stdin is not None
        self._server.stdin.write(b"go\n")
        self.pid = int(await self._hear("started"))
        self.running = True
        self.starts += 1
        self.port = int(await self._hear("listening"))

    async def kill(self) -> None:
        """``kill -9``, and wait until it is gone.

        Nothing else may have made it end before.
        """
        self.signal(signal.SIGKILL)
        code = await self.ended()
        assert code == -signal.SIGKILL, f"it had ended by itself with {code}:\n{self.log[-4000:]}"

    async def terminate(self) -> int:
        """SIGTERM; the exit code once it has drained."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the one that runs; one that has ended meanwhile gets none."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return  # `ended` tells how

    async def ended(self) -> int:
        """The exit code, negative for a signal."""
        code = int(await self._hear("ended"))
        self.running, self.port = False, None
        return code

    def lives(self) -> bool:
        """Whether the one that was started last still runs."""
        try:
            return state_of(self.pid) != "Z"
        except FileNotFoundError:
            return False

    @property
    def log(self) -> str:
        """What they said, all together."""
        return self._log.read_text()

    async def _hear(self, what: str) -> str:
        """The next line, which has to be this one."""
        assert self._server.stdout is not None
        async with asyncio.timeout(_SECONDS):
            line = (await self._server.stdout.readline()).decode().strip()
        word, _, rest = line.partition(" ")
        assert word == what, f"{line!r} where {what!r} was awaited:\n{self.log[-4000:]}"
        return rest


def state_of(pid: int) -> str:
    """A letter, as `ps` has it; raises FileNotFoundError where there is no such process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@asynccontextmanager
async def victims(environment: Mapping[str, str], log: Path) -> AsyncIterator[Victims]:
    """A server that starts the program with this environment; the last one is killed at the end."""
    with log.open("a") as errors:
        server = await asyncio.create_subprocess_exec(
            sys.executable,
            "tests/drills/forkserver.py",
            cwd=ROOT,
            env=dict(environment),
            stdin=PIPE,
            stdout=PIPE,
            stderr=errors,
        )
    made = Victims(server, log)
    try:
        await made._hear("ready")
        yield made
    finally:
        if made.running:
            made.signal(signal.SIGCONT)
            made.signal(signal.SIGKILL)
        if server.returncode is None:
            server.kill()
        await server.wait()
