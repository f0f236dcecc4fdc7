"""Wiki pages: "Wiki page events" in GitLab's documentation."""

from src.events import Page, Subject, SubjectKind, WikiAction, WikiEvent
from src.gitlab_api.webhooks import neutral
from src.gitlab_api.webhooks.payloads import WikiPayload
from src.gitlab_api.webhooks.registry import Delivery, Events, Parsers, told
from src.markdown import excerpt

parsers = Parsers()

ACTIONS = {
    "create": WikiAction.CREATED,
    "update": WikiAction.UPDATED,
    "delete": WikiAction.DELETED,
}


@parsers.parses("wiki_page", payload=WikiPayload)
def wiki_page(payload: WikiPayload, _: Delivery) -> Events:
    """A page was made, changed (its commit message says how) or removed."""
    written = payload.object_attributes
    action = told("wiki_page", written.action, ACTIONS, frozenset())
    if action is None:
        return ()
    home = neutral.project(payload)
    title = neutral.title(written.title, written.slug)
    url = neutral.address(written.url)
    # Before GitLab 14 there is no version, so what the page says stands in for it.
    version = written.version_id or neutral.digest([written.title, written.content, written.message])
    return (
        WikiEvent(
            project=home,
            subject=Subject(kind=SubjectKind.WIKI, id=written.slug, title=title, url=url),
            happening=neutral.happening("wiki", home, written.slug, action, version),
            actor=neutral.person(payload.user, home),
            occurred_at=neutral.moment(written.created_at),
            excerpt=_excerpt(action, written.content, written.message),
            action=action,
            pages=(Page(title=title, url=None if action is WikiAction.DELETED else url),),
        ),
    )


def _excerpt(action: WikiAction, content: str | None, message: str | None) -> str | None:
    match action:
        case WikiAction.CREATED:
            return excerpt(content)
        case WikiAction.UPDATED:
            return excerpt(message)
        case WikiAction.DELETED:
            return None
