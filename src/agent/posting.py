"""Saying what a review found: threads on lines, the summary, the status. What stands already is not said again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from src.agent.comments import Suggestions, is_summary, review_body, status, summary
from src.agent.review import Draft, Place
from src.forge import (
    CommitStatus,
    HeadMoved,
    MissingPermission,
    NotFound,
    RefusedComment,
    Rejected,
    Remark,
    Unsupported,
)

log = logging.getLogger(__name__)

STATUS_CONTEXT = "git-assistant/review"
_WON_T = (MissingPermission, NotFound, Rejected, Unsupported)  # what one part of a review may fail of


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was said."""

    threads: int  # begun
    refused: tuple[RefusedComment, ...]  # the summary has them
    resolved: int  # threads
    url: str | None  # of the summary, where there is one


async def post(place: Place, draft: Draft) -> Posted:
    """Say it all, each part once however often this is begun. Raises `HeadMoved`, and what the client raises.

    The head is looked at once more before: what would be said of an older one is not said. Threads come before the
    summary, for they are read before they are posted; the status comes last, for it is what people wait for.
    """
    pull = await place.client.pull_request(place.project, draft.pull.number)
    if pull.head_sha != draft.head_sha:
        raise HeadMoved(f"the head is no longer {draft.head_sha}")
    refused: tuple[RefusedComment, ...] = ()
    if draft.comments:
        body = review_body(len(draft.comments), draft.settings.language)
        refused = await place.client.comment_on_lines(place.project, draft.pull, draft.comments, body)
    for each in refused:
        log.info("a comment was refused: %s", each.reason[:200])
    resolved = 0
    for thread in draft.resolve:
        resolved += await _resolved(place, draft, thread.id)
    told = await _summarise(place, replace(draft, report=replace(draft.report, resolved=resolved)))
    url = told.url if told is not None else None
    await _set_status(place, draft, url)
    return Posted(threads=len(draft.comments) - len(refused), refused=refused, resolved=resolved, url=url)


def shown_summary(place: Place, draft: Draft) -> str:
    """The summary's text."""
    return summary(draft.report, draft.settings.language, Suggestions(place.forge.suggestions))


async def _resolved(place: Place, draft: Draft, thread_id: str) -> bool:
    try:
        await place.client.resolve_thread(place.project, draft.pull.number, thread_id)
    except _WON_T as error:
        log.info("a thread stays open: %s", type(error).__name__)
        return False
    return True


async def _summarise(place: Place, draft: Draft) -> Remark | None:
    """Change our summary, or begin one where there is something to say. Of several the posting account's own counts."""
    body = shown_summary(place, draft)
    for found in _ours(place, await place.client.remarks(place.project, draft.pull.number)):
        if found.body.strip() == body.strip():
            return found
        try:
            await place.client.edit_remark(place.project, draft.pull.number, found.id, body)
        except _WON_T as error:  # deleted just now, or of an account that let another one post since
            log.info("a summary could not be changed: %s", type(error).__name__)
            continue
        return found
    return None if draft.is_clean else await place.client.add_remark(place.project, draft.pull.number, body)


def _ours(place: Place, remarks: Sequence[Remark]) -> list[Remark]:
    def is_ours(remark: Remark) -> bool:
        return remark.author is not None and remark.author.id in place.poster.ids and is_summary(remark.body)

    found = [remark for remark in remarks if is_ours(remark)]
    return sorted(found, key=lambda remark: remark.author is None or remark.author.id != place.own_id)


async def _set_status(place: Place, draft: Draft, url: str | None) -> None:
    """A status that the forge does not take is not worth a review: of a fork's commit GitLab takes none."""
    state, description = status(draft.report, draft.settings.language)
    said = CommitStatus(state=state, context=STATUS_CONTEXT, description=description[:140], url=url or draft.pull.url)
    try:
        await place.client.set_status(place.project, draft.head_sha, said)
    except _WON_T as error:
        log.info("a status was refused: %s", type(error).__name__)
