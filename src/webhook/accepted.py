"""The answer to what is on disk: the same bytes for all, made once a second for the date in them."""

import email.utils
import time

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE

_BODY = b'{"status": "accepted"}'


class _Accepted(web.StreamResponse):
    """One for all requests, so it keeps nothing of any; a response made for each costs as much as parsing a head."""

    def __init__(self) -> None:
        super().__init__(status=202)
        self._made_at = -1
        self._bytes = b""

    @property
    def keep_alive(self) -> bool:
        """Always: whoever wants something else gets an answer of his own."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Write it, and wait while the client does not read."""
        now = int(time.time())
        if now != self._made_at:
            self._made_at, self._bytes = now, _bytes(now)
        writer = request.writer
        await writer.write(self._bytes)
        await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


def _bytes(now: int) -> bytes:
    """Head and body, as `web.Response` would write them."""
    return (
        "HTTP/1.1 202 Accepted\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n"
        f"Date: {email.utils.formatdate(now, usegmt=True)}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
    ).encode("ascii") + _BODY


_accepted = _Accepted()


def accepted(request: web.BaseRequest) -> web.StreamResponse:
    """202, for a request whose body was read."""
    if request.version == HttpVersion11 and request.keep_alive and request.content.is_eof():
        return _accepted
    return web.Response(body=_BODY, status=202, content_type="application/json")
