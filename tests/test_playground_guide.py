"""The facts that tick the guided list: what is one, and what only looks like one."""

from pathlib import Path

import pytest

from src.database.repositories import guided
from src.database.repositories.guided import Standing
from tests.playground_stage import Stage, played

ROCKET = "acme/rocket"
pytestmark = pytest.mark.timeout(400)


async def standing(stage: Stage) -> Standing:
    async with stage.ground.database.read() as session:
        found = await guided.standing(session, stage.ground.people["ann"].id)
    assert found is not None
    return found


async def test_all_loud_is_not_less_and_all_silent_is(tmp_path: Path) -> None:
    async with played(tmp_path) as stage:
        await stage.pair()
        await stage.follow("ann", "github", ROCKET)
        heard = []
        for label in ("All on", "All silent"):
            await stage.say(stage.ground.people["ann"], "/notifications")
            for button in (ROCKET, label, "Save"):
                await stage.step(stage.ground.people["ann"], button)
            heard.append((await standing(stage)).hears_less)
        assert heard == [False, True]
