"""What a bot may ask and do about a chat."""

from src.demo.telegram.errors import bad_request
from src.demo.telegram.membership import open_topic, set_bot
from src.demo.telegram.methods.registry import method
from src.demo.telegram.model import PRESENT, StoredChat
from src.demo.telegram.params import Params
from src.demo.telegram.wire import full_chat_json, member_json, topic_json
from src.demo.telegram.world import World

# createForumTopic, name: "1-128 characters"; icon_color: one of six.
MAX_TOPIC_NAME = 128
_COLOURS = frozenset({7322096, 16766590, 13338331, 9367192, 16749490, 16478047})


@method("getChat")
async def get_chat(world: World, params: Params) -> object:
    """ChatFullInfo."""
    return full_chat_json(world.chat(params.text("chat_id"), write=False))


@method("getChatMember")
async def get_chat_member(world: World, params: Params) -> object:
    """ChatMember: one person's, or the bot's own."""
    chat = world.chat(params.text("chat_id"), write=False)
    user_id = params.integer("user_id")
    if user_id <= 0:
        raise bad_request("invalid user_id specified")
    account = world.people.get(user_id)
    if account is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    if account.id == world.bot.id:
        return member_json(account, "member" if chat.type == "private" else chat.bot)
    if chat.type == "private":
        return member_json(account, "member" if account.id == chat.id else "left")
    return member_json(account, chat.members.get(account.id, "left"))


@method("getChatAdministrators")
async def get_chat_administrators(world: World, params: Params) -> object:
    """Owner and administrators; bots other than this one are never there."""
    chat = _group(world, params, "there are no administrators in the private chat")
    found = [
        member_json(world.people[user_id], status)
        for user_id, status in chat.members.items()
        if status in ("creator", "administrator")
    ]
    return [*found, member_json(world.bot, "administrator")] if chat.bot == "administrator" else found


@method("getChatMemberCount")
async def get_chat_member_count(world: World, params: Params) -> object:
    """How many are in it, the bot included."""
    chat = world.chat(params.text("chat_id"), write=False)
    if chat.type == "private":
        return 2
    return sum(status in PRESENT for status in chat.members.values()) + 1


@method("leaveChat")
async def leave_chat(world: World, params: Params) -> object:
    """The bot goes by itself."""
    chat = _group(world, params, "chat member status can't be changed in private chats")
    set_bot(world, chat, "left", world.bot)
    return True


@method("createForumTopic")
async def create_forum_topic(world: World, params: Params) -> object:
    """ForumTopic; the bot must be an administrator with the right to manage topics."""
    chat = world.chat(params.text("chat_id"))
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    if chat.bot != "administrator":
        raise bad_request("not enough rights to create a topic")
    name = params.text("name").strip()
    if not 1 <= len(name) <= MAX_TOPIC_NAME:
        raise bad_request("TOPIC_TITLE_EMPTY" if not name else "TOPIC_TITLE_TOO_LONG")
    if params.has("icon_color") and params.integer("icon_color") not in _COLOURS:
        raise bad_request("TOPIC_ICON_COLOR_INVALID")
    return topic_json(open_topic(world, chat, name, world.bot))


def _group(world: World, params: Params, refusal: str) -> StoredChat:
    chat = world.chat(params.text("chat_id"), write=False)
    if chat.type == "private":
        raise bad_request(refusal)
    return chat
