"""Our events beside what go-scm makes of the same payloads."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from src.events import (
    CommentEvent,
    Event,
    Person,
    PipelineEvent,
    PullRequestEvent,
    PushEvent,
    ReleaseEvent,
    ReviewEvent,
    TagEvent,
)
from src.markdown import excerpt, first_line
from tests.peers.corpus import Payload

Fields = Mapping[str, tuple[object, object]]  # by name: go-scm's and ours

_ACTIONS = {"synchronized": "updated"}  # go-scm's words for what is the same


def compare(payload: Payload, event: Event) -> Fields:
    """Every field that both sides have."""
    assert payload.golden is not None
    golden = _lower(json.loads(payload.golden.read_bytes()))
    return dict(_fields(golden, event))


def _fields(golden: dict[str, Any], event: Event) -> Iterator[tuple[str, tuple[object, object]]]:
    yield from _project(golden["repo"], event)
    yield "sender", (golden["sender"]["login"], _login(event.people.starter if _is_run(event) else event.actor))
    match event:
        case PullRequestEvent() | ReviewEvent():
            yield from _pull_request(golden["pullrequest"], event)
            yield "action", (_action(golden), event.names[0].split(".")[1])
        case CommentEvent():
            yield from _comment(golden, event)
        case PushEvent():
            yield from _push(golden, event)
        case TagEvent():
            yield "tag", (_ref(golden), event.subject.id)
        case ReleaseEvent():
            yield from _release(golden["release"], event)
            yield "action", (_action(golden), str(event.action))
        case PipelineEvent():
            yield from _pipeline(golden, event)


def _project(repo: dict[str, Any], event: Event) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "repo.id", (repo["id"], event.project.external_id)
    yield "repo.path", (f"{repo['namespace']}/{repo['name']}", event.project.path)
    yield "repo.link", (repo["link"], event.project.url)
    yield "repo.branch", (repo["branch"], event.project.default_branch)
    yield "repo.private", (repo["private"], event.project.private)


def _pull_request(pull: dict[str, Any], event: Event) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "number", (pull["number"], event.subject.number)
    yield "title", (pull["title"], event.subject.title)
    yield "link", (pull["link"], event.subject.url)
    yield "sha", (pull["sha"], event.refs.head_sha)
    yield "source", (pull["source"], event.refs.branch)
    yield "target", (pull["target"], event.refs.target_branch)
    yield "author", (pull["author"]["login"], _login(event.people.author))
    yield "updated", (_moment(pull["updated"]), event.object_updated_at)
    yield "labels", (tuple(label["name"] for label in pull.get("labels") or ()), event.labels)
    if isinstance(event, PullRequestEvent):
        yield "body", (excerpt(pull["body"]), event.excerpt)
        yield "draft", (pull.get("draft", False), event.draft)


def _comment(golden: dict[str, Any], event: CommentEvent) -> Iterator[tuple[str, tuple[object, object]]]:
    issue, comment = golden["issue"], golden["comment"]
    yield "number", (issue["number"], event.subject.number)
    yield "title", (issue["title"], event.subject.title)
    yield "link", (issue["link"], event.subject.url)
    yield "author", (issue["author"]["login"], _login(event.people.author))
    yield "comment.id", (str(comment["id"]), event.comment_id)
    yield "comment.body", (excerpt(comment["body"]), event.excerpt)
    yield "comment.author", (comment["author"]["login"], _login(event.actor))
    yield "comment.created", (_moment(comment["created"]), event.occurred_at)


def _push(golden: dict[str, Any], event: PushEvent) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "branch", (_ref(golden), event.refs.branch)
    yield "sha", (golden["after"] if "after" in golden else golden["ref"]["sha"], event.refs.head_sha)
    commits = golden.get("commits")
    if commits:
        yield "commits", (len(commits), event.count)
        newest = event.commits[0]
        known = {commit["sha"]: commit for commit in commits}[newest.sha]
        yield "commit.title", (first_line(known["message"]), newest.title)
        yield "commit.link", (known["link"], newest.url)
        yield "commit.author", (known["author"]["name"], newest.author and newest.author.name)


def _release(release: dict[str, Any], event: ReleaseEvent) -> Iterator[tuple[str, tuple[object, object]]]:
    yield "tag", (release["tag"], event.subject.id)
    yield "title", (release["title"], event.subject.title)
    yield "link", (release["link"], event.subject.url)
    yield "description", (excerpt(release["description"]), event.excerpt)
    yield "prerelease", (release["prerelease"], event.prerelease)


def _pipeline(golden: dict[str, Any], event: PipelineEvent) -> Iterator[tuple[str, tuple[object, object]]]:
    run, pull = golden["execution"], golden["pullrequest"]
    yield "number", (run["number"], event.subject.number)
    yield "status", (run["status"], str(event.status))
    yield "link", (run["url"], event.subject.url)
    yield "sha", (golden["commit"]["sha"], event.refs.head_sha)
    yield "pull.number", (pull["number"], event.refs.pull_request)
    yield "source", (pull["source"], event.refs.branch)
    yield "target", (pull["target"], event.refs.target_branch)


def _action(golden: dict[str, Any]) -> str:
    action = str(golden["action"])
    return _ACTIONS.get(action, action)


def _is_run(event: Event) -> bool:
    return isinstance(event, PipelineEvent)


def _ref(golden: dict[str, Any]) -> str:
    ref = golden["ref"]
    return str(ref["name"] if isinstance(ref, dict) else ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))


def _login(person: Person | None) -> str | None:
    return person.login if person else None


def _moment(text: str) -> datetime | None:
    moment = datetime.fromisoformat(text)
    return None if moment.year == 1 else moment  # Go's zero


def _lower(value: Any) -> Any:
    """Golden files spell the same names in several ways."""
    if isinstance(value, dict):
        return {key.lower(): _lower(item) for key, item in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value
