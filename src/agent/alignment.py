"""Which lines of two texts are the same ones: in a time that no text can stretch."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

STEPS = 2_000_000  # lines counted and cells of tables: about a second; what is left then is taken as replaced


def align(old: Sequence[bytes], new: Sequence[bytes]) -> list[int | None]:
    """For each line of `new` the index in `old` of the line that it was; `None` where it is new. Indexes rise.

    Lines that are there once on each side hold the texts together ("patience diff"); what stands between two of them
    is compared line by line, as long as the tables stay small. So the time is bounded, and a function that moved
    past another one is not taken apart.
    """
    partners: list[int | None] = [None] * len(new)
    steps = STEPS
    waiting = [(0, len(old), 0, len(new))]
    while waiting:
        old_start, old_end, new_start, new_end = waiting.pop()
        while old_start < old_end and new_start < new_end and old[old_start] == new[new_start]:
            partners[new_start] = old_start
            old_start, new_start = old_start + 1, new_start + 1
        while old_start < old_end and new_start < new_end and old[old_end - 1] == new[new_end - 1]:
            old_end, new_end = old_end - 1, new_end - 1
            partners[new_end] = old_end
        steps -= (old_end - old_start) + (new_end - new_start)
        if old_start == old_end or new_start == new_end or steps < 0:
            continue
        if anchors := _anchors(old, new, (old_start, old_end, new_start, new_end)):
            for old_index, new_index in anchors:
                waiting.append((old_start, old_index, new_start, new_index))
                partners[new_index] = old_index
                old_start, new_start = old_index + 1, new_index + 1
            waiting.append((old_start, old_end, new_start, new_end))
        elif (size := (old_end - old_start) * (new_end - new_start)) <= steps:
            steps -= size
            for old_index, new_index in _longest_common(old[old_start:old_end], new[new_start:new_end]):
                partners[new_start + new_index] = old_start + old_index
    return partners


def _anchors(old: Sequence[bytes], new: Sequence[bytes], stretch: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """The longest rising sequence of lines that are there once on each side of a stretch."""
    old_start, old_end, new_start, new_end = stretch
    old_once = _once(old, old_start, old_end)
    new_once = _once(new, new_start, new_end)
    pairs = [(old_once[line], index) for line, index in new_once.items() if line in old_once]
    tails: list[int] = []  # the least old index that ends a sequence of each length
    ends: list[int] = []  # which pair that is
    before: list[int | None] = []
    for number, (old_index, _) in enumerate(pairs):
        length = bisect_left(tails, old_index)
        before.append(ends[length - 1] if length else None)
        if length == len(tails):
            tails.append(old_index)
            ends.append(number)
        else:
            tails[length], ends[length] = old_index, number
    chain: list[tuple[int, int]] = []
    at = ends[-1] if ends else None
    while at is not None:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _once(lines: Sequence[bytes], start: int, end: int) -> dict[bytes, int]:
    counts = Counter(lines[start:end])
    return {lines[index]: index for index in range(start, end) if counts[lines[index]] == 1}


def _longest_common(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """The pairs of a longest common subsequence, by the table of its lengths."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        row, below = table[i], table[i + 1]
        for j in range(len(new) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if old[i] == new[j] else max(below[j], row[j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
