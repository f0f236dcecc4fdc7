"""The commands that look at one thing and say what they see: `review` and `log`, as arguments."""

import argparse
from collections.abc import Callable, Coroutine
from typing import Any

from src.config import load_settings

# What does the work is imported where it runs, as in the other commands.

Loop = Callable[[Coroutine[Any, Any, int]], int]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", in_loop: Loop) -> None:
    """Add the commands; `in_loop` runs what they do and gives its exit code."""
    review = commands.add_parser("review", help="review a pull request with the token of the settings; needs no bot")
    review.add_argument(
        "what", nargs="+", metavar="PULL_REQUEST", help="owner/repo 123, owner/repo#123, group/project!5, its address"
    )
    review.add_argument("--forge", metavar="KIND", help="where it is, if that is not clear")
    review.add_argument("--dry-run", action="store_true", help="print what would be posted, and post nothing")
    review.set_defaults(command=lambda given: _review(given, in_loop))

    log = commands.add_parser("log", help="show what became of deliveries, messages and reviews, newest last")
    log.add_argument("--kind", help="webhook, webhook_error, message, message_error, hook, ...")
    log.add_argument("--repo", metavar="PATH", help="of one project: owner/name")
    log.add_argument("--limit", type=_count, default=50, metavar="N", help="how many rows (50)")
    log.add_argument("--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    log.set_defaults(command=lambda given: _log(given, in_loop))


def _count(value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return int(value)


def _review(given: argparse.Namespace, in_loop: Loop) -> int:
    from src.cli.reviewing import review

    return in_loop(review(load_settings(), " ".join(given.what), given.forge, dry_run=given.dry_run))


def _log(given: argparse.Namespace, in_loop: Loop) -> int:
    from src.cli.log_rows import Wanted, show

    wanted = Wanted(kind=given.kind, repo=given.repo, limit=given.limit, follow=given.follow)
    return in_loop(show(load_settings(), wanted))
