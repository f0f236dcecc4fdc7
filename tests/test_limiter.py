"""The pacer of all Bot API calls, on a clock of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import (
    AnswerCallbackQuery,
    EditMessageText,
    GetMe,
    GetUpdates,
    SendChatAction,
    SendMessage,
    SetMyCommands,
    TelegramMethod,
)

from src.bot.limiter import Limiter
from src.demo.telegram import Limits, TelegramEmulator
from tests.emulated_bot import bot_on
from tests.limiter_bench import Bench, SteppedTime, gaps, most_within


async def test_no_window_of_a_second_ever_holds_more_than_thirty_requests() -> None:
    bench = Bench()
    notes = [bench.notify(chat, 3) for chat in range(1, 61)]
    answers = [bench.answer(1000 + number, after=number / 40) for number in range(120)]

    await bench.time.run(*notes, *answers)

    assert len(bench.wire.begun) == 300
    assert most_within(bench.wire.times(), 1) <= 30


async def test_notifications_are_paced_at_twenty_eight_a_second_and_leave_a_reserve() -> None:
    bench = Bench()

    await bench.time.run(*(bench.notify(chat) for chat in range(1, 101)))

    assert most_within(bench.wire.times(), 1) <= 28
    assert bench.wire.times()[-1] == pytest.approx(99 / 28, rel=0.03)


async def test_answers_to_persons_may_use_all_thirty_at_once() -> None:
    bench = Bench()

    await bench.time.run(*(bench.answer(chat) for chat in range(1, 36)))

    times = bench.wire.times()
    assert times[:30] == [0] * 30
    assert all(1 < at < 1.1 for at in times[30:])


async def test_a_notification_keeps_its_distance_in_a_private_chat() -> None:
    bench = Bench()

    await bench.time.run(bench.notify(1, 6))

    assert min(gaps(bench.wire.times())) >= 1.02
    assert max(gaps(bench.wire.times())) < 1.1


async def test_a_notification_keeps_its_distance_in_a_group_and_a_minute_holds_twenty() -> None:
    bench = Bench()

    await bench.time.run(bench.notify(-1, 45))

    assert min(gaps(bench.wire.times())) >= 3.05
    assert most_within(bench.wire.times(), 60) <= 20


async def test_a_person_may_get_five_answers_at_once_but_not_a_sixth() -> None:
    bench = Bench()

    await bench.time.run(*(bench.answer(1) for _ in range(7)))

    assert bench.wire.times()[:5] == [0] * 5
    assert bench.wire.times()[5] >= 5
    assert most_within(bench.wire.times(), 4.99) <= 5


async def test_a_group_may_get_many_answers_at_once_but_twenty_a_minute() -> None:
    bench = Bench()

    await bench.time.run(*(bench.answer(-1) for _ in range(21)))

    assert bench.wire.times()[:20] == [0] * 20
    assert bench.wire.times()[20] >= 60


async def test_a_notification_keeps_its_distance_to_an_answer_too() -> None:
    bench = Bench()

    await bench.time.run(bench.answer(1), bench.notify(1))

    assert bench.wire.order() == ["answer", "news"]
    assert gaps(bench.wire.times()) == [1.02]


async def test_answers_overtake_notifications_that_wait() -> None:
    bench = Bench()
    notes = [bench.notify(chat) for chat in range(1, 85)]

    await bench.time.run(*notes, bench.answer(500, after=0.5))

    at = next(at for at, method in bench.wire.begun if getattr(method, "text", "") == "answer")
    assert at == 0.5
    assert bench.wire.times()[-1] > 2.9


async def test_notifications_of_many_chats_go_in_the_order_in_which_they_came() -> None:
    bench = Bench()

    await bench.time.run(*(bench.notify(chat, text=str(chat)) for chat in range(1, 61)))

    assert bench.wire.order() == [str(chat) for chat in range(1, 61)]


async def test_a_flooded_chat_delays_no_other() -> None:
    bench = Bench()

    await bench.time.run(*(bench.notify(1, 1, "flood") for _ in range(20)), *(bench.notify(n) for n in range(2, 12)))

    others = [at for at, method in bench.wire.begun if getattr(method, "text", "") == "news"]
    assert len(others) == 10
    assert others[-1] < 0.6


async def test_edits_count_in_their_chat() -> None:
    bench = Bench()
    edits = [bench.call(EditMessageText(chat_id=1, message_id=5, text=str(number))) for number in range(6)]

    await bench.time.run(*edits)

    assert bench.wire.times()[5] >= 5


async def test_answers_to_presses_and_typing_count_over_all_but_in_no_chat() -> None:
    bench = Bench()
    presses = [bench.call(AnswerCallbackQuery(callback_query_id="1")) for _ in range(20)]
    typing = [bench.call(SendChatAction(chat_id=1, action="typing")) for _ in range(11)]

    await bench.time.run(*presses, *typing)

    assert bench.wire.times()[:30] == [0] * 30
    assert bench.wire.times()[30] > 1


async def test_reading_and_settings_are_not_paced() -> None:
    bench = Bench()
    methods: list[TelegramMethod[Any]] = [GetUpdates(), GetMe(), SetMyCommands(commands=[])]

    await bench.time.run(*(bench.call(method) for _ in range(40) for method in methods))

    assert set(bench.wire.times()) == {0}


async def test_a_short_wait_that_telegram_asks_for_is_waited_out_once() -> None:
    bench = Bench()
    bench.wire.refusals = [4]

    await bench.time.run(bench.answer(1))

    assert bench.wire.times() == [0, 4]


@pytest.mark.parametrize("refusals", [[6], [2, 2]])
async def test_a_long_wait_or_a_second_one_is_the_callers_matter(refusals: list[int]) -> None:
    bench = Bench()
    bench.wire.refusals = refusals

    with pytest.raises(ExceptionGroup) as raised:
        await bench.time.run(bench.answer(1))

    assert raised.group_contains(TelegramRetryAfter)


async def test_a_notification_hears_of_every_wait() -> None:
    bench = Bench()
    bench.wire.refusals = [1]

    with pytest.raises(ExceptionGroup) as raised:
        await bench.time.run(bench.notify(1))

    assert raised.group_contains(TelegramRetryAfter)
    assert bench.wire.times() == [0]


async def test_a_turn_is_good_for_one_call() -> None:
    bench = Bench()

    async def twice() -> None:
        await bench.notify(1)
        for _ in range(5):
            await bench.answer(1)

    await bench.time.run(twice())

    assert bench.wire.times()[:5] == [0] * 5
    assert bench.wire.times()[5] >= 5


async def test_a_turn_that_led_to_nothing_holds_up_no_later_one() -> None:
    bench = Bench()

    async def unused() -> None:
        await bench.limiter.turn(1, group=False)

    async def later() -> None:
        await bench.time.sleep(0.1)
        await bench.notify(1)

    await bench.time.run(unused(), later())

    assert bench.wire.times() == [pytest.approx(0.1)]


async def test_a_request_that_begins_late_counts_from_when_it_begins() -> None:
    bench = Bench()

    async def slow() -> None:
        await bench.limiter.turn(1, group=False)
        await bench.time.sleep(0.9)
        await bench.call(SendMessage(chat_id=1, text="late"))
        await bench.notify(1)

    await bench.time.run(slow(), *(bench.notify(chat) for chat in range(2, 80)))

    assert gaps(bench.wire.times(1))[0] >= 1.02
    assert most_within(bench.wire.times(), 1) <= 28


async def test_turns_that_are_used_late_and_all_at_once_leave_no_room_for_others() -> None:
    bench = Bench()

    async def late(chat_id: int) -> None:
        await bench.limiter.turn(chat_id, group=False)
        await bench.time.sleep(5 - bench.time.now)
        await bench.call(SendMessage(chat_id=chat_id, text="late"))

    await bench.time.run(*(late(chat) for chat in range(1, 21)), *(bench.notify(chat, 3) for chat in range(100, 180)))

    assert bench.wire.times(1) == [5]
    assert most_within(bench.wire.times(), 1) <= 28


async def test_who_is_cancelled_while_waiting_leaves_no_trace() -> None:
    bench = Bench()
    bench.limiter = limiter = Limiter(clock=bench.time, sleep=asyncio.sleep)
    for _ in range(5):
        await bench.answer(1)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(limiter.turn(1, group=False))
        await asyncio.sleep(0)
        waiting.cancel()

    bench.time.now = 5.1
    await limiter.turn(1, group=False)

    assert limiter._waiting == []


async def test_chats_in_which_nothing_is_said_are_forgotten() -> None:
    bench = Bench()
    await bench.time.run(*(bench.answer(chat) for chat in range(1, 200)))

    bench.time.now += 100
    await bench.time.run(bench.answer(1000))

    assert set(bench.limiter._chats) == {1000}


@asynccontextmanager
async def strict_bot(time: SteppedTime) -> AsyncIterator[tuple[TelegramEmulator, Bot]]:
    start = 1_800_000_000.0
    async with TelegramEmulator(limits=Limits.strict(), now=lambda: start + time.now) as tg, bot_on(tg) as bot:
        yield tg, bot


async def test_telegram_at_its_strictest_refuses_none_of_a_hundred_and_twenty_notifications() -> None:
    time = SteppedTime()
    async with strict_bot(time) as (tg, bot):
        limiter = Limiter(clock=time, sleep=time.sleep)
        bot.session.middleware(limiter)
        people = [tg.person(f"Ann {number}", started=True) for number in range(25)]
        groups = [tg.group(f"Rockets {number}", members=[people[0]]) for number in range(5)]
        chats = [*((person.id, 4) for person in people), *((group.id, 4) for group in groups)]

        async def tell(chat_id: int, count: int) -> None:
            for number in range(count):
                await limiter.turn(chat_id, group=chat_id < 0)
                await bot.send_message(chat_id, f"news {number}")

        await time.run(*(tell(*chat) for chat in chats))

        calls = tg.server.requests_for("sendMessage")
        assert Counter(call.status for call in calls) == {200: 120}
        assert most_within([call.at for call in calls], 1) <= 28
        assert time.now < 15, "and it took no longer than it must"


def test_the_clock_of_these_tests_can_fail() -> None:
    assert most_within([0, 0.5, 1.0], 1) == 3
    assert most_within([0, 0.5, 1.01], 1) == 2
