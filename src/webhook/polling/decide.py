"""Whether a project is polled, how often, and with whose token. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from src.database.models import Hook

SHORTEST = timedelta(seconds=30)  # of projects where much happens
USUAL = timedelta(seconds=60)
LONGEST = timedelta(minutes=10)  # of quiet ones, and of those that a webhook by hand tells of too
_LATELY = timedelta(days=1)  # when a hook made by hand delivered, to count as one that does
_HISTORY = timedelta(days=7)  # what is older is not told, though nobody looked since
_HOOK_GONE = timedelta(days=1)  # how much of what a webhook failed to bring a first look tells
_ON_ITS_WAY = timedelta(minutes=5)  # what a webhook's last delivery may have overtaken
_SLOWER = 1.25  # from look to look that finds nothing
_SHORT_OF = 0.25  # of a token's rate limit: below that it is slowed

T = TypeVar("T")


class Need(StrEnum):
    """How much a project is to be polled."""

    NONE = "none"  # a webhook of ours tells of it
    SELDOM = "seldom"  # one made by hand delivers: nobody but its maker knows which events
    FULLY = "fully"


def need(hook: Hook | None, *, public_url: str | None, now: datetime) -> Need:
    """`hook`: the living one that tells of the project, `public_url`: where the forges reach us, if they do."""
    if hook is None:
        return Need.FULLY
    heard = hook.last_event_at is not None and now - hook.last_event_at < _LATELY
    if hook.origin == "managed":
        is_well = hook.remote_id is not None and hook.last_error is None and public_url is not None
        return Need.NONE if is_well else Need.FULLY
    return Need.SELDOM if heard else Need.FULLY


def oldest(hook: Hook | None, *, goes_on: bool, followed: datetime | None, now: datetime) -> datetime | None:
    """How far back a look tells what happened; `None`: it is the first one and tells nothing.

    Where a webhook of ours told of the project until lately, the first look (`goes_on` is not set) begins where that
    ended. `followed`: since when anybody follows the project.
    """
    if goes_on:
        return now - _HISTORY
    if hook is None or hook.origin != "managed" or hook.last_event_at is None:
        return None
    return max(hook.last_event_at - _ON_ITS_WAY, now - _HOOK_GONE, followed or now)


def next_seconds(seconds: int, *, found: int, is_seldom: bool) -> int:
    """How long from this look to the next: shorter where something was found, longer where nothing was."""
    if is_seldom:
        return int(LONGEST.total_seconds())
    wanted = seconds / 2 if found else seconds * _SLOWER
    return int(min(max(wanted, SHORTEST.total_seconds()), LONGEST.total_seconds()))


def pause(seconds: int, *, room: float | None, asked: int | None) -> timedelta:
    """When to look again, with what the forge asks for and with what the token's rate limit has left.

    Below a quarter of the limit looks become rarer, and four times as rare where almost nothing is left.
    """
    slowed = float(seconds)
    if room is not None and room < _SHORT_OF:
        slowed *= 1 + 3 * (1 - room / _SHORT_OF)
    return timedelta(seconds=min(max(slowed, float(asked or 0)), LONGEST.total_seconds() * 2))


def after_failure(seconds: int) -> int:
    """How long to the next look where the forge did not answer."""
    return int(min(max(seconds, USUAL.total_seconds()) * 2, LONGEST.total_seconds()))


def in_turn(candidates: Sequence[T], project_id: int) -> list[T]:
    """Whose token is asked first differs from project to project, and stays: each has its own cache of answers."""
    start = project_id % len(candidates) if candidates else 0
    return [*candidates[start:], *candidates[:start]]
