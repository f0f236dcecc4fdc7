"""`/subscribe`, its first steps: the platform, the account where there are several, the project."""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from aiogram import Bot, F, Router
from aiogram.filters import Command, StateFilter
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.formatting import Bold, Code, Text

from src.bot.conversation import (
    InDialog,
    acknowledge,
    alert,
    draw,
    finish_dialog,
    forget_owner,
    note_owner,
    rewrite,
    say,
)
from src.bot.deps import Scene, Visit
from src.bot.explain import explain, token_command
from src.bot.keyboards import (
    PROJECTS_PER_PAGE,
    Act,
    Press,
    account_keyboard,
    platform_keyboard,
    project_keyboard,
    retry_keyboard,
)
from src.bot.states import Dialog, Offered, SubscriptionStates, dialog_in, save
from src.bot.subscription_events import open_events
from src.database.models import Account
from src.database.repositories import accounts
from src.forge import ForgeError, ForgeType, Unauthorized
from src.webhook.render import compose, literal
from src.webhook.render.content import clean

_SEARCH = 100  # characters of what was typed


def subscription_router() -> Router:
    """The command and the steps up to the project."""
    router = Router(name="subscription")
    router.message.register(subscribe, Command("subscribe", ignore_case=True))
    step = router.callback_query.register
    step(cancelled, Press.filter(F.act == Act.CANCEL), InDialog())
    step(platform_chosen, StateFilter(SubscriptionStates.platform), Press.filter(F.act == Act.PLATFORM), InDialog())
    step(account_chosen, StateFilter(SubscriptionStates.account), Press.filter(F.act == Act.ACCOUNT), InDialog())
    step(back_to_platforms, StateFilter(SubscriptionStates.account), Press.filter(F.act == Act.BACK), InDialog())
    in_project = StateFilter(SubscriptionStates.project)
    step(page_turned, in_project, Press.filter(F.act == Act.PAGE), InDialog())
    step(all_shown, in_project, Press.filter(F.act == Act.SHOW_ALL), InDialog())
    step(project_chosen, in_project, Press.filter(F.act == Act.PROJECT), InDialog())
    step(back_from_projects, in_project, Press.filter(F.act == Act.BACK), InDialog())
    step(back_to_projects, StateFilter(SubscriptionStates.events), Press.filter(F.act == Act.BACK), InDialog())
    return router


def search_router() -> Router:
    """Typing in the project step; behind all commands."""
    router = Router(name="search")
    router.message.register(searched, StateFilter(SubscriptionStates.project), F.text, ~F.text.startswith("/"))
    return router


async def subscribe(message: Message, scene: Scene) -> None:
    """Open the dialog: in a group for its administrators only."""
    visit, state, t = scene.visit, scene.state, scene.t
    if not visit.private and not await administers(scene.bot, visit):
        text = t("Only those who administer this group can change what it follows.")
        await say(scene.bot, visit, text, reply_to=message)
        return
    before = await dialog_in(state)
    if before is not None:
        await forget_owner(state, before.nonce)
    await state.clear()
    own = await usable_accounts(scene)
    if not own:
        commands = t(" or ").join(token_command(kind) for kind in scene.deps.kinds)
        template = t("First I need a token of yours, in a private chat with me: {commands}")
        await say(scene.bot, visit, template.format(commands=commands), reply_to=message)
        return
    dialog = Dialog(nonce=secrets.token_hex(4), scope="mine" if visit.private else "all")
    text, keyboard = _platforms(scene, dialog, own)
    sent = await say(scene.bot, visit, text, keyboard, reply_to=message)
    await note_owner(state, dialog.nonce, visit)
    await state.set_state(SubscriptionStates.platform)
    await save(state, replace(dialog, message_id=sent.message_id))


async def administers(bot: Bot, visit: Visit) -> bool:
    """Whether the person is an administrator of the group."""
    member = await bot.get_chat_member(visit.telegram_chat_id, visit.telegram_user_id)
    return member.status in ("creator", "administrator")


async def usable_accounts(scene: Scene) -> Sequence[Account]:
    """The person's accounts whose tokens work, on instances that are still configured."""
    async with scene.deps.database.read() as session:
        own = await accounts.of_user(session, scene.visit.user_id)
    return [account for account in own if account.dead_at is None and scene.deps.forge(account.forge_id) is not None]


