"""All that is encrypted, wherever it stands: what a change of keys goes through."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from src.database.models import Account, Hook

Column = InstrumentedAttribute[bytes] | InstrumentedAttribute[bytes | None]

TOKENS: tuple[Column, ...] = (Account.token,)
HOOK_SECRETS: tuple[Column, ...] = (Hook.secret, Hook.previous_secret, Hook.next_secret)
COLUMNS = TOKENS + HOOK_SECRETS


async def after(
    session: AsyncSession, column: Column, row_id: int, *, limit: int, for_update: bool = True
) -> Sequence[tuple[int, bytes]]:
    """The next rows of a column, by id, that hold something; `for_update` nobody changes them meanwhile."""
    table = column.class_
    query = select(table.id, column).where(table.id > row_id, column.is_not(None)).order_by(table.id).limit(limit)
    rows = await session.execute(query.with_for_update() if for_update else query)
    return [(number, value) for number, value in rows if value is not None]


async def replace(session: AsyncSession, column: Column, row_id: int, *, old: bytes, new: bytes) -> bool:
    """The same under another key. `False`: it is something else by now."""
    table = column.class_
    changed = await session.execute(
        update(table)
        .where(table.id == row_id, column == old)
        .values({column: new})
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None
