"""GitHub's side of `WebhookCodec`: signature, delivery keys, and the way to the parse functions."""

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from src.events import (
    DeploymentStatus,
    Event,
    IssueAction,
    PipelineStatus,
    PullRequestAction,
    PushAction,
    ReleaseAction,
    ReviewState,
)
from src.forge import BadSignature, UnknownEvent
from src.github_api.webhooks import comments, issues, news, pipelines, pull_requests, pushes
from src.github_api.webhooks.body import decode
from src.github_api.webhooks.registry import Parsers

_EVENT = "x-github-event"
_DELIVERY = "x-github-delivery"
_SIGNATURE = "x-hub-signature-256"
_CONTENT_TYPE = "content-type"
_KEY_LENGTH = 128
_HEADER_LENGTH = 100

PARSERS = Parsers(
    pull_requests.parsers, issues.parsers, comments.parsers, pipelines.parsers, pushes.parsers, news.parsers
)

# The words of GitHub's hooks by what they deliver; a comment's edit comes in the same words as the comment.
_HOOK_EVENTS: dict[str, tuple[str, ...]] = {
    **{f"pull_request.{action}": ("pull_request",) for action in PullRequestAction},
    **{f"review.{state}": ("pull_request_review",) for state in ReviewState if state is not ReviewState.UNAPPROVED},
    # Ours: no delivery tells of them, but the pull requests that are reviewed have to be heard of.
    "code_review.done": ("pull_request",),
    "code_review.failed": ("pull_request",),
    **{f"issue.{action}": ("issues",) for action in IssueAction if action is not IssueAction.UPDATED},
    "comment.issue": ("issue_comment",),
    "comment.pull_request": ("issue_comment",),
    "comment.review": ("pull_request_review_comment",),
    "comment.commit": ("commit_comment",),
    "comment.edited": ("issue_comment", "pull_request_review_comment"),
    **{f"pipeline.{status}": ("workflow_run",) for status in (*PipelineStatus, "fixed")},
    **{f"push.{action}": ("push",) for action in PushAction},
    "documentation.updated": ("push",),
    "tag.created": ("create",),
    "tag.deleted": ("delete",),
    **{f"release.{action}": ("release",) for action in ReleaseAction},
    **{
        f"deployment.{status}": ("deployment_status",)
        for status in DeploymentStatus
        if status is not DeploymentStatus.CANCELED
    },
    "wiki.created": ("gollum",),
    "wiki.updated": ("gollum",),
}


class GitHubCodec:
    """GitHub's dialect of webhooks, see "Webhook events and payloads" and "Validating webhook deliveries"."""

    names: frozenset[str] = frozenset(_HOOK_EVENTS)

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG002 - the seam's signature
        """Raise `BadSignature` unless ``X-Hub-Signature-256`` was made with one of the secrets.

        GitHub signs no time, so `now` is not asked. The older SHA-1 header is never looked at.
        """
        given = _bytes(_header(headers, _SIGNATURE))
        expected = [
            b"sha256=" + hmac.new(_bytes(secret), body, hashlib.sha256).hexdigest().encode()
            for secret in secrets
            if secret  # anybody can sign with an empty one
        ]
        if not any(hmac.compare_digest(given, signature) for signature in expected):
            raise BadSignature("X-Hub-Signature-256 is missing" if not given else "signed with another secret")

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        """GitHub's GUID, which a redelivery keeps; without one, the hash of what was delivered."""
        return _printable(_header(headers, _DELIVERY))[:_KEY_LENGTH] or f"sha256:{self._digest(headers, body)}"

    def replay_key(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """What tells the content from others, for the GUID is not signed; `None` for a ping, which repeats itself.

        That is its signature, which was verified: who has a body that was sent has no other one for it, and making
        one needs the secret. It is a hash of the whole body already, and another would cost as much again.
        """
        event = self.event_header(headers)
        if event == "ping":
            return None
        signature = _header(headers, _SIGNATURE)
        return _hashed(event, _bytes(signature)) if signature else self._digest(headers, body)

    def event_header(self, headers: Mapping[str, str]) -> str:
        """The event's name, e.g. ``pull_request``; empty where the header is missing."""
        return _printable(_header(headers, _EVENT))[:_HEADER_LENGTH]

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The event's name and the content type: the body is JSON, or a form that holds it."""
        kept = {name: _printable(_header(headers, name)) for name in (_EVENT, _CONTENT_TYPE)}
        return {name: value for name, value in kept.items() if value}

    def parse(self, headers: Mapping[str, str], body: bytes) -> tuple[Event, ...]:
        """What the delivery means; the parse functions are registered by event header."""
        event = self.event_header(headers)
        if not event:
            raise UnknownEvent("")
        return PARSERS.read(event, decode(_header(headers, _CONTENT_TYPE), body))

    def hook_events(self, names: Collection[str]) -> frozenset[str]:
        """The words for `events` of a hook, as few as deliver these names; others are passed over.

        Never empty: GitHub makes a hook without events one for ``push`` ("Create a repository webhook"), so that is
        what we say ourselves.
        """
        words = {word for name in names for word in _HOOK_EVENTS.get(name, ())}
        return frozenset(words or {"push"})

    def _digest(self, headers: Mapping[str, str], body: bytes) -> str:
        return _hashed(self.event_header(headers), body)


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header whatever its case: servers pass a mapping that ignores it, stored ones are plain and in lower case."""
    found = headers.get(name)
    if found is None:
        found = next((value for key, value in headers.items() if key.lower() == name), "")
    return found.strip()


def _hashed(event: str, content: bytes) -> str:
    return hashlib.sha256(event.encode() + b"\n" + content).hexdigest()


def _bytes(text: str) -> bytes:
    """Bytes of any string: servers turn bytes of a header that are no UTF-8 into lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def _printable(text: str) -> str:
    """A header's value that the log and the database can hold."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" else "?" for char in text)
