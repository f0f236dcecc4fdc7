"""1,200 messages to 100 chats through an emulator with Telegram's limits that loses answers and fails.

The short form has 360 to 30.
"""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.methods import Response, SendMessage, TelegramMethod
from aiogram.methods.base import TelegramType

from src.bot.limiter import Limiter
from src.database import migrate
from src.database.database import Database
from src.database.models import Chat, Message
from src.database.repositories import messages
from src.demo.telegram import Limits
from src.webhook.notifier import Digests
from tests.drills.ground import LONG
from tests.limiter_bench import most_within
from tests.outbox import Outbox, open_outbox

CHATS, GROUPS, EACH = (100, 25, 12) if LONG else (30, 8, 12)
BACKLOG = 12 if LONG else 40  # for each chat: so many that they are gathered
SPEED = 4  # times as fast as the world: 1,200 messages take 43 s and more
LOST = FAILED = 0.02
FLOODED_FOR = 60 if LONG else 20
_TITLE = re.compile(r"Issue no\. ([0-9]+)")
_DIGEST = re.compile(r"([0-9]+) updates in one message")


@dataclass
class Wire(BaseRequestMiddleware):
    """Notes when each request begins, behind the limiter."""

    time: Any
    begun: list[float] = field(default_factory=list)

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        if isinstance(method, SendMessage):
            self.begun.append(self.time.monotonic())
        return await make_request(bot, method)


@dataclass
class Simulation:
    """What was sent where: `blocked` and `flooded` are Telegram's numbers of chats, `chats` our rows."""

    box: Outbox
    wire: Wire
    chats: list[Chat]
    places: list[Any]  # of the emulator, in the order of `chats`
    blocked: int
    flooded: int

    def texts(self, number: int) -> list[str]:
        """What the bot wrote into a chat, by its place in the list."""
        return [one.text for one in self.places[number].messages() if one.from_bot]

    @property
    def lost(self) -> list[str]:
        """The texts whose answer was lost: they stand in a chat, and we do not know."""
        return [call.form["text"] for call in self.box.tg.server.requests_for("sendMessage") if call.status == 0]


@asynccontextmanager
async def simulated(folder: Path, url: str, digests: Digests | None, each: int = EACH) -> AsyncIterator[Simulation]:
    """All of it, from the full outbox to the empty one; `each`: messages for every chat."""
    database = Database(url)
    await migrate.upgrade(database)
    await database.close()
    async with open_outbox(folder, speed=SPEED, limits=Limits(), url=url) as box:
        limiter, wire = Limiter(clock=box.time.monotonic, wait=box.time.wait), Wire(box.time)
        box.bot.session.middleware(limiter)
        box.bot.session.middleware(wire)
        people = [box.tg.person(f"Person {number}", started=True) for number in range(CHATS - GROUPS)]
        groups = [
            box.tg.group(f"Group {number}", members=[people[0]], supergroup=number > 0) for number in range(GROUPS)
        ]
        chats = [await box.chat(person.id) for person in people]
        chats += [await box.chat(group.id, type_="supergroup" if n else "group") for n, group in enumerate(groups)]
        groups[0].migrate()
        people[1].block()
        await box.fill(chats, each)
        box.tg.server.fail_next("sendMessage", chat_id=people[2].id, kind="429", retry_after=FLOODED_FOR)
        box.tg.server.fail_some(LOST, "sendMessage", "reset_after", seed=1)
        box.tg.server.fail_some(FAILED, "sendMessage", "500", seed=2)
        box.digests = digests
        async with box.sending(box.notifier(limiter)):
            await _drained(box)
        places = [*(person.private for person in people), *groups]
        yield Simulation(box, wire, chats, places, people[1].id, people[2].id)


@pytest.mark.timeout(900)
async def test_1200_messages_100_chats_lost_answers_500s_one_blocked_one_migrated(
    tmp_path: Path, each_database_url: str
) -> None:
    async with simulated(tmp_path, each_database_url, None) as ran:
        rows = await ran.box.messages()
        by_chat = _expected(rows)
        repeated = violations = 0
        for number, chat in enumerate(ran.chats):
            told = [int(_TITLE.findall(text)[0]) for text in ran.texts(number)]
            once = [title for title, _ in groupby(told)]  # a repeat comes at once, before what is next
            repeated += len(told) - len(once)
            expected = [] if number == 1 else by_chat[chat.id]
            assert set(once) == set(expected), "nothing is lost"
            violations += once != expected
        _report(ran, repeated)
        assert violations == 0, "order"
        assert repeated == len(ran.lost), "told twice is exactly what was lost of the answers"
        assert {(row.state, row.error) for row in rows if row.chat_id == ran.chats[1].id} == {("dead", "blocked")}
        assert {row.state for row in rows if row.chat_id != ran.chats[1].id} == {"sent"}
        _limits_hold(ran)
        _nobody_waited_for_the_flooded(ran)


