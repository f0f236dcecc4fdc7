"""Takes the functions out of a text in which no check has anything to look for: to parse them is most of the work."""

import re
from collections.abc import Iterable
from functools import cache

# Lines are found by the newline before them, which a search goes to at once.
_FUNCTION = re.compile(r"\n( *)(?:async +)?def\b")
_MOST_BRACKETS = 200  # the parser refuses more within each other
_TOO_DEEP = re.compile(r"\n {100}")  # nor does it take more levels
# Ends and indents of which the parser has an opinion of its own.
_NOT_PLAIN = ("\t", "\r", "\f")
_QUOTES = frozenset("\"'")
# Comments, and texts with their ends.
_SAID = re.compile(
    r"""\#[^\n]*
    |"{3} (?:[^"\\]++ | \\. | "(?!""))*+ "{3}
    |'{3} (?:[^'\\]++ | \\. | '(?!''))*+ '{3}
    |" (?:[^"\\\n]++ | \\.)*+ "
    |' (?:[^'\\\n]++ | \\.)*+ '""",
    re.DOTALL | re.VERBOSE,
)


def thin(text: str, nears: Iterable[re.Pattern[str]]) -> str:
    """The text with `def _(): pass` in place of functions without a match of `nears`; other lines stay where they are.

    What stands between a function and the one before it, as its decorators do, counts as the function's. It goes by
    the indents alone: where these deceive, the result may not parse, and then the text itself has to be.
    """
    if any(each in text for each in _NOT_PLAIN):
        return text
    text = f"\n{text}"
    sought = [_Sought(near, text) for near in (*nears, _TOO_DEEP)]
    parts: list[str] = []
    copied = before = 0
    while function := _FUNCTION.search(text, before):
        start, end = function.start(), _end(text, function)
        piece = text[start:end]
        if not any(each.is_between(before, end) for each in sought) and _is_closed(piece):
            parts += (text[copied:start], "\n", function[1], "def _(): pass", "\n" * (piece.count("\n") - 1))
            copied = end
        before = end
    return "".join((*parts, text[copied:]))[1:]


class _Sought:
    """A pattern's next match, so that the text is searched once, however many functions it has."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._next = -1

    def is_between(self, start: int, end: int) -> bool:
        """Whether a match begins there; `start` never goes back."""
        if self._next < start:
            found = self._pattern.search(self._text, start)
            self._next = found.start() if found else len(self._text)
        return self._next < end


def _end(text: str, function: re.Match[str]) -> int:
    """The end of the line above the next statement that is not deeper; a closing bracket or a comment is none."""
    following = _shallower(len(function[1])).search(text, function.end())
    return following.start() if following else len(text)


@cache
def _shallower(indent: int) -> re.Pattern[str]:
    return re.compile(rf"\n {{0,{indent}}}[^\s#)\]}}]")


def _is_closed(piece: str) -> bool:
    """Whether no text goes on behind its end, and there is nothing in it of which the parser alone would know."""
    if piece.endswith("\\"):
        return False
    texts = (piece.count('"""'), piece.count("'''"))
    if any(number % 2 for number in texts) or (any(texts) and not _QUOTES.isdisjoint(_SAID.sub("", piece))):
        return False
    return sum(map(piece.count, "([{")) <= _MOST_BRACKETS
