"""A PostgreSQL for the tests: the one of TEST_POSTGRES_URL, else our own from a wheel, under the temp folder.

`server` is the fixture that gives it, `fresh(server)` a new migrated database on it. `running()` starts one that may
be stopped, restarted and killed, for drills and benches.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import pytest
from sqlalchemy import make_url

from tests.postgres_server import OwnServer, Server, running

__all__ = ["OwnServer", "Server", "fresh", "reachable", "running", "server", "shared"]


@contextmanager
def reachable() -> Iterator[Server]:
    """The server of TEST_POSTGRES_URL if that is set, else one of our own that forgets in a crash."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if not given:
        with running(fsync=False) as server:
            yield server
        return
    theirs = Server(make_url(given).set(drivername="postgresql+asyncpg"))
    try:
        yield theirs
    finally:
        theirs.drop_all()


@cache
def shared() -> Server:
    """One for the whole run, started when somebody first asks."""
    holding = ExitStack()
    atexit.register(holding.close)
    return holding.enter_context(reachable())


@pytest.fixture(scope="session")
def server() -> Server:
    """The shared one."""
    return shared()


def fresh(server: Server) -> str:
    """The URL of a new migrated database."""
    return server.create()
