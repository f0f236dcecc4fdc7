"""What is collected: `tests/peers` needs programs from elsewhere and runs with `make test-peers` only."""

from pathlib import Path

import pytest

PEERS = Path(__file__).with_name("peers")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the peers out unless they are asked for by their path."""
    asked = (Path(config.invocation_params.dir, str(given).partition("::")[0]) for given in config.args)
    if collection_path.is_relative_to(PEERS) and not any(path.is_relative_to(PEERS) for path in asked):
        return True
    return None
