"""`backup` and `restore`: one moment of a database that is written to, and its way back into an empty place."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from src.cli import keeping
from src.cli.opening import Refused
from src.config import Settings
from src.database import backup as copies
from src.database import migrate
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.key_file import KeyFile, new_key
from src.database.models import Chat, Forge, Hook, Job, utc_now
from tests.command import Operator, Ran, run
from tests.process import post, program, stage

pytestmark = pytest.mark.sqlite_file

DB = "data/git-assistant.db"


class Place:
    """The folder that a program runs in."""

    def __init__(self, folder: Path, operator: Operator) -> None:
        self.folder = folder
        self.operator = operator
        self.file = folder / DB
        self.key = folder / "data" / "secret.key"
        self.backup = folder / "kept" / "backup.db"
        self.backup.parent.mkdir()

    async def command(self, *arguments: str, **settings: str) -> Ran:
        return await self.operator(*arguments, **settings)

    def rows(self, file: Path, table: str = "chats") -> int:
        with closing(sqlite3.connect(file)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names

    def tree(self) -> dict[str, bytes]:
        """All files, to see that nothing changed; what SQLite keeps beside an open database left out."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in files if not path.name.endswith(("-wal", "-shm"))}


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Operator:
    return Operator(monkeypatch, capsys, tmp_path)


@pytest.fixture
async def place(tmp_path: Path, operator: Operator) -> Place:
    """A database with a chat, a hook whose secret is encrypted, and work that waits."""
    made = Place(tmp_path, operator)
    made.key.parent.mkdir()
    KeyFile(made.key).make()
    database = Database(f"sqlite+aiosqlite:///{made.file}")
    await migrate.upgrade(database)
    secret, now = SecretBox(KeyFile(made.key).read()).seal("secret"), utc_now()
    async with database.write() as session:
        session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
        session.add(Chat(telegram_id=71, type="private", title="ann"))
        session.add(Job(kind="hooks", key="", payload={}, state="new", run_at=now, created_at=now))
        await session.flush()
        session.add(Hook(public_id="h", forge_id=1, origin="managed", secret=secret, events=[], created_at=now))
    await database.close()
    return made


@pytest.fixture
async def running(place: Place) -> AsyncIterator[Database]:
    """A process that has the database open; it reads and writes."""
    database = Database(f"sqlite+aiosqlite:///{place.file}")
    async with database.write() as session:
        session.add(Chat(telegram_id=72, type="private", title="bob"))
    yield database
    await database.close()


# ---------------------------------------------------------------------------------------------------
# There and back


async def test_backup_and_restore_under_traffic(tmp_path: Path) -> None:
    """A backup of the running program, put in place after a loss: it goes on, and the hook's secret still opens."""
    kept = tmp_path / "kept.db"
    async with stage(tmp_path) as made:
        environment = {name: made.environment()[name] for name in ("DATABASE_URL", "SECRET_KEYS")}
        done = asyncio.Event()

        async def traffic() -> None:
            number = 100
            while not done.is_set():
                assert await post(first.port, made, number) == 202
                number += 1
                await asyncio.sleep(0.6)  # Telegram takes one a second in a chat

        async with program(made) as first:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(traffic())
                ran = await run(tmp_path, "backup", str(kept), **environment)
                done.set()
            assert (ran.code, ran.err) == (0, "")
            refused = await run(tmp_path, "restore", str(kept), **environment)
            assert refused.code == 2
            assert refused.err.startswith(f"{tmp_path / 'app.db'}: a process has the database open: stop the program")
            assert await post(first.port, made, 800) == 202  # the attempt did it no harm
            first.process.send_signal(signal.SIGTERM)
            assert await first.ended() == 0
        for name in ("app.db", "app.db-wal", "app.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        ran = await run(tmp_path, "restore", str(kept), **environment)
        assert (ran.code, ran.err) == (0, "")
        async with program(made) as again:
            assert await post(again.port, made, 900) == 202
            await made.carl.private.wait_for(
                lambda _: any("Change number 900" in text for text in made.texts()), timeout=90
            )
        assert "Traceback" not in first.log + again.log


async def test_backup_is_one_checked_file_that_only_its_owner_reads(place: Place, running: Database) -> None:
    ran = await place.command("backup", str(place.backup))
    assert (ran.code, ran.err) == (0, "")
    assert place.backup.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.backup.parent.iterdir()] == ["backup.db"]
    assert place.rows(place.backup) == 2
    assert all(len(line) <= 80 or " " not in line for line in ran.out.splitlines())


