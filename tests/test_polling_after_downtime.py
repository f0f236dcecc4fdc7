"""The relay was off for a while, and no webhook exists: all that happened is told after the start, each once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from src.app import Instance, Site, prepare, run, secret_box
from src.config import Settings
from src.database import migrate
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.key_file import new_key
from src.database.models import Job, Message, Poll, StoredEvent, utc_now
from src.database.repositories import accounts, projects, subscriptions, users
from src.demo.forge import ForgeEmulator
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.ports import free_port
from src.events import load
from src.forge_http import open_session
from src.forges import FORGE_TYPES
from tests.databases import url_in
from tests.hook_stage import ISSUE, PATH, cast


@dataclass(kw_only=True)
class Off:
    """A relay that does not run, has no address, and of which the forge knows nothing."""

    settings: Settings
    site: Site
    forge: ForgeEmulator
    database: Database

    async def run_until(self, is_done: Callable[[], Awaitable[bool]]) -> None:
        """As `python main.py --only webhook,worker`, and on for a moment, in case something comes twice."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run(self.settings, frozenset({"webhook", "worker"}), site=self.site, stop=stop))
            try:
                async with asyncio.timeout(60):
                    while not await is_done():  # noqa: ASYNC110 - what is waited for happens in the database
                        await asyncio.sleep(0.1)
                    await asyncio.sleep(0.5)
            finally:
                stop.set()

    async def has_begun(self) -> bool:
        """Whether the first look, of which nobody is told, is over."""
        async with self.database.read() as session:
            return any(poll.looked_at is not None for poll in await session.scalars(select(Poll)))

    async def due_now(self) -> None:
        """The time until the next look went by while the relay was off."""
        async with self.database.write() as session:
            await session.execute(update(Job).where(Job.kind == "poll").values(run_at=utc_now()))

    async def told(self) -> list[str]:
        """The titles of what carl is told of, as often as he is, oldest first."""
        async with self.database.read() as session:
            query = select(StoredEvent.body).join(Message, Message.event_id == StoredEvent.id).order_by(Message.id)
            return [load(body).subject.title for body in await session.scalars(query)]


@asynccontextmanager
async def off(folder: Path, kind: str) -> AsyncIterator[Off]:
    address = url_in(folder, "relay.db")
    settings = Settings(_env_file=None, port=free_port(), database_url=address, secret_keys=(SecretStr(new_key()),))
    async with AsyncExitStack() as stack:
        emulator: ForgeEmulator = GitHubEmulator() if kind == "github" else GitLabEmulator()
        forge = await stack.enter_async_context(emulator)
        cast(forge)
        site = Site(types=dict(FORGE_TYPES), instances=(Instance(kind=kind, base_url=forge.url),), hook_secrets={})
        database = Database(address)
        stack.push_async_callback(database.close)
        await migrate.upgrade(database)
        box = secret_box(settings)
        (row,) = await prepare(database, site, box)
        http = await stack.enter_async_context(open_session())
        client = Credentials(site.types, {kind: site.types[kind].connector(http)}, box).with_token(row, "tok_carl")
        identity, remote, now = await client.whoami(), await client.project_by_path(PATH), utc_now()
        async with database.write() as session:
            user = await users.ensure_user(session, 1, name="carl", language="en", now=now)
            chat = await users.ensure_chat(session, 1, type_="private", title="carl", language="en")
            account = await accounts.put(
                session, user_id=user.id, forge_id=row.id, identity=identity, token=box.seal("tok_carl"),
                last4="last", now=now,
            )  # fmt: skip
            project = await projects.ensure(session, row.id, remote)
            await subscriptions.put(
                session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=user.id,
                account_id=account.id, scope="all", events=[ISSUE], now=now,
            )  # fmt: skip
        yield Off(settings=settings, site=site, forge=forge, database=database)


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_the_relay_was_off_without_any_webhook_and_fifty_things_happened_all_are_told_each_once(
    tmp_path: Path, kind: str
) -> None:
    titles = [f"Leak {number}" for number in range(50)]
    async with off(tmp_path, kind) as relay:
        await relay.forge.open_issue(PATH, "bob", "Long ago")
        await relay.run_until(relay.has_begun)
        assert await relay.told() == []  # nobody is told the history
        for title in titles:
            await relay.forge.open_issue(PATH, "bob", title)
        await relay.due_now()

        async def all_told() -> bool:
            return len(await relay.told()) >= 50

        await relay.run_until(all_told)
        assert await relay.told() == titles
        await relay.forge.open_issue(PATH, "bob", "Off again")
        await relay.due_now()

        async def again_told() -> bool:
            return "Off again" in await relay.told()

        await relay.run_until(again_told)
        assert await relay.told() == [*titles, "Off again"]
        assert relay.forge.hooks(PATH) == ()
