"""A badly behaving forge of each kind, and a client that talks to it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from src.forge import ForgeClient
from src.forge_http import open_session
from tests.forge_http.scripted_forge import TOKEN, ScriptedForge


@pytest.fixture(params=["github", "gitlab"])
async def forge(request: pytest.FixtureRequest) -> AsyncIterator[ScriptedForge]:
    async with ScriptedForge(request.param) as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
def client(forge: ScriptedForge, session: aiohttp.ClientSession) -> ForgeClient:
    return forge.connector(session).client(forge.url, TOKEN)
