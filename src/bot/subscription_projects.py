"""`/subscribe`, the step of the project: a list in pages, searched by typing."""

from dataclasses import replace

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from aiogram.utils.formatting import Bold, Code, Text

from src.bot.conversation import InDialog, acknowledge, draw
from src.bot.deps import Scene
from src.bot.explain import explain, token_command
from src.bot.keyboards import PROJECTS_PER_PAGE, Act, Press, project_keyboard, retry_keyboard
from src.bot.own_accounts import chosen_account, note_refusal
from src.bot.states import Dialog, Offered, SubscriptionStates, dialog_in, save
from src.bot.subscription_events import open_events
from src.bot.waiting import Left, in_dialog, still
from src.database.models import Account, Forge
from src.forge import ForgeError, ForgeType, ProjectPage
from src.webhook.render import compose
from src.webhook.render.content import clean

_SEARCH = 100  # characters of what was typed
_MANY = 5  # pages: with more, typing is the shorter way


def projects_steps(router: Router) -> None:
    """The presses of this step."""
    in_project = StateFilter(SubscriptionStates.project)
    for act, handler in ((Act.PAGE, page_turned), (Act.SHOW_ALL, all_shown), (Act.PROJECT, project_chosen)):
        router.callback_query.register(handler, in_project, Press.filter(F.act == act), InDialog())


def search_router() -> Router:
    """Typing in the project step; behind all commands."""
    router = Router(name="search")
    in_project = StateFilter(SubscriptionStates.project)
    router.message.register(searched, in_project, F.text, ~F.text.startswith("/"), _dialog_of)
    return router


async def _dialog_of(_message: Message, state: FSMContext) -> bool | dict[str, Dialog]:
    """Where another version stored the dialog, there is none."""
    dialog = await dialog_in(state)
    return False if dialog is None else {"dialog": dialog}


async def page_turned(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """Another page, or the same one again after trouble."""
    await acknowledge(callback, scene.t("Loading…"))
    if callback_data.screen == dialog.screen:
        await show_projects(scene, replace(dialog, page=max(1, callback_data.index)))


async def all_shown(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """Leave the search."""
    await acknowledge(callback, scene.t("Loading…"))
    await show_projects(scene, replace(dialog, search=None, page=1))


async def searched(message: Message, dialog: Dialog, scene: Scene) -> None:
    """A part of the name was typed; in a group only an answer to the dialog counts."""
    answered = message.reply_to_message
    if not scene.visit.private and (answered is None or answered.message_id != dialog.message_id):
        return
    await scene.bot.send_chat_action(scene.visit.telegram_chat_id, "typing", message_thread_id=scene.visit.topic_id)
    search = " ".join((message.text or "").split())[:_SEARCH]
    await show_projects(scene, replace(dialog, search=search, page=1))


async def project_chosen(callback: CallbackQuery, callback_data: Press, dialog: Dialog, scene: Scene) -> None:
    """To the events; a press on a list that is no longer shown does nothing."""
    await acknowledge(callback)
    if callback_data.screen != dialog.screen or callback_data.index >= len(dialog.offered):
        return
    if await chosen_account(scene, dialog) is None:
        await show_projects(scene, dialog)  # its token was removed meanwhile, in another chat: this says so
        return
    await open_events(scene, replace(dialog, project=dialog.offered[callback_data.index]))


async def back_to_projects(callback: CallbackQuery, dialog: Dialog, scene: Scene) -> None:
    """From the events, to the page that the project stood on."""
    await acknowledge(callback, scene.t("Loading…"))
    await show_projects(scene, dialog)


async def show_projects(scene: Scene, dialog: Dialog) -> None:
    """Ask the forge for a page, and show it or what went wrong."""
    t, deps = scene.t, scene.deps
    await scene.state.set_state(SubscriptionStates.project)
    dialog = replace(dialog, screen=dialog.screen + 1, kind=None, offered=())
    await save(scene.state, dialog)  # before the forge is asked: the process may end while it is waited for
    account = await chosen_account(scene, dialog)
    forge = deps.forge(account.forge_id) if account else None
    if account is None or forge is None:
        text: Text | str = t("This account is gone: go back and choose another.")
        await draw(scene.bot, scene.visit, scene.state, dialog, text, retry_keyboard(dialog, t))
        return
    try:
        page = await _fetched(scene, dialog, account, forge)
    except Left:
        return  # the press that left draws what comes next; of whom is forgotten nothing may be stored
    except ForgeError as error:
        await note_refusal(scene, account, error)
        text = explain(error, deps.type_of(forge), t, deps.clock())
        await draw(scene.bot, scene.visit, scene.state, dialog, text, retry_keyboard(dialog, t))
        return
    offered = tuple(
        Offered(external_id=found.external_id, path=found.path, archived=found.archived, private=found.private)
        for found in page.projects
    )
    dialog = replace(dialog, offered=offered, has_next=page.has_next, last_page=page.last_page)
    text = _projects_text(scene, dialog, deps.type_of(forge), account)
    await draw(scene.bot, scene.visit, scene.state, dialog, text, project_keyboard(dialog, t))


async def _fetched(scene: Scene, dialog: Dialog, account: Account, forge: Forge) -> ProjectPage:
    """The page; where that takes long, the dialog says so."""
    t, client = scene.t, scene.deps.credentials.client(forge, account)
    template = t("Still loading: {forge} takes its time…")
    text = template.format(forge=scene.deps.type_of(forge).title)
    return await in_dialog(
        scene,
        dialog,
        lambda: client.projects(search=dialog.search, page=dialog.page, per_page=PROJECTS_PER_PAGE),
        lambda: still(scene, dialog.message_id, text, retry_keyboard(dialog, t)),
    )


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
        if (dialog.last_page or dialog.page) > _MANY:
            pages = dialog.last_page or dialog.page
            head = Text(head, " ", t.n("({n} page)", "({n} pages)", pages).format(n=pages))
        return Text(head, "\n", hint)
    if dialog.search is not None:
        return Text(compose(t("No project found for {search}."), search=Bold(clean(dialog.search))), "\n", hint)
    if account.missing:
        template = t("{forge} shows no projects with your token: it lacks {scopes}. Set another with {command}.")
        scopes = ", ".join(account.missing)
        return compose(template, forge=forge.title, scopes=Code(scopes), command=token_command(forge.kind))
    return compose(t("{forge} shows no projects with your token."), forge=forge.title)
