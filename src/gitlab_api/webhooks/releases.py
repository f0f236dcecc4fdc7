"""Releases: "Release events" in GitLab's documentation."""

from src.events import People, Refs, ReleaseAction, ReleaseEvent, Subject, SubjectKind
from src.gitlab_api.webhooks import neutral
from src.gitlab_api.webhooks.payloads import ReleasePayload
from src.gitlab_api.webhooks.registry import Delivery, Events, Parsers, told
from src.markdown import excerpt, mentions

parsers = Parsers()

ACTIONS = {
    "create": ReleaseAction.PUBLISHED,
    "update": ReleaseAction.UPDATED,
    "delete": ReleaseAction.DELETED,
}


@parsers.parses("release", payload=ReleasePayload)
def release(payload: ReleasePayload, _: Delivery) -> Events:
    """A release was published, changed or removed. GitLab knows no prereleases."""
    action = told("release", payload.action, ACTIONS, frozenset())
    if action is None:
        return ()
    home = neutral.project(payload)
    published = action is ReleaseAction.PUBLISHED
    # Changes have neither a number nor a time: what the release says now tells one from another.
    state = neutral.digest([payload.name, payload.description, payload.released_at])
    return (
        ReleaseEvent(
            project=home,
            subject=Subject(
                kind=SubjectKind.RELEASE,
                id=payload.tag,
                title=neutral.title(payload.name, payload.tag),
                url=neutral.address(payload.url) or neutral.page(home, "releases", payload.tag),
            ),
            happening=neutral.happening(
                "release",
                home,
                payload.tag,
                action,
                neutral.stamp(payload.created_at),
                state if action is ReleaseAction.UPDATED else None,
            ),
            actor=neutral.person(payload.user, home),
            people=People(mentioned=mentions(payload.description) if published else ()),
            refs=Refs(head_sha=payload.commit.id if payload.commit else None),
            excerpt=None if action is ReleaseAction.DELETED else excerpt(payload.description),
            occurred_at=neutral.moment(payload.created_at) if published else None,
            action=action,
        ),
    )
