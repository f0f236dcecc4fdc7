"""The stage of the demo: the emulators, the real bot and relay between them, three people and their team's group."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from src.app import stop_on_signals
from src.database.database import Database
from src.database.repositories import outcomes
from src.demo.forge import DeliveryRecord, ForgeEmulator
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.product import (
    CALLBACK_TTL,
    CORE,
    FAST_LIMITS,
    LANDER,
    ROCKET,
    TOKENS,
    WEBSITE,
    FastClock,
    Interrupted,
    Product,
)
from src.demo.telegram import Chat, Group, Message, Person, TelegramEmulator, Topic

if TYPE_CHECKING:
    from src.config import Settings

__all__ = ["CORE", "LANDER", "ROCKET", "Broken", "Exchange", "Interrupted", "Stage", "Told", "refused", "staged"]

# Telegram's limits and the bot's pacing live on one clock that runs so much faster: nobody waits for them here, and
# the emulator still counts every message.
PACE = 20.0
_PATIENCE = 60.0  # real seconds for anything to come to rest
_UNFINISHED = {"new", "taken", "sending"}


class Broken(Exception):
    """The product logged an error: waiting for it makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One webhook and its answer; `event` and `action` in the forge's words."""

    path: str
    event: str
    action: str | None
    status: int | None
    seconds: float
    redelivery: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one step brought about: the webhooks in order, and the new messages of each chat by its name."""

    exchanges: tuple[Exchange, ...]
    messages: dict[str, tuple[Message, ...]]


class LogWatch(logging.Handler):
    """Keeps what is logged from warnings on; nothing of it is printed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        error = record.exc_info[1] if record.exc_info else None
        why = "" if error is None else f" ({type(error).__name__}: {error})"
        self.lines.append((record.levelno, f"{record.levelname} {record.name}: {record.getMessage()}{why}"))

    @property
    def errors(self) -> list[str]:
        """The lines of level ERROR and above."""
        return [line for level, line in self.lines if level >= logging.ERROR]


@dataclass(kw_only=True)
class Stage:
    """All that the walks and the scenes work with."""

    tg: TelegramEmulator
    github: GitHubEmulator
    gitlab: GitLabEmulator
    relay: str  # the relay's address
    database: Database  # the product's, to look into
    http: ClientSession
    people: dict[str, Person]
    tokens: dict[str, str]  # the same on both forges
    group: Group
    topic: Topic
    log: LogWatch
    kept: dict[str, DeliveryRecord] = field(default_factory=dict)  # deliveries that a later scene comes back to
    _outside: list[Exchange] = field(default_factory=list)
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def forges(self) -> tuple[GitHubEmulator, GitLabEmulator]:
        """Both, in the order in which they are offered."""
        return self.github, self.gitlab

    @property
    def chats(self) -> dict[str, Chat]:
        """The chats by the names that the scenes call them by, in the order in which they are shown."""
        people = {name: person.private for name, person in self.people.items()}
        return {**people, "team": self.topic, "general": self.group.general}

    async def post(self, path: str, event: str, body: bytes, headers: dict[str, str]) -> None:
        """A request to the relay from somebody who is no forge."""
        began = time.monotonic()
        async with self.http.post(f"{self.relay}{path}", data=body, headers=headers) as response:
            seconds = time.monotonic() - began
            self._outside.append(Exchange(path=path, event=event, action=None, status=response.status, seconds=seconds))

    def forget(self) -> None:
        """Whatever was exchanged and said so far belongs to no scene."""
        self._outside.clear()
        for forge in self.forges:
            forge.deliveries.clear()
        self._seen = {name: chat.mark() for name, chat in self.chats.items()}

    async def outcome(self) -> Told:
        """What has happened since `forget`, once nothing is on its way any more. Raises as `quiet`."""
        await self.quiet()
        exchanges = [self._exchange(record) for forge in self.forges for record in forge.deliveries]
        return Told(
            exchanges=(*exchanges, *self._outside),
            messages={name: self._news(name, chat) for name, chat in self.chats.items()},
        )

    async def quiet(self) -> None:
        """Wait until no delivery, review or message is unfinished; raises Broken, TimeoutError with what still is."""
        waiting: dict[str, float] = {}
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    waiting = await self._unfinished()
                    if not waiting:
                        return
                    if self.log.errors:
                        raise Broken("the log has errors")
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise TimeoutError(f"still unfinished after {_PATIENCE:.0f} s: {waiting}") from None

    async def given_up(self) -> dict[str, float]:
        """Deliveries and messages that will never be told, by table and state."""
        return {key: number for key, number in (await self._waiting()).items() if not _is_unfinished(key)}

    async def _unfinished(self) -> dict[str, float]:
        """What is on its way, by table and state."""
        before = await self._reviews()  # whose comments the forge delivers, and whose end is told
        for forge in self.forges:
            await forge.delivered()
        waiting = {key: number for key, number in (await self._waiting()).items() if _is_unfinished(key)}
        return {**before, **waiting, **await self._reviews()}  # which deliveries ask for

    async def _reviews(self) -> dict[str, float]:
        async with self.database.read() as session:
            projects = await outcomes.under_review(session)
        return {"reviews running": float(len(projects))} if projects else {}

    async def _waiting(self) -> dict[str, float]:
        """What ``/metrics`` says of the two queues."""
        async with self.http.get(f"{self.relay}/metrics") as response:
            text = await response.text()
        return {
            f"{sample.labels['table']} {sample.labels['state']}": sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            # Jobs look after hooks and tokens now and then for ever; nothing that a scene brings about waits for them.
            if sample.name == "git_assistant_waiting" and sample.labels["table"] != "jobs" and sample.value
        }

    def _exchange(self, record: DeliveryRecord) -> Exchange:
        return Exchange(
            path=record.url.removeprefix(self.relay), event=record.event, action=record.action, status=record.status,
            seconds=record.seconds, redelivery=record.redelivery,
        )  # fmt: skip

    def _news(self, name: str, chat: Chat) -> tuple[Message, ...]:
        since = self._seen.get(name, 0)
        return tuple(message for message in chat.messages() if message.revision > since and message.from_bot)


