"""The loop: a worker for each chat that has something to be told, one message after the other."""

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.methods import SendMessage

from src.database.away import Absence, insist, is_away
from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories.outgoing import Waiting
from src.events import Event, load
from src.webhook.metrics import Metrics
from src.webhook.notifier.digests import Digests, compose_digest
from src.webhook.notifier.flood import FloodGuard
from src.webhook.notifier.ledger import Claim, Holds, Ledger
from src.webhook.notifier.line import PLACES, Line
from src.webhook.notifier.request import compose
from src.webhook.notifier.verdict import Delivered, Flooded, Verdict, judge
from src.webhook.render import ForgeWords

log = logging.getLogger(__name__)

_MANY = 256  # chats that wait: to look at them all takes its time...
_LOOKS = 4  # ...and then for so many times as long nobody looks again
_REQUEST_SECONDS = 20  # how long an answer is waited for, and so the longest that a stop takes

Checkpoint = Callable[[str], Awaitable[None]]
# The points that a message passes, in this order: marked as being sent; rendered, the request comes next; Telegram
# has answered and nothing is written yet; how it ended is committed.
CHECKPOINTS = ("claimed", "before_request", "answered", "recorded")


async def _no_checkpoint(_name: str) -> None:
    return None


class Pacer(Protocol):
    """Says when a notification may go; `bot.limiter.Limiter` is one."""

    async def turn(self, chat_id: int, *, group: bool, loud: bool) -> None:
        """Wait until a notification may be sent to this chat of Telegram; loud ones go before silent ones."""

    def hurry(self, chat_id: int) -> None:
        """What this chat waits for with a silent turn is not silent any more."""


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
        digests: when a backlog is told in one message; `None`: never.
        places: for how many chats there are workers at once.
        poll: how often to look for what another process queued.
        jitter: 0 to 1, spreads retries.
        holds: whether this process still has the bot's lease, asked in each transaction that claims a message.
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
        holds: Holds | None = None,
        digests: Digests | None = None,
        places: int = PLACES,
    ) -> None:
        self._lease = lease
        self._ledger = Ledger(
            database, bot_id=bot.id, owner=owner, lease=lease, clock=clock, jitter=jitter, holds=holds, digests=digests
        )
        self._others_at = clock() + lease
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
        self._line = Line(places)
        self._looks = 0
        self._looking = 0.0  # seconds that the last look took, where there was much to look at
        self._pacing: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something was queued: look now."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then end what is on its way and return.

        Raises an ExceptionGroup with what makes sending impossible: TelegramUnauthorizedError or TelegramNotFound for
        a token that is not good, SQLAlchemyError; a database that is away is waited for. What was on its way then is
        sent again at the next start.
        """
        taken = await insist(self._ledger.take_back, seconds=self._lease.total_seconds())
        if taken:
            log.info("%d messages were half sent when the last sender ended: queued again", taken)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake_at(stop))
            absence = Absence()
            while not stop.is_set():
                self._wake.clear()
                rest = self._poll
                with absence:
                    rest = await self._start_workers(group, stop)
                if not await absence.over(stop):
                    await self._rest(rest)
                    await self._breathe(stop)
            for task in self._pacing:
                task.cancel()  # it has not begun anything yet

    async def _breathe(self, stop: asyncio.Event) -> None:
        """However often we are woken while many chats wait, most of the time is not spent on looking."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._looking * _LOOKS):
                await stop.wait()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _start_workers(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> timedelta:
        """A worker for each chat that has something due and none yet. How long to rest then."""
        quiet = self._flood.pause(self._clock())
        if quiet is not None:
            return min(quiet, self._poll)
        if self._clock() >= self._others_at:
            self._others_at = self._clock() + self._lease
            await self._ledger.take_over()
        self._looks += 1
        began = time.monotonic()
        waiting = await self._ledger.waiting()
        self._looking = time.monotonic() - began if len(waiting) > _MANY else 0.0
        for chat in self._line.hurried(waiting):
            self._pacer.hurry(chat.telegram_id)
        for chat in self._line.pick(waiting, self._clock()):
            # Made inside the loop's task: each worker gets its own context, and with it its own turns.
            group.create_task(self._serve(chat, stop))
        later = [chat.due for chat in waiting if chat.due > self._clock()]
        return min([self._poll, *(max(due - self._clock(), timedelta()) for due in later)])

    async def _rest(self, how_long: timedelta) -> None:
        try:
            async with asyncio.timeout(how_long.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return  # time to look

    async def _serve(self, chat: Waiting, stop: asyncio.Event) -> None:
        """Send what is due in a chat until nothing is, or others want the place."""
        waiting: Waiting | None = chat
        seen = False  # that nothing waits for the chat, by a look that was later than any other
        try:
            while waiting is not None and await self._may_send(waiting, stop):
                claim = await self._ledger.claim(waiting)
                if claim is None:
                    return
                await self._checkpoint("claimed")
                outcome = await self._send(claim)
                self._metrics.messages.labels(outcome).inc()
                await self._checkpoint("recorded")
                looks = self._looks
                waiting = None if self._line.is_crowded else await self._ledger.due(chat.chat_id)
                seen = waiting is None and outcome == "sent" and looks == self._looks and not self._line.is_crowded
        except Exception as error:
            if not is_away(error):
                raise
            # Nothing is on its way: how a request ended was written, or our lease ran out over the trying.
        finally:
            self._line.leave(chat.chat_id)
            if not seen:
                self._wake.set()

    async def _may_send(self, chat: Waiting, stop: asyncio.Event) -> bool:
        """Wait for the chat's turn. `False`: meanwhile we were stopped, or all have to be quiet."""
        if stop.is_set():
            return False
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in one; tells mypy so
        self._pacing.add(task)
        self._line.stays(chat)
        try:
            await self._pacer.turn(chat.telegram_id, group=chat.is_group, loud=chat.loud)
        finally:
            self._pacing.discard(task)
        return not stop.is_set() and self._flood.pause(self._clock()) is None

    async def _send(self, claim: Claim) -> str:
        """Render and send. The outcome in a word, as metrics count it."""
        try:
            event, request = self._compose(claim)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one row, the others go on
            return await self._unrenderable(claim, error)
        await self._checkpoint("before_request")
        if self._clock() >= claim.until:  # we stood still: another may be sending it
            return await self._ledger.give_back(claim)
        verdict = await self._ask(request)
        await self._checkpoint("answered")
        if isinstance(verdict, Flooded):
            now = self._clock()
            until = now + timedelta(seconds=verdict.seconds)
            self._flood.flooded(claim.outgoing.chat.id, now=now, until=until)
        return await self._record(claim, event, verdict)

    def _compose(self, claim: Claim) -> tuple[Event | None, SendMessage]:
        """What to send; the event unless it is a digest."""
        words, language = self._words, self._default_language
        if claim.gathered:
            backlog = (claim.outgoing, *claim.gathered)
            return None, compose_digest(backlog, words=words, default_language=language, now=self._clock())
        event = load(claim.outgoing.event.body)
        return event, compose(claim.outgoing, event, words=words, default_language=language)

    async def _record(self, claim: Claim, event: Event | None, verdict: Verdict) -> str:
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
