"""Every event reads well in every language, and says project, doer and title."""

from dataclasses import replace
from typing import get_args

import pytest
from aiogram.enums import MessageEntityType

from src.events import (
    ALL_NAMES,
    CATALOGUE,
    CommentEvent,
    CommentOn,
    Commit,
    DocumentationEvent,
    Event,
    IssueAction,
    IssueEvent,
    JobEvent,
    JobStatus,
    Mute,
    OpenPage,
    Page,
    People,
    Person,
    PipelineEvent,
    PipelineStatus,
    PullRequestAction,
    PullRequestEvent,
    PushAction,
    PushEvent,
    Refs,
    ReleaseAction,
    ReleaseEvent,
    Targets,
    Team,
    WikiAction,
    WikiEvent,
)
from src.i18n import languages
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import describe, describe_kind, render
from src.webhook.render.wording import WORDINGS, main_name
from tests.rendering import (
    ANN,
    BOB,
    GITHUB,
    GITLAB,
    ISSUE,
    JOB,
    MAIN,
    PR,
    RELEASE,
    ROCKET,
    RUN,
    WEB,
    WIKI,
    Words,
    because,
    covered,
    every_event,
    shared,
    shown,
    started,
    visible,
)

REFS = Refs(branch="fix-pump", target_branch="main")
COMMITS = tuple(Commit(sha=f"{n}a2b3c4d5e6f", title=f"Pump {n}", url=f"{WEB}/c/{n}") for n in range(3))

EVENTS = list(every_event())


def test_the_helper_makes_every_kind_and_every_name() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(get_args(Event)[0]))
    modifiers = {"issue.confidential", "pipeline.child"}
    assert {main_name(event) for event in EVENTS} == ALL_NAMES - modifiers | {"hook.test"}


def test_every_name_has_a_sign_and_a_sentence_and_no_other_has() -> None:
    assert WORDINGS.keys() == {main_name(event) for event in EVENTS}
    assert all(wording.sign and wording.sentence for wording in WORDINGS.values())
    # Approved and passed may look alike, failed and merged may not: states of one kind differ in their sentences.
    assert len({(name.split(".")[0], wording.sentence) for name, wording in WORDINGS.items()}) == len(WORDINGS)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("words", [GITHUB, GITLAB], ids=lambda words: words.title)
@pytest.mark.parametrize("event", EVENTS, ids=main_name)
def test_every_event_names_project_doer_and_title(event: Event, words: Words, language: str) -> None:
    text = shown(event, language=language, words=words)
    first, *_ = text.split("\n")
    assert first.startswith(WORDINGS[main_name(event)].sign + " ")
    assert "acme/rocket" in first
    assert event.subject.title in first
    assert "ann" in text
    assert "{" not in text
    assert "None" not in text


@pytest.mark.parametrize("event", EVENTS, ids=main_name)
def test_russian_is_not_english(event: Event) -> None:
    sentence = shown(event, language="ru").split("\n")[1]
    assert set(sentence.lower()) & set("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
    assert sentence != shown(event).split("\n")[1]


@pytest.mark.parametrize("event", EVENTS, ids=main_name)
def test_unknown_language_reads_english(event: Event) -> None:
    assert shown(event, language="tlh") == shown(event)


def test_gitlab_words() -> None:
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.CLOSED)
    assert shown(event, words=GITLAB) == "⚫ acme/rocket · MR !5 Fix the pump\nann closed this MR without merging"
    assert shown(event, words=GITLAB, language="ru").endswith("ann: MR закрыт без слияния")


def test_nobody_known_did_it() -> None:
    event = PullRequestEvent(**shared(PR, actor=None), action=PullRequestAction.MERGED)
    assert "\nSomeone merged this PR" in shown(event)
    assert "\nКто-то: PR влит" in shown(event, language="ru")
    nameless = replace(event, actor=Person(id="7"))
    assert shown(nameless) == shown(event)


def test_releases_without_a_doer_need_none() -> None:
    event = ReleaseEvent(**shared(RELEASE, actor=None), action=ReleaseAction.PUBLISHED)
    assert shown(event) == "📦 acme/rocket · Release v1.2 Quiet pumps\nPublished"
    assert shown(event, language="ru").endswith("\nОпубликован")


