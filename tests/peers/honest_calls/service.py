"""Requests as such, updates, and who the bot is."""

import json

from tests.peers.honest_calls.named import Named, unsupported

_REFUSED = "refused 400: Bad Request:"
_HELLO = {"chat_id": "<ann>", "text": "Hello"}
_WAYS = "Making requests: query string, form, JSON and multipart are alike; GET and POST"
_COMMANDS = "setMyCommands, commands: at most 100"
_COMMAND = "BotCommand, command: 1-32 characters; only lowercase English letters, digits and underscores"
_HOOK = (("setWebhook", {"url": "https://bot.example.com/hook"}),)


def _commands(name: str, telegram: str, rule: str, *commands: tuple[str, str]) -> Named:
    listed = json.dumps([{"command": command, "description": description} for command, description in commands])
    form = {"commands": listed}
    return Named(
        name=name, method="setMyCommands", form=form, telegram=telegram, rule=rule, theirs=unsupported("setMyCommands")
    )


SERVICE = (
    Named(
        name="parameters in the query string",
        method="sendMessage",
        form=_HELLO,
        how="query",
        telegram='message "Hello"',
        rule=_WAYS,
        theirs="message without text",
    ),
    Named(
        name="parameters as JSON", method="sendMessage", form=_HELLO, how="json", telegram='message "Hello"', rule=_WAYS
    ),
    Named(
        name="a method in capitals",
        method="SENDMESSAGE",
        form=_HELLO,
        telegram='message "Hello"',
        rule="Making requests: all methods are case-insensitive",
    ),
    Named(
        name="ten messages within a second",
        method="sendMessage",
        form=_HELLO,
        before=(("sendMessage", _HELLO),) * 9,
        paced=True,
        telegram="refused 429: Too Many Requests: retry after 1 (retry_after)",
        rule="bots/faq: one message a second in a chat, short bursts apart, then 429; ResponseParameters, retry_after",
        theirs='message "Hello"',
    ),
    Named(
        name="a method that does not exist",
        method="makeTea",
        telegram="refused 404: Not Found: method not found",
        rule="Making requests: unsuccessful requests have error_code and description; words of Client.cpp, on_cmd",
        theirs="broken 500: API method 'makeTea' is not supported",
    ),
    Named(
        name="another bot's token",
        method="getMe",
        token="43:somebody-elses-token",
        telegram="refused 401: Unauthorized",
        rule="Authorizing your bot: the token is the key; words of Client.cpp, get_closing_error",
        theirs="object with first_name, id, username",
    ),
    Named(
        name="a token without a number",
        method="getMe",
        token="nonsense",
        telegram="refused 401: Unauthorized: invalid token specified",
        rule="Authorizing your bot: a token looks like 123456:ABC-DEF1234; words of ClientManager.cpp",
        theirs="object with first_name, id, username",
    ),
    Named(
        name="who the bot is",
        method="getMe",
        telegram="object with can_connect_to_business, can_join_groups, can_read_all_group_messages, first_name, "
        "has_main_web_app, id, is_bot, supports_inline_queries, username",
        rule="User: is_bot is not optional, and what only getMe returns",
        theirs="object with first_name, id, username",
    ),
    Named(
        name="updates that were not confirmed",
        method="getUpdates",
        form={"limit": "1"},
        before=(("getUpdates", {"limit": "1"}),),
        telegram="list of 1",
        rule="getUpdates, offset: an update is confirmed by an offset above its id, not by being read",
        theirs="list of 0",
    ),
    Named(
        name="updates while a webhook is set",
        method="getUpdates",
        before=_HOOK,
        telegram="refused 409: Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to "
        "delete the webhook first",
        rule="Getting updates: getUpdates does not work while an outgoing webhook is set up",
        theirs="list of 1",
    ),
    Named(
        name="a webhook",
        method="setWebhook",
        form={"url": "https://bot.example.com/hook"},
        telegram="true",
        rule="setWebhook: True on success",
        theirs="null",
    ),
    Named(
        name="a webhook without TLS",
        method="setWebhook",
        form={"url": "http://bot.example.com/hook"},
        telegram=f"{_REFUSED} bad webhook: An HTTPS URL must be provided for webhook",
        rule="setWebhook, url: HTTPS URL to send updates to",
        theirs="null",
    ),
    Named(
        name="a webhook's secret with a space",
        method="setWebhook",
        form={"url": "https://bot.example.com/hook", "secret_token": "a b"},
        telegram=f"{_REFUSED} secret token contains unallowed characters",
        rule="setWebhook, secret_token: only characters A-Z, a-z, 0-9, _ and -",
        theirs="null",
    ),
    Named(
        name="polling again",
        method="deleteWebhook",
        before=_HOOK,
        telegram="true",
        rule="deleteWebhook: True on success",
    ),
    _commands("commands", "true", "setMyCommands: True on success", ("start", "Begin"), ("help", "Help")),
    _commands("101 commands", f"{_REFUSED} BOT_COMMANDS_TOO_MUCH", _COMMANDS, *[("start", "Begin")] * 101),
    _commands("a command in capitals", f"{_REFUSED} BOT_COMMAND_INVALID", _COMMAND, ("Start", "Begin")),
    _commands("a command of 33 letters", f"{_REFUSED} command length must not exceed 32", _COMMAND, ("a" * 33, "x")),
    _commands(
        "a command without a description",
        f"{_REFUSED} command description must be non-empty",
        "BotCommand, description: 1-256 characters; words of TDLib's BotCommand.cpp",
        ("start", ""),
    ),
    Named(
        name="commands of another scope",
        method="getMyCommands",
        form={"scope": '{"type": "all_group_chats"}'},
        before=(("setMyCommands", {"commands": '[{"command": "start", "description": "Begin"}]'}),),
        telegram="list of 0",
        rule="getMyCommands: of the given scope; an empty list if none are set",
        theirs=unsupported("getMyCommands"),
    ),
)
