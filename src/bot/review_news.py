"""The message of a review that was asked for in a chat, brought up to date until the review is over."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest
from aiogram.types import InlineKeyboardMarkup
from aiogram.utils.formatting import Text
from sqlalchemy.ext.asyncio import AsyncSession

from src.bot.conversation import is_gone, is_same
from src.bot.mute_keys import MuteAct, MutePress, undo_keys
from src.bot.review_texts import message_of
from src.database.database import Database
from src.database.jobs import Handler, PostponeJob
from src.database.models import Chat, Forge, Job, Project, Review, Sent, utc_now
from src.database.repositories import event_log, forges, jobs, messages, mutes, projects, reviews, subscriptions, users
from src.events import SubjectKind
from src.forge import ForgeType
from src.i18n import DEFAULT, translator
from src.webhook import chats
from src.webhook.categories import Category
from src.webhook.notices import REVIEW_NEWS_JOB
from src.webhook.notifier.request import keyboard
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

_LOOK = timedelta(seconds=1)  # as often as a private chat bears an edit
_LOOK_IN_GROUP = timedelta(seconds=6)  # a group bears twenty calls a minute, of all kinds
_LONG, _LOOK_AT_LONG = timedelta(minutes=5), timedelta(seconds=30)  # what waits so long is not looked at as often
_PAUSE = timedelta(seconds=30)  # before another try where Telegram did not answer


@dataclass(frozen=True, slots=True)
class _News:
    """What the message is to say, and where it stands."""

    review: Review
    project: Project
    chat: Chat
    text: Text
    keys: InlineKeyboardMarkup | None

    @property
    def is_over(self) -> bool:
        return self.review.state not in reviews.OPEN


async def follow(session: AsyncSession, review: Review, message_id: int, now: datetime) -> None:
    """Have a message of ours in the chat that asked tell how the review goes."""
    payload = {"review_id": review.id, "message_id": message_id}
    await jobs.put(session, REVIEW_NEWS_JOB, f"{review.id}:{message_id}", now=now, payload=payload)


def review_news_job(
    bot: Bot, database: Database, types: Mapping[str, ForgeType], clock: Callable[[], datetime] = utc_now
) -> Handler:
    """The handler of `REVIEW_NEWS_JOB`: returns when to look again, until the review is over and that is told.

    For the holder of the bot's lease, as all that sends. What the message says stands in the database: another
    process goes on where one ended.
    """

    async def handle(job: Job) -> datetime | None:
        now = clock()
        async with database.read() as session:
            news = await _news(session, job, types)
        if news is None or news.chat.off_at is not None or now - job.created_at > PATIENCE:
            return None  # nobody is there to be told, or it is forgotten
        if news.chat.wait_until is not None and news.chat.wait_until > now:
            raise PostponeJob(news.chat.wait_until, "the chat wants quiet")
        if news.is_over or _told(news) != job.payload.get("told"):
            verdict = await _tell(bot, news, job.payload["message_id"])
            async with database.write() as session:
                return await _settle(session, job, news, verdict, bot_id=bot.id, now=clock())
        return _next(job, news, clock())

    return handle


async def _news(session: AsyncSession, job: Job, types: Mapping[str, ForgeType]) -> _News | None:
    review = await reviews.find(session, job.payload["review_id"])
    chat = None if review is None or review.chat_id is None else await users.find_chat(session, review.chat_id)
    project = None if review is None else await projects.by_id(session, review.project_id)
    if review is None or chat is None or project is None:
        return None
    forge: Forge = await forges.get(session, project.forge_id)
    if forge.kind not in types:
        return None
    t = translator(chat.language or DEFAULT)
    topics = [item.subscription.topic_id for item in await _followed(session, review, chat)]
    muted = await mutes.places(session, project_id=project.id, subject_keys=(_subject_key(review),))
    is_muted = bool(topics) and (chat.id, topics[0]) in muted
    said = message_of(review, project, types[forge.kind], t, mutes=bool(topics) and not is_muted)
    keys = keyboard(said.buttons)
    if is_muted and review.state not in reviews.OPEN:
        keys = undo_keys(keys, MutePress(act=MuteAct.UNMUTE), t("🔔 Unmute"))
    return _News(review, project, chat, said.content, keys)


async def _followed(session: AsyncSession, review: Review, chat: Chat) -> Sequence[subscriptions.Followed]:
    """The chat's subscriptions to the project, the one of the place that asked before those of other topics."""
    there = [item for item in await subscriptions.of_chat(session, chat.id) if item.project.id == review.project_id]
    return sorted(there, key=lambda item: item.subscription.topic_id != (review.topic_id or 0))


