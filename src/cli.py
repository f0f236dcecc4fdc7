"""The command line. Exit codes: 0 fine, 2 bad configuration, 1 anything else."""

import argparse
import asyncio
import json
import socket
import sqlite3
import sys
from collections.abc import Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from cryptography.fernet import Fernet
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import DatabaseError

from src import logs
from src.config import ConfigError, Settings, load_settings, tokens_set

# Every command imports what it needs where it runs: only `run` with the bot or the sender loads aiogram.

ROLES = ("bot", "webhook", "worker", "sender")
_SPEAKS_TO_TELEGRAM = frozenset({"bot", "sender"})
T = TypeVar("T")
_INTERRUPTED = 130  # what a shell expects after Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. What is a mistake of ours goes up with its traceback."""
    sys.excepthook = logs.print_traceback
    given = _parser().parse_args(arguments)
    try:
        return int(given.command(given))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="main.py", description="Git Assistant: GitHub and GitLab events on Telegram.")
    parser.set_defaults(command=_run, only=frozenset(ROLES))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    run = commands.add_parser("run", help="run bot, relay, worker and sender (the default)")
    check = commands.add_parser("check-config", help="say whether `run` would accept the settings")
    for each in (run, check):
        each.add_argument(
            "--only", type=_roles, default=frozenset(ROLES), metavar="ROLES", help=f"some of {','.join(ROLES)}"
        )
    run.set_defaults(command=_run)
    check.set_defaults(command=_check_config)

    doctor = commands.add_parser("doctor", help="find what is wrong and how to mend it")
    doctor.add_argument("--json", action="store_true", help="findings for machines")
    doctor.set_defaults(command=_doctor)

    commands.add_parser("migrate", help="bring the database up to date").set_defaults(command=_migrate)

    log = commands.add_parser("log", help="show what became of deliveries and messages, newest last")
    log.add_argument("--kind", help="webhook, webhook_error, message, message_error, hook, ...")
    log.add_argument("--limit", type=_count, default=50, help="how many rows (50)")
    log.set_defaults(command=_log)

    commands.add_parser("make-key", help="print a new key for SECRET_KEYS").set_defaults(command=_make_key)
    shows = "show everything against emulators; needs no account"
    for name, what in (("demo", f"{shows} (for now the same as demo-script)"), ("demo-script", shows)):
        demo = commands.add_parser(name, help=what)
        demo.add_argument("--transcript", type=Path, metavar="FILE", help="write an excerpt between the marks of FILE")
        demo.set_defaults(command=_demo)
    return parser


def _roles(value: str) -> frozenset[str]:
    roles = frozenset(part.strip() for part in value.split(",") if part.strip())
    if not roles or not roles <= set(ROLES):
        raise argparse.ArgumentTypeError(f"choose from {','.join(ROLES)}")
    return roles


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return int(value)


# ---------------------------------------------------------------------------------------------------
# Commands


def _run(given: argparse.Namespace) -> int:
    settings = _settings_for(given.only)
    logs.set_up(settings.log_format)
    from src.app import key_file, run

    _check_key_file(settings, key_file(settings))
    _check_database(settings)
    try:
        _in_loop(run(settings, given.only))
    except ExceptionGroup as group:
        unbound, others = group.split(_is_of_binding)
        if unbound is None or others is not None:
            raise
        raise ConfigError(
            f"HOST, PORT: cannot listen on {settings.host}:{settings.port} ({_first(unbound)}); "
            "stop what listens there, or choose another HOST or PORT"
        ) from None
    return 0


def _check_config(given: argparse.Namespace) -> int:
    settings = _settings_for(given.only)
    print(f"The settings are fine for {', '.join(role for role in ROLES if role in given.only)}.")
    if settings.public_url is None:
        print("PUBLIC_URL is not set: hooks have to be made by hand.")
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from src.app import key_file, site_of
    from src.doctor import Inputs, examine, human, machine

    settings = load_settings()
    site = site_of(settings)
    inputs = Inputs(
        token=_plain(settings.telegram_bot_token),
        telegram_api_url=settings.telegram_api_url,
        database_url=settings.database_url,
        secret_keys=_known_keys(settings, key_file(settings)),
        forges=tuple((instance.kind, instance.base_url) for instance in site.instances),
        types=site.types,
        public_url=settings.public_url,
        host=settings.host,
        port=settings.port,
    )
    findings = _in_loop(examine(inputs))
    print(json.dumps(machine(findings), indent=2) if given.json else human(findings))
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _migrate(_given: argparse.Namespace) -> int:
    settings = load_settings()
    _check_database(settings)
    _in_loop(_migrated(settings))
    return 0


async def _migrated(settings: Settings) -> None:
    from src.database.database import Database
    from src.database.migrate import revisions, upgrade

    database = Database(settings.database_url)
    try:
        await upgrade(database)
        print(f"The database stands at revision {', '.join(await revisions(database))}.")
    finally:
        await database.close()


