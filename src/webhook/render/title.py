"""The first line: what it is about, with links."""

from collections.abc import Mapping

from aiogram.utils.formatting import Text

from src.events import Event, PipelineEvent, SubjectKind
from src.i18n import N_, Translator
from src.webhook.render.content import clean, cut_front, isolate, phrase, short_sha
from src.webhook.render.nodes import link
from src.webhook.render.wording import WORDINGS, is_gone, main_name
from src.webhook.render.words import ForgeWords

_PATH, _TITLE, _ID = 100, 200, 40
_HEADS: Mapping[SubjectKind, str] = {
    SubjectKind.PULL_REQUEST: "{pr} {mark}{id} {title}",
    SubjectKind.ISSUE: N_("Issue #{id} {title}"),
    SubjectKind.COMMIT: N_("Commit {id} {title}"),
    SubjectKind.SNIPPET: N_("Snippet ${id} {title}"),
    SubjectKind.PIPELINE: N_("Pipeline #{id} {title}"),
    SubjectKind.JOB: N_("Job {title}"),
    SubjectKind.WIKI: N_("Wiki {title}"),
    SubjectKind.BRANCH: N_("Branch {title}"),
    SubjectKind.TAG: N_("Tag {title}"),
    SubjectKind.RELEASE: N_("Release {id} {title}"),
    SubjectKind.DEPLOYMENT: N_("Deployment to {title}"),
    SubjectKind.HOOK: N_("Webhook {title}"),
}
_NAMELESS = (SubjectKind.HOOK, SubjectKind.WIKI)  # what they are says enough
_CHILD_PIPELINE = N_("Child pipeline #{id} {title}")


def title_line(event: Event, t: Translator, words: ForgeWords) -> Text:
    """``🟣 acme/rocket · PR #5 Fix the pump``, project and subject as links; what is confidential says so first."""
    path = isolate(cut_front(clean(event.project.path), _PATH))
    return Text(
        WORDINGS[main_name(event)].sign,
        " ",
        *(("🔒 ", t("confidential"), " · ") if event.confidential else ()),
        link(path, event.project.url),
        " · ",
        link(head(event, t, words), None if is_gone(event) else event.subject.url),
    )


def head(event: Event, t: Translator, words: ForgeWords, longest: int = _TITLE) -> str:
    """What it is about: ``PR #5 Fix the pump``; no more than so much of the title."""
    subject = event.subject
    pattern = _CHILD_PIPELINE if isinstance(event, PipelineEvent) and event.child else _HEADS[subject.kind]
    number = str(subject.number) if subject.number is not None else subject.id
    short = short_sha(number) if subject.kind is SubjectKind.COMMIT else phrase(number, _ID)
    title = phrase(_title(event), longest)
    if "{id}" in pattern or subject.kind in _NAMELESS:
        title = "" if _says_nothing(title, event, short) else title
    else:
        title = title or short
    head = t(pattern).format(pr=words.pull_request_word, mark=words.pull_request_mark, id=short, title=title)
    return head.strip()


def _says_nothing(title: str, event: Event, short: str) -> bool:
    """Whether the title is what a forge gives for want of one, and stands in the line without it."""
    subject = event.subject
    match subject.kind:
        case SubjectKind.HOOK:
            return title == event.project.path
        case SubjectKind.WIKI:
            return title.casefold() == "wiki"
        case SubjectKind.COMMIT:
            return subject.id.startswith(title)
        case _:
            return title.lstrip("#!$") in (short, subject.id)


def _title(event: Event) -> str:
    """The subject's title; a run's with the name of its workflow before it, where that says more."""
    title = event.subject.title
    if isinstance(event, PipelineEvent) and event.workflow and event.workflow not in title:
        return f"{event.workflow}: {title}" if title.strip() else event.workflow
    return title
