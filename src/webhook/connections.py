"""Slow clients: what a request takes to come in, head and body together, is bounded for every connection."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import http_exceptions, web

from src.webhook.metrics import Metrics

SLOWEST = 15.0  # seconds from a request's first byte to the last of its body; a forge has given up by then
# Seconds. Longer than what proxies keep idle connections for (60 to 120): they would send on one that we just closed.
IDLE = 180.0
LINGER = 3.0  # seconds that a client whose body is not wanted gets to read why
MOST = 2_000  # connections; each costs 10 KB, and a forge's some hundred at most
HEADERS = 64  # forges send about 15, proxies add some
_OF_THE_BODY = frozenset({"content-type", "content-length"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SlowClients:
    """The open connections of a server, and the end of those whose request does not come in.

    Args:
        metrics: where cut connections are counted.
        slowest: seconds that a request may take to come in whole, the first one counted from the connection on.
        most: connections at once. For one more the one that has idled longest is closed, else the new one.
    """

    def __init__(self, metrics: Metrics, slowest: float = SLOWEST, most: int = MOST) -> None:
        self._metrics = metrics
        self._most = most
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # the one that idles longest first
        self._every = slowest / 20
        self.patience = slowest - 3 * self._every  # the cut comes at the second look after it, which may be late

    def __len__(self) -> int:
        return len(self._connections)

    def around(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """The protocol factory for `loop.create_server`."""
        return lambda: Connection(server(), self)

    async def run(self, stop: asyncio.Event) -> None:
        """Cut what is too slow until `stop`.

        Only what was late at the look before, too: whoever is told so at the last moment gets another one to read it,
        even where this process stood still meanwhile.
        """
        late: set[Connection] = set()
        while not stop.is_set():
            now = time.monotonic()
            before, late = late, {each for each in self._connections if each.is_late(now)}
            for connection in before & late:
                self._metrics.slow_requests.inc()
                connection.cut()
            try:
                async with asyncio.timeout(self._every):
                    await stop.wait()
            except TimeoutError:
                continue  # time to look again

    def opened(self, connection: "Connection") -> bool:
        """Watch it. `False`: there are too many, and none of them idles."""
        if len(self._connections) >= self._most:
            self._metrics.surplus_connections.inc()
            if not self._idle:
                return False
            next(iter(self._idle)).cut()
        self._connections.add(connection)
        return True

    def idles(self, connection: "Connection") -> None:
        """Its request is answered."""
        self._idle[connection] = None

    def works(self, connection: "Connection") -> None:
        """A request comes in."""
        self._idle.pop(connection, None)

    def closed(self, connection: "Connection") -> None:
        """It is gone."""
        self._idle.pop(connection, None)
        self._connections.discard(connection)


class Connection(asyncio.Protocol):
    """One connection: all goes on to aiohttp, which has no time limit for heads and none for what it throws away.

    Between two requests it may idle. Bytes of a second request that come together with the first are not seen here;
    such a connection ends when it has idled for long.
    """

    def __init__(self, inner: asyncio.Protocol, watch: SlowClients) -> None:
        self._inner = inner
        self._watch = watch
        self._transport: asyncio.Transport | None = None
        self._due: float | None = None  # when the request that is coming in has to be there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Who says nothing at all is as slow as who says little."""
        accepted = cast("asyncio.Transport", transport)  # by duck typing: uvloop has classes of its own
        if not self._watch.opened(self):
            accepted.abort()
            return
        self._transport = accepted
        self._begin()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Where no request was coming in, one begins."""
        if self._due is None:
            self._begin()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The client says no more."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended, whoever ended it."""
        if self._transport is None:  # it was one too many
            return
        self._watch.closed(self)
        self._transport = None
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads slowly."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client reads on."""
        self._inner.resume_writing()

    def arrived(self) -> None:
        """The request is there, body and all: how long it is worked on is not the client's doing."""
        self._due = None

    def answered(self) -> None:
        """Nothing is to be done on it until the next request, so it may be closed for another one."""
        self._watch.idles(self)

    def seconds_left(self, now: float) -> float:
        """How long the rest of the request may take, if its client is to get an answer before it is cut."""
        return self._watch.patience if self._due is None else max(0.0, self._due - now)

    def is_late(self, now: float) -> bool:
        """Whether its request should have been there by now."""
        return self._due is not None and now >= self._due

    def cut(self) -> None:
        """End it."""
        self._due = None
        self._watch.closed(self)
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        self._watch.works(self)
        self._due = time.monotonic() + self._watch.patience


def connection_of(request: web.Request) -> Connection | None:
    """The connection that a request came on; `None` where it is gone, or the server is not watched."""
    transport = request.transport
    protocol = None if transport is None else transport.get_protocol()
    return protocol if isinstance(protocol, Connection) else None


@web.middleware
async def in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tells the connection what has arrived. One whose body was not wanted, or not whole, ends with the answer.

    Refusals are made anew: an exception as a response keeps its traceback, and that the body, until the next
    collection of garbage.
    """
    connection = connection_of(request)
    if connection is not None and request.content.is_eof():
        connection.arrived()
    response: web.StreamResponse
    try:
        response = await handler(request)
    except web.HTTPException as error:
        response = _plain(error)
    if not request.content.is_eof():
        response.force_close()
    elif connection is not None:
        connection.arrived()
        connection.answered()  # it is written at once
    return response


def _plain(error: web.HTTPException) -> web.Response:
    headers = {name: value for name, value in error.headers.items() if name.lower() not in _OF_THE_BODY}
    return web.Response(status=error.status, reason=error.reason, text=error.text, headers=headers)


class _Meant(logging.Filter):
    """Without what strangers can write into the log by sending nonsense: it is answered 400, which is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, http_exceptions.HttpProcessingError)


def http_logger() -> logging.Logger:
    """The logger for aiohttp's server."""
    logger = logging.getLogger(__name__)
    if not any(isinstance(each, _Meant) for each in logger.filters):
        logger.addFilter(_Meant())
    return logger
