"""How long things are kept, and the daily job that keeps to it. `/privacy` tells people these very periods."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from src.database.database import Database
from src.database.jobs import Handler
from src.database.models import Job, utc_now
from src.database.repositories import expiry, invites, polls
from src.database.vacuum import vacuum

RETENTION_JOB = "retention"

BODIES_KEPT = timedelta(days=30)  # what a forge sent, word for word
EVENTS_KEPT = timedelta(days=30)  # what it meant, and the messages about it
# The promise that a delivery sent again is known. Emptied deliveries hold no more than keys; longer than bodies.
KEYS_KEPT = timedelta(days=60)
TOMBSTONES_KEPT = timedelta(days=60)  # of removed hooks; longer than late deliveries are taken
LOG_KEPT = timedelta(days=90)
REVIEWS_KEPT = timedelta(days=90)  # what came of them; the forge has what was said
SENT_KEPT = timedelta(days=180)  # which message is about what: for replies and buttons
JOBS_KEPT = timedelta(days=30)  # given up
MISSED_KEPT = timedelta(days=30)  # which deliveries were missing; longer than any forge keeps what it sent
PLACES_KEPT = timedelta(days=1)  # leases that nobody holds

_EVERY = timedelta(days=1)
_AGAIN = timedelta(minutes=5)  # where there is more to delete than one run does, or a reader held the log back
_BATCH = 500  # rows in one transaction: the writer is not held up for long
_BATCHES = 200  # in one run of one kind: a job has minutes

Batch = Callable[[AsyncSession, datetime, int], Awaitable[bool]]


def retention_job(database: Database, clock: Callable[[], datetime] = utc_now) -> Handler:
    """The handler of `RETENTION_JOB`, which recurs: once a day, what has outlived its time is deleted for good.

    What that frees in the file is given back to the disk.
    """

    async def handle(_job: Job) -> datetime:
        now = clock()
        done = await expire(database, now)
        done = await vacuum(database) and done
        is_empty = await database.checkpoint()
        return now + (_EVERY if done and is_empty else _AGAIN)

    return handle


async def expire(database: Database, now: datetime) -> bool:
    """Delete what is too old at `now` (aware UTC). Whether all of it is done."""
    done = await _empty(database, now - BODIES_KEPT)
    kinds: tuple[tuple[Batch, timedelta], ...] = (
        (expiry.events, EVENTS_KEPT),
        (expiry.deliveries, KEYS_KEPT),
        (expiry.log, LOG_KEPT),
        (expiry.reviews, REVIEWS_KEPT),
        (expiry.sent, SENT_KEPT),
    )
    for batch, kept in kinds:
        done = await _all(database, batch, now - kept) and done
    async with database.write() as session:
        await expiry.jobs(session, now - JOBS_KEPT)
        await expiry.missed(session, now - MISSED_KEPT)
        await expiry.places(session, now - PLACES_KEPT)
        await invites.sweep(session, now)
        await polls.leave_unfollowed(session, now)
        await expiry.hooks(session, now - TOMBSTONES_KEPT)
        await expiry.projects(session)
    return done


async def _all(database: Database, batch: Batch, before: datetime) -> bool:
    for _ in range(_BATCHES):
        async with database.write() as session:
            if not await batch(session, before, _BATCH):
                return True
    return False


async def _empty(database: Database, before: datetime) -> bool:
    after = 0
    for _ in range(_BATCHES):
        async with database.write() as session:
            found = await expiry.empty_deliveries(session, before, _BATCH, after)
        if found is None:
            return True
        after = found
    return False
