"""How fast somebody may try codes. Pure: it is told the time; it forgets with the process."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

_FREE = 3  # wrong codes that cost nothing: people mistype
_FIRST, _LONGEST = 10, 3_600  # seconds to wait after the first that costs, and at most; each doubles it
_FORGOTTEN = timedelta(days=1)  # after so long a quiet a person starts anew
_PEOPLE = 10_000  # remembered at a time
_MANY, _WITHIN = 10, timedelta(hours=1)  # so many wrong codes, whoever sends them, are no mistypes


@dataclass(slots=True)
class _Tries:
    last: datetime
    wrong: int = 0
    again_at: datetime | None = None
    reminded: bool = False  # whether they were told again that they have to wait


class Guesses:
    """Delays grow for each person by themselves: nobody can lock out somebody else who has a good code.

    When many wrong codes come, from whomever, no wrong one is free any more, and the admins are to be told.
    """

    def __init__(self) -> None:
        self._tries: OrderedDict[int, _Tries] = OrderedDict()
        self._lately: deque[datetime] = deque(maxlen=_MANY)

    def wait(self, person: int, now: datetime) -> int:
        """The seconds that this person has to wait before a code of theirs is looked at; 0: now."""
        tries = self._tries.get(person)
        if tries is None or tries.again_at is None or tries.again_at <= now:
            return 0
        self._lately.append(now)
        return _seconds(tries.again_at - now)

    def remind(self, person: int) -> bool:
        """Whether to tell somebody who has to wait so once more: once in each wait."""
        tries = self._tries.get(person)
        if tries is None or tries.reminded:
            return False
        tries.reminded = True
        return True

    def wrong(self, person: int, now: datetime) -> int:
        """A code of theirs was wrong. The seconds until the next is looked at."""
        self._lately.append(now)
        tries = self._of(person, now)
        tries.wrong, tries.last = tries.wrong + 1, now
        free = 1 if self.are_many(now) else _FREE
        if tries.wrong < free:
            tries.again_at = None
            return 0
        seconds: int = min(_LONGEST, _FIRST << min(tries.wrong - free, 20))  # bounded: no number of a thousand digits
        tries.again_at, tries.reminded = now + timedelta(seconds=seconds), False
        return seconds

    def right(self, person: int) -> None:
        """A code of theirs was good: what was wrong before is forgotten."""
        self._tries.pop(person, None)

    def are_many(self, now: datetime) -> bool:
        """Whether so many wrong codes came lately that somebody must be guessing."""
        return len(self._lately) == _MANY and now - self._lately[0] <= _WITHIN

    def _of(self, person: int, now: datetime) -> _Tries:
        tries = self._tries.get(person)
        if tries is None or now - tries.last > _FORGOTTEN:
            tries = self._tries[person] = _Tries(last=now)
        self._tries.move_to_end(person)
        if len(self._tries) > _PEOPLE:
            self._tries.popitem(last=False)
        return tries


def _seconds(left: timedelta) -> int:
    """Whole seconds, never less than is left."""
    return max(1, -int(-left.total_seconds() // 1))
