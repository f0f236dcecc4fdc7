"""Both forges, each at its usual address and below a sub-path, with the same cast."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.cast import Forge, Receiver, opened


@pytest.fixture(params=["github", "github /api/v3", "gitlab", "gitlab /gitlab"])
async def forge(request: pytest.FixtureRequest) -> AsyncIterator[Forge]:
    async with opened(request.param) as found:
        yield found


@pytest.fixture
async def gitlab() -> AsyncIterator[Forge]:
    async with opened("gitlab") as found:
        yield found


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clients ask for two items a page, so that a handful makes several pages."""
    monkeypatch.setattr("src.github_api.api.PER_PAGE", 2)
    monkeypatch.setattr("src.gitlab_api.api.PER_PAGE", "2")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as found:
        yield found
