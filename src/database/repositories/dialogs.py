"""How far people are in their dialogs: the rows behind aiogram's FSM. A row that says nothing is not kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.models import DialogState
from src.database.upsert import insert_if_new


async def state_of(session: AsyncSession, key: str) -> str | None:
    """The step that is open under this key."""
    return await session.scalar(select(DialogState.state).where(DialogState.key == key))


async def data_of(session: AsyncSession, key: str) -> dict[str, Any]:
    """What is remembered under this key; empty where nothing is."""
    found: dict[str, Any] | None = await session.scalar(select(DialogState.data).where(DialogState.key == key))
    return found or {}


async def put_state(session: AsyncSession, key: str, state: str | None, now: datetime) -> None:
    """Remember the step; the data stay as they are."""
    await _put(session, key, {"state": state}, now)


async def put_data(session: AsyncSession, key: str, data: Mapping[str, Any], now: datetime) -> None:
    """Remember these data in place of all others; the step stays as it is. They must be plain JSON."""
    await _put(session, key, {"data": dict(data)}, now)


async def sweep(session: AsyncSession, before: datetime) -> int:
    """Forget what nobody has touched since `before`; how many rows."""
    gone = await session.scalars(delete(DialogState).where(DialogState.updated_at < before).returning(DialogState.key))
    return len(gone.all())


async def _put(session: AsyncSession, key: str, values: Mapping[str, Any], now: datetime) -> None:
    """Two processes may ask for the same key at once: what is there is changed, what is not is made."""
    whole = {"key": key, "state": None, "data": {}, **values, "updated_at": now}
    made = await session.scalar(insert_if_new(session, DialogState).values(**whole).returning(DialogState.key))
    if made is None:
        await session.execute(update(DialogState).where(DialogState.key == key).values(**values, updated_at=now))
    row = (await session.execute(select(DialogState.state, DialogState.data).where(DialogState.key == key))).one()
    if row.state is None and not row.data:
        await session.execute(delete(DialogState).where(DialogState.key == key))
