"""Cards that have a pull request reviewed: the real review job reads it, and comments on the forge."""

from src.demo import reviewed
from src.demo.playground.gallery.pulls import open_with_problems, pull_with_problems
from src.demo.playground.gallery.registry import COLLEAGUE, Deed, Gallery
from src.i18n import N_

CARDS = Gallery()

_NAMES = ("code_review.done", "code_review.failed")
_NOT_CHOSEN = N_("Not among the usual events: choose automatic reviews in /subscribe.")


@CARDS.card(
    "code_review",
    title=N_("A pull request is reviewed"),
    sentence=N_(
        "Carl opens one with every problem that reviews look for. It is read and commented on, line by line, in the "
        "name of who chose that: look at the tab “Forge”. They are told once how it came out."
    ),
    names=_NAMES,
    hint=_NOT_CHOSEN,
)
async def _code_review(deed: Deed) -> None:
    await open_with_problems(deed)


@CARDS.card(
    "code_review_again",
    title=N_("Half of the problems are fixed"),
    sentence=N_(
        "Carl pushes to that pull request with half of them fixed: nothing is said twice, what is fixed is resolved, "
        "and the summary on the forge is brought up to date."
    ),
    names=_NAMES,
    hint=_NOT_CHOSEN,
    before=pull_with_problems,
)
async def _code_review_again(deed: Deed) -> None:
    pull = await pull_with_problems(deed)
    await deed.forge.push_to_pull_request(
        deed.path, COLLEAGUE, pull.number, title="Fix half of it", files=reviewed.HALF_FIXED
    )
