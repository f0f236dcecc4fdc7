"""Tokens and secrets at rest: Fernet with key rotation."""

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

log = logging.getLogger(__name__)


class UndecryptableError(Exception):
    """A stored secret was written with a key that is not among SECRET_KEYS."""


def _no_news() -> None:
    return None


class SecretBox:
    """Encrypts with the newest key, decrypts with any.

    Where the keys may change while we run (`news`), it is asked before every seal and when nothing fits, so that no
    restart is needed. Keys that were known stay known.
    """

    def __init__(self, keys: Sequence[str], *, news: Callable[[], Sequence[str] | None] = _no_news) -> None:
        """`keys`: url-safe base64 Fernet keys, newest first. Raises `ValueError` when one is malformed.

        `news` gives them again where they changed since it was last asked, else `None`.
        """
        if not keys:
            raise ValueError("no key given")
        self._news = news
        self._set(keys)

    @property
    def mark(self) -> str:
        """Tells the newest key from others without giving it away."""
        return mark_of(self._keys[0])

    def look_again(self) -> bool:
        """Take over keys that changed. Whether there was anything new."""
        keys = self._news()
        if not keys:
            return False
        try:
            self._set([*keys, *self._keys])
        except ValueError:
            log.error("the changed keys hold one that is none: those from before are used on")  # noqa: TRY400 - no key into the log
            return False
        return True

    def seal(self, plain: str) -> bytes:
        """Encrypt a token or secret."""
        self.look_again()
        return self._fernet.encrypt(plain.encode())

    def opens(self, sealed: bytes) -> bool:
        """Whether one of the keys fits."""
        return self._opened(sealed) is not None

    def open(self, sealed: bytes) -> str:
        """Decrypt what `seal` made. Raises `UndecryptableError`."""
        plain = self._opened(sealed)
        if plain is None:
            raise UndecryptableError("written with a key that is not in SECRET_KEYS")
        return plain.decode()

    def is_newest(self, sealed: bytes) -> bool:
        """Whether it was sealed with the newest key."""
        return _decrypted(self._newest, sealed) is not None

    def renewed(self, sealed: bytes) -> bytes:
        """The same, sealed with the newest key. Raises `UndecryptableError`."""
        return self._fernet.encrypt(self.open(sealed).encode())

    def _set(self, keys: Sequence[str]) -> None:
        known = tuple(dict.fromkeys(keys))
        fernets = [Fernet(key) for key in known]
        self._keys, self._newest, self._fernet = known, fernets[0], MultiFernet(fernets)

    def _opened(self, sealed: bytes) -> bytes | None:
        plain = _decrypted(self._fernet, sealed)
        return _decrypted(self._fernet, sealed) if plain is None and self.look_again() else plain


def mark_of(key: str) -> str:
    """A short name for a key that does not give it away."""
    return sha256(key.encode()).hexdigest()[:16]


def _decrypted(fernet: Fernet | MultiFernet, sealed: bytes) -> bytes | None:
    try:
        return fernet.decrypt(sealed)
    except InvalidToken:
        return None
