"""What the bot says of itself, unasked: put here with what it follows from, sent by the sender as a job."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.repositories import jobs

NOTICE_JOB = "notice"
REVIEW_NEWS_JOB = "review_news"  # see `src.bot.review_news`


class Notice(StrEnum):
    """What can be said. `src.bot.notices` words each; `params` are ids and plain words, never a token or a secret."""

    TOKEN_DEAD = "token_dead"  # noqa: S105 - account_id
    TOKEN_POOR = "token_poor"  # noqa: S105 - account_id, missing: list of the forge's words
    TOKEN_WELL = "token_well"  # noqa: S105 - account_id: it was said to be dead, and works again
    HOOK_BROKEN = "hook_broken"  # project_id, reason: a ManualReason, and what it needs
    HOOK_LOST = "hook_lost"  # project_id: nobody who follows it may look after its hook any more
    CAUGHT_UP = "caught_up"  # what was missed came: recovered, recovered_in: paths, recovered_more: how many besides
    MISSED = "missed"  # not all of it: lost, and gap (whiles in which a hook was switched off), with paths as above
    SPONSOR_LEFT = "sponsor_left"  # paths: what a group no longer follows, more: how many besides, name: of who left
    TOPIC_GONE = "topic_gone"  # paths: what is told in the chat itself from now on
    BAD_SIGNATURES = "bad_signatures"  # forge_id, project_id or none, origin: of a hook that somebody tries
    GUESSING = "guessing"  # name, telegram_id: who tries codes that there are not


async def post(
    session: AsyncSession,
    notice: Notice,
    *,
    chat_id: int,
    key: str,
    now: datetime,
    topic_id: int = 0,
    params: dict[str, Any] | None = None,
) -> None:
    """Say it to a chat of ours, soon and once: while the same `key` waits to be said it is not doubled."""
    payload = {"notice": str(notice), "chat_id": chat_id, "topic_id": topic_id, "params": params or {}}
    await jobs.put(session, NOTICE_JOB, _key(notice, chat_id, key), now=now, payload=payload)


async def withdraw(session: AsyncSession, notice: Notice, *, chat_id: int, key: str) -> bool:
    """It is no longer so: where it waits to be said, it is not. Whether it did; `False`: it was said, or never was."""
    return await jobs.drop(session, NOTICE_JOB, _key(notice, chat_id, key))


def _key(notice: Notice, chat_id: int, key: str) -> str:
    return f"{notice}:{chat_id}:{key}"[:128]
