"""What is mutated: our fixtures of both forges, and payloads of others where CORPUS says where they are."""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.payloads import load, names


@dataclass(frozen=True, slots=True)
class Seed:
    """One payload and the word that its forge sends it under."""

    name: str
    kind: str
    event: str
    body: bytes


@cache
def seeds() -> tuple[Seed, ...]:
    """All that there are on this machine, always in the same order."""
    found = [_fixture(kind, name) for kind in ("github", "gitlab") for name in names(kind)]
    if folder := os.environ.get("CORPUS"):
        found += [
            seed for kind in ("github", "gitlab") for seed in _corpus(Path(folder) / "go-playground" / kind, kind)
        ]
        found += [
            seed for kind in ("github", "gitlab") for seed in _corpus(Path(folder) / "go-scm" / kind / "webhooks", kind)
        ]
    return tuple(found)


def _fixture(kind: str, name: str) -> Seed:
    headers, body = load(name)
    return Seed(name, kind, headers["X-GitHub-Event" if kind == "github" else "X-Gitlab-Event"], body)


def _corpus(folder: Path, kind: str) -> list[Seed]:
    """The event's word is guessed from the payload: a wrong guess is a mutation, too."""
    found = []
    for file in sorted(folder.glob("*.json")):
        body = file.read_bytes()
        try:
            document = json.loads(body)
        except ValueError:
            continue  # an index, or what is no payload
        if isinstance(document, dict):
            found.append(Seed(f"{folder.parent.name}/{file.name}", kind, _event(kind, file.stem, document), body))
    return found


def _event(kind: str, stem: str, document: dict[str, object]) -> str:
    if kind == "gitlab":
        return f"{document.get('object_kind', 'push')} hook".replace("_", " ").title()
    return "pull_request" if "pull_request" in document else stem.replace("-", "_")
