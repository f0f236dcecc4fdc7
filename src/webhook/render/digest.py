"""A backlog as one message: what asks something of the reader line by line, the rest by subject, newest first. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiogram.utils.formatting import Bold, ExpandableBlockQuote, Text

from src.events import Event, OpenPage
from src.i18n import Translator, translator
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render.content import clean, cut_front, isolate, units
from src.webhook.render.labels import button, describe
from src.webhook.render.nodes import compose, joined, link, page_url
from src.webhook.render.notification import Notification
from src.webhook.render.title import head
from src.webhook.render.why import in_short
from src.webhook.render.wording import WORDINGS, is_gone, main_name
from src.webhook.render.words import ForgeWords

MOST_ASKS = 12  # that one digest holds: each has a line of its own, however many there are
_ASKS = (Reason.MENTIONED, Reason.REVIEW_REQUESTED)
_OLD = timedelta(hours=1)  # older news says how old it is
_PATH, _TITLE = 40, 60
_LABELS = 3  # kinds of news in the line of one subject
_LINES, _PROJECTS = 40, 8  # shown of the rest: a message has at most 100 entities, and Telegram drops what is more
_FOLDED = 6  # lines of the rest that are shown without folding
_LENGTH = 4_000  # UTF-16 units; Telegram's limit is 4,096


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """One message of a backlog. `series`: of pipelines, what makes a run the successor of another."""

    event: Event
    reasons: tuple[ReasonVia, ...]
    words: ForgeWords
    since: datetime  # when it happened, as far as is known
    series: str | None = None


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is told of one subject, the newest last."""

    news: list[Gathered]

    @property
    def newest(self) -> Gathered:
        return self.news[-1]


def asks(reasons: Iterable[ReasonVia]) -> bool:
    """Whether a message asks something of its reader, and so has a line of its own in a digest."""
    return any(given.reason in _ASKS for given in reasons)


def render_digest(backlog: Sequence[Gathered], *, language: str, now: datetime) -> Notification:
    """All of it in one message, in the reader's language; `backlog` is oldest first, with `MOST_ASKS` asks at most.

    Every ask has a line with a link. Of the rest what is overtaken by newer of the same subject and aspect is counted
    and not said; what does not fit is counted, the newest being kept.
    """
    t = translator(language)
    personal = [one for one in backlog if asks(one.reasons)]
    others = [one for one in backlog if not asks(one.reasons)]
    several = len({_project(one) for one in backlog}) > 1
    parts = [_title(backlog, now, t)]
    if personal:
        lines = [_ask(one, now, t, several=several) for one in personal]
        parts.append(joined([Bold(t("For you")), *lines], "\n"))
    if others:
        parts.append(_rest(others, _LENGTH - sum(map(_units, parts)), now, t))
    return Notification(content=joined(parts, "\n\n"), buttons=_buttons(backlog, language, several=several))


def _title(backlog: Sequence[Gathered], now: datetime, t: Translator) -> Text:
    count = len(backlog)
    sentence = compose(t.n("{n} update in one message", "{n} updates in one message", count), n=count)
    oldest = _age(min(one.since for one in backlog), now, t)
    age = Text("\n", t("The oldest: {ago}.").format(ago=oldest)) if oldest else Text()
    return Text("🗂 ", Bold(sentence), age)


def _ask(one: Gathered, now: datetime, t: Translator, *, several: bool) -> Text:
    """``👀 PR #9 Add fins · review requested``, with a link to the very comment."""
    event = one.event
    label = head(event, t, one.words, _TITLE)
    where = f" · {_path(one)}" if several else ""
    page = None if is_gone(event) else event.url or event.subject.url
    said = in_short(event, one.reasons, t, one.words)
    return Text(_signs(event), link(f"{label}{where}", page), " · ", said, *_dotted(_age(one.since, now, t)))


