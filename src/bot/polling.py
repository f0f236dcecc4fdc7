"""Long polling: each update is handled once, and a clean stop leaves nothing half done."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from aiogram import Bot, Dispatcher
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import Update

from src.bot.handlers import frames

log = logging.getLogger(__name__)

T = TypeVar("T")

_WAIT = 25  # seconds that Telegram may hold a request for updates
_AT_ONCE = 50  # updates handled at the same time
_AT_ONCE_IN_CHAT = 3  # of these; one chat that waits for its limits must not hold up the others
_BACKLOG = 20  # updates of a chat that wait for their turn; more are dropped
_KEPT = 1_000  # updates handled or waiting, over all chats; with more we fetch none
_CONFLICTS = 5  # tries against another poller before we give up
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds between tries
_PASSING = (TelegramNetworkError, TelegramServerError, TelegramRetryAfter, TelegramConflictError, ClientDecodeError)


async def poll(bot: Bot, dispatcher: Dispatcher, stop: asyncio.Event) -> None:
    """Fetch and handle updates until `stop` is set; then finish what is being handled and confirm it to Telegram.

    Raises what no waiting mends: a token that Telegram refuses, and another process that polls with it.
    """
    try:
        await _persist(bot.delete_webhook, stop)
        offset, failure = await _work(bot, dispatcher, stop)
        if failure is not None:
            raise failure
        if offset is not None:
            await _confirm(bot, offset)
    finally:
        await dispatcher.emit_shutdown(bot=bot)


async def _work(
    bot: Bot, dispatcher: Dispatcher, stop: asyncio.Event
) -> tuple[int | None, TelegramAPIError | ClientDecodeError | None]:
    """Until the stop or a failure, and until all that was begun is done: the next offset, and the failure."""
    offset: int | None = None
    allowed = dispatcher.resolve_used_update_types()
    async with asyncio.TaskGroup() as handling:
        lanes = _Lanes(bot, dispatcher, handling)
        while not stop.is_set():
            ask = partial(bot.get_updates, offset=offset, timeout=_WAIT, allowed_updates=allowed)
            try:
                updates = await _persist(ask, stop)
            except (TelegramAPIError, ClientDecodeError) as error:
                return offset, error
            for update in updates or []:
                await lanes.put(update)
                offset = update.update_id + 1
            lanes.tell_dropped()
    return offset, None


@dataclass(slots=True)
class _Lane:
    """What one chat has under way."""

    handled: int = 0
    waiting: deque[Update] = field(default_factory=deque)


class _Lanes:
    """Updates on their way to the handlers, a few of each chat at once."""

    def __init__(self, bot: Bot, dispatcher: Dispatcher, tasks: asyncio.TaskGroup) -> None:
        self._bot, self._dispatcher, self._tasks = bot, dispatcher, tasks
        self._room, self._kept = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_KEPT)
        self._lanes: dict[int | None, _Lane] = {}
        self._dropped = 0

    async def put(self, update: Update) -> None:
        """Handle it now or in its turn, or drop it; waits while there is too much in all."""
        chat = _chat_of(update)
        lane = self._lanes.get(chat)
        if lane is not None and len(lane.waiting) >= _BACKLOG:
            self._dropped += 1
            return
        await self._kept.acquire()
        lane = self._lanes.setdefault(chat, _Lane())
        lane.waiting.append(update)
        if lane.handled < _AT_ONCE_IN_CHAT:
            lane.handled += 1
            self._tasks.create_task(self._work_off(chat, lane))
            await asyncio.sleep(0)  # it takes the update off the backlog

    def tell_dropped(self) -> None:
        """One line for all that were dropped since the last."""
        if self._dropped:
            log.warning("%d updates dropped: their chats sent more than %d at once", self._dropped, _BACKLOG)
            self._dropped = 0

    async def _work_off(self, chat: int | None, lane: _Lane) -> None:
        while lane.waiting:
            update = lane.waiting.popleft()
            async with self._room:
                await _handle(self._bot, self._dispatcher, update)
            self._kept.release()
        lane.handled -= 1
        if not lane.handled:
            del self._lanes[chat]


def _chat_of(update: Update) -> int | None:
    """The chat that an update is from; `None` for those of no chat."""
    pressed = update.callback_query.message if update.callback_query else None
    message = update.message or update.edited_message or pressed
    if message is not None:
        return message.chat.id
    if update.my_chat_member is not None:
        return update.my_chat_member.chat.id
    return update.callback_query.from_user.id if update.callback_query else None


async def _handle(bot: Bot, dispatcher: Dispatcher, update: Update) -> None:
    """One update. Errors were told by the dispatcher's error handler; what is left is that telling failed, too.

    Whatever it is, it must not end the others. Its text may repeat what was sent, so its type must do.
    """
    try:
        await dispatcher.feed_update(bot, update)
    except Exception as error:  # noqa: BLE001 - see above
        kind, where = type(error).__name__, frames(error)
        log.error("Update %d: its failure could not be told: %s\n%s", update.update_id, kind, where)  # noqa: TRY400 - see above


async def _confirm(bot: Bot, offset: int) -> None:
    """Tell Telegram that everything before `offset` is done; what comes with the answer stays for the next start."""
    try:
        await bot.get_updates(offset=offset, limit=1, timeout=0)
    except (TelegramAPIError, ClientDecodeError) as error:
        log.warning("The last updates could not be confirmed, they will come again: %s", type(error).__name__)


async def _persist(call: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T | None:
    """The answer to a call, tried again while the trouble is a passing one; `None` where the stop came first."""
    pause, conflicts = _FIRST_PAUSE, 0
    while not stop.is_set():
        answer = await _unless_stopped(call, stop)
        if not isinstance(answer, Exception):
            return answer
        conflicts += isinstance(answer, TelegramConflictError)
        if not isinstance(answer, _PASSING) or conflicts >= _CONFLICTS:
            raise answer
        wait = float(answer.retry_after) if isinstance(answer, TelegramRetryAfter) else pause
        log.warning("Telegram: %s; next try in %.0f s", answer, wait)
        pause = min(pause * 2, _LONGEST_PAUSE)
        await _sleep(wait, stop)
    return None


async def _unless_stopped(call: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T | Exception | None:
    """The answer, or the error in its place; `None` where the stop came first and the call was given up."""

    async def ask() -> T | Exception:
        try:
            return await call()
        except (TelegramAPIError, ClientDecodeError) as error:
            return error

    async with asyncio.TaskGroup() as group:
        asking, stopping = group.create_task(ask()), group.create_task(stop.wait())
        await asyncio.wait((asking, stopping), return_when=asyncio.FIRST_COMPLETED)
        answer = asking.result() if asking.done() else None
        asking.cancel()
        stopping.cancel()
    return answer


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Wait, or until the stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
