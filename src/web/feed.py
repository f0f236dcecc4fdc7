"""The feed: numbered lines in a folder, which pages show as they come and find again after a restart."""

import secrets
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from src.web.segment import Segment, create, found

KEEP_BYTES = 32 * 1024 * 1024
LINE_BYTES = 256 * 1024  # of one line at most
_PARTS = 8  # files that the bytes to keep are spread over: the oldest eighth goes at a time
_READ_BYTES = 256 * 1024  # of one read, during which others wait
_ANSWER_BYTES = 8 * 1024 * 1024  # of all lines that one call returns
_OWN = frozenset({"seq", "at", "kind"})


def _random() -> str:
    return secrets.token_hex(6)


class FeedClosed(Exception):
    """The feed is not open: call `open()` first, and nothing after `close()`."""

    def __init__(self) -> None:
        super().__init__("The feed is not open. Open it first.")


class LineTooLong(ValueError):
    """A line would have more than `LINE_BYTES`: cut its fields before adding it."""

    def __init__(self, kind: str, size: int) -> None:
        super().__init__(f"A line of kind {kind} has {size} bytes, {LINE_BYTES} are allowed. Cut its fields.")


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `body` is its wire form: ``{"seq": 7, "at": 1790000000.123, "kind": "log", ...fields}``."""

    seq: int
    kind: str
    body: bytes

    def read(self) -> dict[str, Any]:
        """The wire form as an object; `at` is Unix time in seconds."""
        value: dict[str, Any] = orjson.loads(self.body)
        return value


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines that follow each other, numbered `first` to `last`, as they stand in the file: each ends with a newline."""

    body: bytes
    first: int
    last: int


