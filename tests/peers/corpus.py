"""Payloads that nobody here wrote: npm's `@octokit/webhooks-examples` and, where `CORPUS` says so, real captures."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.payloads import sign_github

_GO_PLAYGROUND_KINDS = {  # headers are not kept there; most files bear the event's name
    "pull-request-issue-comment": "issue_comment",
    "repository-edited": "repository",
}
_GITLAB_HEADERS = {
    "build": "Job Hook",
    "deployment": "Deployment Hook",
    "issue": "Issue Hook",
    "merge_request": "Merge Request Hook",
    "note": "Note Hook",
    "pipeline": "Pipeline Hook",
    "push": "Push Hook",
    "release": "Release Hook",
    "tag_push": "Tag Push Hook",
    "wiki_page": "Wiki Page Hook",
}


@dataclass(frozen=True)
class Payload:
    """One delivery. `name` is the file, with the example's place in it, e.g. ``api.github.com/push[3]``."""

    source: str
    name: str
    forge: str
    header: str
    body: bytes
    golden: Path | None = None  # what go-scm makes of it

    @property
    def document(self) -> dict[str, Any]:
        """The parsed body."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    def headers(self, number: int, secret: str) -> dict[str, str]:
        """As the forge sends them, correctly signed."""
        if self.forge == "github":
            own = {"X-GitHub-Event": self.header, "X-GitHub-Delivery": f"n{number}"} | sign_github(self.body, secret)
        else:
            own = {"X-Gitlab-Event": self.header, "Idempotency-Key": f"n{number}", "X-Gitlab-Token": secret}
        return own | {"Content-Type": "application/json"}


@cache
def payloads() -> dict[str, Payload]:
    """All that there are on this machine, by name."""
    found = list(_octokit(Path(os.environ.get("PEERS_HOME", "build/peers"))))
    if folder := os.environ.get("CORPUS"):
        found += _go_scm(Path(folder) / "go-scm")
        found += _go_playground(Path(folder) / "go-playground")
    named = {payload.name: payload for payload in found}
    if len(named) < len(found):
        raise ValueError("two payloads share a name")
    return named


def _octokit(home: Path) -> Iterator[Payload]:
    folder = home / "node_modules" / "@octokit" / "webhooks-examples"
    indexes = sorted(folder.glob("*/index.json"))
    if not indexes:
        raise FileNotFoundError(f"{folder} holds no payloads: run `make test-peers`, which installs them")
    for index in indexes:
        source = f"octokit {index.parent.name}"
        for event in json.loads(index.read_bytes()):
            for number, example in enumerate(event["examples"]):
                name = f"{index.parent.name}/{event['name']}[{number}]"
                yield Payload(source, name, "github", event["name"], json.dumps(example).encode())


def _go_scm(folder: Path) -> Iterator[Payload]:
    for forge in ("github", "gitlab"):
        indexed = set()
        for entry in json.loads((folder / forge / "webhooks_index.json").read_bytes()):
            file = folder / forge / "webhooks" / Path(entry["before"]).name
            golden = file.with_name(file.name + ".golden")
            name = f"go-scm/{forge}/{file.name}" + (" as System Hook" if entry["event"] == "System Hook" else "")
            indexed.add(file)
            yield Payload(f"go-scm {forge}", name, forge, entry["event"], file.read_bytes(), golden)
        for file in sorted((folder / forge / "webhooks").glob("*.json")):
            if file not in indexed:
                name = f"go-scm/{forge}/{file.name}"
                yield Payload(f"go-scm {forge}", name, forge, _gitlab_header(file), file.read_bytes())


def _go_playground(folder: Path) -> Iterator[Payload]:
    for forge in ("github", "gitlab"):
        for file in sorted((folder / forge).glob("*.json")):
            if file.name == "index.json":
                continue
            if forge == "github":
                header = _GO_PLAYGROUND_KINDS.get(file.stem, file.stem).replace("-", "_")
            else:
                header = _gitlab_header(file)
            yield Payload(
                f"go-playground {forge}", f"go-playground/{forge}/{file.name}", forge, header, file.read_bytes()
            )


def _gitlab_header(file: Path) -> str:
    if file.stem.startswith("system-"):
        return "System Hook"
    header = _GITLAB_HEADERS[json.loads(file.read_bytes())["object_kind"]]
    return f"Confidential {header}" if file.stem.startswith("confidential-") else header
