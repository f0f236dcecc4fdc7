"""`/notifications`: each category on, silent or off, for one subscription or all."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.formatting import Bold, Text

from src.bot.conversation import InMenu, acknowledge, alert, close, nod_at_command, open_menu, say, show, withdraw
from src.bot.deps import Scene
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.states import Menu, NotificationStates
from src.bot.subscription_picker import (
    GONE,
    NOTHING,
    Picked,
    followed_here,
    pick,
    pressed,
    refused_command,
    refused_press,
)
from src.database.repositories import subscriptions
from src.database.repositories.subscriptions import Followed
from src.forge import ForgeType
from src.i18n import N_, Translator
from src.webhook.categories import LEVELS, Category, Level, level
from src.webhook.render import compose, describe_category, name
from src.webhook.render.content import clean
from src.webhook.render.nodes import joined

# With a word each: a bell alone says nothing to who cannot see it well.
_MARKS: Mapping[Level | None, str] = {
    "on": N_("🔔 {kind}: on"),
    "silent": N_("🔕 {kind}: silent"),
    "off": N_("🚫 {kind}: off"),
    None: N_("◐ {kind}: mixed"),  # of several subscriptions, where they differ
}
_AT_ONCE: Mapping[Level, str] = {"on": N_("🔔 All on"), "silent": N_("🔕 All silent"), "off": N_("🚫 All off")}
Return = Callable[[Scene, Menu], Awaitable[None]]


def notification_router() -> Router:
    """Its handlers."""
    router = Router(name="notification")
    router.message.register(notifications, Command("notifications", ignore_case=True))
    in_list, on_one = StateFilter(NotificationStates.subscription), StateFilter(NotificationStates.categories)
    for step, act, handler in (
        (in_list, Act.PAGE, turned),
        (in_list, Act.EVERY, every),
        (in_list, Act.SUBSCRIPTION, chosen),
        (on_one, Act.LEVEL, level_pressed),
        (on_one, Act.LEVELS, all_pressed),
        (on_one, Act.SAVE, saved),
        (on_one, Act.BACK, returned),
        (StateFilter(NotificationStates), Act.CANCEL, cancelled),
    ):
        router.callback_query.register(handler, step, Press.filter(F.act == act), InMenu())
    return router


async def notifications(message: Message, scene: Scene) -> None:
    """For which subscription?"""
    if await refused_command(message, scene):
        return
    followed = await followed_here(scene)
    if not followed:
        await say(scene.bot, scene.visit, scene.t(NOTHING), reply_to=message)
        return
    picked = pick(scene, Menu(nonce=secrets.token_hex(4)), followed)
    keyboard = _list_keys(picked, scene.t)
    await open_menu(scene, message, picked.menu, NotificationStates.subscription, _question(scene.t), keyboard)


async def turned(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Another page."""
    await acknowledge(callback)
    await _show_list(scene, replace(menu, page=callback_data.index))


