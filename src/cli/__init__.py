"""The command line. Exit codes: 0 fine, 2 bad configuration, 1 anything else."""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cryptography.fernet import Fernet
from pydantic import SecretStr

from src import logs
from src.cli import looking, operating, showing
from src.cli.mistakes import (
    check_database,
    check_key_file,
    first,
    is_of_binding,
    settings_for,
    where_from_outside,
    who_may,
)
from src.config import ConfigError, Poll, Settings, Tunnel, load_settings
from src.database.key_file import KeyFile

# Every command imports what it needs where it runs: only `run` with the bot or the sender loads aiogram.

ROLES = ("bot", "webhook", "worker", "sender")
T = TypeVar("T")
_BEGAN = time.monotonic()
_GARBAGE = 10_000  # objects that may cling together before somebody looks; seven hundred are three requests


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
        return showing.INTERRUPTED


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

    looking.add(commands, _in_loop)
    commands.add_parser("make-key", help="print a new key for SECRET_KEYS").set_defaults(command=_make_key)
    showing.add(commands, _in_loop, began=_BEGAN)
    return parser


def _roles(value: str) -> frozenset[str]:
    roles = frozenset(part.strip() for part in value.split(",") if part.strip())
    if not roles or not roles <= set(ROLES):
        raise argparse.ArgumentTypeError(f"choose from {','.join(ROLES)}")
    return roles


# ---------------------------------------------------------------------------------------------------
# Commands


def _run(given: argparse.Namespace) -> int:
    settings = settings_for(given.only, given.tunnel)
    logs.set_up(settings.log_format)
    from src.app import key_file, run

    check_key_file(settings, key_file(settings))
    check_database(settings)
    try:
        _in_loop(_reached(settings, run(settings, given.only, ready=_settled)))
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
        polls=settings.poll is not Poll.OFF,
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
    _in_loop(_reached(settings, _migrated(settings)))
    return 0


async def _reached(settings: Settings, work: Coroutine[Any, Any, T]) -> T:
    """Work for which a server has to be there; one that is starting is waited for."""
    from src.cli.reaching import reach
    from src.database.away import STARTING

    try:
        await reach(settings, patience=STARTING)
    except BaseException:
        work.close()
        raise
    return await work


async def _migrated(settings: Settings) -> None:
    from src.database.database import Database
    from src.database.migrate import revisions, upgrade

    database = Database(settings.database_url)
    try:
        await upgrade(database)
        print(f"The database stands at revision {', '.join(await revisions(database))}.")
    finally:
        await database.close()


def _make_key(_given: argparse.Namespace) -> int:
    print(Fernet.generate_key().decode())
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


def _settled(_port: int) -> None:
    """All is loaded and stays: collections of garbage, of which traffic makes many, need not look at it any more.

    Nor need there be so many: requests under way are no garbage, and looked at again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)


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
