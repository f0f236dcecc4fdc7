"""Both forges, each with the same cast."""

from collections.abc import AsyncIterator

import pytest

from tests.test_forge_emulators.stage import Stage, staged


@pytest.fixture(params=["github", "gitlab"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Either forge."""
    async with staged(request.param) as made:
        yield made


@pytest.fixture
async def github() -> AsyncIterator[Stage]:
    """GitHub alone."""
    async with staged("github") as made:
        yield made


@pytest.fixture
async def gitlab() -> AsyncIterator[Stage]:
    """GitLab alone, below a path."""
    async with staged("gitlab", "/gitlab") as made:
        yield made
