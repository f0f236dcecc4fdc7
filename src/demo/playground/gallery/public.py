"""Cards of news that are not personal: told to everyone who chose them."""

from src.demo.forge import CommitSpec
from src.demo.playground.gallery.registry import COLLEAGUE, NOT_USUAL, Deed, Gallery
from src.i18n import N_

CARDS = Gallery()

_PAGES = ("Landing checklist", "Fuel table", "Who is on call", "How to count down")


@CARDS.card(
    "release",
    title=N_("A release"),
    sentence=N_("Carl publishes one: everyone who chose releases is told, whoever it concerns."),
    names=("release.published",),
)
async def _release(deed: Deed) -> None:
    tag = f"v1.{len(deed.project.releases)}"
    await deed.forge.publish_release(deed.path, COLLEAGUE, tag, title=f"Flight {tag}", body="It flies.")


@CARDS.card(
    "wiki",
    title=N_("A wiki page"),
    sentence=N_("Carl writes a page: everyone who chose the wiki is told."),
    names=("wiki.created", "wiki.updated"),
    hint=NOT_USUAL,
)
async def _wiki(deed: Deed) -> None:
    title = _PAGES[len(deed.project.wiki) % len(_PAGES)]
    is_new = title.replace(" ", "-") not in deed.project.wiki
    await deed.forge.edit_wiki(deed.path, COLLEAGUE, "created" if is_new else "updated", title)


@CARDS.card(
    "documentation",
    title=N_("Documentation"),
    sentence=N_("Carl pushes to docs/ on the default branch: everyone who chose documentation is told."),
    names=("documentation.updated",),
    hint=NOT_USUAL,
)
async def _documentation(deed: Deed) -> None:
    commit = CommitSpec(title="Describe the gauge", modified=("docs/gauge.md",))
    await deed.forge.push(deed.path, COLLEAGUE, deed.project.default_branch, [commit])
