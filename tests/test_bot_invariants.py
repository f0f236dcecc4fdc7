"""Random sequences of what people, forges and the bot's process do keep what must always hold."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.walk.life import LENGTH, check
from tests.walk.sequences import Deed, deeds


@pytest.mark.timeout(1500)  # each example is a life of three people with the bot
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,  # the same lives each time; `python -m tests.walk --invariants N` tries others
    database=None,
    phases=[Phase.generate],  # to make a failure short takes minutes: the command does it
    suppress_health_check=list(HealthCheck),
)
@given(deeds(LENGTH))
def test_random_sequences_of_200_keep_the_invariants(sequence: list[Deed]) -> None:
    check(sequence)
