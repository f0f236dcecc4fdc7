"""The list of what a chat follows, from which `/unsubscribe`, `/list_subscriptions` and `/notifications` choose."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiogram.types import CallbackQuery, InlineKeyboardButton, Message

from src.bot.conversation import acknowledge, alert, say
from src.bot.deps import BotDeps, Scene
from src.bot.keyboards import Act, Keys, Press
from src.bot.states import Menu
from src.bot.subscription_handlers import administers
from src.database.models import Project
from src.database.repositories import subscriptions
from src.database.repositories.subscriptions import Followed
from src.i18n import N_, Translator
from src.webhook.render.content import clean, cut_front, units

_PER_PAGE = 8
_LABEL = 40  # UTF-16 units of a button: more does not fit a phone's width
NOTHING = N_("Nothing is followed here: /subscribe")
GONE = N_("This subscription is gone already.")
_FOR_ADMINISTRATORS = N_("Only those who administer this group can change what it follows.")

Rows = list[list[InlineKeyboardButton]]


@dataclass(frozen=True, slots=True)
class Picked:
    """A page of the list: the menu that knows it, and its buttons."""

    menu: Menu
    rows: Rows


async def followed_here(scene: Scene) -> list[Followed]:
    """What the topic follows; outside of topics, what the whole chat follows: a topic may be gone."""
    async with scene.deps.database.read() as session:
        return await subscriptions.of_chat(session, scene.visit.chat_id, scene.visit.topic_id or None)


async def chosen_here(scene: Scene, menu: Menu) -> Followed | None:
    """The menu's subscription, as long as it is there and this chat's."""
    if menu.chosen is None:
        return None
    async with scene.deps.database.read() as session:
        found = await subscriptions.get(session, menu.chosen)
    return found if found is not None and found.subscription.chat_id == scene.visit.chat_id else None


async def end_subscription(scene: Scene, menu: Menu) -> Followed | None:
    """Remove the menu's subscription. Returns what it was; `None`: it was gone."""
    async with scene.deps.database.write() as session:
        found = None if menu.chosen is None else await subscriptions.get(session, menu.chosen)
        if found is None or found.subscription.chat_id != scene.visit.chat_id:
            return None
        await subscriptions.remove(session, found.subscription, scene.deps.clock())
    return found


async def may_change(scene: Scene) -> bool:
    """Whether the person may change what this chat follows: in a group, as its administrator."""
    return scene.visit.private or await administers(scene.bot, scene.visit)


async def refused_command(message: Message, scene: Scene) -> bool:
    """Tell who may not change what the group follows that they may not."""
    if await may_change(scene):
        return False
    await say(scene.bot, scene.visit, scene.t(_FOR_ADMINISTRATORS), reply_to=message)
    return True


async def refused_press(callback: CallbackQuery, scene: Scene) -> bool:
    """As `refused_command`, of a press, which then is answered."""
    if await may_change(scene):
        return False
    await acknowledge(callback, **alert(scene.t(_FOR_ADMINISTRATORS)))
    return True


def pick(scene: Scene, menu: Menu, followed: Sequence[Followed]) -> Picked:
    """The menu's page of the list, or the last there is. Every list has a number: older ones do nothing any more."""
    pages = max(1, -(-len(followed) // _PER_PAGE))
    page = min(max(1, menu.page), pages)
    shown = followed[(page - 1) * _PER_PAGE : page * _PER_PAGE]
    menu = replace(
        menu,
        page=page,
        screen=menu.screen + 1,
        offered=tuple(item.subscription.id for item in shown),
        chosen=None,
        draft=(),
    )
    keys = Keys(menu, scene.t)
    alike = Counter((item.project.path, item.subscription.topic_id) for item in followed)
    rows: Rows = []
    for index, item in enumerate(shown):
        is_alone = alike[item.project.path, item.subscription.topic_id] == 1
        rows.append([keys.key(_label(scene, item, is_alone=is_alone), Act.SUBSCRIPTION, index)])
    if pages > 1:
        rows.append(_turning(keys, scene.t, page, pages))
    return Picked(menu, rows)


def pressed(menu: Menu, press: Press) -> Menu:
    """The menu with what was pressed on its present list; with nothing chosen where the list was an older one."""
    is_known = press.screen == menu.screen and press.index < len(menu.offered)
    return replace(menu, chosen=menu.offered[press.index] if is_known else None)


def forge_name(deps: BotDeps, project: Project) -> str:
    """What the project's forge is called: its kind, or its host where there are several of the kind."""
    forge = deps.forge(project.forge_id)
    if forge is None:
        return ""
    forge_type = deps.type_of(forge)
    if len(deps.instances(forge.kind)) < 2:
        return forge_type.title
    return forge_type.web_url(forge.base_url).partition("://")[2]


def _label(scene: Scene, item: Followed, *, is_alone: bool) -> str:
    """The path; before it whether it is paused, and the forge where paths are alike; behind it that it is a topic's."""
    paused = item.subscription.paused_until
    before = "⏸ " if paused is not None and paused > scene.deps.clock() else ""
    if not is_alone:
        before += f"{cut_front(forge_name(scene.deps, item.project), 12)} · "
    elsewhere = item.subscription.topic_id != (scene.visit.topic_id or 0)
    behind = f" · {scene.t('topic')}" if elsewhere else ""
    room = _LABEL - units(before) - units(behind)
    return before + cut_front(clean(item.project.path), room) + behind


def _turning(keys: Keys, t: Translator, page: int, pages: int) -> list[InlineKeyboardButton]:
    row = [keys.key("‹", Act.PAGE, page - 1)] if page > 1 else []
    row.append(keys.key(t("Page {n} of {all}").format(n=page, all=pages), Act.PAGE, page))
    return [*row, keys.key("›", Act.PAGE, page + 1)] if page < pages else row


async def pause(scene: Scene, followed: Followed, until: datetime | None) -> None:
    """Tell nothing of it until then (aware UTC), or go on at once; no matter where it was removed meanwhile."""
    async with scene.deps.database.write() as session:
        again = await subscriptions.get(session, followed.subscription.id)
        if again is not None:
            await subscriptions.pause(session, again.subscription, until, scene.deps.clock())
