"""`/list_subscriptions`: edit, pause, remove."""

import secrets
from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.formatting import Text

from src.bot.conversation import InMenu, acknowledge, alert, close, nod_at_command, open_menu, say, show, withdraw
from src.bot.deps import Scene
from src.bot.folding import folded
from src.bot.hook_handlers import open_hooks, returns_to
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.notification_handlers import categories_return_to, open_categories
from src.bot.states import Menu, SubscriptionListStates
from src.bot.subscription_events import edit_subscription
from src.bot.subscription_picker import (
    GONE,
    NOTHING,
    Picked,
    chosen_here,
    end_subscription,
    followed_here,
    may_change,
    pause,
    pick,
    pressed,
    refused_press,
)
from src.bot.subscription_screen import PAUSES, describe, look, pause_end, paused_words, subscription_keys
from src.bot.unsubscription_handlers import removal_question, removed
from src.database.repositories import mutes
from src.database.repositories.subscriptions import Followed
from src.webhook.render import link
from src.webhook.render.content import clean

_LISTED = 20  # for those who may only look


def list_router() -> Router:
    """Its handlers."""
    router = Router(name="list")
    router.message.register(list_subscriptions, Command("list_subscriptions", ignore_case=True))
    in_list, on_one, asked = (
        StateFilter(SubscriptionListStates.list),
        StateFilter(SubscriptionListStates.subscription),
        StateFilter(SubscriptionListStates.removal),
    )
    for step, act, handler in (
        (in_list, Act.PAGE, turned),
        (in_list, Act.SUBSCRIPTION, chosen),
        (in_list, Act.WEBHOOKS, webhooks),
        (on_one, Act.EDIT, edited),
        (on_one, Act.LEVELS, levels),
        (on_one, Act.PAUSE, paused),
        (on_one, Act.RESUME, resumed),
        (on_one, Act.UNMUTE, unmuted),
        (on_one, Act.REMOVE, removing),
        (on_one, Act.BACK, listed),
        (asked, Act.CONFIRM, confirmed),
        (asked, Act.BACK, kept),
        (StateFilter(SubscriptionListStates), Act.CANCEL, closed),
    ):
        router.callback_query.register(handler, step, Press.filter(F.act == act), InMenu())
    return router


async def list_subscriptions(message: Message, scene: Scene) -> None:
    """What is followed here; in a group its members see it, and its administrators change it."""
    followed = await followed_here(scene)
    if not followed:
        await say(scene.bot, scene.visit, scene.t(NOTHING), reply_to=message)
    elif await may_change(scene):
        picked = pick(scene, Menu(nonce=secrets.token_hex(4)), followed)
        await open_menu(
            scene, message, picked.menu, SubscriptionListStates.list, _head(scene), _list_keys(scene, picked)
        )
    else:
        await say(scene.bot, scene.visit, _read_only(scene, followed), reply_to=message)


