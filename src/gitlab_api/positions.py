"""Where on a merge request's diff a comment stands, in GitLab's words. Pure.

GitLab's documentation: "Discussions API", "Create a thread in the merge request diff" and "Line code".
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from src.forge import FileDiff, LineComment
from src.gitlab_api.review_resources import Version

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class Line(NamedTuple):
    """A line of a diff's new side. `old`: its number on the old side, or the one that an added line stands before."""

    old: int
    new: int
    is_added: bool


def lines_of(patch: str) -> Iterator[Line]:
    """The lines of the new side that a patch shows. Lines are counted by the hunks' heads, never by their look."""
    old = new = old_left = new_left = 0
    for text in patch.split("\n"):
        if old_left <= 0 and new_left <= 0:
            head = _HUNK.match(text)
            if head is None:
                continue
            old, new = int(head[1]), int(head[3])
            old_left, new_left = (1 if count is None else int(count) for count in (head[2], head[4]))
        elif text.startswith("\\"):
            continue
        elif text.startswith("-"):
            old, old_left = old + 1, old_left - 1
        else:
            is_added = text.startswith("+")
            yield Line(old, new, is_added)
            new, new_left = new + 1, new_left - 1
            old, old_left = (old, old_left) if is_added else (old + 1, old_left - 1)


def line_code(path: str, line: Line) -> str:
    """GitLab's name of a line of a diff."""
    return f"{hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()}_{line.old}_{line.new}"


def position(comment: LineComment, version: Version, files: Mapping[str, FileDiff]) -> dict[str, Any]:
    """The ``position`` of a comment on a version of a merge request.

    `files`: those of the diff, by path. A comment on several lines whose first or last line they do not show becomes
    one on its last line.
    """
    found: dict[str, Any] = {
        "position_type": "text",
        "base_sha": version.base_commit_sha,
        "start_sha": version.start_commit_sha,
        "head_sha": version.head_commit_sha,
        "old_path": comment.path if comment.is_new_file else comment.old_path,
        "new_path": comment.path,
        "new_line": comment.line,
    }
    if comment.old_line is not None and not comment.is_new_file:
        found["old_line"] = comment.old_line
    span = _range(comment, files.get(comment.path))
    return found if span is None else found | {"line_range": span}


def _range(comment: LineComment, file: FileDiff | None) -> dict[str, Any] | None:
    if comment.start_line is None or comment.start_line >= comment.line or file is None:
        return None
    shown = {line.new: line for line in lines_of(file.patch or "")}
    ends = shown.get(comment.start_line), shown.get(comment.line)
    if ends[0] is None or ends[1] is None:
        return None
    return {"start": _end(comment.path, ends[0]), "end": _end(comment.path, ends[1])}


def _end(path: str, line: Line) -> dict[str, Any]:
    """One end of a range; GitLab's own pages give a line that did not change no type."""
    named: dict[str, Any] = {"line_code": line_code(path, line), "new_line": line.new}
    return named | ({"type": "new"} if line.is_added else {"type": None, "old_line": line.old})
