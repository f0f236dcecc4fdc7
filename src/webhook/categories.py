"""The categories in which `/notifications` sets what is told loudly, silently or not at all. Pure."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Literal

from src.events import Event
from src.webhook.reasons import Reason, ReasonVia

Level = Literal["on", "silent", "off"]
LEVELS: tuple[Level, ...] = ("on", "silent", "off")  # from the loudest


class Category(StrEnum):
    """In the order in which they are offered; the values stand in `subscriptions.levels`."""

    PIPELINES = "pipelines"
    MENTIONS = "mentions"
    REVIEW_REQUESTS = "review_requests"
    CODE_REVIEWS = "code_reviews"
    COMMENTS = "comments"
    PULL_REQUESTS = "pull_requests"
    ISSUES = "issues"
    DOCUMENTATION = "documentation"
    PUSHES = "pushes"
    RELEASES = "releases"


# By the event's `kind`. What is missing is nothing that anybody chooses, and always told.
_OF_KIND: Mapping[str, Category] = {
    "pipeline": Category.PIPELINES,
    "job": Category.PIPELINES,
    "comment": Category.COMMENTS,
    "pull_request": Category.PULL_REQUESTS,
    "review": Category.PULL_REQUESTS,
    "code_review": Category.CODE_REVIEWS,
    "issue": Category.ISSUES,
    "wiki": Category.DOCUMENTATION,
    "documentation": Category.DOCUMENTATION,
    "push": Category.PUSHES,
    "tag": Category.PUSHES,
    "release": Category.RELEASES,
    "deployment": Category.RELEASES,
}
# By name, where it says more than the kind.
_OF_NAME: Mapping[str, Category] = {
    "pull_request.review_requested": Category.REVIEW_REQUESTS,
    "pull_request.review_request_removed": Category.REVIEW_REQUESTS,
}
_OF_REASON: Mapping[Reason, Category] = {
    Reason.MENTIONED: Category.MENTIONS,
    Reason.REVIEW_REQUESTED: Category.REVIEW_REQUESTS,
    Reason.REVIEW_REQUEST_REMOVED: Category.REVIEW_REQUESTS,
}


def categories(event: Event, reasons: Iterable[ReasonVia]) -> tuple[Category, ...]:
    """What a message falls into: by its reasons first, each once. Empty for a tried hook."""
    found = [*_by_reason(event, reasons), *_by_name(event, event.names)]
    return tuple(dict.fromkeys(category for category in found if category is not None))


def level_of(
    event: Event,
    reasons: Iterable[ReasonVia],
    levels: Mapping[str, Any],
    *,
    anyway: bool,
    chosen: Collection[str] | None = None,
) -> Level:
    """How a message is told: as the loudest of what it is told for says.

    `anyway`: it would be told without a personal reason, so it is also judged as what it is; of several things that
    it is at once (a pull request opened with a reviewer) as those that are among the `chosen` names.
    """
    names = [name for name in event.names if chosen is None or name in chosen]
    personal = [given for given in reasons if given.reason is not Reason.CHOSEN]
    found = [*_by_reason(event, personal), *(_by_name(event, names) if anyway or not personal else ())]
    judged = [category for category in found if category is not None]
    return min((level(levels, category) for category in judged), key=LEVELS.index, default="on")


def level(levels: Mapping[str, Any], category: Category) -> Level:
    """How a subscription has a category told; what was never set, or is not understood, is told."""
    stored = levels.get(category)
    return next((known for known in LEVELS if known == stored), "on")


def _by_reason(event: Event, reasons: Iterable[ReasonVia]) -> list[Category | None]:
    own = next(iter(_by_name(event, event.names)), None)
    return [_OF_REASON.get(given.reason, own) for given in reasons]


def _by_name(event: Event, names: Iterable[str]) -> list[Category | None]:
    return [_OF_NAME.get(name, _OF_KIND.get(event.kind)) for name in names]
