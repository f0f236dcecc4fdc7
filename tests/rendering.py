"""Events of every kind and state, and what a message must be: shared by the tests of `webhook.render`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiogram.enums import MessageEntityType
from aiogram.types import MessageEntity

from src.events import (
    CodeReviewEvent,
    CodeReviewOutcome,
    CommentEvent,
    CommentOn,
    Commit,
    DeploymentEvent,
    DeploymentStatus,
    DocumentationEvent,
    Event,
    HookTestEvent,
    IssueAction,
    IssueEvent,
    JobEvent,
    JobStatus,
    Page,
    People,
    Person,
    PipelineEvent,
    PipelineStatus,
    Project,
    PullRequestAction,
    PullRequestEvent,
    PushAction,
    PushEvent,
    Refs,
    ReleaseAction,
    ReleaseEvent,
    ReviewedLine,
    ReviewEvent,
    ReviewState,
    Subject,
    SubjectKind,
    TagAction,
    TagEvent,
    Targets,
    Team,
    WikiAction,
    WikiEvent,
)
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import Notification, render

WEB = "https://git.example.com"


@dataclass(frozen=True)
class Words:
    """A forge's words, as a `ForgeType` has them."""

    title: str
    pull_request_word: str
    pull_request_mark: str


GITHUB = Words("GitHub", "PR", "#")
GITLAB = Words("GitLab", "MR", "!")
ROCKET = Project(forge="github", external_id="1", path="acme/rocket", url=f"{WEB}/acme/rocket")
ANN = Person(id="1", login="ann", url=f"{WEB}/ann")
BOB = Person(id="2", login="bob")
CORE = Team(path="acme/core")
PR = Subject(kind=SubjectKind.PULL_REQUEST, id="5", number=5, title="Fix the pump", url=f"{WEB}/acme/rocket/pull/5")
ISSUE = Subject(kind=SubjectKind.ISSUE, id="12", number=12, title="Pump leaks", url=f"{WEB}/acme/rocket/issues/12")
RUN = Subject(kind=SubjectKind.PIPELINE, id="3001", number=77, title="Fix the pump", url=f"{WEB}/acme/rocket/runs/77")
JOB = Subject(kind=SubjectKind.JOB, id="9", title="build")
MAIN = Subject(kind=SubjectKind.BRANCH, id="main", title="main", url=f"{WEB}/acme/rocket/tree/main")
COMMIT = Subject(kind=SubjectKind.COMMIT, id="1a2b3c4d5e6f", title="Fix the pump")
SNIPPET = Subject(kind=SubjectKind.SNIPPET, id="8", number=8, title="pump.sh")
TAG = Subject(kind=SubjectKind.TAG, id="v1.2", title="v1.2")
RELEASE = Subject(kind=SubjectKind.RELEASE, id="v1.2", title="Quiet pumps")
WIKI = Subject(kind=SubjectKind.WIKI, id="Install", title="Install")
PRODUCTION = Subject(kind=SubjectKind.DEPLOYMENT, id="4", title="production")
HOOK = Subject(kind=SubjectKind.HOOK, id="6", title="Webhook")
COMMENTED = {
    CommentOn.ISSUE: ISSUE,
    CommentOn.PULL_REQUEST: PR,
    CommentOn.REVIEW: PR,
    CommentOn.COMMIT: COMMIT,
    CommentOn.SNIPPET: SNIPPET,
}
TARGETS = Targets(people=(BOB,), teams=(CORE,))


def shared(subject: Subject, **more: Any) -> dict[str, Any]:
    """The fields that every event has."""
    return {"project": ROCKET, "subject": subject, "happening": "h", "actor": ANN, **more}


def started(subject: Subject, **more: Any) -> dict[str, Any]:
    """As `shared`, for what nobody does and somebody set off."""
    return {**shared(subject, **more), "actor": None, "people": People(starter=ANN)}


def reviewed(**more: Any) -> dict[str, Any]:
    """As `shared`, for reviews that nobody but the program makes, of what ann wrote."""
    return {**shared(PR, **more), "actor": None, "people": People(author=ANN)}


