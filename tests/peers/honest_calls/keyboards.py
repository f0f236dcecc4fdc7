"""Keyboards under messages."""

import json

from tests.peers.honest_calls.named import Named

_DATA = "InlineKeyboardButton, callback_data: 1-64 bytes"
_MANY = "not documented: REPLY_MARKUP_TOO_LONG beyond a hundred buttons, as the issues of many libraries have it"
_ONE = "InlineKeyboardButton: exactly one of the fields other than text, icon and style must be used"
_URL = "InlineKeyboardButton, url: HTTP or tg:// URL; TDLib's LinkManager takes only hosts with a dot"
_REFUSED = "refused 400: Bad Request:"
_UNPARSED = f"{_REFUSED} can't parse inline keyboard button:"


def _keys(name: str, rows: object, telegram: str, rule: str, theirs: str | None = None) -> Named:
    markup = rows if isinstance(rows, str) else json.dumps({"inline_keyboard": rows}, ensure_ascii=False)
    form = {"chat_id": "<ann>", "text": "Hello", "reply_markup": markup}
    return Named(name=name, method="sendMessage", form=form, telegram=telegram, rule=rule, theirs=theirs)


def _key(data: str = "a", **more: object) -> dict[str, object]:
    return {"text": "A", "callback_data": data, **more}


KEYBOARDS = (
    _keys("a keyboard", [[_key()]], 'message "Hello" [A]', "sendMessage, reply_markup: an inline keyboard"),
    _keys("100 buttons", [[_key()] * 5] * 20, 'message "Hello" with 100 buttons', _MANY),
    _keys(
        "101 buttons",
        [[_key()] * 5] * 20 + [[_key()]],
        f"{_REFUSED} reply markup is too long",
        _MANY,
        'message "Hello" with 101 buttons',
    ),
    _keys("callback data of 64 bytes", [[_key("d" * 64)]], 'message "Hello" [A]', _DATA),
    _keys(
        "callback data of 65 bytes", [[_key("d" * 65)]], f"{_REFUSED} BUTTON_DATA_INVALID", _DATA, 'message "Hello" [A]'
    ),
    _keys(
        "33 letters of two bytes as data",
        [[_key("é" * 33)]],
        f"{_REFUSED} BUTTON_DATA_INVALID",
        _DATA,
        'message "Hello" [A]',
    ),
    _keys(
        "an empty row",
        [[_key()], []],
        'message "Hello" [A]',
        "not documented: TDLib leaves rows without buttons out (ReplyMarkup.cpp)",
        'message "Hello" [A/]',
    ),
    _keys(
        "nothing but an empty row",
        [[]],
        'message "Hello"',
        "not documented: TDLib leaves rows without buttons out, and a keyboard without rows",
        'message "Hello" []',
    ),
    _keys(
        "two actions on one button",
        [[_key(url="https://example.com/")]],
        f"{_UNPARSED} exactly one of the optional fields must be used, found callback_data, url",
        f"{_ONE} (the server itself takes the address and says nothing: what was meant is lost, so we refuse)",
        'message "Hello" [A]',
    ),
    _keys(
        "a button without an action",
        [[{"text": "A"}]],
        f"{_UNPARSED} Text buttons are unallowed in the inline keyboard",
        _ONE,
        'message "Hello" [A]',
    ),
    _keys(
        "a button without a text",
        [[{"callback_data": "a"}]],
        f'{_UNPARSED} Can\'t find field "text"',
        "InlineKeyboardButton, text: is not optional",
        'message "Hello" [?]',
    ),
    _keys(
        "a button that opens localhost",
        [[{"text": "A", "url": "http://localhost:8000/"}]],
        f"{_REFUSED} inline keyboard button URL 'http://localhost:8000/' is invalid: Wrong HTTP URL",
        _URL,
        'message "Hello" [A]',
    ),
    _keys(
        "a button that opens an FTP server",
        [[{"text": "A", "url": "ftp://example.com/"}]],
        f"{_REFUSED} inline keyboard button URL 'ftp://example.com/' is invalid: Unsupported URL protocol",
        _URL,
        'message "Hello" [A]',
    ),
    _keys(
        "a keyboard that is no JSON",
        "{",
        f"{_REFUSED} can't parse reply keyboard markup JSON object",
        "sendMessage, reply_markup: a JSON-serialized object",
        "broken 500: Something went wrong",
    ),
    _keys(
        "rows that are none",
        [_key()],
        f'{_REFUSED} field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
        "InlineKeyboardMarkup, inline_keyboard: array of rows, each an array of buttons",
        'message "Hello" [??]',
    ),
)
