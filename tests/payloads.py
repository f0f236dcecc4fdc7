"""Reads the webhook fixtures: the file's name tells the event header, the file is the body."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"


def names(forge: str) -> tuple[str, ...]:
    """Every fixture of a forge, as `load` takes it, e.g. ``github/pull_request__opened``."""
    return tuple(sorted(f"{forge}/{file.stem}" for file in (FIXTURES / forge).glob("*.json")))


def load(name: str) -> tuple[dict[str, str], bytes]:
    """The headers and the body of ``<forge>/<event header>__<case>``.

    GitHub's event header is the word before the double underscore (``pull_request``); GitLab's is the same with
    its words apart and in capitals (``merge_request_hook`` is sent as ``Merge Request Hook``).
    """
    forge, _, stem = name.partition("/")
    event, _, case = stem.partition("__")
    body = (FIXTURES / forge / f"{stem}.json").read_bytes()
    if not case:
        raise ValueError(f"{name} lacks its case: <forge>/<event header>__<case>")
    if forge == "github":
        delivery = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
    elif forge == "gitlab":
        headers = {"X-Gitlab-Event": " ".join(word.capitalize() for word in event.split("_"))}
    else:
        raise ValueError(f"{name} is of no forge that has fixtures")
    return headers | {"Content-Type": "application/json"}, body


def document(name: str) -> dict[str, Any]:
    """The parsed body of a fixture, free to be changed by the test."""
    parsed: dict[str, Any] = json.loads(load(name)[1])
    return parsed


def sign_github(body: bytes, secret: str) -> dict[str, str]:
    """The header by which GitHub signs a delivery."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
