"""Cards that concern a person: told by their reasons."""

from src.demo.playground.gallery.pulls import break_pipeline, is_broken, is_unasked, open_pull, open_pulls, pull_of
from src.demo.playground.gallery.registry import COLLEAGUE, Deed, Gallery
from src.demo.product import CORE
from src.i18n import N_

CARDS = Gallery()

_ISSUES = ("The third leg squeaks", "The hatch sticks when it is cold", "The gauge blinks twice", "Order new bolts")


@CARDS.card(
    "pr_opened",
    title=N_("A pull request is opened"),
    sentence=N_("Carl opens one and names the person in it: told as mentioned. A group is told of every new one."),
    names=("pull_request.opened",),
)
async def _pr_opened(deed: Deed) -> None:
    await open_pull(deed, COLLEAGUE, body=f"@{deed.about} this is the change we talked about.")


@CARDS.card(
    "review_person",
    title=N_("A review is asked of a person"),
    sentence=N_("Carl asks the person for a review of his pull request: told as the reviewer."),
    names=("pull_request.review_requested",),
)
async def _review_person(deed: Deed) -> None:
    pull = await pull_of(deed, COLLEAGUE, is_unasked)
    await deed.forge.request_review(deed.path, COLLEAGUE, pull.number, [deed.about])


@CARDS.card(
    "review_team",
    title=N_("A review is asked of a team"),
    sentence=N_(
        "Carl asks the team acme/core, which Ann and Bob are in: both are told, and why. "
        "GitLab asks people only: there he mentions the group."
    ),
    names=("pull_request.review_requested", "comment.pull_request"),
)
async def _review_team(deed: Deed) -> None:
    if deed.forge.kind == "gitlab":
        pull = await pull_of(deed, COLLEAGUE)
        await deed.forge.comment(deed.path, COLLEAGUE, "pull_request", pull.number, f"@{CORE} please review this.")
    else:
        pull = await pull_of(deed, COLLEAGUE, is_unasked)
        await deed.forge.request_review(deed.path, COLLEAGUE, pull.number, teams=[CORE])


@CARDS.card(
    "mention",
    title=N_("A mention in a comment"),
    sentence=N_("Carl writes to the person in a comment on a pull request: told as mentioned."),
    names=("comment.pull_request",),
)
async def mention(deed: Deed) -> None:
    """Carl mentions the person in a comment on a pull request of his own."""
    pull = await pull_of(deed, COLLEAGUE)
    text = f"@{deed.about} which tank comes first, the upper or the lower?"
    await deed.forge.comment(deed.path, COLLEAGUE, "pull_request", pull.number, text)


@CARDS.card(
    "comment",
    title=N_("A comment on one's own pull request"),
    sentence=N_("Carl comments on a pull request of the person without a mention: told as its author."),
    names=("comment.pull_request",),
)
async def _comment(deed: Deed) -> None:
    pull = await pull_of(deed, deed.about)
    await deed.forge.comment(deed.path, COLLEAGUE, "pull_request", pull.number, "Please round to whole litres.")


@CARDS.card(
    "pipeline_failed",
    title=N_("The pipeline fails"),
    sentence=N_("Two jobs fail on the person's pull request: told as its author, with the names of the jobs."),
    names=("pipeline.failed",),
)
async def _pipeline_failed(deed: Deed) -> None:
    await break_pipeline(deed, await pull_of(deed, deed.about))


@CARDS.card(
    "pipeline_fixed",
    title=N_("The pipeline is mended"),
    sentence=N_("The pipeline that failed last passes: told as fixed. Where none had failed, one fails first."),
    names=("pipeline.fixed", "pipeline.success"),
)
async def _pipeline_fixed(deed: Deed) -> None:
    pull = next((p for p in open_pulls(deed, deed.about) if is_broken(deed, p)), None)
    if pull is None:
        pull = await pull_of(deed, deed.about)
        await break_pipeline(deed, pull)
    await deed.forge.run_pipeline(deed.path, COLLEAGUE, pull.source, "success", pull_request=pull.number)


@CARDS.card(
    "merged",
    title=N_("A pull request is merged"),
    sentence=N_("Carl merges a pull request of the person: told as its author."),
    names=("pull_request.merged",),
)
async def _merged(deed: Deed) -> None:
    pull = await pull_of(deed, deed.about)
    await deed.forge.merge(deed.path, COLLEAGUE, pull.number)


@CARDS.card(
    "issue_assigned",
    title=N_("An issue is assigned"),
    sentence=N_("Carl opens an issue and gives it to the person: told as assigned."),
    names=("issue.assigned", "issue.opened"),
)
async def _issue_assigned(deed: Deed) -> None:
    title = _ISSUES[len(deed.project.issues) % len(_ISSUES)]
    await deed.forge.open_issue(deed.path, COLLEAGUE, title, assignees=[deed.about])


@CARDS.card(
    "confidential",
    title=N_("A confidential issue"),
    sentence=N_("Carl opens one and mentions the person: told in private, and never to a group. GitLab only."),
    names=("issue.confidential",),
    only="gitlab",
)
async def _confidential(deed: Deed) -> None:
    body = f"@{deed.about} please keep this to yourself."
    await deed.forge.open_issue(deed.path, COLLEAGUE, "The hatch opens from outside", body=body, confidential=True)
