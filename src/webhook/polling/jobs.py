"""The jobs of polling: which projects are looked at, one look, and what forges' own notifications point to."""

from datetime import datetime, timedelta

from src.database.jobs import Handler, PostponeJob
from src.database.models import Job
from src.database.repositories import accounts, forges, jobs, polls
from src.forge import ForgeError, RateLimited, Unauthorized, Unsupported
from src.webhook import tokens
from src.webhook.polling.work import Polling

POLLS_JOB = "polls"  # which projects are to be polled
POLL_JOB = "poll"  # key: a project's id
NOTIFIED_JOB = "poll_notified"  # key: an account's id
RECURRING = (POLLS_JOB,)

_SWEEP = timedelta(minutes=1)
_A_SECOND = 10  # looks that begin at once: a forge is not to be asked about a thousand projects in a second
_NOTIFIED = timedelta(minutes=1)  # where the forge asks for no longer pause
_UNHEARD = timedelta(hours=6)  # whether a token that may not see notifications may by now
_AWAY = timedelta(minutes=5)
_LONGEST_ASKED = 3600  # seconds that a forge may ask us to wait


def polling_jobs(polling: Polling) -> dict[str, Handler]:
    """The handlers by kind, for the runner; those in `RECURRING` are there from the start."""
    work = _Work(polling)
    return {POLLS_JOB: work.sweep, POLL_JOB: work.look, NOTIFIED_JOB: work.notified}


class _Work:
    def __init__(self, polling: Polling) -> None:
        self._polling = polling
        self._database = polling.database
        self._clock = polling.clock

    async def sweep(self, _job: Job) -> datetime:
        """Ask for a look at each project that is to be polled and is not yet; the others stop by themselves."""
        now = self._clock()
        wanted, _ = await self._polling.wanted()
        async with self._database.read() as session:
            running = await polls.running(session, [project.id for project in wanted])
            looks, asked = await jobs.waiting(session, POLL_JOB), await jobs.waiting(session, NOTIFIED_JOB)
            known = [f.id for f in await forges.every(session) if self._tells(f.kind)]
            watchers = await polls.watchers(session, known)
        async with self._database.write() as session:
            await polls.leave_unfollowed(session, now)
            for index, project in enumerate(wanted):
                run_at = now + timedelta(seconds=index // _A_SECOND)
                poll = running.get(project.id)
                if poll is None:
                    await jobs.put(session, POLL_JOB, str(project.id), now=now, run_at=run_at)
                elif str(project.id) not in looks:
                    # Its job was given up, or died with the database it was copied from.
                    due = (poll.looked_at or now) + timedelta(seconds=poll.seconds)
                    await jobs.put(session, POLL_JOB, str(project.id), now=now, run_at=max(due, run_at))
            for account in watchers:
                if str(account.id) not in asked:
                    await jobs.put(session, NOTIFIED_JOB, str(account.id), now=now)
        return now + _SWEEP

    async def look(self, job: Job) -> datetime | None:
        """Look at one project."""
        return await self._polling.look(int(job.key))

    async def notified(self, job: Job) -> datetime | None:
        """Bring looks forward at the projects of which a person's notifications tell that something happened."""
        account_id = int(job.key)
        async with self._database.read() as session:
            account = next(iter(await accounts.by_ids(session, [account_id])), None)
            forge = None if account is None else await forges.get(session, account.forge_id)
        if account is None or forge is None or account.dead_at is not None:
            return None
        try:
            found = await self._polling.credentials.client(forge, account).notified(job.payload.get("mark"))
        except Unsupported:
            return self._clock() + _UNHEARD
        except RateLimited as error:
            raise PostponeJob(error.until, "the forge limits us") from error
        except Unauthorized:
            async with self._database.write() as session:
                await tokens.refused(session, account, self._clock())
            return None
        except ForgeError:
            return self._clock() + _AWAY
        now = self._clock()
        async with self._database.write() as session:
            await jobs.remember(session, job, {"mark": found.mark})
            polled = await polls.polled_of(session, forge.id, sorted(found.projects))
            for project_id in polled:
                await jobs.put(session, POLL_JOB, str(project_id), now=now)
            if not await polls.watches(session, account_id):
                return None
        return now + max(_NOTIFIED, timedelta(seconds=min(found.pause or 0, _LONGEST_ASKED)))

    def _tells(self, kind: str) -> bool:
        forge_type = self._polling.credentials.types.get(kind)
        return forge_type is not None and forge_type.has_notifications
