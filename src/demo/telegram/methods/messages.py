"""Sending, editing and deleting messages (core.telegram.org/bots/api#sendmessage, #updating-messages)."""

from src.demo.telegram.autolinks import with_found
from src.demo.telegram.entities import Formatted, from_json, tidy, units
from src.demo.telegram.errors import bad_request
from src.demo.telegram.html_mode import parse_html
from src.demo.telegram.keyboards import Markup, read_markup, same_keyboard
from src.demo.telegram.methods.registry import method
from src.demo.telegram.model import StoredChat, StoredMessage
from src.demo.telegram.params import Params
from src.demo.telegram.world import DELETABLE_FOR, World

# "1-4096 characters after entities parsing".
MAX_TEXT = 4096
MAX_DELETED = 100


@method("sendMessage")
async def send_message(world: World, params: Params) -> object:
    """A new text message; the answer is the Message."""
    text = _text(world, params, too_long="message is too long")
    markup = _markup(params, inline_only=False)
    chat = world.chat(params.text("chat_id"))
    topic_id = _topic(chat, params)
    replied = _replied(chat, params)
    if replied is not None and topic_id is None:
        topic_id = replied.topic_id
    world.pace(chat)
    message = world.post(chat, world.bot, text.text, text.entities)
    message.topic_id = topic_id
    message.reply_to = replied.id if replied is not None else None
    message.quote = _quote(params)
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
    """Another keyboard, or none, under the same text."""
    markup = _markup(params, inline_only=True)
    message = _own_message(world, params)
    if same_keyboard(message.markup, markup.wire):
        raise _not_modified()
    world.pace(world.chats[message.chat_id])
    message.edited_at = world.now()
    world.set_markup(message, markup)
    return world.json(message)


@method("deleteMessage")
async def delete_message(world: World, params: Params) -> object:
    """Deletes the bot's own message, in a private chat also the person's, as administrator anybody's."""
    chat = world.chat(params.text("chat_id"), write=False)
    message = world.message(chat, params.integer("message_id"), "to delete")
    if not _deletable(world, chat, message):
        raise bad_request("message can't be deleted for everyone")
    world.delete(message)
    return True


@method("deleteMessages")
async def delete_messages(world: World, params: Params) -> object:
    """Deletes 1-100 messages; those that are not there are passed over."""
    chat = world.chat(params.text("chat_id"), write=False)
    numbers = params.numbers("message_ids")
    if not numbers:
        raise bad_request("message identifiers are not specified")
    if len(numbers) > MAX_DELETED:
        raise bad_request("too many message identifiers specified")
    found = [chat.messages[number] for number in numbers if number in chat.messages]
    for message in found:
        if not message.deleted and _deletable(world, chat, message):
            world.delete(message)
    return True


def _text(world: World, params: Params, *, too_long: str) -> Formatted:
    source = params.text("text")
    if not source:
        raise bad_request("message text is empty")
    text = _formatted(params, source)
    entities = world.known(text.entities)
    kept = Formatted(text.text, with_found(text.text, entities), text.dropped)
    if units(kept.text) > MAX_TEXT:
        raise bad_request(too_long)
    world.dropped.extend(kept.dropped)
    return kept


def _formatted(params: Params, source: str) -> Formatted:
    """A parse mode, when there is one, is used instead of `entities`."""
    mode = params.text("parse_mode").lower()
    if mode == "html":
        plain, entities, lost = parse_html(source)
        kept = tidy(plain, entities)
        return Formatted(kept.text, kept.entities, (*lost, *kept.dropped))
    if mode in ("markdown", "markdownv2"):
        raise bad_request("this emulator reads no Markdown: send HTML or entities")
    if mode not in ("", "none"):
        raise bad_request("unsupported parse_mode")
    raw = params.text("entities")
    return tidy(source, from_json(raw) if raw else ())


def _markup(params: Params, *, inline_only: bool) -> Markup:
    value = params.json_object("reply_markup", "reply keyboard markup")
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


def _replied(chat: StoredChat, params: Params) -> StoredMessage | None:
    reply = params.json_object("reply_parameters", "reply parameters") or {}
    number = reply.get("message_id", params.integer("reply_to_message_id"))
    if not isinstance(number, int):
        raise bad_request('can\'t parse reply parameters: Field "message_id" must be of type Number')
    if not number:
        return None
    message = chat.messages.get(number)
    if message is None or message.deleted:
        if reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")
    quote = reply.get("quote")
    if isinstance(quote, str) and quote not in message.text:
        raise bad_request("QUOTE_TEXT_INVALID")
    return message


def _quote(params: Params) -> str | None:
    quote = (params.json_object("reply_parameters", "reply parameters") or {}).get("quote")
    return quote if isinstance(quote, str) and quote else None


def _own_message(world: World, params: Params) -> StoredMessage:
    if params.has("inline_message_id"):
        raise bad_request("message to edit not found")
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


def _deletable(world: World, chat: StoredChat, message: StoredMessage) -> bool:
    if message.service is not None and "forum_topic_created" in message.service:
        return False
    if world.now() - message.date > DELETABLE_FOR:
        return False
    return chat.type == "private" or chat.bot == "administrator" or message.sender.id == world.bot.id
