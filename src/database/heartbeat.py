"""What a process works on stays its own for as long as it works: leases are short, and renewed meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from src.database.database import Database

log = logging.getLogger(__name__)

_AWAY = (SQLAlchemyError, OSError, TimeoutError)


class Leased(Protocol):
    """A row that somebody has claimed."""

    id: int
    lease_until: datetime | None


class Renew(Protocol):
    """Writes a later end into those of the rows that the owner still holds; returns their ids."""

    async def __call__(
        self, session: AsyncSession, ids: Collection[int], *, owner: str, until: datetime
    ) -> frozenset[int]:
        """Within the caller's transaction."""
        ...


@dataclass(slots=True)
class _Held:
    row: Leased
    since: datetime
    lost: Callable[[], object] | None


class Heartbeat:
    """Renews the leases of what is being worked on, all of them in one short transaction.

    A third of the term passes between two beats. What somebody else took meanwhile, or what could not be renewed
    until a tenth of the term before its end, is lost: whoever works on it is told, so that no two do the same.

    Args:
        database: where the rows are.
        renew: of the rows' repository.
        owner: this process, in the rows it holds.
        term: of a lease: how long a process that died keeps others from its work.
        longest: how long one row is held at most; work that hangs for longer is for another process to try.
        clock: aware UTC.
    """

    def __init__(
        self,
        database: Database,
        renew: Renew,
        *,
        owner: str,
        term: timedelta,
        longest: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._renew = renew
        self._owner = owner
        self._term = term
        self._longest = longest
        self._clock = clock
        self._held: dict[int, _Held] = {}

    @contextmanager
    def holding(self, *rows: Leased, lost: Callable[[], object] | None = None) -> Iterator[None]:
        """Renew the rows' leases meanwhile; each row learns its new end. `lost` is called when one can't be kept."""
        held = {row.id: _Held(row, self._clock(), lost) for row in rows}
        self._held.update(held)
        try:
            yield
        finally:
            for number, one in held.items():
                if self._held.get(number) is one:
                    del self._held[number]

    def done(self, row: Leased) -> None:
        """One of several rows needs no lease any more."""
        self._held.pop(row.id, None)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Renew while the block runs, however long it takes to end."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run(over), name="heartbeat")
            try:
                yield
            finally:
                over.set()

    async def _run(self, over: asyncio.Event) -> None:
        pause = self._term / 3
        while not over.is_set():
            try:
                async with asyncio.timeout(min(pause, self._left()).total_seconds()):
                    await over.wait()
            except TimeoutError:
                pause = self._term / 3 if await self.beat() else self._term / 15

    async def beat(self) -> bool:
        """Renew now, and give up what cannot be kept. Whether the database was there."""
        now = self._clock()
        wanted = {number for number, held in self._held.items() if now - held.since < self._longest}
        there = True
        if wanted:
            try:
                async with asyncio.timeout(min(self._term / 6, self._left()).total_seconds()):
                    await self._prolong(wanted)
            except _AWAY as error:
                there = False
                log.warning("leases could not be renewed: %s", type(error).__name__)
        now = self._clock()
        for number, held in tuple(self._held.items()):
            if self._last_moment(held) <= now:
                self._lose(number)
        return there

    def _left(self) -> timedelta:
        """How long until the first of the leases has to be renewed; a moment at least."""
        now = self._clock()
        left = min((self._last_moment(held) - now for held in self._held.values()), default=self._term)
        return max(left, self._term / 100)

    def _last_moment(self, held: _Held) -> datetime:
        until = held.row.lease_until
        return self._clock() if until is None else until - self._term / 10

    async def _prolong(self, wanted: Collection[int]) -> None:
        async with self._database.write(shared=True) as session:
            # The moment after the writer's turn came: waiting for it must not lengthen the lease.
            until = self._clock() + self._term
            renewed = await self._renew(session, wanted, owner=self._owner, until=until)
        for number in wanted:
            held = self._held.get(number)
            if held is None:  # it was finished meanwhile
                continue
            if number in renewed:
                held.row.lease_until = until
            else:
                self._lose(number)

    def _lose(self, number: int) -> None:
        held = self._held.pop(number)
        log.warning("row %d is no longer ours: another process may have taken it", number)
        if held.lost is not None:
            held.lost()
