"""The emulator as a whole: the Bot API on loopback and the people who use the bot."""

import time
from collections.abc import Callable, Hashable, Sequence
from types import TracebackType
from typing import Self

from src.demo.telegram import membership
from src.demo.telegram.driver import Person
from src.demo.telegram.limits import Limits
from src.demo.telegram.model import Account, StoredChat
from src.demo.telegram.rooms import Group
from src.demo.telegram.server import TOKEN, TelegramServer, Validator
from src.demo.telegram.views import Message, view
from src.demo.telegram.webhook import deliver
from src.demo.telegram.world import World

DEMO_TOKEN = "42:DEMO-token-that-opens-nothing"


class TelegramEmulator:
    """`async with TelegramEmulator() as tg:` a bot sets its API server to `tg.url`; people come from `tg.person`.

    Args:
        token: the only one that is let in; the bot's id stands before the colon.
        bot_name: shown above its messages.
        bot_username: without @.
        limits: how fast the bot may send, `None` for as fast as it likes.
        now: Unix time in seconds.
        validate: looks at every call's method and form; what it finds stands in `server.violations`.
        port: 0 takes a free one.
        reads_groups: whether privacy mode is off, so that the bot hears everything in groups.
        callback_ttl: seconds in which a button press can be answered.
    """

    def __init__(
        self,
        token: str = DEMO_TOKEN,
        *,
        bot_name: str = "Git Assistant",
        bot_username: str = "git_assistant_bot",
        limits: Limits | None = Limits(),  # noqa: B008 (frozen)
        now: Callable[[], float] = time.time,
        validate: Validator | None = None,
        port: int = 0,
        reads_groups: bool = False,
        callback_ttl: float = 15,
    ) -> None:
        if not TOKEN.fullmatch(token):
            raise ValueError("a bot token is a number, a colon and letters, such as 42:DEMO")
        self.token = token
        bot = Account(int(token.partition(":")[0]), bot_name, bot_username, is_bot=True)
        self._world = World(bot, now=now, limits=limits, reads_groups=reads_groups, callback_ttl=callback_ttl)
        self.server = TelegramServer(self._world, token, validate=validate, port=port)
        self.people: list[Person] = []
        self.groups: list[Group] = []

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.close()

    @property
    def bot(self) -> Account:
        """The bot's own account."""
        return self._world.bot

    @property
    def url(self) -> str:
        """Where the Bot API listens: `http://127.0.0.1:PORT`."""
        return self.server.url

    def person(
        self, name: str, *, username: str | None = None, language: str | None = "en", started: bool = False
    ) -> Person:
        """Somebody new. `started`: they wrote to the bot long ago, so that it may write to them."""
        stored = self._world.new_person(name, username, language)
        stored.started = started
        person = Person(self._world, stored, self._world.people[stored.id])
        self.people.append(person)
        return person

    def group(
        self,
        title: str,
        *,
        members: Sequence[Person] = (),
        admins: Sequence[Person] = (),
        forum: bool = False,
        supergroup: bool = False,
        bot_admin: bool = False,
        with_bot: bool = True,
    ) -> Group:
        """A group with the bot in it, made by the first administrator, else the first member.

        The bot hears of it (`my_chat_member` and a service message). A forum is always a supergroup.
        """
        everyone = list(dict.fromkeys([*admins, *members]))
        if not everyone:
            raise ValueError("a group needs somebody who makes it: members or admins")
        stored = self._world.new_group(title, supergroup=supergroup, forum=forum)
        for person in everyone:
            membership.set_member(
                self._world, stored, person.account, "administrator" if person in admins else "member"
            )
        stored.members[everyone[0].id] = "creator"
        group = Group(self._world, stored, everyone)
        if with_bot:
            group.add_bot(admin=bot_admin)
        self.groups.append(group)
        return group

    async def wait_change(self, since: int, seconds: float | None = 25) -> int:
        """The number of the newest change once it is above `since`; for pages that show chats live.

        Raises TimeoutError after so many seconds, with `None` never.
        """
        return await self._world.changed.until(
            lambda: self._world.revision if self._world.revision > since else None, seconds
        )

    @property
    def revision(self) -> int:
        """The number of the newest change."""
        return self._world.revision

    def changed_since(self, revision: int) -> list[Message]:
        """Messages of all chats that are new, changed or deleted since that change, in the order of their changes."""
        stored = (message for chat in self._world.chats.values() for message in chat.messages.values())
        changed = [message for message in stored if message.revision > revision]
        return [view(message) for message in sorted(changed, key=lambda message: message.revision)]

    def message(self, chat_id: int, message_id: int) -> Message | None:
        """A message as it is now, deleted or not."""
        chat = self._world.chats.get(chat_id)
        stored = chat.messages.get(message_id) if chat is not None else None
        return view(stored) if stored is not None else None

    def description(self, language: str | None) -> str:
        """What an empty chat with the bot shows to readers of this language."""
        about = self._world.about
        return about.get(("description", (language or "")[:2].lower())) or about.get(("description", ""), "")

    def standing(self) -> dict[int, Hashable]:
        """Of each chat, by its number, a value that differs once something but its messages does.

        That is who is in it, what it is called, its topics, the readers' languages and the commands they are offered.
        """
        commands = {
            scope: tuple((str(item["command"]), str(item["description"])) for item in items)
            for scope, items in self._world.commands.items()
        }
        people = tuple(self._world.people.values())
        return {chat.id: (_standing(chat), people, tuple(commands.items())) for chat in self._world.chats.values()}

    async def deliver(self) -> None:
        """Posts waiting updates to the bot's webhook, if it has one; what people do in chats does so by itself."""
        await deliver(self._world)


def _standing(chat: StoredChat) -> Hashable:
    topics = tuple((topic.id, topic.name, topic.closed, topic.deleted) for topic in chat.topics.values())
    return chat.title, chat.started, chat.bot, tuple(chat.members.items()), topics
