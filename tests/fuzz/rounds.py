"""Rounds of mutated requests: posted, worked off, rendered; and what came of them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from src.events import DEFAULT_NAMES, Event, Person, dump, load
from src.forge import UnknownEvent, Unparsable
from src.forges import FORGE_TYPES
from src.i18n import languages
from src.webhook.personalized_handlers import Facts, Reader, recipients
from src.webhook.reasons import Reason, ReasonVia
from src.webhook.render import render
from tests.fuzz import bodies, heads
from tests.fuzz.bodies import Case
from tests.fuzz.stage import SECRET, Stage, resident, stage
from tests.fuzz.wire import Wire, once
from tests.payloads import sign_github

AT_ONCE = 16
PART = 2_500  # cases between two looks at memory
_WORKED_OFF = 10  # of so many cases one goes through the worker, too: that takes ten times as long
_ROUND = 400  # cases between two waits for the worker
_UNSIGNED = 20  # every so many bodies are sent without a signature, too
_LONGEST = 4096  # UTF-16 units of a message
_READERS = [
    Reader(
        subscription_id=number,
        chat_id=number,
        topic_id=0,
        is_private_chat=scope == "mine",
        scope=scope,
        names=DEFAULT_NAMES,
        levels={},
        account_id=number,
        person=Person(id="103", login="carl"),
        emails=frozenset({"carl@example.com"}),
    )
    for number, scope in enumerate(("mine", "all"))
]
_WHY = [ReasonVia(reason=reason, via="acme/core") for reason in Reason]


@dataclass
class Outcome:
    """What came of all cases so far."""

    answers: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  # of deliveries, and of parsing
    findings: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # MiB after each part
    seconds: float = 0.0
    slowest: float = 0.0  # of one case

    def found(self, what: str, number: int) -> None:
        """Something that must not be."""
        self.findings.append(f"case {number}: {what}")

    def report(self, name: str, cases: int) -> str:
        """One line for people."""
        memory = " ".join(f"{size:.0f}" for size in self.memory)
        return (
            f"{cases} mutated {name} in {self.seconds:.0f} s ({cases / self.seconds:.0f}/s): answers "
            f"{dict(sorted(self.answers.items()))}, ends {dict(sorted(self.ends.items()))}, "
            f"slowest {self.slowest:.2f} s, resident {memory} MiB, {len(self.findings)} findings"
        )


async def mutated_bodies(seed: int, cases: int, folder: Path) -> Outcome:
    """Signed after they were mutated, so that they get past verification: 202, then parsed, decided and rendered."""
    outcome = Outcome()
    async for playing, numbers in _parts(outcome, cases, folder):
        async with _wires(playing.port) as wires:
            for start in range(numbers.start, numbers.stop, _ROUND):
                waiting = [bodies.case(seed, n) for n in range(start, min(start + _ROUND, numbers.stop))]
                await asyncio.gather(
                    *(_post(playing, wire, waiting[i::AT_ONCE], outcome) for i, wire in enumerate(wires))
                )
                for case in waiting:
                    _read(case, outcome)
                if playing.works:
                    await playing.settled()
    return outcome


async def mutated_heads(seed: int, cases: int, folder: Path) -> Outcome:
    """Request lines, headers and framing, each on a connection of its own."""
    outcome, now = Outcome(), time.time()
    async for playing, numbers in _parts(outcome, cases, folder):
        for start in range(numbers.start, numbers.stop, _ROUND):
            calls = [
                heads.call(seed, n, playing.paths, SECRET, now) for n in range(start, min(start + _ROUND, numbers.stop))
            ]
            await asyncio.gather(*(_call(playing, calls[i::AT_ONCE], outcome) for i in range(AT_ONCE)))
            if playing.works:
                await playing.settled()
    return outcome


async def _count(playing: Stage, outcome: Outcome) -> None:
    for state, count in (await playing.states()).items():
        outcome.ends["stored" if state == "new" else f"delivery {state}"] += count


async def _parts(outcome: Outcome, cases: int, folder: Path) -> AsyncIterator[tuple[Stage, range]]:
    """The cases part by part: the first tenth on a program that works them off, all others on one that takes them in.

    The second is the same process from then on, however many there are: what it holds must not grow with their number.
    """
    began, worked = time.monotonic(), cases // _WORKED_OFF
    for works, numbers in ((True, range(worked)), (False, range(worked, cases))):
        with TemporaryDirectory(dir=folder) as place:
            async with stage(Path(place), works=works) as playing:
                for start in range(numbers.start, numbers.stop, PART):
                    yield playing, range(start, min(start + PART, numbers.stop))
                    if not works:
                        outcome.memory.append(resident())
                await _count(playing, outcome)
            outcome.findings += [f"logged from case {numbers.start} on: {text}" for text in playing.errors.records]
    outcome.seconds = time.monotonic() - began


@asynccontextmanager
async def _wires(port: int) -> AsyncIterator[list[Wire]]:
    wires = [Wire(port) for _ in range(AT_ONCE)]
    try:
        yield wires
    finally:
        for wire in wires:
            wire.close()


# ---------------------------------------------------------------------------------------------------
# Bodies


async def _post(playing: Stage, wire: Wire, cases: list[Case], outcome: Outcome) -> None:
    for case in cases:
        await _ask(playing, wire, case, outcome, 202, signed=True)
        if case.number % _UNSIGNED == 0:
            await _ask(playing, wire, case, outcome, 401, signed=False)


async def _ask(playing: Stage, wire: Wire, case: Case, outcome: Outcome, wanted: int, *, signed: bool) -> None:
    began = time.monotonic()
    try:
        status = await wire.ask(_raw(playing.paths[case.kind], case, signed=signed))
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        outcome.found(type(error).__name__, case.number)
        wire.close()
        return
    outcome.slowest = max(outcome.slowest, time.monotonic() - began)
    outcome.answers[str(status)] += 1
    if status != wanted:
        outcome.found(f"answered {status}", case.number)


def _raw(path: str, case: Case, *, signed: bool) -> bytes:
    headers = {"Host": "relay", "Content-Type": case.content_type, "Content-Length": str(len(case.body))}
    if case.kind == "github":
        headers |= {"X-GitHub-Event": case.event, "X-GitHub-Delivery": f"fuzz-{case.number}"}
        headers |= sign_github(case.body, SECRET if signed else "another")
    else:
        headers |= {"X-Gitlab-Event": case.event, "Idempotency-Key": f"fuzz-{case.number}"}
        headers |= {"X-Gitlab-Token": SECRET if signed else "another"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + case.body


def _read(case: Case, outcome: Outcome) -> None:
    """Parse it here, too, so that a crash has a number; and render whatever it means, in all languages."""
    header = "x-github-event" if case.kind == "github" else "x-gitlab-event"
    began = time.monotonic()
    try:
        events = FORGE_TYPES[case.kind].codec.parse({header: case.event, "content-type": case.content_type}, case.body)
    except (UnknownEvent, Unparsable) as error:
        outcome.ends[f"parsed: {type(error).__name__}"] += 1
        return
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        outcome.found(f"parse raised {error!r}"[:500], case.number)
        return
    outcome.ends["parsed: events" if events else "parsed: nothing to tell"] += 1
    for event in events:
        try:
            recipients(event, _READERS, Facts())
            _render(event, case.kind)
        except Exception as error:  # noqa: BLE001 - as above
            outcome.found(f"{type(event).__name__}: {error!r}"[:500], case.number)
    outcome.slowest = max(outcome.slowest, time.monotonic() - began)


def _render(event: Event, kind: str) -> None:
    assert load(dump(event)) == event, "stored and read again it is another"
    for language in languages():
        notification = render(event, _WHY, language=language, words=FORGE_TYPES[kind])
        text, entities = notification.content.render()
        size = len(text.encode("utf-16-le")) // 2
        assert 0 < size <= _LONGEST, f"{size} units"
        assert all(entity.offset >= 0 and entity.offset + entity.length <= size for entity in entities), (
            "entities outside"
        )
        text.encode()


# ---------------------------------------------------------------------------------------------------
# Heads

# What the relay says by itself, and what its HTTP server says to what is no HTTP.
_RELAYS = (202, 400, 401, 404, 413, 415)
_SERVERS = (*_RELAYS, 200, 405, 411, 417, 501, 505)
_UNSUPPORTED = (501, 505)


async def _call(playing: Stage, calls: list[heads.Call], outcome: Outcome) -> None:
    for call in calls:
        began = time.monotonic()
        try:
            status = await once(playing.port, call.raw, is_whole=call.is_whole)
        except (TimeoutError, OSError) as error:
            outcome.found(type(error).__name__, call.number)
            continue
        outcome.slowest = max(outcome.slowest, time.monotonic() - began)
        outcome.answers[str(status)] += 1
        if status is None:
            if call.is_http:
                outcome.found("closed without an answer", call.number)
        elif status not in (_RELAYS if call.is_http else _SERVERS):
            outcome.found(f"answered {status}", call.number)
