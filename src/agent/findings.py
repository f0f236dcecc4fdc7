"""What analysers find: values that every part of a review deals in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How a finding is told. The order is that of the summary."""

    CRITICAL = "critical"
    SECURITY = "security"
    STYLE = "style"
    OPINION = "opinion"  # a language model's: never more than a remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A replacement of whole lines `start` to `end` (from 1, both included) by `lines`, which may be empty.

    Lines are without their line ends. `start` = `end` + 1 would insert before `start`; forges have no such suggestion,
    so an edit always covers at least one line.
    """

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem with one cause."""

    path: str
    line: int  # of the file as it is at the head, from 1
    rule: str  # ours ("bare-except") or, where we add nothing, the engine's ("E711", "S602")
    level: Level
    message: str  # English, a `N_` message of ours with {names}, or the engine's own words
    params: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""  # as `message`
    end_line: int | None = None  # None: `line`
    column: int = 1  # code points, from 1
    symbol: str = ""  # what it is about (a name, a number, a call): part of its identity, e.g. "fooBar", "86400"
    whole_file: bool = False  # told wherever it is, not only on added lines
    edit: Edit | None = None  # what mends it, applied, parsed and looked at again before it was given
    url: str | None = None  # where the rule is explained


class Why(StrEnum):
    """Why a file, or a part of it, was not analysed. The reader is always told."""

    TOO_LARGE = "too_large"  # ours or the forge's limit
    UNREADABLE = "unreadable"  # not in the encoding it says, or with ends of line that nobody counts alike
    CUT_SHORT = "cut_short"  # the forge gave a part of it
    CRASHED = "crashed"  # the analyser died of it
    TIMED_OUT = "timed_out"
    TOO_MANY = "too_many"  # files, or findings in one file
    NEWER = "newer"  # written for a newer Python than ours: the engine alone looked at it


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What was not analysed, and why. `detail`: a few plain words or numbers, never a text of the file."""

    path: str
    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to analyse. `path` is what the forge calls it: it is never used as the name of a file of ours."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What came of looking at some files. Findings in order of path and line."""

    findings: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()
