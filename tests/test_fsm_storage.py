"""The FSM's storage in the database: it behaves as aiogram's in memory, and outlives a restart."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from aiogram.exceptions import DataNotDictLikeError
from aiogram.fsm.storage.base import BaseStorage, StorageKey
from aiogram.fsm.storage.memory import MemoryStorage
from sqlalchemy import select

from src.bot.fsm_storage import DIALOGS_JOB, DIALOGS_KEPT, DatabaseStorage, row_key, sweep_job
from src.bot.states import SubscriptionStates
from src.database.database import Database
from src.database.jobs import JobRunner
from src.database.models import Base, DialogState
from src.database.repositories import jobs
from tests.databases import url_in

KEY = StorageKey(bot_id=42, chat_id=-100, user_id=7)
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database(url_in(tmp_path, "test.db"))
    async with found.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield found
    await found.close()


@pytest.fixture(params=["memory", "database"])
def storage(request: pytest.FixtureRequest, database: Database) -> BaseStorage:
    return MemoryStorage() if request.param == "memory" else DatabaseStorage(database)


async def rows(database: Database) -> list[DialogState]:
    async with database.read() as session:
        return list(await session.scalars(select(DialogState).order_by(DialogState.key)))


async def test_nothing_is_there_at_first(storage: BaseStorage) -> None:
    assert await storage.get_state(KEY) is None
    assert await storage.get_data(KEY) == {}
    assert await storage.get_value(KEY, "absent", 3) == 3


async def test_states_and_data_are_kept_apart(storage: BaseStorage) -> None:
    await storage.set_state(KEY, SubscriptionStates.project)
    await storage.set_data(KEY, {"dialog": {"nonce": "ab", "offered": [{"path": "acme/rocket"}]}})
    assert await storage.get_state(KEY) == "SubscriptionStates:project"
    await storage.set_state(KEY, "SubscriptionStates:events")
    assert await storage.get_data(KEY) == {"dialog": {"nonce": "ab", "offered": [{"path": "acme/rocket"}]}}
    await storage.set_data(KEY, {"finished": "ab"})
    assert await storage.get_data(KEY) == {"finished": "ab"}
    assert await storage.get_state(KEY) == "SubscriptionStates:events"
    await storage.set_state(KEY, None)
    assert await storage.get_state(KEY) is None
    assert await storage.get_value(KEY, "finished") == "ab"


async def test_data_are_updated_and_are_a_copy(storage: BaseStorage) -> None:
    given: dict[str, Any] = {"a": 1}
    await storage.set_data(KEY, given)
    given["a"] = 2
    assert await storage.update_data(KEY, {"b": None}) == {"a": 1, "b": None}
    read = await storage.get_data(KEY)
    read["a"] = 3
    assert await storage.get_data(KEY) == {"a": 1, "b": None}


@pytest.mark.parametrize(
    "other",
    [
        StorageKey(bot_id=43, chat_id=-100, user_id=7),
        StorageKey(bot_id=42, chat_id=-101, user_id=7),
        StorageKey(bot_id=42, chat_id=-100, user_id=8),
        StorageKey(bot_id=42, chat_id=-100, user_id=7, thread_id=9),
        StorageKey(bot_id=42, chat_id=-100, user_id=7, business_connection_id="b"),
        StorageKey(bot_id=42, chat_id=-100, user_id=7, destiny="dialog:ab"),
    ],
)
async def test_every_part_of_the_key_tells_apart(storage: BaseStorage, other: StorageKey) -> None:
    await storage.set_data(KEY, {"mine": True})
    await storage.set_state(other, "X:y")
    assert await storage.get_data(other) == {}
    assert await storage.get_state(KEY) is None
    assert len(row_key(other)) < 200


@pytest.mark.parametrize("wrong", [[1], "text", MappingProxyType({"a": 1})])
async def test_data_must_be_a_dict(storage: BaseStorage, wrong: Mapping[str, Any]) -> None:
    with pytest.raises(DataNotDictLikeError):
        await storage.set_data(KEY, wrong)
    assert await storage.get_data(KEY) == {}


async def test_what_says_nothing_any_more_leaves_no_row(database: Database) -> None:
    storage = DatabaseStorage(database)
    await storage.set_state(KEY, SubscriptionStates.project)
    await storage.set_data(KEY, {"a": 1})
    await storage.set_state(KEY, None)
    assert len(await rows(database)) == 1
    await storage.set_data(KEY, {})
    assert await rows(database) == []
    await storage.set_state(KEY, None)
    assert await rows(database) == []


async def test_another_process_reads_what_was_written(database: Database) -> None:
    await DatabaseStorage(database).set_data(KEY, {"a": [1, {"b": "ü"}]})
    other = Database(database.url)
    assert await DatabaseStorage(other).get_data(KEY) == {"a": [1, {"b": "ü"}]}
    await other.close()


async def test_dialogs_that_nobody_goes_on_with_are_forgotten(database: Database) -> None:
    now = NOW
    storage = DatabaseStorage(database, lambda: now)
    left = StorageKey(bot_id=42, chat_id=1, user_id=1)
    await storage.set_data(left, {"a": 1})
    await storage.set_data(KEY, {"a": 1})
    now = NOW + timedelta(days=2)
    await storage.set_state(KEY, "X:y")  # touched: its time begins anew
    now = NOW + DIALOGS_KEPT + timedelta(seconds=1)
    handlers = {DIALOGS_JOB: sweep_job(database, lambda: now)}
    runner = JobRunner(database, handlers, recurring=(DIALOGS_JOB,), owner="test", clock=lambda: now)
    async with database.write() as session:
        await jobs.put(session, DIALOGS_JOB, "", now=now)
    assert await runner.run_due() == 1
    assert [row.key for row in await rows(database)] == [row_key(KEY)]
    now += timedelta(days=1, seconds=1)
    assert await runner.run_due() == 1  # it comes again by itself
