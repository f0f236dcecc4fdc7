"""What a review of code comes to, in a few lines: how much was found, the worst of it, what was not looked at."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from aiogram.utils.formatting import Text

from src.agent.findings import Level
from src.events import CodeReviewEvent, ReviewedLine
from src.i18n import N_, Translator
from src.webhook.render.content import clean, cut, cut_front, fence, isolate
from src.webhook.render.nodes import compose, joined, link, literal

_WORST = 3
# By `agent.review.Reason`.
_REASONS: Mapping[str, str] = {
    "draft": N_("It is a draft, and drafts are not reviewed by themselves."),
    "bot": N_("A bot opened it, and what bots open is not reviewed by itself."),
    "closed": N_("It is closed: there is nothing left to review."),
    "switched_off": N_("The project switched reviews off, in .git-assistant.toml on the target branch."),
    "no_account": N_("No token is left that could do it: who chose reviews has to set a new one."),
    "not_found": N_("It is not there, or the token does not see it."),
    "forbidden": N_("The token may read it, and may not comment: it needs one more right."),
    "rejected": N_("The forge did not take what there was to say; the log knows its words."),
    "unavailable": N_("The forge did not answer for an hour: review it again later."),
    "internal": N_("That is a fault of mine; the operator finds it in the log."),
}
_PLACE, _SAID = 60, 140


def tally(counts: Mapping[str, int], t: Translator, *, unread: int = 0) -> Text:
    """``2 critical, 5 of style``. Where something was not analysed nothing is called clean."""
    said = [Text(_counted(level, counts[level], t)) for level in Level if counts.get(level)]
    if said:
        return joined(said, ", ")
    return Text(t("nothing found in what was analysed") if unread else t("nothing found"))


def outcome(counts: Mapping[str, int], t: Translator, *, resolved: int, unread: int) -> list[Text]:
    """The counts, and how much is fixed since the last time."""
    fixed = compose(t.n("{n} fixed", "{n} fixed", resolved), n=resolved)
    return [tally(counts, t, unread=unread), *([fixed] if resolved else [])]


def counts_of(event: CodeReviewEvent) -> Mapping[str, int]:
    """By level."""
    return {str(level): getattr(event, level) for level in Level}


def worst(findings: Iterable[ReviewedLine], t: Translator) -> list[Text]:
    """``• src/pump.py:15 A bare except``, the place as a link to the comment."""
    return [_finding(finding, t) for finding in list(findings)[:_WORST]]


def left_out(unread: int, t: Translator) -> list[Text]:
    """How much was not analysed; empty where all was."""
    if not unread:
        return []
    template = t.n(
        "⚠ {n} file was not analysed, or not whole: the summary says why.",
        "⚠ {n} files were not analysed, or not whole: the summary says why.",
        unread,
    )
    return [compose(template, n=unread)]


def why_not(reason: str | None, t: Translator) -> list[Text]:
    """Why there is no review; of a reason of another version nothing is said."""
    return [Text(t(_REASONS[reason]))] if reason is not None and reason in _REASONS else []


def _finding(finding: ReviewedLine, t: Translator) -> Text:
    place = isolate(cut_front(f"{clean(finding.path)}:{finding.line}", _PLACE))
    said = cut(clean(_filled(t(finding.message), dict(finding.params)).replace("`", "")), _SAID)
    opening, closing = fence(said)
    return Text("• ", link(place, finding.url), f" {opening}", literal(said, tokens=4), closing)


def _filled(template: str, params: Mapping[str, str]) -> str:
    """The engine's own words have no parameters, and braces in them are no placeholders."""
    try:
        return template.format_map(params) if params else template
    except (KeyError, ValueError, IndexError, AttributeError):
        return template  # of another version, which named other values


def _counted(level: Level, n: int, t: Translator) -> str:
    match level:
        case Level.CRITICAL:
            said = t.n("{n} critical", "{n} critical", n)
        case Level.SECURITY:
            said = t.n("{n} of security", "{n} of security", n)
        case Level.STYLE:
            said = t.n("{n} of style", "{n} of style", n)
        case Level.OPINION:
            said = t.n("{n} remark of a model", "{n} remarks of a model", n)
        case _:
            assert_never(level)
    return said.format(n=n)
