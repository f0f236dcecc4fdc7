"""What Telegram shows of the bot before anybody writes to it: commands and descriptions, per language."""

import logging
from collections.abc import Sequence

from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramAPIError
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeUnion,
)

from src.bot.deps import BotDeps
from src.bot.handlers import menu
from src.i18n import DEFAULT, N_, languages, translator

log = logging.getLogger(__name__)

# Telegram's limits: 512 and 120 characters.
DESCRIPTION = N_(
    "I tell you what happens in your {forges} projects: when you are mentioned, asked for a review, assigned, "
    "or your pipeline fails. Only what concerns you, once, here or in your team's group.\n\nPress Start to begin."
)
SHORT_DESCRIPTION = N_("Tells you what concerns you in your {forges} projects. Self-hosted, quiet, exact.")


async def publish(bot: Bot, deps: BotDeps) -> None:
    """Bring what Telegram has in line, writing only what differs. A failure is logged: the bot works without."""
    for language in languages():
        # What has no language code is for everybody whose language we do not have.
        code = None if language == DEFAULT else language
        try:
            await _texts(bot, deps, language, code)
            for private, scope in ((True, BotCommandScopeAllPrivateChats()), (False, BotCommandScopeAllGroupChats())):
                await _commands(bot, _menu(deps, language, private=private), scope, code)
        except (TelegramAPIError, ClientDecodeError) as error:
            log.warning("the bot's profile in %r could not be set: %s", language, _said(error))


async def publish_in_chat(
    bot: Bot, deps: BotDeps, telegram_chat_id: int, *, language: str | None, private: bool, admin: bool
) -> None:
    """The commands of one chat: in the language that it chose, and with those for admins in an admin's private chat.

    `language` is `None` where the chat follows each reader's Telegram. A failure is logged: typing works all the same.
    """
    scope = BotCommandScopeChat(chat_id=telegram_chat_id)
    try:
        if language is None and not admin:
            await bot.delete_my_commands(scope=scope)
        else:
            commands = _menu(deps, language or DEFAULT, private=private, admin=admin)
            await bot.set_my_commands(commands, scope=scope)
    except (TelegramAPIError, ClientDecodeError) as error:
        log.warning("the commands of a chat could not be set: %s", _said(error))


def _said(error: TelegramAPIError | ClientDecodeError) -> str:
    """What went wrong; of what is no answer of Telegram's, but some proxy's page, its kind alone."""
    return str(error) if isinstance(error, TelegramAPIError) else type(error).__name__


def _menu(deps: BotDeps, language: str, *, private: bool, admin: bool = False) -> list[BotCommand]:
    found = menu(deps, translator(language), private=private, admin=admin)
    return [BotCommand(command=command, description=description) for command, description in found]


async def _texts(bot: Bot, deps: BotDeps, language: str, code: str | None) -> None:
    t = translator(language)
    forges = t(" and ").join(deps.credentials.types[kind].title for kind in deps.kinds)
    description, short = t(DESCRIPTION).format(forges=forges), t(SHORT_DESCRIPTION).format(forges=forges)
    if (await bot.get_my_description(language_code=code)).description != description:
        await bot.set_my_description(description=description, language_code=code)
    if (await bot.get_my_short_description(language_code=code)).short_description != short:
        await bot.set_my_short_description(short_description=short, language_code=code)


async def _commands(bot: Bot, wanted: Sequence[BotCommand], scope: BotCommandScopeUnion, code: str | None) -> None:
    there = await bot.get_my_commands(scope=scope, language_code=code)
    if [(item.command, item.description) for item in there] != [(item.command, item.description) for item in wanted]:
        await bot.set_my_commands(list(wanted), scope=scope, language_code=code)
