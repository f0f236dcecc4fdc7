"""What can be done about a webhook: test event, repair, one for the whole group; `/rotate` is beside it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.types import CallbackQuery
from aiogram.utils.formatting import Text

from src.bot import hook_screen
from src.bot.conversation import InMenu, acknowledge, alert, draw, show, withdraw
from src.bot.deps import Scene
from src.bot.explain import explain, token_command
from src.bot.hook_screen import (
    View,
    hook_keys,
    leaving_keys,
    legs,
    listing,
    look,
    outcome,
    title,
    unite_keys,
    unite_question,
)
from src.bot.hook_texts import steps_by_hand
from src.bot.keyboards import Act, Press
from src.bot.own_accounts import note_refusal, usable_accounts
from src.bot.rotation_handlers import rotation_router
from src.bot.states import HookStates, Menu, opened_in
from src.bot.subscription_confirm import whisper
from src.bot.subscription_handlers import administers
from src.bot.waiting import Left, patiently, still
from src.database.models import Account
from src.database.repositories import subscriptions
from src.forge import ForgeError, MissingPermission, NotFound, Rejected
from src.webhook.manager import HookOutcome, HookState, TestProgress

Return = Callable[[Scene, Menu], Awaitable[None]]
_RETURNS: dict[str, Return] = {}


def returns_to(step: str) -> Callable[[Return], Return]:
    """Registers where Back leads from the list of webhooks, for menus whose `back_to` is `step`."""

    def register(function: Return) -> Return:
        _RETURNS[step] = function
        return function

    return register


def hook_router() -> Router:
    """Its handlers."""
    router = Router(name="hook")
    press = router.callback_query.register
    in_list, on_hook, asked = (StateFilter(step) for step in (HookStates.list, HookStates.hook, HookStates.unite))
    press(chosen, in_list, Press.filter(F.act == Act.HOOK), InMenu())
    press(turned, in_list, Press.filter(F.act == Act.PAGE), InMenu())
    press(returned, in_list, Press.filter(F.act == Act.BACK), InMenu())
    press(listed, on_hook, Press.filter(F.act == Act.BACK), InMenu())
    press(tested, on_hook, Press.filter(F.act == Act.TEST), InMenu())
    press(repaired, on_hook, Press.filter(F.act == Act.REPAIR), InMenu())
    press(uniting, on_hook, Press.filter(F.act == Act.UNITE), InMenu())
    press(united, asked, Press.filter(F.act == Act.CONFIRM), InMenu())
    press(shown, asked, Press.filter(F.act == Act.BACK), InMenu())
    anywhere = StateFilter(HookStates.list, HookStates.hook, HookStates.unite)
    press(closed, anywhere, Press.filter(F.act == Act.CANCEL), InMenu())
    router.include_router(rotation_router())
    return router


async def open_hooks(scene: Scene, menu: Menu) -> None:
    """Turn the menu's message into the list of webhooks of what this chat follows.

    `menu.back_to` names where Back leads (see `returns_to`); without it there is none.
    """
    async with scene.deps.database.read() as session:
        menu, text, keyboard = await listing(session, scene, menu)
    await show(scene, menu, HookStates.list, text, keyboard)


async def turned(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """Another page."""
    await acknowledge(callback)
    await open_hooks(scene, replace(menu, page=callback_data.index))


async def listed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """From one webhook back to all."""
    await acknowledge(callback)
    await open_hooks(scene, menu)


async def returned(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Where the list was opened from."""
    await acknowledge(callback)
    back = _RETURNS.get(menu.back_to or "")
    if back is None:
        await open_hooks(scene, menu)
    else:
        await back(scene, menu)


