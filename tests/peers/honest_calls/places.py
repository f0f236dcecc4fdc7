"""Where a message goes and what it answers: chats, topics, replies, reactions."""

from tests.peers.honest_calls.named import Named, unsupported

_REFUSED = "refused 400: Bad Request:"
_FORBIDDEN = "refused 403: Forbidden:"
_ACCESS = "the words of the server's check_chat_access (Client.cpp)"
_QUOTE = "ReplyParameters, quote: an exact substring of the message to be replied to"
_REACTIONS = "setMessageReaction, reaction: bots can set up to one reaction per message"


def _sent(
    name: str,
    telegram: str,
    rule: str,
    theirs: str | None = None,
    *,
    chat: str = "<ann>",
    text: str = "Hello",
    **form: str,
) -> Named:
    form = {"chat_id": chat, "text": text, **form}
    return Named(name=name, method="sendMessage", form=form, telegram=telegram, rule=rule, theirs=theirs)


def _reaction(name: str, reactions: str, telegram: str, rule: str, message: str = "<said>") -> Named:
    form = {"chat_id": "<ann>", "message_id": message, "reaction": reactions}
    return Named(
        name=name,
        method="setMessageReaction",
        form=form,
        telegram=telegram,
        rule=rule,
        theirs=unsupported("setMessageReaction"),
    )


PLACES = (
    _sent(
        "a chat that does not exist",
        f"{_REFUSED} chat not found",
        "sendMessage, chat_id: of a chat",
        'message "Hello"',
        chat="5",
    ),
    _sent(
        "a chat that is no number",
        f"{_REFUSED} chat not found",
        "sendMessage, chat_id: a number or @name",
        'message "Hello"',
        chat="ann",
    ),
    _sent(
        "no chat",
        f"{_REFUSED} chat_id is empty",
        "sendMessage, chat_id: required; words of check_chat",
        'message "Hello"',
        chat="",
    ),
    _sent(
        "somebody who blocked the bot",
        f"{_FORBIDDEN} bot was blocked by the user",
        "not documented: USER_IS_BLOCKED, put into words by the server (Client.cpp, fail_query_with_error)",
        'message "Hello"',
        chat="<bob>",
    ),
    _sent(
        "somebody who never wrote to the bot",
        f"{_FORBIDDEN} bot can't initiate conversation with a user",
        "bots/faq and bots/features: a bot cannot start a conversation, people have to write first",
        'message "Hello"',
        chat="<carl>",
    ),
    _sent(
        "a group that threw the bot out",
        f"{_FORBIDDEN} bot was kicked from the group chat",
        _ACCESS,
        'message "Hello"',
        chat="<left>",
    ),
    _sent(
        "a group that became a supergroup",
        f"{_REFUSED} group chat was upgraded to a supergroup chat (migrate_to_chat_id)",
        f"ResponseParameters, migrate_to_chat_id; {_ACCESS}",
        'message "Hello"',
        chat="<old>",
    ),
    _sent(
        "a topic",
        'message "Hello" as a reply in a topic',
        "Message, is_topic_message; within a topic a message answers the one that opened it",
        'message "Hello"',
        chat="<forum>",
        message_thread_id="<topic>",
    ),
    _sent(
        "a topic that does not exist",
        f"{_REFUSED} message thread not found",
        "sendMessage, message_thread_id: of a thread of the chat",
        'message "Hello"',
        chat="<forum>",
        message_thread_id="987654",
    ),
    _sent(
        "a topic in a private chat",
        f"{_REFUSED} message thread not found",
        "sendMessage, message_thread_id: for forum supergroups (and bots with topics in private chats)",
        'message "Hello"',
        message_thread_id="<said>",
    ),
    _sent(
        "a reply",
        'message "Hello" as a reply',
        "Message, reply_to_message: the original message",
        'message "Hello"',
        reply_parameters='{"message_id": <said>}',
    ),
    _sent(
        "a reply to what is deleted",
        f"{_REFUSED} message to be replied not found",
        "ReplyParameters, message_id; words of check_reply_parameters (Client.cpp)",
        'message "Hello"',
        reply_parameters='{"message_id": <gone>}',
    ),
    _sent(
        "a reply to what is deleted, if need be without",
        'message "Hello"',
        "ReplyParameters, allow_sending_without_reply: sent even if the message is not found",
        reply_parameters='{"message_id": <gone>, "allow_sending_without_reply": true}',
    ),
    _sent(
        "a reply to a part",
        'message "Hello" as a reply to "ell" at 1',
        "TextQuote, position: in the original message, in UTF-16 code units",
        'message "Hello"',
        reply_parameters='{"message_id": <said>, "quote": "ell"}',
    ),
    _sent(
        "a reply to a part that is not there",
        f"{_REFUSED} QUOTE_TEXT_INVALID",
        _QUOTE,
        'message "Hello"',
        reply_parameters='{"message_id": <said>, "quote": "bye"}',
    ),
    _reaction("a reaction", '[{"type": "emoji", "emoji": "👍"}]', "true", "setMessageReaction: True on success"),
    _reaction("no reaction any more", "[]", "true", "setMessageReaction, reaction: the list to set"),
    _reaction(
        "an emoji that is no reaction",
        '[{"type": "emoji", "emoji": "🦖"}]',
        f"{_REFUSED} REACTION_INVALID",
        "ReactionTypeEmoji, emoji: one of those that are listed",
    ),
    _reaction(
        "two reactions",
        '[{"type": "emoji", "emoji": "👍"}, {"type": "emoji", "emoji": "🔥"}]',
        f"{_REFUSED} REACTIONS_TOO_MANY",
        _REACTIONS,
    ),
    _reaction(
        "a reaction to what never was",
        '[{"type": "emoji", "emoji": "👍"}]',
        f"{_REFUSED} message to react not found",
        "the words of the server's check_message (Client.cpp)",
        message="987654",
    ),
    Named(
        name="pinning without the right",
        method="pinChatMessage",
        form={"chat_id": "<team>", "message_id": "<posted>"},
        telegram=f"{_REFUSED} not enough rights to manage pinned messages in the chat",
        rule="pinChatMessage: the bot must be an administrator with the right to pin",
        theirs=unsupported("pinChatMessage"),
    ),
    Named(
        name="typing",
        method="sendChatAction",
        form={"chat_id": "<ann>", "action": "typing"},
        telegram="true",
        rule="sendChatAction: True on success",
        theirs=unsupported("sendChatAction"),
    ),
    Named(
        name="an action that does not exist",
        method="sendChatAction",
        form={"chat_id": "<ann>", "action": "dancing"},
        telegram=f"{_REFUSED} wrong parameter action in request",
        rule="sendChatAction, action: one of those that are listed",
        theirs=unsupported("sendChatAction"),
    ),
)
