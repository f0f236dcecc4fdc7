"""Chats that let the bot in, shut it out, or become another chat: seen at once, not at the next message."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware, Bot, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.types import ChatMemberRestricted, ChatMemberUpdated, Message, TelegramObject

from src.bot.deps import BotDeps
from src.database.models import Chat
from src.database.repositories import people, subscriptions, users
from src.i18n import choose, translator
from src.webhook import chats

log = logging.getLogger(__name__)

_GONE = frozenset({ChatMemberStatus.LEFT, ChatMemberStatus.KICKED})
_GROUPS = frozenset({ChatType.GROUP, ChatType.SUPERGROUP})

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def membership_router() -> Router:
    """What Telegram tells of the bot's own place in a chat."""
    router = Router(name="membership")
    router.my_chat_member.register(place_changed)
    return router


class MigrationMiddleware(BaseMiddleware):
    """Takes the service messages by which a group becomes a supergroup. An outer one: nobody speaks in them."""

    def __init__(self, deps: BotDeps) -> None:
        self._deps = deps

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """See the class. Both chats tell it; whichever comes first does it."""
        old, new = _numbers(event) if isinstance(event, Message) else (None, None)
        if old is None or new is None:
            return await handler(event, data)
        async with self._deps.database.write() as session:
            chat = await users.chat_by_number(session, old)
            if chat is not None:
                await chats.moved(session, chat.id, new, now=self._deps.clock())
        return None


async def place_changed(event: ChatMemberUpdated, bot: Bot, deps: BotDeps) -> None:
    """The bot was let in, shut out, promoted or silenced."""
    is_in = _may_write(event)
    async with deps.database.write() as session:
        chat = await users.chat_by_number(session, event.chat.id)
        was_in = event.old_chat_member.status not in _GONE and (chat is None or chat.off_at is None)
        if chat is not None and is_in:
            await users.switch_on(session, chat.id)
        elif chat is not None and chat.off_at is None:
            reason = f"the bot is {event.new_chat_member.status} there"
            await chats.shut_out(session, chat.id, reason=reason, now=deps.clock())
        count = len(await subscriptions.of_chat(session, chat.id)) if chat is not None else 0
        who = event.from_user.id
        is_welcome = deps.access.admits(who, await people.find(session, who))
    if deps.greets and is_welcome and is_in and not was_in and event.chat.type in _GROUPS:
        await _greet(event, bot, chat, count)


async def _greet(event: ChatMemberUpdated, bot: Bot, chat: Chat | None, count: int) -> None:
    """One message with what comes next; a group that knew the bot is told what goes on."""
    known = None if chat is None else chat.language
    t = translator(known or choose(event.from_user.language_code))
    if count:
        text = t.n(
            "I am back: {n} subscription of this group goes on. /list_subscriptions shows it.",
            "I am back: {n} subscriptions of this group go on. /list_subscriptions shows them.",
            count,
        ).format(n=count)
    elif event.chat.is_forum:
        text = t("Hello! Someone who administers this group can follow a project, each in its topic: /subscribe")
    else:
        text = t("Hello! Someone who administers this group can follow a project here: /subscribe")
    try:
        await bot.send_message(event.chat.id, text)
    except (TelegramForbiddenError, TelegramBadRequest) as error:
        log.info("A group could not be greeted: %s", error)


def _may_write(event: ChatMemberUpdated) -> bool:
    member = event.new_chat_member
    if isinstance(member, ChatMemberRestricted):
        return member.is_member and member.can_send_messages
    return member.status not in _GONE


def _numbers(message: Message) -> tuple[int | None, int | None]:
    """The group's number before and after."""
    if message.migrate_to_chat_id is not None:
        return message.chat.id, message.migrate_to_chat_id
    if message.migrate_from_chat_id is not None:
        return message.migrate_from_chat_id, message.chat.id
    return None, None
