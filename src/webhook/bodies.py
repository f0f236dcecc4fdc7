"""Reading request bodies from whoever connects: bounded in size, in time and over the whole process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

MAX_BODY = 25 * 1024 * 1024  # GitHub sends nothing larger
_BUDGET = 64 * 1024 * 1024  # bytes of bodies in memory at once
_SECONDS = 15.0  # a forge has given up by then
_PATIENCE = 5.0  # how long a request waits for its share of the budget


class Budget:
    """Bytes that all requests in flight may hold together."""

    def __init__(self, size: int = _BUDGET) -> None:
        self._free = size
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def share(self, size: int) -> AsyncIterator[None]:
        """Hold `size` bytes; 503 when none get free in time."""
        try:
            async with asyncio.timeout(_PATIENCE), self._changed:
                await self._changed.wait_for(lambda: self._free >= size)
                self._free -= size
        except TimeoutError:
            raise web.HTTPServiceUnavailable(text="Too much at once.", headers={"Retry-After": "10"}) from None
        try:
            yield
        finally:
            async with self._changed:
                self._free += size
                self._changed.notify_all()


@asynccontextmanager
async def read_body(request: web.Request, budget: Budget) -> AsyncIterator[bytes]:
    """The raw body. 413 over the limit, 415 for a compressed one, 408 for one that trickles, 503 over the budget.

    A compressed body is refused because its signature covers other bytes than those that would be unpacked.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="Compressed bodies are not accepted.")
    declared = request.content_length
    if declared is not None and declared > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=declared)
    async with budget.share(MAX_BODY if declared is None else declared):
        try:
            async with asyncio.timeout(_SECONDS):
                body = await _read(request)
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="The body came too slowly.") from None
        except (web.RequestPayloadError, ConnectionResetError):
            raise web.HTTPBadRequest(text="The body broke off.") from None
        yield body


async def _read(request: web.Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=size)
        chunks.append(chunk)
    return b"".join(chunks)
