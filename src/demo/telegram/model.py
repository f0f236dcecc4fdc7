"""What the emulator remembers: accounts, chats, topics and messages. Changed by `world` only."""

from dataclasses import dataclass, field
from typing import Literal

from src.demo.telegram.entities import Entity
from src.demo.telegram.keyboards import Keyboard

ChatType = Literal["private", "group", "supergroup"]
Status = Literal["creator", "administrator", "member", "left", "kicked"]
PRESENT: tuple[Status, ...] = ("creator", "administrator", "member")
# The colour that clients give a topic when nobody chooses one (createForumTopic, icon_color).
TOPIC_COLOUR = 0x6FB9F0


@dataclass(frozen=True, slots=True)
class Account:
    """A person or the bot."""

    id: int
    first_name: str
    username: str | None = None
    language: str | None = None
    is_bot: bool = False


@dataclass(slots=True)
class StoredTopic:
    """A topic of a forum; its id is the message that opened it."""

    id: int
    name: str
    colour: int = TOPIC_COLOUR
    closed: bool = False
    deleted: bool = False


@dataclass(slots=True)
class StoredMessage:
    """A message as the server keeps it; `service` holds the wire fields of a service message."""

    id: int
    chat_id: int
    sender: Account
    date: float
    revision: int
    posted_as: str | None = None  # the group's title where an administrator hides behind it: bots see the group
    text: str = ""
    entities: tuple[Entity, ...] = ()
    keyboard: Keyboard = ()
    markup: dict[str, object] | None = None
    topic_id: int | None = None
    reply_to: int | None = None
    quote: str | None = None
    quote_entities: tuple[Entity, ...] = ()
    quote_position: int = 0
    preview: dict[str, object] | None = None
    silent: bool = False
    protected: bool = False
    pinned: bool = False
    edited_at: float | None = None
    deleted: bool = False
    reactions: tuple[str, ...] = ()
    service: dict[str, object] | None = None
    service_text: str = ""


@dataclass(slots=True)
class StoredChat:
    """A chat; in a private one `person` is the other side and `started` whether they ever wrote to the bot."""

    id: int
    type: ChatType
    title: str = ""
    is_forum: bool = False
    person: Account | None = None
    started: bool = False
    bot: Status = "member"
    members: dict[int, Status] = field(default_factory=dict)
    topics: dict[int, StoredTopic] = field(default_factory=dict)
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    last_message_id: int = 0
    migrated_to: int | None = None
    migrated_from: int | None = None
    allows_reactions: bool = True
