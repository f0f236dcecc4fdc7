"""Runs a program over strangers' files: without our environment, and capped in time, memory and output."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.agent.limits import Limits

_CHUNK = 1 << 20  # bytes that are read at once
_THREADS = 8  # each reserves address space
# `ulimit` binds before the program runs its first instruction; a limit set from outside would come a moment later.
# No core files: some programs die by abort on purpose of others.
_CAPPED = 'ulimit -c 0; ulimit -f 0; ulimit -v "$1"; ulimit -t "$2"; shift 2; exec "$@"'


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended. `code` is negative where a signal ended it, `None` where we did."""

    code: int | None
    output: bytearray
    timed_out: bool = False
    too_much: bool = False  # more output than it was allowed


def lines(output: bytearray) -> Iterator[memoryview]:
    """The lines of an output, one by one, without their ends; what has no end was never finished."""
    start = 0
    while (end := output.find(b"\n", start)) >= 0:
        yield memoryview(output)[start:end]
        start = end + 1


def capped(program: Sequence[str], limits: Limits, seconds: float) -> list[str]:
    """The command that runs `program`, for `seconds` at most, under the limits of memory and processor time.

    What it may take of a processor is what it could take in all of its time: of many files each is timed by `silence`.
    """
    shell = shutil.which("sh", path=os.defpath)
    if os.name != "posix" or shell is None:
        return list(program)
    kilobytes = limits.memory_bytes // 1024
    threads = min(os.cpu_count() or 1, _THREADS)
    return [shell, "-c", _CAPPED, "sh", str(kilobytes), str(int(max(seconds, 0.0) * threads) + 1), *program]


def environment(folder: Path) -> dict[str, str]:
    """All that such a program is told of its surroundings: none of our secrets, no switches of anybody's."""
    threads = str(min(os.cpu_count() or 1, _THREADS))
    return {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", "RAYON_NUM_THREADS": threads, "NO_COLOR": "1"}


async def run(
    program: Sequence[str],
    folder: Path,
    limits: Limits,
    *,
    seconds: float,
    silence: float | None = None,
    given: bytes = b"",
) -> Ran:
    """Run `program` in `folder` with `given` on its standard input; never longer than `seconds`.

    `silence`: the longest that it may say nothing, in seconds, for a program that tells of each file when it is done.
    Whatever ends this call (a cancelled review, too), the program does not outlive it.
    """
    process = await asyncio.create_subprocess_exec(
        *capped(program, limits, seconds),
        cwd=folder,
        env=environment(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        limit=_CHUNK,
    )
    reading = _Reading(process, limits.output_bytes, silence)
    try:
        # A group, not `gather`: where a review is cancelled it is left only when both have ended.
        async with asyncio.timeout(max(seconds, 0.0)), asyncio.TaskGroup() as tasks:
            tasks.create_task(_feed(process, given))
            tasks.create_task(reading.to_end())
    except TimeoutError:
        reading.timed_out = True
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    ended = not (reading.timed_out or reading.too_much)
    return Ran(process.returncode if ended else None, reading.output, reading.timed_out, reading.too_much)


async def _feed(process: asyncio.subprocess.Process, given: bytes) -> None:
    """Write all of `given`, or as much as a program that dies early takes."""
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # how the program ended says the rest
        if not process.stdin.is_closing():  # uvloop raises another error where the program is gone already
            process.stdin.write(given)
            await process.stdin.drain()
    process.stdin.close()


class _Reading:
    """A program's output as it is read; the program is ended where it says too much, or too long nothing."""

    def __init__(self, process: asyncio.subprocess.Process, most: int, silence: float | None) -> None:
        self.output = bytearray()
        self.timed_out = False
        self.too_much = False
        self._process = process
        self._most = most
        self._silence = silence

    async def to_end(self) -> None:
        stream, clock = self._process.stdout, asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(self._silence) as silence:
                while stream and (chunk := await stream.read(_CHUNK)):
                    self.output += chunk
                    if len(self.output) > self._most:
                        self.too_much = True
                        break
                    if self._silence is not None:
                        silence.reschedule(clock() + self._silence)
        except TimeoutError:
            self.timed_out = True
        if (self.too_much or self.timed_out) and self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
