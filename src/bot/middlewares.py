"""Before every handler: may this person use the bot, who are they to us, and what language do they read."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.middlewares.user_context import EVENT_CONTEXT_KEY, EventContext
from aiogram.types import CallbackQuery, Message, TelegramObject
from aiogram.utils.formatting import Code

from src.bot.conversation import alert
from src.bot.deps import BotDeps, Scene, Visit
from src.bot.states import TokenStates
from src.database.repositories import users
from src.i18n import N_, Translator, choose, translator
from src.webhook.render import compose

_ANONYMOUS = N_("I cannot see who you are while you write anonymously: write as yourself, please.")

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class VisitMiddleware(BaseMiddleware):
    """Makes `visit` and `t`, or turns a stranger away. An inner one: it runs when a handler was found."""

    def __init__(self, deps: BotDeps) -> None:
        self._deps = deps

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """See the class."""
        context: EventContext = data[EVENT_CONTEXT_KEY]
        sender, place = context.user, context.chat
        if sender is None or place is None:  # a button on a message that was sent through another chat: not ours
            return await event.answer() if isinstance(event, CallbackQuery) else None
        language = choose(sender.language_code)
        if isinstance(event, Message) and event.sender_chat is not None:
            t = translator(language)
            return await event.answer(t(_ANONYMOUS))
        if not self._deps.access.admits(sender.id):
            return await _turn_away(event, sender.id, translator(language))
        async with self._deps.database.write() as session:
            user = await users.ensure_user(
                session, sender.id, name=sender.full_name, language=language, now=self._deps.clock()
            )
            chat = await users.ensure_chat(
                session, place.id, type_=place.type, title=place.title or sender.full_name, language=language
            )
        data["t"] = t = translator(chat.language or language)
        data["visit"] = visit = Visit(
            user_id=user.id,
            chat_id=chat.id,
            telegram_user_id=sender.id,
            telegram_chat_id=place.id,
            topic_id=context.thread_id,
            private=place.type == "private",
            name=sender.first_name,
        )
        data["scene"] = Scene(data["bot"], self._deps, visit, data["state"], t)
        return await handler(event, data)


class CommandMiddleware(BaseMiddleware):
    """A command leaves the question for a token: what comes next must not be taken for one."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """See the class. `/cancel` does so itself, and says so."""
        command = data.get("command")
        if data.get("raw_state") == TokenStates.waiting.state and getattr(command, "command", None) != "cancel":
            await data["state"].clear()
        return await handler(event, data)


async def _turn_away(event: TelegramObject, number: int, t: Translator) -> None:
    template = t(
        "Sorry, this bot is for invited people only. Its operator can add you: your Telegram number is {number}."
    )
    if isinstance(event, CallbackQuery):
        await event.answer(**alert(template.format(number=number)))
    elif isinstance(event, Message):
        await event.answer(**compose(template, number=Code(number)).as_kwargs())
