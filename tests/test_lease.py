"""One holder at a time: waiting, renewing, losing and letting go."""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from src.database import lease
from src.database.database import Database
from src.database.lease import LeaseLost, while_held
from src.database.models import Lease, utc_now
from src.database.repositories import leases
from tests.databases import open_new

TERM = timedelta(seconds=3)
LONG = timedelta(minutes=1)  # of a steered clock: the database may take most of it for an answer
NAME = "telegram:42"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_new(tmp_path, "leases.db")
    yield opened
    await opened.close()


class Clock:
    """Stands until it is moved; who waits for a time to pass waits for that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = utc_now()
        self.waits: Counter[asyncio.Event] = Counter()  # begun, by what would end them
        self.waiting = 0
        monkeypatch.setattr(lease, "_wait", self._wait)

    def __call__(self) -> datetime:
        return self.now

    async def _wait(self, event: asyncio.Event, seconds: float) -> bool:
        self.waits[event] += 1
        self.waiting += 1
        due = self.now + timedelta(seconds=seconds)
        try:
            while not event.is_set() and self.now < due:  # noqa: ASYNC110 - the clock says nothing when it is moved
                await asyncio.sleep(0.002)
        finally:
            self.waiting -= 1
        return event.is_set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def renewed(database: Database, clock: Clock, waiting: int = 1) -> None:
    """Until the lease's holder has renewed it now, and so many wait for the clock to be moved again."""
    while True:
        async with database.read() as session:
            if (await session.get_one(Lease, NAME)).until == clock.now + LONG and clock.waiting == waiting:
                return
        await asyncio.sleep(0.002)


class Holder:
    """A process that wants the lease, and works until it is told to stop."""

    def __init__(self, database: Database, owner: str, term: timedelta = TERM) -> None:
        self._database = database
        self.owner = owner
        self._term = term
        self.stop = asyncio.Event()
        self.holds = asyncio.Event()
        self.fence = 0
        self.cancelled = False

    async def run(self, clock: Callable[[], datetime] = utc_now) -> None:
        await while_held(
            self._database, NAME, owner=self.owner, term=self._term, stop=self.stop, work=self._work, clock=clock
        )

    async def _work(self, fence: int) -> None:
        self.fence = fence
        self.holds.set()
        try:
            await self.stop.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def holder_now(database: Database) -> str | None:
    return await holder_at(database, utc_now())


async def holder_at(database: Database, moment: datetime) -> str | None:
    async with database.read() as session:
        return await leases.holder(session, NAME, moment)


