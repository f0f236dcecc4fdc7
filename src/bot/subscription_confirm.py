"""`/subscribe`, its end: the project once more, the subscription stored, the hook seen to, and what came of it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiogram import F, Router
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import StateFilter
from aiogram.types import CallbackQuery
from aiogram.utils.formatting import Text

from src.bot.conversation import InDialog, acknowledge, alert, draw, finish_dialog, nod_at_command, rewrite
from src.bot.deps import Scene
from src.bot.explain import explain
from src.bot.hook_texts import by_hand, done, sent_privately
from src.bot.keyboards import Act, Press, confirm_keyboard
from src.bot.own_accounts import AccountMiddleware, chosen_account, note_refusal
from src.bot.poll_texts import instead
from src.bot.states import Dialog, SubscriptionStates
from src.bot.subscription_events import forge_of, topic_of
from src.bot.subscription_handlers import administers
from src.bot.subscription_summary import Sponsor, sponsored
from src.bot.waiting import Left, in_dialog, still
from src.database.models import Account, Forge, Project
from src.database.repositories import projects, subscriptions
from src.forge import ForgeError, NotFound, RemoteProject
from src.webhook.manager import HookOutcome, HookState, ManualReason

T = TypeVar("T")


def confirm_router() -> Router:
    """The last press."""
    router = Router(name="confirm")
    router.callback_query.middleware(AccountMiddleware())
    router.callback_query.register(
        confirmed, StateFilter(SubscriptionStates.confirm), Press.filter(F.act == Act.CONFIRM), InDialog()
    )
    return router


async def confirmed(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Rights and project may have changed since they were shown, so both are asked for again."""
    t, deps = scene.t, scene.deps
    if not scene.visit.private and not await administers(scene.bot, scene.visit):
        await acknowledge(callback, **alert(t("Only those who administer this group can change what it follows.")))
        return
    await acknowledge(callback, t("Setting it up…"))
    account = await chosen_account(scene, dialog)
    forge = deps.forge(account.forge_id) if account else None
    if account is None or forge is None or dialog.project is None:
        gone = t("This account is gone: go back and choose another.")
        await _again(scene, dialog, Text(t("This account is gone: /subscribe again.") if dialog.editing else gone))
        return
    number, client = dialog.project.external_id, deps.credentials.client(forge, account)
    try:
        remote = await _patiently(scene, dialog, forge, lambda: client.project(number))
    except Left:
        return
    except ForgeError as error:
        await note_refusal(scene, account, error)
        text = explain(error, deps.type_of(forge), t, deps.clock())
        elsewhere = isinstance(error, NotFound) and not dialog.editing
        hint = t("Go back and choose another project.") if elsewhere else t("Nothing was stored yet.")
        await _again(scene, dialog, Text(text, "\n", hint))
        return
    if await _set_up(scene, dialog, account, await _store(scene, dialog, account, remote)):
        await nod_at_command(scene, callback)


async def _set_up(scene: Scene, dialog: Dialog, account: Account, project: Project) -> bool:
    """See to the hook of a subscription that is stored, and tell what came of it. `False`: it has to be tried again."""
    t, deps, forge = scene.t, scene.deps, await forge_of(scene, dialog)
    try:
        state = await _patiently(scene, dialog, forge, lambda: deps.hooks.ensure(project.id, account.id))
    except Left:
        return False
    except ForgeError as error:
        text = explain(error, deps.type_of(forge), t, deps.clock())
        kept = t("Your subscription is kept, but the webhook is not set up yet: press again, or /subscribe later.")
        await _again(scene, dialog, Text(text, "\n", kept))
        return False
    await _tell(scene, dialog, account, project, state)
    return True


async def _patiently(scene: Scene, dialog: Dialog, forge: Forge, ask: Callable[[], Awaitable[T]]) -> T:
    """What the forge answers. What is begun here is brought to its end, so nobody may leave meanwhile.

    Raises `Left` where they were forgotten in another chat all the same.
    """
    t = scene.t
    text = t("Still setting it up: {forge} takes its time…").format(forge=scene.deps.type_of(forge).title)
    keyboard = confirm_keyboard(dialog, t, again=True)
    return await in_dialog(scene, dialog, ask, lambda: still(scene, dialog.message_id, text, keyboard), may_leave=False)


async def _store(scene: Scene, dialog: Dialog, account: Account, remote: RemoteProject) -> Project:
    now = scene.deps.clock()
    async with scene.deps.database.write() as session:
        project = await projects.ensure(session, account.forge_id, remote)
        await subscriptions.put(
            session,
            project_id=project.id,
            chat_id=scene.visit.chat_id,
            topic_id=topic_of(scene, dialog),
            owner_id=scene.visit.user_id,
            account_id=account.id,
            scope=dialog.scope,
            events=dialog.names,
            now=now,
        )
    return project


async def _again(scene: Scene, dialog: Dialog, text: Text) -> None:
    keyboard = confirm_keyboard(dialog, scene.t, again=True)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, keyboard)


async def _tell(scene: Scene, dialog: Dialog, account: Account, project: Project, state: HookState) -> None:
    """The dialog's last text. A hook's secret is for the person's private chat alone."""
    forge_type, t = scene.deps.type_of(await forge_of(scene, dialog)), scene.t
    if state.outcome is not HookOutcome.MANUAL:
        text = done(project, dialog.scope, t, existing=dialog.existing)
    elif scene.deps.polls and forge_type.polled_names and state.why is ManualReason.NO_PUBLIC_URL:
        text = instead(state, project, dialog.names, forge_type, t)
    else:
        is_polled = scene.deps.polls and bool(forge_type.polled_names)
        meanwhile = instead(state, project, dialog.names, forge_type, t) if is_polled else None
        steps = by_hand(state, project, forge_type, t, meanwhile=meanwhile)
        if scene.visit.private:
            text = steps
        else:
            text = sent_privately(project, t, reached=await whisper(scene, steps))
            text = text if meanwhile is None else Text(text, "\n", meanwhile)
    if not scene.visit.private:
        text = Text(text, "\n", sponsored(Sponsor(scene.visit.name, account.login), forge_type, t))
    await finish_dialog(scene.state, dialog.nonce)
    await rewrite(scene.bot, scene.visit, dialog.message_id, text)


async def whisper(scene: Scene, text: Text) -> bool:
    """Write to the person in private. `False` where they never opened a chat with us, or closed it."""
    try:
        await scene.bot.send_message(scene.visit.telegram_user_id, **text.as_kwargs())
    except TelegramForbiddenError:
        return False
    except TelegramBadRequest as error:
        if "chat not found" not in error.message:
            raise
        return False
    return True
