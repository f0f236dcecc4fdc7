"""The outbox as its sender sees it: which chats wait, what is gathered into one, what was sent lately."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import takewhile
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from src.database.literally import stands
from src.database.models import Chat, Forge, Message, Project, StoredEvent
from src.database.repositories.messages import UNFINISHED, Outgoing, unless_withdrawn

_LOOKED_THROUGH = 100  # messages of a chat: whether a loud one waits behind silent ones


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chat that is to be told something, and what of it says when."""

    chat_id: int  # ours
    telegram_id: int
    is_group: bool
    head_id: int  # of the message that is next
    due: datetime
    loud: bool  # something loud waits, here or behind what is next


@dataclass(frozen=True, slots=True)
class Behind:
    """A message that waits behind another."""

    id: int
    reasons: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SentLately:
    """A message that was sent, or may have been; `at` is when, as far as is known."""

    telegram_id: int
    is_group: bool
    at: datetime | None


async def waiting(session: AsyncSession, *, chat_id: int | None = None) -> list[Waiting]:
    """Every chat that something waits for, due or not; or this one, by our id. Not those that refuse the bot.

    A chat whose oldest message waits for another try waits as a whole: that keeps its order. So does one of whose
    messages it is not known yet how sending ended. Costs as much as chats wait, however many messages.
    """
    if chat_id is None:
        rows = await session.execute(_waiting(one=False))
    else:
        rows = await session.execute(_waiting(one=True), {"chat_id": chat_id})
    return [
        Waiting(
            chat_id=row.id,
            telegram_id=row.telegram_id,
            is_group=row.type != "private",
            head_id=row.head_id,
            due=max(row.not_before, row.wait_until or row.not_before),
            loud=row.level != "silent" or bool(row.loud_behind),
        )
        for row in rows
    ]


@cache  # making it takes longer than asking it
def _waiting(*, one: bool) -> Select[*tuple[Any, ...]]:
    head, behind = aliased(Message), aliased(Message)
    which: ColumnElement[bool] = Chat.id == bindparam("chat_id") if one else Chat.id.in_(select(_chats().c.chat_id))
    oldest = (
        select(func.min(Message.id))
        .where(stands(Message.state, *UNFINISHED), Message.chat_id == Chat.id)
        .correlate(Chat)
        .scalar_subquery()
    )
    next_ones = (
        select(behind.level.label("level"))
        .where(stands(behind.state, *UNFINISHED), behind.chat_id == Chat.id)
        .order_by(behind.id)
        .limit(_LOOKED_THROUGH)
        .correlate(Chat)
        .subquery()
    )
    loud_behind = exists(select(next_ones.c.level).where(next_ones.c.level != "silent"))
    return (
        select(
            Chat.id,
            Chat.telegram_id,
            Chat.type,
            Chat.wait_until,
            head.id.label("head_id"),
            head.not_before,
            head.level,
            loud_behind.label("loud_behind"),
        )
        .join(head, head.id == oldest)
        .where(which, Chat.off_at.is_(None), head.state == "new")
    )


def _chats() -> Any:
    """The chats of unfinished messages: from one to the next in the index, past all that wait for the same."""
    unfinished = stands(Message.state, *UNFINISHED)
    first = select(func.min(Message.chat_id).label("chat_id")).where(unfinished)
    chats = first.cte("waiting", recursive=True)
    following = select(func.min(Message.chat_id)).where(unfinished, Message.chat_id > chats.c.chat_id)
    return chats.union_all(select(following.scalar_subquery()).where(chats.c.chat_id.is_not(None)))


async def behind(session: AsyncSession, first: Message, *, now: datetime, limit: int) -> list[Behind]:
    """What waits behind a message in the same chat and topic and may be told in one with it, oldest first.

    Ends before one that is to be told alone.
    """
    rows = await session.execute(
        select(Message.id, Message.reasons, Message.alone, Message.op, Message.not_before)
        .where(
            stands(Message.state, *UNFINISHED),
            Message.state == "new",
            Message.chat_id == first.chat_id,
            Message.topic_id == first.topic_id,
            Message.id > first.id,
        )
        .order_by(Message.id)
        .limit(limit)
    )
    may = takewhile(lambda row: not row.alone and row.op == "send" and row.not_before <= now, rows)
    return [Behind(row.id, tuple(row.reasons)) for row in may]


async def look_at(session: AsyncSession, ids: Collection[int]) -> list[Outgoing]:
    """These messages with all that rendering needs, oldest first."""
    rows = await session.execute(
        select(Message, Chat, StoredEvent, Forge.kind)
        .join(Chat, Chat.id == Message.chat_id)
        .join(StoredEvent, StoredEvent.id == Message.event_id)
        .join(Project, Project.id == StoredEvent.project_id)
        .join(Forge, Forge.id == Project.forge_id)
        .where(Message.id.in_(ids))
        .order_by(Message.id)
        .execution_options(populate_existing=True)
    )
    return [Outgoing(*row) for row in rows]


async def gather(
    session: AsyncSession, first: Message, ids: Sequence[int], *, owner: str, now: datetime, lease: timedelta
) -> list[int]:
    """Mark these as being sent in one with the first, which is begun already. Which of them still waited."""
    taken = await session.scalars(
        _change(ids, "new")
        .values(
            state="sending",
            digest_of=first.id,
            lease_owner=owner,
            lease_until=now + lease,
            fence=Message.fence + 1,
            attempts=Message.attempts + 1,
        )
        .returning(Message.id)
    )
    found = sorted(taken)
    if found:
        await session.execute(_change([first.id], "sending").values(digest_of=first.id))
    return found


async def end_gathered(session: AsyncSession, first_id: int, ids: Sequence[int], *, owner: str, **values: Any) -> None:
    """Write how sending ended of what was gathered with the first, where it is still the owner's.

    The first's own fence says nothing of them: that row may have been deleted meanwhile, and they are not.
    """
    await session.execute(
        _change(ids, "sending")
        .where(Message.digest_of == first_id, Message.lease_owner == owner)
        .values(lease_owner=None, lease_until=None, **unless_withdrawn(values))
    )


async def scatter(
    session: AsyncSession, first_id: int, ids: Sequence[int], *, owner: str, tried: bool, alone: bool
) -> None:
    """Queue again what was gathered. `tried`: it counts as an attempt. `alone`: it is not to be gathered any more."""
    attempts = Message.attempts if tried else Message.attempts - 1
    values: dict[str, Any] = {"state": "new", "digest_of": None, "attempts": attempts}
    await end_gathered(session, first_id, ids, owner=owner, **values, **({"alone": True} if alone else {}))


async def sent_since(session: AsyncSession, since: datetime) -> list[SentLately]:
    """What was sent to each chat, each digest once; and what may have been, for nobody wrote how sending ended."""
    once = Message.digest_of.is_(None) | (Message.digest_of == Message.id)
    columns = select(Chat.telegram_id, Chat.type, Message.sent_at).join(Chat, Chat.id == Message.chat_id)
    sent = await session.execute(columns.where(Message.sent_at >= since, Message.state == "sent", once))
    begun = await session.execute(columns.where(stands(Message.state, *UNFINISHED), Message.state == "sending", once))
    return [SentLately(row.telegram_id, row.type != "private", row.sent_at) for row in (*sent, *begun)]


def _change(ids: Collection[int], state: str) -> Any:
    change = update(Message).where(Message.id.in_(ids), Message.state == state)
    return change.execution_options(synchronize_session=False)
