"""How a backlog reads as one message."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiogram.enums import MessageEntityType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.events import (
    CommentEvent,
    CommentOn,
    Event,
    OpenPage,
    PipelineEvent,
    PipelineStatus,
    Project,
    PullRequestAction,
    PullRequestEvent,
    PushAction,
    PushEvent,
)
from src.i18n import languages
from src.webhook.reasons import Reason
from src.webhook.render import MOST_ASKS, Gathered, Notification, render_digest
from src.webhook.render.content import units
from tests.rendering import (
    GITHUB,
    ISSUE,
    MAIN,
    PR,
    ROCKET,
    RUN,
    WEB,
    abused_events,
    because,
    covered,
    every_event,
    shared,
    started,
    visible,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LANDER = Project(forge="gitlab", external_id="2", path="acme/lander", url=f"{WEB}/acme/lander")


def one(event: Event, *reasons: Reason, ago: timedelta = timedelta(), series: str | None = None) -> Gathered:
    return Gathered(event=event, reasons=tuple(because(*reasons)), words=GITHUB, since=NOW - ago, series=series)


def push(project: Project = ROCKET) -> Event:
    return PushEvent(**{**shared(MAIN), "project": project}, action=PushAction.PUSHED)


def mention(number: int = 1) -> CommentEvent:
    url = f"{WEB}/acme/rocket/issues/12#comment-{number}"
    return CommentEvent(**shared(ISSUE, url=url), on=CommentOn.ISSUE, comment_id=str(number))


def run(number: int, status: PipelineStatus, *, fixed: bool = False) -> PipelineEvent:
    subject = replace(RUN, id=str(number), number=number)
    return PipelineEvent(**started(subject), status=status, fixed=fixed)


def pull(number: int, action: PullRequestAction, aspect: str | None = None) -> Event:
    subject = replace(PR, id=str(number), number=number)
    return PullRequestEvent(**shared(subject, aspect=aspect), action=action)


def digest(*backlog: Gathered, language: str = "en") -> str:
    return visible(render_digest(backlog, language=language, now=NOW))


def test_thirty_pushes_are_one_line() -> None:
    assert digest(*[one(push())] * 30).splitlines() == [
        "🗂 30 updates in one message",
        "",
        "acme/rocket",
        "⬆️ Branch main · Commits pushed ×30",
    ]


def test_what_asks_something_comes_first_and_each_has_a_line_with_its_own_link() -> None:
    backlog = [*[one(push())] * 20, *(one(mention(number), Reason.MENTIONED) for number in range(3))]
    backlog.append(one(pull(9, PullRequestAction.REVIEW_REQUESTED), Reason.REVIEW_REQUESTED, Reason.AUTHOR))
    notification = render_digest(backlog, language="en", now=NOW)

    assert visible(notification).splitlines()[2:7] == [
        "For you",
        *["💬 Issue #12 Pump leaks · mentioned"] * 3,
        "👀 PR #9 Fix the pump · review requested, author",
    ]
    links = [entity.url for entity in notification.content.render()[1] if entity.url]
    assert [url for url in links if "#comment-" in url] == [mention(number).url for number in range(3)]


def test_other_reasons_are_counted_with_the_rest() -> None:
    assert "For you" not in digest(*[one(push(), Reason.AUTHOR)] * 12)


def test_a_pipeline_that_failed_and_was_fixed_is_one_line_that_says_fixed() -> None:
    runs = [
        one(run(1, PipelineStatus.FAILED), series="CI main"),
        one(run(2, PipelineStatus.FAILED), series="CI main"),
        one(run(3, PipelineStatus.SUCCESS, fixed=True), series="CI main"),
        one(run(4, PipelineStatus.FAILED), series="CI other"),
    ]
    assert digest(*runs).splitlines()[3:] == [
        "❌ Pipeline #4 Fix the pump · Pipeline failed",
        "✅ Pipeline #3 Fix the pump · Pipeline fixed",
    ]


def test_of_one_subject_and_aspect_the_newest_state_is_said_and_other_news_too() -> None:
    backlog = [
        one(pull(5, PullRequestAction.OPENED, "state")),
        one(pull(5, PullRequestAction.UPDATED)),
        one(pull(5, PullRequestAction.UPDATED)),
        one(pull(5, PullRequestAction.CLOSED, "state")),
        one(pull(5, PullRequestAction.REOPENED, "state")),
    ]
    assert digest(*backlog).splitlines()[3:] == ["🟢 PR #5 Fix the pump · PR reopened, PR: new commits ×2"]


def test_projects_are_apart_and_the_one_with_the_newest_news_first() -> None:
    backlog = [one(push(LANDER)), one(push()), one(push(LANDER))]
    assert [line for line in digest(*backlog).splitlines() if "acme" in line] == ["acme/lander", "acme/rocket"]
    asked = digest(*backlog, one(mention(), Reason.MENTIONED))
    assert "💬 Issue #12 Pump leaks · acme/rocket · mentioned" in asked


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(minutes=59), None),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47, minutes=59), "47 hours ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_what_arrived_long_ago_is_told_with_its_age(ago: timedelta, said: str | None) -> None:
    text = digest(*[one(push())] * 11, one(mention(), Reason.MENTIONED, ago=ago))
    assert (f"The oldest: {said}." in text, f"mentioned · {said}" in text) == (bool(said), bool(said))
    assert "ago" in text or not said


def test_too_much_for_one_message_keeps_the_newest_and_counts_the_rest() -> None:
    backlog = [one(pull(number, PullRequestAction.OPENED)) for number in range(200)]
    lines = digest(*backlog).splitlines()
    assert lines[3] == "🟢 PR #199 Fix the pump · PR opened"
    assert lines[-1] == f"and {200 - (len(lines) - 4)} more"


@pytest.mark.parametrize(
    ("count", "title"),
    [
        (11, "🗂 11 новостей одним сообщением"),
        (21, "🗂 21 новость одним сообщением"),
        (32, "🗂 32 новости одним сообщением"),
    ],
)
def test_russian_counts(count: int, title: str) -> None:
    text = digest(*[one(push(), ago=timedelta(hours=2))] * (count - 1), one(mention(), Reason.MENTIONED), language="ru")
    assert text.splitlines()[:4] == [title, "Самая давняя: 2 часа назад.", "", "Для вас"]


def test_a_long_rest_is_folded_and_a_short_one_is_not() -> None:
    def kinds(count: int) -> set[str]:
        backlog = [one(pull(number, PullRequestAction.OPENED)) for number in range(count)]
        return {entity.type for entity in render_digest(backlog, language="en", now=NOW).content.render()[1]}

    assert "expandable_blockquote" not in kinds(4)
    assert "expandable_blockquote" in kinds(11)


def test_one_project_has_its_page_as_a_button_and_several_have_none() -> None:
    alone = render_digest([one(push())], language="en", now=NOW)
    assert alone.buttons == (OpenPage(label="Open on GitHub", url=ROCKET.url or ""),)
    assert render_digest([one(push()), one(push(LANDER))], language="en", now=NOW).buttons == ()


@pytest.mark.parametrize("language", languages())
def test_every_event_has_its_line(language: str) -> None:
    for event in every_event():
        for reasons in ((), (Reason.MENTIONED,), tuple(Reason)):
            fits(render_digest([one(event, *reasons, ago=timedelta(days=2))] * 3, language=language, now=NOW))


PIECES = [
    *"ab \n@/#$.<&א漢١🚀👩🏽",
    "\x00",
    "\u202e",
    "\u0301",
    "@bob",
    "/start",
    "https://t.me/x",
    "a.sh",
    "4111111111111111",
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=st.lists(st.sampled_from(PIECES), max_size=60).map("".join),
    url=st.sampled_from([f"{WEB}/x", f"{WEB}/{'y' * 2_000}", "", "http://gitlab/x"]),
    language=st.sampled_from(languages()),
    asked=st.integers(0, MOST_ASKS),
)
def test_whatever_strangers_write_it_fits_a_message(text: str, url: str, language: str, asked: int) -> None:
    events = list(abused_events(text * 40, url, 50))
    backlog = [
        one(replace(events[n % len(events)], project=replace(ROCKET, path=text * 9, external_id=str(n % 9))))
        for n in range(200 - asked)
    ]
    asks = [one(events[n % len(events)], *Reason, ago=timedelta(days=400)) for n in range(asked)]
    notification = render_digest([*backlog, *asks], language=language, now=NOW)
    fits(notification)
    assert len(covered(notification, MessageEntityType.TEXT_LINK)) <= 100


def fits(notification: Notification) -> None:
    text, entities = notification.content.render()
    assert 0 < units(text) <= 4_096
    assert len(entities) <= 100
    assert "{" not in text.replace("{ ", "")
