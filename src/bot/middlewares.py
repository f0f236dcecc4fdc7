"""Before every handler: may this person use the bot, who are they to us, and what language do they read."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiogram import BaseMiddleware
from aiogram.dispatcher.middlewares.user_context import EVENT_CONTEXT_KEY, EventContext
from aiogram.types import CallbackQuery, Chat, Message, TelegramObject
from aiogram.types import User as Sender
from aiogram.utils.formatting import Code
from cachetools import TTLCache

from src.bot.access import is_code
from src.bot.conversation import acknowledge, alert, take_away
from src.bot.deps import BotDeps, Scene, Visit
from src.bot.own_accounts import START_SUBSCRIBE
from src.bot.pairing import Door, Opened, Outcome, Slowed, Wrong
from src.bot.states import DeletionStates, TokenStates
from src.bot.token_guard import exposes, take_from_stranger, take_unasked
from src.database.models import User
from src.database.repositories import people, users
from src.i18n import N_, Translator, choose, translator
from src.webhook.render import compose

_ANONYMOUS = N_("I cannot see who you are while you write anonymously: write as yourself, please.")

_REFUSED_FOR = 60  # seconds in which a chat is refused once

_OF_LEAVING = ("privacy", "delete_me")

_START = re.compile(r"/start(?:@\w+)?\s+(.+)", re.IGNORECASE | re.DOTALL)

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class _Entered:
    visit: Visit
    t: Translator


class VisitMiddleware(BaseMiddleware):
    """Makes `visit` and `t`, or turns a stranger away. An inner one: it runs when a handler was found."""

    def __init__(self, deps: BotDeps) -> None:
        self._deps = deps
        self._door = Door(deps)
        # The chats that were refused lately, and why: a stranger could have us write without end.
        self._refused: TTLCache[tuple[int, str], bool] = TTLCache(10_000, _REFUSED_FOR)

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """See the class."""
        context: EventContext = data[EVENT_CONTEXT_KEY]
        sender, place = context.user, context.chat
        if sender is None or place is None:  # a button on a message that was sent through another chat: not ours
            return await acknowledge(event) if isinstance(event, CallbackQuery) else None
        t = translator(choose(sender.language_code))
        if isinstance(event, Message) and event.sender_chat is not None:
            return await self._refuse(event, place.id, None, t)
        if isinstance(event, Message) and place.type != "private" and self._shows_code(event):
            await take_away(event)  # all could use it; where we may not delete, what is answered says where it belongs
        knocked = await self._knock(event, sender)
        if isinstance(knocked, Wrong | Slowed):
            return await _turn_back(event, knocked, t)
        if isinstance(event, CallbackQuery) and place.type == "private" and await self._is_forgotten(sender):
            return await acknowledge(event, **alert(t("This dialog is no longer open: its command starts a new one.")))
        leaving = place.type == "private" and _is_of_leaving(data)
        visit = await self._enter(context, sender, place, entered=isinstance(knocked, Opened), leaving=leaving)
        if visit is None:
            return await self._refuse(event, place.id, sender.id, t)
        data["visit"], data["t"] = visit.visit, visit.t
        data["scene"] = scene = Scene(data["bot"], self._deps, visit.visit, data["state"], visit.t)
        if isinstance(event, Message) and not _asked_for(event, data) and await exposes(event, self._deps):
            return await take_unasked(event, scene)
        return await handler(event, data)

    async def _knock(self, event: TelegramObject, sender: Sender) -> Outcome | None:
        """What comes of the code in `/start CODE`; `None` where there is none to look at, or an admin sends it."""
        code = offered_code(event) if self._deps.access.mode == "pairing" else None
        if code is None or not isinstance(event, Message) or await exposes(event, self._deps):
            return None
        async with self._deps.database.read() as session:
            known = await people.find(session, sender.id)
        if known is not None and self._deps.access.admits(sender.id, known) and self._deps.access.is_admin(known):
            return None
        return await self._door.knock(sender, code)

    def _shows_code(self, message: Message) -> bool:
        found = _START.fullmatch((message.text or "").strip()) if self._deps.access.mode == "pairing" else None
        return found is not None and is_code(found[1])

    async def _is_forgotten(self, sender: Sender) -> bool:
        """Whether they could be here, but are not: a second tap on /delete_me must not make us know them again."""
        if not self._deps.access.admits(sender.id):
            return False
        async with self._deps.database.read() as session:
            return await people.find(session, sender.id) is None

    async def _enter(
        self, context: EventContext, sender: Sender, place: Chat, *, entered: bool, leaving: bool
    ) -> "_Entered | None":
        """The rows of an admitted person and of the place; `None`: a stranger, of whom nothing is kept.

        `leaving`: whoever we keep something of may ask for it to be deleted, also when they are no longer admitted.
        """
        access, language = self._deps.access, choose(sender.language_code)

        def may_enter(user: User | None) -> bool:
            return access.admits(sender.id, user) or (leaving and user is not None)

        if not access.admits(sender.id):
            async with self._deps.database.read() as session:  # strangers must not keep the writer busy
                if not may_enter(await people.find(session, sender.id)):
                    return None
        async with self._deps.database.write() as session:
            if not may_enter(await people.find(session, sender.id)):
                return None  # removed a moment ago
            user = await users.ensure_user(
                session, sender.id, name=sender.full_name, language=None, now=self._deps.clock()
            )
            chat = await users.ensure_chat(
                session, place.id, type_=place.type, title=place.title or sender.full_name, language=language
            )
            if place.type == "private" and user.language is None:
                chat.language = language  # they chose none: it follows their Telegram
        visit = Visit(
            user_id=user.id,
            chat_id=chat.id,
            telegram_user_id=sender.id,
            telegram_chat_id=place.id,
            topic_id=context.thread_id,
            private=place.type == "private",
            name=sender.first_name,
            is_admin=access.admits(sender.id, user) and access.is_admin(user),
            entered=entered,
        )
        return _Entered(visit, translator(chat.language or language))

    async def _refuse(self, event: TelegramObject, chat_id: int, number: int | None, t: Translator) -> None:
        """Nobody whom we serve: a token is deleted all the same. `number` is `None` for who writes anonymously."""
        if isinstance(event, Message) and await exposes(event, self._deps):
            await take_from_stranger(event, t, told=self._lately(chat_id, "token"))
        elif self._lately(chat_id, "anonymous" if number is None else "stranger"):
            if isinstance(event, CallbackQuery):
                await acknowledge(event)
        elif number is not None:
            await _turn_away(event, None if self._deps.access.mode == "pairing" else number, t)
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
        written = getattr(command, "command", "").lower()
        if data.get("raw_state") == TokenStates.waiting.state and written != "cancel":
            await data["state"].clear()
        return await handler(event, data)


def offered_code(event: TelegramObject) -> str | None:
    """What somebody sends as a code: in a private chat, for in a group all could use it, and not as an edit."""
    if not isinstance(event, Message) or event.chat.type != "private" or event.edit_date is not None:
        return None
    found = _START.fullmatch((event.text or "").strip())
    return None if found is None or found[1] == START_SUBSCRIBE else found[1]


def _is_of_leaving(data: dict[str, Any]) -> bool:
    """Whether this is a step of finding out what we keep, and having it deleted."""
    command = getattr(data.get("command"), "command", "").lower()
    return command in _OF_LEAVING or data.get("raw_state") == DeletionStates.confirm.state


def _asked_for(message: Message, data: dict[str, Any]) -> bool:
    """Whether a handler of tokens takes the message: the command for it, or the answer to its question."""
    command = getattr(data.get("command"), "command", "").lower()
    answered = data.get("raw_state") == TokenStates.waiting.state and message.text is not None
    return command.endswith("_token") or (answered and not (message.text or "").startswith("/"))


async def _turn_away(event: TelegramObject, number: int | None, t: Translator) -> None:
    """The one sentence for strangers. `number`: theirs, where the operator needs it to let them in."""
    if number is None:
        template = t(
            "Sorry, this bot is for invited people only: if you have a code, "
            "send it to me in a private chat, like this: /start CODE"
        )
    else:
        template = t(
            "Sorry, this bot is for invited people only. Its operator can add you: your Telegram ID is {number}."
        )
    if isinstance(event, CallbackQuery):
        await acknowledge(event, **alert(template.format(number=number)))
    elif isinstance(event, Message):
        await event.answer(**compose(template, number=Code(number)).as_kwargs())


async def _turn_back(event: TelegramObject, outcome: Wrong | Slowed, t: Translator) -> None:
    """A code did not open."""
    if not isinstance(event, Message) or (isinstance(outcome, Slowed) and outcome.quiet):
        return
    n = outcome.wait
    if isinstance(outcome, Slowed):
        text = t.n(
            "I did not look at this code, sorry: please wait {n} second, then send it again.",
            "I did not look at this code, sorry: please wait {n} seconds, then send it again.",
            n,
        )
    elif outcome.is_in and not n:
        text = t("You are in already. This code lets nobody else in.")
    elif n:
        text = t.n(
            "Sorry, this code is not good, or not any more: please wait {n} second before you try another.",
            "Sorry, this code is not good, or not any more: please wait {n} seconds before you try another.",
            n,
        )
    else:
        text = t("Sorry, this code is not good, or not any more: ask whoever gave it to you for a new one.")
    await event.answer(text.format(n=n))
