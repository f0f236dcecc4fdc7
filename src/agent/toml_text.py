"""TOML that strangers wrote, read without their being able to keep a processor busy."""

import tomllib
from typing import Any

MOST_DOTS = 500  # in one line: for a key of thirty thousand parts Python's parser takes twenty seconds


class Crowded(ValueError):
    """A line has more dots than anybody needs."""


def parsed(data: bytes) -> dict[str, Any]:
    """What a file says. Raises `Crowded`, and what `tomllib` and decoding raise: `ValueError`, `RecursionError`."""
    if any(line.count(b".") > MOST_DOTS for line in data.splitlines()):
        raise Crowded
    return tomllib.loads(data.decode("utf-8-sig"))
