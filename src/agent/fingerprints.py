"""What makes a finding the same one after the next push: what it says and where it stands, never a line number."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from src.agent.diffs import split
from src.agent.findings import Finding, Level, Source

# Rules whose symbol says all: a name stays badly chosen when other words of its line change.
_BY_SYMBOL = frozenset({"naming"})
_REACH = 500  # lines that are looked at above and below: enough for a method in a long class
_MARK = "<!-- git-assistant:review v1 fp={what} near={near}{whose} -->"
_OPINION = " opinion"
_READ = re.compile(
    rf"<!-- git-assistant:review v1 fp=([0-9a-f]{{16}}) near=([0-9a-f]{{4}}(?:\.[0-9a-f]{{4}}){{2}})({_OPINION})? -->"
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A finding's identity within its file: no path and no number, so that it outlives renames and moved lines.

    `what` is the rule, its symbol and the line; it alone decides whether two findings can be the same. Where a file
    has several of the same, `near` tells them apart: hashes of the line above, of the one below, and of the line that
    begins the block around them. Opinions are marked, for where no model answers nothing is known of them.
    """

    what: str
    near: tuple[str, str, str]
    is_opinion: bool = False

    def likeness(self, other: "Fingerprint") -> int:
        """How much of what stands around two findings is the same: 0 to 3."""
        return sum(mine == theirs for mine, theirs in zip(self.near, other.near, strict=True))


@dataclass(frozen=True, slots=True)
class Known:
    """A finding and what it is known by after the next push."""

    finding: Finding
    fingerprint: Fingerprint


class Lines:
    """A file's lines as identities see them. Read once: a file may have many findings and long stretches of nothing."""

    def __init__(self, data: bytes) -> None:
        lines = split(data)
        self.words = [b" ".join(line.split()) for line in lines]  # what outlives another block or another alignment
        self._indents = [_indent(line) for line in lines]

    def at(self, line: int) -> bytes:
        """The words of a line, counted from 1; nothing where there is no such line."""
        return self.words[line - 1] if 0 < line <= len(self.words) else b""

    def around(self, line: int) -> tuple[bytes, bytes, bytes]:
        """The nearest lines with words above and below, and the nearest above that is indented less."""
        above = range(min(line, len(self.words) + 1) - 2, max(line - 2 - _REACH, -1), -1)
        below = range(max(line, 0), min(line + _REACH, len(self.words)))
        indent = self._indents[line - 1] if 0 < line <= len(self.words) else 0
        block = (index for index in (above if indent else ()) if self._indents[index] < indent)
        return self._first(above), self._first(below), self._first(block)

    def _first(self, indexes: Iterable[int]) -> bytes:
        return next((words for index in indexes if (words := self.words[index])), b"")


def identify(findings: Iterable[Finding], sources: Iterable[Source]) -> tuple[Known, ...]:
    """The findings, in their order, with the fingerprints that the texts of these sources give them."""
    data = {source.path: source.data for source in sources}
    read: dict[str, Lines] = {}
    known: list[Known] = []
    for finding in findings:
        if finding.path not in read:
            read[finding.path] = Lines(data.get(finding.path, b""))
        known.append(Known(finding, fingerprint(finding, read[finding.path])))
    return tuple(known)


def fingerprint(finding: Finding, lines: Lines) -> Fingerprint:
    """The identity of a finding in a file of these lines."""
    text = b"" if finding.rule in _BY_SYMBOL and finding.symbol else lines.at(finding.line)
    what = _digest(finding.rule.encode(), finding.symbol.encode(errors="replace"), text)
    above, below, block = lines.around(finding.line)
    near = (_digest(above)[:4], _digest(below)[:4], _digest(block)[:4])
    return Fingerprint(what[:16], near, finding.level is Level.OPINION)


def marker(known: Fingerprint) -> str:
    """The hidden last line of a comment: neither forge shows it, and the next review finds its comment by it."""
    return _MARK.format(what=known.what, near=".".join(known.near), whose=_OPINION if known.is_opinion else "")


def read_marker(body: str) -> Fingerprint | None:
    """The fingerprint in a comment's last line, which has to be exactly what `marker` writes.

    A marker anywhere else in the text is a quotation. Whose comment it is, the caller has to look at.
    """
    found = _READ.fullmatch(body.rstrip().rsplit("\n", 1)[-1])
    if found is None:
        return None
    above, below, block = found[2].split(".")
    return Fingerprint(found[1], (above, below, block), found[3] is not None)


def _indent(line: bytes) -> int:
    return len(line[: len(line) - len(line.lstrip())].expandtabs())


def _digest(*parts: bytes) -> str:
    return sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()
