"""Which of the bot's menus of commands somebody sees (core.telegram.org/bots/api#botcommandscope). Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from src.demo.telegram.model import Account, StoredChat

_Menus = Mapping[tuple[str, str], Sequence[Mapping[str, object]]]


@dataclass(frozen=True, slots=True)
class Command:
    """An entry of the menu; `name` without the slash."""

    name: str
    description: str


def offered(menus: _Menus, chat: StoredChat, account: Account) -> tuple[Command, ...]:
    """The first menu that is not empty, from the narrowest scope to the widest, in the reader's language first.

    Args:
        menus: what the bot set, by scope (as JSON) and two-letter language ("" for all others).
        chat: where it is looked at.
        account: who looks.
    """
    language = (account.language or "")[:2].lower()
    for scope in _scopes(chat, account):
        for code in dict.fromkeys((language, "")):
            # An empty list is what a deleted one is: the next one counts.
            if found := menus.get((scope, code)):
                return tuple(Command(str(item["command"]), str(item["description"])) for item in found)
    return ()


def _scopes(chat: StoredChat, account: Account) -> Iterator[str]:
    """As they are kept: a JSON object with the type first."""
    if chat.type == "private":
        kinds = ["chat", "all_private_chats", "default"]
    elif chat.members.get(account.id) in ("creator", "administrator"):
        kinds = ["chat_member", "chat_administrators", "chat", "all_chat_administrators", "all_group_chats", "default"]
    else:
        kinds = ["chat_member", "chat", "all_group_chats", "default"]
    for kind in kinds:
        yield scope_key(kind, chat.id, account.id)


def scope_key(kind: str, chat_id: int, user_id: int) -> str:
    """How a scope of this kind is kept."""
    scope: dict[str, object] = {"type": kind}
    if kind in ("chat", "chat_administrators", "chat_member"):
        scope["chat_id"] = chat_id
    if kind == "chat_member":
        scope["user_id"] = user_id
    return json.dumps(scope)
