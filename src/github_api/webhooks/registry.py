"""Which function reads which event of GitHub, and what GitHub documents besides."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from src.events import Event
from src.forge import UnknownEvent, Unparsable
from src.github_api.webhooks.payloads import Wire

Events = tuple[Event, ...]
P = TypeVar("P", bound=Wire)

# "Webhook events and payloads": documented, and nothing that a subscriber could have chosen. With the few that older
# GitHub Enterprise Servers still send.
IGNORED = frozenset({
    "branch_protection_configuration", "branch_protection_rule", "bypass_request_push_ruleset",
    "bypass_request_secret_scanning", "cache_sync", "check_run", "check_suite", "code_scanning_alert",
    "content_reference", "custom_property", "custom_property_promoted_to_enterprise", "custom_property_values",
    "dependabot_alert", "deploy_key", "deployment", "deployment_protection_rule", "deployment_review", "discussion",
    "discussion_comment", "dismissal_request_code_scanning", "dismissal_request_dependabot",
    "dismissal_request_secret_scanning", "enterprise", "exemption_request_push_ruleset",
    "exemption_request_secret_scanning", "fork", "github_app_authorization", "installation",
    "installation_repositories", "installation_target", "integration_installation",
    "integration_installation_repositories", "issue_dependencies", "label", "marketplace_purchase", "member",
    "membership", "merge_group", "meta", "milestone", "org_block", "organization", "package", "page_build",
    "personal_access_token_request", "project", "project_card", "project_column", "projects_v2", "projects_v2_item",
    "projects_v2_status_update", "public", "pull_request_review_thread", "registry_package", "repository",
    "repository_advisory", "repository_dispatch", "repository_import", "repository_ruleset",
    "repository_vulnerability_alert", "schedule", "secret_scanning_alert", "secret_scanning_alert_location",
    "secret_scanning_scan", "security_advisory", "security_and_analysis", "sponsorship", "star", "status",
    "sub_issues", "team", "team_add", "user", "watch", "workflow_dispatch", "workflow_job",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """How the deliveries of one event header are read."""

    read: Callable[[dict[str, Any]], Events]
    tells: frozenset[str] | None  # None: this event has no actions
    ignores: frozenset[str]
    unsaid: str | None


class Parsers:
    """A table of parse functions by event header; tables are put together like routers."""

    def __init__(self, *parts: "Parsers") -> None:
        self.entries: dict[str, Entry] = {}
        for part in parts:
            for header, entry in part.entries.items():
                self._add(header, entry)

    def parses(
        self,
        header: str,
        payload: type[P],
        *,
        tells: Iterable[str] | None = None,
        ignores: Iterable[str] = (),
        unsaid: str | None = None,
    ) -> Callable[[Callable[[P], Events]], Callable[[P], Events]]:
        """Register the function for one event header.

        `tells`: the actions that it reads; `None` where the event has none. `ignores`: the actions that GitHub
        documents and nobody is told of. Any other action is an `UnknownEvent`. `unsaid`: what a payload without an
        action means, where that is known.
        """

        def register(function: Callable[[P], Events]) -> Callable[[P], Events]:
            def read(document: dict[str, Any]) -> Events:
                return function(payload.model_validate(document))

            self._add(header, Entry(read, None if tells is None else frozenset(tells), frozenset(ignores), unsaid))
            return function

        return register

    def read(self, header: str, document: dict[str, Any]) -> Events:
        """What a payload means. Raises `UnknownEvent` and `Unparsable`, as `WebhookCodec.parse` does."""
        entry = self.entries.get(header)
        if entry is None:
            if header in IGNORED:
                return ()
            raise UnknownEvent(header)
        if entry.tells is not None:
            action = document.get("action", entry.unsaid)
            if not isinstance(action, str):
                raise Unparsable("action: missing")
            if action in entry.ignores:
                return ()
            if action not in entry.tells:
                raise unknown(header, action)
        try:
            return entry.read(document)
        except ValidationError as error:
            raise Unparsable(_reason(error)) from None

    def _add(self, header: str, entry: Entry) -> None:
        if header in self.entries:
            raise ValueError(f"two functions read {header}")
        self.entries[header] = entry


def unknown(*words: str) -> UnknownEvent:
    """An event that is named by words of the payload: cut and cleaned, for they go to the log."""
    return UnknownEvent(".".join(re.sub(r"[^A-Za-z0-9_-]", "?", word[:64]) for word in words))


def _reason(error: ValidationError) -> str:
    """Where the payload is wrong and how, without a word of it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['type']}"