def _log(given: argparse.Namespace) -> int:
    settings = load_settings()
    file = _database_file(settings)
    _check_folder(file)
    if not file.exists():
        print(
            f"Nothing has run here yet: there is no {file}. Go to the folder that the bot is started from, "
            "or begin with `python main.py run`.",
            file=sys.stderr,
        )
        return 1
    return _in_loop(_logged(settings, given.kind, given.limit))


async def _logged(settings: Settings, kind: str | None, limit: int) -> int:
    from src.database.database import Database
    from src.database.repositories import event_log

    database = Database(settings.database_url)
    try:
        async with database.read() as session:
            rows = await event_log.latest(session, kind=kind, limit=limit)
    except DatabaseError as error:
        if "no such table" not in str(error.orig):
            raise ConfigError(_unusable(_database_file(settings), error.orig)) from None
        print("There is no log in this database yet: start with `python main.py migrate`.", file=sys.stderr)
        return 1
    finally:
        await database.close()
    for row in reversed(rows):
        ids = "".join(
            f" {word} {value}"
            for word, value in (("hook", row.hook_id), ("delivery", row.delivery_id), ("project", row.project_id))
            if value is not None
        )
        print(f"{row.at:%Y-%m-%d %H:%M:%S} {row.kind} {row.outcome}{ids}: {row.message}")
    return 0


def _make_key(_given: argparse.Namespace) -> int:
    print(Fernet.generate_key().decode())
    return 0


class _Alone(Settings):
    """Settings from the values given: of the environment nothing but names that nobody sets, of `.env` nothing."""

    model_config = SettingsConfigDict(env_file=None, env_prefix="GIT_ASSISTANT_DEMO_ONLY_")


def _demo(given: argparse.Namespace) -> int:
    if names := tokens_set():
        raise ConfigError(
            f"{', '.join(names)}: the demo runs against emulators and takes no real token; "
            "unset it (and take it out of .env) for the demo"
        )
    from src.demo.script import main as demo

    return _in_loop(demo(_Alone, transcript=given.transcript))


# ---------------------------------------------------------------------------------------------------
# What they share


def _settings_for(roles: frozenset[str]) -> Settings:
    settings = load_settings()
    if settings.telegram_bot_token is None and roles & _SPEAKS_TO_TELEGRAM:
        raise ConfigError(
            "TELEGRAM_BOT_TOKEN: is not set; get one from @BotFather, "
            "or start only what needs none: `run --only webhook,worker`"
        )
    return settings


def _check_key_file(settings: Settings, file: Path) -> None:
    """Refuse a key beside the database that opens nothing; one that is not there is made later."""
    if settings.secret_keys or not file.exists():
        return
    try:
        Fernet(file.read_text().strip())
    except (ValueError, OSError):
        raise ConfigError(
            f"{file}: holds no Fernet key; put the key back from your backup. If it is lost, delete the file: "
            "a new key is made, and everybody has to set their tokens anew"
        ) from None


def _check_database(settings: Settings) -> None:
    """Refuse a database that cannot be written to; its folder is made where there is none."""
    file = _database_file(settings)
    _check_folder(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:  # then another process works with it
            raise ConfigError(_unusable(file, error)) from None


def _check_folder(file: Path) -> None:
    """Refuse a path to the database that leads through something that is no folder, or that may not be entered."""
    try:
        nearest = next(folder for folder in file.absolute().parents if folder.exists())
    except OSError as error:
        raise ConfigError(_unusable(file, error)) from None
    if not nearest.is_dir():
        raise ConfigError(_unusable(file, f"{nearest} is no folder"))
    if file.is_dir():
        raise ConfigError(_unusable(file, "it is a folder"))


def _database_file(settings: Settings) -> Path:
    return Path(make_url(settings.database_url).database or "")  # the settings refuse an address without a file


def _unusable(file: Path, reason: object) -> str:
    said = reason.strerror or str(reason) if isinstance(reason, OSError) else str(reason)
    return f"DATABASE_URL: cannot use {file} ({said}); give a file in a folder that this program may write to"


def _is_of_binding(error: BaseException) -> bool:
    """Whether the relay could not listen. Names are looked up by others, too, but those wrap what goes wrong."""
    return isinstance(error, OSError) and (type(error) is socket.gaierror or "bind on address" in str(error))


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(getattr(error, "strerror", None) or error).rpartition(": ")[2]


def _known_keys(settings: Settings, file: Path) -> tuple[str, ...]:
    """The keys that there are; none before the first start."""
    if not settings.secret_keys and file.exists():
        return (file.read_text().strip(),)
    return tuple(key.get_secret_value() for key in settings.secret_keys)


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where there is one (not on Windows)."""
    try:
        import uvloop
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
