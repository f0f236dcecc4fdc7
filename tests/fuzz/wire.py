"""The simplest client there is: writes bytes as they are and reads how they are answered."""

import asyncio
import re

SECONDS = 30.0  # what takes longer hangs
_STATUS = re.compile(rb"HTTP/[0-9]\.[0-9] ([0-9]{3}) ")
_LENGTH = re.compile(rb"^content-length: *([0-9]+)", re.IGNORECASE | re.MULTILINE)
_BRIEFLY = 0.05  # seconds: how long an answer is awaited to what is not whole


class Wire:
    """A connection that is opened again where the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, raw: bytes) -> int:
        """Post a request that is in order; the status. Raises TimeoutError where none comes."""
        async with asyncio.timeout(SECONDS):
            reader, writer = self._streams or await asyncio.open_connection("127.0.0.1", self._port)
            self._streams = (reader, writer)
            writer.write(raw)
            status, head = await _head(reader)
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            if b"connection: close" in head.lower():
                self.close()
        return status

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def once(port: int, raw: bytes, *, is_whole: bool) -> int | None:
    """The status that these bytes are answered with on a connection of their own; `None`: it was closed without one.

    Raises TimeoutError where a whole request is neither answered nor cut.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(SECONDS if is_whole else _BRIEFLY):
            writer.write(raw)
            status, _ = await _head(reader)
            while status == 100:
                status, _ = await _head(reader)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except TimeoutError:
        if is_whole:
            raise
        return None
    else:
        return status
    finally:
        writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = _STATUS.match(head)
    assert status is not None, head[:200]
    return int(status[1]), head
