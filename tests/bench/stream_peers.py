"""The other processes of `tests.bench.streams`: one delivers signed webhooks, one reads the streams.

Each is this module, run with its role; it answers every line of JSON on standard input with one on standard output.
"""

import asyncio
import json
import statistics
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import orjson
import uvloop

from tests.payloads import load, sign_github
from tests.relay import SECRET

CLIENTS = 32
REQUESTS = 4_000  # in a round
STREAMS = 50
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """What the readers saw in one round."""

    lines: int  # of all streams
    short: int  # streams that lack lines
    gaps: int
    frames: int  # of one stream in any second, at most
    delay: float  # seconds from a line to its reader, median


class Process:
    """This module in another process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, **question: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps(question) + b"\n")
        return json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def another(role: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.stream_peers",
        role,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        await process.stdout.readline()  # it has loaded all it needs, and takes no time from the first round
        yield Process(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def request(port: int, path: str, headers: dict[str, str], body: bytes, number: int) -> bytes:
    """One signed delivery, ready to be sent; each has another hash, so none is a replay."""
    body += b" " * (number % 4096) + b"\n" * (number // 4096)
    headers = headers | {"X-GitHub-Delivery": f"{time.monotonic_ns()}-{number}"} | sign_github(body, SECRET)
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode() + body


async def deliver(port: int, path: str) -> dict[str, float]:
    """Requests a second, `CLIENTS` at once."""
    headers, body = load("github/pull_request__opened")
    requests = iter([request(port, path, headers, body, number) for number in range(REQUESTS)])

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for content in requests:
            writer.write(content)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 202 "), head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
        writer.close()
        await writer.wait_closed()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return {"rate": REQUESTS / (time.perf_counter() - started)}


@dataclass(frozen=True)
class Contents:
    """What is in a frame. `at`: when the line in its middle was written, Unix seconds."""

    first: int
    last: int
    lines: int
    gaps: int
    at: float


@lru_cache(maxsize=64)
def contents(data: bytes) -> Contents:
    """Read a frame; one that is equal byte by byte, as other streams have it too, is not parsed again.

    The readers' machine is not what is measured, and here it is the relay's too.
    """
    lines = orjson.loads(data)
    numbers = [line["seq"] for line in lines]
    gaps = sum(after != before + 1 for before, after in pairwise(numbers))
    return Contents(numbers[0], numbers[-1], len(numbers), gaps, lines[len(lines) // 2]["at"])


class Reader:
    """One open stream, read as a browser reads it; every number is checked."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.last = 0
        self.lines = 0
        self.gaps = 0
        self.frames = 0  # at most, in any second
        self.delays: list[float] = []
        self._recent: deque[float] = deque()

    async def read(self) -> None:
        rest = b""
        while size := int(await self.reader.readline(), 16):
            chunk = await self.reader.readexactly(size + 2)
            *events, rest = (rest + chunk[:-2]).split(b"\n\n")
            for event in events:
                if b"event: lines\n" in event:
                    self.take(contents(event.partition(b"data: ")[2]))

    def take(self, frame: Contents) -> None:
        now = time.monotonic()
        self._recent.append(now)
        while self._recent[0] <= now - 1:
            self._recent.popleft()
        self.frames = max(self.frames, len(self._recent))
        self.lines += frame.lines
        self.delays.append(time.time() - frame.at)
        self.gaps += frame.gaps + (frame.first != self.last + 1)
        self.last = frame.last


class Readers:
    """All streams of one round."""

    def __init__(self) -> None:
        self.readers: list[Reader] = []
        self.tasks: asyncio.Future[Any] | None = None

    async def open(self, port: int) -> dict[str, bool]:
        self.readers = [await opened(port) for _ in range(STREAMS)]
        self.tasks = asyncio.gather(*(reader.read() for reader in self.readers))
        return {"open": True}

    async def result(self) -> dict[str, float]:
        """What they saw when the streams have ended."""
        assert self.tasks is not None
        await self.tasks
        for reader in self.readers:
            reader.writer.close()
        newest = max(reader.last for reader in self.readers)
        return asdict(
            Seen(
                lines=sum(reader.lines for reader in self.readers),
                short=sum(reader.lines != newest for reader in self.readers),
                gaps=sum(reader.gaps for reader in self.readers),
                frames=max(reader.frames for reader in self.readers),
                delay=statistics.median(delay for reader in self.readers for delay in reader.delays),
            )
        )


async def opened(port: int) -> Reader:
    """A stream whose answer has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 * _MIB)
    writer.write(b"GET /events?since=0 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"text/event-stream" in head, head
    return Reader(reader, writer)


async def answer(role: str) -> None:
    """Be one of the other processes until standard input ends."""
    readers = Readers()
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        question = json.loads(line)
        match role, question:
            case "deliver", {"port": port, "path": path}:
                found: dict[str, Any] = await deliver(port, path)
            case "read", {"port": port}:
                found = await readers.open(port)
            case _:
                found = await readers.result()
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(answer(sys.argv[1]))
