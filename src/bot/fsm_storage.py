"""The FSM's storage in our database: a dialog goes on after a restart where it was."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from aiogram.exceptions import DataNotDictLikeError
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey

from src.database.database import Database
from src.database.jobs import Handler
from src.database.models import Job, utc_now
from src.database.repositories import dialogs

DIALOGS_JOB = "dialogs"  # recurring: forgets dialogs that nobody goes on with
DIALOGS_KEPT = timedelta(days=7)
_SWEPT = timedelta(days=1)


class DatabaseStorage(BaseStorage):
    """Behaves as aiogram's `MemoryStorage`, with rows of the table `dialogs`. What is stored must be plain JSON.

    Args:
        database: is not closed with the storage, for others use it as well.
        clock: aware UTC.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """See the base class."""
        wanted = state.state if isinstance(state, State) else state
        async with self._database.write() as session:
            await dialogs.put_state(session, row_key(key), wanted, self._clock())

    async def get_state(self, key: StorageKey) -> str | None:
        """See the base class."""
        async with self._database.read() as session:
            return await dialogs.state_of(session, row_key(key))

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """See the base class."""
        if not isinstance(data, dict):
            raise DataNotDictLikeError(f"Data must be a dict or dict-like object, got {type(data).__name__}")
        async with self._database.write() as session:
            await dialogs.put_data(session, row_key(key), data, self._clock())

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """See the base class."""
        async with self._database.read() as session:
            return await dialogs.data_of(session, row_key(key))

    async def close(self) -> None:
        """Nothing is held open."""


def row_key(key: StorageKey) -> str:
    """The key of the row: bot, chat, topic, person, business connection and purpose, those that are absent empty."""
    parts = (key.bot_id, key.chat_id, key.thread_id, key.user_id, key.business_connection_id, key.destiny)
    return ":".join("" if part is None else str(part) for part in parts)


def sweep_job(database: Database, clock: Callable[[], datetime] = utc_now) -> Handler:
    """The handler of `DIALOGS_JOB`: once a day, what was not touched for `DIALOGS_KEPT` is forgotten."""

    async def sweep(_job: Job) -> datetime:
        now = clock()
        async with database.write() as session:
            await dialogs.sweep(session, now - DIALOGS_KEPT)
        return now + _SWEPT

    return sweep
