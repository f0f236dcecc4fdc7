"""The whole notification: title, sentence, details, reason, excerpt and button."""

from collections.abc import Collection
from dataclasses import dataclass

from aiogram.utils.formatting import ExpandableBlockQuote, Text

from src.events import Action, CodeReviewEvent, Event, Mute, OpenPage, ReviewAgain, Targets
from src.i18n import Translator, translator
from src.webhook.reasons import ReasonVia
from src.webhook.render.content import cut, lines, phrase, units
from src.webhook.render.details import details, listed, person
from src.webhook.render.labels import button, mute_label, review_again_label
from src.webhook.render.nodes import compose, joined, literal, name, page_url
from src.webhook.render.title import title_line
from src.webhook.render.why import why
from src.webhook.render.wording import NO_DOER, NO_TARGETS, ONE_PAGE, WORDINGS, is_gone, is_of_one_page, main_name
from src.webhook.render.words import ForgeWords

_EXCERPT = 300
_TEAM = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a recipient reads: nodes that never exceed Telegram's 4,096 UTF-16 units, and buttons that it accepts."""

    content: Text
    buttons: tuple[Action, ...] = ()
    preview: bool = False  # whether Telegram may show a preview of the first link


def render(event: Event, reasons: Collection[ReasonVia], *, language: str, words: ForgeWords) -> Notification:
    """The event in the reader's language, safe for whatever the forge's users wrote into it."""
    t = translator(language)
    extra = details(event, t, words)
    parts = [
        title_line(event, t, words),
        joined([_sentence(event, t, words), *extra.segments], " · "),
        *extra.lines,
        why(event, reasons, t, words),
        _quote(event.excerpt),
    ]
    return Notification(
        content=joined([part for part in parts if part is not None], "\n"),
        buttons=_buttons(event, language, words),
    )


def _sentence(event: Event, t: Translator, words: ForgeWords) -> Text:
    main = main_name(event)
    targets = _targets(event.addressed, t) if event.addressed else []
    sentence = WORDINGS[main].sentence
    if event.addressed and not targets:
        sentence = NO_TARGETS[main]
    elif is_of_one_page(event):
        sentence = ONE_PAGE[main]
    elif event.actor is None:
        sentence = NO_DOER.get(main, sentence)
    return compose(t(sentence), actor=person(event.actor, t), pr=words.pull_request_word, targets=listed(targets, t))


def _targets(targets: Targets, t: Translator) -> list[Text]:
    people = [person(someone, t) for someone in targets.people]
    # Without the @, which would be a mention of whoever has that name on Telegram.
    return [*people, *(name(phrase(team.path, _TEAM)) for team in targets.teams)]


def _quote(excerpt: str | None) -> Text | None:
    found = lines(excerpt, 2)
    if not found:
        return None
    first = cut(found[0], _EXCERPT - 100 if len(found) > 1 else _EXCERPT)
    rest = (cut(line, _EXCERPT - units(first)) for line in found[1:])
    return ExpandableBlockQuote(joined([literal(first), *map(literal, rest)], "\n"))


def _buttons(event: Event, language: str, words: ForgeWords) -> tuple[Action, ...]:
    if is_gone(event):
        url, kind = page_url(event.project.url), None
    else:
        url, kind = page_url(event.url) or page_url(event.subject.url), event.kind
    page = (OpenPage(label=button(kind, language, words), url=url),) if url else ()
    again = (ReviewAgain(label=review_again_label(language)),) if isinstance(event, CodeReviewEvent) else ()
    return (*page, *again, Mute(label=mute_label(language)))
