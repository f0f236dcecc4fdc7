"""Work that only one process at a time may do, done for as long as its lease lasts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from src.database.away import Absence, is_away
from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories import leases

log = logging.getLogger(__name__)

_LOOK_AGAIN = 0.5  # seconds: how soon one that waits sees that the lease is free


class LeaseLost(Exception):
    """The lease could not be kept: the work was stopped, for another process may do it now. Wait for it anew."""


async def while_held(
    database: Database,
    name: str,
    *,
    owner: str,
    term: timedelta,
    stop: asyncio.Event,
    work: Callable[[int], Awaitable[None]],
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Wait for the lease, do the work with its fence, and let go at the end.

    The lease is renewed at a third of its term. Returns without working when `stop` is set while it waits; stopping
    the work itself is the work's business.

    Args:
        database: where the lease stands.
        name: of the lease, e.g. ``sender:42``.
        owner: this process, in words that tell an operator which.
        term: how long a process that died keeps the others waiting.
        stop: ends the waiting.
        work: gets the fence, which is higher than any that was given out before.
        clock: aware UTC; the processes' clocks must agree within a tenth of the term.

    Raises:
        LeaseLost: another took it, or it could not be renewed before it ran out. The work was cancelled.
        Exception: what the work raised.
    """
    lease = _Lease(database, name, owner, term, clock)
    held = await lease.acquire(stop)
    if held is None:
        return
    done = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(lease.keep(held, done))
            await work(held.fence)
            done.set()
    except BaseExceptionGroup as several:
        raise _cause(several) from several
    finally:
        await lease.release(held.fence)


@dataclass(frozen=True, slots=True)
class _Held:
    fence: int
    until: datetime


class _Lease:
    def __init__(
        self, database: Database, name: str, owner: str, term: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._name = name
        self._owner = owner
        self._term = term
        self._clock = clock

    async def acquire(self, stop: asyncio.Event) -> _Held | None:
        """Wait for it; `None` when `stop` came first."""
        told, absence = False, Absence()
        while not stop.is_set():
            holder: str | None = None
            held: _Held | None = None
            with absence:
                holder = await self._holder()
                held = await self._take() if holder is None else None
            if await absence.over(stop):
                continue  # where only the answer was lost we hold it and do not know: we wait as for another's
            if held is not None:
                log.info("lease %s is ours (%s, fence %d)", self._name, self._owner, held.fence)
                return held
            if not told and holder is not None:
                log.info("lease %s is held by %s: waiting", self._name, holder)
                told = True
            await _wait(stop, min(_LOOK_AGAIN, self._term.total_seconds() / 3))
        return None

    async def _holder(self) -> str | None:
        async with self._database.read() as session:
            return await leases.holder(session, self._name, self._clock())

    async def _take(self) -> _Held | None:
        async with self._database.write(shared=True) as session:
            now = self._clock()
            fence = await leases.acquire(session, self._name, owner=self._owner, now=now, term=self._term)
        return None if fence is None else _Held(fence, now + self._term)

    async def keep(self, held: _Held, done: asyncio.Event) -> None:
        """Renew until `done`; gives up a tenth of the term early, so that the work stops before another's begins."""
        pause = self._term.total_seconds() / 3
        last_moment = held.until - self._term / 10
        while not await _wait(done, min(pause, max(0.0, (last_moment - self._clock()).total_seconds()))):
            left = (last_moment - self._clock()).total_seconds()
            if left <= 0:
                raise LeaseLost(f"lease {self._name} could not be renewed before it ran out")
            try:
                async with asyncio.timeout(left):
                    last_moment = await self._renew(held.fence) - self._term / 10
                pause = self._term.total_seconds() / 3
            except Exception as error:
                if not is_away(error):
                    raise
                pause = self._term.total_seconds() / 15
                log.warning("lease %s could not be renewed: %s", self._name, type(error).__name__)

    async def _renew(self, fence: int) -> datetime:
        async with self._database.write(shared=True) as session:
            # The moment after the writer's turn came: waiting for it must not lengthen the lease.
            now = self._clock()
            until = await leases.renew(session, self._name, owner=self._owner, fence=fence, now=now, term=self._term)
        if until is None:
            raise LeaseLost(f"lease {self._name} was taken over")
        return until

    async def release(self, fence: int) -> None:
        """Let go; where that cannot be written, the lease runs out by itself."""
        try:
            async with asyncio.timeout(self._term.total_seconds()), self._database.write(shared=True) as session:
                await leases.release(session, self._name, owner=self._owner, fence=fence, now=self._clock())
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("lease %s could not be released: %s", self._name, type(error).__name__)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within the time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _cause(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one exception in a group, which is what the caller wants to see, or the group if there are more.

    Where the lease was lost, others who noticed, or who met the database that is away, say nothing more.
    """
    found = list(_leaves(several))
    lost = [one for one in found if isinstance(one, LeaseLost)]
    if lost and all(isinstance(one, LeaseLost) or is_away(one) for one in found):
        return lost[0]
    return found[0] if len(found) == 1 else several


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