async def cancelled(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """The button; `/cancel` does the same."""
    await acknowledge(callback)
    await finish_dialog(scene.state, dialog.nonce)
    await rewrite(scene.bot, scene.visit, dialog.message_id, scene.t("Cancelled: nothing was changed."))


async def platform_chosen(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """To the projects, by way of the accounts where there are several."""
    kinds, t = scene.deps.kinds, scene.t
    kind = kinds[callback_data.index] if callback_data.index < len(kinds) else kinds[0]
    own = [account for account in await usable_accounts(scene) if _kind_of(scene, account) == kind]
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
    await scene.state.set_state(SubscriptionStates.account)
    keyboard = account_keyboard(dialog, t, [_account_label(scene, account) for account in own])
    await draw(scene.bot, scene.visit, scene.state, dialog, t("With which account?"), keyboard)


async def account_chosen(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """To the projects."""
    await acknowledge(callback, scene.t("Loading…"))
    if callback_data.index < len(dialog.accounts):
        await show_projects(scene, replace(dialog, account_id=dialog.accounts[callback_data.index]))


async def page_turned(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """Another page, or the same one again after trouble."""
    await acknowledge(callback, scene.t("Loading…"))
    if callback_data.screen == dialog.screen:
        await show_projects(scene, replace(dialog, page=max(1, callback_data.index)))


async def all_shown(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Leave the search."""
    await acknowledge(callback, scene.t("Loading…"))
    await show_projects(scene, replace(dialog, search=None, page=1))


async def searched(message: Message, scene: Scene) -> None:
    """A part of the name was typed; in a group only an answer to the dialog counts."""
    dialog = await dialog_in(scene.state)
    answered = message.reply_to_message
    if dialog is None or (not scene.visit.private and (answered is None or answered.message_id != dialog.message_id)):
        return
    await scene.bot.send_chat_action(scene.visit.telegram_chat_id, "typing", message_thread_id=scene.visit.topic_id)
    search = " ".join((message.text or "").split())[:_SEARCH]
    await show_projects(scene, replace(dialog, search=search, page=1))


async def project_chosen(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """To the events; a press on a list that is no longer shown does nothing."""
    await acknowledge(callback)
    if callback_data.screen == dialog.screen and callback_data.index < len(dialog.offered):
        await open_events(scene, replace(dialog, project=dialog.offered[callback_data.index]))


async def back_to_platforms(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """From the accounts."""
    await acknowledge(callback)
    await scene.state.set_state(SubscriptionStates.platform)
    text, keyboard = _platforms(scene, dialog, await usable_accounts(scene))
    await draw(scene.bot, scene.visit, scene.state, dialog, text, keyboard)


async def back_from_projects(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """To the accounts where there are several, else to the platforms."""
    own = {account.id: account for account in await usable_accounts(scene)}
    offered = [own[number] for number in dialog.accounts if number in own]
    if len(offered) < 2:
        await back_to_platforms(callback, dialog, scene)
        return
    await acknowledge(callback)
    await scene.state.set_state(SubscriptionStates.account)
    dialog = replace(dialog, accounts=tuple(account.id for account in offered))
    keyboard = account_keyboard(dialog, scene.t, [_account_label(scene, account) for account in offered])
    await draw(scene.bot, scene.visit, scene.state, dialog, scene.t("With which account?"), keyboard)


async def back_to_projects(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """From the events, to the page that the project stood on."""
    await acknowledge(callback, scene.t("Loading…"))
    await show_projects(scene, dialog)


async def show_projects(scene: Scene, dialog: Dialog) -> None:
    """Ask the forge for a page, and show it or what went wrong."""
    t, deps = scene.t, scene.deps
    await scene.state.set_state(SubscriptionStates.project)
    dialog = replace(dialog, screen=dialog.screen + 1, kind=None)
    account = await chosen_account(scene, dialog)
    if account is None:
        text: Text | str = t("This account is gone: go back and choose another.")
        await draw(scene.bot, scene.visit, scene.state, dialog, text, retry_keyboard(dialog, t))
        return
    forge = deps.forge(account.forge_id)
    assert forge is not None, "chosen_account sees to it"  # noqa: S101 - for the type checker
    forge_type = deps.type_of(forge)
    try:
        page = await deps.credentials.client(forge, account).projects(
            search=dialog.search, page=dialog.page, per_page=PROJECTS_PER_PAGE
        )
    except ForgeError as error:
        await note_refusal(scene, account, error)
        text = explain(error, forge_type, t, deps.clock())
        await draw(scene.bot, scene.visit, scene.state, dialog, text, retry_keyboard(dialog, t))
        return
    offered = tuple(
        Offered(external_id=found.external_id, path=found.path, archived=found.archived) for found in page.projects
    )
    dialog = replace(dialog, offered=offered, has_next=page.has_next)
    text = _projects_text(scene, dialog, forge_type, account)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, project_keyboard(dialog, t))


async def chosen_account(scene: Scene, dialog: Dialog) -> Account | None:
    """The dialog's account, as long as it is the person's and its token works."""
    return next((account for account in await usable_accounts(scene) if account.id == dialog.account_id), None)


async def note_refusal(scene: Scene, account: Account, error: ForgeError) -> None:
    """Remember that the forge refuses a token, for `/status`."""
    if isinstance(error, Unauthorized):
        async with scene.deps.database.write() as session:
            await accounts.mark_dead(session, account, scene.deps.clock())


def _projects_text(scene: Scene, dialog: Dialog, forge: ForgeType, account: Account) -> Text:
    t = scene.t
    hint = (
        t("Type a part of its name to search.")
        if scene.visit.private
        else t("Answer this message with a part of its name to search.")
    )
    if dialog.offered:
        if dialog.search is not None:
            head = compose(t("Found for {search}:"), search=Bold(clean(dialog.search)))
        else:
            head = compose(t("Which {forge} project?"), forge=forge.title)
        return Text(head, "\n", hint)
    if dialog.search is not None:
        return Text(compose(t("No project found for {search}."), search=literal(clean(dialog.search))), "\n", hint)
    if account.missing:
        template = t("{forge} shows no projects with your token: it lacks {scopes}. Set another with {command}.")
        scopes = ", ".join(account.missing)
        return compose(template, forge=forge.title, scopes=Code(scopes), command=token_command(forge.kind))
    return compose(t("{forge} shows no projects with your token."), forge=forge.title)


def _platforms(scene: Scene, dialog: Dialog, own: Sequence[Account]) -> tuple[str, InlineKeyboardMarkup]:
    types = [scene.deps.credentials.types[kind] for kind in scene.deps.kinds]
    enabled = {_kind_of(scene, account) for account in own}
    return scene.t("Where is the project?"), platform_keyboard(dialog, scene.t, types, enabled)


def _kind_of(scene: Scene, account: Account) -> str:
    forge = scene.deps.forge(account.forge_id)
    return forge.kind if forge else ""


def _account_label(scene: Scene, account: Account) -> str:
    forge = scene.deps.forge(account.forge_id)
    host = scene.deps.type_of(forge).web_url(forge.base_url).partition("://")[2] if forge else ""
    return f"{account.login} · {host}"
