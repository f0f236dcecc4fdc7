"""What was given up, of every queue: deliveries, messages and jobs that nobody tries any more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from src.database.models import Chat, Delivery, Forge, Hook, Job, Message, Mute, Project, StoredEvent
from src.database.repositories import jobs

DEAD_DELIVERIES = ("failed", "quarantined")
# Messages that are dead because nobody is to have them: no failure, so nothing to be tried again.
UNWANTED = ("muted", "unsubscribed", "told in the chat itself", "told in the supergroup", "dropped")

_ACCESS = timedelta(days=1)  # how long it is believed that who could read a private project still can


class Kind(StrEnum):
    """The queue that a letter stands in."""

    DELIVERY = "deliveries"
    MESSAGE = "messages"
    JOB = "jobs"


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which letters are meant: of this kind, these ids (none: any), came before and after these moments."""

    kind: Kind
    ids: frozenset[int] | None = None
    before: datetime | None = None
    after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What was given up. `stays` says why it cannot be tried again; `None`: it can."""

    kind: Kind
    id: int
    state: str
    since: datetime  # when it came, or was asked for
    what: str
    project: str | None
    reason: str
    attempts: int
    stays: str | None


def is_wanted(table: type[Message] = Message) -> ColumnElement[bool]:
    """Of a message: that somebody should have it, or should have had it."""
    return or_(table.error.is_(None), table.error.not_in(UNWANTED))


async def count(session: AsyncSession, sieve: Sieve) -> int:
    """How many there are."""
    rows = select(_table(sieve.kind).id).where(*_chosen(sieve)).subquery()
    return await session.scalar(select(func.count()).select_from(rows)) or 0


async def page(
    session: AsyncSession, sieve: Sieve, *, now: datetime, after_id: int = 0, limit: int = 500
) -> Sequence[Letter]:
    """The next letters of a kind, by id."""
    table = _table(sieve.kind)
    match sieve.kind:
        case Kind.DELIVERY:
            query = _deliveries()
        case Kind.MESSAGE:
            query = _messages(now)
        case Kind.JOB:
            query = _jobs()
        case _:
            assert_never(sieve.kind)
    rows = await session.execute(query.where(*_chosen(sieve), table.id > after_id).order_by(table.id).limit(limit))
    return [Letter(sieve.kind, *row) for row in rows]


async def retry(session: AsyncSession, kind: Kind, ids: Collection[int], now: datetime) -> int:
    """Queue these again as if they had never been tried; what is no dead letter any more is left. How many."""
    values: dict[str, Any] = {"state": "new", "attempts": 0, "error": None, "not_before": now}
    match kind:
        case Kind.DELIVERY:
            return await _update(session, Delivery, ids, (Delivery.body.is_not(None),), values)
        case Kind.MESSAGE:
            return await _update(session, Message, ids, (), values)
        case Kind.JOB:
            given_up = (await session.scalars(select(Job).where(Job.id.in_(ids), *_dead(kind)).order_by(Job.id))).all()
            for job in given_up:  # what waits already is not doubled
                await jobs.put(session, job.kind, job.key, now=now, payload=job.payload)
                await session.delete(job)
            await session.flush()
            return len(given_up)
        case _:
            assert_never(kind)


async def drop(session: AsyncSession, kind: Kind, ids: Collection[int]) -> int:
    """Give these up for good. How many.

    Deliveries and messages lose what they hold, but stay known: what comes again is not told after all.
    """
    match kind:
        case Kind.DELIVERY:
            values: dict[str, Any] = {"state": "ignored", "body": None, "headers": {}, "error": None}
            return await _update(session, Delivery, ids, (), values)
        case Kind.MESSAGE:
            return await _update(session, Message, ids, (), {"error": "dropped"})
        case Kind.JOB:
            gone = await session.execute(delete(Job).where(Job.id.in_(ids), *_dead(kind)).returning(Job.id))
            return len(gone.all())
        case _:
            assert_never(kind)


def _table(kind: Kind) -> type[Delivery] | type[Message] | type[Job]:
    tables: dict[Kind, type[Delivery] | type[Message] | type[Job]] = {
        Kind.DELIVERY: Delivery,
        Kind.MESSAGE: Message,
        Kind.JOB: Job,
    }
    return tables[kind]


def _dead(kind: Kind) -> tuple[ColumnElement[bool], ...]:
    match kind:
        case Kind.DELIVERY:
            return (Delivery.state.in_(DEAD_DELIVERIES),)
        case Kind.MESSAGE:
            return (Message.state == "dead", is_wanted())
        case Kind.JOB:
            return (Job.state == "dead",)
        case _:
            assert_never(kind)


def _came(kind: Kind) -> InstrumentedAttribute[datetime]:
    match kind:
        case Kind.DELIVERY:
            return Delivery.received_at
        case Kind.MESSAGE:
            return Message.created_at
        case Kind.JOB:
            return Job.created_at
        case _:
            assert_never(kind)


def _chosen(sieve: Sieve) -> tuple[ColumnElement[bool], ...]:
    conditions = list(_dead(sieve.kind))
    if sieve.ids is not None:
        conditions.append(_table(sieve.kind).id.in_(sieve.ids))
    if sieve.before is not None:
        conditions.append(_came(sieve.kind) < sieve.before)
    if sieve.after is not None:
        conditions.append(_came(sieve.kind) > sieve.after)
    return tuple(conditions)


def _deliveries() -> Select[*tuple[Any, ...]]:
    stays = case((Delivery.body.is_(None), "what the forge sent is no longer kept"), else_=null())
    return (
        select(
            Delivery.id,
            Delivery.state,
            Delivery.received_at,
            Forge.kind + literal(" ") + Delivery.event,
            Project.path,
            func.coalesce(Delivery.error, ""),
            Delivery.attempts,
            stays,
        )
        .join(Hook, Hook.id == Delivery.hook_id)
        .join(Forge, Forge.id == Hook.forge_id)
        .outerjoin(Project, Project.id == Hook.project_id)
    )


def _messages(now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Message.id,
            Message.state,
            Message.created_at,
            StoredEvent.name + literal(" to a chat (") + Chat.type + literal(")"),
            Project.path,
            func.coalesce(Message.error, ""),
            Message.attempts,
            _why_unsent(now),
        )
        .join(Chat, Chat.id == Message.chat_id)
        .join(StoredEvent, StoredEvent.id == Message.event_id)
        .join(Project, Project.id == StoredEvent.project_id)
    )


def _why_unsent(now: datetime) -> ColumnElement[str | None]:
    """Why a message is not to be sent any more, though it once was."""
    other, event, told = aliased(Message), aliased(StoredEvent), aliased(Message)
    place = (Message.chat_id, Message.topic_id)
    muted = (
        select(Mute.id)
        .where(Mute.project_id == StoredEvent.project_id, Mute.subject_key == Message.subject_key)
        .where(Mute.chat_id == place[0], Mute.topic_id == place[1])
        .exists()
    )
    told_newer = (
        select(other.id)
        .join(event, event.id == other.event_id)
        .where(other.chat_id == place[0], other.topic_id == place[1], other.state != "dead")
        .where(event.project_id == StoredEvent.project_id, event.subject_key == StoredEvent.subject_key)
        .where(event.aspect == StoredEvent.aspect, event.object_updated_at > StoredEvent.object_updated_at)
        .exists()
    )
    told_already = (
        select(told.id)
        .where(told.chat_id == place[0], told.topic_id == place[1], told.coalesce_key == Message.coalesce_key)
        .where(or_(told.state != "dead", and_(told.id < Message.id, is_wanted(told))))
        .exists()
    )
    return case(
        (Chat.off_at.is_not(None), "Telegram refuses the bot in that chat"),
        (Message.subscription_id.is_(None), "nobody there follows the project any more"),
        (muted, "it was muted there meanwhile"),
        (told_newer, "something newer of the same was told meanwhile"),
        (told_already, "another message tells the same"),
        (
            and_(Project.private.is_(True), StoredEvent.created_at < now - _ACCESS),
            "the project is private, and who could read it a day ago may not any more",
        ),
        else_=null(),
    )


def _jobs() -> Select[*tuple[Any, ...]]:
    what = case((Job.key == "", Job.kind), else_=Job.kind + literal(" ") + Job.key)
    return select(Job.id, Job.state, Job.created_at, what, null(), func.coalesce(Job.error, ""), Job.attempts, null())


async def _update(
    session: AsyncSession,
    table: type[Delivery] | type[Message],
    ids: Collection[int],
    also: tuple[ColumnElement[bool], ...],
    values: dict[str, Any],
) -> int:
    dead = _dead(Kind.DELIVERY if table is Delivery else Kind.MESSAGE)
    done = await session.execute(
        update(table)
        .where(table.id.in_(ids), *dead, *also)
        .values(**values)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return len(done.all())
