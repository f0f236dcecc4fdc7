"""Before every handler: may this person use the bot, who are they to us, and what language do they read."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.middlewares.user_context import EVENT_CONTEXT_KEY, EventContext
from aiogram.types import CallbackQuery, Message, TelegramObject
from aiogram.utils.formatting import Code
from cachetools import TTLCache

from src.bot.conversation import acknowledge, alert
from src.bot.deps import BotDeps, Scene, Visit
from src.bot.states import TokenStates
from src.bot.token_guard import exposes, take_from_stranger, take_unasked
from src.database.repositories import users
from src.i18n import N_, Translator, choose, translator
from src.webhook.render import compose

_ANONYMOUS = N_("I cannot see who you are while you write anonymously: write as yourself, please.")

_REFUSED_FOR = 60  # seconds in which a chat is refused once

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class VisitMiddleware(BaseMiddleware):
    """Makes `visit` and `t`, or turns a stranger away. An inner one: it runs when a handler was found."""

    def __init__(self, deps: BotDeps) -> None:
        self._deps = deps
        # The chats that were refused lately, and why: a stranger could have us write without end.
        self._refused: TTLCache[tuple[int, str], bool] = TTLCache(10_000, _REFUSED_FOR)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """See the class."""
        context: EventContext = data[EVENT_CONTEXT_KEY]
        sender, place = context.user, context.chat
        if sender is None or place is None:  # a button on a message that was sent through another chat: not ours
            return await acknowledge(event) if isinstance(event, CallbackQuery) else None
        language = choose(sender.language_code)
        anonymous = isinstance(event, Message) and event.sender_chat is not None
        if anonymous or not self._deps.access.admits(sender.id):
            number = None if anonymous else sender.id
            return await self._refuse(event, place.id, number, translator(language))
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
        data["scene"] = scene = Scene(data["bot"], self._deps, visit, data["state"], t)
        if isinstance(event, Message) and not _asked_for(event, data) and await exposes(event, self._deps):
            return await take_unasked(event, scene)
        return await handler(event, data)

    async def _refuse(self, event: TelegramObject, chat_id: int, number: int | None, t: Translator) -> None:
        """Nobody whom we serve: a token is deleted all the same. `number` is `None` for who writes anonymously."""
        if isinstance(event, Message) and await exposes(event, self._deps):
            await take_from_stranger(event, t, told=self._lately(chat_id, "token"))
        elif self._lately(chat_id, "anonymous" if number is None else "stranger"):
            if isinstance(event, CallbackQuery):
                await acknowledge(event)
        elif number is not None:
            await _turn_away(event, number, t)
        elif isinstance(event, Message):
            await event.answer(t(_ANONYMOUS))

    def _lately(self, chat_id: int, reason: str) -> bool:
        """Whether this was said in the chat within the last minute; from now on it was."""
        key = (chat_id, reason)
        if key in self._refused:
            return True
        self._refused[key] = True
        return False


class CommandMiddleware(BaseMiddleware):
    """A command leaves the question for a token: what comes next must not be taken for one."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """See the class. `/cancel` does so itself, and says so."""
        command = data.get("command")
        if data.get("raw_state") == TokenStates.waiting.state and getattr(command, "command", None) != "cancel":
            await data["state"].clear()
        return await handler(event, data)


def _asked_for(message: Message, data: dict[str, Any]) -> bool:
    """Whether a handler of tokens takes the message: the command for it, or the answer to its question."""
    command = getattr(data.get("command"), "command", "").lower()
    answered = data.get("raw_state") == TokenStates.waiting.state and message.text is not None
    return command.endswith("_token") or (answered and not (message.text or "").startswith("/"))


async def _turn_away(event: TelegramObject, number: int, t: Translator) -> None:
    template = t(
        "Sorry, this bot is for invited people only. Its operator can add you: your Telegram number is {number}."
    )
    if isinstance(event, CallbackQuery):
        await acknowledge(event, **alert(template.format(number=number)))
    elif isinstance(event, Message):
        await event.answer(**compose(template, number=Code(number)).as_kwargs())
