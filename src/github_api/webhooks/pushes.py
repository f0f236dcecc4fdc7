"""Pushes to branches, what they do to the documentation, and tags."""

import re
from collections.abc import Sequence

from src.events import (
    Commit,
    DocumentationEvent,
    Page,
    Person,
    PushAction,
    PushEvent,
    Refs,
    Subject,
    SubjectKind,
    TagAction,
    TagEvent,
)
from src.github_api.webhooks import neutral
from src.github_api.webhooks import payloads as wire
from src.github_api.webhooks.registry import Events, Parsers
from src.markdown import first_line

parsers = Parsers()

_BRANCH = "refs/heads/"
_MERGE_QUEUE = "gh-readonly-queue/"  # branches that GitHub makes and drops by itself
_SHOWN_COMMITS = 3
_SHOWN_FILES = 10
_DOCUMENTATION = re.compile(r"docs/.*|.*\.(?:md|rst)", re.IGNORECASE | re.DOTALL)


@parsers.parses("push", wire.PushDelivery)
def push(payload: wire.PushDelivery) -> Events:
    """A push to a branch, and to the documentation where it touched that. `create` and `delete` tell of tags."""
    branch = payload.ref.removeprefix(_BRANCH)
    if branch == payload.ref or branch.startswith(_MERGE_QUEUE):
        return ()
    pushed = _push_event(payload, branch)
    documentation = _documentation(payload, pushed)
    return (pushed,) if documentation is None else (pushed, documentation)


@parsers.parses("create", wire.RefDelivery)
def create(payload: wire.RefDelivery) -> Events:
    """A tag was made. A branch was made as well, but its push says more."""
    return _tag(payload, TagAction.CREATED)


@parsers.parses("delete", wire.RefDelivery)
def delete(payload: wire.RefDelivery) -> Events:
    """A tag was removed."""
    return _tag(payload, TagAction.DELETED)


def _push_event(payload: wire.PushDelivery, branch: str) -> PushEvent:
    repository = payload.repository
    action = _push_action(payload)
    return PushEvent(
        action=action,
        commits=tuple(_commit(commit) for commit in reversed(payload.commits[-_SHOWN_COMMITS:])),
        count=len(payload.commits),
        project=neutral.project(repository),
        subject=neutral.branch_subject(repository, branch),
        happening=neutral.happening(repository, "push", branch, payload.before, payload.after, repository.pushed_at),
        actor=_pusher(payload),
        refs=Refs(branch=branch, head_sha=None if action is PushAction.DELETED else payload.after),
        url=payload.compare or neutral.page(repository, "tree", branch),
        occurred_at=repository.pushed_at,
    )


def _push_action(payload: wire.PushDelivery) -> PushAction:
    """The strongest word that fits: a branch that was made is also "forced" at times."""
    if payload.deleted or _is_nothing(payload.after):
        return PushAction.DELETED
    if payload.created or _is_nothing(payload.before):
        return PushAction.CREATED
    return PushAction.FORCED if payload.forced else PushAction.PUSHED


def _documentation(payload: wire.PushDelivery, pushed: PushEvent) -> DocumentationEvent | None:
    """The documentation's share of a push to the default branch, `None` where it has none."""
    repository = payload.repository
    if pushed.refs.branch != repository.default_branch or pushed.refs.head_sha is None:
        return None
    files = {path: there for path, there in _files(payload.commits).items() if _DOCUMENTATION.fullmatch(path)}
    if not files:
        return None
    pages = [
        Page(title=path, url=neutral.page(repository, "blob", payload.after, path) if there else None)
        for path, there in files.items()
    ]
    return DocumentationEvent(
        files=tuple(pages[:_SHOWN_FILES]),
        count=len(pages),
        project=pushed.project,
        subject=pushed.subject,
        happening=neutral.happening(repository, "documentation", pushed.subject.id, payload.before, payload.after),
        actor=pushed.actor,
        refs=pushed.refs,
        url=pushed.url,
        occurred_at=pushed.occurred_at,
    )


def _files(commits: Sequence[wire.Commit]) -> dict[str, bool]:
    """The paths that the commits touch, oldest first, and whether each is there in the end."""
    found: dict[str, bool] = {}
    for commit in commits:
        found |= dict.fromkeys((*commit.added, *commit.modified), True) | dict.fromkeys(commit.removed, False)
    return found


def _commit(commit: wire.Commit) -> Commit:
    return Commit(
        sha=commit.id,
        title=first_line(commit.message)[: wire.TITLE_LENGTH] or commit.id[:7],
        author=neutral.signature(commit.author),
        url=commit.url,
    )


def _pusher(payload: wire.PushDelivery) -> Person | None:
    """The account, or the name of the deploy key where no account pushed."""
    return neutral.person(payload.sender) or neutral.signature(payload.pusher)


def _tag(payload: wire.RefDelivery, action: TagAction) -> Events:
    if payload.ref_type != "tag":
        return ()
    repository, tag = payload.repository, payload.ref.removeprefix("refs/tags/")
    # A removed tag has no page of its own any more.
    there = action is TagAction.CREATED
    url = neutral.page(repository, "releases/tag", tag) if there else neutral.page(repository, "tags")
    event = TagEvent(
        action=action,
        project=neutral.project(repository),
        subject=Subject(kind=SubjectKind.TAG, id=tag, title=tag[: wire.TITLE_LENGTH], url=url),
        happening=neutral.happening(repository, "tag", tag, action, repository.pushed_at),
        actor=neutral.person(payload.sender),
        url=url,
        occurred_at=repository.pushed_at,
    )
    return (event,)


def _is_nothing(sha: str | None) -> bool:
    return sha is not None and set(sha) == {"0"}
