"""How many findings are still known as the same ones: what `settle` makes of threads on the version before."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from src.agent.findings import Finding, Source
from src.agent.fingerprints import identify, marker
from src.agent.limits import Limits
from src.agent.threads import Files, Poster, settle
from src.agent.tools import analyze
from src.events import Person
from src.forge import Remark, ReviewThread

_BOT = Person(id="1", login="assistant")
_POSTER = Poster(ids=frozenset({"1"}))

Where = Mapping[int, int]  # the new line's number by the old one's, of lines that stayed the same


@dataclass(frozen=True)
class Version:
    """A file as it was at one time, and what is found in it."""

    path: str
    data: bytes
    findings: Sequence[Finding]


class Table:
    """Findings whose lines stayed, and those of them that were recognised, by package."""

    def __init__(self) -> None:
        self._unchanged: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._by_line: Counter[str] = Counter()

    @property
    def unchanged(self) -> int:
        """Findings that are there before and after, on a line that stayed."""
        return self._unchanged.total()

    @property
    def kept(self) -> float:
        """The share of these that the thread begun on them tells of, in the package where it is least."""
        return min(self._kept[package] / unchanged for package, unchanged in self._unchanged.items())

    def add(self, package: str, before: Version, after: Version, where: Where) -> None:
        """Count one file. Each finding before has a thread; each after is wanted."""
        told = _told(before, after)
        there = Counter(_key(finding, finding.line) for finding in after.findings)
        for number, finding in enumerate(before.findings):
            expected = _key(finding, where.get(finding.line, 0))
            if there[expected] <= 0:
                continue  # the line was changed, or what is elsewhere made the finding go
            there[expected] -= 1
            self._unchanged[package] += 1
            self._kept[package] += told.get(number) == expected
            self._by_line[package] += before.path == after.path and where[finding.line] == finding.line

    def show(self, title: str) -> None:
        """Print the counts; the last column is what path and line alone would have kept."""
        print(f"\n{title}\n{'':<12}{'unchanged':>10}{'kept':>10}{'':>9}{'by line':>10}")
        for package in [*self._unchanged, ""]:
            columns = (
                sum(count for name, count in counts.items() if package in (name, ""))
                for counts in (self._unchanged, self._kept, self._by_line)
            )
            unchanged, kept, by_line = columns
            share = f"{kept / max(unchanged, 1):.2%}"
            print(f"{package or 'all':<12}{unchanged:>10}{kept:>10}{share:>9}{by_line / max(unchanged, 1):>10.2%}")


async def findings_of(files: Mapping[str, bytes]) -> Mapping[str, Sequence[Finding]]:
    """What the analysers find in these files, by path; every file is read."""
    sources = [Source(path=path, data=data) for path, data in files.items()]
    analysis = await analyze(sources, limits=Limits(seconds=600, run_seconds=300))  # a busy machine is no reason
    assert analysis.unread == ()
    by_path: dict[str, list[Finding]] = defaultdict(list)
    for finding in analysis.findings:
        by_path[finding.path].append(finding)
    return by_path


def _told(before: Version, after: Version) -> Mapping[int, tuple[str, str, int]]:
    """What the thread of each finding before, by number, tells of after."""
    threads = [
        ReviewThread(
            id=str(number),
            path=before.path,
            remarks=(Remark(id="r", author=_BOT, body=marker(known.fingerprint)),),
            resolved=False,
        )
        for number, known in enumerate(identify(before.findings, [Source(path=before.path, data=before.data)]))
    ]
    wanted = identify(after.findings, [Source(path=after.path, data=after.data)])
    files = Files(paths=frozenset({after.path}))  # nobody says what a renamed file was called at the push before
    settled = settle(wanted, threads, _POSTER, files, at_most=len(wanted))
    return {int(told.thread.id): _key(told.known.finding, told.known.finding.line) for told in settled.kept}


def _key(finding: Finding, line: int) -> tuple[str, str, int]:
    return finding.rule, finding.symbol, line
