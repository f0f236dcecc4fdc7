"""The message of a review that was asked for in a chat: how far it is, and what came of it. Pure."""

from collections.abc import Mapping
from typing import Any

from aiogram.utils.formatting import Text

from src.database.models import Project, Review
from src.database.repositories.reviews import OPEN
from src.events import (
    Action,
    CodeReviewEvent,
    CodeReviewOutcome,
    Mute,
    OpenPage,
    ReviewedLine,
    Subject,
    SubjectKind,
)
from src.events import Project as NamedProject
from src.forge import ForgeType
from src.i18n import Translator
from src.webhook.render import Notification, render
from src.webhook.render.code_review import why_not
from src.webhook.render.labels import button
from src.webhook.render.nodes import joined, page_url
from src.webhook.render.title import title_line


def event_of(review: Review, project: Project, forge: ForgeType) -> CodeReviewEvent:
    """What a review comes to, as those who follow the project are told of it."""
    counts: Mapping[str, Any] = review.counts
    failed = review.state == "failed"
    return CodeReviewEvent(
        project=NamedProject(forge=forge.kind, external_id=project.external_id, path=project.path, url=project.url),
        subject=Subject(
            kind=SubjectKind.PULL_REQUEST,
            id=str(review.number),
            number=review.number,
            title=review.title or "",
            url=review.url,
        ),
        happening=f"review:{review.id}",
        url=review.url,
        outcome=CodeReviewOutcome.FAILED if failed else CodeReviewOutcome.DONE,
        critical=int(counts.get("critical", 0)),
        security=int(counts.get("security", 0)),
        style=int(counts.get("style", 0)),
        opinion=int(counts.get("opinion", 0)),
        posted=review.posted,
        resolved=review.resolved,
        unread=review.unread,
        worst=tuple(_line(row) for row in review.worst),
        reason=review.error,
    )


def message_of(review: Review, project: Project, forge: ForgeType, t: Translator, *, mutes: bool) -> Notification:
    """What the message says now. `mutes`: whether there is something to mute: the chat follows, and hears of it."""
    event = event_of(review, project, forge)
    whole = render(event, (), language=t.language, words=forge)
    if review.state in OPEN:
        url, label = page_url(review.url), button("pull_request", t.language, forge)
        buttons: tuple[Action, ...] = (OpenPage(label=label, url=url),) if url else ()
    else:
        buttons = tuple(action for action in whole.buttons if mutes or not isinstance(action, Mute))
    if review.state in ("done", "failed"):
        return Notification(content=whole.content, buttons=buttons)
    lines = [title_line(event, t, forge), Text(stage(review, t))]
    if review.state == "skipped":
        lines += why_not(review.error, t)
    return Notification(content=joined(lines, "\n"), buttons=buttons)


def stage(review: Review, t: Translator) -> str:
    """How far it is, in a few words."""
    match review.state, review.stage:
        case "skipped", _:
            return t("Not reviewed")
        case "overtaken", _:
            return t("New commits came meanwhile: they are reviewed instead.")
        case "running", "analysing":
            return t("Analysing: {done} of {total}…").format(done=review.done, total=review.total)
        case "running", "posting":
            return t("Posting what was found…")
        case "running", _:
            return t("Reading the changes…")
        case _:
            return t("Waiting for its turn…")


def _line(row: Mapping[str, Any]) -> ReviewedLine:
    return ReviewedLine(
        path=str(row.get("path", "")),
        line=int(row.get("line", 1)),
        level=str(row.get("level", "")),
        message=str(row.get("message", "")),
        params=tuple((str(name), str(value)) for name, value in dict(row.get("params") or {}).items()),
        url=row.get("url"),
    )
