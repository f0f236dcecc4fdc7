"""What is told loudly, silently or not at all: by the reason first, then by what it is."""

from dataclasses import replace

import pytest

from src.events import (
    CATALOGUE,
    CommentEvent,
    CommentOn,
    HookTestEvent,
    People,
    PipelineEvent,
    PipelineStatus,
    PullRequestAction,
    PullRequestEvent,
)
from src.i18n import languages
from src.webhook.categories import Category, Level, categories, level, level_of
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import describe_category
from tests.rendering import BOB, GITHUB, HOOK, ISSUE, PR, RUN, TARGETS, every_event, shared

COMMENT = CommentEvent(**shared(ISSUE), on=CommentOn.ISSUE, comment_id="1")
ASKED = People(reviewers=(BOB,))
REQUEST = PullRequestEvent(**shared(PR), action=PullRequestAction.REVIEW_REQUESTED, targets=TARGETS)


def because(*reasons: Reason) -> list[ReasonVia]:
    return [ReasonVia(reason=reason) for reason in reasons]


def test_every_choosable_event_falls_into_a_category() -> None:
    found = {str(event.kind): categories(event, because(Reason.CHOSEN)) for event in every_event()}
    assert all(found[kind] for kind in CATALOGUE)
    assert {category for names in found.values() for category in names} | {Category.MENTIONS} >= set(Category) - {
        Category.REVIEW_REQUESTS
    }
    assert categories(HookTestEvent(**shared(HOOK)), because(Reason.HOOK_OWNER)) == ()


def test_a_personal_reason_comes_before_the_kind() -> None:
    assert categories(COMMENT, because(Reason.MENTIONED, Reason.AUTHOR)) == (Category.MENTIONS, Category.COMMENTS)
    assert categories(COMMENT, because(Reason.CHOSEN)) == (Category.COMMENTS,)
    assert categories(REQUEST, because(Reason.CHOSEN)) == (Category.REVIEW_REQUESTS,)
    run = PipelineEvent(**shared(RUN), status=PipelineStatus.FAILED)
    assert categories(run, because(Reason.STARTED)) == (Category.PIPELINES,)


@pytest.mark.parametrize(
    ("reasons", "levels", "anyway", "expected"),
    [
        ((Reason.MENTIONED,), {"comments": "off"}, False, "on"),
        ((Reason.MENTIONED,), {"mentions": "off"}, False, "off"),
        ((Reason.MENTIONED,), {"mentions": "off"}, True, "on"),  # it is still a comment, and all of those are told
        ((Reason.MENTIONED, Reason.AUTHOR), {"mentions": "off", "comments": "silent"}, False, "silent"),
        ((Reason.MENTIONED, Reason.REVIEW_REQUESTED), {"mentions": "silent"}, False, "on"),
        ((Reason.CHOSEN,), {"comments": "silent"}, True, "silent"),
        ((Reason.CHOSEN,), {"comments": "louder"}, True, "on"),
        ((Reason.CHOSEN,), {}, True, "on"),
    ],
)
def test_the_loudest_of_what_it_is_told_for_says(
    reasons: tuple[Reason, ...], levels: dict[str, str], anyway: bool, expected: Level
) -> None:
    assert level_of(COMMENT, because(*reasons), levels, anyway=anyway) == expected


@pytest.mark.parametrize(
    ("chosen", "levels", "expected"),
    [
        ({"pull_request.review_requested"}, {"review_requests": "off"}, "off"),  # not on as a pull request
        ({"pull_request.review_requested"}, {"pull_requests": "off"}, "on"),
        ({"pull_request.opened"}, {"review_requests": "off"}, "on"),
        ({"pull_request.opened"}, {"pull_requests": "off"}, "off"),
        ({"pull_request.opened", "pull_request.review_requested"}, {"pull_requests": "off"}, "on"),
        ({"pull_request.opened", "pull_request.review_requested"}, {"review_requests": "silent"}, "on"),
    ],
)
def test_what_is_two_things_at_once_is_judged_as_what_was_chosen(
    chosen: set[str], levels: dict[str, str], expected: Level
) -> None:
    opened = replace(PullRequestEvent(**shared(PR), action=PullRequestAction.OPENED), people=ASKED)
    assert set(opened.names) == {"pull_request.opened", "pull_request.review_requested"}
    assert level_of(opened, because(Reason.CHOSEN), levels, anyway=True, chosen=chosen) == expected
    # Whose review is wanted is told of that, whatever else it is.
    wanted = level_of(opened, because(Reason.REVIEW_REQUESTED), {"pull_requests": "off"}, anyway=False, chosen=chosen)
    assert wanted == "on"


def test_a_tried_hook_is_always_told() -> None:
    all_off = dict.fromkeys(map(str, Category), "off")
    assert level_of(HookTestEvent(**shared(HOOK)), because(Reason.HOOK_OWNER), all_off, anyway=False) == "on"
    assert all(level(all_off, category) == "off" for category in Category)


@pytest.mark.parametrize("language", languages())
def test_every_category_has_a_label_that_fits_a_button(language: str) -> None:
    labels = {describe_category(category, language, GITHUB) for category in Category}
    assert len(labels) == len(Category)
    assert all(len(label) <= 24 and "{" not in label for label in labels)
