"""Whether a delivery was made with a hook's secret: the secret token, or a signature after Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

SIGNING_PREFIX = "whsec_"
TOLERANCE = 300  # seconds between their clock and ours, both ways
_MOST_SIGNATURES = 20  # a rotation needs two
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signed:
    """The three headers of Standard Webhooks, as they came."""

    id: str
    timestamp: str
    signatures: str


def token_matches(token: str, secrets: Sequence[str]) -> bool:
    """Whether the token is one of the secrets. Looks at all of them, and at bytes: `str` may not be compared so."""
    given = _bytes(token)
    if not given:
        return False
    matches = False
    for secret in secrets:
        matches |= hmac.compare_digest(given, _bytes(secret))
    return matches


def signature_matches(signed: Signed, body: bytes, secrets: Sequence[str], now: datetime) -> bool:
    """Whether one of the signatures was made with one of the secrets that start with ``whsec_``, and lately."""
    if not _TIMESTAMP.fullmatch(signed.timestamp) or abs(now.timestamp() - int(signed.timestamp)) > TOLERANCE:
        return False
    identity = _bytes(signed.id)
    if not identity:
        return False
    content = b".".join((identity, signed.timestamp.encode(), body))
    given = [_decoded(value) for value in _signatures(signed.signatures)]
    matches = False
    for secret in secrets:
        key = _decoded(secret.removeprefix(SIGNING_PREFIX)) if secret.startswith(SIGNING_PREFIX) else b""
        if key:
            expected = hmac.digest(key, content, hashlib.sha256)
            for signature in given:
                matches |= hmac.compare_digest(signature, expected)
    return matches


def _signatures(header: str) -> list[str]:
    """``v1,<base64> v1,<base64>``; other versions are not ours to judge."""
    entries = [entry.partition(",") for entry in header.split(" ")[:_MOST_SIGNATURES]]
    return [value for version, _, value in entries if version == "v1"]


def _decoded(text: str) -> bytes:
    """Base64 to bytes; nothing where it is not base64, which no digest equals."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _bytes(text: str) -> bytes:
    """Bytes of any string: servers turn bytes of a header that are no UTF-8 into lone surrogates."""
    return text.encode("utf-8", "surrogatepass")
