"""How GitHub refuses: its messages, its rate limits, the scopes it asks for. Pure.

GitHub's documentation: "Rate limits for the REST API", "Troubleshooting the REST API", "Scopes for OAuth apps".
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from src.forge_http import Refusal, flat_message, limit_from_headers

NEEDED_SCOPES = ("repo", "notifications")
_IMPLIED = {  # scopes that contain others, as far as a refusal of ours may name them
    "repo": {"repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events",
             "admin:repo_hook", "write:repo_hook", "read:repo_hook"},
    "admin:repo_hook": {"write:repo_hook", "read:repo_hook"},
    "write:repo_hook": {"read:repo_hook"},
    "admin:org": {"write:org", "read:org"},
    "write:org": {"read:org"},
    "user": {"read:user", "user:email", "user:follow"},
}  # fmt: skip
_SECONDARY_PAUSE = timedelta(seconds=60)  # what GitHub asks for where its answer names no time
_EXPIRY_FORMATS = ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S %z")


class GitHubDialect:
    """The words of github.com and GitHub Enterprise Server."""

    def message(self, data: object) -> str | None:
        """``message`` with the details of ``errors``, e.g. "Validation Failed: Hook already exists"."""
        if not isinstance(data, Mapping):
            return None
        said = flat_message(data.get("message"))
        errors = data.get("errors")
        details = [_detail(error) for error in errors] if isinstance(errors, list) else [flat_message(errors)]
        told = ", ".join(detail for detail in details if detail)
        return f"{said}: {told}" if said and told else said or told or None

    def limited_until(self, refusal: Refusal, now: datetime) -> datetime | None:
        """Primary limit: nothing remains. Secondary limit: ``retry-after``, or the message alone says so."""
        headers = refusal.headers
        said = (self.message(refusal.data) or "").lower()
        spent = headers.get("x-ratelimit-remaining") == "0"
        named = "rate limit" in said or "abuse detection" in said
        if refusal.status == 429 or spent or named or "retry-after" in headers:
            reset = "x-ratelimit-reset" if spent else ""  # of a secondary limit it says nothing
            return limit_from_headers(headers, reset, now) or now + _SECONDARY_PAUSE
        return None

    def permission(self, refusal: Refusal) -> str | None:
        """The scope that lacks, the permission of a fine-grained token, the organisation's single sign-on."""
        headers = refusal.headers
        if headers.get("x-github-sso", "").startswith("required"):
            return "Authorise the token for the organisation's single sign-on."
        accepted = scopes_in(headers.get("x-accepted-oauth-scopes")) or frozenset()
        owned = scopes_in(headers.get("x-oauth-scopes"))
        if accepted and (owned is None or not accepted & with_implied(owned)):
            return f"The token needs one of these scopes: {', '.join(sorted(accepted))}."
        if permissions := headers.get("x-accepted-github-permissions"):
            return f"The token needs these permissions: {permissions[:200]}."
        return None


def _detail(error: object) -> str | None:
    if not isinstance(error, Mapping):
        return flat_message(error)
    return flat_message(error.get("message")) or flat_message([error.get("field"), error.get("code")])


def scopes_in(header: str | None) -> frozenset[str] | None:
    """The scopes of ``X-OAuth-Scopes``; `None` where there is no such header (fine-grained tokens)."""
    if header is None:
        return None
    return frozenset(scope for part in header.split(",") if (scope := part.strip()))


def with_implied(scopes: frozenset[str]) -> frozenset[str]:
    """The scopes and those that they contain."""
    return scopes.union(*(_IMPLIED.get(scope, set()) for scope in scopes))


def missing_scopes(scopes: frozenset[str] | None) -> tuple[str, ...]:
    """Which of `NEEDED_SCOPES` lack; none where GitHub does not say what the token has."""
    if scopes is None:
        return ()
    return tuple(scope for scope in NEEDED_SCOPES if scope not in with_implied(scopes))


def expiry_in(header: str | None) -> datetime | None:
    """The time in ``github-authentication-token-expiration``, aware UTC."""
    for shape in _EXPIRY_FORMATS if header else ():
        try:
            found = datetime.strptime(header or "", shape)  # noqa: DTZ007 - the zone is set in the next line
        except ValueError:
            continue
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return None
