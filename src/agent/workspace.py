"""A folder of our own with strangers' files under names of ours, for as long as one analysis takes."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it get names that nobody can foresee, and are ours alone
_PREFIX = "git-assistant-review-"
_MOST_BYTES = 4  # of a letter
_PAGE = 4096  # bytes that the smallest file takes
_ABANDONED = 3600.0  # seconds: no analysis takes as long


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file as it was written: `name` is ours, `path` the forge's."""

    name: str
    path: str
    text: str
    size: int


@asynccontextmanager
async def workspace(texts: Mapping[str, str], suffixes: Mapping[str, str]) -> AsyncIterator[tuple[Path, list[Kept]]]:
    """Write texts, by path, as UTF-8 under generated names; all is gone at the end, whatever happened.

    In memory where there is room: on a disk a thousand files take as long as ruff takes for them.
    `suffixes`: by path, the ending that the name gets: the only part of a name that a tool may go by.
    """
    folder = await asyncio.to_thread(_made, sum(len(text) * _MOST_BYTES + _PAGE for text in texts.values()))
    try:
        yield Path(folder.name), await asyncio.to_thread(_write, Path(folder.name), texts, suffixes)
    finally:
        folder.cleanup()  # not in a thread: a cancelled review cleans up, too


def _made(most: int) -> tempfile.TemporaryDirectory[str]:
    """A new folder for so many bytes at most."""
    if not _has_room(MEMORY, most):
        return tempfile.TemporaryDirectory(prefix=_PREFIX)
    _sweep(MEMORY)
    return tempfile.TemporaryDirectory(prefix=_PREFIX, dir=MEMORY)


def _has_room(folder: Path, most: int) -> bool:
    """Whether we may write there, and half of what is free is enough."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # not on every system
        return False
    return os.access(folder, os.W_OK | os.X_OK) and free // 2 >= most


def _sweep(folder: Path) -> None:
    """Take away what processes left that were killed: memory is not emptied as other temporary folders are."""
    for each in folder.glob(f"{_PREFIX}*"):
        try:
            is_abandoned = time.time() - each.stat().st_mtime > _ABANDONED
        except FileNotFoundError:  # another process was faster
            continue
        if is_abandoned:
            shutil.rmtree(each, ignore_errors=True)  # another user's stay


def _write(folder: Path, texts: Mapping[str, str], suffixes: Mapping[str, str]) -> list[Kept]:
    kept = []
    for number, (path, text) in enumerate(texts.items()):
        data = text.encode()
        name = f"f{number:05}{suffixes[path]}"
        (folder / name).write_bytes(data)
        kept.append(Kept(name=name, path=path, text=text, size=len(data)))
    return kept
