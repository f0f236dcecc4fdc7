"""A walk through every screen of every dialog; `make walk` goes further and prints what it saw."""

from pathlib import Path

import pytest

from tests.walk.cast import Role, Spot
from tests.walk.play import walk_all
from tests.walk.report import summary
from tests.walk.walker import Report


async def walked(folder: Path, language: str, spot: Spot) -> Report:
    return await walk_all(folder, language, spots=[spot], roles=list(Role), thorough=False)


@pytest.mark.timeout(180)  # thousands of presses
@pytest.mark.parametrize("spot", Spot)
async def test_every_button_of_every_dialog_leads_on_and_out(tmp_path: Path, spot: Spot) -> None:
    report = await walked(tmp_path, "en", spot)
    assert not report.faults, "\n".join(summary(report, "en"))
