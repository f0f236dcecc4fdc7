"""The feed as server-sent events: what a page shows arrives by itself, and again after it was away."""

import asyncio
import logging
import time
from dataclasses import dataclass

from aiohttp import web

from src.i18n import Translator, translator
from src.web.feed import Feed
from src.web.guard import SECURITY_HEADERS, ApiError, accepted

HEADERS = SECURITY_HEADERS | {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # a proxy that gathered frames would undo them
}
FRAME_BYTES = 256 * 1024  # of the lines in one frame, where one line alone is not longer
MOST_LINES = 2_000  # in one answer of /api/lines
_RETRY = b"retry: 1000\n\n"
_HEARTBEAT = b": still here\n\n"
_SHARED_FRAMES = 4  # kept at a time: streams that keep up all stand at one place

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Reader:
    """One open stream: a place in the feed. It has no queue, so nothing grows while nobody reads."""

    seq: int
    transport: asyncio.Transport | None
    wake: asyncio.Event
    spoke: float
    writing: bool = True  # or not yet ready for the first frame

    @property
    def gone(self) -> bool:
        return self.transport is None or self.transport.is_closing()


@dataclass(frozen=True, slots=True)
class _Frame:
    body: bytes
    last: int


class EventStream:
    """Streams of one feed. `run` moves them, until it is told to stop.

    Each stream is a place in the feed: a slow reader falls behind and catches up from the files, in frames of
    256 KiB at most; beside its frame nothing is kept for it. A frame is made once for all streams at one place.
    Every `interval` seconds at most one frame goes to a stream: five a second look like at once, and whoever counts
    them in any second, on a busy machine too, counts ten at most. After `heartbeat` seconds without a frame a comment
    is sent; a reader that takes nothing for `patience` seconds is cut off, and comes back with its place.
    """

    def __init__(
        self,
        feed: Feed,
        *,
        heartbeat: float = 15.0,
        interval: float = 0.2,
        patience: float = 60.0,
        most: int = 200,
    ) -> None:
        """Times are seconds; `most` streams may be open at once."""
        self._feed = feed
        self._heartbeat = heartbeat
        self._interval = interval
        self._patience = patience
        self._most = most
        self._readers: set[_Reader] = set()
        self._frames: dict[int, _Frame] = {}
        self._end = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """``GET /events`` and ``GET /api/lines``."""
        return [web.get("/events", self.handler, allow_head=False), web.get("/api/lines", self.lines)]

    @property
    def unsent(self) -> int:
        """Bytes that wait in this process until readers take them."""
        return sum(one.transport.get_write_buffer_size() for one in self._readers if one.transport and not one.gone)

    @property
    def behind(self) -> int:
        """Streams that have not been sent the newest line yet."""
        return sum(one.seq < self._feed.last for one in self._readers)

    async def run(self, stop: asyncio.Event) -> None:
        """Move the streams until `stop`, then end them all at once, those in the middle of a frame too."""
        try:
            while not stop.is_set():
                self._tick(time.monotonic())
                await _wait(stop, self._interval)
        finally:
            self.end()

    def end(self) -> None:
        """End every stream and open no other."""
        self._end.set()
        for reader in self._readers:
            reader.wake.set()
            if reader.writing and reader.transport is not None:
                reader.transport.abort()

    async def lines(self, request: web.Request) -> web.Response:
        """``GET /api/lines?before=SEQ&limit=500&kinds=log,call``: a JSON list, oldest first, for scrolling up."""
        t = translator(accepted(request))
        limit = _number(request.query.get("limit", "500"), t)
        before = _number(request.query.get("before", str(self._feed.last + 1)), t)
        kinds = frozenset(filter(None, request.query.get("kinds", "").split(","))) or None
        found = await asyncio.to_thread(self._feed.before, before, max(1, min(limit, MOST_LINES)), kinds)
        return web.Response(
            body=b"[" + b",".join(line.body for line in found) + b"]",
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def handler(self, request: web.Request) -> web.StreamResponse:
        """``GET /events?since=SEQ&epoch=EPOCH``, by default from now on; Last-Event-ID (``EPOCH-SEQ``) wins."""
        t = translator(accepted(request))
        epoch, seq = self._place(request, t)
        if self._end.is_set() or len(self._readers) >= self._most:
            raise ApiError(t("No more pages can be live at once. Close one of them, then load this one again."), 503)
        response = web.StreamResponse(headers=HEADERS)
        reader = _Reader(seq, request.transport, asyncio.Event(), time.monotonic())
        self._readers.add(reader)
        try:
            await response.prepare(request)
            if epoch != self._feed.epoch or seq > self._feed.last:
                await response.write(_RETRY + b"event: reset\ndata: {}\n\n")
            else:
                await response.write(_RETRY)
                await self._serve(reader, response)
        except OSError as error:
            is_reader = isinstance(error, (ConnectionResetError, TimeoutError))  # otherwise the feed cannot be read
            log.log(logging.DEBUG if is_reader else logging.ERROR, "a stream ended at %s: %r", reader.seq, error)
            if reader.transport is not None:
                reader.transport.abort()  # what it did not take is not waited for
        finally:
            self._readers.discard(reader)
        return response

    async def _serve(self, reader: _Reader, response: web.StreamResponse) -> None:
        """Send what the reader has not seen, each time `_tick` says so."""
        while not (self._end.is_set() or reader.gone):
            reader.writing = False
            await reader.wake.wait()
            reader.wake.clear()
            if self._end.is_set() or reader.gone:
                return
            reader.writing = True
            frame = self._frame(reader.seq)
            async with asyncio.timeout(self._patience):
                await response.write(frame.body)
            reader.seq = frame.last
            reader.spoke = time.monotonic()

    def _tick(self, now: float) -> None:
        """Wake who waits and is due."""
        self._frames.clear()
        last = self._feed.last
        for reader in self._readers:
            due = reader.seq < last or now - reader.spoke >= self._heartbeat
            if not reader.writing and (due or reader.gone):
                reader.wake.set()

    def _frame(self, seq: int) -> _Frame:
        """What comes after `seq`: lines, the number of those that are no longer kept, or a sign of life."""
        frame = self._frames.get(seq)
        if frame is None:
            frame = self._make_frame(seq)
            if len(self._frames) < _SHARED_FRAMES:
                self._frames[seq] = frame
        return frame

    def _make_frame(self, seq: int) -> _Frame:
        chunk = self._feed.chunk(seq, FRAME_BYTES)
        if chunk is None:
            return _Frame(_HEARTBEAT, seq)
        lost = chunk.first - seq - 1
        said = b'id: %s-%d\nevent: lost\ndata: {"lost": %d}\n\n' % (self._epoch, chunk.first - 1, lost) if lost else b""
        data = chunk.body[:-1].replace(b"\n", b",")
        return _Frame(b"%sid: %s-%d\nevent: lines\ndata: [%s]\n\n" % (said, self._epoch, chunk.last, data), chunk.last)

    @property
    def _epoch(self) -> bytes:
        return self._feed.epoch.encode()

    def _place(self, request: web.Request, t: Translator) -> tuple[str, int]:
        """The epoch and the number of the last line that the page has."""
        known = request.headers.get("Last-Event-ID")
        if known:
            epoch, _, seq = known.rpartition("-")
            return epoch, _number(seq, t)
        epoch = request.query.get("epoch", self._feed.epoch)
        return epoch, _number(request.query.get("since", str(self._feed.last)), t)


def _number(text: str, t: Translator) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise ApiError(t("This address is not complete. Load the page again."))
    return int(text)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
