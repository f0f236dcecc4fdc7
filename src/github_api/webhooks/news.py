"""Releases, the wiki, and the ping of a new hook."""

import hashlib

from src.events import (
    HookTestEvent,
    Page,
    People,
    ReleaseAction,
    ReleaseEvent,
    Subject,
    SubjectKind,
    WikiAction,
    WikiEvent,
)
from src.github_api.webhooks import neutral
from src.github_api.webhooks import payloads as wire
from src.github_api.webhooks.registry import Events, Parsers, unknown
from src.markdown import excerpt, mentions

parsers = Parsers()

_RELEASE_ACTIONS = {
    "published": ReleaseAction.PUBLISHED,
    "edited": ReleaseAction.UPDATED,
    "deleted": ReleaseAction.DELETED,
}
# GitHub sends several of these for one publication.
_IGNORED_RELEASE_ACTIONS = ("created", "prereleased", "released", "unpublished")
# Nothing tells of a page that was removed.
_WIKI_ACTIONS = {"created": WikiAction.CREATED, "edited": WikiAction.UPDATED}


@parsers.parses("release", wire.ReleaseDelivery, tells=_RELEASE_ACTIONS, ignores=_IGNORED_RELEASE_ACTIONS)
def release(payload: wire.ReleaseDelivery) -> Events:
    """A release was published, changed or removed. A draft is no news: only those who may write see it."""
    repository, found = payload.repository, payload.release
    action = _RELEASE_ACTIONS[payload.action]
    if found.draft:
        return ()
    published = action is ReleaseAction.PUBLISHED
    when = found.published_at if published else found.updated_at
    particulars = () if action is ReleaseAction.DELETED else (when or _digest(found.name, found.body),)
    # The page of a removed release is gone as well.
    url = neutral.page(repository, "releases") if action is ReleaseAction.DELETED else found.html_url
    event = ReleaseEvent(
        action=action,
        prerelease=bool(found.prerelease),
        project=neutral.project(repository),
        subject=Subject(
            kind=SubjectKind.RELEASE,
            id=found.tag_name,
            title=found.name or found.tag_name,
            url=url,
        ),
        happening=neutral.happening(repository, "release", found.id, action, *particulars),
        actor=neutral.person(payload.sender),
        people=People(author=neutral.person(found.author), mentioned=mentions(found.body) if published else ()),
        excerpt=excerpt(found.body) if published else None,
        url=url,
        occurred_at=when,
        object_updated_at=found.updated_at,
    )
    return (event,)


@parsers.parses("gollum", wire.GollumDelivery)
def gollum(payload: wire.GollumDelivery) -> Events:
    """Wiki pages changed: one event for those that were made, one for those that were edited."""
    by_action: dict[WikiAction, list[wire.WikiPage]] = {}
    for page in payload.pages:
        action = _WIKI_ACTIONS.get(page.action)
        if action is None:
            raise unknown("gollum", page.action)
        by_action.setdefault(action, []).append(page)
    return tuple(_wiki(payload, action, pages) for action, pages in by_action.items())


@parsers.parses("ping", wire.PingDelivery)
def ping(payload: wire.PingDelivery) -> Events:
    """GitHub greets a new hook. That of an organisation's hook speaks of no project, and is nobody's news."""
    repository = payload.repository
    if repository is None:
        return ()
    event = HookTestEvent(
        about="ping",
        automatic=True,
        project=neutral.project(repository),
        subject=Subject(kind=SubjectKind.HOOK, id=str(payload.hook_id), title=repository.full_name),
        happening=neutral.happening(repository, "ping", payload.hook_id),
        actor=neutral.person(payload.sender),
        url=neutral.page(repository, "settings/hooks", str(payload.hook_id)),
    )
    return (event,)


def _wiki(payload: wire.GollumDelivery, action: WikiAction, pages: list[wire.WikiPage]) -> WikiEvent:
    repository = payload.repository
    listed = tuple(Page(title=page.title or page.page_name, url=page.html_url) for page in pages)
    alone = listed[0] if len(listed) == 1 else None
    home = neutral.page(repository, "wiki")
    return WikiEvent(
        action=action,
        pages=listed,
        project=neutral.project(repository),
        subject=Subject(
            kind=SubjectKind.WIKI,
            id=pages[0].page_name if alone else "wiki",
            title=alone.title if alone else "Wiki",
            url=(alone and alone.url) or home,
        ),
        happening=neutral.happening(
            repository, "wiki", action, _digest(*(part for page in pages for part in (page.page_name, page.sha)))
        ),
        actor=neutral.person(payload.sender),
        excerpt=excerpt(pages[0].summary) if alone else None,
        url=(alone and alone.url) or home,
    )


def _digest(*parts: str | None) -> str:
    """Stands for texts in the key of a happening where GitHub gives no id or time that could."""
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()[:32]