async def every(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """All of them at once."""
    await acknowledge(callback)
    await open_categories(scene, replace(menu, chosen=None))


async def chosen(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """One of them."""
    menu = pressed(menu, callback_data)
    if menu.chosen is None:
        await acknowledge(callback)
        await _show_list(scene, menu)
    elif not await _meant(scene, menu):
        await acknowledge(callback, **alert(scene.t(GONE)))
        await _show_list(scene, menu)
    else:
        await acknowledge(callback)
        await open_categories(scene, menu)


async def open_categories(scene: Scene, menu: Menu) -> None:
    """The categories of the menu's subscription, or of all where none is chosen, with what is not stored yet."""
    meant = await _meant(scene, menu)
    if not meant:
        await _show_list(scene, menu)
        return
    text, keyboard = _text(menu, meant, scene.t), _category_keys(scene, menu, meant)
    await show(scene, menu, NotificationStates.categories, text, keyboard)


async def level_pressed(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """The next level of one category."""
    await acknowledge(callback)
    meant, known = await _meant(scene, menu), list(Category)
    if callback_data.index < len(known):
        category = known[callback_data.index]
        before = _shown(menu, meant, category)
        after = LEVELS[(LEVELS.index(before) + 1) % len(LEVELS)] if before else LEVELS[0]
        menu = replace(menu, draft=_written({**_drafted(menu), category: after}))
    await open_categories(scene, menu)


async def all_pressed(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """All categories at once."""
    if callback_data.index >= len(LEVELS):
        await acknowledge(callback)
        return
    wanted, t = LEVELS[callback_data.index], scene.t
    said = t("Then nothing at all is told, until you change it here.") if wanted == "off" else None
    await acknowledge(callback, said)
    await open_categories(scene, replace(menu, draft=_written(dict.fromkeys(Category, wanted))))


async def saved(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Store what was changed, and nothing else; who may do so is asked again."""
    if await refused_press(callback, scene):
        return
    drafted, t = _drafted(menu), scene.t
    meant = await _meant(scene, menu)
    if not meant:
        await acknowledge(callback, **alert(t(GONE)))
        await _show_list(scene, menu)
        return
    now = scene.deps.clock()
    async with scene.deps.database.write() as session:
        for item in meant if drafted else ():
            again = await subscriptions.get(session, item.subscription.id)
            if again is not None:
                await subscriptions.set_levels(session, again.subscription, drafted, now)
    await acknowledge(callback)
    await close(scene, menu, _result(scene, menu, await _meant(scene, menu)))
    await nod_at_command(scene, callback)


async def returned(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """To the list, or where the categories were opened from; what was not stored is forgotten."""
    await acknowledge(callback, scene.t("Nothing was stored.") if menu.draft else None)
    back = _RETURNS.get(menu.back_to or "", _show_list)
    await back(scene, replace(menu, draft=()))


async def cancelled(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """The button; `/cancel` does the same."""
    text = scene.t("Cancelled: nothing was changed.")
    await acknowledge(callback, text)
    await withdraw(scene, menu, text)


_RETURNS: dict[str, Return] = {}


def categories_return_to(step: str) -> Callable[[Return], Return]:
    """Registers where Back leads from the categories, for menus whose `back_to` is `step`."""

    def register(function: Return) -> Return:
        _RETURNS[step] = function
        return function

    return register


async def _show_list(scene: Scene, menu: Menu) -> None:
    followed = await followed_here(scene)
    if not followed:
        await close(scene, menu, scene.t(NOTHING))
        return
    picked = pick(scene, replace(menu, back_to=None), followed)
    await show(scene, picked.menu, NotificationStates.subscription, _question(scene.t), _list_keys(picked, scene.t))


async def _meant(scene: Scene, menu: Menu) -> list[Followed]:
    """The subscriptions that the categories are of, as they are now."""
    followed = await followed_here(scene)
    return [item for item in followed if menu.chosen in (None, item.subscription.id)]


def _drafted(menu: Menu) -> dict[str, Level]:
    """What was changed: level by category."""
    pairs = (word.partition(":") for word in menu.draft)
    return {category: level({category: given}, Category(category)) for category, _, given in pairs}


def _written(changes: Mapping[str, Level]) -> tuple[str, ...]:
    return tuple(f"{category}:{wanted}" for category, wanted in changes.items())


def _shown(menu: Menu, meant: Sequence[Followed], category: Category) -> Level | None:
    """The level as it would be stored; `None` where the subscriptions differ."""
    drafted = _drafted(menu).get(category)
    if drafted is not None:
        return drafted
    found = {level(item.subscription.levels, category) for item in meant}
    return found.pop() if len(found) == 1 else None


def _question(t: Translator) -> str:
    return t("Loud, silent or off: for which subscription?")


def _list_keys(picked: Picked, t: Translator) -> InlineKeyboardMarkup:
    keys = Keys(picked.menu, t)
    return markup([[keys.key(t("All subscriptions here"), Act.EVERY)], *picked.rows, [keys.cancel()]])


def _text(menu: Menu, meant: Sequence[Followed], t: Translator) -> Text:
    lines = [
        Bold(_title(menu, meant, t)),
        Text(t("Press a line to change it. 🔔 with a sound, 🔕 without, 🚫 not told.")),
    ]
    if all(_shown(menu, meant, category) == "off" for category in Category):
        lines.append(Text("⚠ ", t("All is off: nothing at all would be told.")))
    if menu.draft:
        lines.append(Text(t("Not stored yet: press Save.")))
    return joined(lines, "\n")


def _title(menu: Menu, meant: Sequence[Followed], t: Translator) -> Text:
    if menu.chosen is None:
        return Text(t("All subscriptions here"))
    return name(clean(meant[0].project.path))


def _category_keys(scene: Scene, menu: Menu, meant: Sequence[Followed]) -> InlineKeyboardMarkup:
    t, keys = scene.t, Keys(menu, scene.t)
    words = _words(scene, meant)
    rows = [[keys.key(t(_AT_ONCE[wanted]), Act.LEVELS, index) for index, wanted in enumerate(LEVELS)]]
    for index, category in enumerate(Category):
        label = t(_MARKS[_shown(menu, meant, category)])
        kind = describe_category(category, t.language, words)
        rows.append([keys.key(label.format(kind=kind), Act.LEVEL, index)])
    rows.append([keys.key(t("Save"), Act.SAVE, style="success")])
    return markup([*rows, [keys.back(), keys.cancel()]])


def _words(scene: Scene, meant: Sequence[Followed]) -> ForgeType:
    """In whose words it is said: the forge's of the first project."""
    forge = next((found for item in meant if (found := scene.deps.forge(item.project.forge_id))), scene.deps.forges[0])
    return scene.deps.type_of(forge)


def _result(scene: Scene, menu: Menu, meant: Sequence[Followed]) -> Text:
    """What holds from now on."""
    t = scene.t
    if not menu.draft:
        return Text(t("Nothing was changed."))
    lines = [compose(t("✓ Stored for {what}."), what=_title(menu, meant, t))]
    if menu.chosen is None:
        lines = [Text(t("✓ Stored for all subscriptions here."))]
    words = _words(scene, meant)
    stored = replace(menu, draft=())
    for wanted, template in (("silent", t("🔕 Without a sound: {kinds}")), ("off", t("🚫 Not told: {kinds}"))):
        found = [category for category in Category if _shown(stored, meant, category) == wanted]
        if len(found) == len(Category) and wanted == "off":
            lines.append(Text("⚠ ", t("All is off: nothing at all is told. /notifications changes it.")))
        elif found:
            kinds = ", ".join(describe_category(category, t.language, words) for category in found)
            lines.append(compose(template, kinds=kinds))
    return joined(lines, "\n")
