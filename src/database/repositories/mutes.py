"""What chats want to hear nothing more of: single pull requests, issues, pipelines, ..."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from src.database.models import Mute
from src.database.upsert import insert_if_new


async def put(
    session: AsyncSession, *, project_id: int, subject_key: str, chat_id: int, topic_id: int, now: datetime
) -> bool:
    """Mute a subject in a chat and topic. Returns whether it was not muted before."""
    made = await session.scalar(
        insert_if_new(session, Mute)
        .values(project_id=project_id, subject_key=subject_key, chat_id=chat_id, topic_id=topic_id, created_at=now)
        .returning(Mute.id)
    )
    return made is not None


async def remove(session: AsyncSession, *, project_id: int, subject_key: str, chat_id: int, topic_id: int) -> bool:
    """Let a subject be heard again. Returns whether it was muted."""
    result = await session.execute(
        delete(Mute).where(Mute.subject_key == subject_key, *_in(project_id, chat_id, topic_id)).returning(Mute.id)
    )
    return result.first() is not None


async def remove_all(session: AsyncSession, *, project_id: int, chat_id: int, topic_id: int) -> int:
    """Let all subjects of a project be heard again in a chat and topic. How many there were."""
    result = await session.execute(delete(Mute).where(*_in(project_id, chat_id, topic_id)).returning(Mute.id))
    return len(result.all())


async def count(session: AsyncSession, *, project_id: int, chat_id: int, topic_id: int) -> int:
    """How many subjects of a project a chat and topic has muted."""
    found = await session.scalar(select(func.count()).select_from(Mute).where(*_in(project_id, chat_id, topic_id)))
    return found or 0


_PLACES = select(Mute.chat_id, Mute.topic_id).where(
    Mute.project_id == bindparam("project_id"), Mute.subject_key.in_(bindparam("subject_keys", expanding=True))
)


async def places(
    session: AsyncSession, *, project_id: int, subject_keys: Collection[str]
) -> frozenset[tuple[int, int]]:
    """Where any of these subjects is muted: chats and topics."""
    rows = await session.execute(_PLACES, {"project_id": project_id, "subject_keys": list(subject_keys)})
    return frozenset((chat_id, topic_id) for chat_id, topic_id in rows)


def _in(project_id: int, chat_id: int, topic_id: int) -> tuple[ColumnElement[bool], ...]:
    return Mute.project_id == project_id, Mute.chat_id == chat_id, Mute.topic_id == topic_id


async def leave_topic(session: AsyncSession, chat_id: int, topic_id: int) -> None:
    """A topic is gone: what was muted in it is muted in the chat itself."""
    await _move(session, (chat_id, topic_id), (chat_id, 0))


async def move_all(session: AsyncSession, chat_id: int, other_id: int) -> None:
    """A chat goes on under another row, and what it muted with it."""
    await _move(session, (chat_id, 0), (other_id, 0))


async def _move(session: AsyncSession, place: tuple[int, int], other: tuple[int, int]) -> None:
    same = aliased(Mute)
    muted = (
        select(same.id)
        .where(same.chat_id == other[0], same.topic_id == other[1])
        .where(same.project_id == Mute.project_id, same.subject_key == Mute.subject_key)
        .exists()
    )
    here = (Mute.chat_id == place[0], Mute.topic_id == place[1])
    await session.execute(delete(Mute).where(*here, muted).execution_options(synchronize_session=False))
    values = {"chat_id": other[0], "topic_id": other[1]}
    await session.execute(update(Mute).where(*here).values(**values).execution_options(synchronize_session=False))
