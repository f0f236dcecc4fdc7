"""What becomes of a dead replica's work. `tests/drills/test_takeover.py` has the default lease, and both databases."""

from pathlib import Path

import pytest

from tests.postgres import Server, fresh
from tests.takeover import take_over


@pytest.mark.timeout(120)
async def test_takeover_of_a_killed_replica(server: Server, tmp_path: Path) -> None:
    """Its delivery, the sender's message and a worker's job, under the shortest lease that there is."""
    print(f"\ntaken over: {await take_over(tmp_path, fresh(server), 3)}")
