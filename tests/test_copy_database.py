"""`copy-database`: SQLite to PostgreSQL and back, with nothing lost."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, insert, make_url, text
from sqlalchemy.engine import Connection

from src.cli import main
from src.cli.copying import copy_database
from src.database import copying
from src.database.database import Database
from src.database.models import Base, Chat, Delivery, User, utc_now
from tests.copy_stage import NOON, dump, empty, odd_database, odd_rows, scalars
from tests.postgres import Server, fresh
from tests.process import Stage, post, program, stage

NUMBERS = (11, 12, 13)


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Database]:
    """What is copied, in the file source.db."""
    async with odd_database(tmp_path) as database:
        yield database


async def filled(made: Stage) -> None:
    """The program takes deliveries and queues messages, which nobody sends yet; what it never saw is put behind it."""
    database = Database(made.database_url)
    try:
        async with program(made, "main.py", "run", "--only", "webhook,worker") as relay:
            for number in NUMBERS:
                assert await post(relay.port, made, number) == 202
            async with asyncio.timeout(60):
                while await count(database, "SELECT count(*) FROM messages") < len(NUMBERS):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            relay.process.terminate()
            assert await relay.ended() == 0
        await odd_rows(database)
    finally:
        await database.close()


async def count(database: Database, query: str) -> int:
    async with database.read() as session:
        return int(await session.scalar(text(query)) or 0)


async def test_copy_database_both_ways_and_the_program_goes_on_with_the_copy(
    tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stage(tmp_path) as made:
        await filled(made)
        before, target, back = make_url(made.database_url).database or "", fresh(server), tmp_path / "back.db"
        assert await copy_database(before, target) == 0
        said = capsys.readouterr().out
        assert "Waiting in it: 1 deliveries, 3 messages" in " ".join(said.split())
        assert (make_url(target).password or "") not in said
        assert await copy_database(target, str(back)) == 0
        assert dump(back) == dump(Path(before)), "to the byte"
        assert stat.S_IMODE(back.stat().st_mode) == 0o600
        async with program(made, DATABASE_URL=target) as survivor, asyncio.timeout(90):
            assert await post(survivor.port, made, 14) == 202, "new rows are numbered behind the copied ones"
            while len(made.texts()) < len(NUMBERS) + 1:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
            survivor.process.terminate()
            assert await survivor.ended() == 0
        assert [sum(f"Change number {n}" in told for told in made.texts()) for n in (*NUMBERS, 14)] == [1, 1, 1, 1]


async def test_copy_database_keeps_ids_and_counts_on_behind_them(source: Database, server: Server) -> None:
    target = fresh(server)
    copied = await copying.copy(source.url, target, now=utc_now())
    assert {each.table: each.rows for each in copied if each.rows}["users"] == 1
    database = Database(target)
    try:
        async with database.write() as session:
            assert (await session.get_one(User, 900)).name == "Anya 🚀 \\ ' \" \t\n"
            new = Chat(telegram_id=5, type="private", title="new")
            session.add(new)
            await session.flush()
            assert new.id == 901
    finally:
        await database.close()


async def test_a_nul_in_a_text_is_left_out_and_counted_for_postgresql_alone(
    source: Database, server: Server, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "source.db")) as past:  # the program itself stores none
        past.execute("INSERT INTO chats (telegram_id, type, title) VALUES (7, 'group', ?)", ("a\0b\0",))
        past.commit()
    target = fresh(server)
    dropped = {each.table: each.dropped for each in await copying.copy(source.url, target, now=utc_now())}
    assert {table: number for table, number in dropped.items() if number} == {"chats": 2}
    assert await scalars(target, "SELECT title FROM chats ORDER BY telegram_id DESC LIMIT 1") == ["ab"]
    other = await empty(tmp_path, "other.db")
    await copying.copy(source.url, other, now=utc_now())
    assert dump(tmp_path / "other.db") == dump(tmp_path / "source.db")


async def test_a_break_leaves_the_target_empty(
    source: Database, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next try succeeds."""

    class PulledPlugError(OSError):
        pass

    def report(table: str, _rows: int) -> None:
        if table == "deliveries":
            raise PulledPlugError

    for target in (fresh(server), await empty(tmp_path, "half.db")):
        with pytest.raises(PulledPlugError):
            await copying.copy(source.url, target, now=utc_now(), report=report)
        for table in Base.metadata.sorted_tables:
            assert await scalars(target, f"SELECT count(*) FROM {table.name}") == [0], table.name  # noqa: S608 - our own
        assert await copying.copy(source.url, target, now=utc_now())


async def test_what_the_target_kept_otherwise_is_found_out(source: Database, server: Server) -> None:
    """Each table is read back and summed up before anything is committed."""
    target = fresh(server)
    spoil = text(
        "CREATE FUNCTION spoil() RETURNS trigger AS $$ BEGIN NEW.title := 'other'; RETURN NEW; END $$ LANGUAGE plpgsql"
    )
    database = Database(target)
    async with database.write() as session:
        await session.execute(spoil)
        await session.execute(text("CREATE TRIGGER spoil BEFORE INSERT ON chats FOR EACH ROW EXECUTE FUNCTION spoil()"))
    await database.close()
    with pytest.raises(copying.Differs, match="chats"):
        await copying.copy(source.url, target, now=utc_now())
    assert await scalars(target, "SELECT count(*) FROM users") == [0]


async def test_where_the_key_has_to_go_is_said(
    source: Database, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.key").write_text("never printed")
    assert await copy_database(source.url, fresh(server)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"It is in {tmp_path}/secret.key: put its lines, separated by commas, into SECRET_KEYS" in said
    assert "never printed" not in said
    assert await copy_database(source.url, str(tmp_path / "elsewhere" / "copy.db")) == 0
    assert f"copy {tmp_path}/secret.key to {tmp_path}/elsewhere/secret.key" in " ".join(capsys.readouterr().out.split())


async def test_memory_holds_one_piece_and_not_the_table(
    source: Database, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the largest body is."""
    async with source.write() as session:
        rows = [
            {"hook_id": 900, "key": str(n), "event": "push", "headers": {}, "body": b"x", "received_at": NOON,
             "state": "done", "not_before": NOON}
            for n in range(100)
        ]  # fmt: skip
        await session.execute(insert(Delivery), rows)
    monkeypatch.setattr(copying, "_BYTES", 10 * 70_000)  # the largest body of the source has as many
    sizes: list[int] = []

    def seen(_connection: Connection, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        if statement.startswith("INSERT INTO deliveries"):
            sizes.append(len(parameters) if isinstance(parameters, list) else 1)

    from src.database import engines

    real = engines.copying_engine

    def watched(url: str, *, is_sqlite: bool) -> object:
        engine = real(url, is_sqlite=is_sqlite)
        event.listen(engine.sync_engine, "before_cursor_execute", seen)
        return engine

    monkeypatch.setattr(copying, "copying_engine", watched)
    await copying.copy(source.url, fresh(server), now=utc_now())
    assert sum(sizes) == 101
    assert max(sizes) == 9


def test_the_command_line_copies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy-database", str(tmp_path / "none.db"), str(tmp_path / "new.db")]) == 2
    assert "FROM: there is no file" in capsys.readouterr().err