async def test_backup_is_of_one_moment_whatever_is_written_meanwhile(place: Place, running: Database) -> None:
    """Pairs are written in one transaction each; no backup has half of one."""
    stop = asyncio.Event()

    async def pairs() -> None:
        number = 1_000
        while not stop.is_set():
            async with running.write() as session:
                session.add(Chat(telegram_id=number, type="private", title="x" * 3_000))
                session.add(Chat(telegram_id=-number, type="group", title="x" * 3_000))
            number += 1

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pairs())
        for _ in range(10):
            await asyncio.sleep(0.05)
            await asyncio.to_thread(copies.copy, place.file, place.backup)
            assert place.rows(place.backup) % 2 == 0
        stop.set()
    assert place.rows(place.backup) > 20


async def test_backup_replaces_an_earlier_one_in_one_step_and_nothing_else(place: Place) -> None:
    for _ in range(2):
        assert (await place.command("backup", str(place.backup))).code == 0
    before = place.tree()
    other, folder = place.folder / "notes.txt", place.folder / "some"
    other.write_text("mine")
    folder.mkdir()
    with closing(sqlite3.connect(place.folder / "other.db")) as foreign:
        foreign.execute("CREATE TABLE mine (x)")
    for target, says in (
        (other, "is there already, and is no earlier backup"),
        (place.folder / "other.db", "is there already, and is no earlier backup"),
        (place.key, "is what the backup is made of"),
        (place.file, "is what the backup is made of"),
        (Path(f"{place.file}-wal"), "SQLite takes a file of this name for a part of the database"),
        (folder, "is a folder"),
        (place.folder / "what?.db", "has a question mark in its path"),
        (place.folder / "no" / "x.db", "there is no folder"),
    ):
        ran = await place.command("backup", str(target))
        assert (ran.code, ran.out) == (2, "")
        assert says in ran.err
        assert ran.err.count("\n") == 1
    assert other.read_text() == "mine"
    assert {name: place.tree()[name] for name in before} == before


@pytest.mark.parametrize(("given", "where"), [("", "data/secret.key"), ("keys", "SECRET_KEYS")])
async def test_the_key_reminder_says_what_a_backup_is_worth_and_where_the_key_is(
    place: Place, given: str, where: str
) -> None:
    settings = {"SECRET_KEYS": KeyFile(place.key).read()[0]} if given else {}
    ran = await place.command("backup", str(place.backup), **settings)
    said = " ".join(ran.out.split())
    assert "Without the key its 1 tokens and secrets stay closed, and the key is not in it." in said
    assert f"It is in {where}" in said
    assert KeyFile(place.key).read()[0].encode() not in place.backup.read_bytes()
    place.key.write_text(new_key())
    ran = await place.command("backup", str(place.backup))
    assert "No key in data/secret.key opens its 1 tokens and secrets" in " ".join(ran.out.split())


async def test_a_damaged_database_makes_no_backup(place: Place) -> None:
    assert (await place.command("backup", str(place.backup))).code == 0
    good = place.backup.read_bytes()
    _damage(place.file)
    ran = await place.command("backup", str(place.backup))
    assert ran.code == 2
    assert "is damaged" in ran.err
    assert "restore an earlier backup" in ran.err
    assert place.backup.read_bytes() == good
    assert [path.name for path in place.backup.parent.iterdir()] == ["backup.db"]


async def test_backup_where_nothing_is_says_so(tmp_path: Path, operator: Operator) -> None:
    ran = await operator("backup", "x.db")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Nothing has run here yet: there is no data/git-assistant.db")
    (tmp_path / "data").mkdir()
    (tmp_path / DB).write_bytes(b"")
    ran = await operator("backup", "x.db")
    assert ran.code == 2
    assert "nothing is in it yet" in ran.err


# ---------------------------------------------------------------------------------------------------
# The way back


async def test_restore_keeps_the_old_file_aside_and_says_what_waits(place: Place) -> None:
    await place.command("backup", str(place.backup))
    with closing(sqlite3.connect(place.file)) as connection:
        connection.execute("UPDATE chats SET title = 'changed since'")
        connection.commit()
    mode, number = place.file.stat().st_mode, place.file.stat().st_ino
    ran = await place.command("restore", str(place.backup))
    assert (ran.code, ran.err) == (0, "")
    (aside,) = [path for path in place.file.parent.iterdir() if ".before-" in path.name]
    assert aside.stat().st_mode & 0o777 == 0o600
    assert aside.name in "".join(ran.out.split())
    assert [_title(file) for file in (place.file, aside, place.backup)] == ["ann", "changed since", "ann"]
    assert (place.file.stat().st_mode, place.file.stat().st_ino) == (mode, number)  # still its owner's
    said = " ".join(ran.out.split())
    assert "Waiting when the backup was made: 1 jobs." in said
    assert "It is in data/secret.key" in said


async def test_restore_into_an_empty_place(place: Place, tmp_path: Path) -> None:
    await place.command("backup", str(place.backup))
    folder = tmp_path / "machine"
    folder.mkdir()
    place.operator.folder = folder
    ran = await place.command("restore", str(place.backup))
    assert (ran.code, ran.err) == (0, "")
    assert (folder / DB).stat().st_mode & 0o777 == 0o600
    assert _title(folder / DB) == "ann"
    assert {path.name for path in (folder / "data").iterdir()} == {"git-assistant.db"}
    assert "No key in data/secret.key opens its 1 tokens and secrets: put the key there" in " ".join(ran.out.split())


