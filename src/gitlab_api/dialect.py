"""How GitLab refuses: its messages, its rate limits, the scopes it asks for. Pure.

GitLab's documentation: "REST API troubleshooting", "Rate limits", "Personal access tokens".
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from src.forge_http import Refusal, flat_message, limit_from_headers

_UNNAMED_PAUSE = timedelta(seconds=60)  # limits of single endpoints name no time; their periods are a minute


class GitLabDialect:
    """The words of gitlab.com and self-managed GitLab."""

    def message(self, data: object) -> str | None:
        """``message`` or ``error`` (a text or fields with lists), with ``error_description``."""
        if not isinstance(data, Mapping):
            return None
        parts = [flat_message(data.get(name)) for name in ("message", "error", "error_description")]
        return ": ".join(part for part in parts if part) or None

    def limited_until(self, refusal: Refusal, now: datetime) -> datetime | None:
        """``Retry-After``, else ``RateLimit-Reset``, else a minute. A 403 is never about a limit."""
        if refusal.status != 429:
            return None
        return limit_from_headers(refusal.headers, "ratelimit-reset", now) or now + _UNNAMED_PAUSE

    def permission(self, refusal: Refusal) -> str | None:
        """The scope that a token lacks; roles GitLab does not name."""
        if not isinstance(refusal.data, Mapping) or refusal.data.get("error") != "insufficient_scope":
            return None
        scope = flat_message(refusal.data.get("scope"))
        return f"The token needs one of these scopes: {scope[:200]}." if scope else None


def missing_scopes(scopes: frozenset[str] | None) -> tuple[str, ...]:
    """What lacks of full access to API and repository; none where GitLab does not say what the token has.

    ``api`` holds the repository too, so a token with it lacks nothing. To one without it both are named.
    """
    if scopes is None or "api" in scopes:
        return ()
    return ("api",) if "write_repository" in scopes else ("api", "write_repository")


def expiry_in(value: str | None) -> datetime | None:
    """The end of a token: GitLab gives a date, and the token ends at its midnight UTC."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
