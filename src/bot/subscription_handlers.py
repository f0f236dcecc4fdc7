"""`/subscribe`, its first steps: the platform, and the account where there are several."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from aiogram import Bot, F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.deep_linking import create_startgroup_link

from src.bot.conversation import InDialog, acknowledge, alert, draw, note_owner, put_away, say, withdraw
from src.bot.deps import Scene, Visit
from src.bot.explain import token_command
from src.bot.keyboards import Act, Press, account_keyboard, platform_keyboard
from src.bot.own_accounts import START_SUBSCRIBE, account_label, ask_for_token, kind_of, usable_accounts
from src.bot.states import Dialog, SubscriptionStates, save
from src.bot.subscription_projects import back_to_projects, projects_steps, show_projects
from src.database.models import Account


def subscription_router() -> Router:
    """The command and the steps up to the project."""
    router = Router(name="subscription")
    router.message.register(subscribe, Command("subscribe", ignore_case=True))
    step = router.callback_query.register
    step(cancelled, Press.filter(F.act == Act.CANCEL), InDialog())
    step(platform_chosen, StateFilter(SubscriptionStates.platform), Press.filter(F.act == Act.PLATFORM), InDialog())
    step(account_chosen, StateFilter(SubscriptionStates.account), Press.filter(F.act == Act.ACCOUNT), InDialog())
    step(back_to_platforms, StateFilter(SubscriptionStates.account), Press.filter(F.act == Act.BACK), InDialog())
    step(back_from_projects, StateFilter(SubscriptionStates.project), Press.filter(F.act == Act.BACK), InDialog())
    step(back_to_projects, StateFilter(SubscriptionStates.events), Press.filter(F.act == Act.BACK), InDialog())
    projects_steps(router)
    return router


async def subscribe(message: Message, scene: Scene) -> None:
    """Open the dialog: in a group for its administrators only. One that was open does nothing any more."""
    visit, state, t = scene.visit, scene.state, scene.t
    if not visit.private and not await administers(scene.bot, visit):
        text = t("Only those who administer this group can change what it follows.")
        await say(scene.bot, visit, text, reply_to=message)
        return
    await put_away(scene)
    own = await usable_accounts(scene)
    if not own:
        await ask_for_token(scene, message)
        return
    dialog = Dialog(nonce=secrets.token_hex(4), scope="mine" if visit.private else "all")
    text, keyboard = await _platforms(scene, dialog, own)
    sent = await say(scene.bot, visit, text, keyboard, reply_to=message)
    await note_owner(state, dialog.nonce, visit)
    await state.set_state(SubscriptionStates.platform)
    await save(state, replace(dialog, message_id=sent.message_id))


async def administers(bot: Bot, visit: Visit) -> bool:
    """Whether the person is an administrator of the group."""
    member = await bot.get_chat_member(visit.telegram_chat_id, visit.telegram_user_id)
    return member.status in ("creator", "administrator")


async def cancelled(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """The button; `/cancel` does the same."""
    text = scene.t("Cancelled: nothing was changed.")
    await acknowledge(callback, text)
    await withdraw(scene, dialog, text)


async def platform_chosen(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """To the projects, by way of the accounts where there are several."""
    kinds, t = scene.deps.kinds, scene.t
    kind = kinds[callback_data.index] if callback_data.index < len(kinds) else kinds[0]
    own = [account for account in await usable_accounts(scene) if kind_of(scene, account) == kind]
    if not own:
        template = t("First I need a token of yours, in a private chat with me: {commands}")
        await acknowledge(callback, **alert(template.format(commands=token_command(kind))))
        return
    dialog = replace(dialog, accounts=tuple(account.id for account in own), page=1, search=None)
    if len(own) == 1:
        await acknowledge(callback, t("Loading…"))
        await show_projects(scene, replace(dialog, account_id=own[0].id))
        return
    await acknowledge(callback)
    await _show_accounts(scene, dialog, own)


async def account_chosen(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """To the projects."""
    await acknowledge(callback, scene.t("Loading…"))
    if callback_data.index < len(dialog.accounts):
        chosen = dialog.accounts[callback_data.index]
        await show_projects(scene, replace(dialog, account_id=chosen, page=1, search=None))


async def back_to_platforms(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """From the accounts."""
    await acknowledge(callback)
    await scene.state.set_state(SubscriptionStates.platform)
    text, keyboard = await _platforms(scene, dialog, await usable_accounts(scene))
    await draw(scene.bot, scene.visit, scene.state, dialog, text, keyboard)


async def back_from_projects(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """To the accounts where there are several, else to the platforms."""
    own = {account.id: account for account in await usable_accounts(scene)}
    offered = [own[number] for number in dialog.accounts if number in own]
    if len(offered) < 2:
        await back_to_platforms(callback, dialog, scene)
        return
    await acknowledge(callback)
    await _show_accounts(scene, replace(dialog, accounts=tuple(account.id for account in offered)), offered)


async def _show_accounts(scene: Scene, dialog: Dialog, offered: Sequence[Account]) -> None:
    await scene.state.set_state(SubscriptionStates.account)
    keyboard = account_keyboard(dialog, scene.t, [account_label(scene, account) for account in offered])
    await draw(scene.bot, scene.visit, scene.state, dialog, scene.t("With which account?"), keyboard)


async def _platforms(scene: Scene, dialog: Dialog, own: Sequence[Account]) -> tuple[str, InlineKeyboardMarkup]:
    types = [scene.deps.credentials.types[kind] for kind in scene.deps.kinds]
    enabled = {kind_of(scene, account) for account in own}
    to_group = await create_startgroup_link(scene.bot, START_SUBSCRIBE) if scene.visit.private else None
    return scene.t("Where is the project?"), platform_keyboard(dialog, scene.t, types, enabled, to_group)
