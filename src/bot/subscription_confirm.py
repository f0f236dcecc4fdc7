"""`/subscribe`, its end: the project once more, the subscription stored, the hook seen to, and what came of it."""

from aiogram import F, Router
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import StateFilter
from aiogram.types import CallbackQuery
from aiogram.utils.formatting import Text

from src.bot.conversation import InDialog, acknowledge, alert, draw, finish_dialog, rewrite
from src.bot.deps import Scene
from src.bot.explain import explain
from src.bot.hook_texts import by_hand, done, sent_privately
from src.bot.keyboards import Act, Press, confirm_keyboard
from src.bot.states import Dialog, SubscriptionStates
from src.bot.subscription_handlers import administers, chosen_account, note_refusal
from src.database.models import Account, Forge, Project
from src.database.repositories import projects, subscriptions
from src.forge import ForgeError, NotFound, RemoteProject
from src.webhook.manager import HookOutcome, HookState


def confirm_router() -> Router:
    """The last press."""
    router = Router(name="confirm")
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
        await _again(scene, dialog, Text(t("This account is gone: go back and choose another.")))
        return
    try:
        remote = await deps.credentials.client(forge, account).project(dialog.project.external_id)
    except ForgeError as error:
        await note_refusal(scene, account, error)
        text = explain(error, deps.type_of(forge), t, deps.clock())
        hint = t("Go back and choose another project.") if isinstance(error, NotFound) else t("Nothing was stored yet.")
        await _again(scene, dialog, Text(text, "\n", hint))
        return
    project = await _store(scene, dialog, account, remote)
    try:
        state = await deps.hooks.ensure(project.id, account.id)
    except ForgeError as error:
        text = explain(error, deps.type_of(forge), t, deps.clock())
        kept = t("Your subscription is kept, but the webhook is not set up yet: press again, or /subscribe later.")
        await _again(scene, dialog, Text(text, "\n", kept))
        return
    await _tell(scene, dialog, forge, project, state)


async def _store(scene: Scene, dialog: Dialog, account: Account, remote: RemoteProject) -> Project:
    now = scene.deps.clock()
    async with scene.deps.database.write() as session:
        project = await projects.ensure(session, account.forge_id, remote)
        await subscriptions.put(
            session,
            project_id=project.id,
            chat_id=scene.visit.chat_id,
            topic_id=scene.visit.topic_id or 0,
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


async def _tell(scene: Scene, dialog: Dialog, forge: Forge, project: Project, state: HookState) -> None:
    """The dialog's last text. A hook's secret is for the person's private chat alone."""
    forge_type, t = scene.deps.type_of(forge), scene.t
    if state.outcome is not HookOutcome.MANUAL:
        text = done(project, dialog.scope, t)
    elif scene.visit.private:
        text = by_hand(state, project, forge_type, t)
    else:
        text = sent_privately(project, t, reached=await _whisper(scene, by_hand(state, project, forge_type, t)))
    await finish_dialog(scene.state, dialog.nonce)
    await rewrite(scene.bot, scene.visit, dialog.message_id, text)


async def _whisper(scene: Scene, text: Text) -> bool:
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
