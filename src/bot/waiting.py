"""Waiting for a forge: what takes long says so, what is pressed meanwhile is answered, and one may leave."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aiogram import BaseMiddleware
from aiogram.exceptions import ClientDecodeError, TelegramAPIError
from aiogram.fsm.middleware import FSMContextMiddleware
from aiogram.fsm.storage.base import StorageKey
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message, TelegramObject, Update

from src.bot.conversation import acknowledge
from src.bot.deps import Scene
from src.bot.keyboards import Act, Press
from src.bot.states import Opened, opened_in
from src.bot.waits import Wait
from src.forge import ForgeError

log = logging.getLogger(__name__)

T = TypeVar("T")

_LEAVING = (Act.CANCEL, Act.BACK)


class Left(Exception):
    """The person went elsewhere while we waited: nothing is to be shown any more."""


async def patiently(
    scene: Scene,
    nonce: str,
    ask: Callable[[], Awaitable[T]],
    slow: Callable[[], Awaitable[None]],
    *,
    may_leave: bool = True,
) -> T:
    """What `ask` gives. Raises the forge's error, and `Left` where the person cancelled or went back meanwhile.

    Args:
        scene: whose dialog waits.
        nonce: of the dialog: presses on it are answered while it waits.
        ask: the calls of the forge; what is stored by them must not be, where one may leave.
        slow: says that it takes long, as soon as it does. It must not raise.
        may_leave: whether Cancel and Back end the waiting.
    """
    over = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_after(scene.deps.waits.slow, over, slow))
            found = await _outcome(scene, nonce, ask, may_leave=may_leave)
            over.set()
    except BaseExceptionGroup as group:  # of one: the task beside it does not fail
        raise group.exceptions[0] from None
    if isinstance(found, ForgeError | Left):
        raise found
    return found


async def in_dialog(
    scene: Scene,
    opened: Opened,
    ask: Callable[[], Awaitable[T]],
    slow: Callable[[], Awaitable[None]],
    *,
    may_leave: bool = True,
) -> T:
    """As `patiently`, in a dialog that is stored. Raises `Left` also where it no longer is after the wait.

    In another chat its person may have been forgotten meanwhile: nothing may be stored of them any more.
    """
    try:
        found = await patiently(scene, opened.nonce, ask, slow, may_leave=may_leave)
    except ForgeError:
        await _stay(scene, opened)
        raise
    await _stay(scene, opened)
    return found


async def _stay(scene: Scene, opened: Opened) -> None:
    found = await opened_in(scene.state)
    if found is None or found.nonce != opened.nonce:
        raise Left


async def still(scene: Scene, message_id: int, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Say in our message that it takes long. A failure is no matter: what comes next is said there anyway."""
    try:
        await scene.bot.edit_message_text(
            text, chat_id=scene.visit.telegram_chat_id, message_id=message_id, reply_markup=keyboard
        )
    except (TelegramAPIError, ClientDecodeError) as error:
        log.info("That it takes long could not be said: %s", type(error).__name__)


async def _after(seconds: float, over: asyncio.Event, slow: Callable[[], Awaitable[None]]) -> None:
    """It is waited for and never cut off: an edit that is under way must not overtake the one that follows."""
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        await slow()


async def _outcome(
    scene: Scene, nonce: str, ask: Callable[[], Awaitable[T]], *, may_leave: bool
) -> T | ForgeError | Left:
    loading = scene.t("Still loading…") if may_leave else scene.t("Still working on it…")
    try:
        async with asyncio.timeout(None) as limit:
            with _noted(scene, Wait(nonce, loading, limit if may_leave else None)):
                try:
                    return await ask()
                except ForgeError as error:
                    return error
    except TimeoutError:
        if not limit.expired():
            raise
        return Left()


@contextmanager
def _noted(scene: Scene, wait: Wait) -> Iterator[None]:
    scene.deps.waits.open[scene.state.key] = wait
    try:
        yield
    finally:
        scene.deps.waits.open.pop(scene.state.key, None)  # gone already where somebody left


class WaitMiddleware(BaseMiddleware):
    """Before the FSM, which takes one update of a person after the other: who presses meanwhile need not wait."""

    def __init__(self, open_: dict[StorageKey, Wait], fsm: FSMContextMiddleware) -> None:
        self._open = open_
        self._fsm = fsm

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """See the class. What leaves the dialog ends the waiting, and is handled as ever in its turn."""
        context = self._fsm.resolve_event_context(data["bot"], data)
        wait = self._open.get(context.key) if context is not None else None
        if wait is None or not isinstance(event, Update):
            return await handler(event, data)
        if event.callback_query is not None:
            act = _act(event.callback_query, wait.nonce)
            if act is not None and not (wait.limit and act in _LEAVING):
                return await acknowledge(event.callback_query, wait.text)
            leaves = act is not None
        else:
            leaves = event.message is not None and _begins_something(event.message)
        if leaves and context is not None and wait.limit is not None:
            del self._open[context.key]  # a second tap comes while it ends, and must not end it again
            wait.limit.reschedule(asyncio.get_running_loop().time())
        return await handler(event, data)


def _act(callback: CallbackQuery, nonce: str) -> Act | None:
    """What a press on the waiting dialog asks for; `None`: it is on something else."""
    try:
        press = Press.unpack(callback.data or "")
    except (TypeError, ValueError):
        return None
    return press.act if press.nonce == nonce else None


def _begins_something(message: Message) -> bool:
    """A command leaves what is open, or begins something in its place; but for the one that only tells."""
    words = (message.text or "").split(maxsplit=1)
    return bool(words) and words[0].startswith("/") and words[0].partition("@")[0].lower() != "/help"
