"""What a person typed after `/set_..._token`. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

_LONGEST = 255  # characters of a token: no forge makes longer ones for people
_COMMAND = re.compile(r"/set_\w+_token(?:@\w+)?\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_WRAPPING = " \t\r\n\"'`<>«»„“”‘’"


class TokenProblem(StrEnum):
    """Why this cannot be a token."""

    SPACES = "spaces"
    TOO_LONG = "too_long"
    STRANGE = "strange"


@dataclass(frozen=True, slots=True)
class TokenInput:
    """An instance's address and a token, each `None` where not given. A token that cannot be one is a problem."""

    address: str | None = None
    token: str | None = field(default=None, repr=False)
    problem: TokenProblem | None = None


def read_token(text: str) -> TokenInput:
    """Take an optional address and a token from what was typed, without the quotes that people copy along."""
    words = text.split(maxsplit=1)
    address = None
    if words and words[0].strip(_WRAPPING).lower().startswith(("http://", "https://")):
        address = words[0].strip(_WRAPPING).rstrip("/")
        text = words[1] if len(words) > 1 else ""
    token = text.strip(_WRAPPING)
    if not token:
        return TokenInput(address)
    if len(token.split()) > 1:
        return TokenInput(address, problem=TokenProblem.SPACES)
    if len(token) > _LONGEST:
        return TokenInput(address, problem=TokenProblem.TOO_LONG)
    if not (token.isascii() and token.isprintable()):
        return TokenInput(address, problem=TokenProblem.STRANGE)
    return TokenInput(address, token)


def holds_token(text: str, pattern: str) -> bool:
    """Whether a token that this pattern describes (see `ForgeType.token_pattern`) stands anywhere in a text."""
    return bool(pattern) and _known(pattern).search(text) is not None


@cache
def _known(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})")


def command_argument(text: str) -> str | None:
    """What stands behind a `/set_..._token`, known or not."""
    found = _COMMAND.match(text)
    return None if found is None else found.group(1)


def matching(address: str, candidates: Sequence[tuple[str, ...]]) -> int | None:
    """Which instance an address means, by any of its addresses (of the API, of the website); `None`: none of them."""
    wanted = address.rstrip("/").lower()
    for index, addresses in enumerate(candidates):
        if any(wanted == known.rstrip("/").lower() for known in addresses):
            return index
    return None
