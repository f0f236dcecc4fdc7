"""What is new in the lists of a forge since they were last looked at. Pure.

Lists are not quite in order: what was written at one moment may show a little later than what came after it. So what
was seen within the last minutes is remembered by name, and anything else of those minutes is new.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

OVERLAP = timedelta(minutes=5)
_DIGITS = re.compile(r"[0-9]{1,18}")


class News:
    """The cursors of several lists; `after` is what to give back next time, with those alone that were used."""

    def __init__(self, before: Mapping[str, Any] | None, *, since: datetime | None = None) -> None:
        """Nothing of before `since` is new. Where there is no `before`, all that is younger is new; else nothing."""
        self._before = before or {}
        self._since = since
        self._goes_on = before is None and since is not None
        self.after: dict[str, Any] = {}

    def is_first(self, name: str) -> bool:
        """Whether this list is looked at for the first time: then nothing of it is new."""
        return name not in self._before and not self._goes_on

    def floor(self, name: str) -> datetime | None:
        """What is older than that is not new; `None`: there was nothing yet."""
        at = moment(self._before.get(name, {}).get("at"))
        return max((one for one in (at and at - OVERLAP, self._since) if one is not None), default=None)

    def is_over(self, at: datetime) -> bool:
        """Whether that is too long ago to be told."""
        return self._since is not None and at <= self._since

    def reaches(self, name: str, times: Iterable[datetime]) -> bool:
        """Whether these, of one page of a list that begins with the newest, go back to what is known."""
        oldest = min(times, default=None)
        if oldest is None or self.is_first(name):
            return True
        floor = self.floor(name)
        return floor is not None and oldest <= floor

    def take(self, name: str, items: Iterable[tuple[str, datetime, T]], *, begin: datetime | None = None) -> list[T]:
        """Those that are new, oldest first, of (name within the list, moment, thing); of one moment by their numbers.

        `begin`: where the list begins to count where it has nothing to go by, at the first look.
        """
        listed, before = list(items), self._before.get(name, {})
        seen = {key: at for key, text in before.get("seen", {}).items() if (at := moment(text)) is not None}
        floor = self.floor(name)
        fresh: list[T] = []
        if not self.is_first(name):
            new = [item for item in listed if item[0] not in seen and (floor is None or item[1] > floor)]
            fresh = [thing for _, _, thing in sorted(new, key=lambda item: (item[1], _number(item[0])))]
        begins = (moment(before.get("at")), begin, self._since if self._goes_on else None)
        known = [at for at in (*begins, *(at for _, at, _ in listed)) if at is not None]
        newest = max(known, default=None)
        seen |= {key: at for key, at, _ in listed}
        self.after[name] = {
            "at": None if newest is None else newest.isoformat(),
            "seen": {key: at.isoformat() for key, at in seen.items() if newest is not None and at > newest - OVERLAP},
        }
        return fresh

    def skip(self, name: str) -> None:
        """The list cannot be had just now: it is looked at from the same place next time."""
        if name in self._before:
            self.after[name] = self._before[name]


def _number(name: str) -> int:
    """The first number in a name."""
    found = _DIGITS.search(name)
    return int(found[0]) if found else 0


def moment(text: object) -> datetime | None:
    """A time as forges write it; `None` for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def share(headers: Mapping[str, str], limit: str, remaining: str) -> float | None:
    """What is left of a rate limit, 0 to 1, by the names of two headers."""
    most, left = headers.get(limit, ""), headers.get(remaining, "")
    if not (most.isdecimal() and left.isdecimal() and int(most)):
        return None
    return min(int(left) / int(most), 1.0)
