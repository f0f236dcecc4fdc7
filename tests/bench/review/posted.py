"""One review of a pull request of twenty files: from the forge's webhook to what stands on the pull request."""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.review import speed
from tests.bench.review.corpora import Library
from tests.bench.table import Figure, figure
from tests.review_stage import CHOSEN, Reviews, reviewing

FILES, MANY = 20, 100
SECONDS = 2.0
MORE = 4  # requests that read, for eighty files more: a page of each kind of thing
_SIZES = range(4_000, 16_000)  # bytes of an ordinary module


@dataclass(frozen=True)
class Reviewed:
    """What one review took.

    Attributes:
        passed: seconds by the clock.
        worked: seconds of processors in all processes, the demo's forge included.
        asked: the requests that the forge got.
    """

    passed: float
    worked: float
    asked: list[str]

    @property
    def alone(self) -> float:
        """Seconds at most when nobody else uses the machine: in so many one processor does all of the work."""
        return min(self.passed, self.worked)

    @property
    def reads(self) -> int:
        """Requests that post nothing. GraphQL is read by POST; it also resolves, which a first review does not."""
        return sum(each.startswith("GET ") or each.endswith("/graphql") for each in self.asked)


async def measure(library: Library, rounds: int) -> list[Figure]:
    """Seconds and requests of a review on each forge, and how many requests more five times the files take."""
    modules = [each.data for each in speed.files(library) if len(each.data) in _SIZES]
    found = []
    for kind, name in (("github", "GitHub"), ("gitlab", "GitLab")):
        with tempfile.TemporaryDirectory() as folder:
            async with reviewing(Path(folder), kind) as stage:
                await stage.life.follow("ann", *CHOSEN)
                await _review(stage, modules[-FILES:], "warm")  # the first one imports and opens what all others use
                runs = [await _review(stage, modules[turn * FILES :][:FILES], f"turn{turn}") for turn in range(rounds)]
                many = await _review(stage, modules[:MANY], "many")
        passed, worked = (statistics.median(getattr(one, each) for one in runs) for each in ("passed", "worked"))
        requests, reads = len(runs[0].asked), runs[0].reads
        found += [
            figure(
                f"{name}: {FILES} files, webhook to review",
                "s",
                [one.alone for one in runs],
                at_most=SECONDS,
                note=f"{passed:.2f} s passed, {worked:.2f} s of processors",
            ),
            figure(f"{name}: {FILES} files, requests", "requests", [float(requests)], note=f"{reads} of them read"),
            figure(f"{name}: {MANY} files, more to read", "requests", [float(many.reads - reads)], at_most=MORE),
        ]
    return found


async def _review(stage: Reviews, modules: list[bytes], where: str) -> Reviewed:
    """Open a pull request with these files as new ones, and wait until its review is posted."""
    files = {f"{where}/part{number:03}.py": data for number, data in enumerate(modules)}
    since, began, work = len(stage.life.forge.requests), time.perf_counter(), speed.worked()
    number = await stage.open(files)
    await stage.settle()
    taken = Reviewed(time.perf_counter() - began, speed.worked() - work, stage.asked(since))
    if not stage.threads(number) or not await stage.summaries(number):
        raise RuntimeError(f"nothing was posted: {await stage.states()}")
    return taken
