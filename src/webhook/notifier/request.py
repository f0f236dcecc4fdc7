"""A message of the outbox as the request that sends it. Pure."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from aiogram.methods import SendMessage
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters

from src.database.models import Message
from src.database.repositories.messages import Outgoing
from src.events import Action, Event, Mute, OpenPage
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import ForgeWords, render

MUTE_BUTTON = "mute"  # what a press on it brings; the message that it is under says the rest


def compose(outgoing: Outgoing, event: Event, *, words: Mapping[str, ForgeWords], default_language: str) -> SendMessage:
    """The request, in the chat's language. Raises ValueError or KeyError for a row that this version cannot read."""
    message, chat = outgoing.message, outgoing.chat
    if message.op != "send":
        raise ValueError(f"operation {message.op!r}")
    notification = render(
        event,
        reasons_of(message),
        language=chat.language or default_language,
        words=words[outgoing.forge_kind],
    )
    return SendMessage(
        chat_id=chat.telegram_id,
        message_thread_id=message.topic_id or None,
        reply_markup=_keyboard(notification.buttons),
        link_preview_options=LinkPreviewOptions(is_disabled=not notification.preview),
        disable_notification=message.level == "silent",
        reply_parameters=_reply(message),
        **notification.content.as_kwargs(),
    )


def reasons_of(message: Message) -> list[ReasonVia]:
    """Why the recipient is told. Raises ValueError or KeyError for what this version cannot read."""
    return [ReasonVia(reason=Reason(row["reason"]), via=row.get("via")) for row in message.reasons]


def _keyboard(buttons: Iterable[Action]) -> InlineKeyboardMarkup | None:
    row = [_button(action) for action in buttons]
    return InlineKeyboardMarkup(inline_keyboard=[row]) if row else None


def _button(action: Action) -> InlineKeyboardButton:
    match action:
        case OpenPage():
            return InlineKeyboardButton(text=action.label, url=action.url)
        case Mute():
            return InlineKeyboardButton(text=action.label, callback_data=MUTE_BUTTON)
        case _:
            assert_never(action)


def _reply(message: Message) -> ReplyParameters | None:
    if message.reply_to is None:
        return None
    # The message may be deleted by now, or have stayed behind in a group that became a supergroup.
    return ReplyParameters(message_id=message.reply_to, allow_sending_without_reply=True)
