"""People who write to the bot and press its buttons."""
# ruff: noqa: ASYNC109 - a wait that fails says what was there instead, which asyncio.timeout around it could not

from collections.abc import Sequence

from src.demo.telegram import membership
from src.demo.telegram.autolinks import with_found
from src.demo.telegram.commands import Command, offered
from src.demo.telegram.entities import Entity, units
from src.demo.telegram.keyboards import Button
from src.demo.telegram.model import PRESENT, Account, StoredChat, StoredMessage
from src.demo.telegram.rooms import Chat
from src.demo.telegram.views import Message, view
from src.demo.telegram.webhook import deliver
from src.demo.telegram.world import Answer, Query, World

# What clients let a person write in one message.
MAX_WRITTEN = 4096


class Person:
    """Somebody with Telegram. What they do reaches the bot as updates."""

    def __init__(self, world: World, stored: StoredChat, account: Account) -> None:
        self._world = world
        self._stored = stored
        self._id = account.id
        self.private = PrivateChat(world, stored)

    @property
    def account(self) -> Account:
        """As the server knows them."""
        return self._world.people[self._id]

    @property
    def id(self) -> int:
        """The user id, which is also the private chat's."""
        return self._id

    @property
    def name(self) -> str:
        """The first name, shown above their messages."""
        return self.account.first_name

    @property
    def username(self) -> str | None:
        """Without @."""
        return self.account.username

    @property
    def language(self) -> str | None:
        """The client's language, as `language_code` tells it."""
        return self.account.language

    def switch_language(self, language: str) -> None:
        """Another language in the client."""
        self._stored.person = self._world.switch_language(self.account, language)

    async def send(
        self,
        text: str,
        in_: Chat | None = None,
        reply_to: Message | None = None,
        entities: Sequence[Entity] = (),
        *,
        anonymous: bool = False,
    ) -> Message:
        """Writes in a chat or topic, in the private chat by default; commands and links carry entities as in clients.

        `anonymous`: as the group, which administrators of a supergroup may. Raises ValueError for what a client would
        not let them do.
        """
        chat = self._open(in_ or self.private)
        if not text.strip() or units(text) > MAX_WRITTEN:
            raise ValueError(f"a message has 1 to {MAX_WRITTEN} UTF-16 units, not {units(text)}")
        topic_id = in_.topic_id if in_ is not None else None
        self._check_topic(chat, topic_id)
        if anonymous and (chat.type != "supergroup" or chat.members[self._id] not in ("creator", "administrator")):
            raise ValueError(f"{self.name} may not write as {chat.title or 'a group'} here")
        chat.started = True
        message = self._world.post(chat, self.account, text, with_found(text, entities))
        message.topic_id = topic_id
        message.reply_to = reply_to.id if reply_to is not None else None
        message.posted_as = chat.title if anonymous else None
        self._world.hear(message)
        await deliver(self._world)
        return view(message)

    async def reply(self, message: Message, text: str) -> Message:
        """Answers a message where it stands."""
        return await self.send(text, self._place(message), reply_to=message)

    async def edit(self, message: Message, text: str) -> Message:
        """Writes an own message anew."""
        stored = self._own(message)
        self._world.rewrite(stored, text, with_found(text, ()))
        self._world.hear(stored, "edited_message")
        await deliver(self._world)
        return view(stored)

    async def delete(self, message: Message) -> None:
        """Deletes an own message for everyone, in the private chat any; bots are not told."""
        private = message.chat_id == self._id
        stored = self._world.chats[message.chat_id].messages[message.id] if private else self._own(message)
        self._world.delete(stored)

    def commands(self, in_: Chat | None = None) -> tuple[Command, ...]:
        """The menu that the bot set for this person in this chat, by default the private one."""
        chat = self._world.chats[(in_ or self.private).id]
        return offered(self._world.commands, chat, self.account)

    def is_admin(self, in_: Chat) -> bool:
        """Whether the person runs this group."""
        return self._world.chats[in_.id].members.get(self._id) in ("creator", "administrator")

    def is_member(self, in_: Chat) -> bool:
        """Whether the person is in this group, or it is their private chat."""
        chat = self._world.chats[in_.id]
        return chat.id == self._id or chat.members.get(self._id) in PRESENT

    async def press(
        self,
        button: str | tuple[int, int] | None = None,
        *,
        data: str | None = None,
        in_: Chat | None = None,
        on: Message | None = None,
        timeout: float = 20,
    ) -> Answer:
        """Presses a button and returns what it showed.

        Args:
            button: its label, whole or a part that no other has, or (row, column) from 0.
            data: its callback data instead.
            in_: where to look for the newest message with a keyboard; the private chat by default.
            on: the message; an older view of it has the keyboard of that time, which is still pressable.
            timeout: seconds to wait for the answer.

        Raises LookupError when there is no such button, TimeoutError when the bot does not answer. A button that
        opens an address answers with that `url` by itself: the bot hears nothing.
        """
        seen = on if on is not None else self._newest_keyboard(in_ or self.private)
        chat = self._open(self._place(seen))
        stored = chat.messages[seen.id]
        if stored.deleted:
            raise LookupError(f"message {seen.id} is deleted")
        chosen = _choose(seen, button, data)
        if chosen.url is not None:
            return Answer(url=chosen.url)
        if chosen.data is None:
            raise LookupError(f"the button {chosen.text!r} sends nothing to the bot")
        query = self._world.press(chat, self.account, stored, chosen.data)
        await deliver(self._world)
        return await self._answered(query, chosen, timeout)

    def block(self) -> None:
        """Blocks the bot: it may not write any more."""
        membership.set_bot(self._world, self._stored, "kicked", self.account)

    def unblock(self) -> None:
        """Lets the bot write again."""
        membership.set_bot(self._world, self._stored, "member", self.account)

    async def _answered(self, query: Query, button: Button, seconds: float) -> Answer:
        try:
            return await self._world.changed.until(lambda: query.answer, seconds)
        except TimeoutError:
            raise TimeoutError(f"the bot did not answer the press on {button.text!r} within {seconds} s") from None

    def _open(self, place: Chat) -> StoredChat:
        chat = self._world.chats[place.id]
        if chat.type == "private":
            if chat.id != self._id:
                raise ValueError(f"{place.title} is not {self.name}'s private chat")
            if chat.bot == "kicked":
                raise ValueError(f"{self.name} has blocked the bot: unblock() first")
        elif chat.members.get(self._id) not in PRESENT:
            raise ValueError(f"{self.name} is not a member of {place.title}")
        return chat

    def _check_topic(self, chat: StoredChat, topic_id: int | None) -> None:
        topic = chat.topics.get(topic_id or 0)
        if topic is None:
            return
        if topic.deleted or (topic.closed and chat.members[self._id] == "member"):
            raise ValueError(f"the topic {topic.name} is {'deleted' if topic.deleted else 'closed'}")

    def _place(self, message: Message) -> Chat:
        chat = self._world.chats[message.chat_id]
        return Chat(self._world, chat, chat.topics.get(message.topic_id or 0))

    def _own(self, message: Message) -> StoredMessage:
        stored = self._world.chats[message.chat_id].messages[message.id]
        if stored.sender.id != self._id:
            raise ValueError(f"message {message.id} is {stored.sender.first_name}'s, not {self.name}'s")
        return stored

    def _newest_keyboard(self, place: Chat) -> Message:
        found = next((m for m in reversed(place.messages()) if m.keyboard), None)
        if found is None:
            raise LookupError(f"no message with buttons:\n{place.transcript()}")
        return found


class PrivateChat(Chat):
    """A person's chat with the bot."""

    @property
    def started(self) -> bool:
        """Whether the person ever wrote to the bot."""
        return self._stored.started

    @property
    def blocked(self) -> bool:
        """Whether the bot is blocked."""
        return self._stored.bot == "kicked"


def _choose(message: Message, button: str | tuple[int, int] | None, data: str | None) -> Button:
    if isinstance(button, tuple):
        row, column = button
        if row < len(message.keyboard) and column < len(message.keyboard[row]):
            return message.keyboard[row][column]
        found: list[Button] = []
    elif data is not None:
        found = [b for b in message.buttons if b.data == data]
    else:
        whole = [b for b in message.buttons if b.text == button]
        found = whole or [b for b in message.buttons if button is not None and button in b.text]
    if len(found) != 1:
        wanted = button if button is not None else data
        offered = " | ".join(b.text for b in message.buttons) or "none"
        raise LookupError(f"{len(found)} buttons fit {wanted!r} on message {message.id}; there are: {offered}")
    return found[0]
