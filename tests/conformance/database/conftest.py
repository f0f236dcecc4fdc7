"""Both databases, each new and with all tables."""

from collections.abc import AsyncIterator

import pytest

from src.database.database import Database
from tests.conformance.database.cast import Ground, fill
from tests.databases import make_tables


@pytest.fixture
async def database(each_database_url: str) -> AsyncIterator[Database]:
    made = Database(each_database_url)
    await make_tables(made)
    yield made
    await made.close()


@pytest.fixture
async def ground(database: Database) -> Ground:
    return await fill(database)
