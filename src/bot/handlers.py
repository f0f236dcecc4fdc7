"""`/help`, `/cancel`, and what is left: unknown words, old buttons, errors."""

import logging
import secrets
import traceback

from aiogram import Bot, F, Router
from aiogram.exceptions import TelegramAPIError, TelegramForbiddenError
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, ErrorEvent, Message
from aiogram.utils.formatting import Code, Text

from src.bot.conversation import acknowledge, alert, is_acknowledged, nod, refuse_stale, say, withdraw
from src.bot.deps import BotDeps, Scene, Visit
from src.bot.explain import token_command
from src.bot.keyboards import Press
from src.bot.states import HookStates, PeopleStates, StatusStates, SubscriptionListStates, TokenStates, opened_in
from src.bot.token_guard import exposes
from src.bot.token_handlers import cancel_prompt
from src.forge import ForgeError
from src.i18n import N_, Translator, choose, translator
from src.webhook.render import compose
from src.webhook.render.nodes import joined

log = logging.getLogger(__name__)

# Dialogs whose buttons act at once: what was pressed before stands, and nothing is left to be cancelled.
_AT_ONCE = (SubscriptionListStates, HookStates, PeopleStates, StatusStates)
_FRAMES = 8  # of a traceback: what lies before is aiogram's way to the handler

# In the order in which menus show them; those for tokens come behind the first.
COMMANDS = {
    "start": N_("What this bot does"),
    "subscribe": N_("Follow a project here"),
    "list_subscriptions": N_("Change, pause or remove a subscription"),
    "notifications": N_("What is told loudly, silently or not at all"),
    "unsubscribe": N_("Stop following a project"),
    "review": N_("Have a pull request's code reviewed"),
    "status": N_("Accounts, subscriptions, webhooks"),
    "language": N_("Choose the language"),
    "privacy": N_("What I keep, how long, who sees it"),
    "delete_me": N_("Delete all that I keep about you"),
    "help": N_("All commands"),
    "cancel": N_("Leave what is open"),
}
PRIVATE_COMMANDS = frozenset({"delete_me"})
ADMIN_COMMANDS = {
    "invite": N_("Let somebody in"),
    "people": N_("Who may use me"),
    "rotate": N_("New secrets for all webhooks"),
}
TOKEN_COMMAND = N_("Set your {forge} token")


def command_router() -> Router:
    """The plain commands."""
    router = Router(name="commands")
    router.message.register(help_, Command("help", ignore_case=True))
    router.message.register(cancel, Command("cancel", ignore_case=True))
    return router


def fallback_router() -> Router:
    """What nobody else took. Included last."""
    router = Router(name="fallback")
    router.message.register(not_understood, F.chat.type == "private")
    router.message.register(not_understood, exposes)  # in groups, for the middleware before it
    router.edited_message.register(not_understood, exposes)  # as above: a token that was edited into an old message
    router.callback_query.register(stale, Press.filter())
    router.callback_query.register(foreign)
    return router


async def help_(message: Message, bot: Bot, deps: BotDeps, visit: Visit, t: Translator) -> None:
    """All commands."""
    lines = [
        Text(f"/{command} ", "– ", description)
        for command, description in menu(deps, t, private=visit.private, admin=visit.is_admin)
    ]
    await say(bot, visit, joined(lines, "\n"), reply_to=message)


def menu(deps: BotDeps, t: Translator, *, private: bool, admin: bool = False) -> list[tuple[str, str]]:
    """Commands and what they do, as the menu and `/help` show them; tokens are set in private only."""
    tokens = [
        (token_command(kind).removeprefix("/"), t(TOKEN_COMMAND).format(forge=deps.credentials.types[kind].title))
        for kind in deps.kinds
    ]
    plain = [
        (command, t(description))
        for command, description in COMMANDS.items()
        if private or command not in PRIVATE_COMMANDS
    ]
    special = [(command, t(description)) for command, description in ADMIN_COMMANDS.items()] if admin else []
    return [*plain[:1], *(tokens if private else []), *plain[1:], *(special if private else [])]


async def cancel(message: Message, scene: Scene, raw_state: str | None) -> None:
    """Leave whatever is open."""
    bot, visit, t = scene.bot, scene.visit, scene.t
    if raw_state == TokenStates.waiting.state:
        await cancel_prompt(bot, visit, scene.state, t)
        return
    opened = await opened_in(scene.state)
    if opened is None:
        if raw_state is not None:  # a step is left of a dialog that another version stored
            await scene.state.clear()
        await say(bot, visit, t("Nothing is open."), reply_to=message)
        return
    acts_at_once = raw_state is not None and any(raw_state in group for group in _AT_ONCE)
    text = t("Closed.") if acts_at_once else t("Cancelled: nothing was changed.")
    await withdraw(scene, opened, text)
    if visit.private or not await nod(message):  # a group needs no message for that
        await say(bot, visit, text, reply_to=message)


async def not_understood(message: Message, scene: Scene, raw_state: str | None) -> None:
    """Words that mean nothing here. A command that there is not leaves the question for a token, as any command."""
    bot, visit, t, text = scene.bot, scene.visit, scene.t, message.text or ""
    if raw_state == TokenStates.waiting.state and text.startswith("/"):
        await scene.state.clear()
    if await opened_in(scene.state) is not None:
        await say(bot, visit, t("I did not understand that: press one of the buttons above, or /cancel."))
        return
    await say(bot, visit, t("I did not understand that. /help lists the commands."))


async def stale(callback: CallbackQuery, callback_data: Press, state: FSMContext, t: Translator) -> None:
    """A button of a dialog that is over, or of somebody else's."""
    await refuse_stale(callback, state, callback_data, t)


async def foreign(callback: CallbackQuery, t: Translator) -> None:
    """A button that no version of this bot knows any more."""
    await acknowledge(callback, **alert(t("This button no longer does anything.")))


def frames(error: BaseException) -> str:
    """Where it went wrong, without what was worked on there."""
    return "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:])


async def on_error(event: ErrorEvent) -> bool:
    """Tell the person one sentence with a number, and the log the same number; never what the update held."""
    reference = secrets.token_hex(3)
    error = event.exception
    if isinstance(error, TelegramForbiddenError):  # they blocked us or threw us out: nobody is there to be told
        log.info("Update %d could not be answered: %s", event.update.update_id, error)
        return True
    # Messages of other errors may repeat what was worked on (SQL parameters, wrong values): their type must do.
    said = str(error) if isinstance(error, TelegramAPIError | ForgeError) else ""
    log.error(
        "Update %d failed [%s]: %s %s\n%s", event.update.update_id, reference, type(error).__name__, said, frames(error)
    )
    message, callback = event.update.message or event.update.edited_message, event.update.callback_query
    sender = message.from_user if message else callback.from_user if callback else None
    t = translator(choose(sender.language_code if sender else None))
    template = t("Something went wrong on my side. If it stays so, give the operator this number: {number}")
    text = compose(template, number=Code(reference)).as_kwargs()
    if callback is not None:
        if not is_acknowledged(callback):
            await acknowledge(callback)
        message = callback.message if isinstance(callback.message, Message) else None
    if message is not None:
        await message.answer(**text)
    return True
