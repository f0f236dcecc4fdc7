"""The Bot API's JSON for what the emulator remembers. Pure."""

from src.demo.telegram.entities import Entity
from src.demo.telegram.model import Account, Status, StoredChat, StoredMessage, StoredTopic

Json = dict[str, object]
_RIGHTS = (
    "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members", "can_promote_members",
    "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories",
    "can_pin_messages", "can_send_welcome_messages", "can_manage_topics",
)  # fmt: skip


# Message, from: "For backward compatibility ... contains a fake sender user in non-channel chats" where a message was
# sent on behalf of a chat; for anonymous administrators it is @GroupAnonymousBot.
NOBODY = Account(1087968824, "Group", "GroupAnonymousBot", is_bot=True)


def user_json(account: Account) -> Json:
    """User."""
    user: Json = {"id": account.id, "is_bot": account.is_bot, "first_name": account.first_name}
    if account.username:
        user["username"] = account.username
    if account.language:
        user["language_code"] = account.language
    return user


def chat_json(chat: StoredChat) -> Json:
    """Chat, as it stands in a message."""
    if chat.person is not None:
        known: Json = {"id": chat.id, "first_name": chat.person.first_name, "type": chat.type}
        return {**known, "username": chat.person.username} if chat.person.username else known
    group: Json = {"id": chat.id, "title": chat.title, "type": chat.type}
    return {**group, "is_forum": True} if chat.is_forum else group


def full_chat_json(chat: StoredChat) -> Json:
    """ChatFullInfo, of getChat."""
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    return {
        **chat_json(chat),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }


def entity_json(entity: Entity, people: dict[int, Account]) -> Json:
    """MessageEntity."""
    wired: Json = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    for name in ("url", "language", "custom_emoji_id", "unix_time", "date_time_format"):
        value = getattr(entity, name)
        if value is not None:
            wired[name] = value
    if entity.user_id is not None:
        wired["user"] = user_json(people[entity.user_id])
    return wired


def topic_json(topic: StoredTopic) -> Json:
    """ForumTopic."""
    return {"message_thread_id": topic.id, "name": topic.name, "icon_color": topic.colour}


def member_json(account: Account, status: Status) -> Json:
    """ChatMember, of the status."""
    member: Json = {"status": status, "user": user_json(account)}
    match status:
        case "creator":
            member["is_anonymous"] = False
        case "administrator":
            member.update(dict.fromkeys(_RIGHTS, True), can_be_edited=False, is_anonymous=False)
            member["can_promote_members"] = False
        case "kicked":
            member["until_date"] = 0
        case "member" | "left":
            pass
    return member


def message_json(message: StoredMessage, chat: StoredChat, people: dict[int, Account], *, deep: bool = True) -> Json:
    """Message; `deep` includes the message that it replies to, which itself stays shallow."""
    wired: Json = {
        "message_id": message.id,
        "from": user_json(message.sender),
        "chat": chat_json(chat),
        "date": int(message.date),
    }
    if message.posted_as is not None:
        wired.update({"from": user_json(NOBODY), "sender_chat": chat_json(chat)})
    if message.topic_id is not None:
        wired.update(message_thread_id=message.topic_id, is_topic_message=True)
    if message.edited_at is not None:
        wired["edit_date"] = int(message.edited_at)
    if message.protected:
        wired["has_protected_content"] = True
    if message.service is not None:
        wired.update(message.service)
    else:
        wired["text"] = message.text
    if message.entities:
        wired["entities"] = [entity_json(entity, people) for entity in message.entities]
    if message.preview:
        wired["link_preview_options"] = message.preview
    if message.markup:
        wired["reply_markup"] = message.markup
    if message.quote:
        wired["quote"] = _quote_json(message, people)
    if deep:
        _add_reply(wired, message, chat, people)
    return wired


def _quote_json(message: StoredMessage, people: dict[int, Account]) -> Json:
    """TextQuote."""
    quote: Json = {"text": message.quote, "position": message.quote_position, "is_manual": True}
    if message.quote_entities:
        quote["entities"] = [entity_json(entity, people) for entity in message.quote_entities]
    return quote


def _add_reply(wired: Json, message: StoredMessage, chat: StoredChat, people: dict[int, Account]) -> None:
    # In a topic a message that answers nothing carries the topic's opening message as its reply.
    replied = chat.messages.get(message.reply_to or message.topic_id or 0)
    if replied is not None and replied is not message and not replied.deleted:
        wired["reply_to_message"] = message_json(replied, chat, people, deep=False)
