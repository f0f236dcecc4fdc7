"""What a pull request changes in a file: which lines it adds, and on which a comment may stand."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

from src.agent.alignment import align

CONTEXT = 3  # lines around a change, as both forges show them
_HEAD = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")


class CutShort(ValueError):
    """A hunk does not hold the lines that its head promises: the forge showed a part of the diff, or no diff."""


class Place(NamedTuple):
    """Where a line of the new side stands in a diff."""

    hunk: int  # from 0
    old_line: int | None  # its number on the old side; None: the line is added


@dataclass(frozen=True)
class Patch:
    """A file's diff, by the lines of its new side. Lines are counted from 1 and end at LF alone, as git has it."""

    places: Mapping[int, Place] = field(default_factory=dict)
    shown: bool = True  # the forge shows these lines, so that comments may stand on them

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a unified diff, with or without the lines before its first hunk. Raises `CutShort`.

        Lines of a hunk are counted down from what its head says and never guessed by how they look: an added line
        `++ b/x` is no header, and `@@` may begin a line of a file.
        """
        places: dict[int, Place] = {}
        lines = iter(text.removesuffix("\n").split("\n"))
        hunks = 0
        for line in lines:
            if head := _HEAD.match(line):
                old, old_left, new, new_left = (1 if group is None else int(group) for group in head.groups())
                for number, old_line in _hunk(lines, old, old_left, new, new_left):
                    places[number] = Place(hunks, old_line)
                hunks += 1
            elif line.startswith("@@") or (hunks and line and not line.startswith("\\")):
                raise CutShort(f"after {hunks} hunks comes something else")
        if text and not hunks:
            raise CutShort("there is no hunk")
        return cls(places)

    @classmethod
    def between(cls, old: bytes, new: bytes) -> Self:
        """What two contents of a file differ by, for where the forge shows no diff: no comment may stand on it."""
        old_lines, new_lines = split(old), split(new)
        partners = align(old_lines, new_lines)
        return cls(dict(_hunks(partners, len(old_lines))), shown=False)

    @cached_property
    def added(self) -> frozenset[int]:
        """The lines that the pull request brings."""
        return frozenset(line for line, place in self.places.items() if place.old_line is None)

    def place(self, line: int) -> Place | None:
        """Where this line stands; `None` where the diff does not show it."""
        return self.places.get(line)

    def same_hunk(self, first: int, last: int) -> bool:
        """Whether both lines, and so all between them, stand in one hunk. Hunks may touch and yet be two."""
        one, other = self.places.get(first), self.places.get(last)
        return one is not None and other is not None and one.hunk == other.hunk


def split(data: bytes) -> list[bytes]:
    """The lines of a file as git and the forges count them, without their LF; a CR stays with its line."""
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _hunk(lines: Iterator[str], old: int, old_left: int, new: int, new_left: int) -> Iterator[tuple[int, int | None]]:
    """The lines of the new side with their old numbers, `None` for added ones; takes no line more than the hunk's."""
    while old_left or new_left:
        line = next(lines, None)
        sign = line if line is None else line[:1].strip("\r") or " "  # mail and editors trim empty context lines
        if sign == " " and old_left and new_left:
            yield new, old
            old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
        elif sign == "+" and new_left:
            yield new, None
            new, new_left = new + 1, new_left - 1
        elif sign == "-" and old_left:
            old, old_left = old + 1, old_left - 1
        elif sign != "\\":  # what it says, "No newline at end of file", changes no number
            raise CutShort(f"{old_left} old and {new_left} new lines are missing")


def _hunks(partners: Sequence[int | None], old_count: int) -> Iterator[tuple[int, Place]]:
    """The places of the lines that are added, or near a change. `partners`: for each new line the old one, from 0."""
    changed = _changes(partners, old_count)
    hunk, end = -1, 0
    for first, last in changed:  # of the new side, from 0, `last` excluded
        start = max(first - CONTEXT, 0)
        if start > end or hunk < 0:
            hunk, end = hunk + 1, start
        stop = min(last + CONTEXT, len(partners))
        for index in range(end, stop):
            partner = partners[index]
            yield index + 1, Place(hunk, None if partner is None else partner + 1)
        end = max(end, stop)


def _changes(partners: Sequence[int | None], old_count: int) -> list[tuple[int, int]]:
    """The stretches of the new side that are added, or, empty ones, where something is gone."""
    changes: list[tuple[int, int]] = []
    expected = start = 0
    for index, partner in enumerate([*partners, old_count]):
        if partner is None:
            continue
        if start < index or partner != expected:
            changes.append((start, index))
        expected, start = partner + 1, index + 1
    return changes
