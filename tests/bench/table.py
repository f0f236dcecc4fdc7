"""Figures: measured in turns with their reference, shown as one table, written to ``build/bench.json``.

A module of `tests.bench` measures some of them in ``async def measure(asked: Asked) -> list[Figure]``; its name stands
in `tests.bench.__main__`.
"""

import json
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 5
FILE = Path(__file__).parents[2] / "build" / "bench.json"

Run = Callable[[], Awaitable[float]]  # one measurement, made anew from the ground


@dataclass(frozen=True)
class Asked:
    """How much to measure.

    Attributes:
        folder: an empty one, removed afterwards.
        long: a million rows instead of a hundred thousand, and whatever else takes its time.
    """

    folder: Path
    long: bool = False
    rounds: int = ROUNDS


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        reference: what was measured in turns with it, in the same unit; `None` where there is nothing to compare with.
        ratio: the median of each round's own value / reference: what slows the machine down does so to both.
        promise: what was promised of it, in words; `kept` says whether that holds.
        note: what else was seen meanwhile.
    """

    name: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None
    promise: str = ""
    kept: bool = True
    note: str = ""


async def in_turns(runs: Mapping[str, Run], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Every run once a round, forwards and backwards by turns: whatever drifts does so for all."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            found[name].append(await runs[name]())
    return found


def figure(
    name: str,
    unit: str,
    values: Sequence[float],
    reference: Sequence[float] | None = None,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    note: str = "",
) -> Figure:
    """The medians of what was measured in turns. The bounds are of the ratio; without a reference, of the value."""
    value = statistics.median(values)
    ratio = None
    if reference is not None:
        ratio = statistics.median(one / other for one, other in zip(values, reference, strict=True))
    judged = value if ratio is None else ratio
    words, kept = [], True
    if at_least is not None:
        words.append(f"at least {at_least:g}")
        kept = judged >= at_least
    if at_most is not None:
        words.append(f"at most {at_most:.3g}")
        kept = kept and judged <= at_most
    return Figure(
        name=name,
        value=value,
        unit=unit,
        reference=None if reference is None else statistics.median(reference),
        ratio=ratio,
        promise=", ".join(words),
        kept=kept,
        note=note,
    )


def write(figures: Sequence[Figure], file: Path = FILE) -> None:
    """Into the file, beside the figures that were not measured this time."""
    known = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for each in figures:
        known[each.name] = {
            "value": each.value,
            "unit": each.unit,
            "reference": each.reference,
            "ratio": each.ratio,
        }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def table(figures: Sequence[Figure]) -> str:
    """One line for each, its columns aligned."""
    rows = [("figure", "value", "unit", "reference", "ratio", "promised", "")]
    for each in figures:
        promised = f"{each.promise} {'kept' if each.kept else 'BROKEN'}" if each.promise else ""
        rows.append(
            (each.name, _short(each.value), each.unit, _short(each.reference), _ratio(each.ratio), promised, each.note)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in {1, 3, 4} else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join([*cells, row[6]]).rstrip())
    return "\n".join(lines)


def _short(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
