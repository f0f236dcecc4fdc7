"""GitHub's own descriptions of its APIs, from npm: the part of the OpenAPI one that a review uses, and GraphQL's."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.peers.third_party import START

Json = dict[str, Any]
_REPO = "/repos/{owner}/{repo}"
USED = (
    f"{_REPO}/pulls/{{pull_number}}", f"{_REPO}/pulls/{{pull_number}}/files", f"{_REPO}/pulls/{{pull_number}}/reviews",
    f"{_REPO}/issues/{{issue_number}}/comments", f"{_REPO}/issues/comments/{{comment_id}}",
    f"{_REPO}/statuses/{{sha}}", f"{_REPO}/git/blobs/{{file_sha}}", f"{_REPO}/compare/{{basehead}}",
)  # fmt: skip


def home() -> Path:
    """Where `setup` installs."""
    return Path(os.environ.get("PEERS_HOME") or START.parents[2] / "build" / "peers")


def description(folder: Path) -> Path:
    """The OpenAPI description of what a review uses; the whole is 13 MB, which takes Prism minutes."""
    source = home() / "node_modules" / "@octokit" / "openapi" / "generated" / "api.github.com.json"
    whole: Json = json.loads(source.read_text())
    paths = {path: whole["paths"][path] for path in USED}
    needed = set(_needed(paths, whole))
    parts = {
        kind: {name: part for name, part in named.items() if f"#/components/{kind}/{name}" in needed}
        for kind, named in whole["components"].items()
    }
    file = folder / "github.json"
    file.write_text(
        json.dumps({"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": parts})
    )
    return file


def _needed(paths: Json, whole: Json) -> Iterator[str]:
    """The components that these paths name, and those that they name in turn."""
    waiting, known = list(_references(paths)), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in known:
            known.add(name)
            yield name
            _, _, kind, part = name.split("/", 3)
            waiting += _references(whole["components"][kind][part])


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


async def objections(questions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[str]]:
    """What GitHub's GraphQL schema has against each of these questions and their variables."""
    lines = "".join(json.dumps({"query": text, "variables": dict(given)}) + "\n" for text, given in questions)
    running = await asyncio.create_subprocess_exec(
        "bash", str(START), "schema", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PEERS_HOME": str(home())},
    )  # fmt: skip
    output, _ = await running.communicate(lines.encode())
    assert running.returncode == 0
    return [json.loads(line) for line in output.decode().splitlines()]
