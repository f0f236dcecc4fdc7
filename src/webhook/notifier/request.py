"""A message of the outbox as the request that sends it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from aiogram.methods import SendMessage
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters

from src.database.models import Message
from src.database.repositories.messages import Outgoing
from src.events import Action, Event, Mute, OpenPage, ReviewAgain
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import ForgeWords, render

# What presses on them bring; the message that they are under says the rest.
MUTE_BUTTON = "mute"
REVIEW_BUTTON = "review"
_IN_A_ROW = 2  # buttons: of three the words do not fit a phone's width


def compose(outgoing: Outgoing, event: Event, *, words: Mapping[str, ForgeWords], default_language: str) -> SendMessage:
    """The request, in the chat's language. Raises ValueError or KeyError for a row that this version cannot read."""
    message, chat = outgoing.message, outgoing.chat
    if message.op != "send":
        raise ValueError(f"operation {message.op!r}")
    notification = render(
        event,
        reasons_of(message.reasons),
        language=chat.language or default_language,
        words=words[outgoing.forge_kind],
    )
    return SendMessage(
        chat_id=chat.telegram_id,
        message_thread_id=message.topic_id or None,
        reply_markup=keyboard(notification.buttons),
        link_preview_options=LinkPreviewOptions(is_disabled=not notification.preview),
        disable_notification=is_silent(message),
        reply_parameters=_reply(message),
        **notification.content.as_kwargs(),
    )


def reasons_of(stored: Iterable[dict[str, Any]]) -> list[ReasonVia]:
    """Why the recipient is told. Raises ValueError or KeyError for what this version cannot read."""
    return [ReasonVia(reason=Reason(row["reason"]), via=row.get("via")) for row in stored]


def is_silent(message: Message) -> bool:
    """Whether it makes no sound."""
    return message.level == "silent"


def keyboard(buttons: Iterable[Action]) -> InlineKeyboardMarkup | None:
    """The buttons, two in a row; `None` without any."""
    keys = in_rows([_button(action) for action in buttons])
    return InlineKeyboardMarkup(inline_keyboard=keys) if keys else None


def in_rows(keys: Sequence[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """Two in a row."""
    return [list(keys[start : start + _IN_A_ROW]) for start in range(0, len(keys), _IN_A_ROW)]


def _button(action: Action) -> InlineKeyboardButton:
    match action:
        case OpenPage():
            return InlineKeyboardButton(text=action.label, url=action.url)
        case Mute():
            return InlineKeyboardButton(text=action.label, callback_data=MUTE_BUTTON)
        case ReviewAgain():
            return InlineKeyboardButton(text=action.label, callback_data=REVIEW_BUTTON)
        case _:
            assert_never(action)


def _reply(message: Message) -> ReplyParameters | None:
    if message.reply_to is None:
        return None
    # The message may be deleted by now, or have stayed behind in a group that became a supergroup.
    return ReplyParameters(message_id=message.reply_to, allow_sending_without_reply=True)
