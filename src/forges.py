"""The registration of the forges: the one place that names them all."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from src.forge import Connector, ForgeType
from src.github_api import website as github_website
from src.github_api.polled_names import POLLED_NAMES as GITHUB_POLLED
from src.github_api.webhooks import GitHubCodec
from src.gitlab_api import website as gitlab_website
from src.gitlab_api.polled_names import POLLED_NAMES as GITLAB_POLLED
from src.gitlab_api.webhooks import GitLabCodec


def github_web_url(api_url: str) -> str:
    """The web address that belongs to an API address of GitHub.

    ``https://api.github.com`` gives ``https://github.com``, GitHub Enterprise Server's ``https://HOST/api/v3`` its
    host, ``https://api.SUBDOMAIN.ghe.com`` the subdomain; anything else (an emulator) is its own web address.
    """
    parts = urlsplit(api_url.rstrip("/"))
    host, path = parts.netloc, parts.path.removesuffix("/api/v3")
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        host = host.removeprefix("api.")
    return urlunsplit((parts.scheme, host, path, "", ""))


def gitlab_web_url(base_url: str) -> str:
    """GitLab is configured by its web address, sub-path included."""
    return base_url.rstrip("/")


def github_hook_groups(path: str) -> tuple[str, ...]:
    """The organisation of a repository, if it is one: a person's name looks the same."""
    owner, slash, _ = path.partition("/")
    return (owner,) if slash else ()


def gitlab_hook_groups(path: str) -> tuple[str, ...]:
    """The group of a project and those above it."""
    parts = path.split("/")[:-1]
    return tuple("/".join(parts[:length]) for length in range(len(parts), 0, -1))


def _github(session: Any) -> Connector:
    from src.github_api.client import GitHubConnector

    return GitHubConnector(session)


def _gitlab(session: Any) -> Connector:
    from src.gitlab_api.client import GitLabConnector

    return GitLabConnector(session)


FORGE_TYPES: dict[str, ForgeType] = {  # the clients are imported where a connector is made, not here
    forge_type.kind: forge_type
    for forge_type in (
        ForgeType(
            kind="github",
            title="GitHub",
            pull_request_word="PR",
            pull_request_mark="#",
            pull_request_pages=("pull",),
            file_page="blob/{sha}/{path}",
            bare_group_names=False,  # a team is @organisation/team
            token_page="settings/tokens/new?scopes=repo,notifications&description=Git%20Assistant",  # noqa: S106 - a path
            token_needs=("repo", "notifications"),
            token_example="ghp_...",  # noqa: S106 - no token, but what one looks like
            token_pattern=r"(?:gh[pousr]_|git[a-z]+_pat_)[A-Za-z0-9_]{8,}",  # noqa: S106 - "Token prefixes"
            web_url=github_web_url,
            codec=GitHubCodec(),
            connector=_github,
            hook_groups=github_hook_groups,
            group_hook_needs=("admin:org_hook",),
            polled_names=GITHUB_POLLED,
            has_notifications=True,
            publishes_networks=True,
            hooks_page=github_website.HOOKS_PAGE,
            hook_labels=github_website.HOOK_LABELS,
            suggestions="lines",
        ),
        ForgeType(
            kind="gitlab",
            title="GitLab",
            pull_request_word="MR",
            pull_request_mark="!",
            pull_request_pages=("-/merge_requests", "merge_requests"),
            file_page="-/blob/{sha}/{path}",
            bare_group_names=True,
            token_page="-/user_settings/personal_access_tokens?name=Git%20Assistant&scopes=api",  # noqa: S106 - a path
            token_needs=("api",),
            token_example="glpat-...",  # noqa: S106 - no token, but what one looks like
            # "Token prefixes": not any word with `gl` and a hyphen, for people search for projects named so
            token_pattern=r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[A-Za-z0-9_.-]{8,}",  # noqa: S106 - as above
            web_url=gitlab_web_url,
            codec=GitLabCodec(),
            connector=_gitlab,
            hook_groups=gitlab_hook_groups,
            group_hook_needs=("api", "Premium"),
            polled_names=GITLAB_POLLED,
            redeliveries_a_minute=5,  # "Resend a project webhook event": of one project or group, by one person
            hooks_page=gitlab_website.HOOKS_PAGE,
            hook_labels=gitlab_website.HOOK_LABELS,
            suggestions="offsets",
        ),
    )
}