def every_event() -> Iterator[Event]:
    """One event of every kind and state, and of every flag that changes its name."""
    for pull_request_action in PullRequestAction:
        yield PullRequestEvent(**shared(PR), action=pull_request_action, targets=TARGETS)
    yield from _every_review()
    for issue_action in IssueAction:
        yield IssueEvent(**shared(ISSUE), action=issue_action, targets=TARGETS)
    for on, subject in COMMENTED.items():
        yield CommentEvent(**shared(subject), on=on, comment_id="1")
    yield CommentEvent(**shared(ISSUE), on=CommentOn.ISSUE, comment_id="1", edited=True)
    for status in PipelineStatus:
        yield PipelineEvent(**started(RUN), status=status)
    yield PipelineEvent(**started(RUN), status=PipelineStatus.SUCCESS, fixed=True)
    yield PipelineEvent(**started(RUN), status=PipelineStatus.FAILED, child=True)
    for job_status in JobStatus:
        yield JobEvent(**started(JOB), status=job_status)
    for deployment_status in DeploymentStatus:
        yield DeploymentEvent(**started(PRODUCTION), status=deployment_status)
    for push_action in PushAction:
        yield PushEvent(**shared(MAIN), action=push_action)
    for tag_action in TagAction:
        yield TagEvent(**shared(TAG), action=tag_action)
    for release_action in ReleaseAction:
        yield ReleaseEvent(**shared(RELEASE), action=release_action)
    for wiki_action in WikiAction:
        yield WikiEvent(**shared(WIKI), action=wiki_action, pages=(Page(title="Install"),))
    yield DocumentationEvent(**shared(MAIN), files=(Page(title="docs/pump.md"),), count=1)
    yield HookTestEvent(**shared(HOOK))


def _every_review() -> Iterator[Event]:
    """People's, and the program's own."""
    for review_state in ReviewState:
        yield ReviewEvent(**shared(PR), state=review_state)
    for outcome in CodeReviewOutcome:
        yield CodeReviewEvent(**reviewed(), outcome=outcome)


def abused_events(text: str, url: str, count: int) -> Iterator[Event]:
    """Events with `text` wherever a stranger may write and lists of `count`; between them every part of a message."""
    someone = Person(login=text, url=url)
    people = Targets(people=(someone,) * count, teams=(Team(path=text),) * count)
    every = {
        "project": Project(forge="gitlab", external_id="1", path=text, url=url),
        "happening": text,
        "actor": someone,
        "people": People(starter=someone),
        "refs": Refs(branch=text, target_branch=text, head_sha=text),
        "confidential": True,
        "excerpt": f"{text}\n{text}\n{text}",
        "url": url,
    }

    def of(kind: SubjectKind) -> dict[str, Any]:
        return {**every, "subject": Subject(kind=kind, id=text, title=text, url=url)}

    pages = (Page(title=text, url=url),) * count
    commits = (Commit(sha=text, title=text, url=url),) * min(count, 3)
    pull_request, pipeline = of(SubjectKind.PULL_REQUEST), of(SubjectKind.PIPELINE)
    yield PullRequestEvent(**pull_request, action=PullRequestAction.ASSIGNED, targets=people)
    yield PullRequestEvent(**pull_request, action=PullRequestAction.OPENED, draft=True)
    line = ReviewedLine(path=text, line=count, level="critical", message=text, params=(("name", text),), url=url)
    yield CodeReviewEvent(
        **{**pull_request, "actor": None, "people": People(author=someone)},
        outcome=CodeReviewOutcome.DONE,
        critical=count,
        resolved=count,
        unread=count,
        worst=(line, line, line),
    )
    yield CommentEvent(**of(SubjectKind.COMMIT), on=CommentOn.COMMIT, comment_id=text, file=text, line=count)
    yield PipelineEvent(**pipeline, status=PipelineStatus.FAILED, workflow=text, failed_jobs=(text,) * count)
    yield JobEvent(**of(SubjectKind.JOB), status=JobStatus.FAILED, stage=text, failure_reason=text)
    yield DeploymentEvent(**of(SubjectKind.DEPLOYMENT), status=DeploymentStatus.FAILED)
    yield PushEvent(**of(SubjectKind.BRANCH), action=PushAction.FORCED, commits=commits, count=count)
    yield WikiEvent(**of(SubjectKind.WIKI), action=WikiAction.CREATED, pages=pages)
    yield DocumentationEvent(**of(SubjectKind.BRANCH), files=pages, count=count)
    yield ReleaseEvent(**of(SubjectKind.RELEASE), action=ReleaseAction.PUBLISHED)
    yield HookTestEvent(**of(SubjectKind.HOOK), about=text)


def because(*reasons: Reason) -> list[ReasonVia]:
    """Direct reasons."""
    return [ReasonVia(reason=reason) for reason in reasons]


def shown(event: Event, *reasons: ReasonVia, language: str = "en", words: Words = GITHUB) -> str:
    """The visible text."""
    return visible(render(event, reasons, language=language, words=words))


def visible(notification: Notification) -> str:
    """The text without its entities."""
    return notification.content.render()[0]


def covered(notification: Notification, *kinds: MessageEntityType) -> list[str]:
    """The stretches of text under entities of these kinds."""
    text, entities = notification.content.render()
    return [stretch(text, entity) for entity in entities if entity.type in kinds]


def stretch(text: str, entity: MessageEntity) -> str:
    """What an entity covers. Raises `UnicodeDecodeError` where it splits a character."""
    raw = text.encode("utf-16-le")
    return raw[entity.offset * 2 : (entity.offset + entity.length) * 2].decode("utf-16-le")