def test_what_is_gone_has_no_link_and_the_button_opens_the_project() -> None:
    event = PushEvent(**shared(MAIN), action=PushAction.DELETED)
    notification = render(event, [], language="en", words=GITHUB)
    assert covered(notification, MessageEntityType.TEXT_LINK) == ["acme/rocket", "ann"]
    assert notification.buttons == (OpenPage(label="Open on GitHub", url=f"{WEB}/acme/rocket"), Mute(label="🔕 Mute…"))


def test_nobody_known_started_it() -> None:
    event = PipelineEvent(**shared(RUN, actor=None), status=PipelineStatus.FAILED)
    assert shown(event) == "❌ acme/rocket · Pipeline #77 Fix the pump\nFailed"


def test_a_pipeline_is_told_by_who_started_it_before_who_is_named_as_actor() -> None:
    event = PipelineEvent(**shared(RUN, people=People(starter=BOB)), status=PipelineStatus.RUNNING)
    assert shown(event).endswith("Running · started by bob")


def test_bot_is_shown_by_its_login() -> None:
    event = PullRequestEvent(
        **shared(PR, actor=Person(login="renovate[bot]", is_bot=True)), action=PullRequestAction.OPENED
    )
    assert "\nrenovate[bot] opened this PR" in shown(event)


def test_addressed_to_nobody_that_is_named() -> None:
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.REVIEW_REQUESTED)
    assert shown(event).endswith("\nann requested a review")


def test_many_targets_are_cut_short() -> None:
    team = tuple(Team(path=f"acme/{n}") for n in range(9))
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.ASSIGNED, targets=Targets(teams=team))
    assert shown(event).endswith("ann assigned this PR to acme/0, acme/1, acme/2, acme/3, acme/4 and 4 more")


def test_confidential_says_so_first() -> None:
    event = IssueEvent(**shared(ISSUE, confidential=True), action=IssueAction.OPENED)
    assert shown(event).startswith("🟢 🔒 confidential · acme/rocket · Issue #12")
    assert "🔒" not in shown(replace(event, confidential=False))


def test_of_a_run_the_reasons_say_what_is_the_readers() -> None:
    author = because(Reason.AUTHOR)
    for event in (
        PipelineEvent(**started(RUN), status=PipelineStatus.FAILED),
        JobEvent(**started(JOB), status=JobStatus.FAILED),
    ):
        assert shown(event, *author, words=GITLAB).endswith("\nWhy: your MR")
        assert shown(event, *author, language="ru").endswith("\nПричина: ваш PR")


def test_a_single_wiki_page_is_this_page() -> None:
    one = WikiEvent(**shared(WIKI), action=WikiAction.UPDATED, pages=(Page(title="Install"),))
    assert shown(one) == "📝 acme/rocket · Wiki Install\nann updated this page"
    assert shown(replace(one, actor=None), language="ru").endswith("\nКто-то: страница изменена")
    two = replace(one, pages=(Page(title="Install"), Page(title="Uninstall")))
    assert shown(two).endswith("ann edited the wiki · 2 pages\nInstall, Uninstall")


def test_fixed_pipeline_says_so() -> None:
    event = PipelineEvent(**started(RUN), status=PipelineStatus.SUCCESS, fixed=True)
    assert "\nFixed: passes again · started by ann" in shown(event)


def test_failed_jobs_are_named_five_at_most() -> None:
    event = PipelineEvent(**started(RUN), status=PipelineStatus.FAILED, failed_jobs=tuple(f"job-{n}" for n in range(9)))
    assert shown(event).endswith("Jobs: job-0, job-1, job-2, job-3, job-4 and 4 more")
    assert shown(event, language="ru").endswith("Задания: job-0, job-1, job-2, job-3, job-4 и ещё 4")


def test_failed_job_says_where_and_why() -> None:
    event = JobEvent(
        **started(JOB, refs=Refs(branch="main")),
        status=JobStatus.FAILED,
        stage="test",
        failure_reason="script_failure",
    )
    assert shown(event) == (
        "❌ acme/rocket · Job build\nThe job failed · stage test · script failure · branch main · started by ann"
    )


def test_pipeline_of_a_pull_request_names_it() -> None:
    event = PipelineEvent(**started(RUN, refs=Refs(pull_request=5)), status=PipelineStatus.FAILED)
    assert "Failed · MR !5 · started by ann" in shown(event, words=GITLAB)


def test_workflow_name_is_not_said_twice() -> None:
    event = PipelineEvent(**started(RUN), status=PipelineStatus.FAILED, workflow="Fix the pump")
    assert "Pipeline #77 Fix the pump\n" in shown(event)


