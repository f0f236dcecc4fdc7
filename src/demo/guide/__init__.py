"""`python main.py user-guide`: the dialogs of the user guide, taken from the running bot, in each language."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src.demo.guide.dialogs import DIALOGS, Chapter
from src.demo.guide.player import Player, WrongTurn
from src.demo.script.stage import Interrupted, refused, staged

if TYPE_CHECKING:
    from src.config import Settings

__all__ = ["DIALOGS", "GUIDES", "Chapter", "Interrupted", "WrongTurn", "dialogs_in", "filled", "play"]

# The guides by language, below the project's folder.
GUIDES = {"en": Path("docs/user-guide.md"), "ru": Path("docs/user-guide.ru.md")}
_SIGN = "[0-9A-HJKMNP-TV-Z]"  # of a code that lets somebody in
# A dialog stands between these marks.
_BLOCK = re.compile(r"<!-- dialog (\w+) -->\n(?:```text\n(.*?)\n```\n)?<!-- /dialog -->", re.DOTALL)


async def play(
    settings: "Callable[..., Settings]", language: str, *, chapters: Sequence[Chapter] = DIALOGS
) -> dict[str, str]:
    """Every dialog in this language, by name, the same in every run.

    Raises `WrongTurn`, LookupError, TimeoutError, and `Interrupted` on Ctrl-C.
    """
    found: dict[str, str] = {}
    for chapter in chapters:
        try:
            found |= await _played(settings, language, chapter)
        except BaseExceptionGroup as group:  # of one: the product comes down with whatever goes wrong
            raise group.exceptions[0] from None
    return found


async def _played(settings: "Callable[..., Settings]", language: str, chapter: Chapter) -> dict[str, str]:
    found: dict[str, str] = {}
    async with staged(settings, access=chapter.access, language=language) as stage:
        for name, dialog in chapter.dialogs.items():
            player = Player(stage, language, _same)
            await dialog(player)
            found[name] = player.text()
        await stage.quiet()
        if wrong := [*refused(stage.tg), *stage.log.errors]:
            raise WrongTurn("; ".join(wrong))
    return found


def _same(text: str) -> str:
    """Without what differs from run to run: codes, addresses with ports, ids of hooks, secrets, moments."""
    text = re.sub(rf"{_SIGN}{{4}}(-{_SIGN}{{4}}){{2}}", "7K2M-Q4XW-9TBA", text)
    text = re.sub(rf"start([= ]){_SIGN}{{12}}", r"start\g<1>7K2MQ4XW9TBA", text)
    text = re.sub(r"\d{4}-\d\d-\d\d (\d\d:\d\d)", r"2026-03-14 \1", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "https://bot.example.org", text)
    text = re.sub(r"(/webhook/\w+/)[\w-]+", r"\1q7Zk", text)
    return re.sub(r"whsec_[\w+/=]+", "whsec_…", text)


def filled(guide: str, dialogs: Mapping[str, str]) -> str:
    """The guide with each dialog between its marks. Raises KeyError for a mark that no dialog has."""
    return _BLOCK.sub(
        lambda found: f"<!-- dialog {found[1]} -->\n```text\n{dialogs[found[1]]}\n```\n<!-- /dialog -->", guide
    )


def dialogs_in(guide: str) -> dict[str, str]:
    """The dialogs as a guide shows them, by name."""
    return {found[1]: found[2] or "" for found in _BLOCK.finditer(guide)}
