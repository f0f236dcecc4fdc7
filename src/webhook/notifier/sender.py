"""The loop: a worker for each chat that has something to be told, one message after the other."""

import asyncio
import logging
import random
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.methods import SendMessage

from src.database.database import Database
from src.database.models import Chat, utc_now
from src.events import Event, load
from src.webhook.metrics import Metrics
from src.webhook.notifier.flood import FloodGuard
from src.webhook.notifier.ledger import Claim, Ledger
from src.webhook.notifier.request import compose
from src.webhook.notifier.verdict import Delivered, Flooded, Verdict, judge
from src.webhook.render import ForgeWords

log = logging.getLogger(__name__)

_CHATS_AT_ONCE = 256  # workers; groups need 3 s a message, so that 28 messages a second keep some 85 of them busy
_REQUEST_SECONDS = 20  # how long an answer is waited for, and so the longest that a stop takes

Checkpoint = Callable[[str], Awaitable[None]]
# The points that a message passes, in this order: marked as being sent; rendered, the request comes next; Telegram
# has answered and nothing is written yet; how it ended is committed.
CHECKPOINTS = ("claimed", "before_request", "answered", "recorded")


async def _no_checkpoint(_name: str) -> None:
    return None


class Pacer(Protocol):
    """Says when a notification may go; `bot.limiter.Limiter` is one."""

    async def turn(self, chat_id: int, *, group: bool) -> None:
        """Wait until a notification may be sent to this chat of Telegram."""


class Notifier:
    """Sends what stands in the outbox, in order within each chat, each chat by itself.

    Only the holder of the bot's lease may run one. A message whose answer never came is sent again: Telegram knows
    no idempotency key. Nothing else is ever repeated.

    Args:
        database: where the outbox is.
        bot: its session must have the pacer among its middlewares, so that answers to persons are paced with it.
        pacer: asked for a turn before each message.
        owner: this process, in the rows it holds.
        lease: how long a row counts as being sent.
        words: of each forge, by kind.
        metrics: counts messages by outcome.
        default_language: of chats that never chose one.
        clock: aware UTC.
        checkpoint: called with the name of each of `CHECKPOINTS` as a message passes it, for the crash drills.
        poll: how often to look for what another process queued.
        jitter: 0 to 1, spreads retries.
    """

    def __init__(
        self,
        database: Database,
        bot: Bot,
        pacer: Pacer,
        *,
        owner: str,
        lease: timedelta,
        words: Mapping[str, ForgeWords],
        metrics: Metrics,
        default_language: str = "en",
        clock: Callable[[], datetime] = utc_now,
        checkpoint: Checkpoint = _no_checkpoint,
        poll: timedelta = timedelta(seconds=1),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._ledger = Ledger(database, bot_id=bot.id, owner=owner, lease=lease, clock=clock, jitter=jitter)
        self._bot = bot
        self._pacer = pacer
        self._words = words
        self._metrics = metrics
        self._default_language = default_language
        self._clock = clock
        self._checkpoint = checkpoint
        self._poll = poll
        self._flood = FloodGuard()
        self._wake = asyncio.Event()
        self._busy: set[int] = set()
        self._pacing: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something was queued: look now."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then end what is on its way and return.

        Raises an ExceptionGroup with what makes sending impossible: TelegramUnauthorizedError or TelegramNotFound for
        a token that is not good, SQLAlchemyError. What was on its way then is sent again at the next start.
        """
        taken = await self._ledger.take_back()
        if taken:
            log.info("%d messages were half sent when the last sender ended: queued again", taken)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake_at(stop))
            while not stop.is_set():
                self._wake.clear()
                await self._rest(await self._start_workers(group, stop))
            for task in self._pacing:
                task.cancel()  # it has not begun anything yet

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _start_workers(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> timedelta:
        """A worker for each chat that has something due and none yet. How long to rest then."""
        quiet = self._flood.pause(self._clock())
        if quiet is not None:
            return min(quiet, self._poll)
        chats, due = await self._ledger.waiting(limit=_CHATS_AT_ONCE - len(self._busy), without=self._busy)
        for chat in chats:
            self._busy.add(chat.id)
            # Made inside the loop's task: each worker gets its own context, and with it its own turns.
            group.create_task(self._serve(chat, stop))
        return self._poll if due is None else min(self._poll, max(due - self._clock(), timedelta()))

    async def _rest(self, time: timedelta) -> None:
        try:
            async with asyncio.timeout(time.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return  # time to look

    async def _serve(self, chat: Chat, stop: asyncio.Event) -> None:
        """Send what is due in a chat until nothing is."""
        waiting: Chat | None = chat
        try:
            while waiting is not None and await self._may_send(waiting, stop):
                claim = await self._ledger.claim(waiting)
                if claim is None:
                    return
                await self._checkpoint("claimed")
                self._metrics.messages.labels(await self._send(claim)).inc()
                await self._checkpoint("recorded")
                waiting = await self._ledger.due(chat.id)
        finally:
            self._busy.discard(chat.id)
            self._wake.set()

    async def _may_send(self, chat: Chat, stop: asyncio.Event) -> bool:
        """Wait for the chat's turn. `False`: meanwhile we were stopped, or all have to be quiet."""
        if stop.is_set():
            return False
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in one; tells mypy so
        self._pacing.add(task)
        try:
            await self._pacer.turn(chat.telegram_id, group=chat.type != "private")
        finally:
            self._pacing.discard(task)
        return not stop.is_set() and self._flood.pause(self._clock()) is None

    async def _send(self, claim: Claim) -> str:
        """Render and send. The outcome in a word, as metrics count it."""
        try:
            event = load(claim.outgoing.event.body)
            request = compose(claim.outgoing, event, words=self._words, default_language=self._default_language)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one row, the others go on
            return await self._unrenderable(claim, error)
        await self._checkpoint("before_request")
        verdict = await self._ask(request)
        await self._checkpoint("answered")
        if isinstance(verdict, Flooded):
            now = self._clock()
            until = now + timedelta(seconds=verdict.seconds)
            self._flood.flooded(claim.outgoing.chat.id, now=now, until=until)
        return await self._record(claim, event, verdict)

    async def _record(self, claim: Claim, event: Event, verdict: Verdict) -> str:
        outcome = await self._ledger.record(claim, event, verdict)
        log.info("message %d: %s", claim.outgoing.message.id, outcome)
        return outcome

    async def _ask(self, request: SendMessage) -> Verdict:
        try:
            message = await self._bot(request, request_timeout=_REQUEST_SECONDS)
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise  # Telegram does not know this token: no message is to blame, and the process has to go down
        except (AiogramError, OSError) as error:
            return judge(error, topic=request.message_thread_id is not None, token=self._bot.token)
        return Delivered(message.message_id)

    async def _unrenderable(self, claim: Claim, error: Exception) -> str:
        # Without the exception's own words: pydantic's hold what was in the payload.
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("message %d: %s\n%s", claim.outgoing.message.id, type(error).__name__, frames)
        return await self._ledger.refuse(claim, "unrenderable", f"could not be rendered: {type(error).__name__}")
