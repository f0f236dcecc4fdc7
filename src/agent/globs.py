"""Patterns of paths: `*`, `?` and `[ab]` within a folder, `**` across folders. Linear work, whatever the pattern is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from src.i18n import N_


@dataclass(frozen=True, slots=True)
class Letters:
    """What `[ab]`, `[a-z]` or `[!ab]` stands for: one character of these, or one that is none of them."""

    ranges: tuple[tuple[str, str], ...]  # first and last of each
    is_negated: bool = False

    def have(self, letter: str) -> bool:
        """Whether the character is one of those meant."""
        return any(first <= letter <= last for first, last in self.ranges) is not self.is_negated

    @property
    def is_odd(self) -> bool:
        """Whether one of the ranges has nothing in it."""
        return any(first > last for first, last in self.ranges)


_Token = str | Letters  # "*", "?", or what stands for itself
_FOLDERS = ("**",)  # any of them, none included; a `*` that is meant as such comes as `Letters`
# What a shell makes several words of; what is in brackets is one sign.
_BRACES = re.compile(r"\{((?:[^][{}]|\[[!^]?+.[^]]*+\])*+)\}")
# A backslash before these is there to take a meaning away; before any other character it parts folders.
_ESCAPED = {"[": "[[]", "?": "[?]", "]": "]", "{": "{", "}": "}", "#": "#", "!": "!", " ": " "}


def fits(path: str, pattern: str) -> bool:
    """Whether a path of a repository answers to a pattern.

    A pattern without `/` fits a file or folder of that name anywhere; one with `/` begins at the root. What fits a
    folder fits all that is in it. `**` stands for any folders, none included. A leading `/` or `./` only anchors.
    """
    return _fits(tuple(path.split("/")), _parts(pattern))


def wrong(pattern: str) -> tuple[str, Mapping[str, str]] | None:
    """Why a pattern fits nothing that is meant by it: a `N_` text with {names}, and values for them.

    `key` and `value`, the pattern itself, are the caller's. Where it can be said, so is how it is written instead.
    """
    parts = _names(pattern)
    if not pattern:
        return N_("{key}: an empty pattern fits nothing"), {}
    if "\n" in pattern:
        return N_("{key}: {value} is several lines; each pattern has to be an entry of its own"), {}
    if pattern.startswith("!"):
        return N_("{key}: {value} begins with {sign}: there is no negation"), {"sign": "!"}
    if "\\" in pattern:
        return N_("{key}: {value} has a backslash, which fits nothing; did you mean {near}?"), {
            "near": _slashed(pattern)
        }
    if found := next((braces for braces in _BRACES.finditer(pattern) if "," in braces[1]), None):
        each = (pattern[: found.start()] + word + pattern[found.end() :] for word in found[1].split(","))
        return N_("{key}: {value}: braces mean nothing; write an entry for each: {near}"), {"near": ", ".join(each)}
    if not parts:
        return N_("{key}: {value} names nothing; {near} fits everything"), {"near": "**"}
    if ".." in parts:
        return N_("{key}: {value} fits nothing: paths begin at the root of the repository"), {}
    if any(_has_bad_brackets(part) for part in parts):
        text = N_(
            "{key}: {value} has a {sign} that begins no list of characters; write {near} for the character itself"
        )
        return text, {"sign": "[", "near": "[[]"}
    return None


def _names(pattern: str) -> list[str]:
    """The parts of a pattern between its slashes, without those that say nothing: `./docs//a/` has `docs` and `a`."""
    return [part for part in pattern.split("/") if part not in ("", ".")]


def _slashed(pattern: str) -> str:
    return re.sub(r"\\(.?)", lambda found: _ESCAPED.get(found[1], "/" + found[1]), pattern)


def _has_bad_brackets(part: str) -> bool:
    """Whether a `[` has no `]`, or between them stands what fits nothing (`z-a`) or is unknown here (`[:alpha:]`)."""
    at = 0
    while at < len(part):
        letters, after = _letters(part, at)
        if part[at] == "[" and (letters is None or letters.is_odd or "[:" in part[at + 1 : after]):
            return True
        at = after
    return False


@lru_cache(maxsize=1024)
def _parts(pattern: str) -> tuple[tuple[_Token, ...], ...]:
    parts = tuple(_FOLDERS if part == "**" else _tokens(part) for part in _names(pattern))
    return parts if "/" in pattern.rstrip("/") else (_FOLDERS, *parts)


def _tokens(part: str) -> tuple[_Token, ...]:
    """One part; a `[` that nothing closes stands for itself."""
    tokens: list[_Token] = []
    at = 0
    while at < len(part):
        letters, after = _letters(part, at)
        tokens.append(letters or part[at])
        at = after
    return tuple(tokens)


def _letters(part: str, start: int) -> tuple[Letters | None, int]:
    """What stands in the brackets that open at `start`, and what comes after; `None`: there are none.

    A `]` right at the beginning is one of the characters.
    """
    if part[start] != "[":
        return None, start + 1
    is_negated = part[start + 1 : start + 2] in ("!", "^")
    first = start + 1 + is_negated
    end = part.find("]", first + 1)
    if end < 0:
        return None, start + 1
    ranges, at = [], first
    while at < end:
        is_range = at + 2 < end and part[at + 1] == "-"
        ranges.append((part[at], part[at + 2] if is_range else part[at]))
        at += 3 if is_range else 1
    return Letters(tuple(ranges), is_negated), end + 1


def _fits(path: Sequence[str], parts: Sequence[tuple[_Token, ...]]) -> bool:
    """Which of the pattern's parts could be next, folder by folder: no way is tried twice."""
    reached = _past_folders({0}, parts)
    for name in path:
        if len(parts) in reached:
            return True  # a folder above fits
        after = {at for at in reached if parts[at] == _FOLDERS}
        after |= {at + 1 for at in reached if parts[at] == _FOLDERS or _name_fits(name, parts[at])}
        reached = _past_folders(after, parts)
    return len(parts) in reached


def _past_folders(reached: set[int], parts: Sequence[tuple[_Token, ...]]) -> set[int]:
    """`**` may stand for nothing, so what follows it could be next too; at the end it needs a name of its own."""
    found = set(reached)
    for at in sorted(reached):
        while at < len(parts) - 1 and parts[at] == _FOLDERS:
            at += 1
            found.add(at)
    return found


def _name_fits(name: str, tokens: Sequence[_Token]) -> bool:
    """One name against one part. A `*` that has taken too little is widened; only the last one ever needs to be."""
    at = index = 0
    star, taken = -1, 0
    while at < len(name):
        wanted = tokens[index] if index < len(tokens) else ""
        if wanted == "*":
            star, taken, index = index, at, index + 1
        elif wanted in ("?", name[at]) or (isinstance(wanted, Letters) and wanted.have(name[at])):
            at, index = at + 1, index + 1
        elif star >= 0:
            taken += 1
            at, index = taken, star + 1
        else:
            return False
    return all(each == "*" for each in tokens[index:])
