"""`dead-letters`: what was given up, shown with its reason, tried again, or dropped; safe while the program runs."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import column, select, table, update

from src.database import migrate
from src.database.database import Database
from src.database.jobs import JobRunner
from src.database.key_file import new_key
from src.database.models import (
    Chat,
    Delivery,
    Forge,
    Hook,
    Job,
    LogEntry,
    Message,
    Mute,
    Project,
    StoredEvent,
    Subscription,
    User,
    utc_now,
)
from src.database.repositories import jobs, queues
from tests.command import Operator, Ran, run
from tests.databases import number_on, url_in
from tests.process import post, program, stage

NOW = utc_now()
_VERSIONS = table("alembic_version", column("version_num"))


@dataclass
class Office:
    """A database with some of everything given up, and the commands to deal with it."""

    database: Database
    operator: Operator

    async def command(self, *arguments: str) -> Ran:
        return await self.operator("dead-letters", *arguments, DATABASE_URL=self.database.url, SECRET_KEYS=new_key())

    async def listed(self, *arguments: str) -> dict[str, dict[str, Any]]:
        ran = await self.command("list", "--json", *arguments)
        assert (ran.code, ran.err) == (0, "")
        return {letter["id"]: letter for letter in json.loads(ran.out)["dead_letters"]}

    async def one(self, kind: type[Delivery] | type[Message], number: int) -> Any:
        async with self.database.read() as session:
            return await session.get_one(kind, number)

    async def set(self, kind: Any, number: int, **values: Any) -> None:
        async with self.database.write() as session:
            await session.execute(update(kind).where(kind.id == number).values(**values))


@pytest.fixture
async def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Office]:
    database = Database(url_in(tmp_path))
    await migrate.upgrade(database)
    async with database.write() as session:
        session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
        session.add(User(id=1, telegram_id=71, name="ann", created_at=NOW))
        session.add(Chat(id=1, telegram_id=71, type="private", title="ann"))
        await session.flush()
        session.add(Project(id=1, forge_id=1, external_id="501", path="acme/rocket", private=False))
        await session.flush()
        session.add(
            Hook(
                id=1, public_id="h", forge_id=1, project_id=1, origin="managed", secret=b"s", events=[], created_at=NOW
            )
        )
        session.add(
            Subscription(
                id=1, project_id=1, chat_id=1, owner_id=1, scope="all", events=[], levels={}, filters={},
                created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
        await session.flush()
        session.add(delivery(1, "quarantined", hours=50, error="speaks of another project"))
        session.add(delivery(2, "failed", hours=2, error="KeyError"))
        session.add(delivery(3, "done", hours=1))
        for number, error in enumerate(("given up after 9 attempts: timeout", "muted", None), start=1):
            session.add(event(number, hours=3 + number))
            await session.flush()
            session.add(message(number, "dead" if error else "sent", error, hours=3 + number))
        session.add(job(1, "hook_check", "1", "dead", hours=30))
        session.add(job(2, "hooks", "", "new", hours=0))
        await session.flush()
        await number_on(session, Delivery, StoredEvent, Message, Job)
    yield Office(database, Operator(monkeypatch, capsys, tmp_path))
    await database.close()


def delivery(number: int, state: str, *, hours: int, error: str | None = None) -> Delivery:
    then = NOW - timedelta(hours=hours)
    return Delivery(
        id=number, hook_id=1, key=f"k{number}", event="pull_request", headers={"x": "y"}, body=b"secret payload",
        received_at=then, state=state, not_before=then, attempts=8, error=error,
    )  # fmt: skip


def event(number: int, *, hours: int, **more: Any) -> StoredEvent:
    then = NOW - timedelta(hours=hours)
    return StoredEvent(
        id=number, project_id=1, happening_key=f"happening {number}", name="pull_request.opened",
        subject_key=f"pull_request:{number}", schema_version=1, body="{}", created_at=then, **more,
    )  # fmt: skip


def message(number: int, state: str, error: str | None, *, hours: int, **more: Any) -> Message:
    then = NOW - timedelta(hours=hours)
    return Message(
        **{
            "id": number, "event_id": number, "chat_id": 1, "subscription_id": 1, "op": "send", "reasons": [],
            "subject_key": f"pull_request:{number}", "level": "on", "state": state, "error": error,
            "not_before": then, "created_at": then, "attempts": 9, **more,
        }
    )  # fmt: skip


def job(number: int, kind: str, key: str, state: str, *, hours: int) -> Job:
    then = NOW - timedelta(hours=hours)
    return Job(id=number, kind=kind, key=key, payload={"a": 1}, state=state, run_at=then, created_at=then, attempts=12,
               error="TimeoutError" if state == "dead" else None)  # fmt: skip


# ---------------------------------------------------------------------------------------------------
# list


async def test_dead_letters_list(office: Office) -> None:
    """Oldest first, each with its reason, readable in 80 columns; who was muted or is done is none of it."""
    ran = await office.command("list")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "d1  2 d old  github pull_request of acme/rocket\n"
        "    quarantined: speaks of another project (8 attempts)\n"
        "\n"
        "j1  1 d old  hook_check 1\n"
        "    dead: TimeoutError (12 attempts)\n"
        "\n"
        "m1  4 h old  pull_request.opened to a chat (private) of acme/rocket\n"
        "    dead: given up after 9 attempts: timeout (9 attempts)\n"
        "\n"
        "d2  2 h old  github pull_request of acme/rocket\n"
        "    failed: KeyError (8 attempts)\n"
        "\n"
        "4 dead letters\n"
    )
    assert "payload" not in ran.out


async def test_a_list_is_readable_whatever_a_reason_says(office: Office) -> None:
    await office.set(Delivery, 1, error="\x1b[31mred\x1b[0m and long " * 20)
    ran = await office.command("list", "d1")
    assert "\x1b" not in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ([], {"d1", "d2", "m1", "j1"}),
        (["--kind", "deliveries"], {"d1", "d2"}),
        (["--kind", "messages"], {"m1"}),
        (["--kind", "jobs"], {"j1"}),
        (["--older-than", "1d"], {"d1", "j1"}),
        (["--newer-than", "180m"], {"d2"}),
        (["--older-than", "3h", "--newer-than", "40h"], {"m1", "j1"}),
        (["--kind", "deliveries", "--older-than", "1d"], {"d1"}),
        (["d2", "j1"], {"d2", "j1"}),
    ],
)
async def test_filters_by_kind_age_and_id(office: Office, arguments: list[str], ids: set[str]) -> None:
    assert set(await office.listed(*arguments)) == ids


async def test_a_long_list_says_how_to_see_more(office: Office) -> None:
    ran = await office.command("list", "--limit", "1")
    assert ran.out.startswith("d1  ")
    assert ran.out.endswith("4 dead letters, 3 not shown: --limit 4\n")
    assert json.loads((await office.command("list", "--limit", "1", "--json")).out)["more"] == 3


async def test_the_list_for_machines(office: Office) -> None:
    letter = (await office.listed("m1"))["m1"]
    assert letter == {
        "id": "m1", "kind": "messages", "state": "dead", "since": (NOW - timedelta(hours=4)).isoformat(),
        "what": "pull_request.opened to a chat (private)", "project": "acme/rocket",
        "reason": "given up after 9 attempts: timeout", "attempts": 9, "stays": None,
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------------
# retry


async def test_dead_letters_retry(office: Office) -> None:
    ran = await office.command("retry")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "2 deliveries, 1 messages, 1 jobs queued again.\n"
    assert await office.listed() == {}
    for row in (await office.one(Delivery, 1), await office.one(Delivery, 2), await office.one(Message, 1)):
        assert (row.state, row.attempts, row.error) == ("new", 0, None)
        assert row.not_before <= utc_now()
    assert (await office.one(Delivery, 3)).state == "done"
    assert (await office.one(Message, 2)).error == "muted"
    async with office.database.read() as session:
        (line,) = await session.scalars(select(LogEntry).where(LogEntry.kind == "dead_letters"))
    assert (line.outcome, line.message) == ("requeued", "2 deliveries, 1 messages, 1 jobs")
    assert (await office.command("retry")).out == "Nothing to do.\n"


async def test_retry_of_some_leaves_the_others(office: Office) -> None:
    assert (await office.command("retry", "d2")).out == "1 deliveries queued again.\n"
    assert set(await office.listed()) == {"d1", "m1", "j1"}


async def test_a_job_that_waits_already_is_not_doubled(office: Office) -> None:
    async with office.database.write() as session:
        await jobs.put(session, "hook_check", "1", now=NOW)
    assert (await office.command("retry", "j1")).code == 0
    done: list[str] = []

    async def check(one: Job) -> None:
        done.append(one.key)

    await JobRunner(office.database, {"hook_check": check}, owner="test").run_due()
    assert done == ["1"]


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("emptied", "what the forge sent is no longer kept"),
        ("off", "Telegram refuses the bot in that chat"),
        ("unsubscribed", "nobody there follows the project any more"),
        ("muted", "it was muted there meanwhile"),
        ("overtaken", "something newer of the same was told meanwhile"),
        ("told", "another message tells the same"),
        ("private", "who could read it a day ago may not any more"),
    ],
)
async def test_what_is_not_to_be_told_any_more_stays(office: Office, why: str, says: str) -> None:
    letter = "d1" if why == "emptied" else "m1"
    await _make(office, why)
    ran = await office.command("retry", letter)
    assert ran.code == 1
    assert says in " ".join(ran.out.split())
    assert says in str((await office.listed(letter))[letter]["stays"])
    assert (await office.command("retry")).code == 0  # among many it holds nothing up
    assert set(await office.listed()) == {letter}


async def _make(office: Office, why: str) -> None:
    moment = NOW - timedelta(hours=1)
    match why:
        case "emptied":
            await office.set(Delivery, 1, body=None)
        case "off":
            await office.set(Chat, 1, off_at=NOW)
        case "unsubscribed":
            await office.set(Message, 1, subscription_id=None)
        case "muted":
            async with office.database.write() as session:
                session.add(Mute(project_id=1, subject_key="pull_request:1", chat_id=1, created_at=NOW))
        case "overtaken":
            same = {"subject_key": "pull_request:1", "aspect": "state"}
            await office.set(StoredEvent, 1, **same, object_updated_at=moment)
            await office.set(StoredEvent, 3, **same, object_updated_at=NOW)
        case "told":
            for number in (1, 3):
                await office.set(Message, number, coalesce_key="same")
        case "private":
            await office.set(Project, 1, private=True)
            await office.set(StoredEvent, 1, created_at=NOW - timedelta(hours=25))
        case _:
            raise ValueError(why)


async def test_of_two_that_tell_the_same_one_is_sent(office: Office) -> None:
    async with office.database.write() as session:
        session.add(event(4, hours=1))
        await session.flush()
        session.add(message(4, "dead", "given up", hours=1, coalesce_key="same"))
    await office.set(Message, 1, coalesce_key="same")
    assert (await office.command("retry", "--kind", "messages")).out.startswith("1 messages queued again.\nm4 stays: ")


async def test_dead_letters_retry_while_the_program_runs(tmp_path: Path) -> None:
    """A message that Telegram refused for a while and a delivery that failed: told after the retry, each once."""
    async with stage(tmp_path) as made, program(made) as running:
        for number in (11, 12):
            assert await post(running.port, made, number) == 202
        await made.carl.private.wait_for(lambda _: len(made.texts()) >= 2, timeout=30)
        database = Database(made.database_url)
        try:
            async with database.write() as session:  # as if the second had failed, and nothing had come of it
                (second,) = await session.scalars(select(Delivery).where(Delivery.key == "delivery-12"))
                for rows in (
                    select(Message).order_by(Message.id.desc()),
                    select(StoredEvent).order_by(StoredEvent.id.desc()),
                ):
                    await session.delete((await session.scalars(rows.limit(1))).one())
                    await session.flush()
                second.state, second.error = "failed", "KeyError"
        finally:
            await database.close()
        assert (await _metrics(running.port))["git_assistant_oldest_seconds", "deliveries", "failed"] > 0
        ran = await run(tmp_path, "dead-letters", "retry", DATABASE_URL=made.database_url, SECRET_KEYS=made.key)
        assert (ran.code, ran.err, ran.out) == (0, "", "1 deliveries queued again.\n")
        await made.carl.private.wait_for(lambda _: len(made.texts()) >= 3, timeout=30)
        waiting = await _metrics(running.port)
        assert waiting["git_assistant_waiting", "deliveries", "failed"] == 0
        assert waiting["git_assistant_waiting", "jobs", "new"] > 0
    told = [number for text in made.texts() for number in (11, 12) if f"Change number {number}" in text]
    assert sorted(told) == [11, 12, 12]


async def _metrics(port: int) -> dict[tuple[str, ...], float]:
    """What `/metrics` says of the queues: by name, table and state."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 200
        families = text_string_to_metric_families(await answer.text())
        return {
            (sample.name, sample.labels["table"], sample.labels["state"]): sample.value
            for family in families
            for sample in family.samples
            if "table" in sample.labels
        }


