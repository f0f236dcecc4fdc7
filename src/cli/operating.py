"""The operator's commands as arguments: dead letters, backup and restore, another key, another database."""

import argparse
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from src.config import load_settings

# What does the work is imported where it runs, as in the other commands.

Loop = Callable[[Coroutine[Any, Any, int]], int]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", in_loop: Loop) -> None:
    """Add the commands; `in_loop` runs what they do and gives its exit code."""
    _dead_letters(commands, in_loop)

    backup = commands.add_parser("backup", help="copy the database to a file, while the program runs")
    backup.add_argument("file", type=Path, metavar="FILE", help="an earlier backup there is replaced")
    backup.set_defaults(command=lambda given: _backup(given, in_loop))
    restore = commands.add_parser("restore", help="put a backup in the place of the database; nothing may run")
    restore.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
    restore.set_defaults(command=lambda given: _restore(given, in_loop))

    rotate = commands.add_parser("rotate-key", help="encrypt tokens and secrets with a new key, while the program runs")
    rotate.set_defaults(command=lambda given: _rotate_key(given, in_loop))

    copying = commands.add_parser("copy-database", help="put all that is in one database into another; nothing may run")
    copying.add_argument(
        "source", metavar="FROM", help="a SQLite file, or postgresql+asyncpg://USER:PASSWORD@HOST/NAME"
    )
    copying.add_argument("target", metavar="TO", help="an empty one, of either kind; a file that is not there is made")
    copying.set_defaults(command=lambda given: _copy_database(given, in_loop))


def _dead_letters(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", in_loop: Loop) -> None:
    letters = commands.add_parser("dead-letters", help="what was given up: show it, try it again, or drop it")
    actions = letters.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    words = {
        "list": "show them with their reasons, oldest first",
        "retry": "try them again; safe while the program runs",
        "drop": "give them up for good: those named by id, or with --yes all that match",
    }
    for name, says in words.items():
        action = actions.add_parser(name, help=says)
        action.add_argument("ids", nargs="*", type=_id, metavar="ID", help="d12: delivery, m7: message, j3: job")
        action.add_argument("--kind", choices=("deliveries", "messages", "jobs"), help="only these")
        action.add_argument("--older-than", type=_age, metavar="AGE", help="only what is older: 30m, 12h, 7d")
        action.add_argument("--newer-than", type=_age, metavar="AGE", help="only what is newer")
        action.add_argument("--json", action="store_true", help="the same for machines")
    actions.choices["list"].add_argument("--limit", type=_count, default=50, metavar="N", help="how many (50)")
    actions.choices["drop"].add_argument("--yes", action="store_true", help="drop all that match")
    letters.set_defaults(command=lambda given: _letters(given, in_loop))


def _id(value: str) -> tuple[str, int]:
    found = re.fullmatch(r"([dmj])([0-9]{1,18})", value)
    if found is None:
        raise argparse.ArgumentTypeError(f"{value!r} is no id of a dead letter; they look like d12, m7 or j3")
    return found[1], int(found[2])


def _age(value: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,4})([smhd])", value)
    if found is None:
        raise argparse.ArgumentTypeError("must be a number with s, m, h or d behind it, e.g. 12h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return int(value)


def _letters(given: argparse.Namespace, in_loop: Loop) -> int:
    from src.cli.dead_letters import Asked, deal_with

    asked = Asked(
        action=given.action,
        ids=tuple(dict.fromkeys(given.ids)),
        kind=given.kind,
        older_than=given.older_than,
        newer_than=given.newer_than,
        limit=getattr(given, "limit", None),
        yes=getattr(given, "yes", False),
        json=given.json,
    )
    return in_loop(deal_with(load_settings(), asked))


def _backup(given: argparse.Namespace, in_loop: Loop) -> int:
    from src.cli.keeping import backup

    return in_loop(backup(load_settings(), given.file))


def _restore(given: argparse.Namespace, in_loop: Loop) -> int:
    from src.cli.keeping import restore

    return in_loop(restore(load_settings(), given.file))


def _rotate_key(_given: argparse.Namespace, in_loop: Loop) -> int:
    from src.cli.key_rotation import rotate_key

    return in_loop(rotate_key(load_settings()))


def _copy_database(given: argparse.Namespace, in_loop: Loop) -> int:
    from src.cli.copying import copy_database

    return in_loop(copy_database(given.source, given.target))
