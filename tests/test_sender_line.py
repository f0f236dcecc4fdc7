"""Who is served when thousands of chats wait: places, turns, loud before silent, and nobody left out."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiogram.methods import SendMessage

from src.database.repositories.outgoing import Waiting
from src.webhook.notifier.line import Line
from tests.limiter_bench import Bench, most_within

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def chat(number: int, *, loud: bool = True, head: int | None = None, due: datetime = NOW) -> Waiting:
    return Waiting(number, number, is_group=False, head_id=head or number, due=due, loud=loud)


def ids(chats: list[Waiting]) -> list[int]:
    return [one.chat_id for one in chats]


def test_loud_ones_get_places_first_then_who_waits_longest() -> None:
    line = Line()
    waiting = [chat(1, loud=False), chat(2, head=9), chat(3, head=4), chat(4, due=NOW + timedelta(seconds=1))]
    assert ids(line.pick(waiting, NOW)) == [3, 2, 1]
    assert ids(line.pick(waiting, NOW + timedelta(seconds=1))) == [4], "the others have theirs"


def test_silent_chats_that_fill_their_places_keep_no_loud_one_out_nor_the_other_way_round() -> None:
    for crowd in (False, True):
        line = Line(places=8)
        assert len(line.pick([chat(number, loud=crowd) for number in range(100)], NOW)) == 6
        assert line.is_crowded
        others = [chat(number, loud=not crowd) for number in range(200, 210)]
        assert ids(line.pick(others, NOW)) == [200, 201]


def test_whoever_was_served_longest_ago_is_next() -> None:
    line = Line(places=4)
    waiting = [chat(number) for number in range(6)]
    served: list[int] = []
    for _ in range(4):
        picked = ids(line.pick(waiting, NOW))
        served += picked
        for number in picked:
            line.leave(number)
    assert served == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]


def test_who_got_something_loud_while_waiting_silently_is_hurried_once() -> None:
    line = Line()
    line.pick([chat(1, loud=False), chat(2, loud=False)], NOW)
    assert ids(line.hurried([chat(1), chat(2, loud=False), chat(3)])) == [1]
    assert line.hurried([chat(1)]) == []


@dataclass
class Play:
    """The sender's loop over an outbox in memory: `queues` by chat, each message loud or not; ids say how old."""

    bench: Bench = field(default_factory=Bench)
    line: Line = field(default_factory=lambda: Line(places=256))
    queues: dict[int, deque[tuple[int, bool]]] = field(default_factory=dict)
    told: dict[int, list[float]] = field(default_factory=dict)
    count: int = 0

    def put(self, number: int, *, loud: bool) -> None:
        self.count += 1
        self.queues.setdefault(number, deque()).append((self.count, loud))

    def waiting(self) -> list[Waiting]:
        return [
            Waiting(n, n, n < 0, queue[0][0], NOW, any(loud for _, loud in queue))
            for n, queue in self.queues.items()
            if queue
        ]

    async def serve(self, one: Waiting) -> None:
        number = one.chat_id
        while True:
            queue = self.queues[number]
            loud = any(is_loud for _, is_loud in queue)
            self.line.stays(Waiting(number, number, number < 0, queue[0][0], NOW, loud))
            await self.bench.limiter.turn(number, group=number < 0, loud=loud)
            await self.bench.call(SendMessage(chat_id=number, text="news"))
            queue.popleft()
            self.told.setdefault(number, []).append(self.bench.time.now)
            if not queue or self.line.is_crowded:
                break
        self.line.leave(number)

    async def run(self, *, then: dict[float, int] | None = None, until: float = 3_600) -> None:
        """Look ten times a second; at the moments in `then` something loud is queued for that chat."""
        later, time = sorted((then or {}).items()), self.bench.time

        async def look() -> None:
            while time.now < until and any(self.queues.values()):
                while later and later[0][0] <= time.now:
                    self.put(later.pop(0)[1], loud=True)
                waiting = self.waiting()
                for one in self.line.hurried(waiting):
                    self.bench.limiter.hurry(one.telegram_id)
                for one in self.line.pick(waiting, NOW):
                    time.start(self.serve(one))
                await time.sleep(0.1)
            for queue in self.queues.values():
                while len(queue) > 1:  # what is on its way ends
                    queue.pop()

        await time.run(look())


async def test_thousands_of_silent_chats_do_not_delay_a_loud_one() -> None:
    """More chats than places, groups among them that hold theirs for seconds; loud ones come behind them all."""
    play = Play()
    for number in range(1, 1_001):
        play.put(number if number % 4 else -number, loud=False)
    await play.run(then={1: 5_001, 2: 5_002, 5: 900}, until=12)

    assert play.told[5_001][0] - 1 < 0.5
    assert play.told[5_002][0] - 2 < 0.5
    assert play.told[900][0] - 5 < 5, "its own silent one goes first, as if it were loud"
    assert most_within(play.bench.wire.times(), 1) <= 28


async def test_a_chat_with_ten_thousand_waiting_keeps_no_other_waiting() -> None:
    play = Play(line=Line(places=8))
    for _ in range(10_000):
        play.put(1, loud=True)
    for number in range(2, 62):
        play.put(number, loud=True)
    await play.run(until=10)

    assert all(number in play.told for number in range(2, 62))
    assert max(play.told[number][0] for number in range(2, 62)) < 8


async def test_silent_ones_do_not_starve_while_loud_ones_never_end() -> None:
    play = Play()
    for number in range(1, 401):
        for _ in range(20):
            play.put(number, loud=True)
    for number in range(1_001, 1_051):
        play.put(number, loud=False)
    await play.run(until=20)

    assert all(number in play.told for number in range(1_001, 1_051)), "a fifth of 28 a second is for them"


async def test_of_many_groups_that_wait_for_their_three_seconds_none_is_left_out() -> None:
    """More groups than places, each with more than it is told soon: all get their first before some their fourth."""
    play = Play(line=Line(places=64))
    for number in range(1, 301):
        for _ in range(10):
            play.put(-number, loud=True)
    await play.run(until=30)

    assert len(play.told) == 300
    assert max(len(times) for times in play.told.values()) <= 6
