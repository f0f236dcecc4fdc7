"""What an answer of Telegram means: an error, a call, a verdict."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import SendMessage

from src.webhook.notifier.flood import FloodGuard
from src.webhook.notifier.verdict import (
    PATIENCE,
    Delivered,
    Failed,
    Flooded,
    Migrated,
    Refused,
    ShutOut,
    TopicGone,
    Verdict,
    judge,
    pause,
)

TOKEN = "42:TOP-secret"
SEND = SendMessage(chat_id=1, text="news")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def verdict(error: AiogramError | OSError, *, topic: bool = False) -> Verdict:
    return judge(error, topic=topic, token=TOKEN)


def bad(sentence: str) -> TelegramBadRequest:
    return TelegramBadRequest(SEND, f"Bad Request: {sentence}")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TelegramRetryAfter(SEND, "Too Many Requests", 7), Flooded(7)),
        (TelegramMigrateToChat(SEND, "upgraded", -1001), Migrated(-1001)),
        (
            TelegramForbiddenError(SEND, "Forbidden: bot was blocked by the user"),
            ShutOut("TelegramForbiddenError: Forbidden: bot was blocked by the user"),
        ),
        (bad("chat not found"), ShutOut("TelegramBadRequest: Bad Request: chat not found")),
        (
            bad("not enough rights to send text messages to the chat"),
            ShutOut("TelegramBadRequest: Bad Request: not enough rights to send text messages to the chat"),
        ),
        (bad("message is too long"), Refused("TelegramBadRequest: Bad Request: message is too long")),
        (TelegramServerError(SEND, "Bad Gateway"), Failed("TelegramServerError: Bad Gateway")),
        (TelegramNetworkError(SEND, "Request timeout error"), Failed("TelegramNetworkError: Request timeout error")),
        (TelegramConflictError(SEND, "Conflict"), Failed("TelegramConflictError: Conflict")),
        (TelegramAPIError(SEND, "I'm a teapot"), Failed("TelegramAPIError: I'm a teapot")),
        (ConnectionResetError("peer"), Failed("ConnectionResetError")),
    ],
)
def test_each_error_has_its_next_step(error: AiogramError | OSError, expected: Verdict) -> None:
    assert verdict(error) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("message thread not found", TopicGone(for_good=True)),
        ("TOPIC_DELETED", TopicGone(for_good=True)),
        ("TOPIC_CLOSED", TopicGone(for_good=False)),
    ],
)
def test_a_topic_is_left_once_and_never_blamed_for_a_message_without_one(sentence: str, expected: Verdict) -> None:
    assert verdict(bad(sentence), topic=True) == expected
    assert isinstance(verdict(bad(sentence)), Refused)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"ok": True, "result": {"message_id": 9, "from": "a later version"}}, Delivered(9)),
        ({"ok": True, "result": True}, Delivered(None)),
        ({"ok": False, "error_code": "?"}, Failed("the answer is not the Bot API's")),
        ("<html>Bad Gateway</html>", Failed("the answer is not the Bot API's")),
    ],
)
def test_an_answer_that_says_ok_is_one_even_if_the_rest_cannot_be_read(data: Any, expected: Verdict) -> None:
    assert verdict(ClientDecodeError("Failed to deserialize object", ValueError("x"), data)) == expected


def test_a_reason_never_holds_the_token() -> None:
    error = TelegramNetworkError(SEND, f"InvalidURL: https://api.example/bot{TOKEN}/sendMessage")

    found = verdict(error)

    assert isinstance(found, Failed)
    assert TOKEN not in found.reason
    assert "<token>" in found.reason


def test_a_young_message_is_never_given_up() -> None:
    assert pause(1000, timedelta(hours=23), lambda: 0.5) == timedelta(minutes=5)


def test_pauses_double_from_a_second_to_five_minutes_and_end() -> None:
    pauses = [pause(attempts, PATIENCE, lambda: 0.5) for attempts in range(1, 13)]

    assert [found.total_seconds() if found else None for found in pauses] == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, None,
    ]  # fmt: skip


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_jitter_spreads_pauses_within_their_bounds(jitter: float) -> None:
    pauses = [pause(attempts, PATIENCE, lambda: jitter) for attempts in range(1, 12)]

    assert all(found and timedelta(seconds=1) <= found <= timedelta(minutes=5) for found in pauses)
    assert pauses[3] == timedelta(seconds=8 * (0.8 + 0.4 * jitter))


def test_two_flooded_chats_are_their_own_matter_a_third_makes_all_wait_for_the_longest() -> None:
    guard = FloodGuard()
    for chat, seconds in ((1, 5), (2, 30)):
        guard.flooded(chat, now=NOON, until=NOON + timedelta(seconds=seconds))
    assert guard.pause(NOON) is None

    guard.flooded(3, now=NOON, until=NOON + timedelta(seconds=9))

    assert guard.pause(NOON + timedelta(seconds=1)) == timedelta(seconds=29)
    assert guard.pause(NOON + timedelta(seconds=30)) is None


def test_one_chat_flooded_again_and_again_or_several_over_a_long_time_stop_nobody() -> None:
    guard = FloodGuard()
    for second in range(5):
        guard.flooded(1, now=NOON + timedelta(seconds=second), until=NOON + timedelta(minutes=1))
    for minute in range(1, 5):
        guard.flooded(minute, now=NOON + timedelta(minutes=minute), until=NOON + timedelta(hours=1))

    assert guard.pause(NOON + timedelta(minutes=5)) is None
