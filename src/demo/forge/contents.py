"""What stands in the commits of an emulator, and what changed between two of them, as git would say it."""

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from src.demo.forge.records import Blob, Change, Files

__all__ = ["Blob", "Files", "Tree", "blob_id", "changed", "patch_between", "with_files"]

_CONTEXT = 3  # lines around a change
_ALIKE = 0.5  # how much of a file must have stayed for it to have been renamed
_HEADING = 80  # bytes of the line behind the second "@@"
_NO_END = "\\ No newline at end of file"
_Opcode = tuple[str, int, int, int, int]


Tree = Mapping[str, Blob]


def blob_id(blob: Blob) -> str:
    """The SHA-1 by which git knows a content; of a submodule the commit that it names."""
    if blob.mode == "160000":
        return blob.data.decode("ascii", "replace")
    return hashlib.sha1(b"blob %d\0" % len(blob.data) + blob.data, usedforsecurity=False).hexdigest()


def with_files(tree: Tree, files: Files) -> Tree:
    """The tree after these files are written and removed."""
    made = dict(tree)
    for path, content in files.items():
        if content is None:
            made.pop(path, None)
        else:
            made[path] = content if isinstance(content, Blob) else Blob(content)
    return made


def changed(old: Tree, new: Tree) -> tuple[Change, ...]:
    """The files that differ, by path, with renames and with patches of three lines of context."""
    gone = [path for path in old if path not in new]
    renames = _renames(old, new, gone, [path for path in new if path not in old])
    found = [
        _change(path, renames.get(path, path), old.get(renames.get(path, path)), blob)
        for path, blob in new.items()
        if old.get(path) != blob
    ]
    found += [_change(path, path, old[path], None) for path in gone if path not in renames.values()]
    return tuple(sorted(found, key=lambda change: change.path))


def _change(path: str, old_path: str, old: Blob | None, new: Blob | None) -> Change:
    status = "added" if old is None else "removed" if new is None else "modified"
    if path != old_path:
        status = "renamed"
    is_binary = any(blob is not None and blob.is_binary for blob in (old, new))
    patch = None if is_binary else patch_between(old.text if old else b"", new.text if new else b"")
    return Change(
        path=path,
        status=status,
        old_path=old_path if path != old_path else None,
        patch=patch or None,
        is_binary=is_binary,
    )


def _renames(old: Tree, new: Tree, gone: Sequence[str], come: Sequence[str]) -> dict[str, str]:
    """New path -> old path: the same content first, then what is most alike."""
    scores = sorted(
        ((-_likeness(old[before], new[after]), after, before) for after in come for before in gone), key=lambda s: s[0]
    )
    pairs: dict[str, str] = {}
    for score, after, before in scores:
        if -score >= _ALIKE and after not in pairs and before not in pairs.values():
            pairs[after] = before
    return pairs


def _likeness(old: Blob, new: Blob) -> float:
    """How much of the larger file is in the other one, by bytes of whole lines."""
    if old.mode[:2] != new.mode[:2] or not old.data or not new.data:
        return 0.0
    if old.data == new.data:
        return 1.0
    if old.is_binary or new.is_binary:
        return 0.0
    shared = Counter(old.data.split(b"\n")) & Counter(new.data.split(b"\n"))
    size = max(len(old.data), len(new.data)) + 1
    return min(0.99, sum((len(line) + 1) * count for line, count in shared.items()) / size)


def patch_between(old: bytes, new: bytes) -> str:
    """A unified diff without header; only a line feed ends a line. Empty where nothing differs."""
    before, after = _lines(old), _lines(new)
    told: list[str] = []
    for hunk in _hunks(_opcodes(before, after)):
        told += _hunk(before, after, hunk)
    return "\n".join(told) + ("\n" if told else "")


def _lines(data: bytes) -> list[bytes]:
    """Lines with their ends, for the last may have none."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _opcodes(before: Sequence[bytes], after: Sequence[bytes]) -> list[_Opcode]:
    """As `difflib` says them; what is the same at both ends is not worth its time."""
    same = min(len(before), len(after))
    start = next((n for n in range(same) if before[n] != after[n]), same)
    rest = same - start
    end = next((n for n in range(rest) if before[-1 - n] != after[-1 - n]), rest)
    middle = difflib.SequenceMatcher(
        None, before[start : len(before) - end], after[start : len(after) - end], autojunk=False
    )
    codes: list[_Opcode] = [("equal", 0, start, 0, start)] if start else []
    codes += [(tag, a + start, b + start, c + start, d + start) for tag, a, b, c, d in middle.get_opcodes()]
    if end:
        codes.append(("equal", len(before) - end, len(before), len(after) - end, len(after)))
    return codes


def _hunks(codes: Sequence[_Opcode]) -> Iterator[list[_Opcode]]:
    """Changes that stand near one another, with the context around them."""
    hunk: list[_Opcode] = []
    for place, (tag, a, b, c, d) in enumerate(codes):
        if tag != "equal":
            hunk.append((tag, a, b, c, d))
            continue
        is_last = place == len(codes) - 1
        if hunk and (is_last or b - a > 2 * _CONTEXT):
            length = min(_CONTEXT, b - a)
            yield [*hunk, (tag, a, a + length, c, c + length)]
            hunk = []
        elif hunk:
            hunk.append((tag, a, b, c, d))
        if not hunk and not is_last:
            length = min(_CONTEXT, b - a)
            hunk = [(tag, b - length, b, d - length, d)]
    if any(code[0] != "equal" for code in hunk):
        yield hunk


def _hunk(before: Sequence[bytes], after: Sequence[bytes], codes: Sequence[_Opcode]) -> list[str]:
    old, new = (codes[0][1], codes[-1][2]), (codes[0][3], codes[-1][4])
    told = [f"@@ -{_range(*old)} +{_range(*new)} @@{_heading(before, old[0])}"]
    for tag, a, b, c, d in codes:
        if tag == "equal":
            told += _told(" ", before[a:b])
        else:
            told += _told("-", before[a:b]) + _told("+", after[c:d])
    return told


def _range(start: int, end: int) -> str:
    """Counts from 1, except of nothing; one line needs no number of lines."""
    if end == start:
        return f"{start},0"
    return f"{start + 1}" if end - start == 1 else f"{start + 1},{end - start}"


def _heading(before: Sequence[bytes], start: int) -> str:
    """The last line above that begins like a definition."""
    for line in reversed(before[:start]):
        if line[:1].isalpha() or line[:1] in (b"_", b"$"):
            return " " + line.rstrip()[:_HEADING].decode("utf-8", "replace")
    return ""


def _told(mark: str, lines: Sequence[bytes]) -> list[str]:
    told: list[str] = []
    for line in lines:
        text = line.decode("utf-8", "replace")
        told += [mark + text[:-1]] if text.endswith("\n") else [mark + text, _NO_END]
    return told
