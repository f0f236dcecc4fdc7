"""The pacer of all Bot API calls, on a clock of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
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

from src.bot.limiter import Limiter, Past
from src.bot.limiter.queue import Queue
from src.bot.limiter.windows import Account
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
    bench.limiter = limiter = Limiter(clock=bench.time)
    for _ in range(5):
        await bench.answer(1)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(limiter.turn(1, group=False)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[2].cancel()
        await asyncio.sleep(0.01)
        bench.time.now = 5.1
        waiting[1].cancel()

    async with asyncio.timeout(5):
        await limiter.turn(1, group=False)

    assert not limiter._woken
    assert not limiter._alarms


async def test_chats_in_which_nothing_is_said_are_forgotten() -> None:
    bench = Bench()
    await bench.time.run(*(bench.answer(chat) for chat in range(1, 200)))

    bench.time.now += 100
    await bench.time.run(bench.answer(1000))

    assert len(bench.limiter._queue) == 1


@asynccontextmanager
async def strict_bot(time: SteppedTime) -> AsyncIterator[tuple[TelegramEmulator, Bot]]:
    start = 1_800_000_000.0
    async with TelegramEmulator(limits=Limits.strict(), now=lambda: start + time.now) as tg, bot_on(tg) as bot:
        yield tg, bot


async def test_telegram_at_its_strictest_refuses_none_of_a_hundred_and_twenty_notifications() -> None:
    time = SteppedTime()
    async with strict_bot(time) as (tg, bot):
        limiter = Limiter(clock=time, wait=time.wait)
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


async def test_answers_without_end_leave_notifications_their_share() -> None:
    bench = Bench()
    answers = [bench.answer(1000 + number % 200) for number in range(400)]

    await bench.time.run(*answers, *(bench.notify(chat) for chat in range(1, 31)))

    news = [at for at, method in bench.wire.begun if getattr(method, "text", "") == "news"]
    assert news[-1] <= 30 / 5 + 1.1, "five a second at least"
    assert most_within(bench.wire.times(), 1) <= 30


async def test_loud_goes_before_silent_and_silent_has_a_fifth() -> None:
    bench = Bench()
    silent = [bench.notify(chat, text="silent", loud=False) for chat in range(1, 201)]
    loud = [bench.notify(chat, text="loud") for chat in range(1001, 1101)]

    await bench.time.run(*silent, *loud)

    order = bench.wire.order()
    assert order[:10] == ["silent", *["loud"] * 4, "silent", *["loud"] * 4]
    assert order.index("silent", 125) == 125, "when no loud one is left the silent ones have it all"
    assert order[:125].count("silent") == 25


async def test_what_became_loud_while_it_waited_goes_as_loud() -> None:
    bench = Bench()

    async def hurried() -> None:
        await bench.time.sleep(0.1)
        bench.limiter.hurry(150)

    await bench.time.run(*(bench.notify(chat, text=str(chat), loud=False) for chat in range(1, 201)), hurried())

    assert bench.wire.order().index("150") <= 4


async def test_a_turn_that_is_too_old_is_waited_for_again() -> None:
    bench = Bench()

    async def late() -> None:
        await bench.limiter.turn(1, group=False)
        await bench.time.sleep(60 - bench.time.now)
        await bench.call(SendMessage(chat_id=1, text="late"))

    await bench.time.run(late(), *(bench.answer(100 + n, after=59.995) for n in range(60)))

    assert most_within(bench.wire.times(), 1) <= 30


@pytest.mark.parametrize("seed", range(6))
async def test_random_calls_keep_to_every_window_to_the_letter(seed: int) -> None:
    """Answers, edits, notifications used at once, late or never, refusals with retry_after."""
    bench, random = Bench(), Random(seed)  # noqa: S311 - a test's dice
    chats = [*range(1, 40), *range(-12, 0)]

    async def one() -> None:
        await bench.time.sleep(random.uniform(0, 90))
        chat = random.choice(chats) if random.random() < 0.8 else random.choice((1, -1))
        match random.randrange(8):
            case 0 | 1:
                with suppress(TelegramRetryAfter):
                    await bench.answer(chat)
            case 2:
                await bench.call(EditMessageText(chat_id=chat, message_id=1, text="edit"))
            case 3:
                await bench.call(AnswerCallbackQuery(callback_query_id="1"))
            case 4:
                await bench.limiter.turn(1000 + random.randrange(5), group=False)  # and nothing comes of it
            case 5:
                bench.wire.refuse(chat, random.choice((1, 3)))
                with suppress(TelegramRetryAfter):  # of a second refusal in a row, which is the caller's matter
                    await bench.answer(chat)
            case 6:
                await bench.notify(chat, loud=bool(random.randrange(2)))
            case _:
                await bench.limiter.turn(chat, group=chat < 0, loud=False)
                await bench.time.sleep(random.choice((0, 0.3, 12)))
                await bench.call(SendMessage(chat_id=chat, text="news"))

    await bench.time.run(*(one() for _ in range(1_500)))

    assert most_within(bench.wire.times(), 1) <= 30
    for chat in chats:
        count, window = (20, 60) if chat < 0 else (5, 5 - 1e-6)
        assert most_within(bench.wire.times(chat) or [0], window) <= count, chat


@pytest.mark.parametrize("seed", range(4))
async def test_cancelled_at_random_nobody_else_is_left_waiting_or_goes_too_soon(seed: int) -> None:
    bench, random = Bench(), Random(seed)  # noqa: S311 - a test's dice
    chats = [*range(1, 20), *range(-6, 0)]
    doomed: list[asyncio.Task[Any]] = []
    told: list[int] = []

    async def one(number: int) -> None:
        await bench.time.sleep(random.uniform(0, 60))
        task, chat, dies = asyncio.current_task(), random.choice(chats), random.random() < 0.4
        assert task is not None
        if dies:
            doomed.append(task)
        if random.random() < 0.5:
            await bench.notify(chat, loud=bool(random.randrange(2)))
        else:
            await bench.answer(chat)
        if task in doomed:
            doomed.remove(task)
        told.append(number)

    async def kill() -> None:
        for _ in range(600):
            await bench.time.sleep(random.uniform(0, 0.3))
            if doomed:
                doomed.pop(random.randrange(len(doomed))).cancel()
            if random.random() < 0.2:
                bench.limiter.hurry(random.choice(chats))

    await bench.time.run(kill(), *(one(number) for number in range(900)))

    assert 540 <= len(told) < 900
    assert most_within(bench.wire.times(), 1) <= 30
    for chat in chats:
        count, window = (20, 60) if chat < 0 else (5, 5 - 1e-6)
        assert most_within(bench.wire.times(chat) or [0], window) <= count, chat
    assert not bench.limiter._woken
    assert not bench.limiter._alarms
    queue = bench.limiter._queue
    assert not queue._pending
    assert not any(place.answers or place.notifications for place in queue._accounts.values())


@pytest.mark.parametrize("seed", range(4))
async def test_two_processes_one_after_the_other_keep_to_the_windows_of_one(seed: int) -> None:
    """A process is killed; another knows of it what stands in the database, and no more."""
    time, random = SteppedTime(), Random(seed)  # noqa: S311 - a test's dice
    dead, heir = Bench(time), Bench(time)
    chats = [*range(1, 40), *range(-12, 0)]
    killed_at = random.uniform(5, 30)
    news: list[tuple[float, int]] = []

    async def send(bench: Bench, chat: int, after: float) -> None:
        await time.sleep(after)
        await bench.limiter.turn(chat, group=chat < 0)
        if bench is dead and time.now > killed_at:
            return
        news.append((time.now, chat))
        await bench.call(SendMessage(chat_id=chat, text="news"))

    await time.run(*(send(dead, random.choice(chats), random.uniform(0, 40)) for _ in range(600)))
    time.now = killed_at
    heir.limiter.take_over(Past(chat, chat < 0, killed_at - at) for at, chat in news)
    dead_ones = [call for call in dead.wire.begun if call[0] <= killed_at]
    await time.run(
        *(send(heir, random.choice(chats), random.uniform(0, 20)) for _ in range(300)),
        *(heir.answer(random.choice(chats), after=random.uniform(0, 20)) for _ in range(100)),
    )

    both = [*dead_ones, *heir.wire.begun]
    assert heir.wire.times()[0] - dead_ones[-1][0] > 1
    assert most_within([at for at, _ in both], 1) <= 30
    for chat in chats:
        times = [at for at, method in both if getattr(method, "chat_id", None) == chat]
        count, window = (20, 60) if chat < 0 else (5, 5 - 1e-6)
        assert most_within(times or [0], window) <= count, chat


async def test_after_a_takeover_answers_come_in_no_bursts_for_as_long_as_the_others_may_count() -> None:
    """What the dead process answered stands nowhere: it may have used up a burst, of five or of twenty."""
    bench = Bench()
    bench.limiter.take_over(())

    await bench.time.run(*(bench.answer(1) for _ in range(6)), *(bench.answer(-1) for _ in range(25)))

    private, group = bench.wire.times(1), bench.wire.times(-1)
    assert min(gaps([at for at in private if at < 5])) >= 1.02
    assert min(gaps([at for at in group if at < 60])) >= 3.05
    assert len([at for at in group if at > 60]) == 5, "then as ever"


async def test_a_thousand_chats_that_wait_cost_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not seconds, which depend on the machine: how often a chat is looked at, for each message that goes."""
    bench, looks = Bench(), Counter[str]()
    look_at = Queue._look_at

    def counted(queue: Queue, place: Account, now: float) -> None:
        looks["chats"] += 1
        look_at(queue, place, now)

    monkeypatch.setattr(Queue, "_look_at", counted)

    await bench.time.run(*(bench.notify(chat) for chat in range(1, 1_001)))

    assert len(bench.wire.begun) == 1_000
    assert looks["chats"] < 10 * 1_000
