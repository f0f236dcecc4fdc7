"""Turns the engine's edits, which replace characters, into ours, which replace whole lines."""

from collections.abc import Mapping, Sequence
from typing import Any

from src.agent.findings import Edit

_MOST_LINES = 20  # a longer suggestion is a rewrite
_LONGEST_LINE = 2_000  # characters: a line of ten thousand mistakes would be kept ten thousand times


def whole_lines(fix: Mapping[str, Any], lines: Sequence[str]) -> Edit | None:
    """The edit of a fix as ruff writes it; `None` where it is not safe, long, or cannot be said in whole lines.

    `lines` are the file's, split at newlines and without them. What cannot be said: a newline at the end of the file.
    """
    if fix["applicability"] != "safe" or not fix["edits"]:
        return None
    edits = fix["edits"]
    if len(edits) == 1 and _is_in_one_line(edits[0], lines):
        return _in_one_line(edits[0], lines[edits[0]["location"]["row"] - 1])
    edits = sorted(edits, key=lambda edit: (edit["location"]["row"], edit["location"]["column"]))
    first, last = edits[0]["location"]["row"], max([edit["end_location"]["row"] for edit in edits])
    if last - first > _MOST_LINES or max(map(len, lines[max(first - 2, 0) : last + 1]), default=0) > _LONGEST_LINE:
        return None
    # One line more on both sides: what is only inserted or deleted needs a neighbour to be told from.
    start, end = max(first - 1, 1), min(last + 1, len(lines))
    old = list(lines[start - 1 : end])
    new = _applied(edits, old, start)
    if end == len(lines):  # behind the last newline stands no line, but the end of the file
        if (old[-1] == "") != (new[-1] == ""):
            return None
        if old[-1] == "":
            del old[-1], new[-1]
    return _difference(old, new, start)


def _is_in_one_line(edit: Mapping[str, Any], lines: Sequence[str]) -> bool:
    row = edit["location"]["row"]
    if row != edit["end_location"]["row"] or row >= len(lines) or "\n" in (edit["content"] or ""):
        return False
    return len(lines[row - 1]) <= _LONGEST_LINE


def _in_one_line(edit: Mapping[str, Any], line: str) -> Edit:
    """Most fixes are of this kind, and there are tens of thousands of them in a thousand old files."""
    row, start, end = edit["location"]["row"], edit["location"]["column"] - 1, edit["end_location"]["column"] - 1
    new = line[:start] + (edit["content"] or "") + line[end:]
    return Edit(start=row, end=row, lines=(new.removesuffix("\r"),))


def _applied(edits: Sequence[Mapping[str, Any]], old: Sequence[str], start: int) -> list[str]:
    text = "\n".join(old)
    offsets = [0]
    for line in old:
        offsets.append(offsets[-1] + len(line) + 1)

    def at(location: Mapping[str, int]) -> int:
        row = min(location["row"] - start, len(offsets) - 1)
        return min(offsets[row] + location["column"] - 1, len(text))

    for edit in reversed(edits):
        text = text[: at(edit["location"])] + (edit["content"] or "") + text[at(edit["end_location"]) :]
    return text.split("\n")


def _difference(old: list[str], new: list[str], start: int) -> Edit | None:
    """The lines that differ, at least one of the old ones."""
    same_above = 0
    while same_above < min(len(old), len(new)) and old[same_above] == new[same_above]:
        same_above += 1
    same_below = 0
    while same_below < min(len(old), len(new)) - same_above and old[-1 - same_below] == new[-1 - same_below]:
        same_below += 1
    if same_above == len(old) == len(new):
        return None
    if same_above + same_below == len(old):  # nothing but new lines: the one below them is said again, or the one above
        if same_below:
            same_below -= 1
        else:
            same_above -= 1
    kept = new[same_above : len(new) - same_below]
    last = start + len(old) - same_below - 1
    return Edit(start=start + same_above, end=last, lines=tuple(line.removesuffix("\r") for line in kept))
