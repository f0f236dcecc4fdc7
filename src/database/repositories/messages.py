"""The outbox: events on their way to recipients, in order within each chat."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    String,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from src.database.literally import stands
from src.database.models import Chat, Forge, Message, Project, Sent, StoredEvent, UtcDateTime
from src.database.upsert import as_rows, insert_if_new, rows
from src.database.wakeup import MESSAGES, announce
from src.events import Event

UNFINISHED = ("new", "sending")
# Why a message is given up while it waits. One that is being sent meanwhile bears it, too, and is not queued again.
WITHDRAWN = ("muted", "unsubscribed", "blocked", "told in the supergroup")
Reasons = tuple[dict[str, Any], ...]  # {"reason": ..., "via": ...}

_ID_LENGTH = 64  # of what a forge calls a comment or a commit, as `sent` has it
_PART = 1_000  # ids in one statement: SQLite binds some thirty thousand values at most


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message with all that rendering and sending need."""

    message: Message
    chat: Chat
    event: StoredEvent
    forge_kind: str


class NewMessage(NamedTuple):
    """What one chat and topic is to be told of an event. A row for `upsert.rows`: there may be thousands."""

    chat_id: int
    topic_id: int
    subscription_id: int
    reasons: Reasons
    level: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a chat and topic was, or is about to be, told."""

    id: int
    chat_id: int
    topic_id: int
    reasons: Reasons


async def put(
    session: AsyncSession,
    new: Sequence[NewMessage],
    *,
    event_id: int,
    subject_key: str,
    coalesce_key: str | None,
    now: datetime,
) -> int:
    """Queue messages in their order, in one statement. How many: not where a chat and topic has one of this event."""
    if not new:
        return 0
    name = session.get_bind().dialect.name
    statement = _put.get(name)
    if statement is None:
        statement = _put[name] = _insert(session)
    given = {
        "rows": as_rows(new), "event_id": event_id, "subject_key": subject_key, "coalesce_key": coalesce_key, "now": now
    }  # fmt: skip
    connection = await session.connection()
    done = await connection.execute(statement, given)
    if done.rowcount:
        await announce(session, MESSAGES)
    return int(done.rowcount)


_put: dict[str, Any] = {}  # by kind of database: making one takes longer than executing it


def _insert(session: AsyncSession) -> Any:
    types = {
        "chat_id": BigInteger,
        "topic_id": Integer,
        "subscription_id": BigInteger,
        "reasons": JSON,
        "level": String,
    }
    given, now = rows(session, types, []), bindparam("now", type_=UtcDateTime)
    values: dict[InstrumentedAttribute[Any], ColumnElement[Any]] = {
        Message.event_id: bindparam("event_id", type_=BigInteger),
        Message.chat_id: given["chat_id"],
        Message.topic_id: given["topic_id"],
        Message.subscription_id: given["subscription_id"],
        Message.op: literal("send"),
        Message.reasons: given["reasons"],
        Message.subject_key: bindparam("subject_key", type_=String),
        Message.coalesce_key: bindparam("coalesce_key", type_=String),
        Message.level: given["level"],
        Message.state: literal("new"),
        Message.not_before: now,
        Message.attempts: literal(0),
        Message.fence: literal(0),
        Message.created_at: now,
    }
    # The condition keeps SQLite from taking ON CONFLICT for that of a join.
    source = select(*values.values()).where(true())
    return insert_if_new(session, Message).from_select(list(values), source)


_TOLD = (
    select(Message.id, Message.chat_id, Message.topic_id, Message.reasons)
    .where(Message.coalesce_key == bindparam("key"), Message.state != "dead")
    .order_by(Message.id)
)


async def told(session: AsyncSession, *, coalesce_key: str) -> Sequence[Earlier]:
    """What chats and topics were, or are about to be, told under the same key, oldest first."""
    found = await session.execute(_TOLD, {"key": coalesce_key})
    return [Earlier(number, chat_id, topic_id, tuple(reasons)) for number, chat_id, topic_id, reasons in found]


_NEWER = (
    select(Message.chat_id, Message.topic_id)
    .join(StoredEvent, StoredEvent.id == Message.event_id)
    .where(
        Message.state != "dead",
        StoredEvent.project_id == bindparam("project_id"),
        StoredEvent.subject_key == bindparam("subject_key"),
        StoredEvent.aspect == bindparam("aspect"),
        StoredEvent.object_updated_at > bindparam("moment"),
    )
    .distinct()
)


async def overtaken(session: AsyncSession, event: Event, *, project_id: int) -> frozenset[tuple[int, int]]:
    """The chats and topics that were told something newer of the same subject and aspect."""
    if event.aspect is None or event.object_updated_at is None:
        return frozenset()
    given = {
        "project_id": project_id,
        "subject_key": event.subject.key[:320],
        "aspect": event.aspect,
        "moment": event.object_updated_at,
    }
    return frozenset((chat_id, topic_id) for chat_id, topic_id in await session.execute(_NEWER, given))


async def change_reasons(session: AsyncSession, ids: Sequence[int], reasons: Reasons) -> frozenset[int]:
    """Say these reasons in messages that have not left yet. Which those are."""
    changed: set[int] = set()
    for start in range(0, len(ids), _PART):
        changed.update(
            await session.scalars(
                update(Message)
                .where(Message.id.in_(ids[start : start + _PART]), Message.state == "new")
                .values(reasons=list(reasons))
                .returning(Message.id)
                .execution_options(synchronize_session=False)
            )
        )
    return frozenset(changed)


async def head(session: AsyncSession, chat_id: int, *, now: datetime) -> Outgoing | None:
    """The oldest unfinished message of a chat that may be spoken to; `None` where it is not due."""
    row = (await session.execute(_head(), {"chat_id": chat_id, "now": now})).one_or_none()
    return None if row is None else Outgoing(*row)


@cache  # making it takes longer than asking it
def _head() -> Select[Message, Chat, StoredEvent, str]:
    unfinished = (stands(Message.state, *UNFINISHED), Message.chat_id == bindparam("chat_id"))
    oldest = select(func.min(Message.id)).where(*unfinished).scalar_subquery()
    now = bindparam("now", type_=UtcDateTime)
    return (
        select(Message, Chat, StoredEvent, Forge.kind)
        .join(Chat, Chat.id == Message.chat_id)
        .join(StoredEvent, StoredEvent.id == Message.event_id)
        .join(Project, Project.id == StoredEvent.project_id)
        .join(Forge, Forge.id == Project.forge_id)
        .where(
            Message.id == oldest,
            Message.state == "new",
            Message.not_before <= now,
            Chat.off_at.is_(None),
            or_(Chat.wait_until.is_(None), Chat.wait_until <= now),
        )
    )


async def begin(session: AsyncSession, message: Message, *, owner: str, now: datetime, lease: timedelta) -> int | None:
    """Mark as being sent, right before the request. The fence, or `None` if somebody else took it.

    The message has the reasons then that came until this very moment.
    """
    given = {"number": message.id, "of": message.fence, "owner": owner, "until": now + lease}
    row = (await (await session.connection()).execute(_begin(), given)).one_or_none()
    if row is None:
        return None
    for name, value in row._mapping.items():  # noqa: SLF001 - SQLAlchemy's public name for it
        set_committed_value(message, name, value)
    return message.fence


@cache
def _begin() -> ReturningUpdate[int, int, list[dict[str, Any]]]:
    return (
        update(Message)
        .where(Message.id == bindparam("number"), Message.state == "new", Message.fence == bindparam("of"))
        .values(
            state="sending",
            digest_of=None,
            lease_owner=bindparam("owner", type_=String),
            lease_until=bindparam("until", type_=UtcDateTime),
            fence=Message.fence + 1,
            attempts=Message.attempts + 1,
        )
        .returning(Message.fence, Message.attempts, Message.reasons)
    )


async def end(session: AsyncSession, message_id: int, *, fence: int, **values: Any) -> bool:
    """Write how sending ended. `False`: the message was taken over meanwhile and nothing may be written."""
    result = await session.execute(
        update(Message)
        .where(Message.id == message_id, Message.fence == fence, Message.state == "sending")
        .values(lease_owner=None, lease_until=None, **unless_withdrawn(values))
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


def unless_withdrawn(values: dict[str, Any]) -> dict[str, Any]:
    """Values that queue again what was being sent, or give up what nobody wants any more; others as they are."""
    if values.get("state") != "new":
        return values
    withdrawn = Message.error.in_(WITHDRAWN)
    changed = {**values, "state": case((withdrawn, "dead"), else_="new")}
    if "error" in values:
        changed["error"] = case((withdrawn, Message.error), else_=literal(values["error"], String))
    return changed


def given_up(error: str) -> dict[str, Any]:
    """Values for what is not finished: what waits is dead; what is being sent is, unless it gets there."""
    return {"state": case((Message.state == "new", "dead"), else_=Message.state), "error": error}


async def give_back(session: AsyncSession, chat_id: int, *, owner: str) -> None:
    """Requeue what the owner has marked in this chat; only where it knows that it has begun nothing there."""
    await session.execute(
        update(Message)
        .where(stands(Message.state, *UNFINISHED), Message.chat_id == chat_id)
        .where(Message.state == "sending", Message.lease_owner == owner)
        .values(attempts=Message.attempts - 1, lease_owner=None, lease_until=None, **unless_withdrawn({"state": "new"}))
        .execution_options(synchronize_session=False)
    )


async def take_back(session: AsyncSession, *, now: datetime, but: str | None = None) -> int:
    """Requeue what a sender that is gone left half sent. How many.

    For the holder of the sender's lease only: before it sends anything itself, or of owners other than itself
    (`but`), whose time for it has run out.
    """
    others = () if but is None else (Message.lease_owner != but, Message.lease_until <= now)
    result = await session.execute(
        update(Message)
        .where(stands(Message.state, *UNFINISHED), Message.state == "sending", *others)
        .values(not_before=now, lease_owner=None, lease_until=None, **unless_withdrawn({"state": "new"}))
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return len(result.all())


async def leave_topic(session: AsyncSession, chat_id: int, topic_id: int) -> None:
    """The topic cannot be written to: what waits for it goes to the chat itself, unless that is told it anyway."""
    there = select(Message.event_id).where(Message.chat_id == chat_id, Message.topic_id == 0).scalar_subquery()
    waiting = (Message.chat_id == chat_id, Message.topic_id == topic_id, Message.state == "new")
    told = update(Message).where(*waiting, Message.event_id.in_(there))
    await session.execute(told.values(state="dead", error="told in the chat itself"))
    await session.execute(update(Message).where(*waiting).values(topic_id=0))


async def drop_waiting(session: AsyncSession, chat_id: int, *, error: str) -> int:
    """Give up what waits for a chat that we were shut out of."""
    result = await session.execute(
        update(Message)
        .where(Message.chat_id == chat_id, stands(Message.state, *UNFINISHED))
        .values(given_up(error))
        .returning(Message.state)
        .execution_options(synchronize_session=False)
    )
    return sum(state == "dead" for (state,) in result)


async def add_sent(session: AsyncSession, sent: Sent) -> None:
    """Remember what now stands in the chat; a number that Telegram used again means the newer message.

    An id of the forge's that has no room is not remembered: it was sent, whatever the forge calls it.
    """
    for column in (Sent.discussion_id, Sent.comment_id, Sent.head_sha):
        if len(getattr(sent, column.key) or "") > _ID_LENGTH:
            setattr(sent, column.key, None)
    row = {column.key: getattr(sent, column.key) for column in Sent.__table__.columns if column.key != "id"}
    connection = await session.connection()  # past the session: this is done for every message
    insert = insert_if_new(session, Sent)
    if (await connection.execute(insert, row)).rowcount:
        return
    same = (Sent.bot_id == sent.bot_id, Sent.chat_id == sent.chat_id)
    await connection.execute(delete(Sent).where(*same, Sent.telegram_message_id == sent.telegram_message_id))
    await connection.execute(insert, row)


async def find_sent(session: AsyncSession, *, bot_id: int, chat_id: int, telegram_message_id: int) -> Sent | None:
    """What a message in a chat of ours is about; `None` where that is no longer known."""
    return await session.scalar(
        select(Sent).where(
            Sent.bot_id == bot_id, Sent.chat_id == chat_id, Sent.telegram_message_id == telegram_message_id
        )
    )


async def drop_subject(session: AsyncSession, sent: Sent) -> None:
    """Give up what waits to be told in the same place of the same subject: it was muted."""
    same_project = select(StoredEvent.id).where(StoredEvent.project_id == sent.project_id).scalar_subquery()
    await session.execute(
        update(Message)
        .where(
            Message.chat_id == sent.chat_id,
            Message.topic_id == sent.topic_id,
            Message.subject_key == sent.subject_key,
            Message.event_id.in_(same_project),
            stands(Message.state, *UNFINISHED),
        )
        .values(given_up("muted"))
        .execution_options(synchronize_session=False)
    )


async def counts(session: AsyncSession) -> dict[str, int]:
    """How many messages stand in which state, sent ones left out, for metrics."""
    rows = await session.execute(
        select(Message.state, func.count().label("total")).where(Message.state != "sent").group_by(Message.state)
    )
    return {row.state: row.total for row in rows}
