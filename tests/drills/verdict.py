"""What a drill comes to: every acknowledged delivery is looked for in the database and in the chats."""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, make_url, select
from sqlalchemy.exc import SQLAlchemyError

from src.database.database import Database
from src.database.models import Chat, Delivery, Message, StoredEvent
from tests.drills.ground import Change, Ground, changes_in

Told = tuple[int, Change]  # a chat, by Telegram's number, and what it was told of
_UNFINISHED_DELIVERIES = ("new", "taken")
_UNFINISHED_MESSAGES = ("new", "sending")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. All that should be nothing is said to be nothing by `hold`."""

    acknowledged: int  # deliveries
    messages: int  # of them in the outbox
    lost: frozenset[Told]  # acknowledged and not told
    doubled: tuple[str, ...]  # events or messages that are there twice
    out_of_order: tuple[Told, ...]  # told after a later one of the same client
    stranded: dict[str, int]  # rows that nobody works on, by table and state
    wrong_end: dict[str, int]  # deliveries and messages that ended otherwise than done and sent
    repeats: dict[Told, int]  # more than once in a chat, how often more
    in_flight: Counter[Told] = field(default_factory=Counter)  # requests begun and not recorded, at each stop

    @property
    def unexplained(self) -> dict[Told, int]:
        """Repeats of what was not in flight at a stop, or not so often."""
        return {told: more for told, more in self.repeats.items() if more > self.in_flight[told]}

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.messages} messages: {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled in the outbox, {len(self.out_of_order)} out of order, "
            f"{sum(self.stranded.values())} stranded, {sum(self.repeats.values())} repeated in chats "
            f"of {sum(self.in_flight.values())} in flight"
        )

    def hold(self) -> None:
        """Nothing is lost, doubled, out of order or stranded, and repeats are what was in flight."""
        assert not self.lost, sorted(self.lost)[:10]
        assert not self.doubled, self.doubled[:10]
        assert not self.out_of_order, self.out_of_order[:10]
        assert not self.stranded, self.stranded
        assert not self.wrong_end, self.wrong_end
        assert not self.unexplained, self.unexplained
        assert sum(self.repeats.values()) <= sum(self.in_flight.values())


async def judge(ground: Ground, acknowledged: Iterable[Change], in_flight: Counter[Told]) -> Verdict:
    """Look at everything, once nothing runs any more."""
    changes = frozenset(acknowledged)
    wanted = {(chat, change) for change in changes for chat in ground.place_of(change.client).followers}
    told = read_in_chats(ground)
    times = Counter((chat, change) for chat, found in told.items() for change in found)
    async with _reading(ground.url) as database, database.read() as session:
        deliveries = (await session.execute(select(Delivery.state, Delivery.key))).all()
        rows = (
            await session.execute(
                select(Message.state, StoredEvent.body, Chat.telegram_id)
                .join(StoredEvent, StoredEvent.id == Message.event_id)
                .join(Chat, Chat.id == Message.chat_id)
                .order_by(Message.id)
            )
        ).all()
        bodies = list(await session.scalars(select(StoredEvent.body)))
    events = Counter(changes_in(body)[0] for body in bodies)
    queued = Counter((row.telegram_id, changes_in(row.body)[0]) for row in rows)
    ends = Counter(f"delivery {row.state}" for row in deliveries) + Counter(f"message {row.state}" for row in rows)
    unfinished = {
        *(f"delivery {state}" for state in _UNFINISHED_DELIVERIES),
        *(f"message {state}" for state in _UNFINISHED_MESSAGES),
    }
    return Verdict(
        acknowledged=len(changes),
        messages=len(rows),
        lost=frozenset(one for one in wanted if not times[one] or not queued[one]),
        doubled=(
            *(f"event {change.title}" for change, count in events.items() if count > 1),
            *(f"{change.title} to {chat}" for (chat, change), count in queued.items() if count > 1),
            *(key for key, count in Counter(row.key for row in deliveries).items() if count > 1),
        ),
        out_of_order=(*_out_of_order(told), *_out_of_order(_queued_by_chat(queued))),
        stranded={name: count for name, count in ends.items() if name in unfinished},
        wrong_end={
            name: count
            for name, count in ends.items()
            if name not in unfinished and name not in ("delivery done", "message sent")
        },
        repeats={one: count - 1 for one, count in times.items() if count > 1},
        in_flight=in_flight,
    )


def read_in_chats(ground: Ground) -> dict[int, list[Change]]:
    """All that each chat was told of, message by message; what one digest holds has no order of its own."""
    told: dict[int, list[Change]] = {}
    for person in ground.telegram.people:
        texts = (message.text for message in person.private.messages() if message.from_bot)
        told[person.id] = [change for text in texts for change in sorted(changes_in(text))]
    return told


def _queued_by_chat(queued: Counter[Told]) -> dict[int, list[Change]]:
    """The outbox, chat by chat, in the order of its rows."""
    by_chat: dict[int, list[Change]] = {}
    for chat, change in queued:
        by_chat.setdefault(chat, []).append(change)
    return by_chat


def _out_of_order(told: dict[int, list[Change]]) -> list[Told]:
    """A client waits for each answer, so that its deliveries have an order; a repeat counts by its first time."""
    late = []
    for chat, changes in told.items():
        latest: Counter[int] = Counter()
        for change in dict.fromkeys(changes):
            if change.number < latest[change.client]:
                late.append((chat, change))
            latest[change.client] = max(latest[change.client], change.number)
    return late


async def in_flight(ground: Ground) -> Counter[Told]:
    """Messages that are marked as being sent, now that their sender is gone: Telegram may have them, or not."""
    async with _picture(ground.url) as url, _reading(url) as database, database.read() as session:
        rows = await session.execute(
            select(Chat.telegram_id, StoredEvent.body)
            .join(Message, Message.chat_id == Chat.id)
            .join(StoredEvent, StoredEvent.id == Message.event_id)
            .where(Message.state == "sending")
        )
        return Counter((row.telegram_id, changes_in(row.body)[0]) for row in rows)


async def settled(ground: Ground, seconds: float) -> None:
    """Until nothing waits in inbox and outbox. Raises TimeoutError, which says what does."""
    waiting: dict[str, int] = {}
    try:
        async with asyncio.timeout(seconds), _reading(ground.url) as database:
            while True:
                waiting = await _waiting(database)
                if not waiting:
                    return
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise TimeoutError(f"after {seconds} s there is still {waiting}") from None


async def _waiting(database: Database) -> dict[str, int]:
    inbox = select(Delivery.state, func.count()).where(Delivery.state.in_(_UNFINISHED_DELIVERIES))
    outbox = select(Message.state, func.count()).where(Message.state.in_(_UNFINISHED_MESSAGES))
    try:
        async with database.read() as session:
            return {
                **{f"delivery {s}": n for s, n in await session.execute(inbox.group_by(Delivery.state))},
                **{f"message {s}": n for s, n in await session.execute(outbox.group_by(Message.state))},
            }
    except (SQLAlchemyError, OSError) as error:  # the drill may have stopped it
        return {type(error).__name__: 1}


def check_file(url: str) -> None:
    """SQLite's own check of the whole file; PostgreSQL has none that costs so little."""
    path = _file_of(url)
    if path is not None:
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _picture(url: str) -> AsyncIterator[str]:
    """The database as a kill left it. SQLite's is copied: to open it would mend it, which is the next start's part."""
    path = _file_of(url)
    if path is None:
        yield url
        return
    with TemporaryDirectory() as folder:
        for file in (path, path.with_name(f"{path.name}-wal")):
            if file.exists():
                await asyncio.to_thread(shutil.copy, file, folder)
        yield f"sqlite+aiosqlite:///{Path(folder) / path.name}"


def _file_of(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None
