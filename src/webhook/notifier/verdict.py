"""What Telegram's answer means for a message and its chat. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramRetryAfter,
)

MOST_ATTEMPTS = 12
PATIENCE = timedelta(days=1)  # an outage of Telegram, or of our line to it, costs no message before that
_SHORTEST, _LONGEST = 1.0, 300.0  # seconds between two attempts
_REASON_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Delivered:
    """It stands in the chat; under which number is not known where the answer could not be read."""

    telegram_message_id: int | None


@dataclass(frozen=True, slots=True)
class Flooded:
    """Too fast: the chat wants quiet for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ShutOut:
    """The bot was blocked or thrown out, or the chat is gone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """The group became a supergroup with another number."""

    telegram_id: int


@dataclass(frozen=True, slots=True)
class TopicGone:
    """The topic cannot be written to, `for_good` where it was deleted."""

    for_good: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Telegram will never take this message."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Telegram could not be reached or had trouble; whether the message arrived is not known."""

    reason: str


Verdict = Delivered | Flooded | ShutOut | Migrated | TopicGone | Refused | Failed

# What Telegram's sentences begin with behind "Bad Request: ", in lower case. They are documented nowhere but in the
# sources of TDLib and of the Bot API server.
_TOPIC_DELETED = ("message thread not found", "topic_deleted", "topic_id_invalid")
_TOPIC_SHUT = ("topic_closed",)
_CHAT_SHUT = (
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "group chat was deactivated",
    "have no rights to send a message",
    "not enough rights to send",
    "chat_write_forbidden",
    "need administrator rights in the channel chat",
)


def judge(error: AiogramError | OSError, *, topic: bool, token: str) -> Verdict:
    """What to do about an error of sendMessage.

    Args:
        error: what aiogram raised. Not TelegramUnauthorizedError: that is no matter of one message.
        topic: whether the message was meant for a topic.
        token: kept out of the reasons.
    """
    match error:
        case TelegramRetryAfter():
            return Flooded(error.retry_after)
        case TelegramMigrateToChat():
            return Migrated(error.migrate_to_chat_id)
        case TelegramForbiddenError():
            return ShutOut(_reason(error, token))
        case TelegramBadRequest():
            return _bad_request(error, topic=topic, token=token)
        case ClientDecodeError():
            return _unreadable(error)
        case _:
            return Failed(_reason(error, token))


def pause(attempts: int, age: timedelta, jitter: Callable[[], float]) -> timedelta | None:
    """How long to wait after so many failed attempts, doubling from 1 s to 5 min; `None`: no more of them.

    A message is given up when it was tried often enough and is old enough, so that an hour without a
    network loses none.
    `jitter` gives 0 to 1 and spreads the pause by a fifth, so that chats which failed together part ways.
    """
    if attempts >= MOST_ATTEMPTS and age >= PATIENCE:
        return None
    seconds = _SHORTEST * 2 ** min(attempts - 1, MOST_ATTEMPTS) * (0.8 + 0.4 * jitter())
    return timedelta(seconds=min(_LONGEST, max(_SHORTEST, seconds)))


def _bad_request(error: TelegramBadRequest, *, topic: bool, token: str) -> Verdict:
    sentence = error.message.removeprefix("Bad Request: ").lower()
    if topic and sentence.startswith(_TOPIC_DELETED):
        return TopicGone(for_good=True)
    if topic and sentence.startswith(_TOPIC_SHUT):
        return TopicGone(for_good=False)
    if sentence.startswith(_CHAT_SHUT):
        return ShutOut(_reason(error, token))
    return Refused(_reason(error, token))


def _unreadable(error: ClientDecodeError) -> Verdict:
    """An answer that aiogram cannot read: a proxy's page, or a field it does not expect in an answer that says ok."""
    if not isinstance(error.data, dict) or error.data.get("ok") is not True:
        return Failed("the answer is not the Bot API's")
    result = error.data.get("result")
    number = result.get("message_id") if isinstance(result, dict) else None
    return Delivered(number if isinstance(number, int) else None)


def _reason(error: AiogramError | OSError, token: str) -> str:
    sentence = error.message if isinstance(error, TelegramAPIError) else ""
    # What aiohttp says may hold the address of the request, and that holds the token.
    text = f"{type(error).__name__}: {sentence}" if sentence else type(error).__name__
    return text.replace(token, "<token>")[:_REASON_LENGTH]
