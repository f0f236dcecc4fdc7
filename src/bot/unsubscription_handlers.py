"""`/unsubscribe`: choose a subscription, confirm, gone."""

import secrets
from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Text

from src.bot.conversation import InMenu, acknowledge, alert, close, nod_at_command, open_menu, say, show, withdraw
from src.bot.deps import Scene
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.states import Menu, UnsubscriptionStates
from src.bot.subscription_picker import (
    GONE,
    NOTHING,
    chosen_here,
    end_subscription,
    followed_here,
    pick,
    pressed,
    refused_command,
    refused_press,
)
from src.database.models import Project
from src.i18n import Translator
from src.webhook.render import compose, name
from src.webhook.render.content import clean


def unsubscription_router() -> Router:
    """Its handlers."""
    router = Router(name="unsubscription")
    router.message.register(unsubscribe, Command("unsubscribe", ignore_case=True))
    press = router.callback_query.register
    in_list, asked = StateFilter(UnsubscriptionStates.subscription), StateFilter(UnsubscriptionStates.confirm)
    press(turned, in_list, Press.filter(F.act == Act.PAGE), InMenu())
    press(chosen, in_list, Press.filter(F.act == Act.SUBSCRIPTION), InMenu())
    press(returned, asked, Press.filter(F.act == Act.BACK), InMenu())
    press(confirmed, asked, Press.filter(F.act == Act.CONFIRM), InMenu())
    press(cancelled, StateFilter(UnsubscriptionStates), Press.filter(F.act == Act.CANCEL), InMenu())
    return router


async def unsubscribe(message: Message, scene: Scene) -> None:
    """Show what can be ended here."""
    if await refused_command(message, scene):
        return
    followed = await followed_here(scene)
    if not followed:
        await say(scene.bot, scene.visit, scene.t(NOTHING), reply_to=message)
        return
    picked = pick(scene, Menu(nonce=secrets.token_hex(4)), followed)
    keyboard = markup([*picked.rows, [Keys(picked.menu, scene.t).cancel()]])
    text = scene.t("Which project shall this chat stop following?")
    await open_menu(scene, message, picked.menu, UnsubscriptionStates.subscription, text, keyboard)


async def turned(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Another page."""
    await acknowledge(callback)
    await _show_list(scene, replace(menu, page=callback_data.index))


async def returned(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Back to the list."""
    await acknowledge(callback)
    await _show_list(scene, menu)


async def chosen(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Ask once."""
    menu, t = pressed(menu, callback_data), scene.t
    found = await chosen_here(scene, menu)
    if found is None:
        await acknowledge(callback, t(GONE) if menu.chosen is not None else None)
        await _show_list(scene, menu)
        return
    await acknowledge(callback)
    keys = Keys(menu, t)
    rows = [[keys.key(t("Stop following"), Act.CONFIRM, style="danger")], [keys.back(), keys.cancel()]]
    await show(scene, menu, UnsubscriptionStates.confirm, removal_question(found.project, t), markup(rows))


async def confirmed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """The subscription goes; who may do so is asked again."""
    if await refused_press(callback, scene):
        return
    found = await end_subscription(scene, menu)
    if found is None:
        await acknowledge(callback, **alert(scene.t(GONE)))
        await _show_list(scene, menu)
        return
    await acknowledge(callback)
    await close(scene, menu, removed(found.project, scene.t))
    await nod_at_command(scene, callback)


async def cancelled(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """The button; `/cancel` does the same."""
    text = scene.t("Cancelled: nothing was changed.")
    await acknowledge(callback, text)
    await withdraw(scene, menu, text)


def removal_question(project: Project, t: Translator) -> Text:
    """What is asked before a subscription goes."""
    template = t("Stop following {project} here? What you chose for it is forgotten; a pause would keep it.")
    return compose(template, project=_name(project))


def removed(project: Project, t: Translator) -> Text:
    """What is said when it is gone."""
    return compose(t("{project} is no longer followed here. /subscribe follows it again."), project=_name(project))


def _name(project: Project) -> Text:
    return name(clean(project.path))


async def _show_list(scene: Scene, menu: Menu) -> None:
    followed = await followed_here(scene)
    if not followed:
        await close(scene, menu, scene.t(NOTHING))
        return
    picked = pick(scene, menu, followed)
    keyboard = markup([*picked.rows, [Keys(picked.menu, scene.t).cancel()]])
    text = scene.t("Which project shall this chat stop following?")
    await show(scene, picked.menu, UnsubscriptionStates.subscription, text, keyboard)
