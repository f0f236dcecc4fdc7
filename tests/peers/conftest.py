"""What is collected, and the one run of all payloads that several tests look at."""

import asyncio
import os

import pytest

from tests.peers.corpus import payloads
from tests.peers.corpus_run import Run, run

# Data that no registry has: where nobody says where it is, there is nothing to test.
_NEEDS = {"CORPUS": "test_golden.py", "TELEGRAM_SPEC": "test_telegram_spec.py"}
collect_ignore = [file for name, file in _NEEDS.items() if not os.environ.get(name)]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What the relay made of every payload."""
    return asyncio.run(run(tmp_path_factory.mktemp("corpus"), list(payloads().values())))
