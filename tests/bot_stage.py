"""The bot with everything around it on loopback: Telegram, both forges, a database; people write and press."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.fsm.storage.base import BaseStorage
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from cryptography.fernet import Fernet
from sqlalchemy import select

from src.bot.bot import AccessRule, BotDeps, create_bot, create_dispatcher, poll
from src.database.credentials import Credentials
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.models import Account, Hook, LogEntry, Subscription, utc_now
from src.database.repositories import event_log, forges
from src.demo.forge import ForgeEmulator
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.telegram import Chat, Message, Person, TelegramEmulator
from src.forge import Connector
from src.forge_http import Policy, Transport, open_session
from src.forges import FORGE_TYPES
from src.github_api.client import GitHubConnector
from src.gitlab_api.client import GitLabConnector
from src.webhook.manager import HookManager
from tests.databases import open_new

PUBLIC_URL = "https://bot.example.org"
PEOPLE = ("ann", "bob", "carl", "dora")
OPEN = AccessRule("open")


class Unpaced(BaseRequestMiddleware):
    """A limiter that limits nothing."""

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        return await make_request(bot, method)


@dataclass(kw_only=True)
class Stage:
    """What a test drives and looks at."""

    tg: TelegramEmulator
    github: ForgeEmulator
    gitlab: ForgeEmulator
    database: Database
    deps: BotDeps
    box: SecretBox
    transports: tuple[Transport, ...]

    @contextmanager
    def hurry(self) -> Iterator[None]:
        """The clients of the forges wait for a second only: for a forge that hangs, and only as long as it does."""
        usual = [transport.policy for transport in self.transports]
        for transport in self.transports:
            transport.policy = replace(transport.policy, timeout=1.0)
        yield
        for transport, policy in zip(self.transports, usual, strict=True):
            transport.policy = policy

    def forge(self, kind: str) -> ForgeEmulator:
        """One of the two."""
        return self.github if kind == "github" else self.gitlab

    async def say(self, person: Person, text: str, in_: Chat | None = None, reply_to: Message | None = None) -> Message:
        """Write, and wait for what the bot says or changes then."""
        chat = in_ or person.private
        mark = chat.mark()
        await person.send(text, in_, reply_to=reply_to)
        return await chat.wait_for(since=mark)

    async def step(self, person: Person, button: str, in_: Chat | None = None) -> Message:
        """Press, and wait for what the bot says or changes then."""
        chat = in_ or person.private
        mark = chat.mark()
        await person.press(button, in_=in_)
        return await chat.wait_for(since=mark)

    async def give_token(self, person: Person, kind: str = "github", token: str | None = None) -> Message:
        """`/set_..._token` with the person's token of the cast."""
        given = token or f"tok_{person.name.lower()}"
        return await self.say(person, f"/set_{kind}_token {given}")

    async def to_projects(self, person: Person, kind: str = "github", in_: Chat | None = None) -> Message:
        """`/subscribe` up to the list of projects."""
        await self.say(person, "/subscribe", in_)
        return await self.step(person, FORGE_TYPES[kind].title, in_)

    async def to_events(
        self, person: Person, kind: str = "github", in_: Chat | None = None, path: str = "acme/rocket"
    ) -> Message:
        """`/subscribe` up to the events of a project."""
        await self.to_projects(person, kind, in_)
        return await self.step(person, path, in_)

    async def to_summary(self, person: Person, kind: str = "github", in_: Chat | None = None) -> Message:
        """`/subscribe` up to the summary."""
        await self.to_events(person, kind, in_)
        return await self.step(person, "Continue", in_)

    async def subscribe(self, person: Person, kind: str = "github", in_: Chat | None = None) -> Message:
        """The whole `/subscribe`, with what is offered."""
        await self.to_summary(person, kind, in_)
        return await self.step(person, "Confirm", in_)

    async def subscriptions(self) -> list[Subscription]:
        """All there are."""
        async with self.database.read() as session:
            return list(await session.scalars(select(Subscription).order_by(Subscription.id)))

    async def all_hooks(self) -> list[Hook]:
        """The rows of all hooks."""
        async with self.database.read() as session:
            return list(await session.scalars(select(Hook).order_by(Hook.id)))

    async def hook(self) -> Hook:
        """The only hook's row."""
        (found,) = await self.all_hooks()
        return found

    async def accounts(self) -> list[Account]:
        """All there are."""
        async with self.database.read() as session:
            return list(await session.scalars(select(Account).order_by(Account.id)))

    async def log(self) -> list[LogEntry]:
        """The log of outcomes, oldest first."""
        async with self.database.read() as session:
            return list(await event_log.latest(session))[::-1]

    def sent(self) -> str:
        """Everything that the bot ever asked of Telegram."""
        return "\n".join(f"{call.method} {call.form}" for call in self.tg.server.calls)


