"""Sending, editing and deleting messages (core.telegram.org/bots/api#sendmessage, #updating-messages)."""

from src.demo.telegram.autolinks import with_found
from src.demo.telegram.entities import Formatted
from src.demo.telegram.errors import bad_request
from src.demo.telegram.keyboards import Markup, read_markup, same_keyboard
from src.demo.telegram.methods.registry import method
from src.demo.telegram.methods.replies import read_reply
from src.demo.telegram.methods.texts import formatted
from src.demo.telegram.model import StoredChat, StoredMessage
from src.demo.telegram.params import Params
from src.demo.telegram.world import DELETABLE_FOR, World

# "1-4096 characters after entities parsing": code points, unlike the offsets of entities (TDLib: utf8_length).
MAX_TEXT = 4096
MAX_DELETED = 100


@method("sendMessage")
async def send_message(world: World, params: Params) -> object:
    """A new text message; the answer is the Message."""
    text = _text(world, params, too_long="message is too long")
    markup = _markup(params, inline_only=False)
    chat = world.chat(params.text("chat_id"))
    topic_id = _topic(chat, params)
    reply = read_reply(chat, params)
    if reply.message is not None and topic_id is None:
        topic_id = reply.message.topic_id
    world.pace(chat)
    message = world.post(chat, world.bot, text.text, text.entities)
    message.topic_id = topic_id
    message.reply_to = reply.message.id if reply.message is not None else None
    if reply.quote is not None:
        message.quote, message.quote_entities = reply.quote.text, reply.quote.entities
        message.quote_position = reply.quote.position
    message.silent = params.flag("disable_notification")
    message.protected = params.flag("protect_content")
    message.preview = params.json_object("link_preview_options", "link preview options")
    world.set_markup(message, markup)
    return world.json(message)


@method("editMessageText")
async def edit_message_text(world: World, params: Params) -> object:
    """Another text and keyboard in the same message; a keyboard that is not sent again is gone."""
    text = _text(world, params, too_long="MESSAGE_TOO_LONG")
    markup = _markup(params, inline_only=True)
    message = _own_message(world, params)
    if message.service is not None:
        raise bad_request("message can't be edited")
    preview = params.json_object("link_preview_options", "link preview options")
    same = (message.text, message.entities) == (text.text, text.entities)
    if same and same_keyboard(message.markup, markup.wire):
        raise _not_modified()
    world.pace(world.chats[message.chat_id])
    message.preview = preview
    world.rewrite(message, text.text, text.entities)
    world.set_markup(message, markup)
    return world.json(message)


@method("editMessageReplyMarkup")
async def edit_message_reply_markup(world: World, params: Params) -> object:
    """Another keyboard, or none, under the same text, which does not count as edited: people see no mark."""
    markup = _markup(params, inline_only=True)
    message = _own_message(world, params)
    if same_keyboard(message.markup, markup.wire):
        raise _not_modified()
    world.pace(world.chats[message.chat_id])
    world.set_markup(message, markup)
    return world.json(message)


@method("deleteMessage")
async def delete_message(world: World, params: Params) -> object:
    """Deletes the bot's own message, in a private chat also the person's, as administrator anybody's."""
    for name, what in (("chat_id", "chat"), ("message_id", "message")):
        if not params.has(name):
            raise bad_request(f"{what} identifier is not specified")
    chat = world.chat(params.text("chat_id"), write=False)
    message = world.message(chat, params.integer("message_id"), "to delete")
    if not _deletable(world, chat, message):
        raise _not_deletable()
    world.delete(message)
    return True


@method("deleteMessages")
async def delete_messages(world: World, params: Params) -> object:
    """Deletes 1-100 messages, all or none; those that are not there are passed over."""
    chat = world.chat(params.text("chat_id"), write=False)
    numbers = params.numbers("message_ids")
    if not numbers:
        raise bad_request("message identifiers are not specified")
    if len(numbers) > MAX_DELETED:
        raise bad_request("too many message identifiers specified")
    found = [chat.messages[number] for number in numbers if number in chat.messages]
    found = [message for message in found if not message.deleted]
    if not all(_deletable(world, chat, message) for message in found):
        raise _not_deletable()
    for message in found:
        world.delete(message)
    return True


def _text(world: World, params: Params, *, too_long: str) -> Formatted:
    source = params.text("text")
    if not source:
        raise bad_request("message text is empty")
    text = formatted(source, params.text("parse_mode"), params.text("entities"))
    entities = world.known(text.entities)
    kept = Formatted(text.text, with_found(text.text, entities), text.dropped)
    if len(kept.text) > MAX_TEXT:
        raise bad_request(too_long)
    world.dropped.extend(kept.dropped)
    return kept


def _markup(params: Params, *, inline_only: bool) -> Markup:
    value = params.json("reply_markup", "reply keyboard markup")
    if value is not None and not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    return read_markup(value, params.text("reply_markup"), inline_only=inline_only)


def _topic(chat: StoredChat, params: Params) -> int | None:
    """The topic to write to; the general one has no number to name it by."""
    number = params.integer("message_thread_id")
    if not number:
        return None
    topic = chat.topics.get(number)
    if topic is None or topic.deleted:
        raise bad_request("message thread not found")
    if topic.closed and chat.bot != "administrator":
        raise bad_request("TOPIC_CLOSED")
    return number


def _own_message(world: World, params: Params) -> StoredMessage:
    if params.has("inline_message_id"):
        raise bad_request("message to edit not found")
    if not params.has("chat_id") and not params.has("message_id"):
        raise bad_request("message identifier is not specified")
    chat = world.chat(params.text("chat_id"))
    message = world.message(chat, params.integer("message_id"), "to edit")
    if message.sender.id != world.bot.id:
        raise bad_request("message can't be edited")
    return message


def _not_modified() -> Exception:
    return bad_request(
        "message is not modified: specified new message content and reply markup are exactly the same as a current "
        "content and reply markup of the message"
    )


def _not_deletable() -> Exception:
    return bad_request("message can't be deleted for everyone")


def _deletable(world: World, chat: StoredChat, message: StoredMessage) -> bool:
    if message.service is not None and "forum_topic_created" in message.service:
        return False
    if world.now() - message.date > DELETABLE_FOR:
        return False
    return chat.type == "private" or chat.bot == "administrator" or message.sender.id == world.bot.id
