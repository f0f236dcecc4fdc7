"""Pull requests that cards are about: found, or opened where there is none."""

from collections.abc import Callable

from src.demo import reviewed
from src.demo.forge.history import tree_at
from src.demo.forge.state import PullRequest
from src.demo.playground.gallery.registry import COLLEAGUE, Deed

_TITLES = (
    "Show the fuel in litres",
    "Fold the landing legs",
    "Count down aloud",
    "Paint the fins",
    "Warm up the pumps",
)


def is_unasked(pull: PullRequest) -> bool:
    """Whoever was asked once, alone or in a team, is not told again."""
    return not pull.reviewers and not pull.teams and not pull.reviews


def open_pulls(deed: Deed, author: str) -> list[PullRequest]:
    """Those of one author, newest first."""
    return [p for p in reversed(deed.project.pulls.values()) if p.state == "open" and p.author == author]


async def pull_of(deed: Deed, author: str, fits: Callable[[PullRequest], bool] = lambda _: True) -> PullRequest:
    """The author's newest open pull request that fits; where there is none, it is opened."""
    found = next((pull for pull in open_pulls(deed, author) if fits(pull)), None)
    return found if found is not None else await open_pull(deed, author)


async def open_pull(deed: Deed, author: str, *, body: str = "") -> PullRequest:
    """A new one, with a branch of its own."""
    count = len(deed.project.pulls)
    title = _TITLES[count % len(_TITLES)]
    branch = f"{title.lower().replace(' ', '-')}-{count + 1}"
    number = await deed.forge.open_pull_request(
        deed.path, author, title, body=body, source=branch, target=deed.project.default_branch,
        files={"engine/gauge.py": b"LITRES = %d\n" % (count + 40)},
    )  # fmt: skip
    return deed.project.pulls[number]


async def pull_with_problems(deed: Deed) -> PullRequest:
    """Carl's newest one that has every problem that reviews look for; where there is none, it is opened."""
    broken = reviewed.FILES[reviewed.CONSOLE]
    found = (p for p in open_pulls(deed, COLLEAGUE) if p.title == reviewed.TITLE)
    return next((p for p in found if _text(deed, p) == broken), None) or await open_with_problems(deed)


async def open_with_problems(deed: Deed) -> PullRequest:
    """A new one, opened by Carl."""
    number = await deed.forge.open_pull_request(
        deed.path, COLLEAGUE, reviewed.TITLE, source=f"gauge-{len(deed.project.pulls) + 1}",
        target=deed.project.default_branch, files=reviewed.FILES,
    )  # fmt: skip
    return deed.project.pulls[number]


def _text(deed: Deed, pull: PullRequest) -> bytes | None:
    """The file with the syntax error as it stands now."""
    blob = tree_at(deed.project, pull.head_sha).get(reviewed.CONSOLE)
    return None if blob is None else blob.data


async def break_pipeline(deed: Deed, pull: PullRequest) -> None:
    """Its pipeline fails, with two jobs."""
    jobs = ["unit tests", "lint"]
    await deed.forge.run_pipeline(
        deed.path, COLLEAGUE, pull.source, "failed", failed_jobs=jobs, pull_request=pull.number
    )


def is_broken(deed: Deed, pull: PullRequest) -> bool:
    """Whether the last of its pipelines failed."""
    runs = [run for run in deed.project.runs.values() if run.branch == pull.source]
    return bool(runs) and runs[-1].status == "failed"
