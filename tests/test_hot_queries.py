"""No query on the way of a delivery reads what was worked off before: each is explained by both databases.

The statements are those that the product sends, noted while it works. The tables are small, so that planners are asked
to avoid reading a whole table rather than trusted to see that it does not pay: what they then still read as a whole
has no index that would help.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.ext.asyncio import AsyncSession

from src.database import migrate
from src.database.database import Database
from src.database.models import Delivery, Message, utc_now
from src.database.repositories import deliveries, events, hooks, jobs, messages, mutes, outgoing, queues, subscriptions
from src.events import PipelineEvent, PipelineStatus, Refs, Subject, SubjectKind
from tests.crowd import LEASE, Crowd, gather, post, remember
from tests.rendering import shared
from tests.test_two_workers import drain

ROWS = 2_000  # worked off before, in each table
LARGE = ("deliveries", "events", "messages", "sent", "event_log")
# Indexes of rows that wait: to read one of them as a whole is to read a queue, not what was stored.
WAITING = (
    "ix_deliveries_new", "ix_deliveries_taken", "ix_deliveries_failed", "ix_messages_unfinished",
    "ix_messages_dead",
)  # fmt: skip

Statement = tuple[str, Any]


@contextmanager
def noted() -> Iterator[list[Statement]]:
    """What is sent to any database meanwhile."""
    found: list[Statement] = []

    def note(_c: object, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        found.append((statement, given[0] if many and isinstance(given, list) else given))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
async def stored(each_database_url: str) -> AsyncIterator[tuple[Database, Crowd]]:
    """A database in which much was worked off, and something waits."""
    database = Database(each_database_url)
    try:
        await migrate.upgrade(database)
        crowd = await gather(database, 20, hooks=3)
        await remember(database, crowd, ROWS)
        await post(database, crowd.hook_ids, 1_000_000, 12)
        yield database, crowd
    finally:
        await database.close()


async def explain(database: Database, statement: str, given: Any) -> list[str]:
    """The steps of the plan, one a line."""
    async with database.write() as session:
        connection = await session.connection()
        if database.is_sqlite:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            return [str(row.detail) for row in rows]
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given)
        words = plan.scalar_one()
        return list(_steps((json.loads(words) if isinstance(words, str) else words)[0]["Plan"]))


def _steps(node: dict[str, Any]) -> Iterator[str]:
    """As SQLite words it: a scan reads everything, a search what its index finds."""
    kind, table, index = node["Node Type"], node.get("Relation Name", ""), node.get("Index Name", "")
    if kind == "Seq Scan":
        yield f"SCAN {table}"
    elif "Index" in kind and index:
        of = table or _TABLE_OF.get(index, "")
        yield f"{'SEARCH' if 'Index Cond' in node else 'SCAN'} {of} USING INDEX {index}"
    for below in node.get("Plans", ()):
        yield from _steps(below)


_TABLE_OF: dict[str, str] = {}  # of a bitmap's index the plan does not say it again


def full_reads(steps: list[str], statement: str) -> list[str]:
    """The steps that read all of a large table."""
    named = {alias: table for table, alias in re.findall(r"\b(?:FROM|JOIN) (\w+) AS (\w+)", statement)}
    found = []
    for step in steps:
        match = re.match(r"SCAN (?:TABLE )?(\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
        if match is not None and named.get(match[1], match[1]) in LARGE and match.group(2) not in WAITING:
            found.append(step)
    return found


async def all_full_reads(database: Database, found: list[Statement]) -> dict[str, list[str]]:
    """Those of each statement; only statements that can be explained are."""
    bad: dict[str, list[str]] = {}
    for statement, given in {words: (words, given) for words, given in found}.values():
        if re.match(r"\s*(SELECT|UPDATE|INSERT|DELETE|WITH)\b", statement) and "advisory" not in statement:
            reads = full_reads(await explain(database, statement, given), statement)
            if reads:
                bad[statement] = reads
    return bad


Query = Callable[[AsyncSession, Crowd, datetime], Awaitable[object]]


async def head(session: AsyncSession, crowd: Crowd, now: datetime) -> object:
    return await messages.head(session, crowd.chat_ids[0], now=now)


async def last_status(session: AsyncSession, crowd: Crowd, now: datetime) -> object:
    subject = Subject(kind=SubjectKind.PIPELINE, id="9", title="ci", url="https://x.example.org")
    ended = PipelineEvent(
        **shared(subject, refs=Refs(branch="main"), object_updated_at=now), status=PipelineStatus.SUCCESS
    )
    return await events.last_pipeline_status(session, ended, crowd.project_id)


async def behind(session: AsyncSession, crowd: Crowd, now: datetime) -> object:
    return await outgoing.behind(session, await session.get_one(Message, 1), now=now, limit=50)


async def original(session: AsyncSession, crowd: Crowd, now: datetime) -> object:
    copy = Delivery(id=10_000_000, hook_id=crowd.hook_ids[0], replay_key="body-7")
    assert await deliveries.original(session, copy) == 7
    return copy


async def begin_and_end(session: AsyncSession, crowd: Crowd, now: datetime) -> object:
    message = await session.get_one(Message, 1)
    await messages.begin(session, message, owner="me", now=now, lease=LEASE)
    return await messages.end(session, 1, fence=1, state="sent")


QUERIES: dict[str, Query] = {
    "is_any_due": lambda s, c, now: deliveries.is_any_due(s, now=now, but=c.hook_ids[:1]),
    "claim": lambda s, c, now: deliveries.claim(s, owner="me", now=now, lease=LEASE, limit=5, but=c.hook_ids[:1]),
    "original": original,
    "followers": lambda s, c, now: subscriptions.followers(s, c.project_id, now),
    "mutes": lambda s, c, _: mutes.places(s, project_id=c.project_id, subject_keys=["issue:1"]),
    "known hook": lambda s, _, __: hooks.at_addresses(s, [("github", "hook1x0")]),
    "told": lambda s, _, __: messages.told(s, coalesce_key="1:issue:1/opening"),
    "last pipeline": last_status,
    "waiting": lambda s, _, __: outgoing.waiting(s),
    "behind": behind,
    "sent lately": lambda s, _, now: outgoing.sent_since(s, now - timedelta(minutes=1)),
    "head": head,
    "begin, end": begin_and_end,
    "take_back": lambda s, _, now: messages.take_back(s, now=now),
    "sent": lambda s, c, _: messages.find_sent(s, bot_id=42, chat_id=c.chat_ids[0], telegram_message_id=7),
    "drop_waiting": lambda s, c, _: messages.drop_waiting(s, c.chat_ids[0], error="blocked"),
    "queues": lambda s, _, now: queues.standing(s, now),
    "jobs due": lambda s, _, now: jobs.is_any_due(s, ["hook_check"], now=now),
    "jobs claim": lambda s, _, now: jobs.claim(s, ["hook_check"], owner="me", now=now, lease=LEASE),
}


async def test_no_hot_query_reads_what_was_worked_off(stored: tuple[Database, Crowd]) -> None:
    database, crowd = stored
    bad: dict[tuple[str, str], list[str]] = {}
    for name, query in QUERIES.items():
        with noted() as found:
            async with database.write() as session:
                await query(session, crowd, utc_now() + timedelta(seconds=1))
        assert found, name
        bad |= {(name, words): steps for words, steps in (await all_full_reads(database, found)).items()}
    assert bad == {}


async def test_the_whole_way_of_a_delivery_reads_nothing_that_was_worked_off(
    stored: tuple[Database, Crowd],
) -> None:
    """From the claim to the outbox, and the storing of what comes."""
    database, crowd = stored
    with noted() as found:
        await post(database, crowd.hook_ids, 2_000_000, 3)
        await drain((database, database))
    words = "\n".join(statement for statement, _ in found)
    assert "INSERT INTO events" in words
    assert "INSERT INTO messages" in words
    ours = [(statement, given) for statement, given in found if "count(*)" not in statement]  # `drain` counts
    assert await all_full_reads(database, ours) == {}


# Which index each query is there for: were one dropped, or its words other than the query's, this would tell.
USED = {
    "claim": ("ix_deliveries_new", "ix_deliveries_taken"),
    "original": ("ix_deliveries_replay", "ix_events_delivery_id"),
    "queues": ("ix_deliveries_failed", "ix_messages_dead", "ix_messages_unfinished"),
    "waiting": ("ix_messages_unfinished",),
    "told": ("ix_messages_coalesce_key",),
    "last pipeline": ("ix_events_series",),
}


async def test_each_index_of_what_waits_is_used(stored: tuple[Database, Crowd]) -> None:
    database, crowd = stored
    for name, indexes in USED.items():
        with noted() as found:
            async with database.write() as session:
                await QUERIES[name](session, crowd, utc_now())
        selects = [(words, given) for words, given in found if re.match(r"SELECT (?!pg_)|WITH", words)]
        plans = "\n".join([step for words, given in selects for step in await explain(database, words, given)])
        assert [index for index in indexes if index not in plans] == [], f"{name}:\n{plans}"


async def test_the_check_notices_an_index_that_is_gone(stored: tuple[Database, Crowd]) -> None:
    database, crowd = stored
    for index, name in {"ix_deliveries_new": "is_any_due", "ix_messages_coalesce_key": "told"}.items():
        async with database.write() as session:
            await session.execute(text(f"DROP INDEX {index}"))
        with noted() as found:
            async with database.write() as session:
                await QUERIES[name](session, crowd, utc_now())
        assert await all_full_reads(database, found) != {}, index