def test_comment_on_a_line_says_which() -> None:
    event = CommentEvent(**shared(PR), on=CommentOn.REVIEW, comment_id="1", file="src/pump.py", line=12)
    assert shown(event).endswith("ann commented on the code · src/pump.py:12")


def test_push_links_its_commits() -> None:
    notification = render(
        PushEvent(**shared(MAIN), action=PushAction.PUSHED, commits=COMMITS[:1], count=1),
        [],
        language="en",
        words=GITHUB,
    )
    assert visible(notification).endswith("ann pushed to this branch · 1 commit\n0a2b3c4d Pump 0")
    assert "0a2b3c4d" in covered(notification, MessageEntityType.TEXT_LINK)


def test_changed_files_are_links() -> None:
    event = DocumentationEvent(
        **shared(MAIN), files=tuple(Page(title=f"docs/{n}.md", url=f"{WEB}/d/{n}") for n in range(7)), count=12
    )
    notification = render(event, [], language="en", words=GITHUB)
    assert visible(notification).endswith("docs/0.md, docs/1.md, docs/2.md, docs/3.md, docs/4.md and 7 more")
    assert covered(notification, MessageEntityType.TEXT_LINK)[-5:] == [f"docs/{n}.md" for n in range(5)]


def test_project_title_and_doer_are_links_and_the_page_is_a_button() -> None:
    page = f"{WEB}/acme/rocket/pull/5#note_1"
    event = CommentEvent(**shared(PR, url=page), on=CommentOn.PULL_REQUEST, comment_id="1")
    notification = render(event, [], language="ru", words=GITLAB)
    _, entities = notification.content.render()
    assert covered(notification, MessageEntityType.TEXT_LINK) == ["acme/rocket", "MR !5 Fix the pump", "ann"]
    assert [entity.url for entity in entities] == [ROCKET.url, PR.url, ANN.url]
    assert notification.buttons == (OpenPage(label="Открыть комментарий", url=page), Mute(label="🔕 Тише…"))
    assert notification.preview is False


def test_reasons_have_one_order_and_choosing_is_not_one_of_them() -> None:
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.CLOSED)
    assert shown(event, *because(Reason.CHOSEN, Reason.AUTHOR, Reason.MENTIONED)).endswith("\nYou: mentioned, author")
    assert "You" not in shown(event, *because(Reason.CHOSEN))


def test_every_reason_is_said() -> None:
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.CLOSED)
    personal = [reason for reason in Reason if reason is not Reason.CHOSEN]
    for language in languages():
        said = {shown(event, *because(reason), language=language) for reason in personal}
        assert len(said) == len(personal)
        assert shown(event, language=language) not in said


def test_a_team_is_named_only_where_the_person_is_not() -> None:
    event = PullRequestEvent(**shared(PR), action=PullRequestAction.CLOSED)
    core = ReasonVia(reason=Reason.REVIEW_REQUESTED, via="acme/core")
    ops = ReasonVia(reason=Reason.REVIEW_REQUESTED, via="acme/ops")
    assert shown(event, ops, core).endswith("\nYou: review requested through acme/core, acme/ops")
    assert shown(event, core, *because(Reason.REVIEW_REQUESTED)).endswith("\nYou: review requested")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("words", [GITHUB, GITLAB], ids=lambda words: words.title)
def test_every_choice_has_a_label_of_its_own(words: Words, language: str) -> None:
    labels = {name: describe(name, language, words) for name in ALL_NAMES}
    assert len(set(labels.values())) == len(ALL_NAMES)
    kinds = {kind: describe_kind(kind, language, words) for kind in CATALOGUE}
    assert len(set(kinds.values())) == len(CATALOGUE)
    for label in [*labels.values(), *kinds.values()]:
        assert label
        assert "{" not in label
        assert len(label) <= 32, "fits a button"


def test_labels() -> None:
    assert describe("pull_request.merged", "en", GITLAB) == "MR merged"
    assert describe("pipeline.failed", "en", GITHUB) == "Pipeline failed"
    assert describe("pipeline.failed", "ru", GITHUB) == "Пайплайн упал"
    assert (describe_kind("pull_request", "en", GITHUB), describe_kind("issue", "ru", GITHUB)) == ("PRs", "Задачи")
    with pytest.raises(KeyError):
        describe("pull_request.exploded", "en", GITHUB)
