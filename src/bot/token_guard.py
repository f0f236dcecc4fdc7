"""Tokens where none was asked for: their message is deleted before anything else is done with it."""

from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from src.bot.conversation import say, take_away
from src.bot.deps import BotDeps, Scene
from src.bot.explain import token_command
from src.bot.states import TokenStates
from src.bot.token_input import command_argument, holds_token
from src.i18n import N_, Translator

NOT_DELETED = N_("I could not delete your message with the token: delete it yourself, please.")


async def exposes(message: Message, deps: BotDeps) -> bool:
    """Whether a text or a caption shows a token; whatever stands behind `/set_..._token` counts as one."""
    text = written(message)
    types = deps.credentials.types.values()  # of all forges that there are, configured or not
    if command_argument(text) or any(holds_token(text, kind.token_pattern) for kind in types):
        return True
    beginnings = (deps.credentials.types[kind].token_example.removesuffix("...") for kind in deps.kinds)
    return len(text.split()) == 1 and text.strip().startswith(tuple(filter(None, beginnings)))


def written(message: Message) -> str:
    """The text, or what stands under a picture or a file."""
    return message.text or message.caption or ""


async def take_from_stranger(message: Message, t: Translator, *, told: bool) -> None:
    """Delete the token of somebody whom the bot does not serve. `told`: they heard of it a moment ago."""
    deleted = await take_away(message)
    if told:
        return
    text = t("That looked like a token, so I deleted it: revoke it if others may have seen it.")
    await message.answer(text if deleted else t(NOT_DELETED))


async def take_unasked(message: Message, scene: Scene) -> None:
    """Delete a token that a person sent where it does not belong, and say where it does."""
    t, text = scene.t, written(message)
    if text.startswith("/"):
        await _leave_question(scene.state)
    if not scene.visit.private:
        await burnt(message, scene)
        return
    deleted = await take_away(message)
    if not deleted:
        await say(scene.bot, scene.visit, t(NOT_DELETED))
        return
    template = t("That looked like a token, so I deleted it. To set it: {command}")
    await say(scene.bot, scene.visit, template.format(command=_command(text, scene.deps, t)))


async def burnt(message: Message, scene: Scene) -> None:
    """In a group others may have read the token."""
    t = scene.t
    deleted = await take_away(message)
    lines = [t("Others may have seen this token: revoke it, and send me a new one in a private chat.")]
    if not deleted:
        lines.append(t("I am not allowed to delete messages here: delete yours, please."))
    await say(scene.bot, scene.visit, " ".join(lines), reply_to=None if deleted else message)


async def _leave_question(state: FSMContext) -> None:
    """A command leaves the question for a token."""
    if await state.get_state() == TokenStates.waiting.state:
        await state.clear()


def _command(text: str, deps: BotDeps, t: Translator) -> str:
    """Where this token is set; all commands where it is not known whose it is."""
    types = {kind: deps.credentials.types[kind] for kind in deps.kinds}
    fitting = [
        kind
        for kind, found in types.items()
        if holds_token(text, found.token_pattern) or text.startswith(found.token_example.removesuffix("..."))
    ]
    return t(" or ").join(token_command(kind) for kind in fitting or deps.kinds)
