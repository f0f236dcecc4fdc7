"""One file of the feed: a line of JSON for each number, found again by its number."""

import os
from array import array
from bisect import bisect_left, bisect_right
from pathlib import Path

_DIGITS = 12
_SUFFIX = ".jsonl"


class Segment:
    """The lines `first`, `first` + 1, ... in one file. Not safe from several threads: the feed holds the lock."""

    def __init__(self, path: Path, first: int) -> None:
        self.path = path
        self.first = first
        self._starts = array("Q", [0])  # where each line starts, and where the next one will

    @property
    def last(self) -> int:
        """The number of the last line; one less than `first` where there is none."""
        return self.first + len(self._starts) - 2

    @property
    def size(self) -> int:
        """Bytes of all whole lines."""
        return self._starts[-1]

    def load(self) -> int:
        """Learn where the lines are; returns how many bytes at the end are no whole lines with the numbers due."""
        content = self.path.read_bytes()
        start = 0
        while (end := content.find(b"\n", start)) >= 0:
            if not content.startswith(b'{"seq":%d,' % (self.last + 1), start) or content[end - 1] != ord("}"):
                break
            start = end + 1
            self._starts.append(start)
        return len(content) - start

    def cut(self) -> None:
        """Remove what follows the last whole line."""
        os.truncate(self.path, self.size)

    def added(self, size: int) -> None:
        """Another line of `size` bytes, its end of line included, stands at the end of the file."""
        self._starts.append(self.size + size)

    def read(self, start: int, end: int) -> bytes:
        """The lines `start` to `end`, both included, each with its end of line."""
        first, beyond = self._starts[start - self.first], self._starts[end + 1 - self.first]
        with self.path.open("rb") as file:
            file.seek(first)
            return file.read(beyond - first)

    def reach(self, start: int, most: int) -> int:
        """The last number so that the lines from `start` up to it have `most` bytes; at least `start` itself."""
        index = start - self.first
        return max(start, self.first + bisect_right(self._starts, self._starts[index] + most) - 2)

    def back(self, end: int, most: int) -> int:
        """The first number so that the lines from it up to `end` have `most` bytes; at most `end` itself."""
        index = end - self.first
        return min(end, self.first + bisect_left(self._starts, max(0, self._starts[index + 1] - most)))


def create(folder: Path, first: int) -> Segment:
    """A new and empty file for the lines from `first` on."""
    path = folder / f"{first:0{_DIGITS}d}{_SUFFIX}"
    path.write_bytes(b"")
    return Segment(path, first)


def found(folder: Path) -> list[Segment]:
    """The files that are there, oldest first; none of them is loaded yet."""
    paths = sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal())
    return [Segment(path, int(path.stem)) for path in paths]
