"""Mutated bodies and headers: no 5xx, no hang, nothing that breaks the parser, the decision or the text; memory flat.

A few thousand each with every run of the tests, always the same; 100,000 each with other numbers by ``make fuzz``.
"""

import os
from pathlib import Path

import pytest

from tests.fuzz.rounds import Outcome, mutated_bodies, mutated_heads

LONG = os.environ.get("DRILL") == "long"
CASES = int(os.environ.get("FUZZ_CASES", "100000" if LONG else "2000"))
SEED = int(os.environ.get("FUZZ_SEED", "5"))
GROWTH = 16  # MiB since the first few thousand, which warm up
MINUTES = 3 + CASES // 2000


@pytest.mark.timeout(60 * MINUTES)
async def test_mutated_bodies(tmp_path: Path) -> None:
    _holds(await mutated_bodies(SEED, CASES, tmp_path), "bodies")


@pytest.mark.timeout(60 * MINUTES)
async def test_mutated_header_sets(tmp_path: Path) -> None:
    _holds(await mutated_heads(SEED, CASES, tmp_path), "header sets")


def _holds(outcome: Outcome, name: str) -> None:
    print(f"\nseed {SEED}: {outcome.report(name, CASES)}")
    assert not outcome.findings, "\n".join([*outcome.findings[:20], *outcome.findings[-3:]])
    if LONG:
        assert max(outcome.memory) - outcome.memory[0] <= GROWTH, outcome.memory
