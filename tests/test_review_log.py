"""`python main.py log`: by project, and followed."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from src.database.database import Database
from src.database.key_file import new_key
from src.database.models import utc_now
from src.database.repositories import event_log, forges, projects
from src.forge import RemoteProject
from tests.command import MAIN, run
from tests.databases import open_new


def of(database: Database) -> dict[str, str]:
    """What a program has to be told to use a database: beside PostgreSQL there is no folder with a key."""
    return {"DATABASE_URL": database.url, "SECRET_KEYS": new_key()}


async def note(database: Database, path: str | None, message: str, kind: str = "webhook") -> None:
    async with database.write() as session:
        number = None
        if path is not None:
            forge = await forges.ensure(session, "github", "https://api.github.com")
            remote = RemoteProject(external_id=path, path=path, url="https://x.example.org", private=False)
            number = (await projects.ensure(session, forge.id, remote)).id
        await event_log.add(session, kind=kind, outcome="done", message=message, now=utc_now(), project_id=number)


async def test_the_log_of_one_project_is_that_projects_alone(tmp_path: Path) -> None:
    database = await open_new(tmp_path, "log.db")
    try:
        await note(database, "acme/rocket", "first")
        await note(database, "acme/other", "second")
        await note(database, None, "third")
        await note(database, "acme/rocket", "fourth", kind="webhook_error")
        ran = await run(tmp_path, "log", "--repo", "Acme/Rocket", **of(database))
        wrong = await run(tmp_path, "log", "--repo", "acme/rocket", "--kind", "webhook_error", **of(database))
    finally:
        await database.close()
    assert [line.rsplit(": ", 1)[1] for line in ran.out.splitlines()] == ["first", "fourth"]
    assert [line.rsplit(": ", 1)[1] for line in wrong.out.splitlines()] == ["fourth"]


async def test_followed_it_goes_on_until_it_is_interrupted(tmp_path: Path) -> None:
    database = await open_new(tmp_path, "log.db")
    try:
        await note(database, "acme/rocket", "before")
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(MAIN), "log", "--follow", "--repo", "acme/rocket", cwd=tmp_path,
            env={**os.environ, **of(database)}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(90):
            assert (await process.stdout.readline()).endswith(b": before\n")
            await note(database, "acme/other", "elsewhere")
            await note(database, "acme/rocket", "meanwhile")
            assert (await process.stdout.readline()).endswith(b": meanwhile\n")
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
    finally:
        await database.close()
