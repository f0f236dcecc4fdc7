"""Servers under load, each a process of its own on one core; the clients are another one on another core."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.load import Answered, Load

ROOT = Path(__file__).parents[2]
_SHOWN = 20  # lines
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """One that listens."""

    process: asyncio.subprocess.Process
    port: int

    def busy(self) -> float:
        """Seconds of a processor that it took so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@asynccontextmanager
async def server(
    command: Sequence[str], environment: Mapping[str, str] | None = None, port: int | None = None
) -> AsyncIterator[Server]:
    """Start it on the first core and wait until it says ``listening on http://...:PORT``; ended at the end.

    One that says nothing was told its port.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=dict(environment) if environment is not None else None,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=_on(0),
    )
    try:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            said = tasks.create_task(_port(process) if port is None else _listens(port))
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(process))
            try:
                yield Server(process, said.result())
            finally:
                if process.returncode is None:
                    process.terminate()
                await process.wait()
                await reading
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Clients:
    """The process that `tests.bench.load` is."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def load(self, load: Load) -> Answered:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(load)).encode() + b"\n")
        answer = await self._process.stdout.readline()
        assert answer, "the clients ended"
        return Answered(**json.loads(answer))


@asynccontextmanager
async def clients() -> AsyncIterator[Clients]:
    """On the last core."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.load",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=_on(-1),
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()  # it has loaded all it needs
        yield Clients(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@contextmanager
def held(core: int) -> Iterator[None]:
    """What is started meanwhile stays on one of our cores, where the system can hold it there."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(ours)[core]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


def _on(core: int) -> Callable[[], None] | None:
    """What a new process does to stay on one of our cores, where the system can hold it there."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    chosen = sorted(os.sched_getaffinity(0))[core]
    return lambda: os.sched_setaffinity(0, {chosen})


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    seen = b""
    while line := await process.stdout.readline():
        seen += line
        if b"listening on http://" in line:
            return int(line.rstrip().rpartition(b":")[2])
    raise RuntimeError("it ended before it listened:\n" + seen.decode(errors="replace"))


async def _listens(port: int) -> int:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return port


async def _read(process: asyncio.subprocess.Process) -> None:
    """So that it never waits for us; what it first complains of is shown."""
    assert process.stdout is not None
    shown = 0
    while line := await process.stdout.readline():
        if b"INFO" not in line and shown < _SHOWN:
            shown += 1
            print(line.decode(errors="replace").rstrip(), file=sys.stderr, flush=True)