@pytest.mark.timeout(900)
async def test_the_same_with_digests_each_is_told_singly_or_in_a_digest(tmp_path: Path, each_database_url: str) -> None:
    async with simulated(tmp_path, each_database_url, Digests(), BACKLOG) as ran:
        rows = await ran.box.messages()
        told = sum(_said(text) for number in range(CHATS) for text in ran.texts(number))
        _report(ran, told - (CHATS - 1) * BACKLOG)
        assert told == (CHATS - 1) * BACKLOG + sum(map(_said, ran.lost))
        digests = Counter(row.digest_of for row in rows if row.digest_of is not None)
        assert len(digests) > CHATS / 2
        assert {row.state for row in rows if row.chat_id != ran.chats[1].id} == {"sent"}
        for number, chat in enumerate(ran.chats):
            mine = [row for row in rows if row.chat_id == chat.id and row.state == "sent"]
            singles = sum(row.digest_of is None for row in mine)
            sizes = [digests[first] for first in {row.digest_of for row in mine if row.digest_of is not None}]
            texts = ran.texts(number)
            assert len({text for text in texts if _said(text) == 1}) >= singles
            assert all(any(_said(text) == size for text in texts) for size in sizes)
        _limits_hold(ran)


async def _drained(box: Outbox) -> None:
    """Until nothing waits; asked seldom and with few words, for it is to take no time from the sender."""
    async with asyncio.timeout(150):
        while True:
            await asyncio.sleep(0.2)
            async with box.database.read() as session:
                if not set(await messages.counts(session)) & set(messages.UNFINISHED):
                    return


def _said(text: str) -> int:
    """How many messages of the outbox a text tells."""
    found = _DIGEST.search(text)
    return int(found.group(1)) if found else 1


def _expected(rows: Any) -> dict[int, list[int]]:
    """The numbers in the titles for each chat, in the order of the outbox: both count upwards."""
    found: dict[int, list[int]] = defaultdict(list)
    ordered: list[Message] = sorted(rows, key=lambda row: row.id)
    for row in ordered:
        found[row.chat_id].append(row.event_id)
    first = min(row.event_id for row in ordered)
    # An event's title is its number in the order of making; each event took two numbers, one for its key.
    return {chat: [2 * (event_id - first) + 1 for event_id in ids] for chat, ids in found.items()}


def _limits_hold(ran: Simulation) -> None:
    calls = ran.box.tg.server.requests_for("sendMessage")
    refused = sum(call.status == 429 for call in calls) - 1  # but for the one that was ordered
    assert most_within(ran.wire.begun, 1) <= 30
    assert refused < 0.005 * len(calls)


def _nobody_waited_for_the_flooded(ran: Simulation) -> None:
    """While one chat is quiet for a minute the others go on as they do without it, however fast this machine is."""
    calls = ran.box.tg.server.requests_for("sendMessage")
    flooded = [call.at for call in calls if call.form["chat_id"] == str(ran.flooded)]
    others = [call.at for call in calls if call.form["chat_id"] != str(ran.flooded)]
    assert flooded[1] - flooded[0] >= FLOODED_FOR
    quiet = min(flooded[1], max(others)) - flooded[0]
    meanwhile = sum(flooded[0] < at <= flooded[1] for at in others)
    assert meanwhile >= 0.6 * len(others) * quiet / (max(others) - min(others))


def _report(ran: Simulation, repeated: int) -> None:
    calls = ran.box.tg.server.requests_for("sendMessage")
    statuses = dict(sorted(Counter(call.status for call in calls).items()))
    print(
        f"{len(calls)} calls in {calls[-1].at - calls[0].at:.0f} s, answers {statuses}, {len(ran.lost)} lost, "
        f"{repeated} repeated, {most_within(ran.wire.begun, 1)} in the busiest second"
    )
