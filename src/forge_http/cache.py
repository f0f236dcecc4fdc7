"""Answers kept by their ETag: bounded, compressed, and never shared between credentials."""

from collections import OrderedDict
from dataclasses import dataclass

import zstandard

from src.forge_http.answers import Answer

# Beginnings of the names of headers that are half of what GitHub sends, and that nothing here reads.
_FOR_BROWSERS = (
    "access-control-", "content-security-policy", "nel", "permissions-policy", "referrer-policy", "report-to",
    "strict-transport-security", "vary", "x-content-type-options", "x-frame-options", "x-xss-protection",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Entry:
    etag: str
    status: int
    headers: dict[str, str]
    body: bytes  # compressed

    @property
    def size(self) -> int:
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers.items())


class EtagCache:
    """Least recently used out first, bounded by entries and bytes. Keys begin with the credential's fingerprint.

    A page of a hundred repositories is half a megabyte of JSON and shrinks to a twentieth, hence the compression.
    Looking after a webhook asks two questions every few minutes, always in the same order: where not all of them fit,
    none is found again, and each counts against the rate limit. So there is room for those of some 2,000 webhooks, or
    of looks (some ten questions each) at 1,000 small projects.
    """

    def __init__(self, *, max_entries: int = 12_000, max_bytes: int = 32 * 1024 * 1024) -> None:
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def etag(self, fingerprint: str, address: str) -> str | None:
        """What to send as ``If-None-Match``."""
        entry = self._entries.get((fingerprint, address))
        return entry.etag if entry else None

    def fresh(self, fingerprint: str, address: str, unchanged: Answer) -> Answer | None:
        """The kept answer after a 304, with the headers that the 304 renewed."""
        entry = self._entries.get((fingerprint, address))
        if entry is None:
            return None
        self._entries.move_to_end((fingerprint, address))
        renewed = {k: v for k, v in unchanged.headers.items() if not k.startswith("content-")}
        return Answer(entry.status, {**entry.headers, **renewed}, zstandard.decompress(entry.body))

    def keep(self, fingerprint: str, address: str, answer: Answer) -> None:
        """Keep an answer that has an ETag and may be stored."""
        key = (fingerprint, address)
        self._drop(key)
        etag = answer.headers.get("etag")
        if (
            not etag
            or not (etag.isascii() and etag.isprintable())
            or "no-store" in answer.headers.get("cache-control", "")
        ):
            return
        headers = {name: value for name, value in answer.headers.items() if not name.startswith(_FOR_BROWSERS)}
        entry = _Entry(etag, answer.status, headers, zstandard.compress(answer.body, 3))
        if entry.size > self._max_bytes // 4:
            return
        self._entries[key] = entry
        self._bytes += entry.size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: tuple[str, str]) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size
