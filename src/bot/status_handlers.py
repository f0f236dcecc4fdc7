"""`/status` and what can be done from it about accounts."""

import secrets
from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from src.bot.conversation import InMenu, acknowledge, close, open_menu, say, show, withdraw
from src.bot.deps import Scene
from src.bot.farewell import give_back
from src.bot.hook_handlers import open_hooks, returns_to
from src.bot.keyboards import Act, Keys, Press, markup
from src.bot.privacy import token_gone, token_question
from src.bot.states import Menu, StatusStates
from src.bot.status import Status, describe_status, gather
from src.bot.waiting import patiently, still
from src.database.models import Account
from src.database.repositories import accounts, forges, subscriptions

_BACK_TO = "status"
_MOST = 8  # accounts with a button


def status_router() -> Router:
    """Its handlers."""
    router = Router(name="status")
    router.message.register(status, Command("status", ignore_case=True))
    press = router.callback_query.register
    overview, removal = StateFilter(StatusStates.overview), StateFilter(StatusStates.removal)
    press(webhooks, overview, Press.filter(F.act == Act.WEBHOOKS), InMenu())
    press(asked, overview, Press.filter(F.act == Act.FORGET), InMenu())
    press(closed, overview, Press.filter(F.act == Act.CANCEL), InMenu())
    press(removed, removal, Press.filter(F.act == Act.CONFIRM), InMenu())
    press(returned, removal, Press.filter(F.act == Act.BACK), InMenu())
    press(cancelled, removal, Press.filter(F.act == Act.CANCEL), InMenu())
    return router


async def status(message: Message, scene: Scene) -> None:
    """The person's accounts (in private), what this chat follows, and how that does."""
    found = await gather(scene.deps, scene.visit)
    text = describe_status(found, scene.deps, private=scene.visit.private, t=scene.t)
    if not found.accounts and not found.followed:
        await say(scene.bot, scene.visit, text, reply_to=message)  # nothing can be done about nothing
        return
    menu = _of(Menu(nonce=secrets.token_hex(4)), found)
    await open_menu(scene, message, menu, StatusStates.overview, text, _keyboard(scene, menu, found))


def _of(menu: Menu, found: Status) -> Menu:
    offered = tuple(account.id for account, _ in found.accounts[:_MOST])
    return replace(menu, offered=offered, chosen=None, back_to=_BACK_TO, screen=menu.screen + 1)


def _keyboard(scene: Scene, menu: Menu, found: Status) -> InlineKeyboardMarkup:
    keys, t = Keys(menu, scene.t), scene.t
    rows = []
    for index, (account, forge) in enumerate(found.accounts[:_MOST]):
        title = scene.deps.type_of(forge).title
        label = t("Remove {forge} {token}").format(forge=title, token=f"••••{account.token_last4}")
        rows.append([keys.key(label, Act.FORGET, index)])
    if found.followed:
        rows.append([keys.key(t("Webhooks…"), Act.WEBHOOKS)])
    return markup([*rows, [keys.key(t("Close"), Act.CANCEL)]])


@returns_to(_BACK_TO)
async def overview(scene: Scene, menu: Menu) -> None:
    """The status as it is now, in the menu's message."""
    found = await gather(scene.deps, scene.visit)
    text = describe_status(found, scene.deps, private=scene.visit.private, t=scene.t)
    menu = _of(menu, found)
    await show(scene, menu, StatusStates.overview, text, _keyboard(scene, menu, found))


async def webhooks(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """What can be done about them."""
    await acknowledge(callback)
    await open_hooks(scene, replace(menu, page=1))


async def asked(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Remove a token? What goes with it."""
    await acknowledge(callback)
    t, index = scene.t, callback_data.index
    known = callback_data.screen == menu.screen and 0 <= index < len(menu.offered)
    account = await _own(scene, menu.offered[index]) if known else None
    if account is None:
        await overview(scene, menu)
        return
    async with scene.deps.database.read() as session:
        followed = await subscriptions.of_account(session, account.id)
        forge = await forges.get(session, account.forge_id)  # it may be configured no longer
    own = sum(item.subscription.chat_id == scene.visit.chat_id for item in followed)
    asking = replace(menu, chosen=account.id)
    keys = Keys(asking, t)
    title = scene.deps.type_of(forge).title
    text = token_question(title, account.token_last4, account.login, own=own, in_groups=len(followed) - own, t=t)
    rows = [[keys.key(t("Remove the token"), Act.CONFIRM, style="danger")], [keys.back(), keys.cancel()]]
    await show(scene, asking, StatusStates.removal, text, markup(rows))


async def removed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """The token goes, with what it speaks for."""
    await acknowledge(callback)
    t = scene.t
    account = None if menu.chosen is None else await _own(scene, menu.chosen)
    if account is None:
        await overview(scene, menu)
        return

    async def slow() -> None:
        await still(scene, menu.message_id, t("Removing… taking the webhooks away needs some time."))

    farewell = await patiently(scene, menu.nonce, lambda: give_back(scene.deps, account), slow, may_leave=False)
    await close(scene, menu, token_gone(account.token_last4, farewell, t))


async def _own(scene: Scene, account_id: int) -> Account | None:
    """The account, if it is (still) the person's and they are in private."""
    if not scene.visit.private:
        return None
    async with scene.deps.database.read() as session:
        own = await accounts.of_user(session, scene.visit.user_id)
    return next((account for account in own if account.id == account_id), None)


async def returned(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Back to the status."""
    await acknowledge(callback)
    await overview(scene, menu)


async def closed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """What it says stays to be read in private, without its buttons."""
    await acknowledge(callback)
    found = await gather(scene.deps, scene.visit)
    await withdraw(scene, menu, describe_status(found, scene.deps, private=scene.visit.private, t=scene.t))


async def cancelled(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """The token stays."""
    await acknowledge(callback)
    await withdraw(scene, menu, scene.t("Cancelled: nothing was changed."))