# ---------------------------------------------------------------------------------------------------
# drop


async def test_dead_letters_drop_asks_for_yes_or_ids(office: Office) -> None:
    ran = await office.command("drop", "--kind", "deliveries")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "This would drop 2 dead letters for good: name them by their ids, or say --yes.\n"
    assert set(await office.listed()) == {"d1", "d2", "m1", "j1"}
    assert (await office.command("drop", "d1")).out == "1 deliveries dropped.\n"
    assert (await office.command("drop", "--yes")).out == "1 deliveries, 1 messages, 1 jobs dropped.\n"
    assert await office.listed() == {}
    dropped = await office.one(Delivery, 1)
    assert (dropped.state, dropped.body, dropped.headers, dropped.key) == ("ignored", None, {}, "k1")
    assert (await office.command("drop")).out == "Nothing to do.\n"


async def test_done_for_machines(office: Office) -> None:
    await office.set(Chat, 1, off_at=NOW)
    assert json.loads((await office.command("retry", "--json")).out) == {
        "done": {"deliveries": 2, "messages": 0, "jobs": 1},
        "stay": [{"id": "m1", "why": "Telegram refuses the bot in that chat"}],
    }


# ---------------------------------------------------------------------------------------------------
# What is wrong, and how to mend it


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["retry", "d3"], "d3 is no dead letter: `python main.py dead-letters list` shows those that are."),
        (["drop", "m2", "d1", "j9"], "m2, j9 are no dead letters: "),
        (["list", "d1", "--kind", "jobs"], "d1 is no dead letter of this kind and age: "),
        (["list", "x1"], "'x1' is no id of a dead letter; they look like d12, m7 or j3"),
        (["list", "--older-than", "soon"], "must be a number with s, m, h or d behind it, e.g. 12h"),
        (["list", "--limit", "0"], "must be a number above 0"),
        ([], "the following arguments are required: ACTION"),
    ],
)
async def test_what_is_asked_wrongly_is_2_and_does_nothing(office: Office, arguments: list[str], says: str) -> None:
    ran = await office.command(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert set(await office.listed()) == {"d1", "d2", "m1", "j1"}


async def test_where_nothing_ran_or_another_version_did(office: Office, tmp_path: Path) -> None:
    ran = await office.operator("dead-letters", "list", DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/none.db")
    assert ran.code == 2
    assert ran.err.startswith("Nothing has run here yet: there is no ")
    async with office.database.write() as session:
        await session.execute(update(_VERSIONS).values(version_num="9999"))
    ran = await office.command("list")
    assert ran.code == 2
    assert ran.err == "The database is at revision 9999, which a newer version made: update this program.\n"


# ---------------------------------------------------------------------------------------------------
# Metrics


async def test_metrics_for_every_queue_with_its_oldest_age(office: Office) -> None:
    await office.set(Message, 3, state="new", sent_at=None)
    await office.set(Job, 2, run_at=NOW + timedelta(hours=1))
    async with office.database.read() as session:
        found = {(queue.table, queue.state): queue for queue in await queues.standing(session, NOW)}
    assert {key: (queue.count, round(queue.oldest / 3_600)) for key, queue in found.items()} == {
        ("deliveries", "new"): (0, 0),
        ("deliveries", "taken"): (0, 0),
        ("deliveries", "failed"): (1, 2),
        ("deliveries", "quarantined"): (1, 50),
        ("messages", "new"): (1, 6),
        ("messages", "sending"): (0, 0),
        ("messages", "dead"): (1, 4),  # and not who was muted
        ("jobs", "new"): (1, 0),  # asked for ahead of time: it is not late
        ("jobs", "taken"): (0, 0),
        ("jobs", "dead"): (1, 30),
    }
