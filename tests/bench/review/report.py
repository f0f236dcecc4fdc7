"""The tables of `make bench-review`, and ``build/bench-review.json``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.review.judged import Count
from tests.bench.table import Figure

FILE = Path(__file__).parents[3] / "build" / "bench-review.json"
_SHOWN = 12


def table(counts: Sequence[Count], judged: Mapping[str, bool]) -> str:
    """One line for each count. `judged`: of those of which something is promised, whether it is kept."""
    rows: list[tuple[str, ...]] = [
        ("", "cases", "not ours", "wanted", "found", "recall", "false", "of all", "promised")
    ]
    for each in counts:
        kept = judged.get(each.name)
        word = "" if kept is None else "kept" if kept else "BROKEN"
        numbers = (each.cases, each.others, each.wanted, each.found)
        recall = f"{each.recall:.3f}" if each.wanted else "-"
        rows.append((each.name, *map(str, numbers), recall, str(each.false), f"{each.false_part:.3f}", word))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    return "\n".join(lines)


def mistakes(counts: Sequence[Count]) -> str:
    """The cases that were missed or wrongly found, by name; where there are many, the file has the rest."""
    lines = []
    for each in counts:
        for word, titles in (("missed", each.missed), ("false", each.alarms)):
            lines += [f"{each.name}: {word}: {title}" for title in titles[:_SHOWN]]
            if len(titles) > _SHOWN:
                lines.append(f"{each.name}: {word}: and {len(titles) - _SHOWN} more, see {FILE.name}")
    return "\n".join(lines)


def write(versions: Mapping[str, str], counts: Sequence[Count], figures: Sequence[Figure], file: Path = FILE) -> None:
    """Into the file, beside what was not measured this time."""
    known: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    known["corpora"] = {**known.get("corpora", {}), **versions}
    cases = known.setdefault("cases", {})
    for each in counts:
        cases[each.name] = {
            "cases": each.cases,
            "not_ours": each.others,
            "wanted": each.wanted,
            "found": each.found,
            "recall": round(each.recall, 4),
            "false": each.false,
            "false_part": round(each.false_part, 4),
            "missed": each.missed,
            "alarms": each.alarms,
        }
    measured = known.setdefault("figures", {})
    for one in figures:
        measured[one.name] = {"value": one.value, "unit": one.unit, "reference": one.reference, "ratio": one.ratio}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", "utf-8")