async def test_restore_runs_the_migrations(place: Place) -> None:
    database = Database(f"sqlite+aiosqlite:///{place.folder}/older.db")
    await migrate.upgrade(database)
    await migrate.downgrade(database, "0001")
    await database.close()
    ran = await place.command("restore", "older.db")
    assert (ran.code, ran.err) == (0, "")
    newest = (await place.command("migrate")).out
    assert newest.startswith("The database stands at revision ")
    assert newest.rpartition(" ")[2].rstrip(".\n") in ran.out
    with closing(sqlite3.connect(place.folder / "older.db")) as older:  # the backup itself is left alone
        assert older.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]


async def test_restore_refuses_while_a_process_runs_on_the_database(place: Place, running: Database) -> None:
    await place.command("backup", str(place.backup))
    async with running.write() as session:
        session.add(Chat(telegram_id=73, type="private", title="carl"))
    ran = await place.command("restore", str(place.backup))
    assert (ran.code, ran.out) == (2, "")
    assert "a process has the database open: stop the program" in ran.err
    async with running.write() as session:
        session.add(Chat(telegram_id=74, type="private", title="dora"))
    assert place.rows(place.file) == 4
    assert {path.name for path in place.file.parent.iterdir()} <= {
        "git-assistant.db", "git-assistant.db-wal", "git-assistant.db-shm", "secret.key",
    }  # fmt: skip


async def test_whoever_starts_during_a_restore_waits_and_sees_what_is_restored(place: Place, tmp_path: Path) -> None:
    await asyncio.to_thread(copies.copy, place.file, place.backup)
    with closing(sqlite3.connect(place.file)) as connection:
        connection.execute("UPDATE chats SET title = 'changed since'")
        connection.commit()
    with copies.alone(place.file) as connection:
        starting = asyncio.get_running_loop().create_task(run(tmp_path, "migrate"))
        await asyncio.sleep(2)
        assert not starting.done()
        copies.fill(connection, place.backup)
    assert (await starting).code == 0
    assert _title(place.file) == "ann"


async def test_restore_refuses_what_is_no_backup_of_this_version(place: Place, tmp_path: Path) -> None:
    await place.command("backup", str(place.backup))
    newer, damaged = tmp_path / "newer.db", tmp_path / "damaged.db"
    for copy in (newer, damaged):
        copy.write_bytes(place.backup.read_bytes())
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    _damage(damaged)
    (tmp_path / "text.db").write_text("no database\n" * 100)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE x (y)")
    before = place.tree()
    for file, says in (
        (newer, "is at revision 9999, which a newer version made: update this program"),
        (damaged, "is damaged"),
        (tmp_path / "text.db", "is no SQLite database"),
        (tmp_path / "other.db", "is a database of something else"),
        (tmp_path / "absent.db", "cannot be read (No such file or directory)"),
        (tmp_path / "kept", "cannot be read (Is a directory)"),
        (place.file, "is the database itself"),
    ):
        ran = await place.command("restore", str(file))
        assert (ran.code, ran.out) == (2, ""), ran
        assert says in ran.err
        assert ran.err.count("\n") == 1
    assert place.tree() == before


@pytest.mark.parametrize("damage", ["pages", "truncated", "header"])
async def test_restore_mends_a_database_that_is_damaged(place: Place, damage: str) -> None:
    await place.command("backup", str(place.backup))
    if damage == "pages":
        _damage(place.file)
    elif damage == "truncated":
        os.truncate(place.file, 5_000)
    else:
        place.file.write_bytes(b"rubbish" * 3_000)
    ran = await place.command("restore", str(place.backup))
    assert (ran.code, ran.err) == (0, "")
    assert _title(place.file) == "ann"
    assert (await place.command("migrate")).code == 0
    assert [path.name for path in place.file.parent.iterdir() if ".before-" in path.name]


async def test_a_restore_that_fails_leaves_the_database_as_it_was(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await asyncio.to_thread(copies.copy, place.file, place.backup)
    with closing(sqlite3.connect(place.file)) as connection:
        connection.execute("UPDATE chats SET title = 'changed since'")
        connection.commit()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(copies, "fill", full)
    with pytest.raises(Refused, match="No space left on device"):
        await keeping.restore(Settings(), place.backup)
    assert _title(place.file) == "changed since"


def _title(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("SELECT title FROM chats").fetchone()[0])


def _damage(file: Path) -> None:
    """Rubbish over most pages but the first."""
    content = bytearray(file.read_bytes())
    content[4096 * 2 :] = b"\xa5" * (len(content) - 4096 * 2)
    file.write_bytes(content)
