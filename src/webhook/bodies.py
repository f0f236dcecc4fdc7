"""Reading request bodies from whoever connects: bounded in size, in time and over the whole process."""

import asyncio
import ctypes
import io
import sys
import time
from collections.abc import Iterable

from aiohttp import web

from src.webhook.connections import Connection, connection_of

MAX_BODY = 25 * 1024 * 1024  # GitHub sends nothing larger
_SMALL = 1024 * 1024  # nearly all deliveries are far smaller; these have memory of their own
_CHUNK = 64 * 1024  # what a request may hold beside what it is charged for
_SECONDS = 13.5  # where the connection is not watched; see `connections`
_PATIENCE = 5.0  # how long a request waits for memory
_RETRY_AFTER = {"Retry-After": "10"}
_M_MMAP_THRESHOLD = -3  # malloc.h


class Budget:
    """Bytes of bodies that all requests in flight may hold together, charged as they come in.

    What a client only announces costs nothing, and large bodies cannot use up what small ones need. Many large ones
    that grow side by side would wait for each other for ever: `reserve` is for one of them, which so gets on.
    """

    def __init__(
        self,
        large: int = 16 * 1024 * 1024,
        small: int = 16 * 1024 * 1024,
        reserve: int = MAX_BODY,
    ) -> None:
        self._large, self._small = _Pool(large, reserve), _Pool(small, 0)

    def share(self, declared: int | None) -> "Share":
        """What one request holds; ``async with`` gives it back."""
        return Share(self._small if declared is not None and declared <= _SMALL else self._large)


class Share:
    """One request's part of a pool."""

    __slots__ = ("_pool", "common", "is_waiting")

    def __init__(self, pool: "_Pool") -> None:
        self._pool = pool
        self.common = 0  # bytes
        self.is_waiting = False

    async def __aenter__(self) -> "Share":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.give_back()

    async def charge(self, size: int) -> None:
        """Take so many bytes more. 503 when none get free in time."""
        self.is_waiting = True
        await self._pool.take(self, size)
        self.is_waiting = False

    async def give_back(self) -> None:
        """All of it."""
        if self._pool.give_back(self):
            await self._pool.tell()


class _Pool:
    def __init__(self, size: int, reserve: int) -> None:
        self._free = size
        self._reserve = reserve
        self._favoured: Share | None = None  # whose further bytes are taken from the reserve
        self._used = 0  # bytes of the reserve
        self._changed = asyncio.Condition()
        self._waiting = 0  # requests

    async def take(self, share: Share, size: int) -> None:
        if not self._has(share, size):
            self._waiting += 1
            try:
                async with asyncio.timeout(_PATIENCE), self._changed:
                    await self._changed.wait_for(lambda: self._has(share, size))
            except TimeoutError:
                raise overloaded("Too much at once.") from None
            finally:
                self._waiting -= 1
        if self._favoured is share or self._free < size:
            self._favoured = share
            self._used += size
        else:
            self._free -= size
            share.common += size

    def give_back(self, share: Share) -> bool:
        """Whether somebody waits for it, and is to be told."""
        self._free += share.common
        share.common = 0
        if self._favoured is share:
            self._favoured, self._used = None, 0
        return self._waiting > 0

    async def tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _has(self, share: Share, size: int) -> bool:
        fits = self._used + size <= self._reserve
        return (self._favoured is share and fits) or self._free >= size or (self._favoured is None and fits)


def give_memory_back() -> None:
    """Have large blocks returned to the system when they are freed; for the whole process, from now on.

    glibc raises that threshold by itself with each large block that is freed, up to 32 MiB. Bodies then leave holes in
    the heap: after four floods of 40 bodies the process had grown by 100 MB, with a fixed threshold by 30, for good.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):  # musl has none, and needs none
        libc.mallopt(_M_MMAP_THRESHOLD, _SMALL)


def overloaded(text: str) -> web.HTTPServiceUnavailable:
    """The answer to what cannot be taken now. GitHub sends nothing again by itself: catching up asks it to."""
    return web.HTTPServiceUnavailable(text=text, headers=_RETRY_AFTER)


def body_at_hand(request: web.Request) -> bytes | None:
    """The raw body where all of it has come, with its head or just behind it; `None`: `read_body` is to see to it.

    Most are. Nothing is waited for and nothing charged: the connection's buffer held it already.
    """
    declared, content = request.content_length, request.content
    if declared is None or declared > _CHUNK or not content.is_eof() or "Content-Encoding" in request.headers:
        return None
    if (connection := connection_of(request)) is not None:
        connection.arrived()
    return content.read_nowait(-1)


class read_body:  # noqa: N801 - used like the function that it stands for, but without a generator's cost
    """``async with read_body(request, budget) as body``: the raw body.

    413 over the limit, 415 for a compressed one, 408 for one that trickles, 503 over the budget. A compressed body is
    refused because its signature covers other bytes than those that would be unpacked.
    """

    __slots__ = ("_declared", "_request", "_share")

    def __init__(self, request: web.Request, budget: Budget) -> None:
        self._request = request
        self._declared = request.content_length
        self._share = budget.share(self._declared)

    async def __aenter__(self) -> bytes:
        headers = self._request.headers
        if "Content-Encoding" in headers and _is_compressed(headers.getall("Content-Encoding")):
            raise web.HTTPUnsupportedMediaType(text="Compressed bodies are not accepted.")
        declared = self._declared
        if declared is not None and declared > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=declared)
        connection = connection_of(self._request)
        try:
            body = await self._wait(connection)
        except BaseException:
            await self._share.give_back()
            raise
        if connection is not None:
            connection.arrived()
        return body

    async def __aexit__(self, *_: object) -> None:
        await self._share.give_back()

    async def _wait(self, connection: Connection | None) -> bytes:
        now = time.monotonic()
        try:
            async with asyncio.timeout(_SECONDS if connection is None else connection.seconds_left(now)):
                return await _read(self._request, self._share)
        except TimeoutError:
            if self._share.is_waiting:
                raise overloaded("Too much at once.") from None
            raise web.HTTPRequestTimeout(text="The body came too slowly.") from None
        except (web.RequestPayloadError, ConnectionResetError):
            raise web.HTTPBadRequest(text="The body broke off.") from None


def _is_compressed(codings: Iterable[str]) -> bool:
    return any(coding.strip().lower() != "identity" for coding in codings)


async def _read(request: web.Request, share: Share) -> bytes:
    """Into one growing buffer, which becomes the body without another copy."""
    buffer = io.BytesIO()
    while chunk := await request.content.read(_CHUNK):
        if buffer.tell() + len(chunk) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=buffer.tell() + len(chunk))
        await share.charge(len(chunk))
        buffer.write(chunk)
    return buffer.getvalue()
