"""``python -m tests.bench.review [NAME ...]``: what reviews find, say wrongly, and how fast (`make bench-review`)."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import table as figures_table
from tests.bench.review import bandit_corpus, corpora, labels, naming_corpus, posted, report, speed, syntax_corpus
from tests.bench.review.judged import Count, findings_of, judge
from tests.bench.table import Figure

RECALL, FALSE = 0.95, 0.02  # promised of each rule
CASES, OTHERS = 40, 20  # at least so many, and so many of them from the standard library
EXAMPLES = 304  # of CPython's 308 examples of bad syntax
ROUNDS = 3


@dataclass
class Found:
    """What one part found out. `kept`: whether what is promised of a count holds, by its name."""

    versions: dict[str, str] = field(default_factory=dict)
    counts: list[Count] = field(default_factory=list)
    kept: dict[str, bool] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether everything that is promised here holds."""
        return all(self.kept.values()) and all(one.kept for one in self.figures)


async def _labels(_rounds: int) -> Found:
    """Every rule over its labelled cases."""
    library = corpora.library()
    found = Found(versions={"libpython3.11-testsuite": library.version})
    for rule in labels.RULES:
        cases, gone = labels.references(rule, library)
        cases += labels.snippets(rule)
        spoken, _ = await findings_of(case.source for case in cases)
        count = judge(rule, cases, spoken)
        enough = count.cases >= CASES and count.others >= OTHERS
        found.counts.append(count)
        found.kept[rule] = enough and count.recall >= RECALL and count.false_part <= FALSE
        found.notes += [f"{rule}: not in {library.version} any more: {each}" for each in gone]
    return found


async def _corpora(_rounds: int) -> Found:
    """Cases that others wrote."""
    library = corpora.library()
    sdists = corpora.sdists()
    found = Found(versions={"libpython3.11-testsuite": library.version})
    for name, folder in sdists.items():
        package, _, version = name.rpartition("-")
        found.versions[package] = version
        found.counts += await (naming_corpus if package == "pep8-naming" else bandit_corpus).measure(folder)
    examples, good, unread = await syntax_corpus.measure(library)
    found.counts += [examples, good]
    found.kept = {examples.name: examples.found >= EXAMPLES and not examples.false, good.name: not good.false}
    found.notes = [f"not read, and told so: {each}" for each in unread]
    return found


async def _speed(rounds: int) -> Found:
    """Beside bare ruff, and beside flake8."""
    with tempfile.TemporaryDirectory() as folder:
        return Found(figures=await speed.measure(corpora.library(), Path(folder), rounds))


async def _posted(rounds: int) -> Found:
    """A whole review, on the demo's forges."""
    return Found(figures=await posted.measure(corpora.library(), rounds))


PARTS = {"labels": _labels, "corpora": _corpora, "speed": _speed, "posted": _posted}  # in this order


def main(arguments: Sequence[str]) -> int:
    """Measure, print, write; 1 where a promise is broken, 2 where a corpus is out of reach."""
    parser = argparse.ArgumentParser(prog="tests.bench.review", description="Measures the reviews.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="the median of so many runs (default: %(default)s)")
    parser.add_argument("--show", choices=labels.RULES, help="print the labelled lines of a rule, and end")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(PARTS)):
        parser.error(f"no such part: {', '.join(unknown)}")
    try:
        if asked.show:
            _show(asked.show)
            return 0
        parts = [_measured(name, asked.rounds) for name in asked.names or PARTS]
    except corpora.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    for part in parts:
        _print(part)
        report.write(part.versions, part.counts, part.figures)
    print("\nSeconds are of this machine as busy as it is; only ratios count. Again: make bench-review")
    print(f"written to {report.FILE.relative_to(Path.cwd())}" if report.FILE.is_relative_to(Path.cwd()) else "")
    return 0 if all(part.is_kept for part in parts) else 1


def _measured(name: str, rounds: int) -> Found:
    began = time.monotonic()
    found = asyncio.run(PARTS[name](rounds))
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def _print(part: Found) -> None:
    print()
    if part.versions:
        print("from " + ", ".join(f"{name} {version}" for name, version in part.versions.items()))
    if part.counts:
        print(report.table(part.counts, part.kept))
        print(report.mistakes(part.counts))
    if part.figures:
        print(figures_table.table(part.figures))
    print("\n".join(part.notes), end="\n" if part.notes else "")


def _show(rule: str) -> None:
    """The library's lines as they are labelled."""
    library = corpora.library()
    for row in labels.rows(rule):
        line = labels.text_of(row, library)
        print(f"{row[0]:<5}{row[1]} {row[2]}{' ' + row[5] if row[5:] and row[5] else ''}: {line}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
