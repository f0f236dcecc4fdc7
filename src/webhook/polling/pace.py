"""How much tokens may be asked for looks: evenly, and never all that a forge allows. One instance in a process."""

from datetime import datetime, timedelta

A_MINUTE = 300  # questions with one token: GitHub bears 900, those included that it answers with 304
_AHEAD = timedelta(seconds=10)  # of questions that may be put at once, when none was put before
_RESERVE = 0.1  # of a token's rate limit: left to webhooks, checks of access, and people who wait for an answer
_UNKNOWN = timedelta(minutes=10)  # until there is room again, where the forge does not say


class Pace:
    """Until when each account is not to be asked for looks."""

    def __init__(self) -> None:
        self._busy: dict[int, datetime] = {}  # what was asked already would take until then
        self._held: dict[int, datetime] = {}  # there is almost nothing left of the rate limit

    def until(self, account_id: int, now: datetime) -> datetime | None:
        """When the account may be asked again; `None`: now."""
        busy, held = self._busy.get(account_id, now) - _AHEAD, self._held.get(account_id, now)
        latest = max(busy, held)
        return latest if latest > now else None

    def asked(self, account_id: int, questions: int, now: datetime) -> None:
        """So many questions were put with it."""
        begin = max(self._busy.get(account_id, now), now)
        self._busy = {number: end for number, end in self._busy.items() if end > now}
        self._busy[account_id] = begin + timedelta(minutes=questions / A_MINUTE)

    def left(self, account_id: int, room: float | None, resets: datetime | None, now: datetime) -> None:
        """What is left of its rate limit, 0 to 1, and when that is whole again, as far as the forge says."""
        self._held = {number: end for number, end in self._held.items() if end > now}
        if room is not None and room < _RESERVE:
            self._held[account_id] = resets if resets is not None and resets > now else now + _UNKNOWN
