"""The command line. Exit codes: 0 fine, 2 bad configuration, 1 anything else."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cryptography.fernet import Fernet
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict
from sqlalchemy.exc import DatabaseError

from src import logs
from src.cli import operating
from src.cli.mistakes import (
    check_database,
    check_folder,
    check_key_file,
    database_file,
    first,
    is_of_binding,
    settings_for,
    unusable,
    where_from_outside,
    who_may,
)
from src.config import ConfigError, Settings, Tunnel, load_settings, tokens_set
from src.database.key_file import KeyFile

# Every command imports what it needs where it runs: only `run` with the bot or the sender loads aiogram.

ROLES = ("bot", "webhook", "worker", "sender")
T = TypeVar("T")
_BEGAN = time.monotonic()
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
    parser.set_defaults(command=_run, only=frozenset(ROLES), tunnel=None)
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
    for each in (run, check, doctor):
        each.add_argument("--tunnel", type=Tunnel, choices=list(Tunnel), help="as the setting TUNNEL")

    commands.add_parser("migrate", help="bring the database up to date").set_defaults(command=_migrate)

    operating.add(commands, _in_loop)

    log = commands.add_parser("log", help="show what became of deliveries and messages, newest last")
    log.add_argument("--kind", help="webhook, webhook_error, message, message_error, hook, ...")
    log.add_argument("--limit", type=_count, default=50, help="how many rows (50)")
    log.set_defaults(command=_log)

    commands.add_parser("make-key", help="print a new key for SECRET_KEYS").set_defaults(command=_make_key)
    demo = commands.add_parser("demo", help="a page to try everything on, against emulators; needs no account")
    demo.add_argument("--port", type=_port, help="where the page is served (8765, or a free one where that is taken)")
    demo.add_argument("--folder", type=Path, metavar="DIR", help="keep the files there (a folder that is removed)")
    demo.add_argument("--pace", type=_pace, default=1.0, metavar="N", help="run Telegram's limits N times as fast (1)")
    demo.add_argument("--open", action="store_true", help="open the page in the browser")
    demo.set_defaults(command=_demo)
    script = commands.add_parser("demo-script", help="the demo as a transcript that ends by itself")
    script.add_argument("--transcript", type=Path, metavar="FILE", help="write an excerpt between the marks of FILE")
    script.set_defaults(command=_demo_script)
    guide = commands.add_parser("user-guide", help="take the dialogs of the user guides from the bot (for developers)")
    guide.set_defaults(command=_user_guide)
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


def _port(value: str) -> int:
    if not value.isdecimal() or int(value) > 65535:
        raise argparse.ArgumentTypeError("must be a number from 0 (any free port) to 65535")
    return int(value)


def _pace(value: str) -> float:
    try:
        pace = float(value)
    except ValueError:
        pace = 0.0
    if not 1 <= pace <= 100:
        raise argparse.ArgumentTypeError("must be a number from 1 to 100")
    return pace


# ---------------------------------------------------------------------------------------------------
# Commands


def _run(given: argparse.Namespace) -> int:
    settings = settings_for(given.only, given.tunnel)
    logs.set_up(settings.log_format)
    from src.app import key_file, run

    check_key_file(settings, key_file(settings))
    check_database(settings)
    try:
        _in_loop(run(settings, given.only))
    except ExceptionGroup as group:
        unbound, others = group.split(is_of_binding)
        if unbound is None or others is not None:
            raise
        raise ConfigError(
            f"HOST, PORT: cannot listen on {settings.host}:{settings.port} ({first(unbound)}); "
            "stop what listens there, or choose another HOST or PORT"
        ) from None
    return 0


def _check_config(given: argparse.Namespace) -> int:
    settings = settings_for(given.only, given.tunnel)
    print(f"The settings are fine for {', '.join(role for role in ROLES if role in given.only)}.")
    if (line := where_from_outside(settings)) is not None:
        print(line)
    if "bot" in given.only:
        print(who_may(settings))
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from src.app import key_file, site_of, tunnel_of
    from src.doctor import Inputs, examine, human, machine

    settings = load_settings(tunnel=given.tunnel)
    site = site_of(settings)
    inputs = Inputs(
        token=_plain(settings.telegram_bot_token),
        telegram_api_url=settings.telegram_api_url,
        database_url=settings.database_url,
        secret_keys=_known_keys(settings, key_file(settings)),
        forges=tuple((instance.kind, instance.base_url) for instance in site.instances),
        types=site.types,
        public_url=settings.public_url,
        tunnel=tunnel_of(settings),
        host=settings.host,
        port=settings.port,
        access=settings.access.value,
        has_admin_ids=bool(settings.admin_ids),
    )
    findings = _in_loop(examine(inputs))
    print(json.dumps(machine(findings), indent=2) if given.json else human(findings))
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _migrate(_given: argparse.Namespace) -> int:
    settings = load_settings()
    check_database(settings)
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
    file = database_file(settings)
    check_folder(file)
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
            raise ConfigError(unusable(database_file(settings), error.orig)) from None
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


def _refuse_real_tokens() -> None:
    if names := tokens_set():
        raise ConfigError(
            f"{', '.join(names)}: the demo runs against emulators and takes no real token; "
            "unset it (and take it out of .env) for the demo"
        )


def _demo(given: argparse.Namespace) -> int:
    _refuse_real_tokens()
    from src.demo.playground import Unusable, main

    try:
        return _in_loop(
            main(_Alone, port=given.port, folder=given.folder, pace=given.pace, opens=given.open, began=_BEGAN)
        )
    except Unusable as error:
        raise ConfigError(str(error)) from None


def _demo_script(given: argparse.Namespace) -> int:
    _refuse_real_tokens()
    from src.demo.script import main

    return _in_loop(main(_Alone, transcript=given.transcript))


def _user_guide(_given: argparse.Namespace) -> int:
    from src.demo.guide import GUIDES, Interrupted, WrongTurn, filled, play

    try:
        for language, file in GUIDES.items():
            dialogs = _in_loop(play(_Alone, language))
            file.write_text(filled(file.read_text(encoding="utf-8"), dialogs), encoding="utf-8")
            print(f"{file} is up to date.")
    except WrongTurn as error:
        print(f"The bot did something else than the guide tells: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        return _INTERRUPTED
    return 0


# ---------------------------------------------------------------------------------------------------
# What they share


def _known_keys(settings: Settings, file: Path) -> tuple[str, ...]:
    """The keys that there are; none before the first start."""
    if not settings.secret_keys and file.exists():
        return KeyFile(file).read()
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
