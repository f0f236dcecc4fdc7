"""Says the notices that were put as jobs: each once, to its chat, in that chat's language."""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from aiogram import Bot
from aiogram.exceptions import AiogramError
from aiogram.utils.formatting import Text
from sqlalchemy.ext.asyncio import AsyncSession

from src.bot.notice_texts import Facts, word
from src.database.database import Database
from src.database.jobs import Handler, PostponeJob
from src.database.models import Chat, Job, utc_now
from src.database.repositories import accounts, event_log, forges, hook_care, projects, users
from src.forge import ForgeType
from src.i18n import DEFAULT, translator
from src.webhook import chats
from src.webhook.notices import Notice
from src.webhook.notifier.verdict import (
    PATIENCE,
    Delivered,
    Failed,
    Flooded,
    Migrated,
    Refused,
    ShutOut,
    TopicGone,
    Verdict,
    judge,
)

log = logging.getLogger(__name__)

_PAUSE = timedelta(seconds=30)  # before another try where Telegram did not answer
_MOVES = 3  # places that one notice is tried at: a group moves once, and has one topic that it was meant for
_SILENT = frozenset({Notice.TOKEN_WELL, Notice.TOPIC_GONE, Notice.CAUGHT_UP})  # nothing to be done about them


def notice_job(
    bot: Bot, database: Database, types: Mapping[str, ForgeType], clock: Callable[[], datetime] = utc_now
) -> Handler:
    """The handler of `NOTICE_JOB`. For the holder of the bot's lease, as all that sends.

    Args:
        bot: its session paces what is sent.
        database: where notices, chats and what they speak of stand.
        types: the kinds of forge, by kind.
        clock: aware UTC.
    """

    async def handle(job: Job) -> None:
        try:
            notice = Notice(job.payload["notice"])
        except ValueError:
            log.warning("job %d: a notice of another version: %r", job.id, job.payload["notice"])
            return
        topic_id = int(job.payload.get("topic_id", 0))
        async with database.read() as session:
            chat = await users.find_chat(session, job.payload["chat_id"])
            text = None if chat is None else await _words(session, chat, notice, job.payload["params"], types)
        if chat is None or text is None or chat.off_at is not None:
            return  # nobody is there to be told, or it is no longer so
        if chat.wait_until is not None and chat.wait_until > clock():
            raise PostponeJob(chat.wait_until, "the chat wants quiet")
        place = _Place(chat.telegram_id, topic_id)
        for _ in range(_MOVES):
            verdict = await _send(bot, place, text, silent=notice in _SILENT)
            async with database.write() as session:
                again = await _settle(session, job, chat, topic_id, verdict, clock())
            if isinstance(again, datetime):
                raise PostponeJob(again, type(verdict).__name__)
            if again is None:
                return
            place = again

    return handle


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to send to, in Telegram's numbers; topic 0: the chat itself."""

    chat: int
    topic: int


async def _words(
    session: AsyncSession, chat: Chat, notice: Notice, params: Mapping[str, object], types: Mapping[str, ForgeType]
) -> Text | None:
    account_id, project_id = params.get("account_id"), params.get("project_id")
    found = await accounts.by_ids(session, [account_id]) if isinstance(account_id, int) else []
    account = found[0] if found else None
    project = await projects.by_id(session, project_id) if isinstance(project_id, int) else None
    known = await forges.every(session)
    forge_id = account.forge_id if account else project.forge_id if project else params.get("forge_id")
    forge = next((forge for forge in known if forge.id == forge_id), None)
    facts = Facts(
        account=account,
        project=project,
        forge=forge,
        type=types.get(forge.kind) if forge else None,
        shows_host=forge is not None and sum(other.kind == forge.kind for other in known) > 1,
        is_well=project is not None and await hook_care.is_well(session, project),
    )
    return word(notice, params, facts, translator(chat.language or DEFAULT))


async def _send(bot: Bot, place: _Place, text: Text, *, silent: bool) -> Verdict:
    try:
        sent = await bot.send_message(
            place.chat,
            message_thread_id=place.topic or None,
            disable_notification=silent,
            **text.as_kwargs(),
        )
    except (AiogramError, OSError) as error:
        return judge(error, topic=bool(place.topic), token=bot.token)
    return Delivered(sent.message_id)


async def _settle(
    session: AsyncSession, job: Job, chat: Chat, topic_id: int, verdict: Verdict, now: datetime
) -> datetime | _Place | None:
    """Write what the answer means for the chat. When, or where, to try again; `None`: it is done, or cannot be."""
    match verdict:
        case Delivered():
            return None
        case Flooded():
            until = now + timedelta(seconds=verdict.seconds)
            await users.wait(session, chat.id, until)
            return until
        case ShutOut():
            await chats.shut_out(session, chat.id, reason=verdict.reason, now=now)
            return None
        case Migrated():
            await chats.moved(session, chat.id, verdict.telegram_id, now=now)
            return _Place(verdict.telegram_id, 0)  # its topics, if any, are new
        case TopicGone():
            await chats.left_topic(session, chat.id, topic_id, for_good=verdict.for_good, now=now)
            return _Place(chat.telegram_id, 0)
        case Refused():
            await _give_up(session, job, verdict.reason, now)
            return None
        case Failed():
            if now - job.created_at < PATIENCE:
                return now + _PAUSE * (0.8 + 0.4 * random.random())  # noqa: S311 - it parts those that failed together
            await _give_up(session, job, verdict.reason, now)
            return None
        case _:
            assert_never(verdict)


async def _give_up(session: AsyncSession, job: Job, reason: str, now: datetime) -> None:
    text = f"notice {job.key} was not sent: {reason}"
    log.warning("%s", text)
    await event_log.add(session, kind="message_error", outcome="refused", message=text, now=now)
