"""The command line: what it answers, its exit codes, and that no secret comes out of it."""

import asyncio
import json
import logging
import re
import socket
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from src import cli, logs
from src.config import Settings
from src.database.database import Database
from src.database.migrate import upgrade
from src.database.models import utc_now
from src.database.repositories import event_log
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.ports import free_port
from src.demo.telegram import TelegramEmulator
from tests.command import run

TOKEN = "123456:a-token-that-nobody-may-see"
FULL_TOKEN = "123456789:AAF-abc_defghijklmnopqrstuvwxyz12345"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_help_names_every_command(tmp_path: Path) -> None:
    ran = await run(tmp_path, "--help")
    assert ran.code == 0
    known = ("run", "check-config", "doctor", "migrate", "log", "dead-letters", "backup", "restore", "rotate-key")
    for command in (*known, "make-key", "demo", "demo-script"):
        assert command in ran.out


async def test_check_config_accepts_good_settings(tmp_path: Path) -> None:
    ran = await run(tmp_path, "check-config", TELEGRAM_BOT_TOKEN=TOKEN, ACCESS="open")
    assert (ran.code, ran.err) == (0, "")
    assert "fine for bot, webhook, worker, sender" in ran.out
    assert not names(tmp_path)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ACCESS": ""}, "who sends it as /start CODE becomes the admin"),
        ({"ACCESS": "", "ADMIN_IDS": "7"}, "those in ADMIN_IDS let others in with /invite"),
        ({"ACCESS": "open"}, "everybody on Telegram may use the bot"),
        ({"ACCESS": "list", "ALLOWED_IDS": "7"}, "only those in ADMIN_IDS and ALLOWED_IDS"),
    ],
)
async def test_check_config_says_who_may_use_the_bot(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    ran = await run(tmp_path, "check-config", TELEGRAM_BOT_TOKEN=TOKEN, **settings)
    assert (ran.code, ran.err) == (0, "")
    assert says in ran.out


async def test_bad_configuration_is_2_with_a_line_each_and_no_traceback(tmp_path: Path) -> None:
    for command in ("run", "check-config", "doctor", "migrate", "log"):
        ran = await run(tmp_path, command, PORT="x", GITLAB_URL="y")
        assert ran.code == 2, command
        assert [line.partition(":")[0] for line in ran.err.splitlines()] == ["PORT", "GITLAB_URL"]


async def test_run_without_a_token_names_the_variable(tmp_path: Path) -> None:
    for arguments in ((), ("run",), ("run", "--only", "sender"), ("check-config",)):
        ran = await run(tmp_path, *arguments)
        assert ran.code == 2
        assert ran.err.startswith("TELEGRAM_BOT_TOKEN: ")
        assert "@BotFather" in ran.err
    assert (await run(tmp_path, "check-config", "--only", "webhook,worker")).code == 0


@pytest.mark.parametrize(
    "arguments", [("run", "--only", "cook"), ("run", "--only", ","), ("log", "--limit", "0"), ("x",)]
)
async def test_wrong_arguments_are_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = await run(tmp_path, *arguments)
    assert ran.code == 2
    assert "usage:" in ran.err


async def test_anything_else_is_1_with_its_traceback(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as newer:
        newer.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        newer.execute("INSERT INTO alembic_version VALUES ('9999')")
        newer.commit()
    ran = await run(tmp_path, "migrate", DATABASE_URL="sqlite+aiosqlite:///x.db")
    assert ran.code == 1
    assert ran.err.startswith("Traceback")
    assert "NewerSchemaError" in ran.err


RELAY = ("run", "--only", "webhook")


@pytest.mark.parametrize("command", [RELAY, ("migrate",), ("log",)])
@pytest.mark.parametrize("path", ["file/x.db", "file/below/x.db", "folder", "text.db"])
async def test_an_unusable_database_is_2_with_one_line(tmp_path: Path, command: tuple[str, ...], path: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no database at all\n" * 100)
    ran = await run(tmp_path, *command, DATABASE_URL=f"sqlite+aiosqlite:///{path}")
    assert ran.code == 2, ran.err
    assert ran.err.startswith(f"DATABASE_URL: cannot use {path} (")
    assert ran.err.count("\n") == 1, ran.err
    assert names(tmp_path) == {"file", "folder", "text.db"}


async def test_migrate_waits_for_a_database_that_is_in_use(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(1.0, other.execute, "ROLLBACK")
        ran = await run(tmp_path, "migrate", DATABASE_URL="sqlite+aiosqlite:///x.db")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xfe"])
async def test_a_bad_key_file_is_2_with_one_line_and_is_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "data" / "secret.key"
    file.parent.mkdir()
    file.write_bytes(content)
    ran = await run(tmp_path, *RELAY)
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert line.startswith("data/secret.key: holds no Fernet key")
    assert file.read_bytes() == content
    assert names(file.parent) == {"secret.key"}


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "no-such-host.invalid"])
async def test_where_the_relay_cannot_listen_is_2_with_one_line(tmp_path: Path, host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = await run(tmp_path, *RELAY, HOST=host, PORT=str(port))
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert ran.err.splitlines()[-1].startswith(f"HOST, PORT: cannot listen on {host}:{port} (")


def test_a_failure_beside_that_of_listening_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def broken(*_: object, **__: object) -> None:
        bind = OSError(98, "error while attempting to bind on address ('127.0.0.1', 8000): address already in use")
        raise ExceptionGroup("two", [bind, RuntimeError("the other")])

    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets it: put it back
    monkeypatch.setattr(logs, "set_up", lambda _: None)
    monkeypatch.setattr("src.app.run", broken)
    with pytest.raises(ExceptionGroup, match="two"):
        cli.main(list(RELAY))


async def test_migrate_can_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        ran = await run(tmp_path, "migrate")
        assert (ran.code, ran.err) == (0, "")
        assert re.fullmatch(r"The database stands at revision \d{4}\.\n", ran.out)
    assert (tmp_path / "data" / "git-assistant.db").exists()


async def test_log_shows_the_newest_rows_last(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/data/git-assistant.db")
    await upgrade(database)
    async with database.write() as session:
        for number in range(3):
            await event_log.add(session, kind="webhook", outcome="done", message=f"number {number}", now=utc_now())
        await event_log.add(session, kind="webhook_error", outcome="quarantined", message="bad", now=utc_now())
    await database.close()
    everything = await run(tmp_path, "log")
    assert [line.rpartition(": ")[2] for line in everything.out.splitlines()] == [
        "number 0",
        "number 1",
        "number 2",
        "bad",
    ]
    some = await run(tmp_path, "log", "--kind", "webhook", "--limit", "2")
    assert [line[20:] for line in some.out.splitlines()] == ["webhook done: number 1", "webhook done: number 2"]


async def test_log_of_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"")
    ran = await run(tmp_path, "log", DATABASE_URL="sqlite+aiosqlite:///x.db")
    assert ran.code == 1
    assert "python main.py migrate" in ran.err
    assert "Traceback" not in ran.err


async def test_log_where_nothing_ran_says_so_and_makes_nothing(tmp_path: Path) -> None:
    ran = await run(tmp_path, "log")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Nothing has run here yet: there is no data/git-assistant.db")
    assert not names(tmp_path)


async def test_make_key_makes_a_new_key_each_time(tmp_path: Path) -> None:
    keys = {(await run(tmp_path, "make-key")).out.strip() for _ in range(2)}
    assert len(keys) == 2
    for key in keys:
        Fernet(key)


@pytest.mark.parametrize("command", ["demo", "demo-script"])
@pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN"])
async def test_the_demo_refuses_a_real_token(tmp_path: Path, command: str, name: str) -> None:
    ran = await run(tmp_path, command, **{name: TOKEN})
    assert ran.code == 2
    assert ran.err.startswith(f"{name}: the demo runs against emulators")
    assert TOKEN not in ran.err + ran.out


@pytest.mark.parametrize(
    ("argument", "value"), [("--port", "65536"), ("--port", "x"), ("--pace", "0.5"), ("--pace", "fast")]
)
async def test_the_demo_says_what_it_takes(tmp_path: Path, argument: str, value: str) -> None:
    ran = await run(tmp_path, "demo", argument, value)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines()[-1].startswith(f"main.py demo: error: argument {argument}: must be a number from ")


async def test_the_transcript_belongs_to_the_script_alone(tmp_path: Path) -> None:
    ran = await run(tmp_path, "demo", "--transcript", "x.md")
    assert ran.code == 2
    assert "unrecognized arguments: --transcript" in ran.err


async def test_the_demo_refuses_a_real_token_in_dot_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n")
    assert (await run(tmp_path, "demo")).code == 2


async def test_doctor_reports_and_exits_with_what_it_found(tmp_path: Path) -> None:
    async with TelegramEmulator() as telegram, GitHubEmulator() as github, GitLabEmulator() as gitlab:
        settings = {
            "TELEGRAM_API_URL": telegram.url, "GITHUB_API_URL": github.url, "GITLAB_URL": gitlab.url,
            "PORT": str(free_port()), "ADMIN_IDS": "7",
        }  # fmt: skip
        well = await run(tmp_path, "doctor", TELEGRAM_BOT_TOKEN=telegram.token, **settings)
        ill = await run(tmp_path, "doctor", "--json", TELEGRAM_BOT_TOKEN=TOKEN, **settings)
    assert well.code == 0, well.out + well.err
    assert [line[0] for line in well.out.splitlines()] == ["✓"] * 8 + ["!"]
    assert ill.code == 1
    report = json.loads(ill.out)
    assert report["ok"] is False
    assert {"check": "token", "level": "fail"}.items() <= next(
        f for f in report["findings"] if f["check"] == "token"
    ).items()
    assert TOKEN not in ill.out + ill.err
    assert not names(tmp_path)  # it made neither a database nor a key


def test_tokens_are_hidden_from_whatever_is_logged() -> None:
    text = (
        "POST https://api.telegram.org/bot123456789:AAF-abc_defghijklmnopqrstuvwxyz12345/getMe ghp_abcdefghij1234567890"
    )
    assert logs.redact(text) == "POST https://api.telegram.org/bot<hidden>/getMe <hidden>"
    assert logs.redact("glpat-abcdefghij1234567890 at 12:30:45, delivery 5") == "<hidden> at 12:30:45, delivery 5"


def test_ctrl_c_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_given: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets it: put it back
    monkeypatch.setattr(cli, "_make_key", interrupted)
    assert cli.main(["make-key"]) == 130


def record(text: str, error: Exception | None = None) -> logging.LogRecord:
    """A record as a logger makes it."""
    trouble = None if error is None else (type(error), error, None)
    return logging.LogRecord("src.app", logging.WARNING, __file__, 1, text, (), trouble)


def test_a_json_line_is_one_object_without_tokens() -> None:
    trouble = ValueError(f"no way to https://api.telegram.org/bot{FULL_TOKEN}/getMe")
    line = logs.JsonFormatter().format(record("two\nlines", trouble))
    assert "\n" not in line
    shown = json.loads(line)
    assert (shown["level"], shown["logger"], shown["message"]) == ("warning", "src.app", "two\nlines")
    assert "ValueError: no way to https://api.telegram.org/bot<hidden>/getMe" in shown["error"]
    assert datetime.fromisoformat(shown["time"]).tzinfo is not None


def test_a_text_line_shows_level_logger_and_message_without_tokens() -> None:
    line = logs.TextFormatter().format(record(f"bot{FULL_TOKEN} began"))
    assert line.endswith(" WARNING src.app: bot<hidden> began")


def test_a_traceback_of_this_program_holds_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    error = ValueError(FULL_TOKEN)
    logs.print_traceback(ValueError, error, None)
    assert capsys.readouterr().err == "ValueError: <hidden>\n"
