"""`/language`: the person's, or the group's."""

import secrets

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from src.bot.conversation import InMenu, acknowledge, alert, close, nod_at_command, open_menu, say, withdraw
from src.bot.deps import Scene
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.profile import publish_in_chat
from src.bot.states import LanguageStates, Menu
from src.bot.subscription_handlers import administers
from src.database.repositories import users
from src.i18n import N_, Translator, choose, languages, native_name, translator

_AS_TELEGRAM = 0  # the button's number; those of languages() follow
_NOT_ADMIN = N_("Only an administrator of this group can choose its language.")


def language_router() -> Router:
    """Its handlers."""
    router = Router(name="language")
    router.message.register(language, Command("language", ignore_case=True))
    press, choosing = router.callback_query.register, StateFilter(LanguageStates.choice)
    press(chosen, choosing, Press.filter(F.act == Act.LANGUAGE), InMenu())
    press(cancelled, choosing, Press.filter(F.act == Act.CANCEL), InMenu())
    return router


async def language(message: Message, scene: Scene) -> None:
    """Show what there is to choose from; in a group to its administrators only."""
    visit, t = scene.visit, scene.t
    if not visit.private and not await administers(scene.bot, visit):
        await say(scene.bot, visit, t(_NOT_ADMIN), reply_to=message)
        return
    async with scene.deps.database.read() as session:
        follows = visit.private and (await users.get_user(session, visit.user_id)).language is None
    menu = Menu(nonce=secrets.token_hex(4))
    current = _AS_TELEGRAM if follows else languages().index(t.language) + 1
    text = (
        t("Which language shall I speak here?") if visit.private else t("Which language shall I speak in this group?")
    )
    keyboard = _keyboard(menu, t, current, private=visit.private)
    await open_menu(scene, message, menu, LanguageStates.choice, text, keyboard)


def _keyboard(menu: Menu, t: Translator, current: int, *, private: bool) -> InlineKeyboardMarkup:
    """Each language by its own name, so that who took a wrong one finds back."""
    keys = Keys(menu, t)
    labels = {number: native_name(code) for number, code in enumerate(languages(), start=1)}
    if private:
        labels[_AS_TELEGRAM] = t("As my Telegram")
    rows = [
        [keys.key(f"✓ {label}" if number == current else label, Act.LANGUAGE, number)]
        for number, label in labels.items()
    ]
    return markup([*rows, [keys.cancel()]])


async def chosen(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """From now on this one, notifications that wait included."""
    visit, deps = scene.visit, scene.deps
    if not visit.private and not await administers(scene.bot, visit):
        await acknowledge(callback, **alert(scene.t(_NOT_ADMIN)))
        return
    await acknowledge(callback)
    known, number = languages(), callback_data.index
    if not 0 <= number <= len(known) or (number == _AS_TELEGRAM and not visit.private):
        return
    choice = None if number == _AS_TELEGRAM else known[number - 1]
    spoken = choice or choose(callback.from_user.language_code)
    async with deps.database.write() as session:
        await users.speak(session, visit.chat_id, spoken)
        if visit.private:
            await users.choose_language(session, visit.user_id, choice)
    admin = visit.private and visit.is_admin
    shown = spoken if admin else choice  # an admin's menu is always the chat's own
    await publish_in_chat(scene.bot, deps, visit.telegram_chat_id, language=shown, private=visit.private, admin=admin)
    t = translator(spoken)
    said = (
        t("I follow the language of your Telegram from now on.")
        if choice is None
        else t("Done: I speak English here now.")
    )
    await close(scene, menu, said)
    await nod_at_command(scene, callback)


async def cancelled(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """It stays as it is."""
    await acknowledge(callback)
    await withdraw(scene, menu, scene.t("Cancelled: nothing was changed."))
