"""What begins somewhere and ends somewhere else, as texts do, and the question which one a place is in."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar


class _Ordered(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


_Place = TypeVar("_Place", bound=_Ordered)


class Spans(Generic[_Place]):
    """Starts and ends, in order; spans within others are parts of these. A place is a line, or a line and an offset."""

    def __init__(self, spans: Iterable[tuple[_Place, _Place]]) -> None:
        self._starts: list[_Place] = []
        self._ends: list[_Place] = []
        for start, end in sorted(spans):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def end(self, place: _Place) -> _Place | None:
        """Where the span ends that a place is inside; `None`: it is inside none."""
        index = bisect_right(self._starts, place) - 1
        return self._ends[index] if index >= 0 and place < self._ends[index] else None
