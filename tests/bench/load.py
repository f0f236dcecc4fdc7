"""The clients of the benchmarks, a process of their own: so many connections, each with one request on its way.

``python -m tests.bench.load`` answers every line of JSON on standard input (a `Load`) with one on standard output
(what `Answered` has).
"""

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

from tests.bench.payload import Deliveries

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What to send, where to and for how long."""

    port: int
    path: str
    run: str
    first: int = 0  # number of its deliveries: with the same one, two runs would be each other's replays
    connections: int = 64
    seconds: float = 2.0
    before: float = 0.3  # seconds that are not counted: connections open, caches fill


@dataclass(frozen=True)
class Answered:
    """What came back."""

    rate: float  # a second, of answers 2xx
    answers: dict[str, int]  # all of them, by status
    p50: float  # milliseconds
    p99: float
    slowest: float
    busy: float  # share of one core that the clients took


class Clients:
    """All connections of one load."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.requests = Deliveries(load.path, load.port, load.run, load.first)
        self.counted_from = time.perf_counter() + load.before
        self.until = self.counted_from + load.seconds
        self.answers: Counter[int] = Counter()
        self.counted = 0
        self.times: list[float] = []
        self.open = 0
        self.ended = asyncio.get_running_loop().create_future()

    def answered(self, status: int, began: float, now: float) -> None:
        self.answers[status] += 1
        if self.counted_from <= now < self.until:
            self.counted += 200 <= status < 300
            self.times.append(now - began)

    def closed(self, reason: str | None) -> None:
        self.open -= 1
        if reason is not None and not self.ended.done():
            self.ended.set_exception(ConnectionError(reason))
        elif self.open == 0 and not self.ended.done():
            self.ended.set_result(None)

    async def run(self) -> Answered:
        loop = asyncio.get_running_loop()
        used, began = time.process_time(), time.perf_counter()
        self.open = self.load.connections
        for _ in range(self.load.connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.load.port)
        await self.ended
        busy = (time.process_time() - used) / (time.perf_counter() - began)
        taken = [1000 * each for each in self.times]
        p99 = statistics.quantiles(taken, n=100)[98] if len(taken) > 1 else 0.0
        return Answered(
            rate=self.counted / self.load.seconds,
            answers={str(status): count for status, count in self.answers.items()},
            p50=statistics.median(taken) if taken else 0.0,
            p99=p99,
            slowest=max(taken, default=0.0),
            busy=busy,
        )


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._transport: asyncio.Transport | None = None
        self._began = 0.0
        self._answer = b""
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send(time.perf_counter())

    def data_received(self, data: bytes) -> None:
        answer = self._answer = self._answer + data if self._answer else data
        if is_whole(answer):
            now = time.perf_counter()
            self._answer = b""
            self._clients.answered(int(answer[9:12]), self._began, now)
            self._send(now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.closed(None if self._done else f"the server ended a connection: {exc}")

    def _send(self, now: float) -> None:
        assert self._transport is not None
        if now >= self._clients.until:
            self._done = True
            self._transport.close()
            return
        self._began = now
        self._transport.writelines(next(self._clients.requests))


def is_whole(answer: bytes) -> bool:
    """Whether an answer is there with its body, in chunks or of a length that was said."""
    head, separator, content = answer.partition(_END_OF_HEAD)
    if not separator:
        return False
    head = head.lower()
    if b"transfer-encoding: chunked" in head:
        return content.endswith(b"0\r\n\r\n")
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(content) >= int(length or 0)


def main() -> None:
    """Answer until standard input ends."""
    print("ready", flush=True)
    for line in sys.stdin:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            answered = runner.run(_run(Load(**json.loads(line))))
        print(json.dumps(asdict(answered)), flush=True)


async def _run(load: Load) -> Answered:
    return await Clients(load).run()


if __name__ == "__main__":
    main()
