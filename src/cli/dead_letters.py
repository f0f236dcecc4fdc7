"""`dead-letters`: what was given up, shown, tried again, or dropped."""

import json
import textwrap
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from src.cli.opening import Refused, opened
from src.config import Settings
from src.database.database import Database
from src.database.models import utc_now
from src.database.repositories import dead_letters, event_log
from src.database.repositories.dead_letters import Kind, Letter, Sieve

_WIDTH = 80
_SHOWN = 20  # of what stays, one by one
_INDENT = " " * 4
_LETTERS = {Kind.DELIVERY: "d", Kind.MESSAGE: "m", Kind.JOB: "j"}
_BATCH = 500  # rows in one transaction: the writer is not held up for long


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line: which letters, and what to do with them."""

    action: str  # list, retry, drop
    ids: tuple[tuple[str, int], ...] = ()
    kind: str | None = None
    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    limit: int | None = None
    yes: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it. `stay` are those that cannot be tried again."""

    counts: dict[Kind, int]
    stay: tuple[Letter, ...]


async def deal_with(settings: Settings, asked: Asked) -> int:
    """Run the command; prints what there is or what was done. Raises `Refused`. Exit code 1: some named ones stay."""
    now = utc_now()
    sieves = _sieves(asked, now)
    async with opened(settings) as database:
        await _check_ids(database, sieves, asked, now)
        match asked.action:
            case "list":
                return await _list(database, sieves, asked, now)
            case "retry":
                done = await _change(database, sieves, now, drop=False)
            case "drop":
                await _check_consent(database, sieves, asked)
                done = await _change(database, sieves, now, drop=True)
            case _:
                raise ValueError(asked.action)
    word = "dropped" if asked.action == "drop" else "queued again"
    print(json.dumps(_as_json(done), indent=2) if asked.json else _as_text(done, word))
    return 1 if done.stay and asked.ids else 0


def name_of(letter: Letter) -> str:
    """Its id as it is shown and asked for."""
    return f"{_LETTERS[letter.kind]}{letter.id}"


def _sieves(asked: Asked, now: datetime) -> tuple[Sieve, ...]:
    """One for each kind that is meant."""
    before = None if asked.older_than is None else now - asked.older_than
    after = None if asked.newer_than is None else now - asked.newer_than
    sieves = []
    for kind, letter in _LETTERS.items():
        ids = frozenset(number for word, number in asked.ids if word == letter) if asked.ids else None
        if (asked.kind is None or asked.kind == kind.value) and (ids is None or ids):
            sieves.append(Sieve(kind, ids, before, after))
    return tuple(sieves)


async def _check_ids(database: Database, sieves: Sequence[Sieve], asked: Asked, now: datetime) -> None:
    """Who names an id and gets nothing has mistyped it, or comes too late: nothing is done then."""
    if not asked.ids:
        return
    found = {name_of(letter) async for letter in _all(database, sieves, now)}
    absent = [f"{word}{number}" for word, number in asked.ids if f"{word}{number}" not in found]
    if absent:
        are = "is no dead letter" if len(absent) == 1 else "are no dead letters"
        also = " of this kind and age" if asked.kind or asked.older_than or asked.newer_than else ""
        raise Refused(f"{', '.join(absent)} {are}{also}: `python main.py dead-letters list` shows those that are.")


async def _check_consent(database: Database, sieves: Sequence[Sieve], asked: Asked) -> None:
    if asked.ids or asked.yes:
        return
    async with database.read() as session:
        total = sum([await dead_letters.count(session, sieve) for sieve in sieves])
    if total:
        raise Refused(f"This would drop {_counted(total)} for good: name them by their ids, or say --yes.")


async def _all(database: Database, sieves: Sequence[Sieve], now: datetime) -> AsyncIterator[Letter]:
    for sieve in sieves:
        after = 0
        while True:
            async with database.read() as session:
                found = await dead_letters.page(session, sieve, now=now, after_id=after, limit=_BATCH)
            for letter in found:
                yield letter
            if len(found) < _BATCH:
                break
            after = found[-1].id


