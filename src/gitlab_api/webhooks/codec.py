"""GitLab's side of `WebhookCodec`: token and signature, delivery keys, and the way to the parse functions."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from src.events import (
    CommentOn,
    DeploymentStatus,
    Event,
    IssueAction,
    PullRequestAction,
    ReleaseAction,
    TagAction,
    WikiAction,
)
from src.forge import BadSignature, Unparsable
from src.gitlab_api.webhooks import issues, merge_requests, notes, pipelines, pushes, releases, signature, wiki
from src.gitlab_api.webhooks.registry import Delivery, Parsers

_EVENT = "x-gitlab-event"
_EVENT_UUID = "x-gitlab-event-uuid"
_HOOK_UUID = "x-gitlab-webhook-uuid"
_INSTANCE = "x-gitlab-instance"
_TOKEN = "x-gitlab-token"  # noqa: S105 - the header's name
_IDEMPOTENCY_KEY = "idempotency-key"
_SIGNED_ID = "webhook-id"
_TIMESTAMP = "webhook-timestamp"
_SIGNATURES = "webhook-signature"
_KEY_LENGTH = 128
_HEADER_LENGTH = 100

PARSERS = Parsers(
    merge_requests.parsers,
    issues.parsers,
    notes.parsers,
    pipelines.parsers,
    pushes.parsers,
    releases.parsers,
    wiki.parsers,
)

# The attributes of GitLab's hooks ("Project webhooks API") by what they deliver.
_HOOK_EVENTS: dict[str, str] = {
    **{f"pull_request.{action}": "merge_requests_events" for action in PullRequestAction},
    **{f"review.{state}": "merge_requests_events" for state in merge_requests.REVIEWS.values()},
    # Ours: no delivery tells of them, but the merge requests that are reviewed have to be heard of.
    "code_review.done": "merge_requests_events",
    "code_review.failed": "merge_requests_events",
    **{f"issue.{action}": "issues_events" for action in IssueAction},
    "issue.confidential": "confidential_issues_events",
    **{f"comment.{kind}": "note_events" for kind in (*CommentOn, "edited")},
    **{f"pipeline.{status}": "pipeline_events" for status in (*pipelines.PIPELINE_STATUSES, "fixed", "child")},
    "job.failed": "job_events",
    **{f"deployment.{status}": "deployment_events" for status in DeploymentStatus},
    **{f"push.{action}": "push_events" for action in pushes.ACTIONS},
    "documentation.updated": "push_events",
    **{f"tag.{action}": "tag_push_events" for action in TagAction},
    **{f"release.{action}": "releases_events" for action in ReleaseAction},
    **{f"wiki.{action}": "wiki_page_events" for action in WikiAction},
}


class GitLabCodec:
    """GitLab's dialect of webhooks, see "Webhooks", "Webhook events" and "System hooks"."""

    names: frozenset[str] = frozenset(_HOOK_EVENTS)

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
        """Raise `BadSignature` unless one of the secrets is the secret token or made the signature.

        A secret that starts with ``whsec_`` is a signing token too: Standard Webhooks, no older than five minutes.
        """
        token = _header(headers, _TOKEN)
        signed = signature.Signed(
            id=_header(headers, _SIGNED_ID),
            timestamp=_header(headers, _TIMESTAMP),
            signatures=_header(headers, _SIGNATURES),
        )
        if signature.token_matches(token, secrets) or signature.signature_matches(signed, body, secrets, now):
            return
        if signed.signatures:
            raise BadSignature("signed with another secret, or not within five minutes of our clock")
        raise BadSignature("X-Gitlab-Token is another secret" if token else "X-Gitlab-Token is missing")

    def delivery_key(self, headers: Mapping[str, str], body: bytes) -> str:
        """``Idempotency-Key``, which a retry keeps, else ``webhook-id``, else a hash of hook, event and body.

        A signed delivery is known by ``webhook-id`` first: GitLab sends both alike, and only this one is signed.
        ``X-Gitlab-Event-UUID`` is no key: hooks that set each other off share it.
        """
        order = (_SIGNED_ID, _IDEMPOTENCY_KEY) if _header(headers, _SIGNATURES) else (_IDEMPOTENCY_KEY, _SIGNED_ID)
        given = next((key for name in order if (key := _printable(_header(headers, name)))), None)
        if given is not None and len(given) <= _KEY_LENGTH:
            return given
        parts = (given or "", _header(headers, _HOOK_UUID), self.event_header(headers))
        digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass") + b"\n" + body)
        return f"sha256:{digest.hexdigest()}"

    def replay_key(self, headers: Mapping[str, str], body: bytes) -> str | None:  # noqa: ARG002 - the seam's signature
        """Always `None`.

        The secret token vouches for its holder and not for the body: whoever could replay one could as well write
        another. Where deliveries are signed the id is signed too, so none passes under a new one. And a body without
        a time in it may repeat honestly: a branch that is made, removed and made again at one commit.
        """
        return None

    def event_header(self, headers: Mapping[str, str]) -> str:
        """The event's name, e.g. ``Merge Request Hook``; empty where the header is missing."""
        return _printable(_header(headers, _EVENT))[:_HEADER_LENGTH]

    def kept_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The event's name (it may say confidential), its id (it tells tests apart) and the instance."""
        kept = {name: _printable(_header(headers, name))[:_HEADER_LENGTH] for name in (_EVENT, _INSTANCE, _EVENT_UUID)}
        return {name: value for name, value in kept.items() if value}

    def parse(self, headers: Mapping[str, str], body: bytes) -> tuple[Event, ...]:
        """What the delivery means; the parse functions are registered by ``object_kind``."""
        kept = self.kept_headers(headers)
        return PARSERS.read(_decode(body), Delivery(event=kept.get(_EVENT, ""), uuid=kept.get(_EVENT_UUID, "")))

    def hook_events(self, names: Collection[str]) -> frozenset[str]:
        """The attributes that a hook must set, as few as deliver these names; others are passed over.

        GitLab sets ``push_events`` unless told otherwise, so the rest has to be sent as false.
        """
        words = {_HOOK_EVENTS[name] for name in names if name in _HOOK_EVENTS}
        if {"note_events", "confidential_issues_events"} <= words:
            words.add("confidential_note_events")
        return frozenset(words)


def _decode(body: bytes) -> dict[str, Any]:
    """The payload. Raises `Unparsable`, which says what is wrong and shows nothing of the body."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # orjson's own message may quote the text; invalid UTF-8, NaN and too deep nesting all end here.
        raise Unparsable(f"not JSON, at character {error.pos}") from None
    if not isinstance(document, dict):
        raise Unparsable("not a JSON object")
    return document


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header whatever its case: servers pass a mapping that ignores it, stored ones are plain and in lower case."""
    found = headers.get(name)
    if found is None:
        found = next((value for key, value in headers.items() if key.lower() == name), "")
    return found.strip()


def _printable(text: str) -> str:
    """A header's value that the log and the database can hold."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" else "?" for char in text)
