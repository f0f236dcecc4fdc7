"""The runner of jobs: work that is asked for in a transaction and done later, once, by whoever is alive."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.away import Absence, insist, is_away
from src.database.database import Database
from src.database.heartbeat import Heartbeat
from src.database.models import Job, utc_now
from src.database.repositories import event_log, jobs

log = logging.getLogger(__name__)

_AT_ONCE = 8
_LEASE = timedelta(seconds=27)  # renewed while it is being done; a dead process's job is taken over after it
_LIMIT = timedelta(minutes=4)  # how long one may take
_DRAIN = 10.0  # seconds that what has begun gets at the end; what takes longer is done by the next process
_POLL = timedelta(seconds=1)  # another process may have asked for something
_MOST_ATTEMPTS = 12
_LONGEST_PAUSE = timedelta(minutes=10)

# Does a job. Returns when to do it again (what recurs), or None. What it raises is tried again with a growing pause.
Handler = Callable[[Job], Awaitable[datetime | None]]


class PostponeJob(Exception):
    """Not now: what is asked of is known to be away until `until` (aware UTC). Costs no attempt."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until


class JobRunner:
    """Does the jobs of the kinds that it has a handler for.

    Args:
        database: where the jobs stand; put them with `repositories.jobs.put`.
        handlers: by kind of job.
        recurring: kinds that are there from the start, under the empty key.
        owner: this process, in the rows it holds.
        lease: how long a process that died keeps others from its jobs; renewed while one is being done.
        clock: aware UTC.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        recurring: tuple[str, ...] = (),
        owner: str,
        lease: timedelta = _LEASE,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._handlers = dict(handlers)
        self._recurring = recurring
        self._owner = owner
        self._lease = lease
        self._clock = clock
        self._heartbeat = Heartbeat(database, jobs.renew, owner=owner, term=lease, longest=_LIMIT, clock=clock)
        self._news = asyncio.Event()
        self._busy = 0

    def wake(self) -> None:
        """There may be something to do."""
        self._news.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; what has begun by then is finished, or given back where it takes long."""
        absence = Absence()
        await self._ask_for_what_recurs(absence, stop)
        begun: set[asyncio.Task[None]] = set()
        async with self._heartbeat.beating(), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._wake_at(stop), name="jobs-stop")
            while not stop.is_set():
                self._news.clear()
                job = None
                with absence:
                    job = await self._claim() if self._busy < _AT_ONCE else None
                if await absence.over(stop):
                    continue
                if job is None:
                    await self._rest()
                    continue
                self._busy += 1
                task = tasks.create_task(self._work(job), name=f"job-{job.id}")
                begun.add(task)
                task.add_done_callback(begun.discard)
            if begun:
                _, late = await asyncio.wait(begun, timeout=_DRAIN)
                for task in late:
                    task.cancel()

    async def run_due(self) -> int:
        """Do, one after the other, all that is due now and what comes due by it; how many. For tests and drills."""
        count = 0
        while (job := await self._claim()) is not None:
            self._busy += 1
            await self._work(job)
            count += 1
        return count

    async def _ask_for_what_recurs(self, absence: Absence, stop: asyncio.Event) -> None:
        while not stop.is_set():
            with absence:
                async with self._database.write() as session:
                    for kind in self._recurring:
                        await jobs.put(session, kind, "", now=self._clock())
            if not await absence.over(stop):
                return

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._news.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_POLL.total_seconds()):
                await self._news.wait()
        except TimeoutError:
            return  # time to look again

    async def _claim(self) -> Job | None:
        now = self._clock()
        async with self._database.read() as session:  # most looks find nothing: they need not lock the writer
            if not await jobs.is_any_due(session, self._handlers, now=now):
                return None
        async with self._database.write() as session:
            return await jobs.claim(session, self._handlers, owner=self._owner, now=now, lease=self._lease)

    async def _work(self, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in one; tells mypy so
        try:
            with self._heartbeat.holding(job, lost=task.cancel):
                await self._do(job)
        except asyncio.CancelledError:
            # At the stop; or its lease was lost, and then nothing can be written.
            await self._give_back(job)
            raise
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("job %d: how it ended could not be written: it is done again after its lease", job.id)
        finally:
            self._busy -= 1
            self._news.set()

    async def _do(self, job: Job) -> None:
        try:
            async with asyncio.timeout(_LIMIT.total_seconds()):
                again = await self._handlers[job.kind](job)
        except PostponeJob as error:
            await self._again(job, max(error.until, self._clock() + timedelta(seconds=1)), str(error), afresh=True)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one job, the others go on
            await self._failed(job, error)
        else:
            if again is None:
                await self._record(lambda session: jobs.finish(session, job))
            else:
                await self._again(job, again, None, afresh=True)

    async def _again(self, job: Job, until: datetime, reason: str | None, *, afresh: bool) -> None:
        await self._record(lambda session: jobs.postpone(session, job, until=until, error=reason, afresh=afresh))

    async def _give_back(self, job: Job) -> None:
        """Somebody else may do it at once; where that cannot be written, after its lease."""
        try:
            async with self._database.write() as session:
                await jobs.postpone(session, job, until=self._clock(), error="the process stopped", afresh=True)
        except Exception as error:
            if not is_away(error):
                raise

    async def _record(self, write: Callable[[AsyncSession], Awaitable[object]]) -> None:
        """Write how a job ended, if need be when the database is back. By its fence that happens once."""

        async def once() -> None:
            async with self._database.write() as session:
                await write(session)

        await insist(once, seconds=self._lease.total_seconds())

    async def _failed(self, job: Job, error: Exception) -> None:
        """Try again later, or give up where it cannot succeed; the log says so, without the exception's own words."""
        name = type(error).__name__
        frames = "".join(traceback.format_tb(error.__traceback__)[-6:])
        log.error("job %d (%s): %s, attempt %d\n%s", job.id, job.kind, name, job.attempts, frames)
        recurs = job.kind in self._recurring
        if job.attempts < _MOST_ATTEMPTS or recurs:
            pause = min(timedelta(seconds=2 ** min(job.attempts, 12)), _LONGEST_PAUSE)
            await self._again(job, self._clock() + pause, name, afresh=False)
            return
        await self._record(lambda session: self._give_up(session, job, name))

    async def _give_up(self, session: AsyncSession, job: Job, name: str) -> None:
        if await jobs.give_up(session, job, error=name):
            text = f"{job.kind} {job.key}: given up after {job.attempts} attempts: {name}"
            await event_log.add(session, kind="job_error", outcome="given_up", message=text, now=self._clock())