def _rest(others: Sequence[Gathered], room: int, now: datetime, t: Translator) -> Text:
    """By project and subject, those with the newest news first; folded where it is long."""
    lines: list[Text] = []
    told = subjects = 0
    projects = _by_project(others)
    for project in projects[:_PROJECTS]:
        newest = project[0].newest
        heading = Bold(link(_path(newest), newest.event.project.url))
        lines_of_it = [Text(), heading] if lines else [heading]
        for subject in project:
            line = _line(subject, now, t)
            needed = sum(_units(one) + 1 for one in (*lines_of_it, line))
            if subjects >= _LINES or needed > room - 40:  # what is kept for the count of the rest
                break
            lines.extend((*lines_of_it, line))
            room -= needed
            lines_of_it = []
            told += len(subject.news)
            subjects += 1
    left = len(others) - told
    if left:
        lines.append(compose(t.n("and {n} more", "and {n} more", left), n=left))
    text = joined(lines, "\n")
    return ExpandableBlockQuote(text) if len(lines) > _FOLDED else text


def _by_project(others: Sequence[Gathered]) -> list[list[_Subject]]:
    """The subjects of each project; projects and subjects with the newest news first."""
    projects: dict[str, dict[str, _Subject]] = {}
    for one in others:
        subject_key = f"series:{one.series}" if one.series else one.event.subject.key
        subjects = projects.setdefault(_project(one), {})
        subject = subjects.pop(subject_key, None) or _Subject([])
        subject.news.append(one)
        subjects[subject_key] = subject  # again at the end: the newest
        projects[_project(one)] = projects.pop(_project(one))
    return [list(reversed(subjects.values())) for subjects in reversed(projects.values())]


def _line(subject: _Subject, now: datetime, t: Translator) -> Text:
    """``⬆️ Branch main · Commits pushed ×12``: what there is to say of it, the newest first."""
    newest = subject.newest
    counts: dict[str, int] = {}
    for one in _not_overtaken(subject.news):
        label = _label(one, t)
        counts[label] = counts.get(label, 0) + 1
    said = [f"{label} ×{count}" if count > 1 else label for label, count in list(counts.items())[:_LABELS]]
    if len(counts) > _LABELS:
        said.append("…")
    page = None if is_gone(newest.event) else newest.event.subject.url or newest.event.url
    title = link(head(newest.event, t, newest.words, _TITLE), page)
    return Text(_signs(newest.event), title, " · ", ", ".join(said), *_dotted(_age(newest.since, now, t)))


def _not_overtaken(news: Sequence[Gathered]) -> list[Gathered]:
    """Newest first, without what a newer one of the same aspect, or of the same row of runs, made old."""
    seen: set[str] = set()
    kept: list[Gathered] = []
    for one in reversed(news):
        aspect = "run" if one.series else one.event.aspect
        if aspect is not None and aspect in seen:
            continue
        if aspect is not None:
            seen.add(aspect)
        kept.append(one)
    return kept


def _label(one: Gathered, t: Translator) -> str:
    name = main_name(one.event)
    return t("Webhook tested") if name == "hook.test" else describe(name, t.language, one.words)


def _signs(event: Event) -> str:
    return f"{WORDINGS[main_name(event)].sign} {'🔒 ' if event.confidential else ''}"


def _project(one: Gathered) -> str:
    project = one.event.project
    return f"{project.forge}:{project.external_id}"


def _path(one: Gathered) -> str:
    return isolate(cut_front(clean(one.event.project.path), _PATH))


def _age(since: datetime, now: datetime, t: Translator) -> str:
    """``3 hours ago``; empty for what is new."""
    passed = now - since
    if passed < _OLD:
        return ""
    hours = int(passed.total_seconds() // 3600)
    if hours < 48:
        return t.n("{n} hour ago", "{n} hours ago", hours).format(n=hours)
    return t.n("{n} day ago", "{n} days ago", passed.days).format(n=passed.days)


def _dotted(text: str) -> tuple[str, ...]:
    return (" · ", text) if text else ()


def _buttons(backlog: Collection[Gathered], language: str, *, several: bool) -> tuple[OpenPage, ...]:
    """The project's page, where there is one project. Nothing to mute: it is about no single subject."""
    one = next(iter(backlog))
    url = None if several else page_url(one.event.project.url)
    return (OpenPage(label=button(None, language, one.words), url=url),) if url else ()


def _units(text: Text) -> int:
    return units(text.render()[0])
