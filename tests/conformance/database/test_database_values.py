"""What is stored comes back the same from both databases, whatever others wrote."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from src.database.database import Database
from src.database.models import DialogState, LogEntry, User
from src.database.repositories import dialogs, event_log, hooks, users
from tests.conformance.database.cast import NOON, Ground


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plain", "plain"),
        ("Анна \U0001f680 \U0001f469‍\U0001f4bb 漢字", "Анна \U0001f680 \U0001f469‍\U0001f4bb 漢字"),
        ("a\0b\0", "ab"),
        ("half \ud83d of a pair", "half ? of a pair"),
        ("'; DROP TABLE users; -- %s $1 :x", "'; DROP TABLE users; -- %s $1 :x"),
        ("x" * 100_000, "x" * 100_000),
        ("", ""),
    ],
    ids=["plain", "emoji", "NUL", "surrogate", "quotes", "long", "empty"],
)
async def test_odd_texts_are_kept(database: Database, given: str, kept: str) -> None:
    async with database.write() as session:
        await users.ensure_user(session, 7, name=given, language=None, now=NOON)
    async with database.read() as session:
        assert await session.scalar(select(User.name)) == kept
        assert await session.scalar(select(User.id).where(User.name == given)) is not None


@pytest.mark.parametrize(
    "given",
    [
        {"empty": {}, "none": []},
        {"a": [1, 2.5, None, True, {"b": "\U0001f680"}], "": "", "z": -(2**53)},
        {"nul": "a\0b", "half": "\ud83d"},  # spelled out in JSON, so that any database takes it
        {"order": 1, "of": 2, "keys": 3},
    ],
)
async def test_json_comes_back_as_it_was(database: Database, given: dict[str, Any]) -> None:
    async with database.write() as session:
        await dialogs.put_data(session, "1:2:3", given, NOON)
    async with database.read() as session:
        assert await dialogs.data_of(session, "1:2:3") == given
        (row,) = await session.scalars(select(DialogState))
    assert list(row.data) == list(given)


async def test_moments_are_aware_utc_to_the_microsecond(database: Database) -> None:
    elsewhere = datetime(2026, 6, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    async with database.write() as session:
        await event_log.add(session, kind="webhook", outcome="done", message="x", now=elsewhere)
    async with database.read() as session:
        at = await session.scalar(select(LogEntry.at))
        assert at == elsewhere
        assert at is not None
        assert at.tzinfo is UTC
        assert await event_log.last_at(session, kind="webhook", outcome="done") == elsewhere
    naive = elsewhere.replace(tzinfo=None)
    async with database.write() as session:
        with pytest.raises(StatementError, match="without a time zone"):
            await event_log.add(session, kind="webhook", outcome="done", message="x", now=naive)
        await session.rollback()


async def test_large_numbers_of_telegram_fit(database: Database) -> None:
    number = -1_001_234_567_890_123
    async with database.write() as session:
        await users.ensure_chat(session, number, type_="supergroup", title="crew", language=None)
    async with database.read() as session:
        found = await users.chat_by_number(session, number)
    assert found is not None


async def test_names_are_compared_with_their_case_but_for_groups(ground: Ground) -> None:
    async with ground.database.read() as session:
        assert await session.scalar(select(User.id).where(User.name == "ann")) is None
    hook_id = await ground.add_hook("grouped")
    async with ground.database.write() as session:
        hook = await hooks.get(session, hook_id)
        hook.project_id, hook.group_path = None, "Acme"
    async with ground.database.read() as session:
        found = await hooks.covering(session, ground.forge_id, "acme/rocket")
    assert found is not None
    assert found.id == hook_id
