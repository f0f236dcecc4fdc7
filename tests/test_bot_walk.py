"""A walk through every screen of every dialog; `make walk` goes further and prints what it saw."""

from pathlib import Path

import pytest

from src.bot import language_handlers
from src.bot.deps import Scene
from src.bot.states import Opened
from tests.walk.cast import Role, Spot
from tests.walk.play import walk_all
from tests.walk.report import summary
from tests.walk.walker import Effort

pytestmark = pytest.mark.sqlite_file  # the walk goes back to where it was by a copy of the file

# How many steps deep each place is walked: what is behind them is the same in all three.
DEEPEST = {Spot.PRIVATE: 4, Spot.GROUP: 3, Spot.TOPIC: 2}


@pytest.mark.timeout(1200)  # a thousand presses
@pytest.mark.parametrize("spot", Spot)
async def test_every_button_of_every_dialog_leads_on_and_out(tmp_path: Path, spot: Spot) -> None:
    effort = Effort(deepest=DEEPEST[spot], thorough=False)
    report = await walk_all(tmp_path, "en", spots=[spot], roles=list(Role), effort=effort)
    assert not report.faults, "\n".join(summary(report, "en"))
    offered = {f"/{command}" for command in report.commands}
    assert {"/start", "/subscribe", "/list_subscriptions", "/people", "/rotate", "/delete_me"} <= offered
    assert len({key.step for key in report.screens}) > 15


async def test_the_walk_sees_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forget(_scene: Scene, _opened: Opened, _text: object) -> None:
        return

    monkeypatch.setattr(language_handlers, "withdraw", forget)
    report = await walk_all(tmp_path, "en", spots=[Spot.PRIVATE], roles=[Role.MEMBER], commands=["language"])
    assert {fault.what for fault in report.faults} >= {"cancelled, but still in LanguageStates:choice"}
