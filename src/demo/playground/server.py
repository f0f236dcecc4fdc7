"""The playground as a process: the page on loopback, the emulators and the product behind it."""

import asyncio
import fcntl
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from aiohttp import web

from src import logs
from src.app import stop_on_signals
from src.demo.playground.ground import Playground, grounds
from src.demo.playground.guide import FirstCode, Guide
from src.demo.playground.observe import listen, logged, watch_chats
from src.demo.playground.site import application, pages
from src.web.feed import Feed
from src.web.log_lines import FeedHandler
from src.web.pages import StylesheetMissing
from src.web.stream import EventStream

if TYPE_CHECKING:
    from src.config import Settings

__all__ = ["PORT", "Unusable", "main"]

HOST, PORT = "127.0.0.1", 8765
# Of an earlier world in a folder that is kept: the emulators that its database speaks of are gone.
_OF_THE_PRODUCT = ("demo.db", "demo.db-wal", "demo.db-shm", "secret.key")


class Unusable(Exception):
    """The demo cannot start; the text says what to do."""


def _print(line: str) -> None:
    """At once, for whoever reads through a pipe."""
    print(line, flush=True)


async def main(
    settings: "Callable[..., Settings]",
    *,
    port: int | None = None,
    folder: Path | None = None,
    pace: float = 1.0,
    opens: bool = False,
    began: float | None = None,
    stop: asyncio.Event | None = None,
    out: Callable[[str], None] = _print,
) -> int:
    """Serve the playground until Ctrl-C, SIGTERM or SIGHUP. The exit code: 0, or 1 when the product failed.

    Args:
        settings: builds the relay's settings from the values given and nothing else.
        port: where the page is served; by default 8765, or a free one where that is taken.
        folder: keeps the files; by default they are in one that is removed at the end.
        pace: Telegram's limits run so many times as fast.
        opens: whether to open the page in the browser.
        began: when the start began, on the monotonic clock.
        stop: ends it, as Ctrl-C does.
        out: gets the lines, one by one.

    Raises `Unusable`.
    """
    began = time.monotonic() if began is None else began
    stop = stop or asyncio.Event()
    stop_on_signals(stop)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stop.set)  # the terminal's window was closed

    def welcome(address: str) -> None:
        out("DEMO: Telegram, GitHub and GitLab are emulators; nothing leaves this machine, and no account is needed.")
        out(f"Open {address}")
        out(f"Ready after {time.monotonic() - began:.1f} s. The guide on the page says what to try; Ctrl-C stops.")
        if opens:  # aside: a browser for terminals comes back when it is closed
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    failures = await _serve(settings, port=port, folder=folder, pace=pace, stop=stop, ready=welcome)
    for failure in failures:
        logs.print_traceback(type(failure), failure, failure.__traceback__)
        print(f"The bot or the relay failed, so the demo ended: {_reason(failure)}", file=sys.stderr)
    if not failures:
        out("Stopped; nothing is left behind." if folder is None else f"Stopped. The files are kept in {folder}.")
    return 1 if failures else 0


async def _serve(
    settings: "Callable[..., Settings]",
    *,
    port: int | None,
    folder: Path | None,
    pace: float,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> list[Exception]:
    """Everything, until `stop`; then all of it is taken down. Returns what the product failed with."""
    failures: list[Exception] = []
    async with AsyncExitStack() as stack:
        listening = stack.enter_context(_listening(port))
        place = stack.enter_context(_place(folder))
        feed = _opened(place)
        stack.callback(feed.close)
        code = FirstCode()
        stack.enter_context(logged(FeedHandler(feed), code))
        ground = await stack.enter_async_context(grounds(settings, feed=feed, folder=place, pace=pace))
        guide, stream = Guide(ground, code), EventStream(feed)
        feed.add("world", world=ground.world)
        address = await stack.enter_async_context(_site(ground, guide, stream, listening))
        try:
            await _play(ground, guide, stream, stop, lambda: ready(address))
        except* Exception as group:  # noqa: BLE001 - whatever it is, it ends the demo and is told
            failures += group.exceptions
    return failures


async def _play(
    ground: Playground, guide: Guide, stream: EventStream, stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    """The product and those who watch it, until `stop`; what it has begun is finished."""
    listen(ground, guide.notice)
    async with asyncio.TaskGroup() as tasks:
        product = tasks.create_task(ground.product.run(), name="product")
        tasks.create_task(stream.run(stop), name="stream")
        watchers = [tasks.create_task(watch_chats(ground, guide.notice), name="chats")]
        await ground.product.ready()
        watchers.append(tasks.create_task(guide.run(), name="guide"))
        ready()
        await stop.wait()
        ground.product.stop()
        await asyncio.wait([product])
        for watcher in watchers:
            watcher.cancel()


@asynccontextmanager
async def _site(ground: Playground, guide: Guide, stream: EventStream, listening: socket.socket) -> AsyncIterator[str]:
    """The page is served; yields its address."""
    try:
        look = pages()
    except StylesheetMissing as error:
        raise Unusable(str(error)) from None
    port = listening.getsockname()[1]
    runner = web.AppRunner(application(ground, guide, stream, look, port), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listening).start()
        yield f"http://{HOST}:{port}/"
    finally:
        await runner.cleanup()


@contextmanager
def _listening(port: int | None) -> Iterator[socket.socket]:
    """A socket on this port, or on the usual one, or where that is taken on any. Raises `Unusable`."""
    for wanted in (port,) if port is not None else (PORT, 0):
        try:
            made = socket.create_server((HOST, wanted))
        except OSError as error:
            reason = error.strerror
        else:
            with made:
                yield made
            return
    raise Unusable(
        f"--port {wanted}: cannot listen on {HOST}:{wanted} ({reason}); stop what listens there, or choose another port"
    )


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """Where the files are: in a folder that is removed at the end, or in this one. Raises `Unusable`."""
    if folder is None:
        with TemporaryDirectory(prefix="git-assistant-demo-") as made:
            yield Path(made)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w") if _is_ours(folder) else None
    except OSError as error:
        raise _unusable(folder, error) from None
    if lock is None:
        raise Unusable(f"--folder {folder}: other files are in it; choose a folder that is empty or not there yet")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in _OF_THE_PRODUCT:
                (folder / name).unlink(missing_ok=True)
        except BlockingIOError:
            raise Unusable(f"--folder {folder}: another demo runs in it; stop that, or choose another folder") from None
        except OSError as error:
            raise _unusable(folder, error) from None
        yield folder


def _is_ours(folder: Path) -> bool:
    """Whether it is empty or an earlier demo's: elsewhere `secret.key` is what opens somebody's database."""
    return (folder / "feed").is_dir() or all(there.name == "lock" for there in folder.iterdir())


def _unusable(folder: Path, error: OSError) -> Unusable:
    return Unusable(f"--folder {folder}: cannot be used ({error.strerror}); choose another folder")


def _opened(place: Path) -> Feed:
    """The feed of this folder, which goes on counting where an earlier demo stopped. Raises `Unusable`."""
    feed = Feed(place / "feed")
    try:
        feed.open()
    except OSError as error:
        raise _unusable(place, error) from None
    return feed


def _reason(error: BaseException) -> str:
    """What the first of a group of errors says."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return logs.redact(f"{type(error).__name__}: {error}")
