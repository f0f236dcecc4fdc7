"""Comments that silence a finding: for style all, for security those that name the rule, for critical ones none."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from src.agent.findings import Level

_LINE = re.compile(r"#\s*noqa\b(?:\s*:(?P<codes>.*))?", re.IGNORECASE)
_FILE = re.compile(r"^\s*#\s*(?:ruff|flake8)\s*:\s*noqa\b(?:\s*:(?P<codes>.*))?", re.IGNORECASE)
# "E501", and our own names; the first word that is neither begins the explanation.
_CODE = re.compile(r"[\s,]*([A-Za-z]{1,4}\d+|[A-Za-z]+(?:-[A-Za-z]+)+|print|naming)(?![\w-])")
_ALL = frozenset({"*"})


def _codes(found: re.Match[str]) -> frozenset[str]:
    """The codes that a comment names, in capitals; `*` where it names none."""
    text, codes = found["codes"] or "", set()
    place = 0
    while code := _CODE.match(text, place):
        codes.add(code[1].upper())
        place = code.end()
    return frozenset(codes) or _ALL


@dataclass(slots=True)
class Suppressions:
    """What a file's comments silence."""

    everywhere: frozenset[str] = frozenset()
    on_lines: dict[int, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> "Suppressions":
        """Read the comments of a file."""
        found = cls()
        for number, line in enumerate(text.split("\n") if "noqa" in text.lower() else (), 1):
            if whole := _FILE.search(line):
                found.everywhere |= _codes(whole)
            elif here := _LINE.search(line):
                found.on_lines[number] = _codes(here)
        return found

    def silence(self, lines: Iterable[int], codes: Iterable[str], level: Level) -> bool:
        """Whether a finding with these codes or names is silenced on one of the lines that it may be silenced on."""
        if level is Level.CRITICAL or not (self.everywhere or self.on_lines):
            return False
        said = self.everywhere.union(*(self.on_lines.get(line, ()) for line in lines))
        if not said:
            return False
        if level is not Level.SECURITY and said & _ALL:
            return True
        # A code silences its group, too: "E7" stands for E711.
        wanted = [code.upper() for code in codes]
        return any(code.startswith(each) for each in said - _ALL for code in wanted)
