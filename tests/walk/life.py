"""One random life: a theatre, three people, their deeds, and the invariants at the end."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from src.bot.access import AccessRule
from src.bot.fsm_storage import DIALOGS_JOB, sweep_job
from src.bot.notices import notice_job
from src.database.jobs import JobRunner
from src.database.repositories import jobs as repository
from src.database.retention import RETENTION_JOB, retention_job
from src.webhook.notices import NOTICE_JOB
from src.webhook.tokens import TOKEN_JOB, token_job
from src.webhook.upkeep import RECURRING, hook_jobs
from tests.walk.invariants import broken, settle
from tests.walk.sequences import Deed, Troupe, deeds, gather, play
from tests.walk.theatre import Theatre, theatre

LENGTH = 200  # deeds of a life


def check(sequence: Sequence[Deed]) -> None:
    """Raises AssertionError with the story where an invariant does not hold after it."""
    with tempfile.TemporaryDirectory() as folder:
        story, found = asyncio.run(live(Path(folder), sequence))
    if found:
        raise AssertionError("\n".join(["after", *story, "this is wrong:", *dict.fromkeys(found)]))


def try_lives(count: int) -> None:
    """Try so many new lives; one that breaks an invariant is made as short as can be, and raised."""
    chosen = settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    chosen(given(deeds(LENGTH))(check))()


async def live(folder: Path, sequence: Sequence[Deed]) -> tuple[list[str], list[str]]:
    """What was done, and which invariants did not hold after it."""
    async with theatre(folder, AccessRule("open")) as stage:
        troupe = await gather(stage)
        jobs = await runner(troupe)
        await play(troupe, jobs, sequence)
        await settle(troupe, jobs)
        return troupe.story, await broken(troupe)


async def runner(troupe: Troupe) -> JobRunner:
    """The jobs that the application runs; those that recur are put."""
    stage: Theatre = troupe.theatre
    database, credentials = stage.stage.database, stage.deps.credentials
    handlers = {
        NOTICE_JOB: notice_job(stage.bot, database, credentials.types, troupe.clock),
        TOKEN_JOB: token_job(database, credentials, troupe.clock),
        DIALOGS_JOB: sweep_job(database, troupe.clock),
        RETENTION_JOB: retention_job(database, troupe.clock),
        **hook_jobs(stage.deps.hooks),
    }
    recurring = (TOKEN_JOB, DIALOGS_JOB, RETENTION_JOB, *RECURRING)
    async with database.write() as session:
        for kind in recurring:
            await repository.put(session, kind, "", now=troupe.clock())
    return JobRunner(database, handlers, recurring=recurring, owner="walk", clock=troupe.clock)
