"""Which error a refusal becomes, in the words of each forge."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from src.forge import ForgeError, MissingPermission, NotFound, RateLimited, Rejected, Unauthorized, Unavailable
from src.forge_http import Refusal
from src.github_api.dialect import GitHubDialect
from src.github_api.dialect import expiry_in as github_expiry
from src.github_api.dialect import missing_scopes as github_missing
from src.gitlab_api.dialect import GitLabDialect
from src.gitlab_api.dialect import expiry_in as gitlab_expiry
from src.gitlab_api.dialect import missing_scopes as gitlab_missing
from tests.forge_http.scripted_forge import TOKEN, Reply, ScriptedForge

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def refused(kind: str, session: aiohttp.ClientSession, reply: Reply) -> ForgeError:
    """The error that one answer to a simple question becomes."""
    async with ScriptedForge(kind) as forge:
        forge.will(reply)
        with pytest.raises(ForgeError) as caught:
            await forge.connector(session).client(forge.url, TOKEN).project("7")
        return caught.value


def github(status: int, message: str, **headers: str) -> Reply:
    return Reply(status=status, json={"message": message}, headers={k.replace("_", "-"): v for k, v in headers.items()})


GITHUB = [
    (github(401, "Bad credentials"), Unauthorized, "Bad credentials"),
    (github(404, "Not Found"), NotFound, "Not Found"),
    (github(410, "Issues are disabled for this repo"), NotFound, "disabled"),
    (github(403, "Resource not accessible by personal access token"), MissingPermission, "not accessible"),
    (
        github(403, "Must have admin rights", X_Accepted_OAuth_Scopes="admin:repo_hook, repo", X_OAuth_Scopes="gist"),
        MissingPermission,
        "needs one of these scopes: admin:repo_hook, repo",
    ),
    (
        github(403, "Not yours", X_Accepted_GitHub_Permissions="repository_hooks=write"),
        MissingPermission,
        "needs these permissions: repository_hooks=write",
    ),
    (
        github(403, "Resource protected by SAML", X_GitHub_SSO="required; url=https://example.org/sso?x=1"),
        MissingPermission,
        "single sign-on",
    ),
    (github(400, "Problems parsing JSON"), Rejected, "parsing"),
    (github(409, "Git Repository is empty."), Rejected, "empty"),
    (github(451, "Repository access blocked"), Rejected, "blocked"),
    (
        Reply(
            status=422,
            json={"message": "Validation Failed", "errors": [
                {"resource": "Hook", "code": "custom", "message": "Hook already exists on this repository"}]},
        ),
        Rejected,
        "Validation Failed: Hook already exists on this repository",
    ),
    (
        Reply(status=422, json={"message": "Validation Failed", "errors": [{"field": "url", "code": "invalid"}]}),
        Rejected,
        "url, invalid",
    ),
    (Reply(status=422, json={"message": "Validation Failed", "errors": "odd"}), Rejected, "odd"),
    (Reply(status=422, json=[1]), Rejected, "422"),
    (Reply(status=422, text="{"), Rejected, "422"),
    (github(408, "Timeout"), Unavailable, "408"),
]  # fmt: skip

GITLAB = [
    (Reply(status=401, json={"message": "401 Unauthorized"}), Unauthorized, "401 Unauthorized"),
    (
        Reply(status=401, json={"error": "invalid_token", "error_description": "Token was revoked."}),
        Unauthorized,
        "invalid_token: Token was revoked.",
    ),
    (Reply(status=404, json={"message": "404 Project Not Found"}), NotFound, "404 Project Not Found"),
    (Reply(status=403, json={"message": "403 Forbidden"}), MissingPermission, "403 Forbidden"),
    (
        Reply(
            status=403,
            json={"error": "insufficient_scope", "error_description": "More is needed.", "scope": "api read_api"},
        ),
        MissingPermission,
        "needs one of these scopes: api read_api",
    ),
    (
        Reply(status=403, json={"message": "403 Forbidden"}, headers={"RateLimit-Remaining": "0"}),
        MissingPermission,
        "403",
    ),
    (Reply(status=422, json={"error": "Invalid url given"}), Rejected, "Invalid url given"),
    (
        Reply(status=422, json={"message": {"url": ["is blocked: local requests are not allowed"]}}),
        Rejected,
        "url is blocked: local requests",
    ),
    (Reply(status=400, json={"error": "url is missing, id is invalid"}), Rejected, "url is missing"),
    (Reply(status=409, json={"message": ["Already there"]}), Rejected, "Already there"),
    (Reply(status=422, json="odd"), Rejected, "422"),
]


@pytest.mark.parametrize(("reply", "error", "words"), GITHUB)
async def test_github_refuses(
    session: aiohttp.ClientSession, reply: Reply, error: type[ForgeError], words: str
) -> None:
    found = await refused("github", session, reply)
    assert type(found) is error
    assert words in str(found)
    assert "GitHub (127.0.0.1" in str(found)
    assert "sso?x=1" not in str(found)


@pytest.mark.parametrize(("reply", "error", "words"), GITLAB)
async def test_gitlab_refuses(
    session: aiohttp.ClientSession, reply: Reply, error: type[ForgeError], words: str
) -> None:
    found = await refused("gitlab", session, reply)
    assert type(found) is error
    assert words in str(found)
    assert "GitLab (127.0.0.1" in str(found)


async def test_a_role_that_lacks_is_not_called_a_scope(session: aiohttp.ClientSession) -> None:
    reply = github(403, "Must be an admin", X_Accepted_OAuth_Scopes="admin:repo_hook", X_OAuth_Scopes="repo, user")
    assert "scope" not in str(await refused("github", session, reply))


@pytest.mark.parametrize(
    "reply",
    [
        github(403, "You have exceeded a secondary rate limit. Please wait."),
        github(403, "Slow down", Retry_After="60"),
        github(429, "Too many requests", Retry_After="60"),
        Reply(status=429, text="<html>", content_type="text/html", headers={"Retry-After": "60"}),
        github(403, "You have triggered an abuse detection mechanism", X_RateLimit_Remaining="4000",
               X_RateLimit_Reset="1"),
    ],
)  # fmt: skip
async def test_github_means_a_limit(session: aiohttp.ClientSession, reply: Reply) -> None:
    found = await refused("github", session, reply)
    assert isinstance(found, RateLimited)
    assert 55 <= (found.until - datetime.now(UTC)).total_seconds() <= 61


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=429, text="Retry later", content_type="text/plain", headers={"Retry-After": "60"}),
        Reply(status=429, json={"message": {"error": "This endpoint has been requested too many times."}}),
    ],
)
async def test_gitlab_means_a_limit(session: aiohttp.ClientSession, reply: Reply) -> None:
    found = await refused("gitlab", session, reply)
    assert isinstance(found, RateLimited)
    assert 55 <= (found.until - datetime.now(UTC)).total_seconds() <= 61


def test_a_time_that_is_none_is_a_minute_and_never_longer_than_a_day() -> None:
    for odd in ("", "soon", "-5", "٣", "9" * 40):
        refusal = Refusal(429, {"retry-after": odd}, None)
        assert GitHubDialect().limited_until(refusal, NOW) == NOW + timedelta(minutes=1)
        assert GitLabDialect().limited_until(refusal, NOW) == NOW + timedelta(minutes=1)
    long = Refusal(429, {"retry-after": "999999999"}, None)
    assert GitHubDialect().limited_until(long, NOW) == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (None, ()),
        ({"repo", "notifications"}, ()),
        ({"repo"}, ("notifications",)),
        ({"public_repo", "notifications"}, ("repo",)),
        (set(), ("repo", "notifications")),
    ],
)
def test_what_lacks_of_a_github_token(scopes: set[str] | None, missing: tuple[str, ...]) -> None:
    assert github_missing(None if scopes is None else frozenset(scopes)) == missing


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        (None, ()),
        ({"api"}, ()),
        ({"api", "write_repository"}, ()),
        ({"read_api", "read_repository"}, ("api", "write_repository")),
        ({"write_repository"}, ("api",)),
        (set(), ("api", "write_repository")),
    ],
)
def test_what_lacks_of_a_gitlab_token(scopes: set[str] | None, missing: tuple[str, ...]) -> None:
    assert gitlab_missing(None if scopes is None else frozenset(scopes)) == missing


def test_when_a_token_ends() -> None:
    assert github_expiry("2026-12-31 10:00:00 UTC") == datetime(2026, 12, 31, 10, tzinfo=UTC)
    assert github_expiry("2026-12-31 10:00:00 +0200") == datetime(2026, 12, 31, 8, tzinfo=UTC)
    assert gitlab_expiry("2026-12-31") == datetime(2026, 12, 31, tzinfo=UTC)
    assert gitlab_expiry("2026-12-31T10:00:00.000+02:00") == datetime(2026, 12, 31, 8, tzinfo=UTC)
    for odd in (None, "", "tomorrow"):
        assert github_expiry(odd) is None
        assert gitlab_expiry(odd) is None