def labels(message: Message) -> list[str]:
    """What its buttons say."""
    return [button.text for button in message.buttons]


def cast(forge: ForgeEmulator) -> None:
    """Ann administers the project, bob writes to it, carl reads it; dora is a stranger."""
    for login in PEOPLE:
        forge.add_user(login, name=login.title(), emails=[f"{login}@example.org"])
        forge.add_token(f"tok_{login}", login)
    forge.add_project("acme/rocket", private=True, members={"ann": "admin", "bob": "write", "carl": "read"})


async def _no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def staged(
    folder: Path,
    *,
    access: AccessRule = OPEN,
    public_url: str | None = PUBLIC_URL,
    second_gitlab: str | None = None,
    polled: bool = True,
    greets: bool = False,
) -> AsyncIterator[Stage]:
    """Everything started, the bot polling; at the end it is stopped as a SIGTERM would.

    `greets`: whether new groups are greeted, which comes at any moment between what else is said there.
    """
    async with AsyncExitStack() as stack:
        tg = await stack.enter_async_context(TelegramEmulator(limits=None))
        github: ForgeEmulator = await stack.enter_async_context(GitHubEmulator())
        gitlab: ForgeEmulator = await stack.enter_async_context(GitLabEmulator())
        cast(github)
        cast(gitlab)
        database = await open_new(folder, "test.db")
        stack.push_async_callback(database.close)
        web = await stack.enter_async_context(open_session())
        policy = Policy(retry_window=0.1, patience=0.5)
        to_github = GitHubConnector(web, policy=policy, sleep=_no_sleep)
        to_gitlab = GitLabConnector(web, policy=policy, sleep=_no_sleep)
        connectors: dict[str, Connector] = {"github": to_github, "gitlab": to_gitlab}
        box = SecretBox([Fernet.generate_key().decode()])
        credentials = Credentials(FORGE_TYPES, connectors, box)
        async with database.write() as session:
            addresses = [("github", github.url), ("gitlab", gitlab.url)]
            addresses += [("gitlab", second_gitlab)] if second_gitlab else []
            known = tuple([await forges.ensure(session, kind, url) for kind, url in addresses])
        deps = BotDeps(
            database=database,
            credentials=credentials,
            forges=known,
            hooks=HookManager(database, credentials, public_url=public_url),
            access=access,
            clock=utc_now,
            greets=greets,
        )
        deps.waits.slow = 30.0  # a busy machine is no slow forge; who tests those sets less
        transports = (to_github._transport, to_gitlab._transport)
        stage = Stage(tg=tg, github=github, gitlab=gitlab, database=database, deps=deps, box=box, transports=transports)
        if polled:
            await stack.enter_async_context(polling(tg, deps))
        yield stage


@asynccontextmanager
async def polling(tg: TelegramEmulator, deps: BotDeps, storage: BaseStorage | None = None) -> AsyncIterator[None]:
    """The bot at work; stopped in good order. `storage`: of the dialogs, in memory by default."""
    bot = create_bot(tg.token, tg.url, Unpaced())
    stop = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(poll(bot, create_dispatcher(deps, storage), stop))
            try:
                yield
            finally:
                stop.set()
    finally:
        await bot.session.close()


class Log(logging.Handler):
    """All that was logged, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter().format(record))
