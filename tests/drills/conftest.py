"""The databases of the drills: a file, and a PostgreSQL of our own that may be ended at any moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import OwnServer, running


@pytest.fixture
def postgres() -> Iterator[OwnServer]:
    """A server for one drill alone, which writes through to the disk."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on either kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'drill.db'}"
    server: OwnServer = request.getfixturevalue("postgres")
    return server.create()
