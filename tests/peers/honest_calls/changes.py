"""Messages that are changed or deleted, and answers to presses."""

import json

from tests.peers.honest_calls.named import Named, unsupported

_REFUSED = "refused 400: Bad Request:"
_SAME = (
    f"{_REFUSED} message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
_KEY = '{"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}'
_OTHER = '{"inline_keyboard": [[{"text": "B", "callback_data": "b"}]]}'
_EDITED = "editMessageText: the edited Message is returned"
_KEYBOARD_ALONE = (
    "editMessageReplyMarkup: the edited Message is returned; that no edit date goes with it is Telegram support's word "
    '(only editMessageText shows "edited") and TDLib\'s hide_edit_date'
)
_OWN = "editMessageText: no right to edit what others wrote is given anywhere; the server says so in these words"
_UNCHANGED = "not documented: MESSAGE_NOT_MODIFIED, put into words by the server (Client.cpp, fail_query_with_error)"
_SERVER = "the words of the server's check_message (Client.cpp)"
_DELETED = "deleteMessage: True on success"
_MANY = "deleteMessages, message_ids: 1-100 identifiers"
_ANSWERED = "answerCallbackQuery: True on success"
_OLD = "not documented: QUERY_ID_INVALID, put into words by the server (Client.cpp, fail_query_with_error)"
_DAYS = 48 * 3600 + 1


def _edit(
    name: str,
    telegram: str,
    rule: str,
    theirs: str | None = None,
    *,
    message: str = "<one>",
    text: str = "two",
    **form: str,
) -> Named:
    form = {"chat_id": "<ann>", "message_id": message, "text": text, **form}
    return Named(name=name, method="editMessageText", form=form, telegram=telegram, rule=rule, theirs=theirs)


def _keys(name: str, markup: str, telegram: str, rule: str, theirs: str | None = None) -> Named:
    form = {"chat_id": "<ann>", "message_id": "<one>", "reply_markup": markup}
    return Named(name=name, method="editMessageReplyMarkup", form=form, telegram=telegram, rule=rule, theirs=theirs)


def _delete(name: str, message: str, telegram: str, rule: str, theirs: str | None = None, *, later: float = 0) -> Named:
    form = {"chat_id": "<ann>", "message_id": message}
    return Named(name=name, method="deleteMessage", form=form, telegram=telegram, rule=rule, theirs=theirs, later=later)


def _delete_many(name: str, numbers: str, telegram: str, rule: str) -> Named:
    form = {"chat_id": "<ann>", "message_ids": numbers}
    return Named(
        name=name,
        method="deleteMessages",
        form=form,
        telegram=telegram,
        rule=rule,
        theirs=unsupported("deleteMessages"),
    )


def _press(
    name: str, telegram: str, rule: str, *, query: str = "<query>", later: float = 0, twice: bool = False, **form: str
) -> Named:
    form = {"callback_query_id": query, **form}
    before = (("answerCallbackQuery", form),) if twice else ()
    return Named(
        name=name,
        method="answerCallbackQuery",
        form=form,
        telegram=telegram,
        rule=rule,
        theirs="null",
        before=before,
        later=later,
    )


CHANGES = (
    _edit("another text", 'message "two" edited', f"{_EDITED}; a keyboard that is not sent again is gone", "null"),
    _edit("another text with its keyboard", 'message "two" [A] edited', _EDITED, "null", reply_markup=_KEY),
    _edit("an edit that changes nothing", _SAME, _UNCHANGED, "null", text="one", reply_markup=_KEY),
    _edit("an edit of what never was", f"{_REFUSED} message to edit not found", _SERVER, "null", message="987654"),
    _edit("an edit of what is deleted", f"{_REFUSED} message to edit not found", _SERVER, "null", message="<gone>"),
    _edit("an edit of somebody else's message", f"{_REFUSED} message can't be edited", _OWN, "null", message="<said>"),
    _edit(
        "an edit to nothing",
        f"{_REFUSED} message text is empty",
        "editMessageText, text: 1-4096 characters after entity parsing",
        "null",
        text="",
    ),
    _edit(
        "an edit to 4,097 characters",
        f"{_REFUSED} MESSAGE_TOO_LONG",
        "editMessageText, text: 1-4096 characters after entity parsing",
        "null",
        text="x" * 4097,
    ),
    _edit(
        "an edit with a keyboard below the input field",
        f"{_REFUSED} inline keyboard expected",
        "editMessageText, reply_markup: an object for an inline keyboard",
        "null",
        reply_markup='{"keyboard": [["Yes"]]}',
    ),
    _keys("another keyboard", _OTHER, 'message "one" [B]', _KEYBOARD_ALONE, "null"),
    _keys("the same keyboard", _KEY, _SAME, _UNCHANGED, "null"),
    _keys(
        "no keyboard any more",
        "",
        'message "one"',
        _KEYBOARD_ALONE,
        "broken 500: Something went wrong",
    ),
    _delete("deleting an own message", "<one>", "true", _DELETED, "null"),
    _delete(
        "deleting what the person wrote",
        "<said>",
        "true",
        "deleteMessage: bots can delete incoming messages in private chats",
        "null",
    ),
    _delete(
        "deleting what never was",
        "987654",
        f"{_REFUSED} message to delete not found",
        _SERVER,
        "refused 400, HTTP 200: Bad Request: chat <ann> with message 987654 wasn't found",
    ),
    _delete(
        "deleting again",
        "<gone>",
        f"{_REFUSED} message to delete not found",
        _SERVER,
        "refused 400, HTTP 200: Bad Request: chat <ann> with message <gone> wasn't found",
    ),
    _delete(
        "deleting after two days",
        "<one>",
        f"{_REFUSED} message can't be deleted for everyone",
        "deleteMessage: only if it was sent less than 48 hours ago",
        "null",
        later=_DAYS,
    ),
    Named(
        name="deleting somebody else's message in a group",
        method="deleteMessage",
        form={"chat_id": "<team>", "message_id": "<heard>"},
        telegram=f"{_REFUSED} message can't be deleted for everyone",
        rule="deleteMessage: in groups an administrator can delete any message, others their own",
        theirs="null",
    ),
    _delete_many(
        "deleting several, one of which never was",
        "[<one>, <said>, 987654]",
        "true",
        "deleteMessages: what can't be found is skipped",
    ),
    _delete_many(
        "deleting 101", json.dumps(list(range(1, 102))), f"{_REFUSED} too many message identifiers specified", _MANY
    ),
    _delete_many("deleting none", "[]", f"{_REFUSED} message identifiers are not specified", _MANY),
    _press("an answer to a press", "true", _ANSWERED, text="Noted"),
    _press("an answer without words", "true", _ANSWERED),
    _press(
        "a second answer",
        "true",
        "not documented: what the server does not take a second time is no error to TDLib (CallbackQueriesManager.cpp)",
        twice=True,
    ),
    _press(
        "an answer to a press that never was",
        f"{_REFUSED} query is too old and response timeout expired or query ID is invalid",
        _OLD,
        query="1",
    ),
    _press(
        "an answer that comes too late",
        f"{_REFUSED} query is too old and response timeout expired or query ID is invalid",
        _OLD,
        later=60,
    ),
    _press("an answer of 200 characters", "true", "answerCallbackQuery, text: 0-200 characters", text="x" * 200),
    _press(
        "an answer of 201 characters",
        f"{_REFUSED} MESSAGE_TOO_LONG",
        "answerCallbackQuery, text: 0-200 characters",
        text="x" * 201,
    ),
    _press(
        "an answer that opens a foreign address",
        f"{_REFUSED} URL_INVALID",
        "answerCallbackQuery, url: without a game only links like t.me/your_bot?start=XXXX",
        url="https://example.com/",
    ),
)
