"""Files to analyse for tests of reviews: `name.py.txt`, with `#! rule` behind the lines where a rule has to speak."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("fixtures") / "reviews"
_MARK = re.compile(r"[ \t]*#! ([\w -]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Marked:
    """A file to analyse, its marks taken out, and what has to be found in it."""

    path: str
    text: str
    expected: Counter[tuple[int, str]]  # line and rule

    @property
    def rules(self) -> set[str]:
        """The rules that this file is about."""
        return {rule for _, rule in self.expected}


def read(file: Path) -> Marked:
    """Read a marked file."""
    return marked(f"src/{file.name.removesuffix('.txt')}", file.read_text())


def marked(path: str, text: str) -> Marked:
    """Take the marks out of a text."""
    expected = Counter(
        (number, rule)
        for number, line in enumerate(text.split("\n"), 1)
        for found in _MARK.finditer(line)
        for rule in found[1].split()
    )
    return Marked(path, _MARK.sub("", text), expected)


ALL = sorted(FOLDER.glob("*.txt"))
