"""Chats, topics and groups as people see them and run them."""
# ruff: noqa: ASYNC109 - a wait that fails says what was there instead, which asyncio.timeout around it could not

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from src.demo.telegram import membership
from src.demo.telegram.model import PRESENT, Account, StoredChat, StoredMessage, StoredTopic
from src.demo.telegram.transcript import transcript
from src.demo.telegram.views import Message, view
from src.demo.telegram.world import World

if TYPE_CHECKING:
    from src.demo.telegram.driver import Person


class Chat:
    """A chat, or a topic of it, to read."""

    def __init__(self, world: World, stored: StoredChat, topic: StoredTopic | None = None) -> None:
        self._world = world
        self._stored = stored
        self._topic = topic

    @property
    def id(self) -> int:
        """The number that the bot knows it by; a group's changes when it migrates."""
        return self._stored.id

    @property
    def topic_id(self) -> int | None:
        """The topic's number, `None` for a whole chat."""
        return self._topic.id if self._topic is not None else None

    @property
    def title(self) -> str:
        """A person's name, or the group's, with the topic's."""
        stored = self._stored
        name = stored.person.first_name if stored.person is not None else stored.title
        return f"{name} · {self._topic.name}" if self._topic is not None else name

    def messages(self, *, deleted: bool = False) -> list[Message]:
        """Oldest first, with those from before a migration; deleted ones only when asked for."""
        return [view(message) for message in self._kept() if deleted or not message.deleted]

    @property
    def last(self) -> Message:
        """The newest message that is there; LookupError when the chat is empty."""
        messages = self.messages()
        if not messages:
            raise LookupError(f"nobody has written in {self.title} yet")
        return messages[-1]

    def current(self, message: Message) -> Message:
        """The same message as it is now, deleted or not; LookupError when it is not of this chat."""
        found = next((m for m in self._kept() if (m.chat_id, m.id) == (message.chat_id, message.id)), None)
        if found is None:
            raise LookupError(f"message {message.id} is not in {self.title}")
        return view(found)

    def mark(self) -> int:
        """This moment, for `wait_for(..., since=)`."""
        return self._world.revision

    async def wait_for(
        self,
        predicate: Callable[[Message], bool] = lambda message: message.from_bot,
        timeout: float = 20,
        since: int = 0,
    ) -> Message:
        """The newest message that fits, new or changed after the mark, as soon as there is one.

        Raises TimeoutError, with the chat as it stands then, after `timeout` seconds.
        """

        def look() -> Message | None:
            return next((m for m in reversed(self.messages()) if m.revision > since and predicate(m)), None)

        return await self._until(look, timeout, "no message that fits")

    async def wait_deleted(self, message: Message, timeout: float = 20) -> Message:
        """The message once it is deleted; raises TimeoutError."""

        def look() -> Message | None:
            now = self.current(message)
            return now if now.deleted else None

        return await self._until(look, timeout, f"message {message.id} is still there")

    async def _until(self, look: Callable[[], Message | None], seconds: float, problem: str) -> Message:
        try:
            return await self._world.changed.until(look, seconds)
        except TimeoutError:
            raise TimeoutError(f"{problem} after {seconds} s:\n{self.transcript()}") from None

    def transcript(self, width: int = 60, *, expand: bool = False) -> str:
        """The chat in plain text as people see it in a window of so many columns."""
        return transcript(self.title, self.messages(deleted=True), width, expand=expand)

    def _kept(self) -> list[StoredMessage]:
        chat, found = self._stored, list(self._stored.messages.values())
        while chat.migrated_from is not None:
            chat = self._world.chats[chat.migrated_from]
            found = [*chat.messages.values(), *found]

        return [
            message for message in found if (message.service is None or message.service_text) and self._shows(message)
        ]

    def _shows(self, message: StoredMessage) -> bool:
        return self._topic is None or message.topic_id == self._topic.id


class General(Chat):
    """What stands in a forum outside its topics."""

    def _shows(self, message: StoredMessage) -> bool:
        return message.topic_id is None


