"""What others answer: in time, and their clock."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from src.doctor.findings import Finding, Heard

T = TypeVar("T")

MAX_SKEW_SECONDS = 60  # GitLab's signed deliveries are refused beyond five minutes; leave room


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask, and once more where no answer came in time: one hiccup of a network or a machine is no finding."""
    try:
        return await ask()
    except TimeoutError:
        return await ask()


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The moment in the `Date` header (RFC 9110), aware UTC; `None` where there is none that can be read."""
    try:
        found = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def clock(heard: Sequence[Heard]) -> Finding:
    """Whether our clock goes right. The median of the differences counts, so that one odd server misleads nobody."""
    if not heard:
        return Finding("clock", "warn", "Nobody told the time, so the clock was not checked.", "mend the rest first")
    skews = sorted((each.ours - each.theirs).total_seconds() for each in heard)
    skew = skews[len(skews) // 2]
    whom = ", ".join(dict.fromkeys(each.whom for each in heard))
    if abs(skew) > MAX_SKEW_SECONDS:
        way = "fast" if skew > 0 else "slow"
        says = f"This machine's clock is {abs(skew):.0f} s {way} against {whom}."
        return Finding("clock", "fail", says, "switch time synchronisation (NTP) on")
    return Finding("clock", "ok", f"The clock agrees with {whom}.")