async def _change(database: Database, sieves: Sequence[Sieve], now: datetime, *, drop: bool) -> Done:
    """A batch in each transaction; what is dealt with is no dead letter any more, so that it can be begun again."""
    counts: dict[Kind, int] = {}
    stay: list[Letter] = []
    for sieve in sieves:
        after = 0
        while True:
            async with database.write() as session:
                found = await dead_letters.page(session, sieve, now=now, after_id=after, limit=_BATCH)
                kept = [] if drop else [letter for letter in found if letter.stays is not None]
                ids = [letter.id for letter in found if letter not in kept]
                if drop:
                    changed = await dead_letters.drop(session, sieve.kind, ids)
                else:
                    changed = await dead_letters.retry(session, sieve.kind, ids, now)
            stay += kept
            counts[sieve.kind] = counts.get(sieve.kind, 0) + changed
            if len(found) < _BATCH:
                break
            after = found[-1].id
    await _log(database, counts, now, outcome="dropped" if drop else "requeued")
    return Done(counts, tuple(stay))


async def _log(database: Database, counts: dict[Kind, int], now: datetime, *, outcome: str) -> None:
    said = ", ".join(f"{count} {kind.value}" for kind, count in counts.items() if count)
    if said:
        async with database.write() as session:
            await event_log.add(session, kind="dead_letters", outcome=outcome, message=said, now=now)


# What is printed


async def _list(database: Database, sieves: Sequence[Sieve], asked: Asked, now: datetime) -> int:
    letters: list[Letter] = []
    async with database.read() as session:
        total = sum([await dead_letters.count(session, sieve) for sieve in sieves])
        for sieve in sieves:
            letters += await dead_letters.page(session, sieve, now=now, limit=asked.limit or _BATCH)
    letters = sorted(letters, key=lambda letter: letter.since)[: asked.limit]
    more = total - len(letters)
    if asked.json:
        print(json.dumps({"dead_letters": [_letter_as_json(letter) for letter in letters], "more": more}, indent=2))
    elif letters:
        print("\n\n".join(_shown(letter, now) for letter in letters))
        print(f"\n{_counted(total)}" + (f", {more} not shown: --limit {total}" if more else ""))
    else:
        print("No dead letters." if asked == Asked("list", limit=asked.limit) else "No dead letters match.")
    return 0


def _shown(letter: Letter, now: datetime) -> str:
    """Some lines for one: id, age and what it is; the reason; what stands against trying it again."""
    of = f" of {letter.project}" if letter.project else ""
    head = f"{name_of(letter)}  {_age(now - letter.since)} old  {letter.what}{of}"
    tried = f" ({letter.attempts} attempts)" if letter.attempts > 1 else ""
    lines = [head, f"{letter.state}: {letter.reason or 'no reason was noted'}{tried}"]
    if letter.stays:
        lines.append(f"stays: {letter.stays}")
    return "\n".join(
        textwrap.fill(_plain(line), _WIDTH, initial_indent=_INDENT if index else "", subsequent_indent=_INDENT)
        for index, line in enumerate(lines)
    )


def _plain(text: str) -> str:
    """Without what would move the cursor or colour the terminal: forges' words come from outside."""
    return "".join(character if character.isprintable() else " " for character in text)


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _counted(total: int) -> str:
    return "1 dead letter" if total == 1 else f"{total} dead letters"


def _as_text(done: Done, word: str) -> str:
    said = [f"{count} {kind.value}" for kind, count in done.counts.items() if count]
    lines = [f"{', '.join(said)} {word}." if said else "Nothing to do."]
    lines += [
        textwrap.fill(f"{name_of(letter)} stays: {letter.stays}", _WIDTH, subsequent_indent=_INDENT)
        for letter in done.stay[:_SHOWN]
    ]
    if len(done.stay) > _SHOWN:
        lines.append(f"{len(done.stay) - _SHOWN} more stay; `dead-letters list` says why.")
    return "\n".join(lines)


def _as_json(done: Done) -> dict[str, Any]:
    return {
        "done": {kind.value: count for kind, count in done.counts.items()},
        "stay": [{"id": name_of(letter), "why": letter.stays} for letter in done.stay],
    }


def _letter_as_json(letter: Letter) -> dict[str, Any]:
    return {
        "id": name_of(letter),
        "kind": letter.kind.value,
        "state": letter.state,
        "since": letter.since.isoformat(),
        "what": letter.what,
        "project": letter.project,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "stays": letter.stays,
    }
