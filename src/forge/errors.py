"""What can go wrong between us and a forge: types with a next step."""

from datetime import datetime


class ForgeError(Exception):
    """Base of all that can go wrong between us and a forge. Its text never holds a token or a payload."""


class BadSignature(ForgeError):
    """The delivery was not made with the hook's secret: answer 401."""


class UnknownEvent(ForgeError):
    """A well-formed delivery of an event or action that we have never heard of: count it, log it, go on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Unparsable(ForgeError):
    """The delivery's body is not what its headers promise: quarantine it, never retry."""


class Unauthorized(ForgeError):
    """The token is wrong, expired or revoked: ask its owner for a new one."""


class MissingPermission(ForgeError):
    """The token is good but may not do this: name the scope or the role that is missing."""


class NotFound(ForgeError):
    """Not there, or not visible with this token: forges do not tell these apart."""


class Rejected(ForgeError):
    """The forge understood and refused (422 and the like): its message says why."""


class NothingToTest(Rejected):
    """The forge has nothing to make a test delivery from."""


class Unsupported(ForgeError):
    """This instance does not offer it, whoever asks: its version is too old."""


class RateLimited(ForgeError):
    """Too many requests: wait until `until` (aware UTC)."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Unavailable(ForgeError):
    """Down, too slow, or answering something that is not its API: try again later; no token is to blame."""


class TooLong(Unavailable):
    """An answer with more bytes than are read of one: ask for less at once."""


class HeadMoved(ForgeError):
    """The pull request has another head than the one that was reviewed: that one's review says more."""
