"""`/rotate`: new secrets for all webhooks, for those who run the bot."""

import secrets

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Text

from src.bot.conversation import InMenu, acknowledge, alert, close, open_menu, say, withdraw
from src.bot.deps import Scene
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.people_handlers import FOR_ADMINS
from src.bot.states import HookStates, Menu
from src.database.repositories import hooks


def rotation_router() -> Router:
    """The command and its question."""
    router = Router(name="rotation")
    router.message.register(rotate, Command("rotate", ignore_case=True))
    asked = StateFilter(HookStates.rotation)
    router.callback_query.register(rotated, asked, Press.filter(F.act == Act.CONFIRM), InMenu())
    router.callback_query.register(kept, asked, Press.filter(F.act == Act.CANCEL), InMenu())
    return router


async def rotate(message: Message, scene: Scene) -> None:
    """Ask once: it concerns everybody."""
    t = scene.t
    if not scene.visit.is_admin:
        await say(scene.bot, scene.visit, t(FOR_ADMINS), reply_to=message)
        return
    async with scene.deps.database.read() as session:
        count = len(await hooks.managed(session))
    if not count:
        await say(
            scene.bot, scene.visit, t("There is no webhook of mine whose secret I could change."), reply_to=message
        )
        return
    question = t.n(
        "Give {n} webhook a new secret? Nothing is lost meanwhile: the old one is good for another day.",
        "Give {n} webhooks new secrets? Nothing is lost meanwhile: the old ones are good for another day.",
        count,
    )
    menu = Menu(nonce=secrets.token_hex(4))
    keys = Keys(menu, t)
    rows = [[keys.key(t("New secrets"), Act.CONFIRM, style="danger")], [keys.cancel()]]
    await open_menu(scene, message, menu, HookStates.rotation, Text(question.format(n=count)), markup(rows))


async def rotated(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Ask for it; it is done one webhook after the other."""
    t = scene.t
    if not scene.visit.is_admin:  # any more
        await acknowledge(callback, **alert(t(FOR_ADMINS)))
        return
    await acknowledge(callback)
    count = await scene.deps.hooks.rotate_all()
    text = t.n(
        "✓ {n} webhook gets a new secret in the next minutes. /status shows how it does.",
        "✓ {n} webhooks get new secrets in the next minutes. /status shows how they do.",
        count,
    )
    await close(scene, menu, Text(text.format(n=count)))


async def kept(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """All stays as it is."""
    text = scene.t("Cancelled: nothing was changed.")
    await acknowledge(callback, text)
    await withdraw(scene, menu, text)
