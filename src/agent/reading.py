"""What a review reads of a pull request: the repository's settings, the files at the head, what is new in them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from src.agent import left_out, repo_settings, toml_text
from src.agent.diffs import CutShort, Patch
from src.agent.findings import Source, Unread, Why
from src.agent.left_out import LeftOut
from src.agent.repo_settings import RepoSettings
from src.agent.rules import RULES
from src.forge import FileContent, FileDiff, FileKind, ForgeClient, ProjectRef, RemotePullRequest

MOST_FILES = 3_000  # of one pull request; GitHub shows no more either
MOST_BYTES = 96 * 1024 * 1024  # of all its files: what is read of a pull request is held until it is reviewed
_AT_ONCE = 200  # files
_PYPROJECT = "pyproject.toml"
_RULES = frozenset(rule.name for rule in RULES)
_LONGEST = 100  # characters of a specifier of versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the base branch says of reviews: read before anything else, and never from the pull request's own branch."""

    settings: RepoSettings
    target: str | None  # `requires-python` of the project, e.g. ">=3.11"


@dataclass(slots=True, kw_only=True)
class Reading:
    """A pull request as far as it is analysed. Every changed file is in one of the last three, or has only gone."""

    pull: RemotePullRequest
    files: tuple[FileDiff, ...]
    patches: dict[str, Patch] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    @property
    def added(self) -> dict[str, frozenset[int]]:
        """The lines that the pull request brings, by path."""
        return {path: patch.added for path, patch in self.patches.items()}


async def ground(client: ForgeClient, project: ProjectRef, pull: RemotePullRequest) -> Ground:
    """Read what holds on the branch that the pull request is for. One request."""
    if pull.target_branch is None:
        return Ground(settings=RepoSettings(), target=None)
    found = await client.contents(project, (repo_settings.NAME, _PYPROJECT), pull.target_branch)
    settings, pyproject = (_data(found.get(name)) for name in (repo_settings.NAME, _PYPROJECT))
    # In a thread: of long files it takes a moment, in which others are served.
    return await asyncio.to_thread(
        lambda: Ground(settings=repo_settings.read(settings, _RULES), target=_target(pyproject))
    )


async def read(
    client: ForgeClient,
    project: ProjectRef,
    pull: RemotePullRequest,
    settings: RepoSettings,
    *,
    reads: Callable[[str], bool],
) -> Reading:
    """Read what the pull request changes. A request for each hundred files, and for each hundred of their diffs.

    `reads`: whether anything looks into files of this name; of others none is missed for its size.
    """
    files = await client.diff(project, pull.number)
    reading = Reading(pull=pull, files=files)
    total = max(len(files), pull.changed_files or 0)
    if total > min(len(files), MOST_FILES):
        detail = f"{min(len(files), MOST_FILES)} of {total}"
        reading.unread.append(Unread(path="", why=Why.TOO_MANY, detail=detail))
    kept = []
    for file in files[:MOST_FILES]:
        if file.status == "removed":
            continue
        why = left_out.by_path(file.path, settings)
        if why is None and file.generated and not settings.includes_path(file.path):
            why = LeftOut.GENERATED
        if why is None:
            kept.append(file)
        else:
            reading.left_out[file.path] = why
    if kept and pull.head_sha is not None:
        taken: list[FileDiff] = []
        for begin in range(0, len(kept), _AT_ONCE):
            some = kept[begin : begin + _AT_ONCE]
            if sum(len(source.data) for source in reading.sources) > MOST_BYTES:
                reading.unread += (Unread(path=file.path, why=Why.TOO_MANY) for file in some if reads(file.path))
                continue
            found = await client.contents(project, [file.path for file in some], pull.head_sha)
            taken += (file for file in some if _take(reading, file, found.get(file.path), settings, reads))
        await _compare(client, project, reading, taken)
    return reading


def _take(
    reading: Reading, file: FileDiff, content: FileContent | None, settings: RepoSettings, reads: Callable[[str], bool]
) -> bool:
    """Whether the file is to be analysed; where it is not, the reading says why."""
    if content is None:
        reading.unread.append(Unread(path=file.path, why=Why.CUT_SHORT))
        return False
    if content.kind is not FileKind.FILE:
        return False  # where a link points, or which commit a submodule is at, is no code
    why = None if settings.includes_path(file.path) or not content.generated else LeftOut.GENERATED
    is_read = reads(file.path)
    if why is None and content.binary and not is_read:
        why = LeftOut.BINARY
    if why is None and content.data is not None and not settings.includes_path(file.path):
        why = left_out.by_content(file.path, content.data, is_read=is_read)
    if why is not None:
        reading.left_out[file.path] = why
        return False
    if content.data is None:
        if content.binary:  # nearly always of a NUL, which no parser takes; but nobody saw the bytes
            reading.unread.append(Unread(path=file.path, why=Why.UNREADABLE, detail="binary to the forge"))
        elif is_read:
            detail = "" if content.size is None else str(content.size)
            reading.unread.append(Unread(path=file.path, why=Why.TOO_LARGE, detail=detail))
        return False
    reading.sources.append(Source(path=file.path, data=content.data))
    return True


async def _compare(client: ForgeClient, project: ProjectRef, reading: Reading, files: list[FileDiff]) -> None:
    """Find out what is new in each file: as the forge shows it, else by comparing what it was with what it is."""
    untold = []
    for file in files:
        patch = _shown(file)
        if patch is None:
            untold.append(file)
        else:
            reading.patches[file.path] = patch
    if not untold:
        return
    changed = [file for file in untold if file.status != "added"]
    old: Mapping[str, FileContent] = {}
    if changed:
        base = await client.merge_base(project, reading.pull)
        old = await client.contents(project, [file.old_path for file in changed], base)
    now = {source.path: source.data for source in reading.sources}
    for file in untold:
        before = b"" if file.status == "added" else _data(old.get(file.old_path))
        if before is None:
            reading.unread.append(Unread(path=file.path, why=Why.CUT_SHORT))
        # In a thread: it takes up to a second, and there may be many.
        patch = Patch() if before is None else await asyncio.to_thread(Patch.between, before, now[file.path])
        reading.patches[file.path] = patch


def _shown(file: FileDiff) -> Patch | None:
    """The file's diff as far as the forge shows it whole."""
    try:
        return None if file.patch is None else Patch.parse(file.patch)
    except CutShort:
        return None


def _data(content: FileContent | None) -> bytes | None:
    return None if content is None or content.kind is not FileKind.FILE else content.data


def _target(pyproject: bytes | None) -> str | None:
    """What the project's metadata says of Python's versions; what cannot be read says nothing."""
    try:
        project = toml_text.parsed(pyproject or b"").get("project")
    except (ValueError, RecursionError):
        return None
    wanted = project.get("requires-python") if isinstance(project, dict) else None
    return wanted if isinstance(wanted, str) and len(wanted) <= _LONGEST else None
