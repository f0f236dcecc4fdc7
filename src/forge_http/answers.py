"""What a forge answered and which error it means. Pure: the clock is passed in."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import quote

from src.forge import ForgeError, MissingPermission, NotFound, Rejected, Unauthorized, Unavailable

MESSAGE_LENGTH = 300  # characters of a forge's own words that an error repeats
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, read to its end. Names of `headers` are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """``application/json``; empty where the header is missing."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the answer says that it is JSON."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    @property
    def is_page(self) -> bool:
        """Whether this is a web page: from a proxy, a login form, a wrong address. Never the API."""
        return self.media_type in ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of status 400 or above, with its JSON (`None` where it has none)."""

    status: int
    headers: Mapping[str, str]
    data: object

    @classmethod
    def of(cls, answer: Answer) -> "Refusal":
        """Decode what can be decoded."""
        data: object = None
        if answer.is_json:
            try:
                data = json.loads(answer.body)
            except (ValueError, RecursionError):
                data = None  # the status alone has to do
        return cls(answer.status, answer.headers, data)


class Dialect(Protocol):
    """How one kind of forge words its refusals."""

    def message(self, data: object) -> str | None:
        """The forge's own words in the JSON of a refusal."""

    def limited_until(self, refusal: Refusal, now: datetime) -> datetime | None:
        """When a rate limit ends (aware UTC); `None` where the refusal is not about one."""

    def permission(self, refusal: Refusal) -> str | None:
        """What is missing, in the forge's words, as a sentence; `None` where it does not say."""


def scrub(text: str, secrets: Iterable[str]) -> str:
    """One line of at most `MESSAGE_LENGTH` characters without any of the secrets."""
    for secret in secrets:
        for form in {secret, quote(secret), quote(secret, safe="")}:
            text = text.replace(form, "***")
    text = _BLANKS.sub(" ", text).strip()
    return text if len(text) <= MESSAGE_LENGTH else text[: MESSAGE_LENGTH - 1] + "…"


def flat_message(value: object) -> str | None:
    """A message that may be a text, a list or fields with lists, as one line; `None` where there is none."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, Mapping):
        parts = [f"{key} {text}" for key, item in value.items() if (text := flat_message(item))]
    elif isinstance(value, list):
        parts = [text for item in value if (text := flat_message(item))]
    else:
        return None
    return ", ".join(parts) or None


def limit_from_headers(headers: Mapping[str, str], reset_header: str, now: datetime) -> datetime | None:
    """When a rate limit ends: ``Retry-After`` before the reset time (epoch seconds), by the forge's clock."""
    wait = _seconds(headers.get("retry-after"))
    if wait is None:
        reset = _seconds(headers.get(reset_header))
        wait = None if reset is None else reset - _clock(headers, now).timestamp()
    return None if wait is None else now + timedelta(seconds=min(max(wait, 0.0), 86_400.0))


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isascii() and value.isdigit() and len(value) < 12 else None


def _clock(headers: Mapping[str, str], now: datetime) -> datetime:
    """The forge's own time: a reset time means nothing on a clock that is wrong by a minute."""
    try:
        there = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return now
    return there.replace(tzinfo=UTC) if there.tzinfo is None else there


def error_of(name: str, dialect: Dialect, refusal: Refusal, *, is_page: bool, secrets: Iterable[str]) -> ForgeError:
    """The error that a refusal means; rate limits have been dealt with. `name` is the instance's."""
    said = scrub(dialect.message(refusal.data) or "", secrets)
    words = f": {said}" if said else "."
    if is_page or refusal.status < 400 or refusal.status in (408, 425) or refusal.status >= 500:
        what = "a web page instead of its API" if is_page and refusal.status < 500 else f"status {refusal.status}"
        return Unavailable(f"{name} answers with {what}{words if refusal.data is not None else '.'}")
    match refusal.status:
        case 401:
            return Unauthorized(f"{name} does not accept the token{words}")
        case 403:
            missing = dialect.permission(refusal)
            end = "" if words.endswith((".", "!", "?")) else "."
            return MissingPermission(f"{name} does not allow this{words}" + (f"{end} {missing}" if missing else ""))
        case 404 | 410:
            return NotFound(f"{name} does not have this, or does not show it to this token{words}")
        case _:
            return Rejected(f"{name} refused ({refusal.status}){words}")
