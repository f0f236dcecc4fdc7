"""The outbox: events on their way to recipients, in order within each chat."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import Chat, Forge, Message, Project, Sent, StoredEvent
from src.database.upsert import insert_if_new
from src.events import Event

UNFINISHED = ("new", "sending")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message with all that rendering and sending need."""

    message: Message
    chat: Chat
    event: StoredEvent
    forge_kind: str


async def put(
    session: AsyncSession,
    *,
    event_id: int,
    chat_id: int,
    topic_id: int,
    subscription_id: int,
    reasons: Sequence[dict[str, Any]],
    subject_key: str,
    coalesce_key: str | None,
    level: str,
    now: datetime,
) -> bool:
    """Queue a message; `False` where this chat and topic has one of this event already."""
    inserted = await session.execute(
        insert_if_new(session, Message)
        .values(
            event_id=event_id,
            chat_id=chat_id,
            topic_id=topic_id,
            subscription_id=subscription_id,
            op="send",
            reasons=list(reasons),
            subject_key=subject_key,
            coalesce_key=coalesce_key,
            level=level,
            state="new",
            not_before=now,
            attempts=0,
            fence=0,
            created_at=now,
        )
        .returning(Message.id)
    )
    return inserted.first() is not None


async def told(session: AsyncSession, *, coalesce_key: str, chat_id: int, topic_id: int) -> Sequence[Message]:
    """What this chat and topic was, or is about to be, told under the same key."""
    return (
        await session.scalars(
            select(Message)
            .where(
                Message.coalesce_key == coalesce_key,
                Message.chat_id == chat_id,
                Message.topic_id == topic_id,
                Message.state != "dead",
            )
            .order_by(Message.id)
        )
    ).all()


async def is_overtaken(session: AsyncSession, event: Event, *, project_id: int, chat_id: int, topic_id: int) -> bool:
    """Whether this chat and topic was told something newer of the same subject and aspect."""
    if event.aspect is None or event.object_updated_at is None:
        return False
    newer = (
        select(Message.id)
        .join(StoredEvent, StoredEvent.id == Message.event_id)
        .where(
            Message.chat_id == chat_id,
            Message.topic_id == topic_id,
            Message.state != "dead",
            StoredEvent.project_id == project_id,
            StoredEvent.subject_key == event.subject.key[:320],
            StoredEvent.aspect == event.aspect,
            StoredEvent.object_updated_at > event.object_updated_at,
        )
        .limit(1)
    )
    return await session.scalar(newer) is not None


async def add_reasons(session: AsyncSession, message: Message, reasons: Sequence[dict[str, Any]]) -> bool:
    """Say more reasons in a message that has not left yet. `False`: it has."""
    result = await session.execute(
        update(Message)
        .where(Message.id == message.id, Message.state == "new")
        .values(reasons=[*message.reasons, *reasons])
        .returning(Message.id)
    )
    return result.first() is not None


async def heads(session: AsyncSession, *, now: datetime, limit: int, without: Collection[int] = ()) -> list[Outgoing]:
    """The oldest unfinished message of each chat that may be spoken to, where it is due; oldest first.

    A chat whose oldest message waits for another try waits as a whole: that keeps its order. `without` are chats
    to leave out, by our id.
    """
    oldest = select(func.min(Message.id)).where(Message.state.in_(UNFINISHED)).group_by(Message.chat_id)
    query = _due(now).where(Message.id.in_(oldest), Message.chat_id.not_in(without)).order_by(Message.id).limit(limit)
    return [Outgoing(message, chat, event, kind) for message, chat, event, kind in await session.execute(query)]


async def head(session: AsyncSession, chat_id: int, *, now: datetime) -> Outgoing | None:
    """As `heads`, of one chat; `None` where nothing is due in it."""
    unfinished = (Message.state.in_(UNFINISHED), Message.chat_id == chat_id)
    oldest = select(func.min(Message.id)).where(*unfinished).scalar_subquery()
    row = (await session.execute(_due(now).where(Message.id == oldest))).one_or_none()
    return None if row is None else Outgoing(*row)


def _due(now: datetime) -> Select[Message, Chat, StoredEvent, str]:
    return (
        select(Message, Chat, StoredEvent, Forge.kind)
        .join(Chat, Chat.id == Message.chat_id)
        .join(StoredEvent, StoredEvent.id == Message.event_id)
        .join(Project, Project.id == StoredEvent.project_id)
        .join(Forge, Forge.id == Project.forge_id)
        .where(
            Message.state == "new",
            Message.not_before <= now,
            Chat.off_at.is_(None),
            or_(Chat.wait_until.is_(None), Chat.wait_until <= now),
        )
    )


async def next_due(session: AsyncSession, now: datetime) -> datetime | None:
    """When the next waiting message may be worth a look; `None` when nothing waits for a moment to come."""
    waiting = (Message.state == "new", Chat.off_at.is_(None))
    retry = (
        select(func.min(Message.not_before))
        .join(Chat, Chat.id == Message.chat_id)
        .where(*waiting, Message.not_before > now)
    )
    quiet = (
        select(func.min(Chat.wait_until))
        .join(Message, Chat.id == Message.chat_id)
        .where(*waiting, Chat.wait_until > now)
    )
    moments = [moment for moment in (await session.scalar(retry), await session.scalar(quiet)) if moment is not None]
    return min(moments, default=None)


async def begin(session: AsyncSession, message: Message, *, owner: str, now: datetime, lease: timedelta) -> int | None:
    """Mark as being sent, right before the request. The fence, or `None` if somebody else took it."""
    return await session.scalar(
        update(Message)
        .where(Message.id == message.id, Message.state == "new", Message.fence == message.fence)
        .values(
            state="sending",
            lease_owner=owner,
            lease_until=now + lease,
            fence=Message.fence + 1,
            attempts=Message.attempts + 1,
        )
        .returning(Message.fence)
        .execution_options(synchronize_session=False)
    )


async def end(session: AsyncSession, message_id: int, *, fence: int, **values: Any) -> bool:
    """Write how sending ended. `False`: the message was taken over meanwhile and nothing may be written."""
    result = await session.execute(
        update(Message)
        .where(Message.id == message_id, Message.fence == fence, Message.state == "sending")
        .values(lease_owner=None, lease_until=None, **values)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return result.first() is not None


async def take_back(session: AsyncSession, *, now: datetime) -> int:
    """Requeue what a sender that is gone left half sent. How many.

    For the holder of the sender's lease only, before it sends anything itself.
    """
    result = await session.execute(
        update(Message)
        .where(Message.state == "sending")
        .values(state="new", not_before=now, lease_owner=None, lease_until=None)
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
        .where(Message.chat_id == chat_id, Message.state == "new")
        .values(state="dead", error=error)
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    return len(result.all())


async def add_sent(session: AsyncSession, sent: Sent) -> None:
    """Remember what now stands in the chat; a number that Telegram used again means the newer message."""
    same = (Sent.bot_id == sent.bot_id, Sent.chat_id == sent.chat_id)
    await session.execute(delete(Sent).where(*same, Sent.telegram_message_id == sent.telegram_message_id))
    session.add(sent)
    await session.flush()


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
            Message.state == "new",
        )
        .values(state="dead", error="muted")
        .execution_options(synchronize_session=False)
    )


async def counts(session: AsyncSession) -> dict[str, int]:
    """How many messages stand in which state, sent ones left out, for metrics."""
    rows = await session.execute(
        select(Message.state, func.count().label("total")).where(Message.state != "sent").group_by(Message.state)
    )
    return {row.state: row.total for row in rows}