class Topic(Chat):
    """A topic of a forum."""

    def __init__(self, world: World, stored: StoredChat, topic: StoredTopic, owner: Account) -> None:
        super().__init__(world, stored, topic)
        self._opened = topic
        self._owner = owner

    @property
    def name(self) -> str:
        """The topic's own, without the group's."""
        return self._opened.name

    @property
    def closed(self) -> bool:
        """Whether only administrators may write."""
        return self._opened.closed

    def close(self) -> None:
        """Only administrators may write now."""
        membership.close_topic(self._world, self._stored, self._opened, self._owner, closed=True)

    def reopen(self) -> None:
        """Everyone may write again."""
        membership.close_topic(self._world, self._stored, self._opened, self._owner, closed=False)

    def delete(self) -> None:
        """Gone, with all that was written in it."""
        membership.delete_topic(self._world, self._stored, self._opened)


class Group(Chat):
    """A group, basic or super, run by its first administrator (or member)."""

    def __init__(self, world: World, stored: StoredChat, members: Sequence["Person"]) -> None:
        super().__init__(world, stored)
        self._members = list(members)

    @property
    def members(self) -> tuple["Person", ...]:
        """Who is in it now, without the bot."""
        return tuple(self._members)

    @property
    def owner(self) -> "Person":
        """Who does what no one else is named for; LookupError in a group without people."""
        if not self._members:
            raise LookupError(f"{self.title} has no members")
        roles = self._stored.members
        return next((p for p in self._members if roles[p.id] == "creator"), self._members[0])

    @property
    def general(self) -> Chat:
        """What stands outside the topics."""
        return General(self._world, self._stored)

    def topic(self, name: str) -> Topic:
        """Opens a topic; ValueError where the group is no forum."""
        if not self._stored.is_forum:
            raise ValueError(f"{self.title} is no forum: make it with forum=True")
        owner = self.owner.account
        return Topic(self._world, self._stored, membership.open_topic(self._world, self._stored, name, owner), owner)

    def topic_of(self, topic_id: int) -> Topic:
        """A topic by its number, such as one that the bot opened; KeyError when it is not there."""
        return Topic(self._world, self._stored, self._stored.topics[topic_id], self.owner.account)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Those that are there, the oldest first."""
        there = (topic for topic in self._stored.topics.values() if not topic.deleted)
        return tuple(Topic(self._world, self._stored, topic, self.owner.account) for topic in there)

    @property
    def has_bot(self) -> bool:
        """Whether the bot is in it."""
        return self._stored.bot in PRESENT

    def add(self, person: "Person") -> None:
        """A person joins."""
        if person not in self._members:
            self._members.append(person)
            membership.join(self._world, self._stored, person.account)

    def remove(self, person: "Person") -> None:
        """A person leaves."""
        self._members.remove(person)
        membership.leave(self._world, self._stored, person.account)

    def add_bot(self, *, admin: bool = False) -> None:
        """The owner adds the bot, or makes it an administrator when it is there."""
        membership.add_bot(self._world, self._stored, self.owner.account, admin=admin)

    def promote_bot(self) -> None:
        """The bot becomes an administrator with all rights."""
        membership.set_bot(self._world, self._stored, "administrator", self.owner.account)

    def demote_bot(self) -> None:
        """The bot becomes a plain member again."""
        membership.set_bot(self._world, self._stored, "member", self.owner.account)

    def kick_bot(self) -> None:
        """The owner throws the bot out."""
        membership.remove_bot(self._world, self._stored, self.owner.account)

    def forbid_reactions(self) -> None:
        """Nobody may set one any more."""
        self._stored.allows_reactions = False

    def migrate(self) -> "Group":
        """Becomes a supergroup: `id` is another one from now on, the old one answers with it. Returns itself."""
        if self._stored.type != "group":
            raise ValueError(f"{self.title} is a supergroup already")
        self._stored = membership.migrate(self._world, self._stored, self.owner.account)
        return self
