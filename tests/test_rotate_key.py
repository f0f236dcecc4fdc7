"""`rotate-key`: another key for all that is encrypted, while the program runs; nothing is lost on the way."""

import asyncio
import itertools
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import LargeBinary, select

from src.cli import key_rotation
from src.cli.opening import Refused
from src.config import Settings
from src.database import key_rotation as core
from src.database import migrate
from src.database.crypto import SecretBox, UndecryptableError, mark_of
from src.database.database import Database
from src.database.key_file import KeyFile, new_key
from src.database.key_notice import KeyNotice
from src.database.models import Account, Base, Delivery, Forge, Hook, Lease, User, utc_now
from src.database.repositories import expiry, key_notices, sealed
from tests.command import Operator, Ran, run
from tests.process import ROOT, Stage, post, program, stage


@dataclass
class Ground:
    """A database with tokens and secrets in it, and the key file beside it."""

    folder: Path
    database: Database
    old: str

    @property
    def file(self) -> KeyFile:
        return KeyFile(self.folder / "secret.key")

    @property
    def settings(self) -> Settings:
        return Settings(database_url=self.database.url, secret_keys=())

    async def values(self) -> list[bytes]:
        """All that is encrypted."""
        found: list[bytes] = []
        for column in sealed.COLUMNS:
            async with self.database.read() as session:
                found += [value for _, value in await sealed.after(session, column, 0, limit=100_000, for_update=False)]
        return found

    async def plain(self, *keys: str) -> list[str]:
        """All of it, as these keys open it."""
        return sorted(SecretBox(keys).open(value) for value in await self.values())


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Operator:
    return Operator(monkeypatch, capsys, tmp_path)


@pytest.fixture
async def ground(tmp_path: Path, sqlite_file_url: str) -> AsyncIterator[Ground]:
    made = Ground(tmp_path, Database(sqlite_file_url), new_key())
    await migrate.upgrade(made.database)
    made.file.path.write_text(made.old)
    box, now = SecretBox([made.old]), utc_now()
    async with made.database.write() as session:
        session.add(Forge(id=1, kind="github", base_url="https://forge.example.org"))
        await session.flush()
        for number in range(1, 6):
            session.add(User(id=number, telegram_id=number, name="ann", created_at=now))
            await session.flush()
            session.add(account(number, box.seal(f"token {number}")))
            session.add(
                Hook(
                    public_id=f"h{number}", forge_id=1, origin="managed", events=[], created_at=now,
                    secret=box.seal(f"secret {number}"),
                    previous_secret=box.seal(f"previous {number}") if number % 2 else None,
                    next_secret=box.seal(f"next {number}") if number == 3 else None,
                )
            )  # fmt: skip
    yield made
    await made.database.close()


