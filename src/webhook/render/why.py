"""The line that says why the reader is told."""

from collections.abc import Collection, Mapping

from aiogram.utils.formatting import Text

from src.i18n import N_, Translator
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render.content import phrase
from src.webhook.render.nodes import compose, joined, name

_VIA_LENGTH, _VIA_LISTED = 60, 3
# Each goes on from "You: ". `CHOSEN` is not said: whoever follows a whole project knows.
_PHRASES: Mapping[Reason, str] = {
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


def why(reasons: Collection[ReasonVia], t: Translator) -> Text | None:
    """``You: review requested through acme/core, author``; `None` where nothing is personal.

    A team is named only for what does not hold without it.
    """
    phrases: list[Text] = []
    for reason, words in _PHRASES.items():
        found = [given.via for given in reasons if given.reason is reason]
        if not found:
            continue
        teams = sorted({team for team in map(_team, found) if team})
        if len(teams) < len(set(found)) or not teams:
            phrases.append(Text(t(words)))
        else:
            via = joined([name(team) for team in teams[:_VIA_LISTED]], ", ")
            phrases.append(compose(t("{reason} through {team}"), reason=t(words), team=via))
    return compose(t("You: {reasons}"), reasons=joined(phrases, ", ")) if phrases else None


def _team(via: str | None) -> str:
    return phrase(via, _VIA_LENGTH)
