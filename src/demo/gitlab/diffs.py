"""GitLab's diffs of merge requests: their versions, what of them is shown, which lines they have.

GitLab's documentation: "Merge requests API" (diffs, versions), "Diff limits administration".
"""

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from src.demo.forge.contents import changed
from src.demo.forge.history import tree_at
from src.demo.forge.records import Change
from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Project, PullRequest, Version
from src.demo.gitlab.access import Access, not_found
from src.demo.gitlab.shapes.rest import MOST_FILES
from src.demo.gitlab.shapes.words import iso
from src.demo.gitlab.versions import note_version

Json = dict[str, Any]


class DiffLine(NamedTuple):
    """A line of a diff: ``" "``, ``"+"`` or ``"-"``, and how far both sides had come. A side counts on past it."""

    mark: str
    old: int
    new: int

    def code(self, path: str) -> str:
        """GitLab's name of it."""
        return f"{hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()}_{self.old}_{self.new}"


class Diffs(Access):
    """The diffs over HTTP. The limits are GitLab's own defaults; a tenth of them is shown unfolded."""

    most_files = MOST_FILES
    most_lines = 50_000
    largest_patch = 200 * 1024  # bytes

    def diff_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a project."""
        pull = r"/merge_requests/{pull:\d+}"
        return [
            ("GET", f"{pull}/diffs", self._diffs), ("GET", f"{pull}/changes", self._changes),
            ("GET", f"{pull}/versions", self._versions),
            ("GET", rf"{pull}/versions/{{version:\d+}}", self._one_version),
        ]  # fmt: skip

    def pull_of(self, call: Call, need: int = 0) -> tuple[Project, PullRequest]:
        """The merge request of the path."""
        project = self.project(call, need)
        pull = project.pulls.get(int(call.part("pull")))
        if pull is None:
            raise not_found()
        return project, pull

    def changes_at(self, project: Project, pull: PullRequest, version: Version) -> list[Change]:
        """The files of a version."""
        if not pull.from_files or version.head_sha == pull.head_sha:
            return pull.changes
        return list(changed(tree_at(project, version.base_sha), tree_at(project, version.head_sha)))

    def shown_files(self, project: Project, pull: PullRequest) -> list[Json]:
        """The files in the order of their paths; what is beyond a tenth of a limit is folded, its diff left empty."""
        lines, found = 0, list[Json]()
        for place, one in enumerate(pull.changes[: self.most_files]):
            patch = one.patch or ""
            size, length = len(patch.encode()), patch.count("\n")
            too_large = size > self.largest_patch or (one.patch is None and not pull.from_files)
            lines += 0 if too_large else length
            full = place * 10 >= self.most_files or lines * 10 > self.most_lines
            folded = not too_large and bool(patch) and (full or size * 10 > self.largest_patch)
            shape = self.shapes.diff(project, pull, one) | {"too_large": too_large, "collapsed": folded}
            found.append(shape | ({"diff": ""} if too_large or folded else {}))
        return found

    def _diffs(self, call: Call) -> Answer:
        return self.page(call, self.shown_files(*self.pull_of(call)), lambda shape: shape)

    def _changes(self, call: Call) -> Answer:
        project, pull = self.pull_of(call)
        files = {"changes": self.shown_files(project, pull), "overflow": len(pull.changes) > self.most_files}
        return Answer(self.shapes.merge_request(project, pull) | files)

    def _versions(self, call: Call) -> Answer:
        project, pull = self.pull_of(call)
        note_version(self.world, project, pull)
        return self.page(call, pull.versions[::-1], lambda version: self._version_shape(pull, version))

    def _one_version(self, call: Call) -> Answer:
        project, pull = self.pull_of(call)
        found = next((one for one in pull.versions if one.id == int(call.part("version"))), None)
        if found is None:
            raise not_found()
        files = [self.shapes.diff(project, pull, one) for one in self.changes_at(project, pull, found)]
        return Answer(self._version_shape(pull, found) | {"commits": [], "diffs": files})

    def _version_shape(self, pull: PullRequest, version: Version) -> Json:
        return {
            "id": version.id, "head_commit_sha": version.head_sha, "base_commit_sha": version.base_sha,
            "start_commit_sha": version.start_sha, "created_at": iso(version.at), "merge_request_id": pull.id,
            "state": "collected", "real_size": str(len(pull.changes)), "patch_id_sha": None,
        }  # fmt: skip


def diff_lines(patch: str | None) -> Iterator[DiffLine]:
    """The lines of all hunks; what is no hunk's head is counted, not guessed."""
    old = new = 0
    left = [0, 0]
    for text in (patch or "").split("\n"):
        if left == [0, 0]:
            if not text.startswith("@@ "):
                continue
            (old, before), (new, after) = (_span(word) for word in text.split(" ")[1:3])
            left = [before, after]
        elif text[:1] != "\\":
            mark = text[:1] or " "
            yield DiffLine(mark, old, new)
            old, left[0] = (old, left[0]) if mark == "+" else (old + 1, left[0] - 1)
            new, left[1] = (new, left[1]) if mark == "-" else (new + 1, left[1] - 1)


def _span(word: str) -> tuple[int, int]:
    """First line and number of lines of ``-3,4``."""
    first, _, count = word[1:].partition(",")
    return int(first), int(count or 1)
