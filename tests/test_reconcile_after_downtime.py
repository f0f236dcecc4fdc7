"""The relay was off for a while: all that failed meanwhile is told after the start, each once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from src.app import Instance, Site, prepare, run, secret_box
from src.config import Settings
from src.database import migrate
from src.database.credentials import Credentials
from src.database.database import Database
from src.database.key_file import new_key
from src.database.models import Message, StoredEvent, utc_now
from src.database.repositories import accounts, hooks, projects, subscriptions, users
from src.demo.forge import ForgeEmulator
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.ports import free_port
from src.events import load
from src.forge_http import open_session
from src.forges import FORGE_TYPES
from src.webhook.manager import HookManager
from tests.databases import url_in
from tests.hook_stage import ISSUE, PATH, cast


@dataclass(kw_only=True)
class Off:
    """A relay that does not run, whose hook the forge has."""

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
                async with asyncio.timeout(240):
                    while not await is_done():  # noqa: ASYNC110 - what is waited for happens in the database
                        await asyncio.sleep(0.1)
                    await asyncio.sleep(0.5)
            finally:
                stop.set()

    async def told(self) -> list[str]:
        """The titles of what carl is told of, as often as he is, oldest first."""
        async with self.database.read() as session:
            query = select(StoredEvent.body).join(Message, Message.event_id == StoredEvent.id).order_by(Message.id)
            return [load(body).subject.title for body in await session.scalars(query)]


@asynccontextmanager
async def off(folder: Path, kind: str) -> AsyncIterator[Off]:
    port, address = free_port(), url_in(folder, "relay.db")
    settings = Settings(
        _env_file=None,
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        database_url=address,
        secret_keys=(SecretStr(new_key()),),
    )
    async with AsyncExitStack() as stack:
        emulator: ForgeEmulator = GitHubEmulator() if kind == "github" else GitLabEmulator()
        forge = await stack.enter_async_context(emulator)
        cast(forge)
        types = dict(FORGE_TYPES)
        if isinstance(forge, GitLabEmulator):  # whose administrator lifted what would make this test last ten minutes
            forge.switches_off, forge.resends_a_minute = False, None
            types[kind] = replace(types[kind], redeliveries_a_minute=60)
        site = Site(types=types, instances=(Instance(kind=kind, base_url=forge.url),), hook_secrets={})
        database = Database(address)
        stack.push_async_callback(database.close)
        await migrate.upgrade(database)
        box = secret_box(settings)
        (row,) = await prepare(database, site, box)
        http = await stack.enter_async_context(open_session())
        credentials = Credentials(types, {kind: types[kind].connector(http)}, box)
        now = utc_now()
        for number, login in enumerate(("ann", "carl"), start=1):
            client = credentials.with_token(row, f"tok_{login}")
            identity, remote = await client.whoami(), await client.project_by_path(PATH)
            async with database.write() as session:
                user = await users.ensure_user(session, number, name=login, language="en", now=now)
                chat = await users.ensure_chat(session, number, type_="private", title=login, language="en")
                account = await accounts.put(
                    session, user_id=user.id, forge_id=row.id, identity=identity, token=box.seal(f"tok_{login}"),
                    last4="last", now=now,
                )  # fmt: skip
                project = await projects.ensure(session, row.id, remote)
                await subscriptions.put(
                    session, project_id=project.id, chat_id=chat.id, topic_id=0, owner_id=user.id,
                    account_id=account.id, scope="mine" if login == "ann" else "all", events=[ISSUE], now=now,
                )  # fmt: skip
            if login == "ann":
                await HookManager(database, credentials, public_url=settings.public_url).ensure(project.id, account.id)
        yield Off(settings=settings, site=site, forge=forge, database=database)


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_the_relay_was_off_and_fifty_deliveries_failed_all_are_told_after_the_start_each_once(
    tmp_path: Path, kind: str
) -> None:
    titles = [f"Leak {number}" for number in range(50)]
    async with off(tmp_path, kind) as relay:
        for title in titles:
            await relay.forge.open_issue(PATH, "bob", title)
        missed = [d for d in relay.forge.deliveries if d.event in ("issues", "Issue Hook")]
        assert [d.status for d in missed] == [None] * 50

        async def all_told() -> bool:
            await relay.forge.delivered()
            return len(await relay.told()) >= 50

        await relay.run_until(all_told)
        assert await relay.told() == titles
        await relay.forge.open_issue(PATH, "bob", "Off again")
        await relay.run_until(lambda: _has(relay, "Off again"))
        assert await relay.told() == [*titles, "Off again"]
        async with relay.database.read() as session:
            (hook,) = await hooks.managed(session)
        assert hook.caught_up_at is not None


async def _has(relay: Off, title: str) -> bool:
    await relay.forge.delivered()
    return title in await relay.told()