class Feed:
    """Lines with the numbers 1, 2, 3, ..., kept in files of `folder`: the newest `keep_bytes` of them.

    What `add` returned from is on disk, that is, written to the file: it outlives this process however that
    ends, `kill -9` included. It is not fsynced, so a machine that loses power may lose the last seconds. A feed
    opened on the same folder goes on counting. `epoch` names the feed: numbers of another epoch mean nothing here.

    Every method is safe from several threads, and none takes long: `add` writes one line to the page cache
    (microseconds), a read holds the others up for one piece of 256 KiB. One process at a time has the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep_bytes: int = KEEP_BYTES,
        clock: Callable[[], float] = time.time,
        new_epoch: Callable[[], str] = _random,
    ) -> None:
        """`clock`: Unix seconds. `new_epoch` gives letters and digits that were not given before."""
        self._folder = folder
        self._keep = keep_bytes
        self._clock = clock
        self._new_epoch = new_epoch
        self._lock = threading.Lock()
        self._segments: list[Segment] = []
        self._file: BinaryIO | None = None
        self._epoch = ""

    def open(self) -> None:
        """Read what is there. A torn last line is dropped; raises `OSError` where the folder cannot be used."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._folder / "epoch"
        segments, whole = _load(self._folder)
        self._epoch = name.read_text("ascii").strip() if name.exists() else ""
        if not (segments and whole and self._epoch):
            # Lines that somebody may have seen are gone: their numbers must not come back with another meaning.
            self._epoch = self._new_epoch()
            fresh = name.with_suffix(".new")
            fresh.write_text(self._epoch, "ascii")
            fresh.replace(name)
        self._segments = segments or [create(self._folder, 1)]
        self._file = self._segments[-1].path.open("ab", buffering=0)

    def close(self) -> None:
        """Add no more. What was added stays in the folder."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None

    @property
    def epoch(self) -> str:
        """Made with the folder's feed, kept over restarts."""
        return self._epoch

    @property
    def first(self) -> int:
        """The number of the oldest line still kept; `last` + 1 where there is none."""
        return self._segments[0].first

    @property
    def last(self) -> int:
        """The number of the newest line; 0 before the first one."""
        return self._segments[-1].last

    def add(self, kind: str, /, **fields: object) -> int:
        """Add a line of JSON values; returns its number. When this returns, the line is in the file.

        Raises `LineTooLong`, `TypeError` for what is no JSON, `FeedClosed`, and `OSError` where the disk refuses it.
        """
        if not kind.isidentifier() or not _OWN.isdisjoint(fields):
            raise ValueError(f"Not a line: the kind {kind!r} with the fields {', '.join(fields)}.")
        with self._lock:
            if self._file is None:
                raise FeedClosed
            number = self.last + 1
            body = orjson.dumps({"seq": number, "at": round(self._clock(), 3), "kind": kind, **fields}) + b"\n"
            if len(body) > LINE_BYTES:
                raise LineTooLong(kind, len(body))
            self._write(self._room(self._file, len(body)), body)
            return number

    def after(self, seq: int, limit: int) -> list[Line]:
        """The oldest lines with numbers over `seq`, oldest first: at most `limit`, and at most 8 MiB of them."""
        lines: list[Line] = []
        for chunk in self._forward(seq):
            lines += _lines(chunk)
            if len(lines) >= limit:
                break
        return lines[:limit]

    def before(self, seq: int, limit: int, kinds: Collection[str] | None = None) -> list[Line]:
        """The newest lines with numbers under `seq` (of these kinds), oldest first: at most `limit`, at most 8 MiB.

        An empty list means that there is none. With rare `kinds` all that is kept may be read: call it in a thread.
        """
        newest_first: list[Line] = []
        size = 0
        for chunk in self._backward(seq):
            for line in reversed(_lines(chunk)):
                if kinds is not None and line.kind not in kinds:
                    continue
                size += len(line.body)
                if len(newest_first) == limit or (newest_first and size > _ANSWER_BYTES):
                    return newest_first[::-1]
                newest_first.append(line)
        return newest_first[::-1]

    def chunk(self, seq: int, most: int) -> Chunk | None:
        """The lines that follow `seq`, about `most` bytes of them and at least one; `None` where there is none.

        Where the next line is no longer kept, the chunk begins with the oldest that is: compare `seq` with its `first`.
        """
        with self._lock:
            start = max(seq + 1, self.first)
            if start > self.last:
                return None
            segment = self._holder(start)
            end = segment.reach(start, most)
            return Chunk(segment.read(start, end), start, end)

    def _forward(self, seq: int) -> Iterator[Chunk]:
        size = 0
        while size < _ANSWER_BYTES and (chunk := self.chunk(seq, _READ_BYTES)) is not None:
            yield chunk
            size += len(chunk.body)
            seq = chunk.last

    def _backward(self, seq: int) -> Iterator[Chunk]:
        while True:
            with self._lock:
                end = min(seq - 1, self.last)
                if end < self.first:
                    return
                segment = self._holder(end)
                start = segment.back(end, _READ_BYTES)
                chunk = Chunk(segment.read(start, end), start, end)
            yield chunk
            seq = start

    def _holder(self, seq: int) -> Segment:
        return self._segments[bisect_right(self._segments, seq, key=lambda one: one.first) - 1]

    def _room(self, file: BinaryIO, size: int) -> BinaryIO:
        """The file that the next line goes to: another one where this one has its share, and the oldest ones go."""
        current = self._segments[-1]
        share = self._keep // _PARTS
        if not current.size or current.size + size <= share:
            return file
        following = create(self._folder, current.last + 1)
        self._file = opened = following.path.open("ab", buffering=0)
        file.close()
        self._segments.append(following)
        while len(self._segments) > 1 and sum(one.size for one in self._segments) > self._keep - share:
            self._segments.pop(0).path.unlink(missing_ok=True)  # or somebody tidied up before
        return opened

    def _write(self, file: BinaryIO, body: bytes) -> None:
        segment = self._segments[-1]
        try:
            written = file.write(body)
            while written < len(body):
                written += file.write(body[written:])
        except OSError:
            segment.cut()  # half a line must not stand before the next one
            raise
        segment.added(len(body))


def _load(folder: Path) -> tuple[list[Segment], bool]:
    """The files from the newest back to the first damaged one, which goes, and all before it with it.

    And whether the newest one ends as it was written, but for a line that was torn while it was written.
    """
    files = found(folder)
    kept: list[Segment] = []
    whole = True
    while files:
        segment = files.pop()
        rest = segment.load()
        if not kept:
            if rest:
                whole = _is_torn_line(segment)
                segment.cut()
        elif rest or segment.last + 1 != kept[0].first:
            files.append(segment)
            break
        kept.insert(0, segment)
    for segment in files:
        segment.path.unlink()
    return kept, whole


def _is_torn_line(segment: Segment) -> bool:
    with segment.path.open("rb") as file:
        file.seek(segment.size)
        return b"\n" not in file.read()


def _lines(chunk: Chunk) -> list[Line]:
    return [Line(number, _kind(body), body) for number, body in enumerate(chunk.body.splitlines(), chunk.first)]


def _kind(body: bytes) -> str:
    # Numbers hold no comma, so the third part is the kind: ..."kind":"log"
    return body.split(b",", 3)[2][8:].rstrip(b"}")[:-1].decode()
