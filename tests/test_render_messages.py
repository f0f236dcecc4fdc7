"""The ten commonest messages, word for word."""

import pytest

from src.events import (
    CommentEvent,
    CommentOn,
    Commit,
    Event,
    IssueAction,
    IssueEvent,
    PipelineEvent,
    PipelineStatus,
    PullRequestAction,
    PullRequestEvent,
    PushAction,
    PushEvent,
    Refs,
    ReleaseAction,
    ReleaseEvent,
    ReviewEvent,
    ReviewState,
    Targets,
)
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render.wording import main_name
from tests.rendering import (
    BOB,
    ISSUE,
    MAIN,
    PR,
    RELEASE,
    RUN,
    TARGETS,
    WEB,
    because,
    shared,
    shown,
    started,
)

REFS = Refs(branch="fix-pump", target_branch="main")
COMMITS = tuple(Commit(sha=f"{n}a2b3c4d5e6f", title=f"Pump {n}", url=f"{WEB}/c/{n}") for n in range(3))

# event, reasons, English, Russian
COMMONEST: list[tuple[Event, list[ReasonVia], list[str], list[str]]] = [
    (
        PullRequestEvent(**shared(PR, refs=REFS, excerpt="It leaks."), action=PullRequestAction.OPENED),
        because(Reason.CHOSEN),
        [
            "🟢 acme/rocket · PR #5 Fix the pump",
            "ann opened this PR · fix-pump → main",
            "It leaks.",
        ],
        [
            "🟢 acme/rocket · PR #5 Fix the pump",
            "ann: новый PR · fix-pump → main",
            "It leaks.",
        ],
    ),
    (
        PullRequestEvent(**shared(PR, refs=REFS), action=PullRequestAction.MERGED),
        because(Reason.AUTHOR, Reason.CHOSEN),
        [
            "🟣 acme/rocket · PR #5 Fix the pump",
            "ann merged this PR · fix-pump → main",
            "You: author",
        ],
        [
            "🟣 acme/rocket · PR #5 Fix the pump",
            "ann: PR влит · fix-pump → main",
            "Причина: вы автор",
        ],
    ),
    (
        PullRequestEvent(**shared(PR), action=PullRequestAction.REVIEW_REQUESTED, targets=TARGETS),
        [ReasonVia(reason=Reason.REVIEW_REQUESTED, via="acme/core"), ReasonVia(reason=Reason.ASSIGNED)],
        [
            "👀 acme/rocket · PR #5 Fix the pump",
            "ann requested a review from bob, acme/core",
            "You: review requested through acme/core, assigned",
        ],
        [
            "👀 acme/rocket · PR #5 Fix the pump",
            "ann: запрошено ревью у bob, acme/core",
            "Причина: запрос ревью через acme/core, вы исполнитель",
        ],
    ),
    (
        ReviewEvent(**shared(PR), state=ReviewState.APPROVED),
        because(Reason.AUTHOR),
        [
            "👍 acme/rocket · PR #5 Fix the pump",
            "ann approved this PR",
            "You: author",
        ],
        [
            "👍 acme/rocket · PR #5 Fix the pump",
            "ann: PR одобрен",
            "Причина: вы автор",
        ],
    ),
    (
        ReviewEvent(**shared(PR, excerpt="Add a test."), state=ReviewState.CHANGES_REQUESTED),
        because(Reason.AUTHOR),
        [
            "✋ acme/rocket · PR #5 Fix the pump",
            "ann requested changes",
            "You: author",
            "Add a test.",
        ],
        [
            "✋ acme/rocket · PR #5 Fix the pump",
            "ann: запрошены правки",
            "Причина: вы автор",
            "Add a test.",
        ],
    ),
    (
        CommentEvent(**shared(ISSUE, excerpt="Same here, @bob"), on=CommentOn.ISSUE, comment_id="1"),
        because(Reason.MENTIONED, Reason.PARTICIPANT),
        [
            "💬 acme/rocket · Issue #12 Pump leaks",
            "ann commented on this issue",
            "You: mentioned, in this discussion",
            "Same here, @bob",
        ],
        [
            "💬 acme/rocket · Задача #12 Pump leaks",
            "ann: комментарий к задаче",
            "Причина: упоминание, вы в обсуждении",
            "Same here, @bob",
        ],
    ),
    (
        IssueEvent(**shared(ISSUE), action=IssueAction.ASSIGNED, targets=Targets(people=(BOB,))),
        because(Reason.ASSIGNED),
        [
            "👤 acme/rocket · Issue #12 Pump leaks",
            "ann assigned this issue to bob",
            "You: assigned",
        ],
        [
            "👤 acme/rocket · Задача #12 Pump leaks",
            "ann: задача назначена на bob",
            "Причина: вы исполнитель",
        ],
    ),
    (
        PipelineEvent(
            **started(RUN, refs=Refs(branch="main")),
            status=PipelineStatus.FAILED,
            workflow="CI",
            failed_jobs=("build", "test (3.12)"),
        ),
        because(Reason.STARTED, Reason.COMMITTED),
        [
            "❌ acme/rocket · Pipeline #77 CI: Fix the pump",
            "Failed · branch main · started by ann",
            "Jobs: build, test (3.12)",
            "Why: your run, your commit",
        ],
        [
            "❌ acme/rocket · Пайплайн #77 CI: Fix the pump",
            "Ошибка · ветка main · запуск: ann",
            "Задания: build, test (3.12)",
            "Причина: ваш запуск, ваш коммит",
        ],
    ),
    (
        PushEvent(**shared(MAIN), action=PushAction.PUSHED, commits=COMMITS, count=50),
        because(Reason.CHOSEN),
        [
            "⬆️ acme/rocket · Branch main",
            "ann pushed to this branch · 50 commits",
            "0a2b3c4d Pump 0",
            "1a2b3c4d Pump 1",
            "2a2b3c4d Pump 2",
            "and 47 more",
        ],
        [
            "⬆️ acme/rocket · Ветка main",
            "ann: пуш в ветку · 50 коммитов",
            "0a2b3c4d Pump 0",
            "1a2b3c4d Pump 1",
            "2a2b3c4d Pump 2",
            "и ещё 47",
        ],
    ),
    (
        ReleaseEvent(**shared(RELEASE, excerpt="Hush."), action=ReleaseAction.PUBLISHED, prerelease=True),
        because(Reason.CHOSEN),
        [
            "📦 acme/rocket · Release v1.2 Quiet pumps",
            "ann published this release · pre-release",
            "Hush.",
        ],
        [
            "📦 acme/rocket · Релиз v1.2 Quiet pumps",
            "ann: релиз опубликован · предварительный релиз",
            "Hush.",
        ],
    ),
]


@pytest.mark.parametrize(
    ("event", "reasons", "english", "russian"), COMMONEST, ids=[main_name(event) for event, *_ in COMMONEST]
)
def test_the_commonest_messages_read(
    event: Event, reasons: list[ReasonVia], english: list[str], russian: list[str]
) -> None:
    assert shown(event, *reasons).split("\n") == english
    assert shown(event, *reasons, language="ru").split("\n") == russian
