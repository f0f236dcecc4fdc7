"""What a payload itself says: which project, which event, who did it, what it is called. Knows none of our code."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.peers.corpus import Payload

# The events and actions that the product promises, in the forges' own words; "" where an event has no actions.
GITHUB_LISTED = {
    "workflow_run": {"completed"},
    "pull_request": {
        "opened", "reopened", "ready_for_review", "converted_to_draft", "synchronize", "closed", "review_requested",
        "assigned",
    },
    "pull_request_review": {"submitted", "dismissed"},
    "issues": {"opened", "closed", "reopened", "assigned"},
    "issue_comment": {"created"},
    "pull_request_review_comment": {"created"},
    "commit_comment": {"created"},
    "gollum": {""},
    "push": {""},
    "create": {""},
    "delete": {""},
    "release": {"published", "edited", "deleted"},
    "deployment_status": {"created", ""},
    "ping": {""},
}  # fmt: skip
GITLAB_LISTED = {
    "pipeline": {"running", "success", "failed", "canceled"},
    "build": {"failed"},
    "merge_request": {
        "open", "reopen", "update", "merge", "close", "approved", "approval", "unapproved", "unapproval", "",
    },
    "issue": {"open", "close", "reopen", "update"},
    "wiki_page": {"create", "update", "delete"},
    "note": {"create", ""},
    "push": {""},
    "tag_push": {""},
    "release": {"create", "update", "delete"},
    "deployment": {"running", "success", "failed", "canceled"},
}  # fmt: skip


# What kinds of our events they become.
KINDS = {
    "workflow_run": {"pipeline"}, "pipeline": {"pipeline"}, "build": {"job"},
    "pull_request": {"pull_request"}, "merge_request": {"pull_request", "review", "hook_test"},
    "pull_request_review": {"review"},
    "issues": {"issue"}, "issue": {"issue"},
    "issue_comment": {"comment"}, "pull_request_review_comment": {"comment"}, "commit_comment": {"comment"},
    "note": {"comment"},
    "gollum": {"wiki"}, "wiki_page": {"wiki"},
    "push": {"push", "documentation"},
    "create": {"tag"}, "delete": {"tag"}, "tag_push": {"tag"},
    "release": {"release"},
    "deployment_status": {"deployment"}, "deployment": {"deployment"},
    "ping": {"hook_test"},
}  # fmt: skip


@dataclass(frozen=True)
class Claims:
    """What a text on a payload has to name; `None` where the payload does not say."""

    external_id: str | None
    path: str | None
    private: bool
    listed: bool
    kinds: frozenset[str]  # of events; empty where it promises none
    actors: tuple[str, ...]  # any of them; several where payloads have both a login and a name
    title: str | None


def claims(payload: Payload) -> Claims:
    """Read a payload."""
    document = payload.document
    return _github(payload.header, document) if payload.forge == "github" else _gitlab(document)


def _github(header: str, document: dict[str, Any]) -> Claims:
    repository = document.get("repository") or {}
    action = document.get("action") or ""
    people = [document.get("sender")]
    if header == "workflow_run":
        run = document["workflow_run"]
        people = [run.get("triggering_actor"), run.get("actor"), *people]
    if header == "push":
        people.append(document["pusher"])
    return Claims(
        external_id=_text(repository.get("id")),
        path=repository.get("full_name"),
        private=bool(repository.get("private")),
        listed=action in GITHUB_LISTED.get(header, ()),
        kinds=frozenset(KINDS[header] if header in GITHUB_LISTED else ()),
        actors=_names(people, ("login", "name")),
        title=_github_title(header, document),
    )


def _github_title(header: str, document: dict[str, Any]) -> str | None:
    match header:
        case "pull_request" | "pull_request_review" | "pull_request_review_comment":
            found = document["pull_request"]["title"]
        case "issues" | "issue_comment":
            found = document["issue"]["title"]
        case "commit_comment":
            found = document["comment"]["commit_id"][:7]
        case "push":
            found = document["ref"].removeprefix("refs/heads/")
        case "create" | "delete":
            found = document["ref"]
        case "release":
            found = document["release"]["name"] or document["release"]["tag_name"]
        case "deployment_status":
            found = document["deployment"]["environment"]
        case "workflow_run":
            found = document["workflow_run"].get("display_title") or document["workflow_run"]["name"]
        case "gollum":
            found = document["pages"][0]["title"]
        case _:
            return None
    return str(found)


def _gitlab(document: dict[str, Any]) -> Claims:
    project, details = document.get("project") or {}, document.get("object_attributes") or {}
    kind = str(document.get("object_kind") or document.get("event_name"))
    word = {
        "pipeline": details.get("status"),
        "build": document.get("build_status"),
        "deployment": document.get("status"),
        "release": document.get("action"),
    }.get(kind, details.get("action"))
    path = project.get("path_with_namespace") or _path(document.get("project_name"))
    ids = (project.get("id"), document.get("project_id"), details.get("target_project_id"), details.get("project_id"))
    level = project.get("visibility_level", document.get("repository", {}).get("visibility_level"))
    people = [
        {"username": document.get("user_username"), "name": document.get("user_name")},
        document.get("user"),
    ]  # a release names nobody but the author of its commit, who need not have released it
    return Claims(
        external_id=next((str(found) for found in (*ids, path) if found is not None), None),
        path=path,
        private=level != 20,
        listed=(word or "") in GITLAB_LISTED.get(kind, ()),
        kinds=frozenset(KINDS[kind] if kind in GITLAB_LISTED else ()),
        actors=_names(people, ("username", "name")),
        title=_gitlab_title(kind, document, details),
    )


def _gitlab_title(kind: str, document: dict[str, Any], details: dict[str, Any]) -> str | None:
    match kind:
        case "merge_request" if not details.get("action"):
            return None  # a test of the hook
        case "merge_request" | "issue" | "wiki_page":
            found = details["title"]
        case "note":
            thing = next(document[key] for key in ("merge_request", "issue", "snippet", "commit") if key in document)
            found = thing.get("title") or thing["id"][:8]
        case "push":
            found = document["ref"].removeprefix("refs/heads/")
        case "tag_push":
            found = document["ref"].removeprefix("refs/tags/")
        case "pipeline":
            found = details.get("name") or document["commit"]["title"]
        case "build":
            found = document["build_name"]
        case "deployment":
            found = document["environment"]
        case "release":
            found = document["name"] or document["tag"]
        case _:
            return None
    return str(found).strip().split("\n")[0]


def _path(name: str | None) -> str | None:
    """Jobs and old payloads give "Group / project"."""
    return name.replace(" / ", "/").replace(" ", "-").lower() if name else None


def _names(people: Iterable[dict[str, Any] | None], keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(person[key] for person in people if person for key in keys if person.get(key))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
