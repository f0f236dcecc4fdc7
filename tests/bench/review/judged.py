"""What the analysers find of labelled cases: counts, and which were missed or wrongly found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from src.agent.findings import Analysis, Finding, Source
from src.agent.tools import analyze
from tests.bench.review.labels import Case


@dataclass
class Count:
    """One line of a table of cases.

    Attributes:
        wanted: cases in which something is to be found; `found` of them were.
        clean: cases in which nothing is to be found. `false`: of all cases, those with something where nothing was.
        others: cases that are not ours.
    """

    name: str
    wanted: int = 0
    found: int = 0
    clean: int = 0
    false: int = 0
    others: int = 0
    missed: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """All of them."""
        return self.wanted + self.clean

    @property
    def recall(self) -> float:
        """The part of the wanted ones that was found."""
        return self.found / self.wanted if self.wanted else 1.0

    @property
    def false_part(self) -> float:
        """False alarms for each case in which there could be one."""
        return self.false / self.cases if self.cases else 0.0

    def add(self, title: str, *, wanted: bool, found: bool, false: bool = False, ours: bool = False) -> None:
        """Count one case."""
        self.others += not ours
        if wanted:
            self.wanted += 1
            self.found += found
            if not found:
                self.missed.append(title)
        else:
            self.clean += 1
        if false:
            self.false += 1
            self.alarms.append(title)


async def findings_of(
    sources: Iterable[Source], *, target: str | None = None
) -> tuple[dict[str, list[Finding]], Analysis]:
    """The findings by path, and the whole of it. Equal paths are one file. `target`: the oldest Python that counts."""
    unique = {source.path: source for source in sources}
    analysis = await analyze(list(unique.values()), target=target)
    found: dict[str, list[Finding]] = {path: [] for path in unique}
    for each in analysis.findings:
        found[each.path].append(each)
    return found, analysis


def judge(rule: str, cases: Sequence[Case], found: dict[str, list[Finding]]) -> Count:
    """Count the cases of one rule."""
    count = Count(rule)
    for case in cases:
        here = found[case.source.path]
        count.add(
            case.title,
            wanted=case.must_speak,
            found=case.must_speak and case.found(here),
            false=case.is_false(here),
            ours=case.is_ours,
        )
    return count