async def test_a_second_one_waits_and_is_told_once_for_whom(
    database: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = Holder(database, "one", LONG), Holder(database, "two", LONG)
    with caplog.at_level(logging.INFO, logger="src.database.lease"):
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(one.run(clock))
            await one.holds.wait()
            group.create_task(two.run(clock))
            for _ in range(8):
                while clock.waiting < 2:  # noqa: ASYNC110 - it says nothing when it begins to wait
                    await asyncio.sleep(0.002)
                looked = clock.waits[two.stop]
                clock.now += LONG / 3
                await renewed(database, clock, waiting=2)
                assert clock.waits[two.stop] > looked
                assert not two.holds.is_set(), "renewed, it outlasts its term"
            one.stop.set()
            two.stop.set()

    assert caplog.text.count("is held by one") == 1


async def test_who_lets_go_hands_over_at_once(database: Database) -> None:
    term = timedelta(seconds=60)
    one, two = Holder(database, "one", term), Holder(database, "two", term)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(one.run())
        await one.holds.wait()
        group.create_task(two.run())
        one.stop.set()
        await two.holds.wait()
        two.stop.set()

    assert two.fence > one.fence


async def test_a_dead_holders_lease_is_taken_over_when_it_has_run_out(database: Database) -> None:
    began = utc_now()
    async with database.write() as session:
        fence = await leases.acquire(session, NAME, owner="dead", now=utc_now(), term=TERM)
    two = Holder(database, "two", LONG)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(two.run())
        await two.holds.wait()
        assert utc_now() - began >= TERM
        two.stop.set()

    assert fence is not None
    assert two.fence > fence


async def test_one_that_comes_back_under_its_old_name_waits_too(database: Database) -> None:
    async with database.write() as session:
        assert await leases.acquire(session, NAME, owner="pod-1", now=utc_now(), term=TERM) == 1
        assert await leases.acquire(session, NAME, owner="pod-1", now=utc_now(), term=TERM) is None


async def test_renewing_keeps_the_fence(database: Database, clock: Clock) -> None:
    one = Holder(database, "one", LONG)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(one.run(clock))
        await one.holds.wait()
        for _ in range(5):
            clock.now += LONG / 3
            await renewed(database, clock)
        async with database.read() as session:
            row = await session.get_one(Lease, NAME)
        one.stop.set()

    assert row.fence == one.fence


async def test_a_lease_taken_by_another_stops_the_work(database: Database, clock: Clock) -> None:
    one = Holder(database, "one", LONG)

    async def rob() -> None:
        await one.holds.wait()
        async with database.write() as session:
            values: dict[str, Any] = {"owner": "two", "fence": Lease.fence + 1, "until": clock.now + LONG * 100}
            await session.execute(update(Lease).values(**values))
        clock.now += LONG / 3

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(rob())
        with pytest.raises(LeaseLost, match="taken over"):
            await one.run(clock)

    assert one.cancelled
    assert await holder_now(database) == "two", "what is another's is not let go"


async def test_a_database_that_is_away_for_the_whole_term_stops_the_work_before_it_ends(
    database: Database, clock: Clock
) -> None:
    flaky = FlakyDatabase(database)
    one = Holder(flaky, "one", LONG)  # of which a tenth, six seconds, is left when the work is stopped

    async def unplug() -> None:
        await one.holds.wait()
        flaky.away = True
        while not one.cancelled:
            if clock.waiting:
                clock.now += timedelta(seconds=1)
            await asyncio.sleep(0.01)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(unplug())
        with pytest.raises(LeaseLost, match="could not be renewed"):
            await one.run(clock)
    assert await holder_at(database, clock.now) == "one", "nobody else can have begun"

    assert one.cancelled
    assert flaky.tries > 2


async def test_a_database_that_hangs_is_away_too(database: Database) -> None:
    flaky = FlakyDatabase(database)
    one = Holder(flaky, "one")

    async def hang() -> None:
        await one.holds.wait()
        flaky.hangs = True

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(hang())
        with pytest.raises(LeaseLost):
            await one.run()


async def test_a_database_that_comes_back_in_time_is_forgiven(database: Database, clock: Clock) -> None:
    flaky = FlakyDatabase(database)
    one = Holder(flaky, "one", LONG)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(one.run(clock))
        await one.holds.wait()
        flaky.away, tries = True, flaky.tries
        clock.now += LONG / 2
        while flaky.tries == tries:  # noqa: ASYNC110 - it says nothing when it tries
            await asyncio.sleep(0.002)
        flaky.away = False
        clock.now += LONG / 15
        await renewed(database, clock)
        assert not one.cancelled
        one.stop.set()


async def test_one_that_is_stopped_while_it_waits_does_not_work(database: Database) -> None:
    async with database.write() as session:
        await leases.acquire(session, NAME, owner="one", now=utc_now(), term=timedelta(hours=1))
    two = Holder(database, "two")
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(two.run())
        await asyncio.sleep(0.02)
        two.stop.set()

    assert not two.holds.is_set()


async def test_what_the_work_raises_is_raised_and_the_lease_is_let_go(database: Database) -> None:
    async def fail(_fence: int) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await while_held(database, NAME, owner="one", term=TERM, stop=asyncio.Event(), work=fail)

    assert await holder_now(database) is None


async def test_where_the_work_notices_too_that_the_lease_is_lost_it_is_said_once(database: Database) -> None:
    async def work(_fence: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(notice())
            tasks.create_task(miss_the_database())

    async def notice() -> None:
        raise LeaseLost("another has it")

    async def miss_the_database() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionRefusedError

    with pytest.raises(LeaseLost, match="another has it"):
        await while_held(database, NAME, owner="one", term=TERM, stop=asyncio.Event(), work=work)


async def test_what_else_is_wrong_is_not_hidden_behind_a_lost_lease(database: Database) -> None:
    async def work(_fence: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(LeaseLost("another has it")))
            tasks.create_task(fail(ValueError("no")))

    async def fail(error: Exception) -> None:
        raise error

    with pytest.raises(ExceptionGroup) as found:
        await while_held(database, NAME, owner="one", term=TERM, stop=asyncio.Event(), work=work)
    assert found.group_contains(ValueError)


async def test_a_cancelled_holder_lets_go(database: Database) -> None:
    one = Holder(database, "one", timedelta(hours=1))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(one.run())
        await one.holds.wait()
        task.cancel()

    assert one.cancelled
    assert await holder_now(database) is None


async def test_the_clock_can_be_the_callers(database: Database) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    one = Holder(database, "one")
    one.stop.set()

    async def work(_fence: int) -> None:
        async with database.read() as session:
            assert (await session.get_one(Lease, NAME)).until == moment + TERM

    await while_held(database, NAME, owner="one", term=TERM, stop=asyncio.Event(), work=work, clock=lambda: moment)


class FlakyDatabase(Database):
    """A database that can be unplugged; reads and what came before go on."""

    def __init__(self, real: Database) -> None:
        self._real = real
        self.away = False
        self.hangs = False
        self.tries = 0

    @asynccontextmanager
    async def write(self, *, shared: bool = False) -> AsyncIterator[AsyncSession]:
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            gone = sqlite3.OperationalError("unable to open database file")
            gone.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise OperationalError("UPDATE leases", {}, gone)
        async with self._real.write(shared=shared) as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with self._real.read() as session:
            yield session
