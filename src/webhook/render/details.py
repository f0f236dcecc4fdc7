"""What each kind of event adds to its sentence: segments on the same line, and lines below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from aiogram.utils.formatting import Text

from src.events import (
    CodeReviewEvent,
    CodeReviewOutcome,
    CommentEvent,
    Commit,
    DeploymentEvent,
    DocumentationEvent,
    Event,
    HookTestEvent,
    IssueEvent,
    JobEvent,
    Page,
    Person,
    PipelineEvent,
    PullRequestAction,
    PullRequestEvent,
    PushEvent,
    ReleaseEvent,
    ReviewEvent,
    TagEvent,
    WikiEvent,
)
from src.i18n import Translator
from src.webhook.render.code_review import counts_of, left_out, outcome, why_not, worst
from src.webhook.render.content import clean, cut, cut_front, fence, isolate, phrase, short_sha
from src.webhook.render.nodes import code, compose, joined, link, literal, name
from src.webhook.render.wording import is_of_one_page
from src.webhook.render.words import ForgeWords

LISTED = 5  # names in a list before "and 3 more"
_NAME, _REF, _COMMIT = 60, 80, 100
_WITH_BRANCHES = (PullRequestAction.OPENED, PullRequestAction.REOPENED, PullRequestAction.MERGED)
_WITH_DRAFT = (PullRequestAction.OPENED, PullRequestAction.REOPENED)


@dataclass(frozen=True, slots=True)
class Details:
    """Segments that follow the sentence, divided by dots, and the lines below."""

    segments: tuple[Text, ...] = ()
    lines: tuple[Text, ...] = ()


def details(event: Event, t: Translator, words: ForgeWords) -> Details:
    """What there is to add."""
    match event:
        case PipelineEvent() | JobEvent() | DeploymentEvent():
            return _run(event, t, words)
        case PullRequestEvent():
            return _pull_request(event, t)
        case CommentEvent():
            return Details((_place(event.file, event.line),) if event.file else ())
        case PushEvent():
            return _push(event, t)
        case WikiEvent():
            return _wiki(event, t)
        case DocumentationEvent():
            return _documentation(event, t)
        case ReleaseEvent():
            return Details((Text(t("pre-release")),) if event.prerelease else ())
        case HookTestEvent():
            return Details((name(phrase(event.about.replace("_", " "), _NAME)),) if event.about else ())
        case CodeReviewEvent():
            return _code_review(event, t)
        case ReviewEvent() | IssueEvent() | TagEvent():
            return Details()
        case _:
            assert_never(event)


def person(someone: Person | None, t: Translator) -> Text:
    """What to call a person, with a link to the profile; "Someone" where there is no name."""
    label = phrase(someone.label, _NAME) if someone else ""
    # Translators: the doer of something, when the forge does not say who it was
    return link(label, someone.url) if someone and label else Text(t.p("doer", "Someone"))


def listed(nodes: Sequence[Text], t: Translator, total: int | None = None) -> Text:
    """``a, b and 3 more``: at most five of them. `total` where there are more than were given."""
    shown = joined(nodes[:LISTED], ", ")
    left = max(total or 0, len(nodes)) - min(len(nodes), LISTED)
    if not left:
        return shown
    return compose(t.n("{list} and {n} more", "{list} and {n} more", left), list=shown, n=left)


def _run(event: PipelineEvent | JobEvent | DeploymentEvent, t: Translator, words: ForgeWords) -> Details:
    segments: list[Text] = []
    if isinstance(event, JobEvent) and event.stage:
        segments.append(compose(t("stage {stage}"), stage=name(phrase(event.stage, _NAME))))
    if isinstance(event, JobEvent) and event.failure_reason:
        segments.append(name(phrase(event.failure_reason.replace("_", " "), _NAME)))
    if event.refs.branch:
        segments.append(compose(t("branch {branch}"), branch=_ref(event.refs.branch)))
    if event.refs.pull_request is not None:
        segments.append(Text(f"{words.pull_request_word} {words.pull_request_mark}{event.refs.pull_request}"))
    starter = event.people.starter or event.actor
    if starter and clean(starter.label):
        segments.append(compose(t("started by {actor}"), actor=person(starter, t)))
    jobs = event.failed_jobs if isinstance(event, PipelineEvent) else ()
    names = [name(phrase(job, _NAME)) for job in jobs]
    return Details(tuple(segments), (compose(t("Jobs: {jobs}"), jobs=listed(names, t)),) if names else ())


def _pull_request(event: PullRequestEvent, t: Translator) -> Details:
    segments: list[Text] = []
    if event.draft and event.action in _WITH_DRAFT:
        segments.append(Text(t("draft")))
    if event.action in _WITH_BRANCHES and event.refs.branch and event.refs.target_branch:
        segments.append(Text(_ref(event.refs.branch), " → ", _ref(event.refs.target_branch)))
    return Details(tuple(segments))


def _code_review(event: CodeReviewEvent, t: Translator) -> Details:
    author = event.people.author
    # Translators: who wrote the pull request that was reviewed
    by = (compose(t("author: {author}"), author=person(author, t)),) if author and clean(author.label) else ()
    if event.outcome is CodeReviewOutcome.FAILED:
        return Details(by, tuple(why_not(event.reason, t)))
    said = outcome(counts_of(event), t, resolved=event.resolved, unread=event.unread)
    return Details((*said, *by), (*worst(event.worst, t), *left_out(event.unread, t)))


def _push(event: PushEvent, t: Translator) -> Details:
    count = max(event.count, len(event.commits))
    lines = [_commit(commit) for commit in event.commits[:3]]
    left = count - len(lines)
    if lines and left:
        lines.append(compose(t.n("and {n} more", "and {n} more", left), n=left))
    commits = compose(t.n("{n} commit", "{n} commits", count), n=count)
    return Details((commits,) if count else (), tuple(lines))


def _commit(commit: Commit) -> Text:
    title = cut(clean(commit.title), _COMMIT)
    opening, closing = fence(title)
    return Text(link(short_sha(commit.sha), commit.url), f" {opening}", literal(title, tokens=5), closing)


def _wiki(event: WikiEvent, t: Translator) -> Details:
    if is_of_one_page(event):
        return Details()
    count = len(event.pages)
    pages = compose(t.n("{n} page", "{n} pages", count), n=count)
    return Details((pages,), (_pages(event.pages, count, t),) if count else ())


def _documentation(event: DocumentationEvent, t: Translator) -> Details:
    count = max(event.count, len(event.files))
    files = compose(t.n("{n} file", "{n} files", count), n=count)
    return Details((files,), (_pages(event.files, count, t),) if event.files else ())


def _pages(pages: tuple[Page, ...], count: int, t: Translator) -> Text:
    return listed([link(_path(page.title), page.url) for page in pages], t, total=count)


def _place(file: str, line: int | None) -> Text:
    return code(f"{_path(file)}:{line}" if line is not None else _path(file))


def _path(path: str) -> str:
    return isolate(cut_front(clean(path), _REF))


def _ref(ref: str) -> Text:
    return code(phrase(ref, _REF))