def account(number: int, token: bytes) -> Account:
    return Account(
        user_id=number, forge_id=1, external_user_id=secrets.token_hex(4), login="ann", emails=[], token=token,
        token_last4="1234", missing=[], checked_at=utc_now(),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------
# While the program runs


@pytest.mark.sqlite_file
async def test_rotate_key_under_traffic(tmp_path: Path) -> None:
    """With data/secret.key: every delivery is answered 202 and told once, and no restart is needed."""
    async with stage(tmp_path) as made:
        made.settings["SECRET_KEYS"] = ""
        KeyFile(tmp_path / "secret.key").path.write_text(made.key)
        async with program(made) as running:
            ran, posted = await _rotated_meanwhile(made, running.port)
            assert (ran.code, ran.err) == (0, ""), ran.err
            assert "Encrypted anew: 2 (1 tokens, 1 secrets of hooks)." in ran.out
            (key,) = KeyFile(tmp_path / "secret.key").read()
            assert key != made.key
            assert await post(running.port, made, 900) == 202
            running.process.send_signal(signal.SIGTERM)
            assert await running.ended() == 0
        async with program(made) as again:  # which has the new key alone
            assert await post(again.port, made, 901) == 202
            numbers = [*posted, 900, 901]
            await made.carl.private.wait_for(lambda _: len(made.texts()) >= len(numbers), timeout=90)
        told = [number for number in numbers for text in made.texts() if f"Change number {number}\n" in f"{text}\n"]
        assert sorted(told) == sorted(numbers)
        assert "Traceback" not in running.log + again.log
        assert "secret was" not in running.log  # no moment at which the hook's secret could not be opened


async def test_rotate_key_under_traffic_with_secret_keys(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        old, made.key = made.key, new_key()
        made.settings["SECRET_KEYS"] = f"{made.key},{old}"
        async with program(made) as running:
            ran, _ = await _rotated_meanwhile(made, running.port)
            assert (ran.code, ran.err) == (0, ""), ran.err
            assert "SECRET_KEYS needs its first key alone" in ran.out
        made.settings["SECRET_KEYS"] = made.key
        async with program(made) as again:
            assert await post(again.port, made, 900) == 202


async def _rotated_meanwhile(made: Stage, port: int) -> tuple[Ran, list[int]]:
    """Run the command while deliveries come one after the other, before and behind it, too; all must be taken."""
    numbers = itertools.count(100)
    posted: list[int] = []

    async def deliver() -> None:
        number = next(numbers)
        assert await post(port, made, number) == 202
        posted.append(number)

    await deliver()
    environment = made.environment()
    settings = {name: environment[name] for name in ("DATABASE_URL", "SECRET_KEYS")}
    async with asyncio.TaskGroup() as tasks:
        rotating = tasks.create_task(run(made.folder, "rotate-key", **settings))
        while not rotating.done():
            await deliver()
            # Telegram takes one a second in a chat, and what waits long would be told in one message.
            await asyncio.wait({rotating}, timeout=0.5 if len(posted) < 8 else 1.3)
    await deliver()
    return rotating.result(), posted


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - a task beside us, which tells nobody
            await asyncio.sleep(0.02)


async def test_what_is_sealed_meanwhile_by_a_running_process_opens_with_the_new_key(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "_BATCH", 2)
    file, stop, written = ground.file, asyncio.Event(), 5
    box = SecretBox(file.read(), news=file.news)
    notice = KeyNotice(ground.database, box, owner="running")

    async def people() -> None:
        nonlocal written
        while not stop.is_set():
            written += 1
            async with ground.database.write() as session:
                session.add(account(1 + written % 5, box.seal(f"token {written}")))
            await asyncio.sleep(0.002)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(notice.run(stop))
        tasks.create_task(people())
        await asyncio.sleep(0.3)
        assert await key_rotation.rotate_key(ground.settings) == 0
        await _until(lambda: written > 20)
        stop.set()
    (key,) = file.read()
    assert len([text for text in await ground.plain(key) if text.startswith("token ")]) == written


# ---------------------------------------------------------------------------------------------------
# What it does, and refuses


async def test_the_old_key_stays_behind_the_new_one_until_all_is_done(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, at_work = await ground.plain(ground.old), list[tuple[str, ...]]()
    real = core.renew

    async def watched(database: Database, box: SecretBox) -> core.Renewed:
        at_work.append(ground.file.read())
        return await real(database, box)

    monkeypatch.setattr(key_rotation, "renew", watched)
    assert await key_rotation.rotate_key(ground.settings) == 0
    (key,) = ground.file.read()
    assert at_work == [(key, ground.old)]
    assert await ground.plain(key) == before
    assert ground.file.path.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in ground.folder.iterdir() if "key" in path.name} == {"secret.key"}
    assert "Encrypted anew: 14 (5 tokens, 9 secrets of hooks)." in capsys.readouterr().out


async def test_rotate_key_goes_on_where_it_was_interrupted(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, real, calls = await ground.plain(ground.old), core._renew, 0

    async def dies(database: Database, box: SecretBox, column: sealed.Column) -> tuple[int, int]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ConnectionAbortedError
        return await real(database, box, column)

    monkeypatch.setattr(core, "_renew", dies)
    with pytest.raises(ConnectionAbortedError):
        await key_rotation.rotate_key(ground.settings)
    key, old = ground.file.read()
    assert old == ground.old
    assert await ground.plain(key, old) == before
    capsys.readouterr()
    assert await key_rotation.rotate_key(ground.settings) == 0
    assert ground.file.read() == (key,)
    assert await ground.plain(key) == before
    said = capsys.readouterr().out
    assert "an earlier run did not come to its end" in said
    assert "Encrypted anew: 4 (0 tokens, 4 secrets of hooks)." in said


_VICTIM = """
import os, signal, sys
from src.cli import main
from src.database import key_rotation
from src.database.key_file import KeyFile
from src.database.repositories import sealed

left = int(sys.argv[1])

def deadly(real):
    def call(*given, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **more)
    return call

KeyFile.write = deadly(KeyFile.write)
sealed.replace = deadly(sealed.replace)
key_rotation._BATCH = 2
main(["rotate-key"])
"""


async def test_a_killed_rotation_loses_nothing(ground: Ground, operator: Operator) -> None:
    """Killed before the first write, between two batches, within one, before the last: the next run goes on."""
    before = await ground.plain(ground.old)
    for steps in (0, 3, 4, 8):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _VICTIM, str(steps), cwd=ground.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": ground.database.url},
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await process.wait() == -signal.SIGKILL
        assert await ground.plain(*ground.file.read()) == before
    ran = await operator("rotate-key", DATABASE_URL=ground.database.url)
    assert (ran.code, ran.err) == (0, "")
    (key,) = ground.file.read()
    assert await ground.plain(key) == before


async def test_a_process_that_keeps_the_old_key_is_waited_for_and_then_named(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(key_rotation, "_PATIENCE", 0.5)
    before = await ground.values()
    deaf = KeyNotice(ground.database, SecretBox([ground.old]), owner="deaf")  # as with the old SECRET_KEYS
    await deaf.say()
    with pytest.raises(Refused, match="did not take the new key"):
        await key_rotation.rotate_key(ground.settings)
    assert await ground.values() == before
    await deaf.say()
    with pytest.raises(Refused, match="restart it, and then run this again"):
        await key_rotation.rotate_key(Settings(database_url=ground.database.url, secret_keys=(new_key(), ground.old)))
    assert await ground.values() == before
    assert "Waiting, up to" in capsys.readouterr().out
    await deaf.end()
    assert await key_rotation.rotate_key(ground.settings) == 0


async def test_a_process_with_keys_of_its_own_is_found_before_anything_changes(ground: Ground) -> None:
    await KeyNotice(ground.database, SecretBox([new_key()]), owner="elsewhere").say()
    with pytest.raises(Refused, match="a key that is not in"):
        await key_rotation.rotate_key(ground.settings)
    assert ground.file.read() == (ground.old,)


async def test_the_settings_of_another_program_are_refused_in_one_sentence(ground: Ground, operator: Operator) -> None:
    ran = await operator("rotate-key", DATABASE_URL=ground.database.url, SECRET_KEYS=new_key())
    assert ran.code == 2
    assert ran.err == (
        "No key in SECRET_KEYS opens anything of what is stored (14 tokens and secrets): "
        "run this with the settings that the program runs with.\n"
    )
    ground.file.path.unlink()
    ran = await operator("rotate-key", DATABASE_URL=ground.database.url)
    assert ran.code == 2
    assert "14 tokens and secrets are encrypted: set SECRET_KEYS as for the program" in ran.err
    assert not ground.file.path.exists()


async def test_of_two_at_once_one_is_refused(ground: Ground, operator: Operator) -> None:
    with key_rotation._alone(ground.folder):
        ran = await operator("rotate-key", DATABASE_URL=ground.database.url)
    assert ran.code == 2
    assert ran.err == "Another `rotate-key` is at work here: wait until it has ended.\n"


async def test_what_no_key_opens_is_left_as_it_is_and_counted(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = SecretBox([new_key()]).seal("lost")
    async with ground.database.write() as session:
        (await session.get_one(Hook, 2)).secret = lost
    assert await key_rotation.rotate_key(ground.settings) == 0
    assert lost in await ground.values()
    assert "No key opens 1 more" in capsys.readouterr().out


async def test_a_file_that_may_not_be_changed_is_one_sentence(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(KeyFile, "write", refused)
    with pytest.raises(Refused, match=r"cannot be changed \(Permission denied\); run this as the user who owns it"):
        await key_rotation.rotate_key(ground.settings)
    assert await ground.plain(ground.old)


def test_every_column_of_bytes_is_either_rotated_or_no_secret() -> None:
    no_secrets = {Delivery.__table__.c.body}
    rotated = {column.property.columns[0] for column in sealed.COLUMNS}
    binary = {
        column for table in Base.metadata.tables.values() for column in table.columns
        if isinstance(column.type, LargeBinary)
    }  # fmt: skip
    assert binary == rotated | no_secrets


# ---------------------------------------------------------------------------------------------------
# The box and its file


def test_a_box_takes_a_changed_key_over_when_it_seals_and_when_it_opens(tmp_path: Path) -> None:
    file, old, new = KeyFile(tmp_path / "secret.key"), new_key(), new_key()
    file.make()
    file.write([old])
    writer, reader = (SecretBox(each.read(), news=each.news) for each in (KeyFile(file.path), KeyFile(file.path)))
    before = writer.seal("before")
    file.write([new, old])
    after = writer.seal("after")
    assert Fernet(new).decrypt(after) == b"after"
    assert reader.mark == mark_of(old)
    assert reader.open(after) == "after"
    assert reader.mark == mark_of(new)
    file.write([new])
    assert reader.open(before) == "before"  # what was known stays known


def test_a_file_that_is_broken_or_gone_leaves_the_box_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = KeyFile(tmp_path / "secret.key")
    file.make()
    box = SecretBox(file.read(), news=file.news)
    kept = box.seal("kept")
    file.path.write_text("no key at all")
    assert box.open(box.seal("more")) == "more"
    assert "those from before are used on" in caplog.text
    assert "no key at all" not in caplog.text
    file.path.unlink()
    assert box.open(kept) == "kept"
    with pytest.raises(UndecryptableError):
        box.open(Fernet(Fernet.generate_key()).encrypt(b"else"))


def test_a_changed_file_stays_its_owners(tmp_path: Path) -> None:
    """Whoever runs the command, root too: the program must be able to read it afterwards."""
    file = KeyFile(tmp_path / "secret.key")
    file.make()
    if os.geteuid() == 0:
        os.chown(file.path, 4_242, 4_243)
    before = file.path.stat()
    file.write([new_key()])
    after = file.path.stat()
    assert after.st_ino != before.st_ino
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


async def test_a_process_says_which_key_it_uses_until_it_ends(ground: Ground) -> None:
    file, stop = ground.file, asyncio.Event()
    notice = KeyNotice(ground.database, SecretBox(file.read(), news=file.news), owner="one")

    async def living() -> dict[str, str]:
        async with ground.database.read() as session:
            return dict(await key_notices.living(session, utc_now()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(notice.run(stop))
        new = new_key()
        for key in (ground.old, new):
            async with asyncio.timeout(10):
                while True:
                    if await living() == {"one": mark_of(key)}:
                        break
                    await asyncio.sleep(0.02)
            file.write([new, ground.old])
        stop.set()
    await notice.end()
    assert await living() == {}


async def test_the_notice_of_a_dead_process_is_forgotten(ground: Ground) -> None:
    await KeyNotice(ground.database, SecretBox([ground.old]), owner="dead").say()
    async with ground.database.write() as session:
        await expiry.places(session, utc_now())
        assert len((await session.scalars(select(Lease))).all()) == 1
        (lease,) = await session.scalars(select(Lease))
        await expiry.places(session, lease.until.replace(year=lease.until.year + 1))
        assert (await session.scalars(select(Lease))).all() == []