async def closed(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Nothing is open any more."""
    await acknowledge(callback)
    await withdraw(scene, menu, scene.t("Closed."))


async def chosen(callback: CallbackQuery, callback_data: Press, menu: Menu, scene: Scene) -> None:
    """One project of the list."""
    await acknowledge(callback)
    known = callback_data.screen == menu.screen and callback_data.index < len(menu.offered)
    if not known:
        await open_hooks(scene, menu)
        return
    await _show(scene, replace(menu, chosen=menu.offered[callback_data.index]))


async def shown(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Back to the webhook, where nothing was done after all."""
    await acknowledge(callback)
    await _show(scene, menu)


async def tested(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Have the forge send a test delivery, and show each leg of its way as it comes in."""
    found = await _begin(callback, menu, scene)
    if found is None:
        return
    view, account = found
    await _patiently(scene, menu, view, account, lambda: _follow(scene, menu, view, account), may_leave=True)


async def repaired(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Look at the webhook, and put it in order."""
    found = await _begin(callback, menu, scene)
    if found is None:
        return
    view, account = found

    async def repair() -> None:
        state = await scene.deps.hooks.ensure(view.project.id, account.id)
        await _show(scene, menu, await _outcome(scene, view, state))

    await _patiently(scene, menu, view, account, repair, may_leave=False)


async def uniting(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """Ask once before many webhooks become one."""
    found = await _begin(callback, menu, scene)
    if found is None:
        return
    view, _ = found
    if view.group is None:
        await _show(scene, menu)
        return
    await show(scene, menu, HookStates.unite, unite_question(view, scene.t), unite_keys(menu, scene.t))


async def united(callback: CallbackQuery, menu: Menu, scene: Scene) -> None:
    """One webhook for all projects of the group that are followed."""
    found = await _begin(callback, menu, scene)
    if found is None:
        return
    view, account = found

    async def unite() -> None:
        state = await scene.deps.hooks.unite(view.project.id, account.id)
        await _show(scene, menu, hook_screen.united(state, view, scene.deps.type_of(view.forge), scene.t))

    await _patiently(scene, menu, view, account, unite, may_leave=False)


async def _show(scene: Scene, menu: Menu, said: Text | None = None) -> None:
    """The project's webhook as it is now, below what just came of it.

    Not where the dialog was left meanwhile: its person may have been forgotten in another chat.
    """
    opened = await opened_in(scene.state)
    if opened is None or opened.nonce != menu.nonce:
        return
    async with scene.deps.database.read() as session:
        view = None if menu.chosen is None else await look(session, scene, menu.chosen)
    if view is None:
        await open_hooks(scene, menu)
        return
    text = title(view, scene.t, scene)
    text = text if said is None else Text(text, "\n\n", said)
    await show(scene, menu, HookStates.hook, text, hook_keys(menu, scene.t, view))


async def _begin(callback: CallbackQuery, menu: Menu, scene: Scene) -> tuple[View, Account] | None:
    """What is to be done, and by whose token. `None`: it may not, or cannot; that is said, and the press answered."""
    t = scene.t
    if not scene.visit.private and not await administers(scene.bot, scene.visit):
        await acknowledge(callback, **alert(t("Only those who administer this group can change its webhooks.")))
        return None
    await acknowledge(callback)
    async with scene.deps.database.read() as session:
        view = None if menu.chosen is None else await look(session, scene, menu.chosen)
        mine = [] if view is None else await subscriptions.of_chat(session, scene.visit.chat_id)
    if view is None:
        await open_hooks(scene, menu)
        return None
    preferred = {item.subscription.account_id for item in mine if item.project.id == view.project.id}
    own = [account for account in await usable_accounts(scene) if account.forge_id == view.forge.id]
    if not own:
        template = t("For that I need a token of yours, in a private chat with me: {command}")
        await _show(scene, menu, Text(template.format(command=token_command(view.forge.kind))))
        return None
    return view, next((account for account in own if account.id in preferred), own[0])


async def _patiently(
    scene: Scene, menu: Menu, view: View, account: Account, work: Callable[[], Awaitable[None]], *, may_leave: bool
) -> None:
    """Do it while the person waits, and say what went wrong."""
    forge, t = scene.deps.type_of(view.forge), scene.t
    slow = t("Still at it: {forge} takes its time…").format(forge=forge.title)

    async def say_slow() -> None:
        if not may_leave:  # what shows its own progress needs no other
            await still(scene, menu.message_id, slow, leaving_keys(menu, t))

    try:
        await patiently(scene, menu.nonce, work, say_slow, may_leave=may_leave)
    except Left:
        return
    except ForgeError as error:
        await note_refusal(scene, account, error)
        text = explain(error, forge, t, scene.deps.clock())
        if isinstance(error, MissingPermission | NotFound):
            hint = t("Somebody who administers the project can do it here, too.")
            text = Text(text, "\n", hint)
        await _show(scene, menu, text)


async def _follow(scene: Scene, menu: Menu, view: View, account: Account) -> None:
    """Order the test event and look how far it comes, until it has, or for as long as a person watches."""
    waits, forge, t = scene.deps.waits, scene.deps.type_of(view.forge).title, scene.t
    seconds = round(waits.test)
    is_told = scene.visit.private and view.hook is not None and view.hook.account_id in (None, account.id)

    async def tell(progress: TestProgress | None, *, is_over: bool = False) -> None:
        text = legs(view, forge, progress, t, is_over=is_over, seconds=seconds, is_told=is_told)
        keyboard = hook_keys(menu, t, view) if is_over else leaving_keys(menu, t)
        await draw(scene.bot, scene.visit, scene.state, menu, text, keyboard)

    await tell(None)
    try:
        since = await scene.deps.hooks.send_test(view.project.id, account.id)
    except Rejected as error:  # it took the order, tried at once and failed
        await tell(TestProgress(accepted=True, arrived=False, told=False, error=str(error)), is_over=True)
        return
    progress = await _progress(scene, view, since)
    await tell(progress, is_over=progress.told)
    loop = asyncio.get_running_loop()
    end = loop.time() + waits.test
    while not progress.told and loop.time() < end:
        await asyncio.sleep(waits.look)
        newer = await _progress(scene, view, since)
        if newer != progress:
            progress = newer
            await tell(progress, is_over=progress.told)
    if not progress.told:
        await tell(progress, is_over=True)


async def _progress(scene: Scene, view: View, since: datetime) -> TestProgress:
    return await scene.deps.hooks.test_progress(view.project.id, since)


async def _outcome(scene: Scene, view: View, state: HookState) -> Text:
    """What came of it. A hook's secret is for the person's private chat alone."""
    t = scene.t
    if state.outcome is not HookOutcome.MANUAL:
        return Text(outcome(state, t))
    steps = steps_by_hand(state, view.project, scene.deps.type_of(view.forge), t)
    if scene.visit.private:
        return steps
    if await whisper(scene, steps):
        return Text(t("The webhook has to be set by hand: I sent you the steps in private."))
    return Text(t("The webhook has to be set by hand. Open a private chat with me, press Start, then try again here."))
