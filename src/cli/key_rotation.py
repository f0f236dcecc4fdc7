"""`rotate-key`: all tokens and hook secrets under another key, while the program runs."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.app import key_file
from src.cli.mistakes import check_key_file
from src.cli.opening import Refused, opened
from src.config import Settings
from src.database.crypto import SecretBox, mark_of
from src.database.database import Database
from src.database.key_file import KeyFile, new_key
from src.database.key_notice import GOOD_FOR
from src.database.key_rotation import Renewed, Survey, renew, strangers, survey

_PATIENCE = GOOD_FOR.total_seconds() + 5  # a process that died is forgotten by then


async def rotate_key(settings: Settings) -> int:
    """Run the command; prints what was done. Raises `Refused`."""
    async with opened(settings) as database:
        if settings.secret_keys:
            await _by_settings(database, SecretBox([key.get_secret_value() for key in settings.secret_keys]))
            return 0
        path = key_file(settings)
        check_key_file(settings, path)
        if not path.exists():
            return await _without_key(database, path)
        with _alone(path.parent):
            await _by_file(database, KeyFile(path))
    return 0


async def _by_settings(database: Database, box: SecretBox) -> None:
    """From the older of SECRET_KEYS to the first."""
    _check_some_open(await survey(database, box), "SECRET_KEYS")
    if await _others(database, box.mark):
        raise Refused(
            "A process still encrypts with another key than the first of SECRET_KEYS: put the new key in front there, "
            "too, keep the older ones behind it, restart it, and then run this again."
        )
    _tell(await renew(database, box))
    print("SECRET_KEYS needs its first key alone from now on: take the older ones out, and restart when convenient.")
    print("Backups made before now need the older ones: keep those with them, or make a new backup.")


async def _by_file(database: Database, file: KeyFile) -> None:
    """A new key in the file, the old one behind it until all is done; one that was interrupted goes on."""
    keys = file.read()
    _check_some_open(await survey(database, SecretBox(keys)), str(file.path))
    known = {mark_of(key) for key in keys}
    if any(mark not in known for mark in (await strangers(database, mark_of(keys[0]), patience=0)).values()):
        raise Refused(
            f"A process runs with a key that is not in {file.path}: run this with the settings of that process "
            "(SECRET_KEYS), or restart it with those from here."
        )
    if len(keys) == 1:
        keys = (new_key(), *keys)
        _write(file, keys)
        print(f"A new key stands in {file.path}, the one before it behind it until all is done.")
    else:
        print(f"Going on with the newest key in {file.path}: an earlier run did not come to its end.")
    if await _others(database, mark_of(keys[0])):
        raise Refused(
            f"A process did not take the new key in {file.path} over: restart it, and then run this again. "
            "Nothing was changed but the file, and both keys are in it."
        )
    done = await renew(database, SecretBox(keys))
    _write(file, keys[:1])
    _tell(done)
    print(f"The key before it is no longer in {file.path}. Copy the file to where you keep the key.")
    print("Backups made before now need the key from before: keep its copy with them, or make a new backup.")


async def _without_key(database: Database, path: Path) -> int:
    found = await survey(database, SecretBox([new_key()]))
    if found.total:
        raise Refused(
            f"There is no {path}, and {found.total} tokens and secrets are encrypted: set SECRET_KEYS as for the "
            "program, or put the key back from where you keep it."
        )
    print(f"There is no key yet, and nothing is encrypted; the first start makes {path}.")
    return 0


async def _others(database: Database, mark: str) -> bool:
    """Whether a process goes on with another key than this after the time to learn of it, or to be forgotten."""
    if await strangers(database, mark, patience=2):
        print(f"Waiting, up to {_PATIENCE:.0f} s, for every process to use the newest key...", flush=True)
        return bool(await strangers(database, mark, patience=_PATIENCE))
    return False


def _check_some_open(found: Survey, where: str) -> None:
    if found.total and found.lost == found.total:
        raise Refused(
            f"No key in {where} opens anything of what is stored ({found.total} tokens and secrets): "
            "run this with the settings that the program runs with."
        )


def _write(file: KeyFile, keys: tuple[str, ...]) -> None:
    try:
        file.write(keys)
    except OSError as error:
        raise Refused(f"{file.path}: cannot be changed ({error.strerror}); run this as the user who owns it.") from None


def _tell(done: Renewed) -> None:
    print(f"Encrypted anew: {done.total} ({done.tokens} tokens, {done.hook_secrets} secrets of hooks).")
    if done.lost:
        print(f"No key opens {done.lost} more; they stay as they are. `python main.py doctor` names them.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else changes the key file meanwhile: of two new keys one would be lost. Ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("Another `rotate-key` is at work here: wait until it has ended.") from None
        yield
    finally:
        os.close(descriptor)
