"""An outbox on a database of its own, a bot on the emulator, and time that runs fast: for tests of the sender."""

import asyncio
import itertools
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from aiogram import Bot
from sqlalchemy import select

from src.database.database import Database
from src.database.models import Chat, LogEntry, Message, Project, Sent, StoredEvent, Subscription, User
from src.database.repositories import event_log, forges, projects, users
from src.database.repositories import messages as outbox
from src.demo.telegram import Chat as TelegramChat
from src.demo.telegram import Limits, TelegramEmulator
from src.events import SCHEMA_VERSION, Event, IssueAction, IssueEvent, Subject, SubjectKind, dump
from src.forge import RemoteProject
from src.webhook.metrics import Metrics
from src.webhook.notifier import Checkpoint, Digests, Notifier, Pacer
from tests.databases import open_new
from tests.emulated_bot import bot_on
from tests.rendering import GITHUB, GITLAB, WEB, shared

WORDS = {"github": GITHUB, "gitlab": GITLAB}
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)  # real ones; see `Outbox.lease`


class FastTime:
    """A clock that runs `speed` times as fast as the real one, so that back-off of minutes takes a test moments."""

    def __init__(self, speed: float = 1) -> None:
        self.speed = speed
        self._began = monotonic()
        self._skipped = 0.0

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return (monotonic() - self._began) * self.speed + self._skipped

    def now(self) -> datetime:
        """The moment, aware."""
        return START + timedelta(seconds=self.monotonic())

    def unix(self) -> float:
        """The moment, for the emulator."""
        return self.now().timestamp()

    def skip(self, seconds: float) -> None:
        """So much time passes at once."""
        self._skipped += seconds

    async def sleep(self, seconds: float) -> None:
        """So long on this clock."""
        await asyncio.sleep(seconds / self.speed)

    async def wait(self, woken: "asyncio.Future[None]", seconds: float) -> None:
        """As `sleep`, or until the future is done."""
        await asyncio.wait((woken,), timeout=None if math.isinf(seconds) else seconds / self.speed)


class NoPacer:
    """Lets everything go at once; remembers who asked."""

    def __init__(self) -> None:
        self.turns: list[tuple[int, bool]] = []

    async def turn(self, chat_id: int, *, group: bool, loud: bool = True) -> None:
        self.turns.append((chat_id, group))

    def hurry(self, chat_id: int) -> None:
        return


