"""What becomes of a dead replica's work. `tests/drills/test_takeover.py` has the default lease, and both databases."""

from pathlib import Path

from src.app.parts import term_of
from src.config import Settings
from src.database import jobs, lease
from src.webhook import pipeline
from tests.postgres import Server, fresh
from tests.takeover import take_over


def test_what_a_dead_one_held_is_noticed_within_30_s() -> None:
    """By arithmetic, at the lease that is the default; what the machine adds is for the drill to show."""
    seconds = Settings.model_fields["lease_seconds"].default
    longest_look = max(pipeline._POLL, jobs._POLL.total_seconds(), lease._LOOK_AGAIN)
    assert seconds == 30
    assert term_of(seconds).total_seconds() + longest_look <= seconds - 1


async def test_takeover_of_a_killed_replica(server: Server, tmp_path: Path) -> None:
    """Its delivery, the sender's message and a worker's job, under a short lease that a busy machine keeps, too."""
    print(f"\ntaken over: {await take_over(tmp_path, fresh(server), 6)}")
