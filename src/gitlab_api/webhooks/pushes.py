"""Pushes to branches and tags: "Push events" and "Tag events" in GitLab's documentation."""

from typing import TypedDict

from src.events import (
    DocumentationEvent,
    Page,
    Person,
    Project,
    PushAction,
    PushEvent,
    Refs,
    Subject,
    SubjectKind,
    TagAction,
    TagEvent,
)
from src.gitlab_api.webhooks import neutral
from src.gitlab_api.webhooks.payloads import PushPayload
from src.gitlab_api.webhooks.registry import Delivery, Events, Parsers
from src.gitlab_api.webhooks.wire import User
from src.markdown import excerpt

parsers = Parsers()

_BRANCHES = "refs/heads/"
_TAGS = "refs/tags/"
# GitLab does not say whether a push was forced.
ACTIONS = (PushAction.PUSHED, PushAction.CREATED, PushAction.DELETED)
_LISTED_COMMITS = 3
_LISTED_FILES = 10


class _Common(TypedDict):
    project: Project
    subject: Subject
    actor: Person | None
    refs: Refs


@parsers.parses("push", "tag_push", payload=PushPayload)
def push(payload: PushPayload, _: Delivery) -> Events:
    """A branch or a tag was made, moved or removed; the ref says which of the two. Other refs are GitLab's own."""
    home = neutral.project(payload)
    before, after = neutral.sha(payload.before), neutral.sha(payload.after)
    if before is None and after is None:
        return ()
    if payload.ref.startswith(_TAGS):
        return (_tag(payload, home, after),)
    if not payload.ref.startswith(_BRANCHES):
        return ()
    branch = payload.ref.removeprefix(_BRANCHES)
    common = _Common(
        project=home,
        subject=Subject(
            kind=SubjectKind.BRANCH,
            id=branch,
            title=neutral.title(branch, branch),
            url=neutral.page(home, "tree", branch) if after else home.url,
        ),
        actor=_pusher(payload, home),
        refs=Refs(branch=branch, head_sha=after or before),
    )
    pushed = _push(payload, common, before, after)
    return (pushed, *_documentation(payload, common)) if after and branch == home.default_branch else (pushed,)


def _push(payload: PushPayload, common: _Common, before: str | None, after: str | None) -> PushEvent:
    home, url = common["project"], common["subject"].url
    if after is None:
        action = PushAction.DELETED
    elif before is None:
        action = PushAction.CREATED
    else:
        action = PushAction.PUSHED
        url = neutral.page(home, "compare", f"{before}...{after}")
    listed = payload.commits
    return PushEvent(
        **common,
        happening=neutral.happening("push", home, payload.ref, before, after),
        url=url,
        action=action,
        commits=tuple(commit for info in listed[-_LISTED_COMMITS:] if (commit := neutral.commit(info))),
        count=len(listed) if payload.total_commits_count is None else payload.total_commits_count,
    )


def _documentation(payload: PushPayload, common: _Common) -> Events:
    """The documentation that the push changed. GitLab lists the newest twenty commits, and in system hooks none."""
    touched: dict[str, bool] = {}  # path -> whether it is there now; commits come oldest first
    for commit in payload.commits:
        touched |= dict.fromkeys((*commit.added, *commit.modified), True) | dict.fromkeys(commit.removed, False)
    files = [(path, there) for path, there in sorted(touched.items()) if _is_documentation(path)]
    if not files:
        return ()
    home, head = common["project"], payload.after or ""
    return (
        DocumentationEvent(
            **common,
            happening=neutral.happening("documentation", home, payload.ref, payload.before, payload.after),
            url=neutral.page(home, "commit", head),
            files=tuple(
                Page(title=neutral.title(path, path), url=neutral.page(home, "blob", head, path) if there else None)
                for path, there in files[:_LISTED_FILES]
            ),
            count=len(files),
        ),
    )


def _is_documentation(path: str) -> bool:
    return path.startswith("docs/") or path.lower().endswith((".md", ".rst"))


def _tag(payload: PushPayload, home: Project, after: str | None) -> TagEvent:
    """A tag that was moved was made anew."""
    name = payload.ref.removeprefix(_TAGS)
    head = payload.checkout_sha or after or neutral.sha(payload.before)
    return TagEvent(
        project=home,
        subject=Subject(
            kind=SubjectKind.TAG,
            id=name,
            title=neutral.title(name, name),
            url=neutral.page(home, "tags", name) if after else home.url,
        ),
        happening=neutral.happening("tag", home, name, after or "deleted", payload.before),
        actor=_pusher(payload, home),
        refs=Refs(head_sha=head),
        excerpt=excerpt(payload.message) if after else None,
        action=TagAction.CREATED if after else TagAction.DELETED,
    )


def _pusher(payload: PushPayload, home: Project) -> Person | None:
    user = User(id=payload.user_id, name=payload.user_name, username=payload.user_username, email=payload.user_email)
    return neutral.person(user, home)
