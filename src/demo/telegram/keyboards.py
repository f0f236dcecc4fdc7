"""Inline keyboards as Telegram takes them. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from src.demo.telegram.errors import Refusal, bad_request
from src.demo.telegram.links import WrongLink, checked_link, link_user_id

# core.telegram.org/bots/api#inlinekeyboardbutton: "1-64 bytes".
MAX_DATA = 64
# Not documented; the server answers "reply markup is too long" beyond either.
MAX_BUTTONS = 100
MAX_MARKUP = 10 * 1024
# A row may be as long as it likes; clients show eight of it.
_DECORATION = {"text", "icon_custom_emoji_id", "style"}
_STYLES = {"danger", "success", "primary"}
_ACTIONS = {
    "url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay", "disabled",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Button:
    """A button as people see it: `data` comes back to the bot, `url` opens, `copy_text` is copied."""

    text: str
    data: str | None = None
    url: str | None = None
    copy_text: str | None = None


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Markup:
    """A reply markup: an inline keyboard, or another kind, which lives beside the messages and is only checked."""

    keyboard: Keyboard = ()
    wire: dict[str, object] | None = None


def read_markup(value: Mapping[str, object] | None, raw: str, *, inline_only: bool) -> Markup:
    """The parameter `reply_markup`; raises Refusal in Telegram's words.

    Args:
        value: the JSON object, `None` for none.
        raw: as it came over the wire, for the limit on its size.
        inline_only: edits take nothing else.
    """
    if not value:
        return Markup()
    if len(raw.encode()) > MAX_MARKUP:
        raise bad_request("reply markup is too long")
    if "inline_keyboard" not in value:
        if inline_only:
            raise bad_request("inline keyboard expected")
        return _other(value)
    rows = value["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    read = [[_button(button) for button in row] for row in rows if row]
    if sum(map(len, read)) > MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    if not read:
        return Markup()
    wire: dict[str, object] = {"inline_keyboard": [[wired for _, wired in row] for row in read]}
    return Markup(tuple(tuple(button for button, _ in row) for row in read), wire)


def _other(value: Mapping[str, object]) -> Markup:
    rows = value.get("keyboard")
    if rows is not None:
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise bad_request('field "keyboard" must be an Array of Arrays')
        for button in (button for row in rows for button in row):
            text = button.get("text") if isinstance(button, dict) else button
            if not isinstance(text, str):
                raise bad_request("can't parse keyboard button: KeyboardButton must be a String or an Object")
            if not text.strip():
                raise bad_request("keyboard button text must be non-empty")
    elif not (value.get("remove_keyboard") or value.get("force_reply")):
        raise bad_request("object expected as reply markup")
    return Markup()


def _unparsable(sentence: str) -> Refusal:
    return bad_request(f"can't parse inline keyboard button: {sentence}")


def _button(value: object) -> tuple[Button, dict[str, object]]:
    if not isinstance(value, dict):
        raise _unparsable("InlineKeyboardButton must be an Object")
    text = value.get("text")
    if not isinstance(text, str):
        raise _unparsable('Can\'t find field "text"')
    # "Exactly one of the fields other than text, icon_custom_emoji_id, and style must be used": the server lets
    # two pass and takes one of them by an order of its own, which is never what was meant, so it is refused here.
    actions = [name for name in value if name in _ACTIONS and value[name] not in (None, "")]
    if len(actions) > 1:
        raise _unparsable(f"exactly one of the optional fields must be used, found {', '.join(actions)}")
    if not actions:
        raise _unparsable("Text buttons are unallowed in the inline keyboard")
    if not text.strip():
        raise bad_request("inline keyboard button text must be non-empty")
    if value.get("style", "primary") not in _STYLES:
        raise _unparsable("Invalid button style specified")
    wire = {name: value[name] for name in value if name in _DECORATION or name in actions}
    return _action(text, actions[0], value[actions[0]], wire)


def _action(text: str, name: str, value: object, wire: dict[str, object]) -> tuple[Button, dict[str, object]]:
    if name == "callback_data":
        if not isinstance(value, str):
            raise _unparsable('Field "callback_data" must be of type String')
        if len(value.encode()) > MAX_DATA:
            raise bad_request("BUTTON_DATA_INVALID")
        return Button(text, data=value), wire
    if name == "url":
        if not isinstance(value, str):
            raise _unparsable('Field "url" must be of type String')
        link = _link(value)
        return Button(text, url=link), {**wire, "url": link}
    if name == "copy_text":
        copied = value.get("text") if isinstance(value, dict) else None
        if not isinstance(copied, str) or not 1 <= len(copied) <= 256:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
        return Button(text, copy_text=copied), wire
    return Button(text), wire


def _link(value: str) -> str:
    if link_user_id(value) is not None:
        return value
    try:
        return checked_link(value)
    except WrongLink as error:
        raise bad_request(f"inline keyboard button {error}") from error


def same_keyboard(one: Mapping[str, object] | None, other: Mapping[str, object] | None) -> bool:
    """Whether two markups are the same on the wire."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
