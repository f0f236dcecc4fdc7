"""Small signs of life: answers to button presses, reactions, pins, "typing"."""

from urllib.parse import parse_qs, urlsplit

from src.demo.telegram.entities import units
from src.demo.telegram.errors import bad_request
from src.demo.telegram.links import WrongLink, checked_link
from src.demo.telegram.methods.registry import method
from src.demo.telegram.model import StoredChat
from src.demo.telegram.params import Params
from src.demo.telegram.world import Answer, World

# answerCallbackQuery, text: "0-200 characters".
MAX_ANSWER = 200
_ACTIONS = frozenset(
    {"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
     "choose_sticker", "find_location", "record_video_note", "upload_video_note"}
)  # fmt: skip
_OWN_HOSTS = ("t.me", "telegram.me", "telegram.dog")
# ReactionTypeEmoji: the emoji that may be set.
_REACTIONS = frozenset([
    "❤", "👍", "👎", "🔥", "🥰", "👏", "😁", "🤔", "🤯", "😱", "🤬", "😢", "🎉", "🤩",
    "🤮", "💩", "🙏", "👌", "🕊", "🤡", "🥱", "🥴", "😍", "🐳", "❤\u200d🔥", "🌚", "🌭", "💯",
    "🤣", "⚡", "🍌", "🏆", "💔", "🤨", "😐", "🍓", "🍾", "💋", "🖕", "😈", "😴", "😭",
    "🤓", "👻", "👨\u200d💻", "👀", "🎃", "🙈", "😇", "😨", "🤝", "✍", "🤗", "🫡", "🎅", "🎄",
    "☃", "💅", "🤪", "🗿", "🆒", "💘", "🙉", "🦄", "😘", "💊", "🙊", "😎", "👾", "🤷\u200d♂",
    "🤷", "🤷\u200d♀", "😡",
])  # fmt: skip


@method("answerCallbackQuery")
async def answer_callback_query(world: World, params: Params) -> object:
    """Stops the button's clock and shows a text, if there is one."""
    text = params.text("text")
    if units(text) > MAX_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    url = params.text("url") or None
    if url is not None:
        url = _own_link(url, world.bot.username or "")
    world.answer(params.text("callback_query_id"), Answer(text or None, params.flag("show_alert"), url))
    return True


def _own_link(url: str, username: str) -> str:
    """Without a game only "links like t.me/your_bot?start=XXXX that open your bot with a parameter" are taken."""
    try:
        link = checked_link(url)
    except WrongLink as error:
        raise bad_request("URL_INVALID") from error
    parts = urlsplit(link)
    own = parts.hostname in _OWN_HOSTS and parts.path.strip("/").lower() == username.lower()
    if not own or "start" not in parse_qs(parts.query):
        raise bad_request("URL_INVALID")
    return link


@method("sendChatAction")
async def send_chat_action(world: World, params: Params) -> object:
    """Shows "typing" and the like for five seconds; nobody remembers it."""
    if params.text("action").lower() not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = world.chat(params.text("chat_id"))
    number = params.integer("message_thread_id")
    if number and (number not in chat.topics or chat.topics[number].deleted):
        raise bad_request("message thread not found")
    return True


@method("setMessageReaction")
async def set_message_reaction(world: World, params: Params) -> object:
    """At most one emoji of those that Telegram offers; none takes it back."""
    chat = world.chat(params.text("chat_id"))
    message = world.message(chat, params.integer("message_id"), "to react")
    wanted = params.json("reaction", "reaction types")
    if wanted is None:
        wanted = []
    if not isinstance(wanted, list):
        raise bad_request("expected an Array of ReactionType")
    if not all(isinstance(reaction, dict) for reaction in wanted):
        raise bad_request("can't parse ReactionType: expected an Object")
    if any(reaction.get("type") not in ("emoji", "custom_emoji", "paid") for reaction in wanted):
        raise bad_request("can't parse ReactionType: invalid reaction type specified")
    emoji = [reaction.get("emoji") for reaction in wanted]
    if len(emoji) > 1 or not all(isinstance(one, str) and one.rstrip("\ufe0f") in _REACTIONS for one in emoji):
        raise bad_request("REACTIONS_TOO_MANY" if len(emoji) > 1 else "REACTION_INVALID")
    if emoji and not chat.allows_reactions:
        raise bad_request("REACTION_INVALID")
    message.reactions = tuple(str(one) for one in emoji)
    world.change(message)
    return True


@method("pinChatMessage")
async def pin_chat_message(world: World, params: Params) -> object:
    """Pins a message; in groups for administrators only."""
    chat = world.chat(params.text("chat_id"))
    message = world.message(chat, params.integer("message_id"), "to pin")
    _check_pinning(chat)
    message.pinned = True
    world.change(message)
    return True


@method("unpinChatMessage")
async def unpin_chat_message(world: World, params: Params) -> object:
    """Unpins a message, the newest pinned one when none is named."""
    chat = world.chat(params.text("chat_id"))
    _check_pinning(chat)
    pinned = [m for m in chat.messages.values() if m.pinned and not m.deleted]
    number = params.integer("message_id") or (pinned[-1].id if pinned else 0)
    message = world.message(chat, number, "to unpin")
    message.pinned = False
    world.change(message)
    return True


def _check_pinning(chat: StoredChat) -> None:
    if chat.type != "private" and chat.bot != "administrator":
        raise bad_request("not enough rights to manage pinned messages in the chat")
