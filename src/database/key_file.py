"""The key file beside the database: a key a line, newest first, changed in one step and read again when it was."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet


class KeyFile:
    """One file. Whoever reads it sees either all that was there before a change or all that is there after it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None

    def make(self) -> None:
        """Put a first key there, with mode 0600, where there is none.

        It is written under another name and linked into place, so that two processes starting at once agree on one.
        """
        if self.path.exists():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._draft([new_key()]) as draft, contextlib.suppress(FileExistsError):
            os.link(draft, self.path)  # where it exists by now, the other process was first: its key counts

    def read(self) -> tuple[str, ...]:
        """The keys, newest first."""
        with self.path.open(encoding="utf-8") as file:
            self._seen = _version(os.fstat(file.fileno()))
            return tuple(line.strip() for line in file if line.strip())

    def news(self) -> tuple[str, ...] | None:
        """The keys, where the file is another one than at the last `read`; `None` where it is the same, or gone."""
        try:
            is_same = _version(self.path.stat()) == self._seen
        except FileNotFoundError:
            return None
        return None if is_same else self.read()

    def write(self, keys: Sequence[str]) -> None:
        """Replace the keys, in one step; the file stays its owner's. Raises `OSError`, and then it is as it was."""
        owner = self.path.stat()
        with self._draft(keys) as draft:
            made = draft.stat()
            if (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):  # the program must be able to read it
                os.chown(draft, owner.st_uid, owner.st_gid)
            draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _draft(self, keys: Sequence[str]) -> Iterator[Path]:
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write("\n".join(keys))
                file.flush()
                os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)


def new_key() -> str:
    """A Fernet key."""
    return Fernet.generate_key().decode()


def _version(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_size
