"""The staged bot, fed update by update: when an act returns, all that follows from it has happened."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.fsm.storage.base import StorageKey
from aiogram.types import Update
from sqlalchemy import select

from src.bot.bot import AccessRule, BotDeps, create_bot, create_dispatcher
from src.bot.fsm_storage import DatabaseStorage
from src.bot.waits import Waits
from src.database.models import DialogState
from src.demo.forge import ForgeEmulator
from src.demo.telegram import Call, Chat, Message, Person
from src.demo.telegram.views import view
from src.demo.telegram.world import World
from tests.bot_stage import Stage, Unpaced, staged
from tests.walk import snapshot
from tests.walk.snapshot import Snapshot

log = logging.getLogger(__name__)

_TEST = 0.04  # seconds for which a test event is watched: nothing is delivered here
_NUMBERS = re.compile(r"(?<=Update )\d+ | \[[0-9a-f]+\]")  # other ones each time

Json = dict[str, Any]


class Errors(logging.Handler):
    """What was logged as an error since it was last asked for."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the first line and where it was."""
        text = logging.Formatter("%(name)s: %(message)s").format(record)
        first, *others = _NUMBERS.sub("", text).splitlines()
        places = [line.strip() for line in others if line.strip().startswith("File ")]
        self._lines.append(" at ".join([first, *places[-1:]]))

    def take(self) -> tuple[str, ...]:
        """The lines, each once."""
        lines, self._lines = tuple(self._lines), []
        return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What followed from one act."""

    changed: tuple[Message, ...]  # the bot's messages that are new or other than before, the last change last
    presses: tuple[str, ...]  # the numbers of the presses
    calls: tuple[Call, ...]  # all that was asked of Telegram
    errors: tuple[str, ...]  # what was logged
    asked: int  # requests to the forges

    def answers(self, press: str) -> list[Call]:
        """How a press was answered."""
        return [
            call
            for call in self.calls
            if call.method == "answerCallbackQuery" and call.ok and call.form.get("callback_query_id") == press
        ]

    @property
    def said(self) -> str:
        """What the answers to the presses showed."""
        return " ".join(call.form.get("text", "") for press in self.presses for call in self.answers(press)).strip()


@dataclass
class Theatre:
    """The bot and everything around it; people act through `say` and `press`."""

    stage: Stage
    deps: BotDeps
    bot: Bot
    errors: Errors
    folder: Path
    dispatcher: Dispatcher = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The bot as a new process would have it: nothing but the database is left."""
        self.deps = replace(self.deps, waits=Waits(test=_TEST, look=_TEST / 4))
        self.dispatcher = create_dispatcher(self.deps, DatabaseStorage(self.stage.database, self.deps.clock))

    @property
    def world(self) -> World:
        """What Telegram knows."""
        return self.stage.tg._world

    @property
    def forges(self) -> tuple[ForgeEmulator, ...]:
        """Both."""
        return (self.stage.github, self.stage.gitlab)

    def keep(self) -> Snapshot:
        """This moment, to come back to."""
        return snapshot.take(self.folder / "test.db", self.world, self.forges)

    def go_back(self, to: Snapshot) -> None:
        """Everything as it was then."""
        snapshot.go_back(to, self.folder / "test.db", self.world, self.forges)
        self.forget_rate_limits()
        self.errors.take()

    def forget_rate_limits(self) -> None:
        """As when the time that a forge asked for is over."""
        for connector in self.deps.credentials._connectors.values():
            vars(connector)["_transport"]._paused.clear()

    async def dialogs(self) -> list[tuple[str, str | None, Json]]:
        """All that the storage of dialogs holds: key, state, data."""
        async with self.stage.database.read() as session:
            return [(row.key, row.state, row.data) for row in await session.scalars(select(DialogState))]

    async def say(self, person: Person, text: str, place: Chat, reply_to: Message | None = None) -> Happened:
        """Write, and have it answered."""
        mark = self._mark()
        await person.send(text, place, reply_to)
        return await self._happened(mark, ())

    async def press(self, person: Person, message: Message, data: str, *, times: int = 1) -> Happened:
        """Press a button that a message has or once had; several `times` is faster than the bot can answer."""
        mark = self._mark()
        chat = self.world.chats[message.chat_id]
        stored = chat.messages[message.id]
        presses = [self.world.press(chat, person.account, stored, data).id for _ in range(times)]
        return await self._happened(mark, tuple(presses))

    async def state_of(self, person: Person, place: Chat) -> str | None:
        """The step of the dialog that a person has open in a chat or topic."""
        key = StorageKey(self.bot.id, place.id, person.id, thread_id=place.topic_id)
        return await self.dispatcher.storage.get_state(key)

    def _mark(self) -> tuple[int, int, int]:
        asked = sum(len(forge.requests) for forge in self.forges)
        return self.world.revision, len(self.stage.tg.server.calls), asked

    async def _happened(self, mark: tuple[int, int, int], presses: tuple[str, ...]) -> Happened:
        await self._handle_all()
        for forge in self.forges:
            await forge.delivered()  # the ping of a new hook
        revision, calls, asked = mark
        messages = [message for chat in self.world.chats.values() for message in chat.messages.values()]
        changed = [m for m in messages if m.revision > revision and m.sender.is_bot and not m.deleted]
        return Happened(
            changed=tuple(view(message) for message in sorted(changed, key=lambda m: m.revision)),
            presses=presses,
            calls=tuple(self.stage.tg.server.calls[calls:]),
            errors=self.errors.take(),
            asked=sum(len(forge.requests) for forge in self.forges) - asked,
        )

    async def _handle_all(self) -> None:
        """What waits for the bot, all at once, as long polling hands it over; and what comes of it."""
        queue = self.world.queue
        while queue.pending:
            waiting: list[Json] = list(queue.pending)
            queue.pending.clear()
            async with asyncio.TaskGroup() as handling:
                for update in waiting:
                    read = Update.model_validate(update, context={"bot": self.bot})
                    handling.create_task(self._handle(read))

    async def _handle(self, update: Update) -> None:
        try:
            await self.dispatcher.feed_update(self.bot, update)
        except Exception:  # whatever it is, it is what this is about
            log.exception("An error that nobody told of")


@asynccontextmanager
async def theatre(folder: Path, access: AccessRule) -> AsyncIterator[Theatre]:
    """Everything on loopback, the bot ready to be fed."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        async with staged(folder, access=access, polled=False) as stage:
            bot = create_bot(stage.tg.token, stage.tg.url, Unpaced())
            try:
                yield Theatre(stage, stage.deps, bot, errors, folder)
            finally:
                await bot.session.close()
    finally:
        logging.getLogger().removeHandler(errors)
