"""Reading request bodies from whoever connects: bounded in size, in time and over the whole process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

MAX_BODY = 25 * 1024 * 1024  # GitHub sends nothing larger
_SMALL = 1024 * 1024  # nearly all deliveries are far smaller; these have memory of their own
_SECONDS = 15.0  # a forge has given up by then
_PATIENCE = 5.0  # how long a request waits for memory


class Budget:
    """Bytes of bodies that all requests in flight may hold together, charged as they come in.

    What a client only announces costs nothing, and large bodies cannot use up what small ones need.
    """

    def __init__(self, large: int = 48 * 1024 * 1024, small: int = 16 * 1024 * 1024) -> None:
        self._large, self._small = _Pool(large), _Pool(small)

    @asynccontextmanager
    async def share(self, declared: int | None) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
        """A function that charges bytes to this request, given back at the end; 503 when none get free in time."""
        pool = self._small if declared is not None and declared <= _SMALL else self._large
        held = 0

        async def charge(size: int) -> None:
            nonlocal held
            await pool.take(size)
            held += size

        try:
            yield charge
        finally:
            await pool.give_back(held)


class _Pool:
    def __init__(self, size: int) -> None:
        self._free = size
        self._changed = asyncio.Condition()

    async def take(self, size: int) -> None:
        try:
            async with asyncio.timeout(_PATIENCE), self._changed:
                await self._changed.wait_for(lambda: self._free >= size)
                self._free -= size
        except TimeoutError:
            raise web.HTTPServiceUnavailable(text="Too much at once.", headers={"Retry-After": "10"}) from None

    async def give_back(self, size: int) -> None:
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
    async with budget.share(declared) as charge:
        try:
            async with asyncio.timeout(_SECONDS):
                body = await _read(request, charge)
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="The body came too slowly.") from None
        except (web.RequestPayloadError, ConnectionResetError):
            raise web.HTTPBadRequest(text="The body broke off.") from None
        yield body


async def _read(request: web.Request, charge: Callable[[int], Awaitable[None]]) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(max_size=MAX_BODY, actual_size=size)
        await charge(len(chunk))
        chunks.append(chunk)
    return b"".join(chunks)