@asynccontextmanager
async def staged(
    settings: "Callable[..., Settings]", *, access: str = "open", language: str | None = None
) -> AsyncIterator[Stage]:
    """Everything set up and running; taken down and removed at the end. Raises `Interrupted` on Ctrl-C.

    Args:
        settings: builds the relay's settings from these values alone.
        access: who may use the bot.
        language: of everybody; by default ann and bob read English, carl Russian.
    """
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="git-assistant-demo-"))
        log = LogWatch()
        logging.getLogger().addHandler(log)
        stack.callback(logging.getLogger().removeHandler, log)
        tg = await stack.enter_async_context(
            TelegramEmulator(now=FastClock(PACE), limits=FAST_LIMITS, callback_ttl=CALLBACK_TTL * PACE)
        )
        github = await stack.enter_async_context(GitHubEmulator())
        gitlab = await stack.enter_async_context(GitLabEmulator())
        http = await stack.enter_async_context(ClientSession())
        for forge in (github, gitlab):
            _fill(forge)
        people = _people(tg, language)
        group = tg.group("Rocket team", admins=[people["ann"]], members=[people["bob"], people["carl"]], forum=True)
        product = Product(settings, tg=tg, github=github, gitlab=gitlab, folder=Path(folder), access=access, pace=PACE)
        database = Database(product.database_url)
        stack.push_async_callback(database.close)
        stage = Stage(
            tg=tg, github=github, gitlab=gitlab, relay=product.relay, database=database, http=http, people=people,
            tokens=TOKENS, group=group, topic=group.topic("Releases"), log=log,
        )  # fmt: skip
        async with _running(product):
            yield stage


@asynccontextmanager
async def _running(product: Product) -> AsyncIterator[None]:
    """The product itself, from listening until it has drained."""
    asked = asyncio.Event()
    stop_on_signals(asked)
    done = False

    async def run() -> None:
        await product.run()
        if not done:
            raise Interrupted

    async def listen() -> None:
        await asked.wait()
        product.stop()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(), name="product")
        signals = tasks.create_task(listen(), name="signals")
        await product.ready()
        try:
            yield
        finally:
            done = True
            product.stop()
            signals.cancel()


def _fill(forge: ForgeEmulator) -> None:
    """The same company on both forges; carl may read everything that is not confidential."""
    for login in ("ann", "bob", "carl"):
        forge.add_user(login, name=login.capitalize(), emails=[f"{login}@example.org"])
        forge.add_token(TOKENS[login], login)
    path = ROCKET if forge.kind == "github" else LANDER
    forge.add_project(path, private=True, members={"ann": "admin", "bob": "write", "carl": "read"})
    forge.add_project(WEBSITE, members={"ann": "admin", "bob": "write", "carl": "read"})
    forge.add_team(CORE, ["bob", "carl"])


def _people(tg: TelegramEmulator, language: str | None) -> dict[str, Person]:
    return {
        name: tg.person(name.capitalize(), username=name, language=language or own)
        for name, own in (("ann", "en"), ("bob", "en"), ("carl", "ru"))
    }


def _is_unfinished(key: str) -> bool:
    return key.split()[-1] in _UNFINISHED


def refused(tg: TelegramEmulator) -> Sequence[str]:
    """What Telegram refused, or would have left out of a text."""
    calls = [f"{call.method} was refused: {call.description}" for call in tg.server.calls if call.status >= 400]
    dropped = [f"Telegram would leave out of a text: {what}" for what in tg.server.dropped]
    return [*calls, *tg.server.violations, *dropped]
