"""What is collected. Tests that stand apart run with a verb of their own: make test-peers, test-browser, drill."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
APART = (HERE / "peers", HERE / "browser", HERE / "drills")  # two need programs from elsewhere, the third takes long


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave them out unless they are asked for by their path."""
    asked = [Path(config.invocation_params.dir, str(given).partition("::")[0]) for given in config.args]
    for folder in APART:
        if collection_path.is_relative_to(folder) and not any(path.is_relative_to(folder) for path in asked):
            return True
    return None
