"""A wire between a browser and a playground that can be cut, without either of them being to blame."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

_CHUNK = 65_536


class Wire:
    """Listens on a port of its own and passes everything on. `address` is what the browser opens."""

    def __init__(self, port: int) -> None:
        """`port` is the playground's. It knows itself by that, so the address is rewritten on its way."""
        self._there = port
        self._listener = _listener(len(str(port)))
        self.port = int(self._listener.getsockname()[1])
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._is_cut = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def cut(self) -> None:
        """All connections break, and new ones do at once."""
        self._is_cut = True
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """New connections are passed on again."""
        self._is_cut = False

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # closed
                return
            if self._is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._there))
            self._ends += [near, far]
            self._run(partial(self._pass_on, near, far, self.port, self._there))
            self._run(partial(self._pass_on, far, near, self._there, self.port))

    def _pass_on(self, from_: socket.socket, to: socket.socket, was: int, becomes: int) -> None:
        with suppress(OSError):
            while chunk := from_.recv(_CHUNK):
                to.sendall(chunk.replace(b"127.0.0.1:%d" % was, b"127.0.0.1:%d" % becomes))
        for end in (from_, to):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _run(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work))
        self._threads[-1].start()


def _listener(digits: int) -> socket.socket:
    """On a free port with so many digits, so that what is rewritten keeps its length."""
    while True:
        found = socket.create_server(("127.0.0.1", 0))
        if len(str(found.getsockname()[1])) == digits:
            return found
        found.close()
