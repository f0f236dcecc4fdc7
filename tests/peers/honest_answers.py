"""An answer of a Bot API server in one short line, so that two servers can be laid side by side."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_LONG, _FEW = 30, 8
_CUT = re.compile(r"\. (?=[A-Z])|(?<=Error): ")


def answer(status: int, body: Mapping[str, Any]) -> str:
    """`refused CODE: description`, or what came back: `message "text" ...`, `true`, `null`, `list of 2`.

    Times and ids are left out: no two servers agree on them. An error that is none of the Bot API's is `broken`.
    """
    if body.get("ok") is not True:
        if "error_code" not in body:  # no shape of Telegram's: its first sentence, without what JavaScript adds
            return f"broken {status}: {_CUT.split(str(body.get('message', '')))[0]}"
        odd = "" if body["error_code"] == status else f", HTTP {status}"
        named = ", ".join(body.get("parameters", ()))
        return f"refused {body['error_code']}{odd}: {body['description']}" + (f" ({named})" if named else "")
    result = body.get("result")
    match result:
        case None:
            return "null"
        case bool():
            return str(result).lower()
        case list():
            return f"list of {len(result)}"
        case {"message_id": _}:
            return " ".join(("message", *_message(result)))
        case dict():
            return "object with " + ", ".join(sorted(result))
        case _:
            raise TypeError(f"no answer of the Bot API looks like {result!r}")


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    text = message.get("text")
    if text is None:
        yield "without text"
    else:
        yield json.dumps(text, ensure_ascii=False) if len(text) <= _LONG else f"of {len(text)} characters"
    for entity in _list(message.get("entities")):
        yield f"{entity['type']} {entity['offset']}+{entity['length']}"
    rows = (message.get("reply_markup") or {}).get("inline_keyboard")
    if rows is not None:
        yield _keyboard([list(row) for row in rows])
    if message.get("reply_to_message"):
        yield "as a reply"
    if quote := message.get("quote"):
        yield f'to "{quote["text"]}" at {quote["position"]}'
    if message.get("is_topic_message"):
        yield "in a topic"
    if message.get("edit_date"):
        yield "edited"


def _keyboard(rows: list[list[Any]]) -> str:
    buttons = [button for row in rows for button in row]
    if len(buttons) > _FEW:
        return f"with {len(buttons)} buttons"
    return "[" + "/".join("".join(_label(button) for button in row) for row in rows) + "]"


def _label(button: object) -> str:
    return str(button.get("text", "?")) if isinstance(button, Mapping) else "?"


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