@dataclass
class Outbox:
    """A database with one project, a bot, and the ways to fill and to empty the outbox."""

    database: Database
    tg: TelegramEmulator
    bot: Bot
    time: FastTime
    project: Project
    owner: User
    metrics: Metrics = field(default_factory=Metrics)
    digests: Digests | None = None  # how the notifiers made from now on gather
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def lease(self) -> timedelta:
        """Of the notifiers, by their clock: what a busy machine loses are moments of the real one."""
        return LEASE * max(1.0, self.time.speed)

    async def chat(self, telegram_id: int, *, type_: str = "private", language: str | None = None) -> Chat:
        """The row of a chat."""
        async with self.database.write() as session:
            return await users.ensure_chat(session, telegram_id, type_=type_, title="chat", language=language)

    async def put(
        self,
        chat: Chat,
        event: Event | None = None,
        *,
        topic_id: int = 0,
        level: str = "on",
        reasons: Sequence[dict[str, Any]] = (),
        reply_to: int | None = None,
        body: str | None = None,
        same: bool = False,
    ) -> str:
        """Queue a message; its subject's title, by which `titles` knows it again.

        `body`: what is stored in place of the event. `same`: of the event that was queued last.
        """
        async with self.database.write() as session:
            if same:
                stored = (await session.scalars(select(StoredEvent).order_by(StoredEvent.id.desc()))).first()
                assert stored is not None
            else:
                stored = self._stored(event or issue(f"Issue no. {next(self.numbers)}"), body)
                session.add(stored)
                await session.flush()
            session.add(
                Message(
                    event_id=stored.id,
                    chat_id=chat.id,
                    topic_id=topic_id,
                    op="send",
                    reasons=list(reasons),
                    subject_key=stored.subject_key,
                    reply_to=reply_to,
                    level=level,
                    state="new",
                    not_before=self.time.now(),
                    created_at=self.time.now(),
                )
            )
        return stored.series or ""

    async def fill(self, chats: Sequence[Chat], count: int, *, level: str = "on") -> None:
        """So many messages for each chat, the chats in turn, all at once."""
        async with self.database.write() as session:
            stored = [self._stored(issue(f"Issue no. {next(self.numbers)}"), None) for _ in range(count * len(chats))]
            session.add_all(stored)
            await session.flush()
            now = self.time.now()
            session.add_all(
                Message(
                    event_id=event.id, chat_id=chats[number % len(chats)].id, op="send", reasons=[], level=level,
                    subject_key=event.subject_key, state="new", not_before=now, created_at=now,
                )
                for number, event in enumerate(stored)
            )  # fmt: skip

    def _stored(self, event: Event, body: str | None) -> StoredEvent:
        return StoredEvent(
            project_id=self.project.id,
            happening_key=f"h{next(self.numbers)}",
            name=event.names[0],
            subject_key=event.subject.key,
            series=event.subject.title,
            schema_version=SCHEMA_VERSION,
            body=dump(event) if body is None else body,
            created_at=self.time.now(),
        )

    async def subscribe(self, chat: Chat, *, topic_id: int = 0) -> Subscription:
        """The chat (and topic) follows the project."""
        async with self.database.write() as session:
            now = self.time.now()
            row = Subscription(
                project_id=self.project.id,
                chat_id=chat.id,
                topic_id=topic_id,
                owner_id=self.owner.id,
                scope="all",
                events=["issue.opened"],
                levels={},
                filters={},
                created_at=now,
                updated_at=now,
            )
            session.add(row)
        return row

    def notifier(
        self, pacer: Pacer | None = None, *, owner: str = "one", checkpoint: Checkpoint | None = None
    ) -> Notifier:
        """A sender on this outbox."""
        more: dict[str, Any] = {} if checkpoint is None else {"checkpoint": checkpoint}
        return Notifier(
            self.database,
            self.bot,
            pacer or NoPacer(),
            owner=owner,
            lease=self.lease,
            words=WORDS,
            metrics=self.metrics,
            clock=self.time.now,
            poll=timedelta(milliseconds=10),
            jitter=lambda: 0.5,
            digests=self.digests,
            **more,
        )

    @asynccontextmanager
    async def sending(self, notifier: Notifier | None = None) -> AsyncIterator[Notifier]:
        """A sender runs meanwhile; it is stopped, not killed."""
        notifier = notifier or self.notifier()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(notifier.run(stop))
            try:
                yield notifier
            finally:
                stop.set()

    async def settled(self, seconds: float = 30) -> None:
        """Until nothing is new or being sent; raises TimeoutError."""

        async def done() -> bool:
            return not {row.state for row in await self.messages()} & set(outbox.UNFINISHED)

        await until(done, seconds)

    async def drain(self, notifier: Notifier | None = None, seconds: float = 30) -> None:
        """Run a sender until nothing is left to do."""
        async with self.sending(notifier):
            await self.settled(seconds)

    async def messages(self) -> Sequence[Message]:
        """All rows, oldest first."""
        async with self.database.read() as session:
            return (await session.scalars(select(Message).order_by(Message.id))).all()

    async def states(self) -> list[str]:
        """How all rows stand, oldest first."""
        return [row.state for row in await self.messages()]

    async def sent(self) -> Sequence[Sent]:
        """What was remembered of messages that stand in chats."""
        async with self.database.read() as session:
            return (await session.scalars(select(Sent).order_by(Sent.id))).all()

    async def log(self) -> Sequence[LogEntry]:
        """The log, newest first."""
        async with self.database.read() as session:
            return await event_log.latest(session, kind="message_error")

    async def row(self, chat: Chat) -> Chat:
        """The chat's row as it is now."""
        async with self.database.read() as session:
            return await users.get_chat(session, chat.id)

    async def counted(self, outcome: str, number: int) -> None:
        """Until the metrics saw so many messages end so."""

        async def done() -> bool:
            return self.count(outcome) >= number

        await until(done)

    def count(self, outcome: str) -> float:
        """How many messages the metrics saw end so."""
        return self.metrics.registry.get_sample_value("git_assistant_messages_total", {"outcome": outcome}) or 0.0


def issue(title: str) -> IssueEvent:
    """Ann opened an issue."""
    subject = Subject(kind=SubjectKind.ISSUE, id="12", number=12, title=title, url=f"{WEB}/acme/rocket/issues/12")
    return IssueEvent(**shared(subject), action=IssueAction.OPENED)


async def until(done: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    """Wait for something that tells nobody when it comes; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await done():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)


_TITLE = re.compile(r"Issue no\. [0-9]+")


def titles(place: TelegramChat) -> list[str]:
    """The titles of the issues that the bot told of in a chat, in order."""
    return [found.group() for m in place.messages() if m.from_bot and (found := _TITLE.search(m.text))]


@asynccontextmanager
async def open_outbox(
    folder: Path, *, speed: float = 1, limits: Limits | None = None, url: str | None = None
) -> AsyncIterator[Outbox]:
    """Everything that a sender needs, in a folder of its own; time runs `speed` times as fast as outside.

    `url`: of a database that is there, in place of a new one in the folder.
    """
    time = FastTime(speed)
    database = await open_new(folder, "outbox.db") if url is None else Database(url)
    try:
        async with database.write() as session:
            forge = await forges.ensure(session, "github", "https://api.github.example")
            remote = RemoteProject(external_id="1", path="acme/rocket", url=f"{WEB}/acme/rocket", private=False)
            project = await projects.ensure(session, forge.id, remote)
            owner = await users.ensure_user(session, 7, name="Ann", language="en", now=time.now())
        async with TelegramEmulator(limits=limits, now=time.unix) as tg, bot_on(tg) as bot:
            yield Outbox(database, tg, bot, time, project, owner)
    finally:
        await database.close()
