"""Saying things in a chat, and keeping a dialog in one message."""

from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramAPIError, TelegramBadRequest
from aiogram.filters import Filter
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import StorageKey
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message, ReactionTypeEmoji, ReplyParameters
from aiogram.utils.formatting import Text

from src.bot.deps import Scene, Visit
from src.bot.keyboards import Press
from src.bot.states import Dialog, Menu, Opened, dialog_in, finish, finished_in, menu_in, opened_in, save
from src.i18n import Translator
from src.webhook.render.content import clean

_ANSWERED: ContextVar[str] = ContextVar("answered", default="")  # the press that was answered last in this task
_NOD = "👌"
_ALERT = 200  # characters that Telegram shows of an answer to a press
# What Telegram says of an edit that changes nothing, and of a message that cannot be edited any more.
_LATE = "query is too old"  # of an answer to a press
_SAME = "message is not modified"
_GONE = ("message to edit not found", "message can't be edited")


async def say(
    bot: Bot,
    visit: Visit,
    text: Text | str,
    keyboard: InlineKeyboardMarkup | None = None,
    *,
    reply_to: Message | None = None,
) -> Message:
    """A new message where the person is; in a group it answers theirs, so that all see whose it is."""
    reply = None
    if reply_to is not None and not visit.private:
        reply = ReplyParameters(message_id=reply_to.message_id, allow_sending_without_reply=True)
    return await bot.send_message(
        visit.telegram_chat_id,
        message_thread_id=visit.topic_id,
        reply_markup=keyboard,
        reply_parameters=reply,
        **_content(text),
    )


async def rewrite(
    bot: Bot, visit: Visit, message_id: int, text: Text | str, keyboard: InlineKeyboardMarkup | None = None
) -> int:
    """Edit one of our messages; where it is gone, send it anew. Returns the number of the message that shows it."""
    try:
        await bot.edit_message_text(
            chat_id=visit.telegram_chat_id, message_id=message_id, reply_markup=keyboard, **_content(text)
        )
    except TelegramBadRequest as error:
        if is_same(error):
            return message_id
        if not is_gone(error):
            raise
        return (await say(bot, visit, text, keyboard)).message_id
    return message_id


def is_same(error: TelegramBadRequest) -> bool:
    """Whether an edit was refused because it changes nothing."""
    return _SAME in error.message


def is_gone(error: TelegramBadRequest) -> bool:
    """Whether an edit was refused because the message is not there any more, or cannot be edited any more."""
    return any(words in error.message for words in _GONE)


async def swap_keyboard(bot: Bot, visit: Visit, message_id: int, keyboard: InlineKeyboardMarkup) -> None:
    """Other buttons under one of our messages; one that is gone, or has them already, is left as it is."""
    try:
        await bot.edit_message_reply_markup(
            chat_id=visit.telegram_chat_id, message_id=message_id, reply_markup=keyboard
        )
    except TelegramBadRequest as error:
        if not (is_same(error) or is_gone(error)):
            raise


async def draw(
    bot: Bot, visit: Visit, state: FSMContext, dialog: Dialog | Menu, text: Text | str, keyboard: InlineKeyboardMarkup
) -> None:
    """Show a step of the dialog in its message, and remember how far it is.

    It is remembered first: a press may be answered by what the old message still shows.
    """
    await save(state, dialog)
    shown = await rewrite(bot, visit, dialog.message_id, text, keyboard)
    if shown != dialog.message_id:
        await save(state, replace(dialog, message_id=shown))


async def open_menu(
    scene: Scene, message: Message, menu: Menu, step: State, text: Text | str, keyboard: InlineKeyboardMarkup
) -> None:
    """Begin a dialog with a message of its own; one that was open does nothing any more."""
    await put_away(scene)
    sent = await say(scene.bot, scene.visit, text, keyboard, reply_to=message)
    await note_owner(scene.state, menu.nonce, scene.visit)
    await scene.state.set_state(step)
    await save(scene.state, replace(menu, message_id=sent.message_id))


async def show(scene: Scene, menu: Menu, step: State, text: Text | str, keyboard: InlineKeyboardMarkup) -> None:
    """Another step of the dialog, in its message."""
    await scene.state.set_state(step)
    await draw(scene.bot, scene.visit, scene.state, menu, text, keyboard)


async def close(scene: Scene, opened: Opened, text: Text | str) -> None:
    """End the dialog with a last text, without buttons."""
    await finish_dialog(scene.state, opened.nonce)
    await rewrite(scene.bot, scene.visit, opened.message_id, text)


async def withdraw(scene: Scene, opened: Opened, text: Text | str) -> None:
    """End the dialog without having changed anything; in a group nothing is left of it, where we may delete it."""
    await finish_dialog(scene.state, opened.nonce)
    if not await _take_back(scene, opened):
        await rewrite(scene.bot, scene.visit, opened.message_id, text)


async def put_away(scene: Scene) -> None:
    """Forget what is open, for something else begins; a group keeps no message of what came to nothing."""
    opened = await opened_in(scene.state)
    await leave(scene.state)
    if opened is not None:
        await _take_back(scene, opened)