async def turned(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Another page."""
    await acknowledge(callback)
    await show_list(scene, replace(menu, page=callback_data.index))


async def listed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Back to the list."""
    await acknowledge(callback)
    await show_list(scene, menu)


async def chosen(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """One of them."""
    await _open(callback, pressed(menu, callback_data), scene)


async def kept(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """It stays after all."""
    await _open(callback, menu, scene)


async def webhooks(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """How the webhooks do, and what can be done about them."""
    await acknowledge(callback)
    await open_hooks(scene, replace(menu, page=1, back_to=SubscriptionListStates.list.state))


async def edited(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """To the events, in the same message."""
    if await refused_press(callback, scene):
        return
    if menu.chosen is None or not await edit_subscription(scene, menu.message_id, menu.chosen):
        await _gone(callback, menu, scene)
        return
    await acknowledge(callback)


async def levels(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """What of it is told loudly, silently or not at all."""
    if await _to_change(callback, menu, scene) is None:
        return
    await acknowledge(callback)
    await open_categories(scene, replace(menu, back_to=SubscriptionListStates.subscription.state, draft=()))


async def paused(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Nothing of it for a while."""
    found = await _to_change(callback, menu, scene)
    if found is None:
        return
    if not 0 <= callback_data.index < len(PAUSES):  # what a press holds comes from outside
        await _gone(callback, menu, scene)
        return
    zone = (await look(scene, found)).zone
    until = pause_end(PAUSES[callback_data.index], scene.deps.clock(), zone)
    await pause(scene, found, until)
    await acknowledge(callback, paused_words(until, zone, scene.t))
    await show_one(scene, menu)


async def resumed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """It is told again."""
    found = await _to_change(callback, menu, scene)
    if found is None:
        return
    await pause(scene, found, None)
    await acknowledge(callback, scene.t("It is told again from now on."))
    await show_one(scene, menu)


async def unmuted(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """All that was muted of it is told again."""
    found = await _to_change(callback, menu, scene)
    if found is None:
        return
    place = found.subscription
    async with scene.deps.database.write() as session:
        count = await mutes.remove_all(
            session, project_id=place.project_id, chat_id=place.chat_id, topic_id=place.topic_id
        )
    t = scene.t
    await acknowledge(callback, t.n("{n} unmuted.", "{n} unmuted.", count).format(n=count))
    await show_one(scene, menu)


async def removing(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Ask once."""
    found = await chosen_here(scene, menu)
    if found is None:
        await _gone(callback, menu, scene)
        return
    await acknowledge(callback)
    keys, t = Keys(menu, scene.t), scene.t
    rows = [[keys.key(t("Stop following"), Act.CONFIRM, style="danger")], [keys.back(), keys.cancel()]]
    await show(scene, menu, SubscriptionListStates.removal, removal_question(found.project, t), markup(rows))


async def confirmed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """It goes; who may do so is asked again."""
    if await refused_press(callback, scene):
        return
    found = await end_subscription(scene, menu)
    if found is None:
        await _gone(callback, menu, scene)
        return
    await acknowledge(callback)
    await close(scene, menu, removed(found.project, scene.t))
    await nod_at_command(scene, callback)


async def closed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Nothing is open any more."""
    await acknowledge(callback)
    await withdraw(scene, menu, scene.t("Closed."))


@returns_to(str(SubscriptionListStates.list.state))
async def show_list(scene: Scene, menu: Menu) -> None:
    """The list as it is now, in the menu's message."""
    followed = await followed_here(scene)
    if not followed:
        await close(scene, menu, scene.t(NOTHING))
        return
    picked = pick(scene, menu, followed)
    await show(scene, picked.menu, SubscriptionListStates.list, _head(scene), _list_keys(scene, picked))


async def _open(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    if await chosen_here(scene, menu) is None:
        await _gone(callback, menu, scene)
        return
    await acknowledge(callback)
    await show_one(scene, menu)


@categories_return_to(str(SubscriptionListStates.subscription.state))
async def show_one(scene: Scene, menu: Menu) -> None:
    """The menu's subscription as it is now, in its message."""
    found = await chosen_here(scene, menu)
    if found is None:
        await show_list(scene, menu)
        return
    view = await look(scene, found)
    keyboard = subscription_keys(menu, view, scene.t)
    await show(scene, menu, SubscriptionListStates.subscription, describe(scene, view), keyboard)


async def _to_change(callback: CallbackQuery, menu: Menu, scene: Scene) -> Followed | None:
    """The menu's subscription. `None`: they may not change it, or it is gone; the press is then answered."""
    if await refused_press(callback, scene):
        return None
    found = await chosen_here(scene, menu)
    if found is None:
        await _gone(callback, menu, scene)
    return found


async def _gone(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Somebody else removed it meanwhile, or the list was an older one: here is the present one."""
    if menu.chosen is None:
        await acknowledge(callback)
    else:
        await acknowledge(callback, **alert(scene.t(GONE)))
    await show_list(scene, menu)


def _head(scene: Scene) -> str:
    return scene.t("Followed here. Press one to change, pause or remove it.")


def _list_keys(scene: Scene, picked: Picked) -> InlineKeyboardMarkup:
    t, keys = scene.t, Keys(picked.menu, scene.t)
    last = [keys.key(t("Webhooks…"), Act.WEBHOOKS), keys.key(t("Close"), Act.CANCEL)]
    return markup([*picked.rows, last])


def _read_only(scene: Scene, followed: list[Followed]) -> Text:
    t = scene.t
    lines = [Text(t("Followed here; those who administer this group can change it:"))]
    lines += [Text("• ", link(clean(item.project.path), item.project.url)) for item in followed[:_LISTED]]
    more = len(followed) - _LISTED
    if more > 0:
        lines.append(Text(t.n("and {n} more", "and {n} more", more).format(n=more)))
    return folded(lines)
