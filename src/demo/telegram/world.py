"""The state behind the Bot API: who there is, what was said, what the bot has yet to hear. No I/O."""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from src.demo.telegram.entities import Entity
from src.demo.telegram.errors import Refusal, bad_request, forbidden, too_many_requests
from src.demo.telegram.keyboards import Markup
from src.demo.telegram.limits import Limiter, Limits
from src.demo.telegram.model import PRESENT, Account, StoredChat, StoredMessage
from src.demo.telegram.signals import Signal
from src.demo.telegram.updates import UpdateQueue
from src.demo.telegram.wire import Json, message_json, user_json

# Ids as Telegram gives them: people's have long outgrown 32 bits.
_FIRST_PERSON = 7_100_000_001
_FIRST_GROUP = 4_700_000_001
_FIRST_SUPERGROUP = 1_002_100_000_001
# core.telegram.org/bots/api#deletemessage: "sent less than 48 hours ago".
DELETABLE_FOR = 48 * 3600
_NUMBER = re.compile(r"-?[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pressed button showed: no `text` is a silent answer, `show_alert` a window instead of a banner."""

    text: str | None = None
    show_alert: bool = False
    url: str | None = None


@dataclass(slots=True)
class Query:
    """A button press and, once it came, its answer."""

    id: str
    pressed_at: float
    answer: Answer | None = None


class World:
    """Chats, people and the bot. Everything that changes in it wakes whoever waits on `changed`."""

    def __init__(
        self,
        bot: Account,
        *,
        now: Callable[[], float],
        limits: Limits | None,
        reads_groups: bool,
        callback_ttl: float,
    ) -> None:
        self.bot = bot
        self.now = now
        self.reads_groups = reads_groups
        self.callback_ttl = callback_ttl
        self.queue = UpdateQueue(first_id=int(now()) % 1_000_000_000 + 1)
        self.changed = Signal()
        self.people: dict[int, Account] = {bot.id: bot}
        self.chats: dict[int, StoredChat] = {}
        self.queries: dict[str, Query] = {}
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.about: dict[tuple[str, str], str] = {}
        self.dropped: list[str] = []
        self.revision = 0
        self._limiter = Limiter(limits) if limits is not None else None
        self._shared_ids = itertools.count(1)
        self._query_ids = itertools.count(4_100_000_000_000_000_001)
        self._new_ids = {
            "person": itertools.count(_FIRST_PERSON),
            "group": itertools.count(_FIRST_GROUP),
            "supergroup": itertools.count(_FIRST_SUPERGROUP),
        }

    def touch(self) -> int:
        """The number of this change; those who wait look again."""
        self.revision += 1
        self.changed.fire()
        return self.revision

    def new_person(self, name: str, username: str | None, language: str | None) -> StoredChat:
        """A person and the private chat with the bot, which they have not opened yet."""
        account = Account(next(self._new_ids["person"]), name, username, language)
        self.people[account.id] = account
        chat = StoredChat(account.id, "private", person=account)
        self.chats[chat.id] = chat
        return chat

    def new_group(self, title: str, *, supergroup: bool, forum: bool) -> StoredChat:
        """An empty group without the bot."""
        kind = "supergroup" if supergroup or forum else "group"
        number = -next(self._new_ids[kind])
        chat = StoredChat(number, "supergroup" if kind == "supergroup" else "group", title, is_forum=forum, bot="left")
        self.chats[chat.id] = chat
        return chat

    def message_id(self, chat: StoredChat) -> int:
        """The next message's number: supergroups count by themselves, all other chats of a bot together."""
        if chat.type == "supergroup":
            chat.last_message_id += 1
        else:
            chat.last_message_id = next(self._shared_ids)
        return chat.last_message_id

    def chat(self, chat_id: str, *, write: bool = True) -> StoredChat:
        """The chat that a call names; raises Refusal when it is not there or closed to the bot.

        Args:
            chat_id: as it came over the wire.
            write: whether the call says something there.
        """
        if not chat_id:
            raise bad_request("chat_id is empty")
        chat = self.chats.get(int(chat_id)) if _NUMBER.fullmatch(chat_id) else None
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
        reason = self._closed(chat, write=write)
        if reason is not None:
            raise reason
        return chat

    def _closed(self, chat: StoredChat, *, write: bool) -> Refusal | None:
        if chat.type == "private":
            if not write:
                return None if chat.started else bad_request("chat not found")
            if not chat.started:
                return forbidden("bot can't initiate conversation with a user")
            return forbidden("bot was blocked by the user") if chat.bot == "kicked" else None
        if chat.bot == "kicked":
            return forbidden(f"bot was kicked from the {chat.type} chat")
        return forbidden(f"bot is not a member of the {chat.type} chat") if chat.bot == "left" else None

    def message(self, chat: StoredChat, message_id: int, what: str) -> StoredMessage:
        """A message that is still there; `what` completes "message ... not found"."""
        message = chat.messages.get(message_id)
        if message is None or message.deleted:
            raise bad_request(f"message {what} not found")
        return message

    def pace(self, chat: StoredChat) -> None:
        """Counts a message or an edit; raises Refusal 429 when it is one too many."""
        wait = self._limiter.take(chat.id, self.now()) if self._limiter is not None else 0
        if wait:
            raise too_many_requests(wait)

    def post(self, chat: StoredChat, sender: Account, text: str, entities: Sequence[Entity] = ()) -> StoredMessage:
        """A new message, shown to everyone in the chat; the bot is told by `hear`."""
        message = StoredMessage(
            self.message_id(chat), chat.id, sender, self.now(), self.touch(), text=text, entities=tuple(entities)
        )
        chat.messages[message.id] = message
        return message

    def service(self, chat: StoredChat, sender: Account, text: str, fields: Json) -> StoredMessage:
        """A service message, which every bot in the chat hears; `text` is what people read."""
        message = self.post(chat, sender, "")
        message.service, message.service_text = fields, text
        if chat.bot in PRESENT:
            self.queue.add("message", self.json(message))
        return message

    def change(self, message: StoredMessage) -> None:
        """Marks that something about a message is different now."""
        message.revision = self.touch()

    def rewrite(self, message: StoredMessage, text: str, entities: Sequence[Entity]) -> None:
        """Another text in the same place."""
        message.text, message.entities, message.edited_at = text, tuple(entities), self.now()
        self.change(message)

    def set_markup(self, message: StoredMessage, markup: Markup) -> None:
        """Another keyboard, or none."""
        message.keyboard, message.markup = markup.keyboard, markup.wire
        self.change(message)

    def delete(self, message: StoredMessage) -> None:
        """Gone for everyone; bots are not told when people delete."""
        message.deleted = True
        self.change(message)

    def hear(self, message: StoredMessage, kind: str = "message") -> None:
        """Tells the bot of a person's message, if it may hear it."""
        chat = self.chats[message.chat_id]
        if chat.bot in PRESENT and self._reaches_bot(chat, message):
            self.queue.add(kind, self.json(message))

    def _reaches_bot(self, chat: StoredChat, message: StoredMessage) -> bool:
        """In groups a bot in privacy mode hears commands and replies to itself (bots/features#privacy-mode)."""
        if chat.type == "private" or chat.bot == "administrator" or self.reads_groups:
            return True
        replied = chat.messages.get(message.reply_to or 0)
        if replied is not None and replied.sender.id == self.bot.id:
            return True
        command = message.text.split()[0] if message.text.startswith("/") else ""
        addressee = command.partition("@")[2].lower()
        return bool(command) and addressee in ("", (self.bot.username or "").lower())

    def press(self, chat: StoredChat, person: Account, message: StoredMessage, data: str) -> Query:
        """A button press: the bot gets a callback query."""
        query = Query(str(next(self._query_ids)), self.now())
        self.queries[query.id] = query
        payload: Json = {"id": query.id, "from": user_json(person), "message": self.json(message), "data": data}
        self.queue.add("callback_query", {**payload, "chat_instance": str(abs(chat.id) * 31)})
        return query

    def answer(self, query_id: str, answer: Answer) -> None:
        """The bot's answer to a press; only the first is shown. Raises Refusal when it comes too late."""
        query = self.queries.get(query_id)
        if query is None or self.now() - query.pressed_at > self.callback_ttl:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if query.answer is None:
            query.answer = answer
            self.touch()

    def json(self, message: StoredMessage) -> Json:
        """The message on the wire."""
        return message_json(message, self.chats[message.chat_id], self.people)

    def known(self, entities: Sequence[Entity]) -> tuple[Entity, ...]:
        """Mentions of people whom nobody knows stay plain words."""
        return tuple(e for e in entities if e.user_id is None or e.user_id in self.people)

    def switch_language(self, account: Account, language: str) -> Account:
        """The same account with another language."""
        self.people[account.id] = changed = replace(account, language=language)
        return changed