async def _take_back(scene: Scene, opened: Opened) -> bool:
    """Delete the dialog's message in a group. `False`: it stands, for it is a private chat or Telegram refused."""
    if scene.visit.private or not opened.message_id:
        return False
    try:
        await scene.bot.delete_message(scene.visit.telegram_chat_id, opened.message_id)
    except (TelegramAPIError, ClientDecodeError):
        return False  # too old, or already gone
    return True


async def leave(state: FSMContext) -> None:
    """Forget what is open, without a word."""
    opened = await opened_in(state)
    if opened is not None:
        await forget_owner(state, opened.nonce)
    await state.clear()


async def take_away(message: Message) -> bool:
    """Delete somebody's message. `False` where Telegram does not let us, for whatever reason: then tell the person."""
    try:
        await message.delete()
    except (TelegramAPIError, ClientDecodeError):
        return False
    return True


async def nod(message: Message) -> bool:
    """Acknowledge somebody's message with a reaction, in place of a message. `False` where none may be set."""
    try:
        await message.react([ReactionTypeEmoji(emoji=_NOD)])
    except (TelegramAPIError, ClientDecodeError):
        return False  # the group allows no reactions, or not this one; or the message is gone
    return True


async def nod_at_command(scene: Scene, callback: CallbackQuery) -> None:
    """In a group, where a dialog is done: mark the command that it answers, which others see above it."""
    if scene.visit.private or not isinstance(callback.message, Message):
        return
    if callback.message.reply_to_message is not None:
        await nod(callback.message.reply_to_message)


async def acknowledge(callback: CallbackQuery, text: str | None = None, *, show_alert: bool | None = None) -> None:
    """Answer a press. Too late, as after a downtime, it is no matter: nobody waits for the answer any more."""
    try:
        await callback.answer(text, show_alert=show_alert)
    except TelegramBadRequest as error:
        if _LATE not in error.message:
            raise
    _ANSWERED.set(callback.id)


def is_acknowledged(callback: CallbackQuery) -> bool:
    """Whether this press, which is being handled, was answered already: what goes wrong then must not answer again."""
    return _ANSWERED.get() == callback.id


def alert(text: str) -> dict[str, Any]:
    """Arguments of an answer to a press that has to be read."""
    return {"text": text[:_ALERT], "show_alert": True}


async def note_owner(state: FSMContext, nonce: str, visit: Visit) -> None:
    """Remember whose dialog this is, for others who press its buttons."""
    await state.storage.set_data(_owner_key(state, nonce), {"name": visit.name, "id": visit.telegram_user_id})


async def whose(state: FSMContext, nonce: str, presser: int) -> str | None:
    """The name of the owner where that is somebody else than the one who presses."""
    owner = await state.storage.get_data(_owner_key(state, nonce))
    return clean(str(owner["name"])) if owner and owner["id"] != presser else None


async def finish_dialog(state: FSMContext, nonce: str) -> None:
    """The dialog is over; a second tap on its last button is known by the nonce."""
    await finish(state, nonce)
    await forget_owner(state, nonce)


async def forget_owner(state: FSMContext, nonce: str) -> None:
    """The dialog is over."""
    await state.storage.set_data(_owner_key(state, nonce), {})


def _owner_key(state: FSMContext, nonce: str) -> StorageKey:
    key = state.key
    return StorageKey(bot_id=key.bot_id, chat_id=key.chat_id, user_id=key.chat_id, destiny=f"dialog:{nonce}")


class InDialog(Filter):
    """The press belongs to the person's open `/subscribe`, on its message. Gives `dialog`."""

    async def __call__(
        self, callback: CallbackQuery, state: FSMContext, callback_data: Press
    ) -> bool | dict[str, Dialog]:
        """See the class."""
        dialog = await dialog_in(state)
        if dialog is None or dialog.nonce != callback_data.nonce or not _on(callback, dialog.message_id):
            return False
        return {"dialog": dialog}


class InMenu(Filter):
    """The press belongs to the person's open menu, on its message. Gives `menu`."""

    async def __call__(
        self, callback: CallbackQuery, state: FSMContext, callback_data: Press
    ) -> bool | dict[str, Menu]:
        """See the class."""
        menu = await menu_in(state)
        if menu is None or menu.nonce != callback_data.nonce or not _on(callback, menu.message_id):
            return False
        return {"menu": menu}


async def belongs(callback: CallbackQuery, state: FSMContext, press: Press) -> bool:
    """Whether the press is on something of the person's own that is open, or was just finished: a second tap."""
    found = await opened_in(state)
    if found is not None and found.nonce == press.nonce and _on(callback, found.message_id):
        return True
    return await finished_in(state) == press.nonce


def _on(callback: CallbackQuery, message_id: int) -> bool:
    return callback.message is not None and callback.message.message_id == message_id


def _content(text: Text | str) -> dict[str, Any]:
    node = text if isinstance(text, Text) else Text(text)
    return node.as_kwargs()


async def refuse_stale(callback: CallbackQuery, state: FSMContext, press: Press, t: Translator) -> None:
    """Answer a press that does nothing: quietly where it is a second tap, else with the reason."""
    if await belongs(callback, state, press):
        await acknowledge(callback)
        return
    owner = await whose(state, press.nonce, callback.from_user.id)
    if owner is not None:
        await acknowledge(callback, **alert(t("This is {name}'s dialog.").format(name=owner[:60])))
        return
    await acknowledge(callback, **alert(t("This dialog is no longer open: its command starts a new one.")))