def _subject_key(review: Review) -> str:
    return f"{SubjectKind.PULL_REQUEST}:{review.number}"


def _told(news: _News) -> str:
    """What tells one state of the message from another."""
    review = news.review
    return f"{review.state}:{review.stage}:{review.done}/{review.total}"


def _next(job: Job, news: _News, now: datetime) -> datetime | None:
    """When to look again; `None`: all is told."""
    if news.is_over:
        return None
    if now - job.created_at > _LONG:
        return now + _LOOK_AT_LONG
    return now + (_LOOK if news.chat.type == "private" else _LOOK_IN_GROUP)


async def _tell(bot: Bot, news: _News, message_id: int) -> Verdict:
    """Edit the message. Where somebody deleted it the outcome is sent anew, and before that nothing is said."""
    try:
        try:
            await bot.edit_message_text(
                chat_id=news.chat.telegram_id, message_id=message_id, reply_markup=news.keys, **news.text.as_kwargs()
            )
        except TelegramBadRequest as error:
            if is_same(error):
                return Delivered(message_id)
            if not is_gone(error):
                raise
            return await _send(bot, news) if news.is_over else Delivered(None)
    except (AiogramError, OSError) as error:
        return judge(error, topic=bool(news.review.topic_id), token=bot.token)
    return Delivered(message_id)


async def _send(bot: Bot, news: _News) -> Verdict:
    try:
        sent = await bot.send_message(
            news.chat.telegram_id,
            message_thread_id=news.review.topic_id or None,
            reply_markup=news.keys,
            **news.text.as_kwargs(),
        )
    except TelegramBadRequest as error:
        verdict = judge(error, topic=bool(news.review.topic_id), token=bot.token)
        if not isinstance(verdict, TopicGone):
            raise
        sent = await bot.send_message(news.chat.telegram_id, reply_markup=news.keys, **news.text.as_kwargs())
    return Delivered(sent.message_id)


async def _settle(
    session: AsyncSession, job: Job, news: _News, verdict: Verdict, *, bot_id: int, now: datetime
) -> datetime | None:
    """Write what the answer means. When to look again; `None`: all is told, or cannot be."""
    match verdict:
        case Delivered():
            await jobs.remember(session, job, {**job.payload, "told": _told(news)})
            if news.is_over and verdict.telegram_message_id is not None:
                await messages.add_sent(session, _sent(news, verdict.telegram_message_id, bot_id, now))
            return _next(job, news, now)
        case Flooded():
            until = now + timedelta(seconds=verdict.seconds)
            await users.wait(session, news.chat.id, until)
            return until
        case ShutOut():
            await chats.shut_out(session, news.chat.id, reason=verdict.reason, now=now)
            return None
        case Migrated():
            await chats.moved(session, news.chat.id, verdict.telegram_id, now=now)
            return now
        case Refused() | TopicGone():
            text = f"how review {news.review.id} goes was not told: {verdict}"
            log.warning("%s", text)
            await event_log.add(session, kind="message_error", outcome="refused", message=text, now=now)
            return None
        case Failed():
            return now + _PAUSE
        case _:
            assert_never(verdict)


def _sent(news: _News, message_id: int, bot_id: int, now: datetime) -> Sent:
    """What the message is about, for the buttons under it."""
    return Sent(
        bot_id=bot_id,
        chat_id=news.chat.id,
        topic_id=news.review.topic_id,
        telegram_message_id=message_id,
        project_id=news.project.id,
        subject_key=_subject_key(news.review),
        head_sha=news.review.head_sha,
        categories=[str(Category.CODE_REVIEWS)],
        sent_at=now,
    )
