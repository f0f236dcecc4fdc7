"""A pull request's delivery of the usual size, made from our fixture: 23.7 KB as GitHub writes them."""

import hashlib
import hmac
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tests.payloads import document
from tests.relay import SECRET

SIZE = 23_700  # bytes; the median of what GitHub sends for pull requests
_NUMBER = b"0000000000"
_SENTENCES = (
    "The second stage burns longer, so the tanks have to be filled later.",
    "Pressure in the upper tank falls by a fifth while the pumps start.",
    "I ran the simulation over night; the curve is in the wiki.",
    "The old constant stays as the default until the next launch window.",
    "Could somebody read the part about the igniter again, please?",
    "Tests for the valve are slow, therefore they run once a day.",
)
_LINKS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare",
    "contents", "contributors", "deployments", "downloads", "events", "forks", "git_commits", "git_refs",
    "git_tags", "hooks", "issue_comment", "issue_events", "issues", "keys", "labels", "languages", "merges",
    "milestones", "notifications", "pulls", "releases", "stargazers", "statuses", "subscribers",
    "subscription", "tags", "teams", "trees",
)  # fmt: skip


class Deliveries:
    """Signed requests without end, each with an id, a body and so a signature of its own, made as they are sent.

    Bodies differ in their last bytes only: what comes before is hashed once. Making one costs 3 microseconds.
    """

    def __init__(self, path: str, port: int, run: str, first: int = 0) -> None:
        """`run` tells the ids of this run from those of others, the number of the `first` one their bodies."""
        whole = body()
        start, _, end = whole.rpartition(_NUMBER)
        self._start, self._end = start, end
        self._signing = hmac.new(SECRET.encode(), start, hashlib.sha256)
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\nUser-Agent: GitHub-Hookshot/044aadd\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(whole)}\r\nX-GitHub-Event: pull_request\r\n"
            "X-GitHub-Hook-ID: 292430182\r\nX-GitHub-Hook-Installation-Target-ID: 501\r\n"
            "X-GitHub-Hook-Installation-Target-Type: repository\r\n"
            "X-GitHub-Delivery: "
        ).encode()
        self._run = hashlib.sha256(run.encode()).hexdigest()[:12]
        self._numbers = itertools.count(first)

    def __iter__(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """The parts of one request after the other."""
        return self

    def __next__(self) -> tuple[bytes, bytes, bytes]:
        number = b"%010d" % next(self._numbers)
        last = number + self._end
        signing = self._signing.copy()
        signing.update(last)
        head = b"%b%b\r\nX-Hub-Signature-256: sha256=%b\r\n\r\n" % (
            self._head, self._guid(int(number)), signing.hexdigest().encode()
        )  # fmt: skip
        return head, self._start, last

    def _guid(self, number: int) -> bytes:
        """As GitHub's are made: by the time, in steps of 100 nanoseconds; its lowest part comes first."""
        return b"%08x-cc78-11f0-81ab-%b" % (0x72D3162E + 1000 * number & 0xFFFFFFFF, self._run.encode())


def body() -> bytes:
    """With CORPUS a real one of about that size, read in place; else our own. The last ten zeros are a number."""
    payload = _real() or _own()
    return orjson.dumps(payload | {"number_of_the_run": _NUMBER.decode()})


def _own() -> dict[str, Any]:
    payload = document("github/pull_request__opened")
    for side in ("head", "base"):
        payload["pull_request"][side]["repo"] = _repository(payload["repository"])
    payload["repository"] = _repository(payload["repository"])
    text, sentences = payload["pull_request"]["body"], itertools.cycle(_SENTENCES)
    for number in itertools.count():
        # Some of it must not repeat: with so much, zstd makes 2.2 KB of it, as of GitHub's own example of that size.
        commit = hashlib.sha256(str(number).encode()).hexdigest()[:4]
        text += f"\n* {commit} {next(sentences)}"
        payload["pull_request"]["body"] = text
        if len(orjson.dumps(payload)) >= SIZE:
            break
    return payload


def _repository(known: dict[str, Any]) -> dict[str, Any]:
    """With all the addresses that GitHub lists."""
    base = f"https://api.github.com/repos/{known['full_name']}"
    return known | {f"{link}_url": f"{base}/{link}{{/sha}}" for link in _LINKS}


def _real() -> dict[str, Any] | None:
    corpus = os.environ.get("CORPUS")
    if not corpus:
        return None
    for file in sorted(Path(corpus).rglob("*pull_request*.json")):
        if abs(file.stat().st_size - SIZE) < SIZE / 4:
            found = orjson.loads(file.read_bytes())
            if isinstance(found, dict):
                return found
    return None
