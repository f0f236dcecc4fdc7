"""The line that says why the reader is told."""

from collections.abc import Collection

from aiogram.utils.formatting import Text

from src.events import DeploymentEvent, Event, JobEvent, PipelineEvent
from src.i18n import N_, Translator
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render.content import phrase
from src.webhook.render.nodes import compose, joined, name
from src.webhook.render.words import ForgeWords

_VIA_LENGTH, _VIA_LISTED = 60, 3
# Each goes on from "You: ", those of a run from "Why: ". `CHOSEN` is not said: whoever follows a whole project knows.
_PHRASES: dict[Reason, str] = {
    Reason.MENTIONED: N_("mentioned"),
    Reason.REVIEW_REQUESTED: N_("review requested"),
    Reason.REVIEW_REQUEST_REMOVED: N_("review no longer requested"),
    Reason.ASSIGNED: N_("assigned"),
    Reason.UNASSIGNED: N_("no longer assigned"),
    Reason.AUTHOR: N_("author"),
    Reason.PARTICIPANT: N_("in this discussion"),
    Reason.STARTED: N_("started it"),
    Reason.COMMITTED: N_("wrote the commit"),
    Reason.HOOK_OWNER: N_("owner of this webhook"),
}
# Of a run they say what is the reader's: "author" would be read as the run's.
_OF_A_RUN: dict[Reason, str] = {
    Reason.AUTHOR: N_("your {pr}"),
    Reason.STARTED: N_("your run"),
    Reason.COMMITTED: N_("your commit"),
}


def why(event: Event, reasons: Collection[ReasonVia], t: Translator, words: ForgeWords) -> Text | None:
    """``You: review requested through acme/core, author``, ``Why: your PR``; `None` where nothing is personal.

    A team is named only for what does not hold without it.
    """
    phrases: list[Text] = []
    is_run = _is_run(event)
    for reason, message in (_PHRASES | _OF_A_RUN if is_run else _PHRASES).items():
        said = compose(t(message), pr=words.pull_request_word)
        found = [given.via for given in reasons if given.reason is reason]
        if not found:
            continue
        teams = sorted({team for team in map(_team, found) if team})
        if len(teams) < len(set(found)) or not teams:
            phrases.append(said)
        else:
            via = joined([name(team) for team in teams[:_VIA_LISTED]], ", ")
            phrases.append(compose(t("{reason} through {team}"), reason=said, team=via))
    line = t("Why: {reasons}") if is_run else t("You: {reasons}")
    return compose(line, reasons=joined(phrases, ", ")) if phrases else None


def in_short(event: Event, reasons: Collection[ReasonVia], t: Translator, words: ForgeWords) -> str:
    """``review requested, author``: without teams; empty where nothing is personal."""
    given = {one.reason for one in reasons}
    table = _PHRASES | _OF_A_RUN if _is_run(event) else _PHRASES
    return ", ".join(t(said).format(pr=words.pull_request_word) for reason, said in table.items() if reason in given)


def _is_run(event: Event) -> bool:
    return isinstance(event, PipelineEvent | JobEvent | DeploymentEvent)


def _team(via: str | None) -> str:
    return phrase(via, _VIA_LENGTH)
