"""Scripts of deploy/, run with nothing but what a test gives them."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parent.parent / "deploy"
needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("curl", "jq")), reason="the scripts need curl and jq"
)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


async def run(*command: str | Path, environment: Mapping[str, str]) -> Ran:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), env=dict(environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
