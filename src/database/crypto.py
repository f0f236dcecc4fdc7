"""Tokens and secrets at rest: Fernet with key rotation."""

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class UndecryptableError(Exception):
    """A stored secret was written with a key that is not among SECRET_KEYS."""


class SecretBox:
    """Encrypts with the newest key, decrypts with any."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys`: url-safe base64 Fernet keys, newest first. Raises `ValueError` when one is malformed."""
        if not keys:
            raise ValueError("no key given")
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, plain: str) -> bytes:
        """Encrypt a token or secret."""
        return self._fernet.encrypt(plain.encode())

    def opens(self, sealed: bytes) -> bool:
        """Whether one of the keys fits."""
        try:
            self._fernet.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def open(self, sealed: bytes) -> str:
        """Decrypt what `seal` made. Raises `UndecryptableError`."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise UndecryptableError("written with a key that is not in SECRET_KEYS") from error


def load_or_make_key(path: Path) -> str:
    """The key kept beside the database; made with mode 0600 at first use.

    It is written under another name and linked into place, so that two processes starting at once agree on one.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(Fernet.generate_key())
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # then the other process was first: its key counts
                os.link(draft, path)
        finally:
            draft.unlink()
    return path.read_text().strip()
