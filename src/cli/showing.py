"""The commands that show the product without any account: the demo, its script, the dialogs of the guides."""

import argparse
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic_settings import SettingsConfigDict

from src.config import ConfigError, Settings, tokens_set

# What does the work is imported where it runs, as in the other commands.

T = TypeVar("T")

INTERRUPTED = 130  # what a shell expects after Ctrl-C


class Loop(Protocol):
    """Runs a coroutine and gives what it returns."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T:
        """To its end."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", in_loop: Loop, *, began: float) -> None:
    """Add the commands; `in_loop` runs what they do. `began`: when the process did, by `time.monotonic`."""
    demo = commands.add_parser("demo", help="a page to try everything on, against emulators; needs no account")
    demo.add_argument("--port", type=_port, help="where the page is served (8765, or a free one where that is taken)")
    demo.add_argument("--folder", type=Path, metavar="DIR", help="keep the files there (a folder that is removed)")
    demo.add_argument("--pace", type=_pace, default=1.0, metavar="N", help="run Telegram's limits N times as fast (1)")
    demo.add_argument("--open", action="store_true", help="open the page in the browser")
    demo.set_defaults(command=lambda given: _demo(given, in_loop, began))
    script = commands.add_parser("demo-script", help="the demo as a transcript that ends by itself")
    script.add_argument("--transcript", type=Path, metavar="FILE", help="write an excerpt between the marks of FILE")
    script.set_defaults(command=lambda given: _demo_script(given, in_loop))
    guide = commands.add_parser("user-guide", help="take the dialogs of the user guides from the bot (for developers)")
    guide.set_defaults(command=lambda given: _user_guide(given, in_loop))


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


class Alone(Settings):
    """Settings from the values given: of the environment nothing but names that nobody sets, of `.env` nothing."""

    model_config = SettingsConfigDict(env_file=None, env_prefix="GIT_ASSISTANT_DEMO_ONLY_")


def _refuse_real_tokens() -> None:
    if names := tokens_set():
        raise ConfigError(
            f"{', '.join(names)}: the demo runs against emulators and takes no real token; "
            "unset it (and take it out of .env) for the demo"
        )


def _demo(given: argparse.Namespace, in_loop: Loop, began: float) -> int:
    _refuse_real_tokens()
    from src.demo.playground import Unusable, main

    try:
        return in_loop(
            main(Alone, port=given.port, folder=given.folder, pace=given.pace, opens=given.open, began=began)
        )
    except Unusable as error:
        raise ConfigError(str(error)) from None


def _demo_script(given: argparse.Namespace, in_loop: Loop) -> int:
    _refuse_real_tokens()
    from src.demo.script import main

    return in_loop(main(Alone, transcript=given.transcript))


def _user_guide(_given: argparse.Namespace, in_loop: Loop) -> int:
    from src.demo.guide import GUIDES, Interrupted, WrongTurn, filled, play

    try:
        for language, file in GUIDES.items():
            dialogs = in_loop(play(Alone, language))
            file.write_text(filled(file.read_text(encoding="utf-8"), dialogs), encoding="utf-8")
            print(f"{file} is up to date.")
    except WrongTurn as error:
        print(f"The bot did something else than the guide tells: {error}", file=sys.stderr)
        return 1
    except Interrupted:
        return INTERRUPTED
    return 0
