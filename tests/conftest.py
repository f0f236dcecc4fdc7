"""What is collected. Tests that stand apart run with a verb of their own: make test-peers, test-browser, drill.

With TEST_DATABASE=postgresql (make test-postgres): what may open the database of its run, but for what is about
SQLite's file itself, and for what runs on both anyway.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from src.database import engines
from tests import databases
from tests.databases import _databases_end, each_database_url, sqlite_file_url  # noqa: F401 - fixtures
from tests.postgres import server  # noqa: F401 - a fixture
from tests.reaching import reaches

HERE = Path(__file__).parent
APART = (HERE / "peers", HERE / "browser", HERE / "drills")  # two need programs from elsewhere, the third takes long
_OPENING = frozenset({databases.url_in, databases.open_new})

# The same examples each time and none judged by the clock: a change is refused for what it did, not for chance or a
# busy machine. `--hypothesis-profile explore` takes other examples, as FUZZ_SEED does for `make fuzz`.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("tests"), derandomize=False)
settings.load_profile("tests")


@pytest.fixture(autouse=True, scope="session")
def _postgresql_may_take_long() -> Iterator[None]:
    """A machine that stands still for some seconds is no database that is away: only the product gives up so soon."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_CONNECT_SECONDS", "_LOCK_SECONDS", "_STATEMENT_SECONDS", "_IDLE_SECONDS"):
            patch.setattr(engines, name, 120)
        yield


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave them out unless they are asked for by their path."""
    asked = [Path(config.invocation_params.dir, str(given).partition("::")[0]) for given in config.args]
    for folder in APART:
        if collection_path.is_relative_to(folder) and not any(path.is_relative_to(folder) for path in asked):
            return True
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers."""
    config.addinivalue_line("markers", "sqlite_file: about SQLite's file itself; not run on PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL take what belongs there."""
    if databases.is_sqlite():
        return
    taken = [item for item in items if _belongs_on_postgresql(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in taken])
    items[:] = taken


def _belongs_on_postgresql(item: pytest.Item) -> bool:
    if item.get_closest_marker("sqlite_file") is not None:
        return False
    if {"each_database_url", "server", "sqlite_file_url"} & set(getattr(item, "fixturenames", ())):
        return False
    return reaches(item, _OPENING)
