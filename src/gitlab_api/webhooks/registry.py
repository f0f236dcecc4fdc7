"""Which function reads which kind of payload of GitLab, and what GitLab documents besides."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from src.events import Event
from src.forge import UnknownEvent, Unparsable
from src.gitlab_api.webhooks.wire import Payload

Events = tuple[Event, ...]
P = TypeVar("P", bound=Payload)
W = TypeVar("W")

# "Webhook events" and "System hooks": documented, and nothing that a subscriber could have chosen. The names of object
# kinds first, then those of event names, which stand in for the kind in bodies of groups and of the instance.
IGNORED = frozenset({
    "access_token", "deploy_token", "emoji", "feature_flag", "gitlab_subscription_member_approval",
    "gitlab_subscription_member_approvals", "milestone", "vulnerability",
    "expiring_access_token", "expiring_deploy_token", "group_create", "group_destroy", "group_rename", "key_create",
    "key_destroy", "project_create", "project_destroy", "project_rename", "project_transfer", "project_update",
    "repository_update", "subgroup_create", "subgroup_destroy", "user_access_request_denied_for_group",
    "user_access_request_denied_for_project", "user_access_request_revoked_for_group",
    "user_access_request_revoked_for_project", "user_access_request_to_group", "user_access_request_to_project",
    "user_add_to_group", "user_add_to_team", "user_create", "user_destroy", "user_failed_login",
    "user_remove_from_group", "user_remove_from_team", "user_rename", "user_update_for_group", "user_update_for_team",
})  # fmt: skip

# The body names its kind; where it does not, the header has to.
_KINDS = {
    "Confidential Issue Hook": "issue",
    "Confidential Note Hook": "note",
    "Deployment Hook": "deployment",
    "Issue Hook": "issue",
    "Job Hook": "build",
    "Merge Request Hook": "merge_request",
    "Note Hook": "note",
    "Pipeline Hook": "pipeline",
    "Push Hook": "push",
    "Release Hook": "release",
    "Tag Push Hook": "tag_push",
    "Wiki Page Hook": "wiki_page",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the headers add to a payload."""

    event: str = ""  # ``X-Gitlab-Event``
    uuid: str = ""  # ``X-Gitlab-Event-UUID``

    @property
    def confidential(self) -> bool:
        """Whether GitLab sent it as confidential."""
        return self.event.startswith("Confidential ")


Reader = Callable[[dict[str, Any], Delivery], Events]


class Parsers:
    """A table of parse functions by object kind; tables are put together like routers."""

    def __init__(self, *parts: "Parsers") -> None:
        self.readers: dict[str, Reader] = {}
        for part in parts:
            for kind, reader in part.readers.items():
                self._add(kind, reader)

    def parses(
        self, *kinds: str, payload: type[P]
    ) -> Callable[[Callable[[P, Delivery], Events]], Callable[[P, Delivery], Events]]:
        """Register the function for payloads of these object kinds, which are of this shape."""

        def register(function: Callable[[P, Delivery], Events]) -> Callable[[P, Delivery], Events]:
            def read(document: dict[str, Any], delivery: Delivery) -> Events:
                return function(payload.model_validate(document), delivery)

            for kind in kinds:
                self._add(kind, read)
            return function

        return register

    def read(self, document: dict[str, Any], delivery: Delivery) -> Events:
        """What a payload means. Raises `UnknownEvent` and `Unparsable`, as `WebhookCodec.parse` does."""
        kind = _kind(document, delivery)
        reader = self.readers.get(kind)
        if reader is None:
            if kind in IGNORED:
                return ()
            raise unknown(kind)
        if document.get("project") is None and isinstance(document.get("group"), dict):
            return ()  # epics and wikis of a group: they belong to no project, so nobody follows them
        try:
            return reader(document, delivery)
        except ValidationError as error:
            raise Unparsable(_reason(error)) from None

    def _add(self, kind: str, reader: Reader) -> None:
        if kind in self.readers:
            raise ValueError(f"two functions read {kind}")
        self.readers[kind] = reader


def told(kind: str, word: str | None, meanings: Mapping[str, W], ignored: frozenset[str]) -> W | None:
    """What an action or a status means; `None`: documented, and nobody is told. Raises `UnknownEvent`."""
    if word is None:
        raise Unparsable(f"{kind}: no action, status or type")
    if word in meanings:
        return meanings[word]
    if word in ignored:
        return None
    raise unknown(kind, word)


def unknown(*words: str) -> UnknownEvent:
    """An event that is named by words of the payload: cut and cleaned, for they go to the log."""
    return UnknownEvent(".".join(re.sub(r"[^A-Za-z0-9_-]", "?", word[:64]) for word in words))


def _kind(document: dict[str, Any], delivery: Delivery) -> str:
    for word in (document.get("object_kind"), document.get("event_name"), _KINDS.get(delivery.event)):
        if isinstance(word, str) and word:
            return word
    if delivery.event:
        raise unknown(delivery.event)
    raise Unparsable("object_kind: missing")


def _reason(error: ValidationError) -> str:
    """Where the payload is wrong and how, without a word of it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['type']}"
